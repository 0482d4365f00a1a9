/* SPDX-License-Identifier: Apache-2.0 */
/* conf_warn - names that nothing knows, and names that are known but not acted on */
#include <string.h>

#include "base/mem.h"
#include "config/conf_names.h"
#include "config/conf_priv.h"
#include "config/expand.h"

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

static void
check_known(struct warn *w, const struct param *p, const char *name)
{
	if (p->status == PARAM_OBSOLETE)
		say(w, name, "parameter %s is obsolete and not acted on; instead: %s", name, p->instead != NULL ? p->instead : "-");
	else if (!p->used)
		say(w, name, "parameter %s is known, but this release does not act on it", name);
	else if (p->status == PARAM_DEPRECATED && p->instead != NULL)
		say(w, name, "parameter %s is deprecated; instead: %s", name, p->instead);
}

void
conf_warn(struct conf *c, void (*fn)(void *arg, const char *text), void *arg)
{
	struct warn w = { .c = c, .fn = fn, .arg = arg };
	AUTO(conf_names_free) struct conf_names *names = conf_names_new(c, NULL);
	struct map_iter it = { 0 };
	size_t stem;

	for (size_t i = 0; i < c->warnings.n; i++)
		fn(arg, c->warnings.v[i]);
	while (map_next(c->settings, &it)) {
		const struct conf_setting *s = it.value;
		const struct param *p = param_find(it.key);
		const char *near;

		if (p == NULL)
			p = param_find_family(it.key, &stem);
		if (p != NULL) {
			if (s->line > 0)
				check_known(&w, p, it.key);
			continue;
		}
		if (s->line == 0 || conf_names_has(names, it.key))
			continue;
		near = param_nearest(it.key);
		if (near != NULL)
			say(&w, it.key, "unused parameter: %s=%.200s (did you mean %s?)", it.key, s->raw, near);
		else
			say(&w, it.key, "unused parameter: %s=%.200s", it.key, s->raw);
	}
}
