/* SPDX-License-Identifier: Apache-2.0 */
/* mail_key - keys of an address in their order, and mappings of addresses */
#include "route/mail_key.h"

#include <string.h>

#include "address/addr.h"
#include "base/mem.h"
#include "route/rewrite.h"

enum {
	KEY_MAX = 2 * ADDR_MAX + 16,
	VALUE_MAX = 1 << 20,
	PARENTS_MAX = 128,	/* labels of a domain of 255 bytes */
};

/* 0 go on, 1 done, -1.  whole: the first key, which tables without partial keys are asked for too. */
typedef int try_fn(void *arg, const char *key, bool whole, const char *ext, struct err *err);

struct walk {
	const struct mail_key_env *env;
	const char *addr, *domain;
	size_t local_len, ext_at;	/* ext_at 0: no extension */
	unsigned forms;
	int is_local;			/* -1: not known yet */
	bool asked;			/* a key was tried */
	struct strbuf key;
	try_fn *try;
	void *arg;
	struct err *err;
};

static int
try_key(struct walk *w, const char *ext)
{
	bool whole = !w->asked;

	if (w->key.overflow)
		return 0;
	w->asked = true;
	return w->try(w->arg, w->key.s, whole, ext, w->err);
}

/* local part of n bytes + tail; in external form first where it needs quotes. */
static int
try_local(struct walk *w, size_t n, const char *tail, const char *ext)
{
	int r;

	if (addr_local_needs_quotes(w->addr, n)) {
		strbuf_reset(&w->key);
		addr_quote_local(&w->key, w->addr, n);
		strbuf_adds(&w->key, tail);
		if ((r = try_key(w, ext)) != 0)
			return r;
	}
	strbuf_reset(&w->key);
	strbuf_add(&w->key, w->addr, n);
	strbuf_adds(&w->key, tail);
	return try_key(w, ext);
}

/* user+ext and user, each with tail; forms tell which of the two are wanted. */
static int
try_both(struct walk *w, bool full, bool noext, const char *tail)
{
	int r = full ? try_local(w, w->local_len, tail, "") : 0;

	if (r == 0 && noext && w->ext_at > 0) {
		AUTO(mem_free) char *ext = mem_strndup(w->addr + w->ext_at, w->local_len - w->ext_at);

		r = try_local(w, w->ext_at, tail, ext);
	}
	return r;
}

static int
try_text(struct walk *w, const char *prefix, const char *text)
{
	strbuf_reset(&w->key);
	strbuf_adds(&w->key, prefix);
	strbuf_adds(&w->key, text);
	return try_key(w, "");
}

static int
try_domain(struct walk *w)
{
	const char *dot = w->domain;
	int r = 0;

	if ((w->forms & MAIL_KEY_AT_DOMAIN) != 0)
		r = try_text(w, "@", w->domain);
	if (r == 0 && (w->forms & MAIL_KEY_DOMAIN) != 0)
		r = try_text(w, "", w->domain);
	if (r != 0 || (w->forms & (MAIL_KEY_PARENT | MAIL_KEY_PARENT_BARE)) == 0 || w->domain[0] == '[')
		return r;
	for (int i = 0; i < PARENTS_MAX && r == 0 && (dot = strchr(dot, '.')) != NULL && dot[1] != '\0'; i++) {
		dot++;
		r = try_text(w, (w->forms & MAIL_KEY_PARENT_BARE) != 0 ? "" : ".", dot);
	}
	return r;
}

static int
wants_bare_user(struct walk *w)
{
	if ((w->forms & MAIL_KEY_USER) != 0)
		return 1;
	if ((w->forms & MAIL_KEY_LOCAL) == 0)
		return 0;
	if (w->domain == NULL)
		return 1;
	if (w->is_local < 0)
		return localdom_has_or_origin(w->env->local, w->domain, w->err);
	return w->is_local;
}

static int
walk_keys(struct walk *w)
{
	int r = 0;

	if (w->addr[0] == '\0')
		return 0;
	w->domain = addr_domain(w->addr);
	w->local_len = addr_local_len(w->addr);
	w->ext_at = addr_ext_at(w->addr, w->local_len, w->env->delims, w->env->owner_request);
	if (w->domain != NULL)
		r = try_both(w, (w->forms & MAIL_KEY_FULL) != 0, (w->forms & MAIL_KEY_NOEXT) != 0, w->addr + w->local_len);
	if (r == 0 && (r = wants_bare_user(w)) == 1)
		r = try_both(w, true, true, "");
	if (r == 0 && w->domain != NULL)
		r = try_domain(w);
	if (r == 0 && (w->forms & MAIL_KEY_USER_AT) != 0)
		r = try_both(w, true, true, "@");
	return r;
}

/* ---- looking up */
struct find {
	struct table_list *tables;
	struct strbuf *value, *ext;
};

static int
find_key(void *arg, const char *key, bool whole, const char *ext, struct err *err)
{
	struct find *f = arg;
	int r = table_list_lookup_part(f->tables, key, !whole, f->value, err);

	if (r == 1 && f->ext != NULL)
		strbuf_adds(f->ext, ext);
	return r;
}

int
mail_key_find(const struct mail_key_env *e, struct table_list *tables, const char *addr, unsigned forms, struct strbuf *value,
    struct strbuf *ext, struct err *err)
{
	struct find f = { .tables = tables, .value = value, .ext = ext };
	struct walk w = { .env = e, .addr = addr, .forms = forms, .is_local = -1, .key = STRBUF_INIT(KEY_MAX), .try = find_key,
	    .arg = &f, .err = err };
	int r;

	if (ext != NULL)
		strbuf_reset(ext);
	if (tables == NULL || table_list_is_empty(tables))
		return 0;
	r = walk_keys(&w);
	strbuf_done(&w.key);
	return r;
}

static int
list_key(void *arg, const char *key, bool whole UNUSED, const char *ext UNUSED, struct err *err UNUSED)
{
	struct strvec *out = arg;

	if (!strvec_has(out, key))
		(void)!strvec_add(out, key);
	return 0;
}

void
mail_key_list(const struct mail_key_env *e, const char *addr, unsigned forms, bool is_local, struct strvec *out)
{
	struct walk w = { .env = e, .addr = addr, .forms = forms, .is_local = is_local, .key = STRBUF_INIT(KEY_MAX), .try = list_key,
	    .arg = out };

	(void)!walk_keys(&w);
	strbuf_done(&w.key);
}

/* ---- mapping */
static int
add_mapped(struct route *r, const char *addr, const char *ext, struct strvec *out)
{
	AUTO(strbuf_done) struct strbuf full = STRBUF_INIT(ADDR_MAX), done = STRBUF_INIT(ADDR_MAX);

	if (route_rewrite(r, REWRITE_LOCAL, addr, &full) == 0)
		strbuf_adds(&full, addr);
	if (*ext == '\0' || full.len == 0)
		return full.overflow ? -1 : strvec_add(out, full.s);
	strbuf_add(&done, full.s, addr_local_len(full.s));
	strbuf_adds(&done, ext);
	strbuf_adds(&done, full.s + addr_local_len(full.s));
	return full.overflow || done.overflow ? -1 : strvec_add(out, done.s);
}

/* "@newdom": the whole local part moves over, so there is no extension left to propagate. */
static int
add_moved(const char *addr, const char *newdom, struct strvec *out)
{
	return strvec_addf(out, "%.*s%s", (int)addr_local_len(addr), addr, newdom);
}

static int
add_value(struct route *r, const char *addr, const char *value, const char *ext, struct strvec *out, struct err *err)
{
	AUTO(pool_free) struct pool *pool = NULL;
	struct addr_list list;

	if (value[0] == '@' && strpbrk(value, ", \t") == NULL) {
		if (add_moved(addr, value, out) < 0)
			return err_set(err, ERR_PERM, "5.1.0", "mapping of %s: too many addresses", addr);
		return 1;
	}
	pool = pool_new(1024);
	if (addr_list_parse(pool, value, strlen(value), out->max, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		if (add_mapped(r, list.v[i].addr, ext, out) < 0)
			return err_set(err, ERR_PERM, "5.1.0", "mapping of %s: too many or too long addresses", addr);
	}
	if (list.is_cut)
		return err_set(err, ERR_PERM, "5.1.0", "mapping of %s: too many addresses", addr);
	if (list.n == 0 && strstr(value, "<>") == NULL)
		return err_set(err, ERR_CONF, "4.3.5", "mapping of %s: no address in \"%s\"", addr, value);
	return list.n == 0 && strvec_add(out, "") < 0 ? -1 : 1;
}

int
mail_key_map(const struct mail_key_env *e, struct route *r, struct table_list *tables, const char *addr, unsigned forms,
    bool propagate, struct strvec *out, struct err *err)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX), ext = STRBUF_INIT(ADDR_MAX);
	int found = mail_key_find(e, tables, addr, forms, &value, &ext, err);

	if (found != 1)
		return found;
	return add_value(r, addr, value.s, propagate ? ext.s : "", out, err);
}
