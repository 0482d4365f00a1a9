/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xtext - the encoding of ESMTP parameter values (RFC 3461 section 4; RFC 6533 section 3 for UTF-8 addresses)
 */
#ifndef ADDRESS_XTEXT_H
#define ADDRESS_XTEXT_H

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

/* Appends to out: bytes outside '!'..'~', '+' and '=', and those in special (may be NULL), become +XX. */
void xtext_encode(struct strbuf *out, const char *s, const char *special);
/* 0, or -1 (ERR_PERM): '+' without two hex digits behind it, or a byte that decodes to a control character. */
NODISCARD int xtext_decode(struct strbuf *out, const char *s, struct err *err);
/* utf-8-addr-xtext: \x{HEX} for what is not printable ASCII, and for '\', '+' and '='. */
void uxtext_encode(struct strbuf *out, const char *s);
NODISCARD int uxtext_decode(struct strbuf *out, const char *s, struct err *err);

#endif
