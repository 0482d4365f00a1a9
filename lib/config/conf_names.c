/* SPDX-License-Identifier: Apache-2.0 */
/* conf_names - which names that are no built-in parameters a configuration makes use of */
#include "config/conf_names.h"

#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "config/conf_priv.h"
#include "config/expand.h"

#define MAX_NAMES 100000

struct conf_names {
	struct conf *c;
	struct map *used;	/* name -> itself as a marker */
	struct map *stems;	/* "src" of ldap:src -> the table type's settings */
};

/* Settings that a table of this type may have in main.cf */
struct table_settings {
	const char *type;
	const char *suffixes;
};

/* not const: a map keeps pointers to it; nobody writes */
static struct table_settings table_settings[] = {
	{ "ldap", "bind bind_dn bind_pw cache cache_expiry cache_size chase_referrals debuglevel dereference domain expansion_limit "
	    "leaf_result_attribute query_filter recursion_limit result_attribute result_filter result_format sasl_authz_id "
	    "sasl_mechs sasl_minssf sasl_realm scope search_base search_timeout server_host server_port size_limit "
	    "special_result_attribute start_tls terminal_result_attribute timeout tls_ca_cert_dir tls_ca_cert_file tls_cert "
	    "tls_cipher_suite tls_key tls_random_file tls_require_cert version" },
	{ "mysql", "additional_conditions charset dbname domain expansion_limit hosts idle_interval option_file option_group password "
	    "query require_result_set result_format retry_interval select_field select_function table tls_CAfile tls_CApath "
	    "tls_cert_file tls_ciphers tls_key_file tls_verify_cert user where_field" },
	{ "pgsql", "additional_conditions dbname domain encoding expansion_limit hosts idle_interval password query result_format "
	    "retry_interval select_field select_function table user where_field" },
	{ "sqlite", "additional_conditions dbpath domain expansion_limit query result_format select_field table where_field" },
	{ "memcache", "backup data_size_limit domain flags key_format line_size_limit max_try memcache retry_pause timeout ttl" },
	{ "mongodb", "auth_type collection dbname domain expansion_limit filter projection query_filter result_attribute result_format "
	    "search_base uri" },
};

static void
mark_name(void *arg, const char *name)
{
	struct conf_names *n = arg;
	static char mark[] = "";

	if (map_count(n->used) < MAX_NAMES)
		map_put(n->used, name, mark);
}

static void
mark_table(struct conf_names *n, const char *stem, size_t len, struct table_settings *t)
{
	AUTO(mem_free) char *copy = mem_strndup(stem, len);

	if (len > 0 && map_count(n->stems) < MAX_NAMES)
		map_put(n->stems, copy, t);
}

/* "ldap:name" anywhere in a value, where the name is no path */
static void
scan_tables(struct conf_names *n, const char *value)
{
	for (size_t i = 0; i < COUNT_OF(table_settings); i++) {
		size_t len = strlen(table_settings[i].type);

		for (const char *p = value; (p = strstr(p, table_settings[i].type)) != NULL; p += len) {
			const char *stem = p + len + 1;

			if (p[len] != ':' || (p > value && (ascii_is_alnum((unsigned char)p[-1]) || p[-1] == '_')))
				continue;
			mark_table(n, stem, strcspn(stem, "/., \t\r\n{}"), &table_settings[i]);
		}
	}
}

static void
scan_value(struct conf_names *n, const struct param *p, const char *name, const char *value)
{
	AUTO(strvec_done) struct strvec classes = STRVEC_INIT(10000);

	if (p != NULL && p->type == PARAM_RAW)
		return;
	expand_names(value, mark_name, n);
	scan_tables(n, value);
	if (strcmp(name, "smtpd_restriction_classes") == 0) {
		AUTO(mem_free) char *list = conf_expand(n->c, value, NULL);

		if (list != NULL && conf_split_list(list, &classes, NULL) == 0)
			for (size_t i = 0; i < classes.n; i++)
				mark_name(n, classes.v[i]);
	}
}

static void
scan_settings(struct conf_names *n)
{
	struct map_iter it = { 0 };

	while (map_next(n->c->settings, &it)) {
		const struct conf_setting *s = it.value;

		scan_value(n, param_find(it.key), it.key, s->raw);
	}
	for (size_t i = 0; i < P_COUNT; i++)
		if (param_table[i].status != PARAM_OBSOLETE && param_table[i].dflt != NULL &&
		    conf_find_setting(n->c, param_table[i].name) == NULL)
			scan_value(n, &param_table[i], param_table[i].name, param_table[i].dflt);
}

static void
scan_master(struct conf_names *n, const struct master_cf *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct strvec *argv = &m->entries[i].argv;

		for (size_t k = 0; k + 1 < argv->n; k++) {
			AUTO(mem_free) char *copy = NULL;
			char *name, *value;

			if (strcmp(argv->v[k], "-o") != 0)
				continue;
			copy = mem_strdup(argv->v[++k]);
			if (conf_split_nameval(copy, &name, &value, NULL) == 0)
				scan_value(n, param_find(name), name, value);
		}
	}
}

struct conf_names *
conf_names_new(struct conf *c, const struct master_cf *m)
{
	struct conf_names *n = NEW(struct conf_names);

	n->c = c;
	n->used = map_new();
	n->stems = map_new();
	scan_settings(n);
	if (m != NULL)
		scan_master(n, m);
	return n;
}

void
conf_names_free(struct conf_names **np)
{
	struct conf_names *n = *np;

	if (n == NULL)
		return;
	*np = NULL;
	map_free(&n->used, NULL);
	map_free(&n->stems, NULL);
	mem_free(&n);
}

static bool
has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; (p = strstr(p, word)) != NULL; p += len)
		if ((p == words || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

bool
conf_names_has(const struct conf_names *n, const char *name)
{
	if (map_get(n->used, name) != NULL)
		return true;
	for (const char *p = strchr(name, '_'); p != NULL; p = strchr(p + 1, '_')) {
		const struct table_settings *t = map_getn(n->stems, name, (size_t)(p - name));

		if (t != NULL && has_word(t->suffixes, p + 1))
			return true;
	}
	return false;
}

void
conf_names_undefined(const struct conf_names *n, struct strvec *out)
{
	struct map_iter it = { 0 };
	size_t stem;

	while (map_next(n->used, &it))
		if (param_find(it.key) == NULL && param_find_family(it.key, &stem) == NULL && conf_find_setting(n->c, it.key) == NULL)
			strvec_add(out, it.key);
}

void
conf_each(const struct conf *c, void (*fn)(void *arg, const char *name, const char *raw, bool from_file), void *arg)
{
	struct map_iter it = { 0 };

	while (map_next(c->settings, &it)) {
		const struct conf_setting *s = it.value;

		fn(arg, it.key, s->raw, s->line > 0);
	}
}

const struct strvec *
conf_file_warnings(const struct conf *c)
{
	return &c->warnings;
}

void
conf_show_only(struct conf *c)
{
	c->show_only = true;
}
