/* SPDX-License-Identifier: Apache-2.0 */
/* netconf - configuration files of tables behind servers, or their main.cf parameters. */
#include "table/netconf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/io.h"
#include "base/mem.h"
#include "config/conf_file.h"

enum { FILE_MAX = 1 << 20, SETTINGS_MAX = 1000 };

struct netconf {
	struct map *values;	/* of the file; NULL: parameters of main.cf */
	struct conf *conf;
	char *name;		/* the file, or what the parameters begin with */
	char *scratch;		/* name of the parameter asked for last */
};

static void
free_value(void *p)
{
	mem_wipe(p, strlen(p));	/* it may be a password */
	mem_free(&p);
}

static void
wipe_buf(struct strbuf *b)
{
	if (b->cap > 0)
		mem_wipe(b->s, b->cap);
	strbuf_done(b);
}

static int
add_line(struct netconf *nc, char *line, int line_no, struct err *err)
{
	char *name, *value, *old;

	if (conf_split_nameval(line, &name, &value, err) < 0)
		return err_prefix(err, "%s, line %d: ", nc->name, line_no);
	if (map_count(nc->values) >= SETTINGS_MAX)
		return err_set(err, ERR_CONF, NULL, "%s: more than %d settings", nc->name, SETTINGS_MAX);
	old = map_put(nc->values, name, mem_strdup(value));
	if (old != NULL)
		free_value(old);
	return 0;
}

static int
read_file(struct netconf *nc, struct err *err)
{
	AUTO(wipe_buf) struct strbuf text = STRBUF_INIT(FILE_MAX), line = STRBUF_INIT(FILE_MAX);
	struct conf_lines lines;
	int r;

	if (io_read_file(nc->name, &text, err) < 0)
		return -1;
	if (strlen(text.s) != text.len)
		return err_set(err, ERR_CONF, NULL, "%s: NUL byte", nc->name);
	conf_lines_init(&lines, text.s);
	while ((r = conf_lines_next(&lines, &line, err)) == 1)
		if (add_line(nc, line.s, lines.line, err) < 0)
			return -1;
	return r;
}

struct netconf *
netconf_open(const struct table *t, struct err *err)
{
	struct netconf *nc = NEW(struct netconf);

	nc->name = mem_strdup(t->name);
	nc->conf = t->conf;
	if (*t->name != '/' && *t->name != '.') {
		if (t->conf != NULL)
			return nc;
		err_set(err, ERR_CONF, NULL, "%s: need the path of a configuration file", t->spec);
		netconf_free(&nc);
		return NULL;
	}
	nc->values = map_new();
	if (read_file(nc, err) < 0)
		netconf_free(&nc);
	return nc;
}

void
netconf_free(struct netconf **np)
{
	struct netconf *nc = *np;

	if (nc == NULL)
		return;
	if (nc->values != NULL)
		map_free(&nc->values, free_value);
	mem_free(&nc->name);
	mem_free(&nc->scratch);
	mem_free(np);
}

const char *
netconf_get(struct netconf *nc, const char *attr, const char *dflt)
{
	const char *value;

	if (nc->values != NULL) {
		value = map_get(nc->values, attr);
	} else {
		mem_free(&nc->scratch);
		nc->scratch = mem_printf("%s_%s", nc->name, attr);
		value = conf_get(nc->conf, nc->scratch);
	}
	return value != NULL ? value : dflt;
}

static int
bad_value(const struct netconf *nc, const char *attr, const char *value, const char *expected, struct err *err)
{
	return err_set(err, ERR_CONF, NULL, "%s: bad value \"%.100s\" of %s: need %s", nc->name, value, attr, expected);
}

int
netconf_int(struct netconf *nc, const char *attr, int64_t dflt, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	const char *value = netconf_get(nc, attr, NULL);
	char *end;

	*out = dflt;
	if (value == NULL || *value == '\0')
		return 0;
	errno = 0;
	*out = strtoll(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || *out < min || *out > max)
		return bad_value(nc, attr, value, "a number within its range", err);
	return 0;
}

int
netconf_bool(struct netconf *nc, const char *attr, bool dflt, bool *out, struct err *err)
{
	const char *value = netconf_get(nc, attr, NULL);

	*out = dflt;
	if (value == NULL || *value == '\0')
		return 0;
	*out = ascii_casecmp(value, "yes") == 0;
	return *out || ascii_casecmp(value, "no") == 0 ? 0 : bad_value(nc, attr, value, "yes or no", err);
}

int
netconf_time(struct netconf *nc, const char *attr, uint64_t dflt_ms, uint64_t *out_ms, struct err *err)
{
	const char *value = netconf_get(nc, attr, NULL);

	*out_ms = dflt_ms;
	if (value == NULL || *value == '\0')
		return 0;
	return conf_parse_time(value, 's', out_ms) == 0 ? 0 : bad_value(nc, attr, value, "a time such as 30s", err);
}

char *
netconf_sql_query(struct netconf *nc)
{
	const char *query = netconf_get(nc, "query", NULL);
	AUTO(mem_free) char *field = NULL;
	AUTO(mem_free) char *table = NULL;
	AUTO(mem_free) char *where = NULL;

	if (query != NULL && *query != '\0')
		return mem_strdup(query);
	field = mem_strdup(netconf_get(nc, "select_field", ""));
	table = mem_strdup(netconf_get(nc, "table", ""));
	where = mem_strdup(netconf_get(nc, "where_field", ""));
	if (*field == '\0' || *table == '\0' || *where == '\0')
		return NULL;
	return mem_printf("SELECT %s FROM %s WHERE %s = '%%s' %s", field, table, where, netconf_get(nc, "additional_conditions", ""));
}
