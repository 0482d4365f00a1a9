/* SPDX-License-Identifier: Apache-2.0 */
/* access - evaluates restriction lists for each command, and says no. */
#include "smtpd/access.h"

#include <stdarg.h>
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"

static void
verdict_set(struct verdict *v, int code, const char *dsn, const char *text)
{
	v->code = code;
	(void)memccpy(v->dsn, dsn, 0, sizeof v->dsn - 1);
	v->dsn[sizeof v->dsn - 1] = 0;
	v->dsn[0] = (char)('0' + code / 100);
	strbuf_reset(&v->text);
	(void)strbuf_adds(&v->text, text);
}

static enum access_result
reject_text(struct access *a, int code, const char *dsn, const char *text)
{
	struct session *s = a->s;
	AUTO(strbuf_done) struct strbuf line = STRBUF_INIT(4000);
	const struct verdict *v = &a->if_reject.v;

	if (conf.soft_bounce && code >= 500 && code != 521)
		code -= 100;
	if (!a->warns && a->if_reject.is_active && code >= 500)
		verdict_set(&s->verdict, v->code, v->dsn, v->text.s);
	else
		verdict_set(&s->verdict, code, dsn, text);
	(void)strbuf_addf(&line, "%d %s %s", s->verdict.code, s->verdict.dsn, s->verdict.text.s);
	log_action(s, a->warns ? "reject_warning" : "reject", line.s);
	return a->warns ? ACCESS_DUNNO : ACCESS_REJECT;
}

enum access_result
access_reject(struct access *a, int code, const char *dsn, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(3000);
	va_list ap;

	va_start(ap, fmt);
	(void)strbuf_addv(&b, fmt, ap);
	va_end(ap);
	return reject_text(a, code, dsn, b.s);
}

enum access_result
access_defer_if_permit(struct access *a, int code, const char *dsn, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(3000);
	va_list ap;

	va_start(ap, fmt);
	(void)strbuf_addv(&b, fmt, ap);
	va_end(ap);
	if (a->warns)
		return reject_text(a, code, dsn, b.s);
	if (!a->if_permit.is_active) {
		a->if_permit.is_active = true;
		verdict_set(&a->if_permit.v, code, dsn, b.s);
	}
	return ACCESS_DUNNO;
}

void
access_defer_if_reject(struct access *a, int code, const char *dsn, const char *text)
{
	if (a->warns || a->if_reject.is_active)
		return;
	a->if_reject.is_active = true;
	verdict_set(&a->if_reject.v, code, dsn, text);
}

enum access_result
access_trouble(struct access *a, const char *name)
{
	return access_reject(a, 451, "4.3.0", "<%s>: Temporary lookup failure", name);
}

enum access_result
access_misconfigured(struct access *a, const char *name, const char *class)
{
	return access_reject(a, 451, "4.3.5", "<%s>: %s rejected: Server configuration error", name, class);
}

enum access_result
access_eval(struct access *a, const struct access_list *l)
{
	enum access_result res = ACCESS_DUNNO;
	bool warns = a->warns;

	if (a->depth >= ACCESS_DEPTH) {
		log_warning("restriction class %s: nested deeper than %d levels", l->param, ACCESS_DEPTH);
		return access_misconfigured(a, a->name, a->class);
	}
	a->depth++;
	for (size_t i = 0; i < l->n && res == ACCESS_DUNNO; i++) {
		if (l->rules[i].kind->fn == rule_warn_next) {
			a->warns = true;
			continue;
		}
		res = l->rules[i].kind->fn(a, &l->rules[i]);
		a->warns = warns;
	}
	a->warns = warns;
	a->depth--;
	return res;
}

/* ---- what is known of the addresses */
static const struct target *
target_get(struct access *a, struct target *t, const char *addr)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(4000);
	struct err err = ERR_INIT;

	if (addr == NULL)
		return NULL;
	if (t->addr != NULL)
		return t;
	t->addr = addr;
	t->canonical = route_rewrite(env.route, REWRITE_LOCAL, addr, &b) == 1 ? pool_strdup(a->pool, b.s) : addr;
	if (route_resolve(env.route, a->s->sender != NULL ? a->s->sender : "", t->canonical, a->pool, &t->to, &err) < 0) {
		t->failed = true;
		log_warning("%s: %s", addr, err.text);
	}
	if ((t->to.flags & ROUTE_F_FAIL) != 0)
		t->failed = true;
	return t;
}

const struct target *
access_sender(struct access *a)
{
	return target_get(a, &a->sender, a->s->sender);
}

const struct target *
access_recipient(struct access *a)
{
	return target_get(a, &a->rcpt, a->s->recipient);
}

/* ---- the lists at each command */
static void
begin(struct access *a, struct session *s)
{
	memset(a, 0, sizeof *a);
	a->s = s;
	a->pool = pool_new(1024);
	strbuf_init(&a->if_permit.v.text, 3000);
	strbuf_init(&a->if_reject.v.text, 3000);
}

static int
finish(struct access *a, enum access_result res)
{
	if (res != ACCESS_REJECT && a->if_permit.is_active) {
		const struct verdict *v = &a->if_permit.v;

		a->warns = false;
		res = reject_text(a, v->code, v->dsn, v->text.s);
	}
	strbuf_done(&a->if_permit.v.text);
	strbuf_done(&a->if_reject.v.text);
	pool_free(&a->pool);
	return res == ACCESS_REJECT ? -1 : 0;
}

static enum access_result
run_list(struct access *a, enum access_where where)
{
	struct session *s = a->s;
	static const char *const classes[LIST_N] = { "Client host", "Helo command", "Sender address", "Recipient address",
		"Recipient address", "Data command", "End-of-data", "Etrn command" };
	const char *const names[LIST_N] = { s->who, s->helo, s->sender, s->recipient, s->recipient, "DATA", "END-OF-MESSAGE", s->etrn };
	enum access_result res;

	if (env.lists[where] == NULL || env.lists[where]->n == 0)
		return ACCESS_DUNNO;
	a->class = classes[where];
	a->name = names[where] != NULL ? names[where] : "";
	res = access_eval(a, env.lists[where]);
	return res == ACCESS_REJECT ? res : ACCESS_DUNNO;	/* a permit ends its own list only */
}

static enum access_result
run_unlisted(struct access *a, bool is_sender)
{
	const struct rule_kind kind = { .param = is_sender };
	const struct rule r = { .kind = &kind };

	a->class = is_sender ? "Sender address" : "Recipient address";
	return rule_unlisted(a, &r);
}

/* Client, HELO and sender lists, as far as they were not run when their command came. */
static enum access_result
run_delayed(struct access *a)
{
	enum access_result res = ACCESS_DUNNO;

	if (conf.delay_reject) {
		res = run_list(a, LIST_CLIENT);
		if (res == ACCESS_DUNNO)
			res = run_list(a, LIST_HELO);
		if (res == ACCESS_DUNNO && a->s->sender != NULL)
			res = run_list(a, LIST_SENDER);
		if (res == ACCESS_DUNNO && a->s->sender != NULL && conf.unlisted_sender)
			res = run_unlisted(a, true);
	}
	return res;
}

static void
deny(struct session *s)
{
	mem_free(&s->denied);
	s->denied = mem_strdup(s->verdict.text.s);
	s->denied_code = s->verdict.code;
	(void)memccpy(s->denied_dsn, s->verdict.dsn, 0, sizeof s->denied_dsn - 1);
}

int
access_client(struct session *s)
{
	struct access a;

	if (s->stand_alone || conf.delay_reject || env.lists[LIST_CLIENT] == NULL || env.lists[LIST_CLIENT]->n == 0)
		return 0;
	begin(&a, s);
	if (finish(&a, run_list(&a, LIST_CLIENT)) == 0)
		return 0;
	deny(s);
	return -1;
}

int
access_helo(struct session *s)
{
	struct access a;

	if (s->stand_alone || conf.delay_reject || env.lists[LIST_HELO] == NULL || env.lists[LIST_HELO]->n == 0)
		return 0;
	begin(&a, s);
	return finish(&a, run_list(&a, LIST_HELO));
}

int
access_mail(struct session *s)
{
	struct access a;
	enum access_result res;

	if (s->stand_alone || conf.delay_reject)
		return 0;
	begin(&a, s);
	res = run_list(&a, LIST_SENDER);
	if (res == ACCESS_DUNNO && conf.unlisted_sender)
		res = run_unlisted(&a, true);
	return finish(&a, res);
}

static enum access_result
run_recipient(struct access *a)
{
	enum access_result res = run_delayed(a);

	if (res == ACCESS_DUNNO)
		res = run_list(a, conf.relay_first ? LIST_RELAY : LIST_RECIPIENT);
	if (res == ACCESS_DUNNO)
		res = run_list(a, conf.relay_first ? LIST_RECIPIENT : LIST_RELAY);
	if (res == ACCESS_DUNNO && conf.unlisted_rcpt)
		res = run_unlisted(a, false);
	return res;
}

int
access_rcpt(struct session *s)
{
	struct access a;

	/* RFC 5321 section 4.5.1: this address is always there */
	if (s->stand_alone || ascii_casecmp(s->recipient, "postmaster") == 0)
		return 0;
	begin(&a, s);
	return finish(&a, run_recipient(&a));
}

int
access_vrfy(struct session *s)
{
	return access_rcpt(s);
}

int
access_data(struct session *s)
{
	struct access a;

	if (s->stand_alone)
		return 0;
	begin(&a, s);
	return finish(&a, run_list(&a, LIST_DATA));
}

int
access_eod(struct session *s)
{
	struct access a;

	if (s->stand_alone)
		return 0;
	begin(&a, s);
	return finish(&a, run_list(&a, LIST_EOD));
}

int
access_etrn(struct session *s)
{
	struct access a;
	enum access_result res;

	if (s->stand_alone)
		return 0;
	begin(&a, s);
	res = run_delayed(&a);
	if (res == ACCESS_DUNNO)
		res = run_list(&a, LIST_ETRN);
	return finish(&a, res);
}

bool
access_is_local_client(struct session *s)
{
	struct access a;
	enum access_result res;

	begin(&a, s);
	a.name = s->who;
	a.class = "Client host";
	res = access_eval(&a, env.rewrite_clients);
	(void)finish(&a, ACCESS_REJECT);	/* nothing is deferred for its sake */
	return res == ACCESS_OK;
}
