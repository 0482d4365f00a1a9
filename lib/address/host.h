/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host - names and addresses of hosts as they appear in mail: validity, address literals, international names
 *
 * Names are without a dot at the end.  A literal is "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3).
 */
#ifndef ADDRESS_HOST_H
#define ADDRESS_HOST_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

enum { HOST_NAME_LEN = 255, HOST_LABEL_LEN = 63, HOST_ADDR_SIZE = 46 };

/* Letters, digits, '-' and '_' in labels of 1-63, not all numbers; bytes above 127 are not taken (see host_to_ascii).  why,
 * when not NULL, gets a text for a log when the answer is no. */
bool host_is_name(const char *name, const char **why);
bool host_is_ipv4(const char *s);		/* four decimal numbers 0-255, the first not 0 */
bool host_is_ipv6(const char *s);		/* no zone, no brackets */
bool host_is_addr(const char *s);		/* one of both */
/* "[1.2.3.4]", "[IPv6:::1]" (prefix in any case): 0 and the bare address, IPv6 in its shortest spelling; -1: no literal. */
NODISCARD int host_literal_parse(const char *literal, char out[static HOST_ADDR_SIZE]);
/* The address as a literal, appended to out. */
void host_literal_add(struct strbuf *out, const char *addr);
/* Name with bytes above 127 to ASCII (IDNA 2008, UTS 46 non-transitional), appended to out; ASCII names are copied in lower case.
 * -1: not a name. */
NODISCARD int host_to_ascii(const char *name, struct strbuf *out, struct err *err);
/* The other way, for names that are IDNA; a name that is not is copied as it is. */
void host_to_utf8(const char *name, struct strbuf *out);

#endif
