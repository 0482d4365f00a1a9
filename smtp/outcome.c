/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome - what happened to recipients, in the words of the log
 */
#include "smtp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { REPLY_SHOWN = 2000, MAX_KEPT_LINES = 100 };

static struct outcome *
make(struct delivery *d, const struct session *s, bool is_site, const char *dsn, const char *reason)
{
	struct outcome *o = pool_alloc(d->pool, sizeof(*o));

	*o = (struct outcome){ .dsn = pool_strdup(d->pool, dsn), .relay = s != NULL ? pool_strdup(d->pool, s->relay) : "none",
		.reason = reason, .is_site = is_site };
	return o;
}

const struct outcome *
outcome_new(struct delivery *d, const struct session *s, bool is_site, const char *dsn, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(REPLY_SHOWN + 1000);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	return make(d, s, is_site, dsn, pool_strdup(d->pool, b.s));
}

const struct outcome *
outcome_reply(struct delivery *d, const struct session *s, const char *stage, bool is_soft)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(REPLY_SHOWN + 1);
	struct outcome *o;
	char dsn[SMTP_REPLY_DSN_SIZE];

	smtp_reply_flat(&s->reply, REPLY_SHOWN, &text);
	snprintf(dsn, sizeof(dsn), "%s", s->reply.dsn);
	/* Neither success nor a refusal for good: whatever it means, it means not now. */
	if (s->reply.code < 400)
		snprintf(dsn, sizeof(dsn), "4.5.0");
	else if (is_soft)
		dsn[0] = '4';
	o = make(d, s, stage == NULL, dsn, stage == NULL ?
	    pool_printf(d->pool, "host %s refused to talk to me: %s", s->namaddr, text.s) :
	    pool_printf(d->pool, "host %s said: %s (in reply to %s)", s->namaddr, text.s, stage));
	o->diag = pool_strdup(d->pool, text.s);
	o->mta = pool_strdup(d->pool, s->host);
	return o;
}

const struct outcome *
outcome_broken(struct delivery *d, struct session *s, const struct err *err, const char *stage)
{
	s->is_broken = true;
	if (err->class == ERR_TIMEOUT)
		return outcome_new(d, s, true, "4.4.2", "conversation with %s timed out while %s", s->namaddr, stage);
	if (err->class == ERR_PROTO)
		return outcome_new(d, s, true, "4.5.0", "protocol error of %s while %s: %s", s->namaddr, stage, err->text);
	return outcome_new(d, s, true, "4.4.2", "lost connection with %s while %s", s->namaddr, stage);
}

static void
report(struct delivery *d, struct rcpt *r, const struct outcome *o)
{
	struct deliver_outcome out = { .dsn = o->dsn, .relay = o->relay, .reason = o->reason, .diag_type = o->diag != NULL ? "smtp" : NULL,
		.diag_text = o->diag, .mta_name = o->mta };

	deliver_by_dsn(d->ctx, r->r, &out);
	r->is_done = true;
	d->n_left--;
}

void
outcome_rcpt(struct delivery *d, struct rcpt *r, const struct outcome *o)
{
	if (r->is_done)
		return;
	r->is_accepted = false;
	if (o->dsn[0] == '5')
		report(d, r, o);
	else
		r->last = o;
}

void
outcome_all(struct delivery *d, const struct outcome *o)
{
	for (size_t i = 0; i < d->n_rcpts; i++)
		outcome_rcpt(d, &d->rcpts[i], o);
}

void
outcome_turn(struct delivery *d, const struct outcome *o, bool accepted_only)
{
	for (size_t i = 0; i < d->n_rcpts; i++)
		if (d->rcpts[i].is_in_turn && (!accepted_only || d->rcpts[i].is_accepted))
			outcome_rcpt(d, &d->rcpts[i], o);
}

void
outcome_sent(struct delivery *d, struct session *s, struct rcpt *r)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(REPLY_SHOWN + 1);
	struct deliver_outcome out = { .dsn = s->reply.dsn, .relay = s->relay, .diag_type = "smtp", .mta_name = s->host,
		.relayed_with_dsn = (s->ext & EXT_DSN) != 0, .action = "relayed" };

	smtp_reply_flat(&s->reply, REPLY_SHOWN, &text);
	out.reason = out.diag_text = text.s;
	deliver_sent(d->ctx, r->r, &out);
	r->is_done = true;
	d->n_left--;
}

void
outcome_log_kept(struct delivery *d)
{
	const char *said = "";
	unsigned n = 0;

	for (size_t i = 0; i < d->n_rcpts && n < MAX_KEPT_LINES; i++) {
		const struct outcome *o = d->rcpts[i].last;

		if (d->rcpts[i].is_done || o == NULL || o->is_logged || strcmp(said, o->reason) == 0)
			continue;
		said = o->reason;
		log_info("%s: %s", d->req->id, said);
		n++;
	}
}

void
outcome_finish(struct delivery *d)
{
	const struct outcome *dead = NULL;

	for (size_t i = 0; i < d->n_rcpts; i++) {
		struct rcpt *r = &d->rcpts[i];

		if (r->is_done)
			continue;
		if (r->last == NULL)
			r->last = outcome_new(d, NULL, false, "4.3.0", "no server was found that could be asked");
		if (r->last->is_site)
			dead = r->last;
		report(d, r, r->last);
	}
	if (dead != NULL)
		deliver_dest_dead(d->ctx, dead->dsn, dead->reason);
}
