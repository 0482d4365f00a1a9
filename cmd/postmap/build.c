/* SPDX-License-Identifier: Apache-2.0 */
/* Making tables from their sources, with the rights and the mode of the source. */
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "mapcmd.h"
#include "table/alias_src.h"

enum { KEY_MAX = 1 << 20, VALUE_MAX = 64 << 20 };

struct build {
	struct mapcmd *c;
	struct table *table;
	struct source *src;
	char *spec, *name;	/* "hash:/x/y", and /x/y in it */
	char *label;		/* in warnings: what Postfix calls the file */
	struct strbuf key, value;
};

static bool
is_type(const struct build *b, const char *type)
{
	size_t n = strlen(type);

	return strncmp(b->spec, type, n) == 0 && b->spec[n] == ':';
}

static char *
make_label(const struct build *b)
{
	if (is_type(b, "hash") || is_type(b, "btree"))
		return mem_printf("%s.db", b->name);
	return mem_strdup(is_type(b, "cdb") ? b->name : b->spec);
}

/* Root works as the owner of the source, so that a file in a user's directory cannot lead it anywhere. */
static void
become_owner(const struct stat *st)
{
	if (setgroups(1, &st->st_gid) < 0 || setegid(st->st_gid) < 0 || seteuid(st->st_uid) < 0)
		fatal("cannot become the owner of the source file, uid %lu", (unsigned long)st->st_uid);
}

static void
become_root(void)
{
	if (seteuid(0) < 0 || setegid(getgid()) < 0)
		fatal("cannot become root again");
}

/* A root-owned table in somebody else's directory: that user decides what its names mean. */
static void
check_directory(const struct build *b)
{
	AUTO(mem_free) char *copy = mem_strdup(b->name);
	const char *dir = dirname(copy);
	struct stat st;

	if (stat(dir, &st) == 0 && st.st_uid != 0)
		log_warning("%s is owned by root, but its directory %s by uid %lu: that user can replace the table, or what its name leads to",
		    b->name, dir, (unsigned long)st.st_uid);
}

static void
store(struct build *b, const char *key, const char *value)
{
	struct err err = ERR_INIT;
	bool existed;

	if (table_put(b->table, key, value, &existed, &err) < 0) {
		if (err.class != ERR_PERM)
			fatal("%s", err.text);
		log_warning("%s", err.text);
		return;
	}
	if (existed && !b->c->no_dup_warning && (b->c->flags & TABLE_REPLACE) == 0)
		log_warning("%s: duplicate entry: \"%s\"", b->label, key);
}

static void
map_line(struct build *b, char *line, unsigned line_no)
{
	AUTO(mem_free) char *where = NULL;
	char *key, *value;

	switch (source_split(line, &key, &value)) {
	case SOURCE_QUOTE:
		log_warning("%s, line %u: unbalanced '\"' in '%.100s' -- ignoring this line", source_name(b->src), line_no, line);
		return;
	case SOURCE_FORMAT:
		log_warning("%s, line %u: expected format: key whitespace value", source_name(b->src), line_no);
		return;
	case SOURCE_OK:
		break;
	}
	if (key[strlen(key) - 1] == ':')
		log_warning("%s, line %u: record is in \"key: value\" format; is this an alias file?", source_name(b->src), line_no);
	if ((b->c->flags & TABLE_FOLD) != 0)
		ascii_lower_str(key);
	if (b->c->file_content) {
		where = mem_printf("%s, line %u", source_name(b->src), line_no);
		strbuf_reset(&b->value);
		if (filecontent_encode(value, &b->value, where) < 0)
			return;
		value = b->value.s;
	}
	store(b, key, value);
}

static void
alias_line(struct build *b, char *line, unsigned line_no)
{
	const char *problem;

	strbuf_reset(&b->key);
	strbuf_reset(&b->value);
	if (alias_split(line, &b->key, &b->value, &problem) < 0) {
		log_warning("%s, line %u: %s", source_name(b->src), line_no, problem);
		return;
	}
	if ((b->c->flags & TABLE_FOLD) != 0)
		ascii_lower_str(b->key.s);
	store(b, b->key.s, b->value.s);
}

static void
read_all(struct build *b)
{
	struct err err = ERR_INIT;
	unsigned line_no;
	char *line;
	int r;

	while ((r = source_line(b->src, &line, &line_no, &err)) == 1) {
		if (b->c->utf8 && !utf8_is_valid(line, strlen(line)))
			log_warning("%s, line %u: non-UTF-8 input \"%.100s\" -- ignoring this line", source_name(b->src), line_no, line);
		else if (b->c->is_alias)
			alias_line(b, line, line_no);
		else
			map_line(b, line, line_no);
	}
	if (r < 0)
		fatal("%s", err.text);
}

static void
put_silently(struct build *b, const char *key, const char *value)
{
	struct err err = ERR_INIT;
	bool existed;

	if (table_put(b->table, key, value, &existed, &err) < 0)
		fatal("%s", err.text);
}

/* What programs of NIS expect of an alias table. */
static void
add_yp_entries(struct build *b)
{
	char stamp[32];
	const char *host = conf_get(b->c->conf, "myhostname");

	snprintf(stamp, sizeof(stamp), "%010lld", (long long)clock_wall_s());
	put_silently(b, "@", "@");
	table_put_bare(b->table);
	put_silently(b, "YP_LAST_MODIFIED", stamp);
	put_silently(b, "YP_MASTER_NAME", host != NULL ? host : "");
}

static struct source *
open_source(const struct build *b)
{
	struct err err = ERR_INIT;
	struct source *src;
	int fd;

	if (!b->c->incremental) {
		src = source_open(b->name, &err);
		if (src == NULL)
			fatal("%s", err.text);
		return src;
	}
	fd = dup(STDIN_FILENO);
	if (fd < 0)
		fatal("standard input: not open");
	return source_open_fd(fd, "stdin");
}

static void
open_output(struct build *b)
{
	int flags = TABLE_WRITE | (b->c->incremental ? 0 : TABLE_REBUILD);

	if (!is_type(b, "hash") && !is_type(b, "btree") && !is_type(b, "lmdb") && !is_type(b, "cdb") && !is_type(b, "proxy")) {
		AUTO(mem_free) char *type = mem_strndup(b->spec, strcspn(b->spec, ":"));

		if (!table_is_known_type(type))
			fatal("unsupported dictionary type: %s", type);
		fatal("unsupported dictionary type: %s does not support bulk-mode creation.", type);
	}
	b->table = mapcmd_open(b->c, b->spec, flags);
}

void
mapcmd_build(struct mapcmd *c, const char *operand)
{
	struct build b = { .c = c, .spec = mapcmd_spec(c, operand), .key = STRBUF_INIT(KEY_MAX), .value = STRBUF_INIT(VALUE_MAX) };
	struct err err = ERR_INIT;
	mode_t old_mask;
	struct stat st;
	bool as_owner;

	b.name = strchr(b.spec, ':') + 1;
	b.label = make_label(&b);
	b.src = open_source(&b);
	if (fstat(source_fd(b.src), &st) < 0)
		fatal("stat %s: file is gone", b.name);
	as_owner = geteuid() == 0 && !c->keep_root && st.st_uid != 0;
	if (as_owner)
		become_owner(&st);
	else if (geteuid() == 0 && !c->keep_root && !c->incremental)
		check_directory(&b);
	old_mask = umask(c->default_perms ? 022 : 022 | (~st.st_mode & 077));
	open_output(&b);
	umask(old_mask);
	read_all(&b);
	if (c->is_alias)
		add_yp_entries(&b);
	if (table_sync(b.table, &err) < 0)
		fatal("%s", err.text);
	table_free(&b.table);
	source_free(&b.src);
	if (as_owner)
		become_root();
	strbuf_done(&b.key);
	strbuf_done(&b.value);
	mem_free(&b.label);
	mem_free(&b.spec);
}
