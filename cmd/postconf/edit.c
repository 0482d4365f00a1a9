/* SPDX-License-Identifier: Apache-2.0 */
/* edit - postconf -e, -#, -X for main.cf, and with -M, -F, -P for master.cf */
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "postconf.h"

#define MAX_WORDS 2000

struct request {
	char *name;		/* of main.cf: the parameter; of master.cf: "service/type" */
	char *part;		/* -F: the field, -P: the parameter */
	char *value;
	size_t found;
};

struct edit {
	const struct options *o;
	struct request *requests;
	size_t n;
	struct master_cf *master;	/* as it was before */
};

static void
refuse_odd_text(const char *arg)
{
	if (strchr(arg, '\n') != NULL)
		fatal("-e, -X, or -# accepts no multi-line input");
	while (ascii_is_space((unsigned char)*arg))
		arg++;
	if (*arg == '#')
		fatal("-e, -X, or -# accepts no comment input");
}

static void
parse_main_request(const struct options *o, const char *arg, struct request *r)
{
	struct err err = ERR_INIT;
	char *copy, *name, *value = NULL;

	refuse_odd_text(arg);
	copy = mem_strdup(arg);
	if (o->change == CHANGE_SET) {
		/* unlike in a file, a value that begins with a brace stays whole: the name comes first */
		if (*copy == '{' || conf_split_nameval(copy, &name, &value, &err) < 0)
			fatal("%s", *err.text != '\0' ? err.text : "missing attribute name");
	} else {
		name = ascii_trim(copy);
		if (strchr(name, '=') != NULL)
			fatal("specify one of -e %s", o->change == CHANGE_REMOVE ? "-X" : "-#");
	}
	r->name = mem_strdup(name);
	r->value = value != NULL ? mem_strdup(value) : NULL;
	mem_free(&copy);
}

static void
free_edit(struct edit *e)
{
	for (size_t i = 0; i < e->n; i++) {
		mem_free(&e->requests[i].name);
		mem_free(&e->requests[i].part);
		mem_free(&e->requests[i].value);
	}
	mem_free(&e->requests);
	master_cf_free(&e->master);
}

static enum line_fate
main_fate(void *arg, size_t index UNUSED, const char *logical, struct strbuf *replacement)
{
	struct edit *e = arg;
	size_t n = strcspn(logical, "= \t\r\n\v\f");

	for (size_t i = e->n; i-- > 0;) {
		struct request *r = &e->requests[i];

		if (strlen(r->name) != n || memcmp(r->name, logical, n) != 0)
			continue;
		if (++r->found == 2)
			log_warning("%s/main.cf: multiple entries for \"%s\"", e->o->dir, r->name);
		if (e->o->change == CHANGE_SET)
			strbuf_addf(replacement, "%s =%s%s\n", r->name, *r->value != '\0' ? " " : "", r->value);
		return e->o->change == CHANGE_SET ? LINE_REPLACE : e->o->change == CHANGE_REMOVE ? LINE_DROP : LINE_COMMENT;
	}
	return LINE_KEEP;
}

static bool
is_repeated(const struct edit *e, size_t i)
{
	for (size_t k = i + 1; k < e->n; k++)
		if (strcmp(e->requests[i].name, e->requests[k].name) == 0)
			return true;
	return false;
}

static void
main_append(void *arg, struct strbuf *out)
{
	struct edit *e = arg;

	for (size_t i = 0; e->o->change == CHANGE_SET && i < e->n; i++)
		if (e->requests[i].found == 0 && !is_repeated(e, i))
			strbuf_addf(out, "%s =%s%s\n", e->requests[i].name, *e->requests[i].value != '\0' ? " " : "", e->requests[i].value);
}

static void
parse_requests(struct edit *e, void (*parse)(const struct options *o, const char *arg, struct request *r))
{
	size_t n = 0;

	while (e->o->names[n] != NULL)
		n++;
	if (n == 0)
		fatal("-%c requires %s argument", e->o->change == CHANGE_SET ? 'e' : e->o->change == CHANGE_REMOVE ? 'X' : '#',
		    e->o->change == CHANGE_SET ? "name=value" : "name");
	e->requests = mem_alloc_array(n, sizeof(*e->requests));
	for (; e->n < n; e->n++)
		parse(e->o, e->o->names[e->n], &e->requests[e->n]);
}

int
edit_main(const struct options *o)
{
	AUTO(free_edit) struct edit e = { .o = o };
	AUTO(mem_free) char *path = mem_printf("%s/main.cf", o->dir);

	parse_requests(&e, parse_main_request);
	edit_file(path, main_fate, NULL, main_append, &e);
	return 0;
}

/* "service/type[/part]=value": the sign is looked for behind the name, where a service's name cannot have one */
static void
parse_service_request(const struct options *o, const char *arg, struct request *r)
{
	AUTO(mem_free) char *copy = mem_strdup(arg);
	char *value = NULL, *type, *part = NULL;

	refuse_odd_text(arg);
	if (o->change == CHANGE_SET) {
		value = strchr(copy, '=');
		if (value == NULL)
			fatal("missing '=' after attribute name: \"%s\"", arg);
		*value++ = '\0';
	}
	type = strchr(copy, '/');
	if (type != NULL && o->subject != SUBJECT_ENTRY && (part = strrchr(type + 1, '/')) != NULL)
		*part++ = '\0';
	if (type == NULL || type == copy || type[1] == '\0')
		fatal(o->subject == SUBJECT_ENTRY ? "-Me, -MX or -M# requires service_name/type" :
		    o->subject == SUBJECT_FIELD ? "-Fe requires service_name/type/field" : "-Pe or -PX requires service_name/type/parameter");
	if (o->subject != SUBJECT_ENTRY && (part == NULL || *part == '\0'))
		fatal(o->subject == SUBJECT_FIELD ? "-Fe requires service_name/type/field" : "-Pe or -PX requires service_name/type/parameter");
	r->name = mem_strdup(ascii_trim(copy));
	r->part = part != NULL ? mem_strdup(ascii_trim(part)) : NULL;
	r->value = value != NULL ? mem_strdup(ascii_trim(value)) : NULL;
}

static void
set_field(struct strvec *words, const struct request *r)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strcmp(field_names[i], r->part) != 0)
			continue;
		/* the command is the field with all arguments */
		while (i == FIELD_COUNT - 1 && words->n > FIELD_COUNT)
			strvec_remove(words, FIELD_COUNT);
		strvec_remove(words, i);
		if (strvec_insert(words, i, r->value) < 0)
			fatal("%s: too many words", r->name);
		return;
	}
	fatal("invalid service attribute name: \"%s\"", r->part);
}

static bool
is_setting_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	if (*word == '{')
		word++;
	while (ascii_is_space((unsigned char)*word))
		word++;
	if (strncmp(word, name, n) != 0)
		return false;
	word += n;
	while (ascii_is_space((unsigned char)*word))
		word++;
	return *word == '=';
}

/* Takes out every -o of the parameter; with a value it is put where the first one was, or behind the last option. */
static void
set_parameter(struct strvec *words, const struct request *r)
{
	size_t at = 0, i = FIELD_COUNT;
	AUTO(mem_free) char *setting = NULL;

	while (i < words->n && *words->v[i] == '-') {
		if (strcmp(words->v[i], "-o") != 0 || i + 1 >= words->n || !is_setting_of(words->v[i + 1], r->part)) {
			i += strcmp(words->v[i], "-o") == 0 && i + 1 < words->n ? 2 : 1;
			continue;
		}
		if (at == 0)
			at = i;
		strvec_remove(words, i);
		strvec_remove(words, i);
	}
	if (r->value == NULL)
		return;
	if (at == 0)
		at = i;
	setting = strpbrk(r->value, " \t{}") != NULL ? mem_printf("{%s=%s}", r->part, r->value) : mem_printf("%s=%s", r->part, r->value);
	if (strvec_insert(words, at, setting) < 0 || strvec_insert(words, at, "-o") < 0)
		fatal("%s: too many words", r->name);
}

static struct master_cf *
parse_one_entry(const char *text, const char *what)
{
	struct err err = ERR_INIT;
	struct master_cf *m = master_cf_parse("", text, &err);

	if (m == NULL || m->n != 1)
		fatal("%s: \"%s\"", m != NULL ? "one entry is expected" : strncmp(err.text, "file : line 1: ", 15) == 0 ? err.text + 15 : err.text, what);
	return m;
}

static void
format_text(const char *text, const char *what, struct strbuf *out)
{
	AUTO(master_cf_free) struct master_cf *m = parse_one_entry(text, what);

	format_entry(&m->entries[0], true, out);
}

static bool
is_wanted(const struct request *r, const struct master_entry *e)
{
	size_t n = strlen(e->raw.v[0]);

	return strncmp(r->name, e->raw.v[0], n) == 0 && r->name[n] == '/' && strcmp(r->name + n + 1, e->raw.v[1]) == 0;
}

static enum line_fate
change_entry(struct edit *e, struct request *r, struct strbuf *replacement)
{
	if (e->o->change == CHANGE_REMOVE)
		return LINE_DROP;
	if (e->o->change == CHANGE_COMMENT)
		return LINE_COMMENT;
	strbuf_reset(replacement);
	format_text(r->value, r->value, replacement);
	return LINE_REPLACE;
}

static enum line_fate
master_fate(void *arg, size_t index, const char *logical UNUSED, struct strbuf *replacement)
{
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(MAX_WORDS);
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(MAX_OUTPUT);
	struct edit *e = arg;
	const struct master_entry *entry = &e->master->entries[index];
	enum line_fate fate = LINE_KEEP;

	for (size_t k = 0; k < entry->raw.n; k++)
		strvec_add(&words, entry->raw.v[k]);
	for (size_t i = 0; i < e->n; i++) {
		struct request *r = &e->requests[i];

		if (!is_wanted(r, entry))
			continue;
		r->found++;
		if (e->o->subject == SUBJECT_ENTRY) {
			fate = change_entry(e, r, replacement);
			continue;
		}
		fate = LINE_REPLACE;
		if (e->o->subject == SUBJECT_FIELD)
			set_field(&words, r);
		else
			set_parameter(&words, r);
	}
	if (fate != LINE_REPLACE || e->o->subject == SUBJECT_ENTRY)
		return fate;
	for (size_t k = 0; k < words.n; k++)
		strbuf_addf(&text, "%s%s", k > 0 ? " " : "", words.v[k]);
	format_text(text.s, text.s, replacement);
	return LINE_REPLACE;
}

static void
master_begin(void *arg, const char *text)
{
	struct edit *e = arg;
	struct err err = ERR_INIT;
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", e->o->dir);

	e->master = master_cf_parse(path, text, &err);
	if (e->master == NULL)
		fatal("%s", err.text);
}

static void
master_append(void *arg, struct strbuf *out)
{
	struct edit *e = arg;

	for (size_t i = 0; i < e->n; i++) {
		if (e->requests[i].found > 0 || e->o->change != CHANGE_SET)
			continue;
		if (e->o->subject != SUBJECT_ENTRY)
			log_warning("unmatched request: \"%s/%s\"", e->requests[i].name, e->requests[i].part);
		else if (!is_repeated(e, i))
			format_text(e->requests[i].value, e->requests[i].value, out);
	}
}

int
edit_services(const struct options *o)
{
	AUTO(free_edit) struct edit e = { .o = o };
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", o->dir);

	if (o->change == CHANGE_COMMENT && o->subject != SUBJECT_ENTRY)
		fatal("with option -%c, do not specify -#", o->subject == SUBJECT_FIELD ? 'F' : 'P');
	if (o->change == CHANGE_REMOVE && o->subject == SUBJECT_FIELD)
		fatal("with option -F, do not specify -X");
	parse_requests(&e, parse_service_request);
	edit_file(path, master_fate, master_begin, master_append, &e);
	return 0;
}
