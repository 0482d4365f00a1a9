/* SPDX-License-Identifier: Apache-2.0 */
/* values - every value that main.cf or a -o of master.cf sets is one that its parameter takes */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/param.h"
#include "postern.h"

union any {
	const char *text;
	int64_t number;
	uint64_t ms;
	bool yes;
};

static enum conf_kind
kind_of(enum param_type type)
{
	switch (type) {
	case PARAM_INT: return CONF_KIND_INT;
	case PARAM_SIZE: return CONF_KIND_SIZE;
	case PARAM_TIME: return CONF_KIND_TIME;
	case PARAM_BOOL: return CONF_KIND_BOOL;
	case PARAM_RAW: return CONF_KIND_RAW;
	default: return CONF_KIND_STR;
	}
}

static unsigned
check_all(struct conf *c, const char *where)
{
	unsigned bad = 0;

	for (size_t i = 0; i < P_COUNT; i++) {
		struct conf_bind b = { .param = (enum conf_param)i, .kind = kind_of(param_table[i].type) };
		struct err err = ERR_INIT;
		union any out;

		if (conf_raw(c, param_table[i].name) == NULL || conf_bind(c, &b, 1, &out, &err) == 0)
			continue;
		log_error("%s%s", where, err.text);
		bad++;
		if (strstr(err.text, param_table[i].name) == NULL)
			break;		/* it is about another one, and would be said again for each */
	}
	return bad;
}

static unsigned
check_entry(const struct postern *p, const struct master_cf *mc, const struct master_entry *e)
{
	struct err err = ERR_INIT;
	struct conf *c = NULL;
	AUTO(mem_free) char *where = mem_printf("%s, line %d: service %s: ", mc->path, e->line, e->name);
	unsigned bad = 0;

	for (size_t i = 0; i + 1 < e->argv.n && bad == 0; i++) {
		if (strcmp(e->argv.v[i], "-o") != 0)
			continue;
		if (c == NULL && (c = conf_load(p->conf_dir, &err)) == NULL)
			return 0;	/* said elsewhere */
		if (conf_override(c, e->argv.v[++i], &err) < 0) {
			log_error("%s%s", where, err.text);
			bad = 1;
		}
	}
	if (c != NULL && bad == 0)
		bad = check_all(c, where);
	conf_free(&c);
	return bad;
}

unsigned
check_values(const struct postern *p, const struct master_cf *mc)
{
	unsigned bad = check_all(p->conf, "");

	/* what is wrong in main.cf would be wrong again in each entry */
	for (size_t i = 0; i < mc->n && bad == 0; i++)
		bad += check_entry(p, mc, &mc->entries[i]);
	return bad;
}
