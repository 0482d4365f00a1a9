/* SPDX-License-Identifier: Apache-2.0 */
/* answer - formats replies of an SMTP server, many lines or one, safely for any text. */
#include "smtp/answer.h"

#include <string.h>

#include "base/ascii.h"
#include "base/strbuf.h"

static void
answer_line(struct stream *s, int code, const char *dsn, const char *text, size_t n, char sep, int flags)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(SMTP_ANSWER_LINE + 64);
	size_t start;

	(void)strbuf_addf(&b, "%03d%c", code, sep);
	if (dsn != NULL && dsn[0] != 0)
		(void)strbuf_addf(&b, "%s ", dsn);
	start = b.len;
	(void)strbuf_add(&b, text, n < SMTP_ANSWER_LINE ? n : SMTP_ANSWER_LINE);
	ascii_printable(b.s + start, (flags & SMTP_ANSWER_UTF8) != 0);
	(void)strbuf_adds(&b, "\r\n");
	(void)!stream_write(s, b.s, b.len, NULL);	/* a broken connection shows at the next read or flush */
}

void
smtp_answer(struct stream *s, int code, const char *dsn, const char *text, int flags)
{
	for (;;) {
		size_t n = strcspn(text, "\n");
		bool more = text[n] != 0;

		answer_line(s, code, dsn, text, n, more ? '-' : ' ', flags);
		if (!more)
			return;
		text += n + 1;
	}
}
