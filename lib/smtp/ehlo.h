/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ehlo - the service extensions a server of ours can name, and lists of them in the configuration (smtpd_discard_ehlo_keywords)
 */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include "base/attr.h"
#include "base/strbuf.h"

enum {
	SMTP_EXT_PIPELINING = 1 << 0, SMTP_EXT_SIZE = 1 << 1, SMTP_EXT_VRFY = 1 << 2, SMTP_EXT_ETRN = 1 << 3, SMTP_EXT_STARTTLS = 1 << 4,
	SMTP_EXT_AUTH = 1 << 5, SMTP_EXT_XVERP = 1 << 6, SMTP_EXT_XCLIENT = 1 << 7, SMTP_EXT_XFORWARD = 1 << 8,
	SMTP_EXT_ENHANCEDSTATUSCODES = 1 << 9, SMTP_EXT_8BITMIME = 1 << 10, SMTP_EXT_DSN = 1 << 11, SMTP_EXT_SMTPUTF8 = 1 << 12,
	SMTP_EXT_CHUNKING = 1 << 13, SMTP_EXT_REQUIRETLS = 1 << 14,
	SMTP_EXT_SILENT = 1 << 15,	/* the word silent-discard: do not log what is left out */
};
/* Names separated by blanks and commas, any case.  Words that are no keyword are appended to unknown (may be NULL), ", " between. */
unsigned smtp_ehlo_mask(const char *list, struct strbuf *unknown);
/* Name of the lowest bit of mask, and the bit; NULL when mask is empty. */
const char *smtp_ehlo_name(unsigned mask, unsigned *bit);

#endif
