/* SPDX-License-Identifier: Apache-2.0 */
/* master_cf - the services of master.cf, read */
#include "config/master_cf.h"

#include <limits.h>
#include <string.h>

#include "base/ascii.h"
#include "base/io.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/conf_file.h"

#define MAX_ENTRIES 10000
#define MAX_WORDS 2000		/* of one entry */
#define FIELDS 8

static const char *const type_names[] = {
	[MASTER_INET] = "inet", [MASTER_UNIX] = "unix", [MASTER_UNIX_DGRAM] = "unix-dgram", [MASTER_FIFO] = "fifo", [MASTER_PASS] = "pass",
};

const char *
master_type_name(enum master_type t)
{
	return type_names[t];
}

/* Words at blanks; what stands in braces is one word, with them. */
static int
split_words(const char *s, struct strvec *out, struct err *err)
{
	for (;;) {
		const char *start;
		int level = 0;

		while (ascii_is_space((unsigned char)*s))
			s++;
		if (*s == '\0')
			return 0;
		for (start = s; *s != '\0' && (level > 0 || !ascii_is_space((unsigned char)*s)); s++)
			level += *s == '{' ? 1 : *s == '}' && level > 0 ? -1 : 0;
		if (level > 0)
			return err_set(err, ERR_CONF, NULL, "missing '}' in \"%.80s\"", start);
		if (strvec_addn(out, start, (size_t)(s - start)) < 0)
			return err_set(err, ERR_CONF, NULL, "more than %zu words in one entry", out->max);
	}
}

static int
field_error(const char *field, const struct master_entry *e, int i, struct err *err)
{
	const struct strvec *w = &e->raw;

	return err_set(err, ERR_CONF, NULL, "invalid %s field \"%.60s\" in \"%.60s %.20s %.20s %.20s %.20s %.20s %.20s %.60s\"", field, w->v[i],
	    w->v[0], w->v[1], w->v[2], w->v[3], w->v[4], w->v[5], w->v[6], w->v[7]);
}

static int
parse_flag(const char *field, const struct master_entry *e, int i, bool dflt, bool *out, struct err *err)
{
	const char *s = e->raw.v[i];

	*out = strcmp(s, "-") == 0 ? dflt : strcmp(s, "y") == 0;
	return strcmp(s, "-") == 0 || strcmp(s, "y") == 0 || strcmp(s, "n") == 0 ? 0 : field_error(field, e, i, err);
}

static int
parse_count(const char *field, const struct master_entry *e, int i, bool may_ask, int dflt, int *out, bool *has_mark, struct err *err)
{
	AUTO(mem_free) char *s = mem_strdup(e->raw.v[i]);
	size_t n = strlen(s);
	int64_t value;

	*out = dflt;
	if (strcmp(s, "-") == 0)
		return 0;
	*has_mark = may_ask && s[n - 1] == '?';
	if (*has_mark)
		s[n - 1] = '\0';
	if (!ascii_is_digit((unsigned char)*s) || num_parse_i64(s, 0, INT_MAX, &value) < 0)
		return field_error(field, e, i, err);
	*out = (int)value;
	return 0;
}

static int
parse_type(struct master_entry *e, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(type_names); i++)
		if (strcmp(e->raw.v[1], type_names[i]) == 0) {
			e->type = (enum master_type)i;
			return 0;
		}
	return field_error("type", e, 1, err);
}

/* A word in braces loses them; behind -o it becomes "name=value" without blanks around the sign. */
static int
add_argument(struct master_entry *e, const char *word, bool is_setting, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(word);
	size_t n = strlen(copy);
	char *name, *value;

	if (*copy != '{' || copy[n - 1] != '}')
		return strvec_add(&e->argv, word);
	if (!is_setting) {
		copy[n - 1] = '\0';
		return strvec_add(&e->argv, ascii_trim(copy + 1));
	}
	if (conf_split_nameval(copy, &name, &value, err) < 0)
		return -1;
	return strvec_addf(&e->argv, "%s=%s", name, value);
}

static int
parse_entry(struct master_entry *e, struct err *err)
{
	bool no_mark;

	if (e->raw.n < FIELDS)
		return err_set(err, ERR_CONF, NULL, "bad field count");
	e->name = mem_strdup(e->raw.v[0]);
	e->command = mem_strdup(e->raw.v[7]);
	if (parse_type(e, err) < 0 || parse_flag("private", e, 2, true, &e->is_private, err) < 0 ||
	    parse_flag("unprivileged", e, 3, true, &e->unprivileged, err) < 0 || parse_flag("chroot", e, 4, false, &e->chroot, err) < 0 ||
	    parse_count("wakeup", e, 5, true, 0, &e->wakeup_s, &e->wakeup_if_used, err) < 0 ||
	    parse_count("process_limit", e, 6, false, -1, &e->maxproc, &no_mark, err) < 0)
		return -1;
	for (size_t i = FIELDS; i < e->raw.n; i++)
		if (add_argument(e, e->raw.v[i], strcmp(e->raw.v[i - 1], "-o") == 0, err) < 0)
			return -1;
	return 0;
}

static int
add_entry(struct master_cf *m, const char *text, int line, struct err *err)
{
	struct master_entry *e;

	if (m->n >= MAX_ENTRIES)
		return err_set(err, ERR_CONF, NULL, "more than %d entries", MAX_ENTRIES);
	if ((m->n & (m->n + 1)) == 0)
		m->entries = mem_realloc_array(m->entries, m->n * 2 + 1, sizeof(*m->entries));
	e = &m->entries[m->n++];
	*e = (struct master_entry){ .line = line, .maxproc = -1 };
	strvec_init(&e->argv, MAX_WORDS);
	strvec_init(&e->raw, MAX_WORDS);
	return split_words(text, &e->raw, err) < 0 ? -1 : parse_entry(e, err);
}

static int
parse_lines(struct master_cf *m, const char *text, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(CONF_LINE_MAX);
	struct conf_lines lines;
	int rc;

	conf_lines_init(&lines, text);
	while ((rc = conf_lines_next(&lines, &b, err)) > 0) {
		if (ascii_is_space((unsigned char)*b.s))
			return err_set(err, ERR_CONF, NULL, "file %s: line %d: the first entry must not start with whitespace: \"%.80s\"", m->path,
			    lines.line, b.s);
		if (add_entry(m, b.s, lines.line, err) < 0)
			return err_prefix(err, "file %s: line %d: ", m->path, lines.line);
	}
	return rc < 0 ? err_prefix(err, "file %s: ", m->path) : 0;
}

struct master_cf *
master_cf_parse(const char *path_for_errors, const char *text, struct err *err)
{
	struct master_cf *m = NEW(struct master_cf);

	m->path = mem_strdup(path_for_errors);
	if (parse_lines(m, text, err) < 0)
		master_cf_free(&m);
	return m;
}

struct master_cf *
master_cf_load(const char *path, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(CONF_FILE_MAX);

	if (io_read_file(path, &text, err) < 0)
		return NULL;
	if (strlen(text.s) != text.len) {
		(void)err_set(err, ERR_CONF, NULL, "file %s: NUL bytes in it", path);
		return NULL;
	}
	return master_cf_parse(path, text.s, err);
}

void
master_cf_free(struct master_cf **mp)
{
	struct master_cf *m = *mp;

	if (m == NULL)
		return;
	*mp = NULL;
	for (size_t i = 0; i < m->n; i++) {
		mem_free(&m->entries[i].name);
		mem_free(&m->entries[i].command);
		strvec_done(&m->entries[i].argv);
		strvec_done(&m->entries[i].raw);
	}
	mem_free(&m->entries);
	mem_free(&m->path);
	mem_free(&m);
}
