/* SPDX-License-Identifier: Apache-2.0 */
/* show - main.cf parameters: which, in what order, with what value */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/param.h"
#include "postconf.h"

#define MAX_LISTED 200000

struct listing {
	const struct options *o;
	struct conf *conf;
	const struct master_cf *master;
	struct conf_names *names;
	struct strvec list;
};

static bool
has_command(const struct master_entry *e, const char *const *commands)
{
	for (; *commands != NULL; commands++)
		if (strcmp(e->command, *commands) == 0)
			return true;
	return false;
}

/* Does this service have parameters of that family? */
static bool
has_family(const struct master_entry *e, const struct param *family)
{
	static const char *const delivery[] = { "error", "lmtp", "local", "pipe", "smtp", "virtual", NULL };
	static const char *const command[] = { "pipe", "spawn", NULL };

	return has_command(e, strcmp(family->name, "_time_limit") == 0 ? command : delivery);
}

bool
is_builtin_name(const char *name)
{
	const struct param *p = param_find(name);

	return p != NULL && (p->status == PARAM_CURRENT || p->status == PARAM_DEPRECATED);
}

bool
is_service_name(const struct master_cf *m, const char *name)
{
	size_t stem;
	const struct param *family = param_find_family(name, &stem);

	if (family == NULL || m == NULL)
		return false;
	for (size_t i = 0; i < m->n; i++)
		if (strlen(m->entries[i].name) == stem && memcmp(m->entries[i].name, name, stem) == 0 && has_family(&m->entries[i], family))
			return true;
	return false;
}

/* What kind of name it is, as a class bit; 0: nothing knows it. */
static int
classify(const struct listing *l, const char *name)
{
	if (is_builtin_name(name))
		return CLASS_BUILTIN;
	if (is_service_name(l->master, name))
		return CLASS_SERVICE;
	if (!l->o->defaults && conf_raw(l->conf, name) != NULL && conf_names_has(l->names, name))
		return CLASS_USER;
	return 0;
}

static void
add_name(struct listing *l, const char *name, int class)
{
	if ((l->o->classes & class) != 0 && (!l->o->set_only || conf_raw(l->conf, name) != NULL))
		strvec_add(&l->list, name);
}

static void
add_user_name(void *arg, const char *name, const char *raw UNUSED, bool from_file UNUSED)
{
	struct listing *l = arg;

	if (classify(l, name) == CLASS_USER)
		add_name(l, name, CLASS_USER);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_all(struct listing *l)
{
	for (size_t i = 0; i < P_COUNT; i++)
		if (is_builtin_name(param_table[i].name))
			add_name(l, param_table[i].name, CLASS_BUILTIN);
	for (size_t i = 0; l->master != NULL && i < l->master->n; i++)
		for (size_t k = 0; k < param_families_count; k++) {
			AUTO(mem_free) char *name = NULL;

			if (!has_family(&l->master->entries[i], &param_families[k]))
				continue;
			name = mem_printf("%s%s", l->master->entries[i].name, param_families[k].name);
			add_name(l, name, CLASS_SERVICE);
		}
	if (!l->o->defaults)
		conf_each(l->conf, add_user_name, l);
	if (l->list.n > 0)
		qsort(l->list.v, l->list.n, sizeof(*l->list.v), compare_names);
	for (size_t i = 1; i < l->list.n;)
		if (strcmp(l->list.v[i - 1], l->list.v[i]) == 0)
			strvec_remove(&l->list, i);
		else
			i++;
}

static void
show_one(const struct listing *l, const char *name)
{
	const char *value = conf_raw(l->conf, name);
	const struct param *p = param_find(name);
	AUTO(mem_free) char *expanded = NULL;
	struct err err = ERR_INIT;
	size_t stem;

	if (p == NULL)
		p = param_find_family(name, &stem);
	if (value == NULL && p != NULL)
		value = p->dflt;
	if (value == NULL || (l->o->expand && (p == NULL || p->type != PARAM_RAW))) {
		AUTO(mem_free) char *reference = mem_printf("${%s}", name);

		expanded = conf_expand(l->conf, value != NULL ? value : reference, &err);
		if (expanded == NULL)
			fatal("%s: %s", name, err.text);
		value = expanded;
	}
	print_pair(l->o, name, value);
}

static void
show_names(struct listing *l)
{
	for (char **name = l->o->names; *name != NULL; name++)
		if ((classify(l, *name) & l->o->classes) != 0) {
			if (!l->o->set_only || conf_raw(l->conf, *name) != NULL)
				show_one(l, *name);
		} else if (!l->o->quiet) {
			log_warning("%s: unknown parameter", *name);
		}
}

int
show_main(const struct options *o)
{
	AUTO(conf_free) struct conf *conf = load_conf(o);
	AUTO(master_cf_free) struct master_cf *master = load_master(o, false);
	AUTO(conf_names_free) struct conf_names *names = conf_names_new(conf, master);
	struct listing l = { .o = o, .conf = conf, .master = master, .names = names };

	strvec_init(&l.list, MAX_LISTED);
	if (*o->names != NULL) {
		show_names(&l);
	} else {
		list_all(&l);
		for (size_t i = 0; i < l.list.n; i++)
			show_one(&l, l.list.v[i]);
	}
	strvec_done(&l.list);
	if (!o->defaults)
		warn_names(o, conf, master);
	return 0;
}

struct warning {
	const struct options *o;
	struct conf *conf;
	const struct master_cf *master;
	struct conf_names *names;
};

static void
warn_main(void *arg, const char *name, const char *raw, bool from_file)
{
	struct warning *w = arg;
	const struct param *p = param_find(name);

	if (p != NULL && p->status == PARAM_DEPRECATED && from_file) {
		if (p->instead != NULL && *p->instead != '(')
			log_warning("%s/main.cf: support for parameter \"%s\" will be removed; instead, specify \"%s\"", w->o->dir, name, p->instead);
		else
			log_warning("%s/main.cf: support for parameter \"%s\" will be removed", w->o->dir, name);
	}
	if (is_builtin_name(name) || is_service_name(w->master, name) || conf_names_has(w->names, name))
		return;
	log_warning("%s/main.cf: unused parameter: %s=%s", w->o->dir, name, raw);
}

static bool
is_set_in_master(const struct master_cf *m, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; m != NULL && i < m->n; i++) {
		const struct strvec *v = &m->entries[i].argv;

		for (size_t k = 1; k < v->n; k++)
			if (strcmp(v->v[k - 1], "-o") == 0 && strncmp(v->v[k], name, len) == 0 && v->v[k][len] == '=')
				return true;
	}
	return false;
}

static void
warn_master(struct warning *w)
{
	for (size_t i = 0; w->master != NULL && i < w->master->n; i++) {
		const struct strvec *v = &w->master->entries[i].argv;

		for (size_t k = 1; k < v->n; k++) {
			AUTO(mem_free) char *copy = mem_strdup(v->v[k]);
			char *name, *value;

			if (strcmp(v->v[k - 1], "-o") != 0 || conf_split_nameval(copy, &name, &value, NULL) < 0)
				continue;
			if (!is_builtin_name(name) && !is_service_name(w->master, name) && !conf_names_has(w->names, name))
				log_warning("%s/master.cf: unused parameter: %s=%s", w->o->dir, name, value);
		}
	}
}

void
warn_names(const struct options *o, struct conf *c, const struct master_cf *m)
{
	AUTO(conf_names_free) struct conf_names *names = conf_names_new(c, m);
	AUTO(strvec_done) struct strvec undefined = STRVEC_INIT(1000);
	const struct strvec *file = conf_file_warnings(c);
	struct warning w = { .o = o, .conf = c, .master = m, .names = names };

	if (o->quiet)
		return;
	for (size_t i = 0; i < file->n; i++)
		log_warning("%s", file->v[i]);
	conf_names_undefined(names, &undefined);
	for (size_t i = 0; i < undefined.n; i++)
		if (!is_set_in_master(m, undefined.v[i]))
			log_warning("%s/main.cf: undefined parameter: %s", o->dir, undefined.v[i]);
	conf_each(c, warn_main, &w);
	warn_master(&w);
}
