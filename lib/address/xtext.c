/* SPDX-License-Identifier: Apache-2.0 */
/* xtext - encoding and decoding of ESMTP parameter values (RFC 3461 section 4, RFC 6533 section 3) */
#include "address/xtext.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

void
xtext_encode(struct strbuf *out, const char *s, const char *special)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < '!' || c > '~' || c == '+' || c == '=' || (special != NULL && strchr(special, c) != NULL))
			strbuf_addf(out, "+%02X", c);
		else
			strbuf_addc(out, *s);
	}
}

int
xtext_decode(struct strbuf *out, const char *s, struct err *err)
{
	for (; *s != '\0'; s++) {
		int c = (unsigned char)*s;

		if (c == '+') {
			int hi = ascii_hexval((unsigned char)s[1]), lo = hi >= 0 ? ascii_hexval((unsigned char)s[2]) : -1;

			if (lo < 0)
				return err_set(err, ERR_PERM, "5.5.4", "'+' without two hexadecimal digits");
			c = hi * 16 + lo;
			s += 2;
		}
		if (ascii_is_cntrl(c))
			return err_set(err, ERR_PERM, "5.5.4", "control character in xtext");
		strbuf_addc(out, (char)c);
	}
	return out->overflow ? err_set(err, ERR_PERM, "5.5.4", "value too long") : 0;
}

/* One character of UTF-8: its value, and how many bytes it has; bytes that are none count as themselves. */
static uint32_t
utf8_next(const char *s, size_t *n)
{
	const unsigned char *p = (const unsigned char *)s;

	*n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
	if (*n > strlen(s) || !utf8_is_valid(s, *n))
		*n = 1;
	switch (*n) {
	case 2: return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3fu);
	case 3: return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3fu);
	case 4: return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3fu);
	default: return p[0];
	}
}

static void
utf8_put(struct strbuf *out, uint32_t c)
{
	if (c < 0x80) {
		strbuf_addc(out, (char)c);
	} else if (c < 0x800) {
		strbuf_addc(out, (char)(0xc0 | c >> 6));
		strbuf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		strbuf_addc(out, (char)(0xe0 | c >> 12));
		strbuf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		strbuf_addc(out, (char)(0xf0 | c >> 18));
		strbuf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		strbuf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		strbuf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

void
uxtext_encode(struct strbuf *out, const char *s)
{
	while (*s != '\0') {
		size_t n;
		uint32_t c = utf8_next(s, &n);

		if (c < '!' || c > '~' || c == '+' || c == '=' || c == '\\')
			strbuf_addf(out, "\\x{%02X}", (unsigned)c);
		else
			strbuf_addc(out, (char)c);
		s += n;
	}
}

/* HEXPOINT of RFC 6533: at s behind "\x{"; 0 when it is none. */
static uint32_t
hexpoint(const char *s, size_t *used)
{
	uint32_t c = 0;
	size_t i;

	for (i = 0; i < 6 && ascii_hexval((unsigned char)s[i]) >= 0; i++)
		c = c * 16 + (uint32_t)ascii_hexval((unsigned char)s[i]);
	if (i < 2 || s[i] != '}' || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*used = i + 1;
	return c;
}

int
uxtext_decode(struct strbuf *out, const char *s, struct err *err)
{
	while (*s != '\0') {
		size_t used = 0;
		uint32_t c;

		if (*s != '\\') {
			if (ascii_is_cntrl((unsigned char)*s))
				return err_set(err, ERR_PERM, "5.5.4", "control character in address");
			strbuf_addc(out, *s++);
			continue;
		}
		if (s[1] != 'x' || s[2] != '{' || (c = hexpoint(s + 3, &used)) == 0 || ascii_is_cntrl((int)c))
			return err_set(err, ERR_PERM, "5.5.4", "bad \\x{...} in address");
		utf8_put(out, c);
		s += 3 + used;
	}
	return out->overflow ? err_set(err, ERR_PERM, "5.5.4", "value too long") : 0;
}
