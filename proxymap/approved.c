/* SPDX-License-Identifier: Apache-2.0 */
/* approved - which tables clients may ask for, and these tables */
#include "proxymap.h"

#include <string.h>

#include "base/ascii.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/conf_names.h"
#include "config/master_cf.h"

enum { NAMES_MAX = 100000, DEPTH_MAX = 16, TABLES_MAX = 1000 };

struct approved {
	struct map *names;	/* "type:name" */
	bool implied_only;	/* while words are added: those with "proxy:" are not meant */
	struct map *tables;	/* "flags type:name" -> struct table */
};

static int add_list(struct approved *a, const char *list, unsigned depth, struct err *err);

static int
add_word(struct approved *a, const char *word, unsigned depth, struct err *err)
{
	const char *colon = strchr(word, ':');
	AUTO(mem_free) char *type = colon != NULL ? mem_strndup(word, (size_t)(colon - word)) : NULL;

	if (depth > DEPTH_MAX || map_count(a->names) >= NAMES_MAX)
		return err_set(err, ERR_CONF, NULL, "too many tables in one list, or nested too deeply");
	if (*word == '!')
		return add_word(a, word + 1, depth + 1, err);
	if (type != NULL && strcmp(type, "proxy") == 0) {
		if (!a->implied_only)
			map_put(a->names, colon + 1, a);
		return 0;
	}
	if (type != NULL && strcmp(type, "debug") == 0)
		return add_word(a, colon + 1, depth + 1, err);
	if (type != NULL && table_is_proxied_type(type)) {
		map_put(a->names, word, a);
		return 0;
	}
	/* tables made of tables, and restrictions in braces */
	if (*word == '{' || (colon != NULL && colon[1] == '{')) {
		AUTO(mem_free) char *inner = mem_strdup(*word == '{' ? word + 1 : colon + 2);
		size_t n = strlen(inner);

		if (n > 0 && inner[n - 1] == '}')
			inner[n - 1] = '\0';
		return add_list(a, inner, depth + 1, err);
	}
	return 0;
}

static int
add_list(struct approved *a, const char *list, unsigned depth, struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(NAMES_MAX);

	if (conf_split_list(list, &v, err) < 0)
		return -1;
	for (size_t i = 0; i < v.n; i++)
		if (add_word(a, v.v[i], depth, err) < 0)
			return -1;
	return 0;
}

struct approved *
approved_new(const char *list, struct err *err)
{
	struct approved *a = NEW(struct approved);

	a->names = map_new();
	a->tables = map_new();
	if (add_list(a, list, 0, err) < 0)
		approved_free(&a);
	return a;
}

struct settings {
	struct approved *a;
	struct conf *conf;
};

static void
add_setting(void *arg, const char *name UNUSED, const char *raw, bool from_file UNUSED)
{
	struct settings *s = arg;
	AUTO(mem_free) char *value = strchr(raw, ':') != NULL ? conf_expand(s->conf, raw, NULL) : NULL;

	/* a value that is no list names no table */
	if (value != NULL && add_list(s->a, value, 0, NULL) < 0)
		return;
}

static void
add_services(struct settings *s, const struct master_cf *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct strvec *argv = &m->entries[i].argv;

		for (size_t k = 1; k < argv->n; k++) {
			AUTO(mem_free) char *copy = mem_strdup(argv->v[k]);
			char *name, *value;

			if (strcmp(argv->v[k - 1], "-o") == 0 && conf_split_nameval(copy, &name, &value, NULL) == 0)
				add_setting(s, name, value, true);
		}
	}
}

int
approved_add_implied(struct approved *a, struct conf *conf, struct err *err)
{
	struct settings s = { .a = a, .conf = conf };
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", conf_dir(conf));
	AUTO(master_cf_free) struct master_cf *m = master_cf_load(path, err);

	if (m == NULL)
		return -1;
	a->implied_only = true;
	conf_each(conf, add_setting, &s);
	add_services(&s, m);
	a->implied_only = false;
	return 0;
}

static void
free_table(void *p)
{
	struct table *t = p;

	table_free(&t);
}

void
approved_free(struct approved **ap)
{
	if (*ap == NULL)
		return;
	map_free(&(*ap)->names, NULL);
	map_free(&(*ap)->tables, free_table);
	mem_free(ap);
}

bool
approved_has(const struct approved *a, const char *spec)
{
	return map_get(a->names, spec) != NULL;
}

struct table *
approved_table(struct approved *a, const char *spec, int flags, struct conf *conf, struct err *err)
{
	AUTO(mem_free) char *key = NULL;
	struct table *t;

	/* only pattern tables care for it: the others are opened once */
	if (strncmp(spec, "pcre:", 5) != 0 && strncmp(spec, "regexp:", 7) != 0)
		flags &= ~TABLE_NO_SUBST;
	key = mem_printf("%d %s", flags, spec);
	t = map_get(a->tables, key);
	if (t != NULL)
		return t;
	if (map_count(a->tables) >= TABLES_MAX) {
		err_set(err, ERR_TEMP, "4.3.0", "more than %d tables", TABLES_MAX);
		return NULL;
	}
	t = table_open(spec, flags | TABLE_NO_PROXY, conf, err);
	if (t != NULL)
		map_put(a->tables, key, t);
	return t;
}

void
approved_open_all(struct approved *a, struct conf *conf, void (*watch)(struct table *t))
{
	struct map_iter it = { 0 };

	while (map_next(a->names, &it)) {
		struct table *t = approved_table(a, it.key, TABLE_FOLD, conf, NULL);

		if (t != NULL)
			watch(t);
	}
}
