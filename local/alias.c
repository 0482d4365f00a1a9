/* SPDX-License-Identifier: Apache-2.0 */
/* Aliases: look-up, owners, and what becomes of each destination. */
#include <string.h>
#include <sys/stat.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "child.h"
#include "route/rewrite.h"
#include "table/alias_src.h"

enum { VALUE_MAX = 16 << 20 };

/* The table that has the name: first as an address would be written, then without quotes.  1, 0, -1. */
static int
find(const char *name, struct table **table, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf quoted = STRBUF_INIT(8000);

	alias_quote(name, &quoted);
	for (size_t i = 0; i < table_list_count(conf.aliases); i++) {
		int r;

		*table = table_list_at(conf.aliases, i);
		r = table_lookup(*table, quoted.s, value, err);
		if (r == 0 && strcmp(quoted.s, name) != 0)
			r = table_lookup(*table, name, value, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Commands and files run as the owner of the table; root's run as default_privs. */
static struct rights
rights_of(const struct table *t)
{
	struct rights r = conf.default_rights;
	struct rights_user u;
	uid_t uid;

	if (table_owner(t, &uid) == 0 && uid != 0 && rights_find_uid(uid, &u, NULL) == 1) {
		r = u.rights;
		rights_user_done(&u);
	}
	return r;
}

struct expansion_job {
	struct delivery *d;
	struct target like;	/* what the destinations inherit */
	const struct target *t;
	const struct name_parts *n;
	struct rights rights;
	const char *ext;	/* to be handed on, or "" */
};

static void
from_list(void *arg, const char *text, bool literal)
{
	struct expansion_job *j = arg;
	struct target like = j->like;

	like.exp = EXP_INCLUDE;
	delivery_address(j->d, &like, text, conf.propagate_include ? j->ext : "", literal);
}

static void
run_list(void *arg)
{
	list_child(arg);
}

/* A list is read with the rights of its owner, so that what it names is his, too. */
static struct rights
include_rights(const char *path, const struct rights *dflt)
{
	struct rights_user u;
	struct rights r = *dflt;
	struct stat st;

	if (stat(path, &st) == 0 && st.st_uid != 0 && rights_find_uid(st.st_uid, &u, NULL) == 1) {
		r = u.rights;
		rights_user_done(&u);
	}
	return r;
}

static void
in_child(struct expansion_job *e, const struct item *it)
{
	static const struct child_handlers handlers = { .address = from_list };
	struct list_job j = { .user = { .d = e->d, .t = e->t, .n = e->n, .command = "" }, .item = *it, .from = ALLOW_ALIAS };
	struct rights r = it->kind == ITEM_INCLUDE ? include_rights(it->text, &e->rights) : e->rights;

	if (it->kind == ITEM_INCLUDE)
		j.from = ALLOW_INCLUDE;
	child_run(e->d, e->t, &r, run_list, &j, &j.user.sock, &handlers, e);
}

static void
destination(void *arg, const struct item *it)
{
	struct expansion_job *e = arg;
	bool allowed = true;

	if (e->d->looped)
		return;
	switch (it->kind) {
	case ITEM_ADDR:
	case ITEM_LITERAL:
		delivery_address(e->d, &e->like, it->text, conf.propagate_alias ? e->ext : "", it->kind == ITEM_LITERAL);
		return;
	case ITEM_FILE:
		allowed = (conf.allow_files_from & ALLOW_ALIAS) != 0;
		break;
	case ITEM_COMMAND:
		allowed = (conf.allow_commands_from & ALLOW_ALIAS) != 0;
		break;
	case ITEM_INCLUDE:
		break;
	}
	if (allowed)
		in_child(e, it);
	else
		delivery_outcome(e->d, e->t->addr, "5.7.1", "mail to %s is restricted", it->kind == ITEM_FILE ? "file" : "command");
}

/* owner-NAME: the sender of what comes of it; NULL when there is none. -1: a table failed. */
static int
find_owner(struct delivery *d, const struct target *t, const struct name_parts *n, const char *name, const char **owner)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX), addr = STRBUF_INIT(8000);
	AUTO(mem_free) char *key = mem_printf("owner-%s", name);
	struct err err = ERR_INIT;
	struct table *table;
	int r;

	*owner = conf.reset_owner ? NULL : t->owner;
	if (ascii_ncasecmp(name, "owner-", 6) == 0)
		return 0;
	r = find(key, &table, &value, &err);
	if (r < 0) {
		log_warning("%s: %s", d->ctx->req->id, err.text);
		return -1;
	}
	if (r == 0)
		return 0;
	/* expand_owner_alias: the one address of the alias itself */
	if (conf.expand_owner && strpbrk(value.s, ",|/: \t") == NULL) {
		if (route_rewrite(conf.route, REWRITE_LOCAL, value.s, &addr) == 0)
			strbuf_adds(&addr, value.s);
		*owner = pool_strdup(d->pool, addr.s);
	} else {
		*owner = pool_printf(d->pool, "%s@%s", key, n->domain);
	}
	return 0;
}

static void
unavailable(struct delivery *d, const struct target *t, const struct err *err)
{
	log_warning("%s: %s", d->ctx->req->id, err->text);
	delivery_outcome(d, t->addr, "4.3.0", "alias database unavailable");
}

/* 1, 0, and 1 with an outcome when a table failed. */
static int
expand_name(struct delivery *d, const struct target *t, const struct name_parts *n, const char *name, const char *ext)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	struct expansion_job e = { .d = d, .t = t, .n = n, .ext = ext };
	struct err err = ERR_INIT;
	struct table *table = NULL;
	size_t count = 0;
	int r;

	if (t->from != NULL && ascii_casecmp(t->from, name) == 0)
		return 0;
	r = find(name, &table, &value, &err);
	if (r == 0)
		return 0;
	e.like = (struct target){ .from = pool_strdup(d->pool, name), .exp = EXP_ALIAS, .level = t->level + 1 };
	if (r < 0 || find_owner(d, t, n, name, &e.like.owner) < 0) {
		unavailable(d, t, &err);
		return 1;
	}
	if (!delivery_first(d, "alias", name))
		log_debug("%s: alias %s again", d->ctx->req->id, name);
	e.rights = rights_of(table);
	if (items_parse(d->pool, value.s, NULL, &count, destination, &e, &err) < 0)
		delivery_outcome(d, t->addr, "5.3.5", "mail system configuration error");
	else if (count == 0) {
		log_warning("alias %s has no destination", name);
		delivery_outcome(d, t->addr, "5.3.5", "mail system configuration error");
	}
	return 1;
}

int
alias_expand(struct delivery *d, const struct target *t, const struct name_parts *n)
{
	int r = expand_name(d, t, n, n->local, "");

	if (r == 0 && *n->ext != '\0')
		r = expand_name(d, t, n, n->user, n->ext);
	return r;
}

int
alias_exists(const struct name_parts *n, struct err *err)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	struct table *table;
	int r = find(n->local, &table, &value, err);

	return r == 0 && *n->ext != '\0' ? find(n->user, &table, &value, err) : r;
}
