/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"

#include <string.h>

int
ascii_hexval(int c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
ascii_ncasecmp(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int d = ascii_lower((unsigned char)a[i]) - ascii_lower((unsigned char)b[i]);

		if (d != 0 || a[i] == '\0')
			return d;
	}
	return 0;
}

int
ascii_casecmp(const char *a, const char *b)
{
	return ascii_ncasecmp(a, b, SIZE_MAX);
}

void
ascii_lower_str(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)ascii_lower((unsigned char)*s);
}

void
ascii_upper_str(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)ascii_upper((unsigned char)*s);
}

/* Length of the UTF-8 character at s (RFC 3629: shortest form, no surrogates), or 0. */
static size_t
utf8_char(const unsigned char *s, size_t n)
{
	unsigned c = s[0];
	size_t len;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f) || (c == 0xf0 && s[1] < 0x90) ||
	    (c == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

bool
utf8_is_valid(const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = utf8_char((const unsigned char *)s + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

bool
ascii_is_all(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] > 127)
			return false;
	return true;
}

void
ascii_printable(char *s, bool utf8)
{
	size_t n = strlen(s), len;

	for (size_t i = 0; i < n; i += len) {
		len = 1;
		if ((unsigned char)s[i] > 127) {
			len = utf8 ? utf8_char((const unsigned char *)s + i, n - i) : 0;
			if (len == 0) {
				s[i] = '?';
				len = 1;
			}
		} else if (ascii_is_cntrl(s[i])) {
			s[i] = '?';
		}
	}
}

char *
ascii_trim(char *s)
{
	size_t n;

	while (ascii_is_space((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n > 0 && ascii_is_space((unsigned char)s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

int
num_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (!ascii_is_digit((unsigned char)*s) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -1;
	}
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

int
num_parse_i64(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t u;
	int64_t v;

	if (num_parse_u64(s + negative, 0, INT64_MAX, &u) < 0)
		return -1;
	v = negative ? -(int64_t)u : (int64_t)u;
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}
