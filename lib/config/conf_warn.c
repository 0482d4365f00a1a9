/* SPDX-License-Identifier: Apache-2.0 */
/* conf_warn - names that nothing knows, and names that are known but not acted on */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/conf_names.h"
#include "config/conf_priv.h"
#include "config/expand.h"

#define MAX_NAMES 100000

struct warn {
	struct conf *c;
	void (*fn)(void *arg, const char *text);
	void *arg;
};

static void
say(struct warn *w, const char *name, const char *fmt, ...) PRINTF(3, 4);

static void
say(struct warn *w, const char *name, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(4096);
	const struct conf_setting *s = conf_find_setting(w->c, name);
	va_list ap;

	if (s != NULL && s->line > 0)
		strbuf_addf(&b, "%s, line %d: ", w->c->path, s->line);
	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	w->fn(w->arg, b.s);
}

/* Names that values of parameters acted on refer to, and those that these refer to: they are acted on as well. */
struct reach {
	struct conf *c;
	struct map *names;
	struct strvec todo;
};

static void
reach_name(void *arg, const char *name)
{
	struct reach *r = arg;

	if (map_get(r->names, name) == NULL && strvec_add(&r->todo, name) == 0)
		map_put(r->names, name, r);
}

static void
reach_all(struct reach *r)
{
	for (size_t i = 0; i < P_COUNT; i++)
		if (param_table[i].used)
			reach_name(r, param_table[i].name);
	for (size_t i = 0; i < r->todo.n; i++) {
		const struct param *p = param_find(r->todo.v[i]);
		const char *raw = conf_raw(r->c, r->todo.v[i]);

		if (raw == NULL && p != NULL)
			raw = p->dflt;
		if (raw != NULL)
			expand_names(raw, reach_name, r);
	}
}

static void
check_known(struct warn *w, const struct reach *r, const struct param *p, const char *name)
{
	if (p->status == PARAM_OBSOLETE && p->instead != NULL)
		say(w, name, "parameter %s is obsolete; instead: %s", name, p->instead);
	else if (!p->used && map_get(r->names, name) == NULL)
		say(w, name, "parameter %s is known, but this release does not act on it", name);
	else if (p->status == PARAM_DEPRECATED && p->instead != NULL)
		say(w, name, "parameter %s is deprecated; instead: %s", name, p->instead);
}

static void
check_setting(struct warn *w, const struct reach *r, const struct conf_names *names, const char *name)
{
	const struct param *p = param_find(name);
	const char *near;
	size_t stem;

	if (p == NULL)
		p = param_find_family(name, &stem);
	if (p != NULL) {
		check_known(w, r, p, name);
		return;
	}
	if (conf_names_has(names, name))
		return;
	near = param_nearest(name);
	if (near != NULL)
		say(w, name, "unused parameter: %s=%.200s (did you mean %s?)", name, conf_raw(w->c, name), near);
	else
		say(w, name, "unused parameter: %s=%.200s", name, conf_raw(w->c, name));
}

struct line {
	const char *name;
	int line;
};

static int
compare_lines(const void *a, const void *b)
{
	return ((const struct line *)a)->line - ((const struct line *)b)->line;
}

void
conf_warn(struct conf *c, void (*fn)(void *arg, const char *text), void *arg)
{
	struct warn w = { .c = c, .fn = fn, .arg = arg };
	struct reach r = { .c = c, .names = map_new() };
	AUTO(conf_names_free) struct conf_names *names = conf_names_new(c, NULL);
	AUTO(mem_free) struct line *lines = mem_alloc_array(map_count(c->settings) + 1, sizeof(*lines));
	struct map_iter it = { 0 };
	size_t n = 0;

	strvec_init(&r.todo, MAX_NAMES);
	reach_all(&r);
	for (size_t i = 0; i < c->warnings.n; i++)
		fn(arg, c->warnings.v[i]);
	/* in the order of the file, what was set elsewhere left out */
	while (map_next(c->settings, &it)) {
		const struct conf_setting *s = it.value;

		if (s->line > 0)
			lines[n++] = (struct line){ it.key, s->line };
	}
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < n; i++)
		check_setting(&w, &r, names, lines[i].name);
	strvec_done(&r.todo);
	map_free(&r.names, NULL);
}
