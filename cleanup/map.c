/* SPDX-License-Identifier: Apache-2.0 */
/* map - what becomes of an address: canonical_maps, masquerading, virtual_alias_maps */
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"

enum { CANONICAL_ROUNDS = 10 };

/* ---- canonical */
static int
fail_lookup(struct message *m, const char *maps, const char *addr, const struct err *err)
{
	log_warning("%s: %s map lookup problem for %s -- message not accepted, try again later: %s", message_id_of(m), maps, addr, err->text);
	message_fail(m, CLEANUP_DEFER, "4.3.0 %s lookup problem", maps);
	return -1;
}

/* One table to its fixed point. */
static int
map_one(struct message *m, struct table_list *tables, const char *maps, const char *addr, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf cur = STRBUF_INIT(ADDR_MAX);
	bool changed = false;

	if (table_list_is_empty(tables))
		return 0;
	strbuf_adds(&cur, addr);
	for (int round = 0; round < CANONICAL_ROUNDS; round++) {
		AUTO(strvec_done) struct strvec to = STRVEC_INIT(100);
		struct err err = ERR_INIT;
		int r = mail_key_map(&m->env->keys, m->env->route, tables, cur.s, MAIL_KEY_MAPPING, m->env->propagate_canonical, &to, &err);

		if (r < 0)
			return fail_lookup(m, maps, cur.s, &err);
		if (r == 0 || strcmp(to.v[0], cur.s) == 0) {
			if (changed)
				strbuf_adds(out, cur.s);
			return changed;
		}
		if (to.n > 1)
			log_warning("%s: %s: %s has more than one result; the first is used", message_id_of(m), maps, cur.s);
		strbuf_reset(&cur);
		strbuf_adds(&cur, to.v[0]);
		changed = true;
	}
	log_warning("%s: unreasonable %s map nesting for %s -- message not accepted, try again later", message_id_of(m), maps, addr);
	message_fail(m, CLEANUP_DEFER, "4.6.0 Address mapping error");
	return -1;
}

int
map_canonical(struct message *m, const char *addr, enum addr_class class, struct strbuf *out)
{
	const struct env *e = m->env;
	bool sender = (class & (CLASS_ENV_SENDER | CLASS_HDR_SENDER)) != 0;
	struct table_list *own = sender ? e->sender_canonical : e->rcpt_canonical;
	unsigned own_classes = sender ? e->sender_canonical_classes : e->rcpt_canonical_classes;
	AUTO(strbuf_done) struct strbuf first = STRBUF_INIT(ADDR_MAX);
	int r = 0, s = 0;

	if ((m->flags & CLEANUP_MAP) == 0 || *addr == '\0')
		return 0;
	if ((own_classes & class) != 0 && (r = map_one(m, own, sender ? "sender_canonical_maps" : "recipient_canonical_maps", addr, &first)) < 0)
		return -1;
	if ((e->canonical_classes & class) != 0 && (s = map_one(m, e->canonical, "canonical_maps", r == 1 ? first.s : addr, out)) < 0)
		return -1;
	if (r == 1 && s == 0)
		strbuf_adds(out, first.s);
	return r == 1 || s == 1;
}

/* ---- masquerading */
static bool
is_below(const char *domain, const char *parent)
{
	size_t n = strlen(domain), p = strlen(parent);

	return n > p && domain[n - p - 1] == '.' && ascii_casecmp(domain + n - p, parent) == 0;
}

int
map_masquerade(const struct env *e, const char *addr, enum addr_class class, struct strbuf *out)
{
	const char *domain = addr_domain(addr);
	size_t local = addr_local_len(addr);

	if (e->masquerade.n == 0 || (e->masquerade_classes & class) == 0 || domain == NULL || *domain == '\0')
		return 0;
	for (size_t i = 0; i < e->exceptions.n; i++) {
		if (strlen(e->exceptions.v[i]) == local && ascii_ncasecmp(e->exceptions.v[i], addr, local) == 0)
			return 0;
	}
	for (size_t i = 0; i < e->masquerade.n; i++) {
		const char *m = e->masquerade.v[i];
		bool keep = *m == '!';

		m += keep;
		if (ascii_casecmp(domain, m) == 0)
			return 0;
		if (!is_below(domain, m))
			continue;
		if (!keep)
			strbuf_addf(out, "%.*s@%s", (int)local, addr, m);
		return !keep;
	}
	return 0;
}

int
map_address(struct message *m, const char *addr, enum rewrite_context context, enum addr_class class, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf a = STRBUF_INIT(ADDR_MAX), b = STRBUF_INIT(ADDR_MAX);
	const char *cur = addr;
	int r;

	if (route_rewrite(m->env->route, context, cur, &a) == 1)
		cur = a.s;
	if ((r = map_canonical(m, cur, class, &b)) < 0)
		return -1;
	if (r == 1)
		cur = b.s;
	if ((m->flags & CLEANUP_MAP) == 0 || map_masquerade(m->env, cur, class, out) == 0)
		strbuf_adds(out, cur);
	return cur != addr || strcmp(out->s, addr) != 0;
}

/* ---- virtual aliases */
struct node {
	char *addr;
	int depth;
};

struct expansion {
	struct message *m;
	const char *rcpt;
	struct node *v;		/* a stack: what is still to be looked at lies above top */
	size_t n, cap;
	struct strvec *out;
};

static int
fail_expansion(struct expansion *x, const char *what)
{
	log_warning("%s: unreasonable virtual_alias_maps map %s for %s -- message not accepted, try again later",
	    message_id_of(x->m), what, x->rcpt);
	message_fail(x->m, CLEANUP_DEFER, "4.6.0 Alias expansion error");
	return -1;
}

static void
push_node(struct expansion *x, const char *addr, int depth)
{
	if (x->n == x->cap) {
		x->cap = x->cap == 0 ? 8 : x->cap * 2;
		x->v = mem_realloc_array(x->v, x->cap, sizeof *x->v);
	}
	x->v[x->n++] = (struct node){ .addr = mem_strdup(addr), .depth = depth };
}

/* Look one address up: its results go onto the stack, last first, so that they come out in order. */
static int
expand_node(struct expansion *x, const char *addr, int depth)
{
	struct env *e = x->m->env;
	AUTO(strvec_done) struct strvec to = STRVEC_INIT((size_t)e->c.alias_size + 1);
	struct err err = ERR_INIT;
	int r;

	r = *addr == '\0' ? 0 : mail_key_map(&e->keys, e->route, e->aliases, addr, MAIL_KEY_MAPPING, e->propagate_virtual, &to, &err);
	if (r < 0)
		return err.class == ERR_PERM ? fail_expansion(x, "expansion size") : fail_lookup(x->m, "virtual_alias_maps", addr, &err);
	if (r == 0)
		return strvec_add(x->out, addr) < 0 ? fail_expansion(x, "expansion size") : 0;
	if (depth >= e->c.alias_depth)
		return fail_expansion(x, "nesting");
	for (size_t i = to.n; i > 0; i--) {
		const char *a = to.v[i - 1];

		if (strlen(a) > (size_t)e->c.alias_length)
			return fail_expansion(x, "result length");
		/* an address that maps to itself is final, and may have companions */
		push_node(x, a, ascii_casecmp(a, addr) == 0 ? -1 : depth + 1);
	}
	if (x->n + x->out->n > (size_t)e->c.alias_size)
		return fail_expansion(x, "expansion size");
	return 0;
}

int
map_expand(struct message *m, const char *addr, struct strvec *out)
{
	struct expansion x = { .m = m, .rcpt = addr, .out = out };
	int64_t budget = m->env->c.alias_size * 2 + m->env->c.alias_depth;
	int r = 0;

	if (table_list_is_empty(m->env->aliases)) {
		(void)!strvec_add(out, addr);
		return 0;
	}
	push_node(&x, addr, 0);
	while (x.n > 0) {
		struct node top = x.v[--x.n];

		if (r == 0 && --budget < 0)
			r = fail_expansion(&x, "nesting");
		if (r == 0 && top.depth < 0)
			r = strvec_add(out, top.addr) < 0 ? fail_expansion(&x, "expansion size") : 0;
		else if (r == 0)
			r = expand_node(&x, top.addr, top.depth);
		mem_free(&top.addr);
	}
	mem_free(&x.v);
	return r;
}
