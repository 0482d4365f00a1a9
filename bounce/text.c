/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of reports: folding, cleaning, lists of words, VERP addresses. */
#include <string.h>

#include "base/ascii.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "bounce.h"

enum { WIDTH = 79, INDENT = 4, LINE_MAX_BYTES = 900 };

void
text_fold(const char *text, text_line_fn *fn, void *arg)
{
	AUTO(strbuf_done) struct strbuf line = STRBUF_INIT(LINE_MAX_BYTES + INDENT + 1);
	size_t indent = 0;

	while (*text != '\0') {
		size_t blanks = strspn(text, " \t"), word = strcspn(text + blanks, " \t");

		/* RFC 5322 section 2.1.1: no line over 998, so a word without end is cut */
		if (word > LINE_MAX_BYTES - WIDTH)
			word = LINE_MAX_BYTES - WIDTH;
		if (line.len > indent && line.len + blanks + word > WIDTH) {
			fn(arg, line.s, line.len);
			strbuf_reset(&line);
			strbuf_adds(&line, "    ");
			indent = INDENT;
			blanks = strspn(text, " \t");
			text += blanks;
			blanks = 0;
			if (*text == '\0')
				break;
		}
		strbuf_add(&line, text, blanks + word);
		text += blanks + word;
	}
	if (line.len > indent || indent == 0)
		fn(arg, line.s, line.len);
}

const char *
text_clean(struct pool *pool, const char *s)
{
	char *c = pool_strdup(pool, s);

	for (char *p = c; *p != '\0'; p++)
		if (ascii_is_cntrl((unsigned char)*p))
			*p = '?';
	return c;
}

bool
text_is_word_in(const char *list, const char *word)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);

	return strvec_split(&v, list, ", \t\r\n") == 0 && strvec_hasi(&v, word);
}

const char *
text_verp(struct pool *pool, const char *delims, const char *sender, const char *rcpt)
{
	const char *s_at = strrchr(sender, '@'), *r_at = strrchr(rcpt, '@');
	size_t s_len = s_at != NULL ? (size_t)(s_at - sender) : strlen(sender);
	size_t r_len = r_at != NULL ? (size_t)(r_at - rcpt) : strlen(rcpt);

	if (strlen(delims) != 2)
		return sender;
	return pool_printf(pool, "%.*s%c%.*s%c%s%s", (int)s_len, sender, delims[0], (int)r_len, rcpt, delims[1],
	    r_at != NULL ? r_at + 1 : "", s_at != NULL ? s_at : "");
}
