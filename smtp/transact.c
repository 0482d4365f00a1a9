/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transact - one mail transaction: RFC 5321 section 3.3, pipelined as RFC 2920 where the server can
 *
 * Commands are numbered: 0 is MAIL, then one RCPT for each recipient in turn, then DATA.  With PIPELINING up to WINDOW of them are
 * under way, so that neither side's buffers fill up with nobody reading; without, one.
 */
#include "smtp.h"

#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "address/xtext.h"
#include "base/ascii.h"
#include "base/log.h"

enum { WINDOW = 100, COMMAND_MAX = 8000 };

static const char stage_mail[] = "sending MAIL FROM", stage_rcpt[] = "sending RCPT TO", stage_data[] = "sending DATA command",
    stage_body[] = "sending message body", stage_dot[] = "sending end of data -- message may be sent more than once";

struct turn {
	struct delivery *d;
	struct session *s;
	struct rcpt **v;	/* the recipients, in order */
	size_t n, n_accepted;
	size_t n_cmds, sent, answered;
	bool is_mail_refused, is_data_open, is_probe, is_reused;
	bool is_stale;		/* the server had left before this turn began */
};

static const char *
stage_of(const struct turn *t, size_t i)
{
	return i == 0 ? stage_mail : i <= t->n ? stage_rcpt : stage_data;
}

static void
add_path(struct turn *t, struct strbuf *b, const char *addr)
{
	strbuf_addc(b, '<');
	if (t->d->c->conf.quote_envelope)
		addr_quote(b, addr);
	else
		strbuf_adds(b, addr);
	strbuf_addc(b, '>');
}

static void
build_mail(struct turn *t, struct strbuf *b)
{
	const struct deliver_req *req = t->d->req;
	unsigned ext = t->s->ext;

	strbuf_adds(b, "MAIL FROM:");
	add_path(t, b, t->d->sender);
	if (ext & EXT_SIZE)
		strbuf_addf(b, " SIZE=%lld", (long long)req->content_size);
	if (ext & EXT_8BITMIME && req->encoding != NULL && strcmp(req->encoding, "8bit") == 0)
		strbuf_adds(b, " BODY=8BITMIME");
	if (ext & EXT_SMTPUTF8 && req->send_options & 1)
		strbuf_adds(b, " SMTPUTF8");
	if (!(ext & EXT_DSN))
		return;
	if (req->dsn_envid != NULL && req->dsn_envid[0] != '\0') {
		strbuf_adds(b, " ENVID=");
		xtext_encode(b, req->dsn_envid, NULL);
	}
	if (req->dsn_ret == 1 || req->dsn_ret == 2)
		strbuf_addf(b, " RET=%s", req->dsn_ret == 1 ? "FULL" : "HDRS");
}

static void
add_notify(struct strbuf *b, int notify)
{
	const char *sep = " NOTIFY=";
	static const struct {
		int bit;
		const char *word;
	} words[] = { { 1, "NEVER" }, { 2, "SUCCESS" }, { 4, "FAILURE" }, { 8, "DELAY" } };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (!(notify & words[i].bit))
			continue;
		strbuf_addf(b, "%s%s", sep, words[i].word);
		if (words[i].bit == 1)
			break;
		sep = ",";
	}
}

/* RFC 3461 section 4.2: type;xtext. */
static void
add_orcpt(struct strbuf *b, const struct qrcpt *r)
{
	const char *semi = r->dsn_orcpt != NULL ? strchr(r->dsn_orcpt, ';') : NULL;
	size_t before = b->len;

	if (semi == NULL)
		return;
	strbuf_adds(b, " ORCPT=");
	strbuf_add(b, r->dsn_orcpt, (size_t)(semi - r->dsn_orcpt) + 1);
	xtext_encode(b, semi + 1, NULL);
	/* The limit of the parameter is 500; a longer one is left out rather than cut. */
	if (b->overflow || b->len - before > 520)
		strbuf_cut(b, before);
}

static void
build_rcpt(struct turn *t, const struct rcpt *r, struct strbuf *b)
{
	strbuf_adds(b, "RCPT TO:");
	add_path(t, b, r->addr);
	if (!(t->s->ext & EXT_DSN) || t->is_probe)
		return;
	add_notify(b, r->r->dsn_notify);
	add_orcpt(b, r->r);
}

static int
send_command(struct turn *t, size_t i, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(COMMAND_MAX);

	if (i == 0)
		build_mail(t, &b);
	else if (i <= t->n)
		build_rcpt(t, t->v[i - 1], &b);
	else
		strbuf_adds(&b, "DATA");
	/* Nothing that is in an address may end the command. */
	for (size_t k = 0; k < b.len; k++)
		if (b.s[k] == '\r' || b.s[k] == '\n' || b.s[k] == '\0')
			b.s[k] = '?';
	return session_command(t->s, err, "%s", b.s);
}

static void
mail_reply(struct turn *t)
{
	const struct smtp_reply *r = &t->s->reply;

	if (r->code / 100 == 2)
		return;
	t->is_mail_refused = true;
	outcome_turn(t->d, outcome_reply(t->d, t->s, "MAIL FROM command", t->d->c->conf.sasl_enable && r->code == 530), false);
}

/* RFC 5321 section 4.5.3.1.10: 452 after some were taken, and 552 as old servers say it. */
static bool
is_too_many(const struct turn *t)
{
	return t->n_accepted > 0 && (t->s->reply.code == 452 || (t->s->reply.code == 552 && strncmp(t->s->reply.dsn, "5.5.3", 5) == 0));
}

static void
rcpt_reply(struct turn *t, struct rcpt *r)
{
	const struct smtp_reply *rep = &t->s->reply;
	bool is_soft;

	if (t->is_mail_refused)
		return;
	if (rep->code / 100 == 2) {
		t->n_accepted++;
		r->is_accepted = true;
		if (t->is_probe)
			outcome_sent(t->d, t->s, r);
		return;
	}
	r->is_over_limit = is_too_many(t);
	is_soft = r->is_over_limit || (t->d->c->conf.sasl_enable && rep->code == 530);
	outcome_rcpt(t->d, r, outcome_reply(t->d, t->s, "RCPT TO command", is_soft));
}

static void
data_reply(struct turn *t)
{
	if (t->s->reply.code / 100 == 3)
		t->is_data_open = true;
	else if (t->n_accepted > 0 && !t->is_mail_refused) {
		outcome_turn(t->d, outcome_reply(t->d, t->s, "DATA command", false), true);
		t->n_accepted = 0;
	}
}

static void
take_reply(struct turn *t, size_t i)
{
	if (i == 0)
		mail_reply(t);
	else if (i <= t->n)
		rcpt_reply(t, t->v[i - 1]);
	else
		data_reply(t);
	t->answered = i + 1;
}

static uint64_t
time_for(const struct turn *t, size_t i)
{
	const struct smtp_conf *c = &t->d->c->conf;

	return i == 0 ? c->mail_ms : i <= t->n ? c->rcpt_ms : c->data_init_ms;
}

/* The conversation broke with replies outstanding.  After 421 the server's words stand for all that it did not answer any more. */
static void
broken(struct turn *t, const struct err *err, const char *stage)
{
	const struct outcome *o;

	if (t->is_reused && t->answered == 0 && err->class != ERR_TIMEOUT) {
		t->s->is_broken = t->is_stale = true;
		return;
	}
	if (t->s->said_421 && err->class != ERR_TIMEOUT && err->class != ERR_PROTO) {
		t->s->is_broken = true;
		o = outcome_reply(t->d, t->s, stage == stage_rcpt ? "RCPT TO command" : stage == stage_data ? "DATA command" :
		    "MAIL FROM command", true);
	} else
		o = outcome_broken(t->d, t->s, err, stage);
	for (size_t i = 0; i < t->n; i++)
		if (!t->is_mail_refused && (t->v[i]->is_accepted || i + 1 >= t->answered))
			outcome_rcpt(t->d, t->v[i], o);
}

/* May command i be sent now? */
static bool
may_send(const struct turn *t, size_t i)
{
	bool is_pipelined = (t->s->ext & EXT_PIPELINING) != 0;

	if (i >= t->n_cmds)
		return false;
	if (is_pipelined)
		return i - t->answered < WINDOW;
	if (i > t->answered || (i > 0 && t->is_mail_refused))
		return false;
	return i <= t->n || t->n_accepted > 0;
}

/* MAIL, RCPTs, DATA and their replies. 0, or -1 when the conversation broke (outcomes are given then). */
static int
envelope(struct turn *t)
{
	struct err err = ERR_INIT;

	for (;;) {
		while (may_send(t, t->sent)) {
			if (send_command(t, t->sent, &err) < 0) {
				broken(t, &err, stage_of(t, t->answered));
				return -1;
			}
			t->sent++;
		}
		if (t->answered == t->sent)
			return 0;
		if (t->answered == 0 && t->sent > 1)
			session_quick_ack(t->s);
		/* The reply of an attempt to write into a closed connection may still be there to be read. */
		if (session_reply(t->s, time_for(t, t->answered), &err) < 0) {
			broken(t, &err, stage_of(t, t->answered));
			return -1;
		}
		if (t->is_reused && t->answered == 0 && t->s->said_421) {
			t->s->is_broken = t->is_stale = true;
			return -1;
		}
		take_reply(t, t->answered);
		if (t->s->said_421 && !(t->s->ext & EXT_PIPELINING)) {
			err = (struct err){ .class = ERR_EOF };
			broken(t, &err, stage_of(t, t->answered - 1));
			return -1;
		}
	}
}

static void
no_file(struct turn *t, const struct err *err)
{
	const struct deliver_req *req = t->d->req;

	t->s->is_broken = true;		/* without the final dot the server throws away what it got */
	log_warning("%s: cannot read the message: %s", req->id, err->text);
	if (err->class == ERR_PERM)
		(void)!queue_set_mode(t->d->c->agent.queue, (enum queue_name)queue_name_parse(req->queue), req->id, 0400, NULL);
	outcome_turn(t->d, outcome_new(t->d, t->s, false, "4.3.0", "queue file read error"), true);
}

/* The server may have said why it closed the connection before all was sent. */
static void
body_broken(struct turn *t, const struct err *err)
{
	stream_drop_output(t->s->stream);
	if (err->class != ERR_TIMEOUT && err->class != ERR_CANCEL && session_reply(t->s, 1000, NULL) == 0 && t->s->reply.code >= 400) {
		outcome_turn(t->d, outcome_reply(t->d, t->s, "end of DATA command", false), true);
		t->s->is_broken = true;
	} else
		outcome_turn(t->d, outcome_broken(t->d, t->s, err, stage_body), true);
}

/* The reply to the final dot, for all recipients that were accepted. */
static void
end_reply(struct turn *t)
{
	if (t->s->reply.code / 100 != 2) {
		outcome_turn(t->d, outcome_reply(t->d, t->s, "end of DATA command", false), true);
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i]->is_accepted)
			outcome_sent(t->d, t->s, t->v[i]);
}

/* RFC 2033 section 4.2: a reply for each recipient that was accepted, in the order of their RCPT commands. */
static void
end_replies(struct turn *t)
{
	uint64_t time = t->d->c->conf.data_done_ms;
	struct err err = ERR_INIT;

	if (t->n_accepted > 1)
		session_quick_ack(t->s);
	for (size_t i = 0; i < t->n; i++) {
		if (!t->v[i]->is_accepted)
			continue;
		if (session_reply(t->s, time, &err) < 0) {
			/* Those that were answered are no longer accepted, but done or kept. */
			outcome_turn(t->d, outcome_broken(t->d, t->s, &err, stage_dot), true);
			return;
		}
		if (t->s->reply.code / 100 == 2)
			outcome_sent(t->d, t->s, t->v[i]);
		else
			outcome_rcpt(t->d, t->v[i], outcome_reply(t->d, t->s, "end of DATA command", false));
	}
}

/* Recipients that were too many for this transaction need the session once more. */
static bool
has_over_limit(const struct delivery *d)
{
	for (size_t i = 0; i < d->n_rcpts; i++)
		if (!d->rcpts[i].is_done && d->rcpts[i].is_over_limit)
			return true;
	return false;
}

/* The dot, and QUIT in the same packet when this was the session's last message and nobody waits for the answer to it. */
static int
send_end(struct turn *t, struct err *err)
{
	struct client *c = t->d->c;

	if (session_command(t->s, err, ".") < 0)
		return -1;
	if (!(t->s->ext & EXT_PIPELINING) || !c->conf.skip_quit || has_over_limit(t->d) || cache_is_wanted(c, t->s))
		return 0;
	if (session_command(t->s, err, "QUIT") < 0)
		return -1;
	t->s->quit_sent = true;
	return 0;
}

static void
content(struct turn *t)
{
	struct err err = ERR_INIT;
	const char *trouble;
	size_t early;

	/* A reply that is there before the message was sent would be taken for the answer to it. */
	(void)stream_peek(t->s->stream, &early);
	if (early > 0) {
		(void)err_set(&err, ERR_PROTO, NULL, "more replies than commands");
		outcome_turn(t->d, outcome_broken(t->d, t->s, &err, stage_data), true);
		return;
	}
	switch (content_send(t->d, t->s, &trouble, &err)) {
	case CONTENT_NO_FILE:
		no_file(t, &err);
		return;
	case CONTENT_NO_PEER:
		body_broken(t, &err);
		return;
	case CONTENT_TROUBLE:
		t->s->is_broken = true;		/* as with no_file() */
		log_warning("%s: %s: %s", t->d->req->id, trouble, err.text);
		outcome_turn(t->d, outcome_new(t->d, t->s, false, "4.3.0", "%s", trouble), true);
		return;
	case CONTENT_SENT:
		break;
	}
	if (send_end(t, &err) < 0)
		outcome_turn(t->d, outcome_broken(t->d, t->s, &err, stage_dot), true);
	else if (t->d->c->is_lmtp)
		end_replies(t);
	else if (session_reply(t->s, t->d->c->conf.data_done_ms, &err) < 0)
		outcome_turn(t->d, outcome_broken(t->d, t->s, &err, stage_dot), true);
	else
		end_reply(t);
}

/* The server waits for content although it took no recipient: there is none (RFC 2920 section 3.1). */
static void
empty_content(struct turn *t)
{
	/* LMTP has no reply then: what the server would say next cannot be known. */
	if (t->d->c->is_lmtp || session_command(t->s, NULL, ".") < 0 || session_reply(t->s, t->d->c->conf.data_done_ms, NULL) < 0)
		t->s->is_broken = true;
}

static bool
is_probe(const struct delivery *d)
{
	return (d->req->flags & (DELIVER_F_VERIFY | DELIVER_F_EXPAND)) != 0;
}

static void
turn_init(struct turn *t, struct delivery *d, struct session *s, size_t limit)
{
	bool is_first = limit == 0;

	*t = (struct turn){ .d = d, .s = s, .is_probe = is_probe(d), .is_reused = is_first && s->n_uses > 1 };
	t->v = pool_alloc_array(d->pool, d->n_left + 1, sizeof(*t->v));
	for (size_t i = 0; i < d->n_rcpts; i++) {
		struct rcpt *r = &d->rcpts[i];

		r->is_in_turn = !r->is_done && (is_first || (r->is_over_limit && t->n < limit));
		r->is_accepted = false;
		if (is_first)
			r->is_over_limit = false;
		if (!r->is_in_turn)
			continue;
		r->is_over_limit = false;
		t->v[t->n++] = r;
	}
	t->n_cmds = t->n + (t->is_probe ? 1 : 2);
}

/* How many were delivered while others were refused only because they were too many: what the next transaction may hold.  0: there is
 * no next one. */
static size_t
next_limit(const struct turn *t)
{
	size_t n_sent = 0;

	if (t->s->is_broken || t->s->said_421 || !has_over_limit(t->d))
		return 0;
	/* With LMTP what becomes of a recipient after DATA says nothing about how many the server takes. */
	if (t->d->c->is_lmtp)
		return t->n_accepted;
	for (size_t i = 0; i < t->n; i++)
		n_sent += t->v[i]->is_done && t->v[i]->is_accepted;
	return n_sent;
}

/* Refused without asking: what the server cannot take. */
static const struct outcome *
find_obstacle(struct delivery *d, const struct session *s)
{
	if (s->size_limit > 0 && d->req->content_size > 0 && (uint64_t)d->req->content_size > s->size_limit)
		return outcome_new(d, s, false, "5.3.4", "message size %lld exceeds size limit %llu of server %s",
		    (long long)d->req->content_size, (unsigned long long)s->size_limit, s->namaddr);
	if (d->req->send_options & 1 && d->req->send_options & (2 | 4 | 8) && !(s->ext & EXT_SMTPUTF8))
		return outcome_new(d, s, false, "5.6.7", "SMTPUTF8 is required, but was not offered by host %s", s->namaddr);
	return NULL;
}

/* One transaction; -1 as transact(). */
static int
one_turn(struct turn *t)
{
	struct session *s = t->s;

	s->needs_rset = true;
	if (envelope(t) < 0)
		return t->is_stale ? -1 : 0;
	if (t->is_data_open && t->n_accepted > 0 && !t->is_mail_refused) {
		content(t);
		s->needs_rset = false;
	} else if (t->is_data_open) {
		empty_content(t);
		s->needs_rset = false;
	}
	return 0;
}

int
transact(struct delivery *d, struct session *s)
{
	const struct outcome *obstacle;
	size_t limit = 0;
	struct turn t;

	if (d->req->encoding != NULL && strcmp(d->req->encoding, "8bit") == 0 && !(s->ext & EXT_8BITMIME))
		log_info("%s: host %s does not offer 8BITMIME: 8-bit content is sent to it as it is", d->req->id, s->namaddr);
	do {
		if (s->needs_rset && (session_command(s, NULL, "RSET") < 0 || session_reply(s, d->c->conf.rset_ms, NULL) < 0)) {
			s->is_broken = true;
			return -1;
		}
		s->needs_rset = false;
		if ((obstacle = find_obstacle(d, s)) != NULL) {
			outcome_all(d, obstacle);
			return 0;
		}
		if (xforward_send(d, s, &obstacle) < 0) {
			/* A session that was kept may have ended meanwhile: nothing has happened, another one serves. */
			if (limit == 0 && s->n_uses > 1)
				return -1;
			outcome_all(d, obstacle);
			return 0;
		}
		turn_init(&t, d, s, limit);
		if (one_turn(&t) < 0)
			return -1;
	} while ((limit = next_limit(&t)) > 0);
	return 0;
}
