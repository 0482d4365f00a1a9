/* SPDX-License-Identifier: Apache-2.0 */
/* content - the content of a message, from DATA or BDAT, into records; and the answer once it is on disk. */
#include "smtpd/smtpd.h"

#include "base/clock.h"
#include "base/log.h"

void
content_begin(struct session *s, bool has_dots)
{
	message_begin(s);
	smtp_data_init(&s->data, s->lf, (size_t)conf.line_limit);
	s->data.has_dots = has_dots;
	s->content_size = 0;
	s->content_octets = 0;
	s->is_too_big = false;
}

void
content_piece(void *arg, bool ends_line, const char *data, size_t n)
{
	struct session *s = arg;

	if (s->is_too_big || message_failed(s))
		return;
	s->content_size += (int64_t)n + (ends_line ? 2 : 0);
	if (conf.size_limit > 0 && s->content_size > conf.size_limit) {
		s->is_too_big = true;
		log_warning("%s: queue file size limit exceeded", log_id(s));
		return;
	}
	message_put(s, ends_line ? REC_NORM : REC_CONT, data, n);
}

/* smtpd_min_data_rate: what came in buys time, but never more than a single wait has. */
void
content_time(struct session *s, size_t used)
{
	uint64_t limit = task_now_ms() + conf.timeout_ms;

	if (!conf.request_deadline)
		return;
	s->deadline_ms += (uint64_t)used * 1000 / (uint64_t)conf.min_data_rate;
	if (s->deadline_ms > limit)
		s->deadline_ms = limit;
	stream_set_deadline(s->st, s->deadline_ms);
}

void
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

void
content_bare_lf(struct session *s)
{
	s->n_bare_lf++;
	log_end(s, "bare <LF>");
	(void)reply(s, (int)conf.bare_lf_code, "5.5.2", "%s Error: bare <LF> received", conf.myhostname);
	s->is_closing = true;
}

static int
reply_result(struct session *s, const struct cleanup_result *r)
{
	const struct cleanup_text *t;

	if (r->status == 0)
		return s->queue_id != NULL ? reply(s, 250, "2.0.0", "Ok: queued as %s", s->queue_id) : reply(s, 250, "2.0.0", "Ok: queued");
	t = cleanup_status_text(r->status);
	if (r->reason[0] != 0)
		return reply(s, t->smtp, NULL, "%s", r->reason);
	return reply(s, t->smtp, t->dsn, "Error: %s", t->text);
}

int
content_end(struct session *s)
{
	struct err err = ERR_INIT;
	struct cleanup_result r = { .status = 0 };

	s->in_content = false;
	s->n_bare_lf += s->data.saw_bare_lf;
	s->where = "END-OF-MESSAGE";
	if (s->is_too_big)
		return reply(s, 552, "5.3.4", "Error: message file too big");
	s->args.size = s->content_size;
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
