/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_data - DATA: takes the content from the client's stream into records for cleanup, and answers once it is on disk. */
#include "smtpd/smtpd.h"

#include "base/clock.h"
#include "base/log.h"

struct intake {
	struct session *s;
	int64_t size;		/* as counted against message_size_limit */
	bool is_too_big;
};

static void
take_piece(void *arg, bool ends_line, const char *data, size_t n)
{
	struct intake *in = arg;
	struct session *s = in->s;

	if (in->is_too_big || message_failed(s))
		return;
	in->size += (int64_t)n + (ends_line ? 2 : 0);
	if (conf.size_limit > 0 && in->size > conf.size_limit) {
		in->is_too_big = true;
		log_warning("%s: queue file size limit exceeded", log_id(s));
		return;
	}
	message_put(s, ends_line ? REC_NORM : REC_CONT, data, n);
}

/* smtpd_min_data_rate: what came in buys time, but never more than a single wait has. */
static void
extend_deadline(struct session *s, size_t used)
{
	uint64_t now = task_now_ms(), bought;

	if (!conf.request_deadline)
		return;
	bought = (uint64_t)used * 1000 / (uint64_t)conf.min_data_rate;
	s->deadline_ms += bought;
	if (s->deadline_ms > now + conf.timeout_ms)
		s->deadline_ms = now + conf.timeout_ms;
	stream_set_deadline(s->st, s->deadline_ms);
}

static void
content_lost(struct session *s, const struct err *err)
{
	s->is_closing = true;
	if (err->class == ERR_TIMEOUT) {
		log_end(s, "timeout");
		(void)reply(s, 421, "4.4.2", "%s Error: timeout exceeded", conf.myhostname);
	} else if (err->class == ERR_CANCEL) {
		(void)reply(s, 421, "4.3.2", "%s Error: server is shutting down", conf.myhostname);
	} else {
		s->is_lost = true;
		log_end(s, "lost connection");
	}
}

/* Everything up to the end of data.  0, or -1 when the session is over. */
static int
receive(struct session *s, struct intake *in)
{
	struct err err = ERR_INIT;
	struct smtp_data d;
	enum smtp_data_result r;
	size_t n, used;
	const char *p;

	smtp_data_init(&d, s->lf, (size_t)conf.line_limit);
	s->deadline_ms = clock_mono_ms() + conf.timeout_ms;
	extend_deadline(s, 0);
	for (;;) {
		p = stream_peek(s->st, &n);
		r = smtp_data_feed(&d, p, n, &used, take_piece, in);
		stream_consume(s->st, used);
		s->content_octets = d.octets;
		if (r != SMTP_DATA_MORE)
			break;
		extend_deadline(s, used);
		if (stream_fill(s->st, &err) != 1) {
			content_lost(s, &err);
			return -1;
		}
	}
	s->n_bare_lf += d.saw_bare_lf;
	if (r != SMTP_DATA_BARE_LF)
		return 0;
	log_end(s, "bare <LF>");
	(void)reply(s, (int)conf.bare_lf_code, "5.5.2", "%s Error: bare <LF> received", conf.myhostname);
	s->is_closing = true;
	return -1;
}

static int
reply_result(struct session *s, const struct cleanup_result *r)
{
	const struct cleanup_text *t;

	if (r->status == 0)
		return reply(s, 250, "2.0.0", "Ok: queued as %s", log_id(s));
	t = cleanup_status_text(r->status);
	if (r->reason[0] != 0)
		return reply(s, t->smtp, NULL, "%s", r->reason);
	return reply(s, t->smtp, t->dsn, "Error: %s", t->text);
}

static int
end_of_data(struct session *s, struct intake *in)
{
	struct err err = ERR_INIT;
	struct cleanup_result r = { .status = 0 };

	s->in_content = false;
	s->where = "END-OF-MESSAGE";
	if (in->is_too_big)
		return reply(s, 552, "5.3.4", "Error: message file too big");
	s->args.size = in->size;
	if (access_eod(s) < 0) {
		(void)reply_verdict(s);
		return -1;
	}
	if (message_end(s, &r, &err) < 0) {
		log_warning("%s: %s", log_id(s), err.text);
		return reply(s, 451, "4.3.0", "Error: queue file write error");
	}
	if (reply_result(s, &r) < 0)
		return -1;
	s->errors = 0;		/* mail makes good what went wrong before */
	s->junk = 0;
	return 0;
}

int
cmd_data(struct session *s, char *args)
{
	struct intake in = { .s = s };
	int rc;

	if (*args != 0)
		return reply(s, 501, "5.5.4", "Syntax: DATA");
	if (access_data(s) < 0) {
		(void)reply_verdict(s);
		return -1;
	}
	message_begin(s);
	(void)reply(s, 354, NULL, "End data with <CR><LF>.<CR><LF>");
	s->in_content = true;
	s->content_octets = 0;
	rc = receive(s, &in);
	if (rc == 0)
		rc = end_of_data(s, &in);
	session_reset_mail(s);
	return rc;
}
