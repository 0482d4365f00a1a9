/* SPDX-License-Identifier: Apache-2.0 */
/* services - what postconf shows of master.cf: entries, fields, -o settings */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "postconf.h"

const char *const field_names[FIELD_COUNT + 1] = {
	"service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command", NULL,
};

/* "service[/type[/part]]"; a service's name may have slashes itself, so both ends are tried. */
static bool
match_request(const char *request, const struct master_entry *e, const char **part)
{
	size_t n = strlen(e->raw.v[0]), k = strlen(e->raw.v[1]);

	*part = NULL;
	if (strncmp(request, e->raw.v[0], n) != 0)
		return false;
	if (request[n] == '\0')
		return true;
	if (request[n] != '/' || strncmp(request + n + 1, e->raw.v[1], k) != 0)
		return false;
	request += n + 1 + k;
	if (*request == '/')
		*part = request + 1;
	return *request == '\0' || *request == '/';
}

static void
show_fields(const struct options *o, const struct master_entry *e, const char *only)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(MAX_OUTPUT);
		AUTO(mem_free) char *name = mem_printf("%s/%s/%s", e->raw.v[0], e->raw.v[1], field_names[i]);

		if (only != NULL && strcmp(only, field_names[i]) != 0)
			continue;
		strbuf_adds(&value, e->raw.v[i]);
		for (size_t k = FIELD_COUNT; i == FIELD_COUNT - 1 && k < e->raw.n; k++) {
			strbuf_addc(&value, ' ');
			format_argument(e, k, &value);
		}
		print_pair(o, name, value.s);
	}
}

static int
compare_settings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* name=value settings of an entry, sorted by name, the last one of a name alone */
static void
collect_settings(const struct master_entry *e, struct strvec *out)
{
	for (size_t i = 1; i < e->argv.n; i++) {
		const char *setting = e->argv.v[i], *sign = strchr(setting, '=');

		if (strcmp(e->argv.v[i - 1], "-o") != 0 || sign == NULL)
			continue;
		for (size_t k = 0; k < out->n; k++)
			if (strncmp(out->v[k], setting, (size_t)(sign - setting) + 1) == 0) {
				strvec_remove(out, k);
				break;
			}
		strvec_add(out, setting);
	}
	if (out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), compare_settings);
}

/* The value as the service's own process would see it. */
static char *
expand_for_service(const struct options *o, const struct master_entry *e, const char *value)
{
	AUTO(conf_free) struct conf *c = load_conf(o);
	struct err err = ERR_INIT;
	char *expanded;

	conf_set(c, "service_name", e->name);
	conf_set(c, "process_name", e->command);
	for (size_t i = 1; i < e->argv.n; i++)
		if (strcmp(e->argv.v[i - 1], "-o") == 0 && conf_override(c, e->argv.v[i], &err) < 0)
			fatal("%s: %s", o->dir, err.text);
	expanded = conf_expand(c, value, &err);
	if (expanded == NULL)
		fatal("%s/%s: %s", e->raw.v[0], e->raw.v[1], err.text);
	return expanded;
}

static bool
show_settings(const struct options *o, const struct master_entry *e, const char *only)
{
	AUTO(strvec_done) struct strvec settings = STRVEC_INIT(2000);
	bool found = false;

	collect_settings(e, &settings);
	for (size_t i = 0; i < settings.n; i++) {
		AUTO(mem_free) char *name = NULL, *expanded = NULL;
		char *value = strchr(settings.v[i], '=');

		*value++ = '\0';
		if (only != NULL && strcmp(only, settings.v[i]) != 0)
			continue;
		found = true;
		name = mem_printf("%s/%s/%s", e->raw.v[0], e->raw.v[1], settings.v[i]);
		if (o->expand)
			expanded = expand_for_service(o, e, value);
		print_pair(o, name, expanded != NULL ? expanded : value);
	}
	return found;
}

static bool
show_entry(const struct options *o, const struct master_entry *e, const char *part)
{
	switch (o->subject) {
	case SUBJECT_ENTRY:
		if (part != NULL)
			return false;
		print_entry(o, e);
		return true;
	case SUBJECT_FIELD:
		show_fields(o, e, part);
		return true;
	default:
		return show_settings(o, e, part);
	}
}

static void
check_request(const struct options *o, const char *request)
{
	const char *type = strchr(request, '/'), *part = type != NULL ? strchr(type + 1, '/') : NULL;

	if (*request == '\0' || *request == '/' || (type != NULL && (type[1] == '\0' || type[1] == '/')))
		fatal("-%c option requires service_name[/type%s]", o->subject == SUBJECT_ENTRY ? 'M' : o->subject == SUBJECT_FIELD ? 'F' : 'P',
		    o->subject == SUBJECT_ENTRY ? "" : o->subject == SUBJECT_FIELD ? "[/field]" : "[/parameter]");
	if (part == NULL || o->subject != SUBJECT_FIELD)
		return;
	part = strrchr(request, '/') + 1;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strcmp(part, field_names[i]) == 0)
			return;
	fatal("invalid service attribute name: \"%s\"", part);
}

int
show_services(const struct options *o)
{
	AUTO(conf_free) struct conf *conf = load_conf(o);
	AUTO(master_cf_free) struct master_cf *m = load_master(o, true);
	const char *part;

	for (size_t i = 0; *o->names == NULL && i < m->n; i++)
		show_entry(o, &m->entries[i], NULL);
	for (char **request = o->names; *request != NULL; request++) {
		bool found = false;

		check_request(o, *request);
		for (size_t i = 0; i < m->n; i++)
			if (match_request(*request, &m->entries[i], &part))
				found |= show_entry(o, &m->entries[i], part);
		if (!found)
			log_warning("unmatched request: \"%s\"", *request);
	}
	warn_names(o, conf, m);
	return 0;
}
