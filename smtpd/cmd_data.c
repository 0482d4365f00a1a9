/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_data - DATA: RFC 5321 section 4.1.1.4. */
#include "smtpd/smtpd.h"

#include "base/clock.h"

/* Everything up to the end of data.  0, or -1 when the session is over. */
static int
receive(struct session *s)
{
	struct err err = ERR_INIT;
	enum smtp_data_result r;
	size_t n, used;
	const char *p;

	s->deadline_ms = clock_mono_ms() + conf.timeout_ms;
	content_time(s, 0);
	for (;;) {
		p = stream_peek(s->st, &n);
		r = smtp_data_feed(&s->data, p, n, &used, content_piece, s);
		stream_consume(s->st, used);
		s->content_octets = s->data.octets;
		if (r != SMTP_DATA_MORE)
			break;
		content_time(s, used);
		if (stream_fill(s->st, &err) != 1) {
			content_lost(s, &err);
			return -1;
		}
	}
	if (r == SMTP_DATA_END)
		return 0;
	content_bare_lf(s);
	return -1;
}

int
cmd_data(struct session *s, char *args)
{
	int rc;

	if (*args != 0)
		return reply(s, 501, "5.5.4", "Syntax: DATA");
	if (access_data(s) < 0) {
		(void)reply_verdict(s);
		return -1;
	}
	content_begin(s, true);
	(void)reply(s, 354, NULL, "End data with <CR><LF>.<CR><LF>");
	s->in_content = true;
	rc = receive(s);
	if (rc == 0)
		rc = content_end(s);
	session_reset_mail(s);
	return rc;
}
