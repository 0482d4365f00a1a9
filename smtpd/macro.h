/* SPDX-License-Identifier: Apache-2.0 */
/*
 * macro - $name, ${name}, $(name), ${name?text} and ${name:text} in reply templates: default_rbl_reply, smtpd_reject_footer
 *
 * Values come from the session, so from strangers: bytes that smtpd_expansion_filter does not list become '_'.
 */
#ifndef SMTPD_MACRO_H
#define SMTPD_MACRO_H

#include "smtpd/smtpd.h"

enum { MACRO_DEPTH = 5 };	/* texts within texts */

/* Macros of the caller before those of the session (client, sender, helo_name, server_name ...). */
struct macro {
	const char *name, *value;
};
/* Appends text with its macros; names that nobody knows stay as they are.  "\n" (two characters) is a line end. */
void macro_expand(struct session *s, const char *text, const struct macro *more, size_t n_more, struct strbuf *out);
/* smtpd_expansion_filter with its escapes undone; borrowed until smtpd_close(). */
void macro_filter_set(const char *escaped);

#endif
