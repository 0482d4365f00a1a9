/* SPDX-License-Identifier: Apache-2.0 */
/* encode - RFC 2047 encoded words, "Q" encoding */
#include "mime/encode.h"

#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"

enum { WORD_MAX = 75 };	/* RFC 2047 section 2 */

/* Bytes of the character at s, so that none is cut between two words. */
static size_t
char_len(const char *s, size_t n)
{
	size_t len = 1;

	while (len < n && ((unsigned char)s[len] & 0xc0) == 0x80 && len < 4)
		len++;
	return len;
}

static bool
is_plain(unsigned char c)	/* RFC 2047 section 5 (3) */
{
	return ascii_is_alnum(c) || (c != 0 && strchr("!*+-/", c) != NULL);
}

static size_t
encoded_len(const char *s, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += is_plain((unsigned char)s[i]) || s[i] == ' ' ? 1 : 3;
	return len;
}

void
encode_phrase(struct strbuf *out, const char *name, const char *charset)
{
	size_t n = strlen(name), line = 0, head = strlen(charset) + 7;

	if (ascii_is_all(name, n)) {
		addr_quote_phrase(out, name);
		return;
	}
	if (ascii_casecmp(charset, "utf-8") == 0 && !utf8_is_valid(name, n)) {
		charset = "unknown-8bit";
		head = strlen(charset) + 7;
	}
	strbuf_addf(out, "=?%s?Q?", charset);
	for (size_t i = 0, len; i < n; i += len) {
		len = char_len(name + i, n - i);
		if (line + encoded_len(name + i, len) + head > WORD_MAX) {
			strbuf_addf(out, "?=\n =?%s?Q?", charset);
			line = 0;
		}
		line += encoded_len(name + i, len);
		for (size_t k = 0; k < len; k++) {
			unsigned char c = (unsigned char)name[i + k];

			if (c == ' ')
				strbuf_addc(out, '_');
			else if (is_plain(c))
				strbuf_addc(out, (char)c);
			else
				strbuf_addf(out, "=%02X", c);
		}
	}
	strbuf_adds(out, "?=");
}
