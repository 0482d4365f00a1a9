/* SPDX-License-Identifier: Apache-2.0 */
/* Options of postmap and postalias, and what they do with tables that exist. */
#include "mapcmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/logconf.h"

enum { TEXT_MAX = 64 << 20 };

NORETURN static void
usage(const struct mapcmd *c)
{
	fatal("usage: %s", c->usage);
}

/* Letters that only set something; false for one that takes more. */
static bool
set_switch(struct mapcmd *c, int opt)
{
	switch (opt) {
	case 'b': c->body_query = true; break;
	case 'f': c->flags &= ~TABLE_FOLD; break;
	case 'F': c->file_content = true; break;
	case 'h': c->header_query = true; break;
	case 'i': c->incremental = true; break;
	case 'j': c->json = true; break;
	case 'm': c->mime_query = true; break;
	case 'n': c->flags = (c->flags | TABLE_NO_NUL) & ~TABLE_NUL; break;
	case 'N': c->flags = (c->flags | TABLE_NUL) & ~TABLE_NO_NUL; break;
	case 'o': c->keep_root = true; break;
	case 'p': c->default_perms = true; break;
	case 'r': c->flags |= TABLE_REPLACE; break;
	case 'u': c->utf8_off = true; break;
	case 'U': c->utf8_force = true; break;
	case 'v': log_set_verbose(++c->verbose); break;
	case 'w': c->no_dup_warning = true; break;
	default: return false;
	}
	return true;
}

static void
set_option(struct mapcmd *c, int opt, const char *arg)
{
	bool taken = c->list || c->query != NULL || c->delete != NULL;

	if (set_switch(c, opt))
		return;
	switch (opt) {
	case 'c':
		c->config_dir = arg;
		return;
	case 's':
		if (taken)
			fatal("specify only one of -s or -q or -d");
		c->list = true;
		return;
	case 'q':
	case 'd':
		if (taken)
			fatal("specify only one of -s -q or -d");
		*(opt == 'q' ? &c->query : &c->delete) = arg;
		return;
	default:
		usage(c);
	}
}

static void
load_conf(struct mapcmd *c)
{
	struct err err = ERR_INIT;
	const char *dir;

	if (conf_find_dir(c->config_dir, false, &dir, &err) < 0)
		fatal("%s", err.text);
	c->conf = conf_load(dir, &err);
	if (c->conf == NULL)
		fatal("%s", err.text);
	log_from_conf(c->conf, c->program, LOGCONF_STDERR | LOGCONF_FILE);
	if (conf_get_bool(c->conf, "smtputf8_enable", true, &c->utf8, &err) < 0)
		fatal("%s", err.text);
	c->utf8 = (c->utf8 && !c->utf8_off) || c->utf8_force;
}

void
mapcmd_init(struct mapcmd *c, int argc, char **argv)
{
	int opt;

	log_init(c->program, c->program, LOG_TO_STDERR);
	if (strrchr(argv[0], '/') != NULL)	/* getopt begins its messages with it */
		argv[0] = strrchr(argv[0], '/') + 1;
	c->flags = TABLE_FOLD;
	while ((opt = getopt(argc, argv, c->options)) > 0)
		set_option(c, opt, optarg);
	if ((c->body_query || c->header_query || c->mime_query) && (c->query == NULL || strcmp(c->query, "-") != 0))
		fatal("specify -b -h or -m only with \"-q -\"");
	if (c->json && c->query == NULL && !c->list)
		fatal("specify -j only with -q or -s");
	load_conf(c);
	if (argv[optind] == NULL && (c->query != NULL || c->list || c->delete != NULL || !c->incremental))
		usage(c);
}

int
mapcmd_run(struct mapcmd *c, char **argv)
{
	char **operands = argv + optind;

	if (*operands == NULL)
		usage(c);
	if (c->delete != NULL)
		return mapcmd_delete(c, operands, c->delete);
	if (c->query != NULL && strcmp(c->query, "-") != 0)
		return mapcmd_query(c, operands, c->query);
	if (c->mime_query && !c->body_query && !c->header_query)
		log_warning("ignoring -m option without -b or -h");
	if (c->body_query || c->header_query)
		return mapcmd_query_message(c, operands);
	if (c->query != NULL)
		return mapcmd_query_stdin(c, operands);
	if (c->list)
		return mapcmd_list(c, operands);
	for (; *operands != NULL; operands++)
		mapcmd_build(c, *operands);
	return 0;
}

char *
mapcmd_spec(struct mapcmd *c, const char *operand)
{
	if (strchr(operand, ':') != NULL)
		return mem_strdup(operand);
	return mem_printf("%s:%s", conf_get(c->conf, "default_database_type"), operand);
}

struct table *
mapcmd_open(struct mapcmd *c, const char *operand, int flags)
{
	AUTO(mem_free) char *spec = mapcmd_spec(c, operand);
	struct err err = ERR_INIT;
	struct table *t = table_open(spec, c->flags | flags | TABLE_QUIET | TABLE_NO_PROXY, c->conf, &err);

	if (t == NULL)
		fatal("%s", err.text);
	if (table_trouble(t) != NULL)
		fatal("%s", table_trouble(t)->text);
	return t;
}

static void
print_json(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == '"' || ch == '\\')
			printf("\\%c", ch);
		else if (ch < 0x20 || ch == 0x7f)
			printf("\\u%04x", ch);
		else
			putchar(ch);
	}
	putchar('"');
}

void
mapcmd_print(const struct mapcmd *c, const char *key, const char *sep, const char *value)
{
	if (!c->json) {
		printf("%s%s%s\n", key, sep, value);
		return;
	}
	putchar('{');
	print_json(key);
	fputs(": ", stdout);
	print_json(value);
	puts("}");
}

int
mapcmd_flush(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		fatal("write error on standard output");
	return status;
}

/* Open all tables that are named; the array ends with NULL. */
struct table **
mapcmd_open_all(struct mapcmd *c, char **operands)
{
	struct table **v;
	size_t n = 0;

	while (operands[n] != NULL)
		n++;
	v = mem_alloc_array(n + 1, sizeof(struct table *));
	for (size_t i = 0; i < n; i++)
		v[i] = mapcmd_open(c, operands[i], 0);
	return v;
}

void
mapcmd_close_all(struct table ***vp)
{
	for (struct table **t = *vp; *t != NULL; t++)
		table_free(t);
	mem_free(vp);
}

/* The value of the first table that has the key. */
bool
mapcmd_find(const struct mapcmd *c, struct table **tables, const char *key, struct strbuf *value)
{
	struct err err = ERR_INIT;

	for (; *tables != NULL; tables++) {
		int r = table_lookup(*tables, key, value, &err);

		if (r < 0)
			fatal("table %s: query error: %s", table_spec(*tables), err.text);
		if (r == 0)
			continue;
		if (value->len == 0) {
			log_warning("table %s: key %s: empty string result is not allowed", table_spec(*tables), key);
			log_warning("table %s should return NO RESULT in case of NOT FOUND", table_spec(*tables));
		}
		if (c->file_content) {
			AUTO(strbuf_done) struct strbuf plain = STRBUF_INIT(TEXT_MAX);

			if (filecontent_decode(value->s, &plain) < 0)
				fatal("table %s: key %s: malformed BASE64 value: %.30s", table_spec(*tables), key, value->s);
			strbuf_reset(value);
			strbuf_add(value, plain.s, plain.len);
		}
		return true;
	}
	return false;
}

int
mapcmd_query(struct mapcmd *c, char **operands, const char *key)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(TEXT_MAX);
	AUTO(mapcmd_close_all) struct table **tables = mapcmd_open_all(c, operands);

	if (!mapcmd_find(c, tables, key, &value))
		return 1;
	if (c->json)
		mapcmd_print(c, key, "", value.s);
	else {
		fwrite(value.s, 1, value.len, stdout);
		putchar('\n');
	}
	return mapcmd_flush(0);
}

int
mapcmd_query_stdin(struct mapcmd *c, char **operands)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(TEXT_MAX);
	AUTO(mapcmd_close_all) struct table **tables = mapcmd_open_all(c, operands);
	AUTO(mem_free) char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int status = 1;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (!mapcmd_find(c, tables, line, &value))
			continue;
		status = 0;
		mapcmd_print(c, line, "\t", value.s);
	}
	return mapcmd_flush(status);
}

static bool
delete_key(struct table **tables, const char *key)
{
	struct err err = ERR_INIT;
	bool any = false;

	for (; *tables != NULL; tables++) {
		int r = table_delete(*tables, key, &err);

		if (r < 0)
			fatal("%s", err.text);
		any |= r == 1;
	}
	return any;
}

int
mapcmd_delete(struct mapcmd *c, char **operands, const char *key)
{
	AUTO(mapcmd_close_all) struct table **tables = mapcmd_open_all(c, operands);
	struct err err = ERR_INIT;
	bool any = false;

	/* opened for reading first, since nothing is to be created here */
	for (size_t i = 0; tables[i] != NULL; i++) {
		table_free(&tables[i]);
		tables[i] = mapcmd_open(c, operands[i], TABLE_WRITE);
	}
	if (strcmp(key, "-") != 0) {
		any = delete_key(tables, key);
	} else {
		AUTO(mem_free) char *line = NULL;
		size_t cap = 0;

		while (getline(&line, &cap, stdin) > 0) {
			line[strcspn(line, "\n")] = '\0';
			any |= *line != '\0' && delete_key(tables, line);
		}
	}
	for (size_t i = 0; tables[i] != NULL; i++)
		if (table_sync(tables[i], &err) < 0)
			fatal("%s", err.text);
	return any ? 0 : 1;
}

int
mapcmd_list(struct mapcmd *c, char **operands)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF_INIT(TEXT_MAX), value = STRBUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;

	for (; *operands != NULL; operands++) {
		struct table *t = mapcmd_open(c, *operands, 0);
		bool first = true;
		int r;

		while ((r = table_each(t, first, &key, &value, &err)) == 1) {
			mapcmd_print(c, key.s, c->is_alias ? ":\t" : "\t", value.s);
			first = false;
		}
		if (r < 0)
			fatal("%s", err.text);
		table_free(&t);
	}
	return mapcmd_flush(0);
}
