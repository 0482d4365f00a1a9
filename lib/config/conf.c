/* SPDX-License-Identifier: Apache-2.0 */
/* conf - main.cf read, overridden and expanded */
#include "config/conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/io.h"
#include "base/mem.h"
#include "config/conf_file.h"
#include "config/conf_priv.h"
#include "config/expand.h"

#define MAX_VALUE_DEPTH 30	/* values that refer to values: five frames of the stack each */
#define MAX_WARNINGS 1000

static bool
is_listed_directory(struct conf *c, const char *param, const char *dir)
{
	AUTO(strvec_done) struct strvec list = STRVEC_INIT(10000);
	const char *value = conf_get(c, param);

	return value != NULL && conf_split_list(value, &list, NULL) == 0 && strvec_has(&list, dir);
}

/* A set-gid program gives its caller the queue's rights: whose main.cf it follows is the administrator's choice. */
static int
check_foreign_dir(const char *dir, struct err *err)
{
	AUTO(conf_free) struct conf *c = conf_load(PN_CONFIG_DIRECTORY, err);

	if (c == NULL)
		return -1;
	if (is_listed_directory(c, "alternate_config_directories", dir) || is_listed_directory(c, "multi_instance_directories", dir))
		return 0;
	return err_set(err, ERR_CONF, NULL, "unauthorized configuration directory name: %s (it is not in alternate_config_directories or "
	    "multi_instance_directories of %s/main.cf)", dir, PN_CONFIG_DIRECTORY);
}

int
conf_find_dir(const char *option_c, bool is_setgid, const char **dir, struct err *err)
{
	const char *env = getenv("MAIL_CONFIG");

	*dir = option_c != NULL ? option_c : env != NULL && *env != '\0' ? env : PN_CONFIG_DIRECTORY;
	if (is_setgid && getuid() != 0 && strcmp(*dir, PN_CONFIG_DIRECTORY) != 0)
		return check_foreign_dir(*dir, err);
	return 0;
}

static void
put_setting(struct conf *c, const char *name, const char *value, int line)
{
	struct conf_setting *s = pool_alloc(c->pool, sizeof(*s));

	s->raw = pool_strdup(c->pool, value);
	s->line = line;
	map_put(c->settings, name, s);
}

const struct conf_setting *
conf_find_setting(const struct conf *c, const char *name)
{
	return map_get(c->settings, name);
}

static void
forget_values(struct conf *c)
{
	if (map_count(c->expanded) > 0) {
		map_free(&c->expanded, NULL);
		c->expanded = map_new();
	}
	c->is_checked = false;
}

static struct conf *
conf_new(const char *dir)
{
	struct conf *c = NEW(struct conf);

	c->dir = mem_strdup(dir);
	c->path = mem_printf("%s%smain.cf", dir, *dir != '\0' ? "/" : "");
	c->settings = map_new();
	c->expanded = map_new();
	c->pool = pool_new(32768);
	strvec_init(&c->warnings, MAX_WARNINGS);
	return c;
}

void
conf_free(struct conf **cp)
{
	struct conf *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	map_free(&c->settings, NULL);
	map_free(&c->expanded, NULL);
	pool_free(&c->pool);
	strvec_done(&c->warnings);
	mem_free(&c->dir);
	mem_free(&c->path);
	mem_free(&c);
}

static int
parse_line(struct conf *c, char *text, int line, struct err *err)
{
	const struct conf_setting *earlier;
	char *name, *value;

	if (ascii_is_space((unsigned char)*text)) {
		strvec_addf(&c->warnings, "%s, line %d: logical line must not start with whitespace: \"%.80s\"", c->path, line, text);
		return 0;
	}
	if (conf_split_nameval(text, &name, &value, err) < 0)
		return err_prefix(err, "%s, line %d: ", c->path, line);
	earlier = conf_find_setting(c, name);
	if (earlier != NULL)
		strvec_addf(&c->warnings, "%s, line %d: overriding earlier entry: %s=%s", c->path, line, name, earlier->raw);
	put_setting(c, name, value, line);
	return 0;
}

static int
parse_text(struct conf *c, const char *text, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(CONF_LINE_MAX);
	struct conf_lines lines;
	int rc;

	conf_lines_init(&lines, text);
	while ((rc = conf_lines_next(&lines, &b, err)) > 0) {
		if (strlen(b.s) != b.len)
			return err_set(err, ERR_CONF, NULL, "%s, line %d: NUL byte", c->path, lines.line);
		if (parse_line(c, b.s, lines.line, err) < 0)
			return -1;
	}
	return rc < 0 ? err_prefix(err, "%s: ", c->path) : 0;
}

struct conf *
conf_load(const char *dir, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(CONF_FILE_MAX);
	AUTO(conf_free) struct conf *c = conf_new(dir);
	struct conf *done;

	if (io_read_file(c->path, &text, err) < 0)
		return NULL;
	if (strlen(text.s) != text.len) {
		(void)err_set(err, ERR_CONF, NULL, "%s: the file has NUL bytes in it", c->path);
		return NULL;
	}
	if (parse_text(c, text.s, err) < 0)
		return NULL;
	if (conf_find_setting(c, "config_directory") == NULL)
		put_setting(c, "config_directory", dir, 0);
	done = c;
	c = NULL;
	return done;
}

struct conf *
conf_load_text(const char *text, struct err *err)
{
	struct conf *c = conf_new("");

	if (parse_text(c, text, err) < 0)
		conf_free(&c);
	return c;
}

const char *
conf_dir(const struct conf *c)
{
	return c->dir;
}

int
conf_override(struct conf *c, const char *setting, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(setting);
	char *name, *value;

	if (conf_split_nameval(copy, &name, &value, err) < 0)
		return -1;
	conf_set(c, name, value);
	return 0;
}

void
conf_set(struct conf *c, const char *name, const char *value)
{
	put_setting(c, name, value, 0);
	forget_values(c);
}

const char *
conf_raw(struct conf *c, const char *name)
{
	const struct conf_setting *s = conf_find_setting(c, name);

	return s != NULL ? s->raw : NULL;
}

static int
lookup_value(void *arg, const char *name, const char **value, struct err *err)
{
	return conf_value(arg, name, value, err);
}

static int
expand_into(struct conf *c, const char *text, struct strbuf *out, struct err *err)
{
	struct expand e = { .lookup = lookup_value, .arg = c };

	return expand_text(&e, text, out, err);
}

/* As on Debian: a value that is a path stands for the first line of that file. */
static int
read_myorigin(struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(65536);
	const char *first;

	if (io_read_file(value->s, &text, err) < 0)
		return err_prefix(err, "parameter myorigin: ");
	text.s[strcspn(text.s, "\n")] = '\0';
	first = ascii_trim(text.s);
	if (*first == '\0')
		return err_set(err, ERR_CONF, NULL, "parameter myorigin: the first line of %s is empty", value->s);
	strbuf_reset(value);
	return strbuf_adds(value, first);
}

/* Where a value that is not set comes from: the table, the transport's family; NULL: nowhere. */
static const char *
find_default(const char *name, const struct param **record)
{
	const struct param *p = param_find(name);
	size_t stem;

	if (p == NULL)
		p = param_find_family(name, &stem);
	/* an obsolete name is tested for being set by the defaults of what took its place */
	if (p != NULL && p->status == PARAM_OBSOLETE)
		p = NULL;
	*record = p;
	return p != NULL ? p->dflt : NULL;
}

static int
make_value(struct conf *c, const char *name, const char *raw, const struct param *p, struct strbuf *out, struct err *err)
{
	if (raw == NULL)
		return conf_computed(c, p, out, err);
	if (p != NULL && p->type == PARAM_RAW)
		return strbuf_adds(out, raw);
	if (expand_into(c, raw, out, err) < 0)
		return -1;
	if (!c->show_only && strcmp(name, "myorigin") == 0 && *out->s == '/')
		return read_myorigin(out, err);
	return 0;
}

int
conf_value(struct conf *c, const char *name, const char **value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(CONF_VALUE_MAX);
	const char *raw = conf_raw(c, name), *dflt;
	const struct param *p;
	int rc;

	*value = map_get(c->expanded, name);
	if (*value != NULL)
		return 0;
	dflt = find_default(name, &p);
	if (raw == NULL && p == NULL)
		return 0;
	if (c->depth >= MAX_VALUE_DEPTH)
		return err_set(err, ERR_CONF, NULL, "unreasonable macro call nesting: \"%s\"", name);
	c->depth++;
	rc = make_value(c, name, raw != NULL ? raw : dflt, p, &out, err);
	c->depth--;
	if (rc < 0)
		return -1;
	char *copy = pool_strndup(c->pool, out.s, out.len);
	map_put(c->expanded, name, copy);
	*value = copy;
	return 0;
}

const char *
conf_get(struct conf *c, const char *name)
{
	const char *value;

	return conf_value(c, name, &value, NULL) < 0 ? NULL : value;
}

char *
conf_expand(struct conf *c, const char *text, struct err *err)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(CONF_VALUE_MAX);

	return expand_into(c, text, &out, err) < 0 ? NULL : strbuf_take(&out);
}
