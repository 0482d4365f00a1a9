/* SPDX-License-Identifier: Apache-2.0 */
/* One recipient: targets are worked off one by one, outcomes are collected, and only then reported and marked. */
#include <stdarg.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "local.h"
#include "route/resolve.h"
#include "route/rewrite.h"

void
delivery_outcome(struct delivery *d, const char *addr, const char *dsn, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(8000);
	struct outcome *o = pool_alloc(d->pool, sizeof(*o));
	va_list ap;

	va_start(ap, fmt);
	(void)strbuf_addv(&b, fmt, ap);
	va_end(ap);
	o->addr = pool_strdup(d->pool, addr);
	strncpy(o->dsn, dsn, sizeof(o->dsn) - 1);
	o->text = pool_strdup(d->pool, b.s);
	list_append(&d->outcomes, &o->link);
}

bool
delivery_first(struct delivery *d, const char *kind, const char *what)
{
	AUTO(mem_free) char *key = mem_printf("%s:%s", kind, what);

	if (map_get(d->done, key) != NULL)
		return false;
	if (conf.duplicate_limit == 0 || map_count(d->done) < (size_t)conf.duplicate_limit)
		map_put(d->done, key, d);
	return true;
}

void
delivery_target(struct delivery *d, const struct target *like, const char *addr, bool literal)
{
	struct target *t = pool_alloc(d->pool, sizeof(*t));

	if (++d->n_targets > TARGETS_MAX) {
		delivery_outcome(d, addr, "5.4.6", "more than %d destinations", TARGETS_MAX);
		return;
	}
	*t = *like;
	t->addr = pool_strdup(d->pool, addr);
	t->literal = literal;
	list_append(&d->targets, &t->link);
}

void
delivery_forward(struct delivery *d, const char *addr, const char *owner)
{
	const char *sender = owner != NULL ? owner : d->ctx->req->sender;
	struct forward *f = NULL;
	AUTO(mem_free) char *key = mem_strdup(addr);

	for (struct list *l = d->forwards.next; l != &d->forwards && f == NULL; l = l->next) {
		struct forward *have = LIST_ITEM(l, struct forward, link);

		if (strcmp(have->sender, sender) == 0 && have->is_owner == (owner != NULL))
			f = have;
	}
	if (f == NULL) {
		f = pool_alloc(d->pool, sizeof(*f));
		f->sender = pool_strdup(d->pool, sender);
		f->is_owner = owner != NULL;
		strvec_init(&f->addrs, TARGETS_MAX);
		f->seen = map_new();
		list_append(&d->forwards, &f->link);
	}
	ascii_lower_str(key);
	if (map_get(f->seen, key) != NULL)
		return;
	map_put(f->seen, key, f);
	if (strvec_add(&f->addrs, addr) < 0)
		delivery_outcome(d, addr, "5.4.6", "more than %d destinations", TARGETS_MAX);
}

struct name_parts
delivery_parts(struct delivery *d, const char *addr)
{
	struct name_parts n;
	size_t len = addr_local_len(addr), at;
	const char *domain = addr_domain(addr);

	n.local = pool_strndup(d->pool, addr, len);
	ascii_lower_str(n.local);
	n.domain = pool_strdup(d->pool, domain != NULL ? domain : "");
	at = *conf.delimiter != '\0' ? addr_ext_at(n.local, len, conf.delimiter, conf.owner_special) : 0;
	n.user = pool_strndup(d->pool, n.local, at > 0 ? at : len);
	n.ext = pool_strdup(d->pool, at > 0 ? n.local + at : "");
	return n;
}

/* The complete address, and whether mail for it is ours: 1, 0, -1. */
static int
resolve(struct delivery *d, const char *text, struct strbuf *addr, struct err *err)
{
	struct route_to to;

	if (route_rewrite(conf.route, REWRITE_LOCAL, text, addr) == 0)
		strbuf_adds(addr, text);
	if (addr->overflow || addr->len > ADDR_MAX)
		return err_set(err, ERR_PERM, "5.1.3", "bad address syntax");
	if (route_resolve(conf.route, d->ctx->req->sender, addr->s, d->pool, &to, err) < 0)
		return -1;
	if (to.flags & ROUTE_F_ERROR || strcmp(to.transport, daemon_service()) != 0)
		return 0;
	strbuf_reset(addr);
	strbuf_adds(addr, to.recipient);
	return 1;
}

static void
add_extension(struct strbuf *addr, const char *ext)
{
	if (*ext != '\0')
		(void)strbuf_insert(addr, addr_local_len(addr->s), ext, strlen(ext));
}

void
delivery_address(struct delivery *d, const struct target *t, const char *text, const char *ext, bool literal)
{
	AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(2 * ADDR_MAX);
	struct err err = ERR_INIT;
	int ours = resolve(d, text, &addr, &err);

	if (ours < 0) {
		delivery_outcome(d, t->addr, err.class == ERR_PERM ? "5.1.3" : "4.3.0", "%s", err.text);
		return;
	}
	add_extension(&addr, ext);
	if (ours == 1 && t->exp == EXP_ALIAS && t->owner == NULL)
		delivery_target(d, t, addr.s, literal);
	else
		delivery_forward(d, addr.s, t->owner);
}

bool
deliver_address_is_user(struct delivery *d, const char *text, const char *user)
{
	AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(2 * ADDR_MAX);
	struct err err = ERR_INIT;

	if (resolve(d, text, &addr, &err) != 1)
		return false;
	return strcmp(delivery_parts(d, addr.s).user, user) == 0;
}

static void
deliver_target(struct delivery *d, const struct target *t)
{
	struct name_parts n = delivery_parts(d, t->addr);

	if (t->level > LEVEL_MAX) {
		log_warning("alias database loop for %s", n.local);
		delivery_outcome(d, t->addr, "5.4.6", "alias database loop for %s", n.local);
		return;
	}
	if (!t->literal && alias_expand(d, t, &n) != 0)
		return;
	user_deliver(d, t, &n);
}

/* ---- the report */
static void
report_one(struct delivery *d, const struct outcome *o, off_t offset)
{
	const struct qrcpt *r = d->rcpt;
	bool is_other = ascii_casecmp(o->addr, r->addr) != 0;
	struct qrcpt as = *r;
	struct deliver_outcome out = { .dsn = o->dsn, .relay = "local", .reason = o->text };

	as.addr = o->addr;
	if (is_other && (as.orig == NULL || *as.orig == '\0'))
		as.orig = r->addr;
	as.offset = o->dsn[0] == '4' ? r->offset : offset;
	deliver_by_dsn(d->ctx, &as, &out);
}

static bool
any_deferred(const struct delivery *d)
{
	for (struct list *l = d->outcomes.next; l != &d->outcomes; l = l->next)
		if (LIST_ITEM(l, struct outcome, link)->dsn[0] == '4')
			return true;
	return d->passed_deferred;
}

/* The recipient is marked once, by the last line, and only when nothing of it is to be tried again. */
static void
report(struct delivery *d)
{
	int before = d->ctx->done.n_deferred;
	bool deferred = any_deferred(d);

	for (struct list *l = d->outcomes.next; l != &d->outcomes; l = l->next) {
		bool last = l->next == &d->outcomes;
		bool trouble = deferred || d->ctx->done.n_deferred > before;

		report_one(d, LIST_ITEM(l, struct outcome, link), last && !trouble ? d->rcpt->offset : 0);
	}
	if (list_is_empty(&d->outcomes) && d->passed_unmarked && !deferred && d->ctx->file != NULL) {
		struct err err = ERR_INIT;

		if (qfile_mark(d->ctx->file, d->rcpt->offset, REC_DONE, &err) < 0)
			log_warning("%s: cannot mark recipient %s as done: %s", d->ctx->req->id, d->rcpt->addr, err.text);
	}
	/* several lines may have said so; the queue has one recipient */
	d->ctx->done.n_deferred = before + (d->ctx->done.n_deferred > before || d->passed_deferred);
}

/* Nothing at all came out of it: an alias without a destination. */
static void
nothing(struct delivery *d)
{
	if (list_is_empty(&d->outcomes) && !d->passed && !d->passed_deferred)
		delivery_outcome(d, d->rcpt->addr, "2.0.0", "delivered: empty list");
}

static void
only_loop(struct delivery *d)
{
	list_init(&d->outcomes);
	delivery_outcome(d, d->rcpt->addr, "5.4.6", "mail forwarding loop for %s", d->rcpt->addr);
}

void
delivery_run(struct deliver_ctx *ctx, const struct qrcpt *rcpt)
{
	struct delivery d = { .ctx = ctx, .rcpt = rcpt, .pool = pool_new(8192), .done = map_new() };
	struct target first = { .exp = EXP_NONE };

	list_init(&d.targets);
	list_init(&d.outcomes);
	list_init(&d.forwards);
	delivery_target(&d, &first, rcpt->addr, rcpt->addr[0] == '\\');
	while (!list_is_empty(&d.targets) && !d.looped) {
		struct target *t = LIST_ITEM(d.targets.next, struct target, link);

		list_remove(&t->link);
		if (t->literal && t->addr[0] == '\\')
			t->addr++;
		deliver_target(&d, t);
	}
	for (struct list *l = d.forwards.next; l != &d.forwards; l = l->next) {
		struct forward *f = LIST_ITEM(l, struct forward, link);

		if (!d.looped)
			forward_send(&d, f);
		strvec_done(&f->addrs);
		map_free(&f->seen, NULL);
	}
	if (d.looped)
		only_loop(&d);
	nothing(&d);
	report(&d);
	map_free(&d.done, NULL);
	pool_free(&d.pool);
}

void
delivery_probe(struct deliver_ctx *ctx, const struct qrcpt *rcpt)
{
	struct delivery d = { .ctx = ctx, .rcpt = rcpt, .pool = pool_new(2000) };
	struct name_parts n = delivery_parts(&d, rcpt->addr);
	struct deliver_outcome o = { .dsn = "2.0.0", .relay = "local", .reason = "delivers to mailbox" };
	struct err err = ERR_INIT;
	struct rights_user u;
	int r = alias_exists(&n, &err);

	if (r > 0) {
		o.reason = "aliased";
	} else if (r == 0 && strchr(n.user, '/') == NULL) {
		r = rights_find(n.user, &u, &err);
		if (r > 0)
			rights_user_done(&u);
	}
	if (r == 0 && *conf.fallback_transport == '\0' && *conf.luser_relay == '\0' && table_list_is_empty(conf.fallback_maps)) {
		o.dsn = "5.1.1";
		o.reason = pool_printf(d.pool, "unknown user: \"%s\"", n.user);
	} else if (r < 0) {
		o.dsn = "4.3.0";
		o.reason = err.text;
	}
	deliver_by_dsn(ctx, rcpt, &o);
	pool_free(&d.pool);
}
