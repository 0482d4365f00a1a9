/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_priv - what a lookup-table driver provides, and what drivers share
 *
 * A driver is a static const struct table_driver in a file of its own; table.c lists them.  open() fills t->state and returns 0,
 * or fills err and returns -1: the table then lives on and each look-up fails with that text.  Keys arrive folded where the
 * type is folded; they hold no NUL byte and are shorter than TABLE_KEY_MAX.
 */
#ifndef TABLE_TABLE_PRIV_H
#define TABLE_TABLE_PRIV_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/strvec.h"
#include "table/table.h"

enum {
	TABLE_KEY_MAX = 1 << 20,	/* longer keys are in no table; pattern tables see a header of at most 100 kB */
	TABLE_VALUE_MAX = 16 << 20,
	TABLE_NEST_MAX = 16,		/* union of unions of ... */
	TABLE_RULES_MAX = 1000000,	/* in one pattern table */
	TABLE_LIST_MAX = 1000,		/* tables in one list */
};

enum table_traits {
	TABLE_T_FIXED = 1,	/* keys are whole strings: folded, and partial keys make sense */
	TABLE_T_PARTIAL = 2,	/* with TABLE_T_FIXED */
	TABLE_T_HIDDEN = 4,	/* known by name, not built */
	TABLE_T_PROXIED = 8,	/* looked up by proxymap */
	TABLE_T_STUB = 16,	/* without TABLE_NO_PROXY, table_proxied takes the place of the driver */
};

struct table_driver {
	const char *type;
	unsigned traits;
	int (*open)(struct table *t, struct err *err);
	void (*close)(struct table *t);
	int (*lookup)(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err);
	bool (*is_stale)(struct table *t);	/* NULL: never */
	bool (*takes_partial)(const struct table *t);	/* NULL: by TABLE_T_PARTIAL */
	/* NULL: the operation is not supported */
	int (*put)(struct table *t, const char *key, const char *value, bool *existed, struct err *err);
	int (*del)(struct table *t, const char *key, struct err *err);
	int (*each)(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err);
	int (*sync)(struct table *t, struct err *err);
};

struct table {
	const struct table_driver *driver;
	char *spec;
	const char *name;	/* in spec, behind the colon */
	int flags;
	struct conf *conf;
	void *state;		/* the driver's */
	struct err trouble;	/* class ERR_NONE: open */
	uint64_t stamp;		/* with trouble: of the files as they were then */
};

/* Asks proxymap for t->spec, whatever its type. */
extern const struct table_driver table_proxied;
extern const struct table_driver table_hash, table_btree, table_lmdb, table_cdb, table_texthash, table_inline, table_internal,
    table_static, table_environ, table_fail, table_regexp, table_pcre, table_cidr, table_unix, table_proxy, table_unionmap,
    table_pipemap, table_randmap, table_debug, table_ldap, table_mysql, table_pgsql, table_sqlite, table_mongodb, table_memcache,
    table_tcp, table_socketmap, table_nis, table_nisplus, table_dbm, table_sdbm;
/* Drivers that need a client library, linked only into programs that look up (table_client_srcs in dir.mk): NULL in all others. */
extern const struct table_driver table_sqlite_client __attribute__((weak));

bool table_type_takes_partial(const char *type);

/* The types that keep all of a table in memory. */
struct memtab;
NODISCARD struct memtab *memtab_new(void);
void memtab_free(struct memtab **mp);
bool memtab_has(const struct memtab *m, const char *key);
void memtab_put(struct memtab *m, const char *key, const char *value);
bool memtab_del(struct memtab *m, const char *key);
int memtab_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err);	/* t->state is the memtab */
int memtab_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err);
void memtab_close(struct table *t);

/* Lists with { } groups, in place.  brace_next cuts the next word off *pos: text between commas and blanks, a group whole with its
 * braces; NULL at the end.  brace_strip takes the braces and the blanks inside them off a group; on failure -1 and err says what is wrong. */
char *brace_next(char **pos);
NODISCARD int brace_strip(char **text, struct err *err);

/* Rules of cidr, regexp and pcre tables, from a file or from "{ {rule}, {rule} }". */
struct rules;
NODISCARD struct rules *rules_open(struct table *t, struct err *err);
void rules_close(struct rules **rp);
NODISCARD int rules_next(struct rules *r, char **line, unsigned *line_no, struct err *err);	/* 1, 0 at end, -1 */

/* Result text with $1 in it, compiled when the table is opened. */
struct subst;
enum { SUBST_LITERAL_ONLY = 1 /* negative match: no groups */, SUBST_FORBIDDEN = 2 /* TABLE_NO_SUBST */ };
/* NULL: a warning was logged, skip the rule. */
NODISCARD struct subst *subst_compile(const struct table *t, unsigned line_no, const char *text, unsigned max_group, int flags);
void subst_free(struct subst **sp);
bool subst_is_literal(const struct subst *s);
/* group gives the text of a group (NULL when it took no part). */
struct subst_match {
	const char *(*group)(const void *arg, unsigned n, size_t *len);
	const void *arg;
};
NODISCARD int subst_apply(const struct subst *s, const struct subst_match *m, struct strbuf *out);

/* What regexp and pcre have in common: "/pattern/flags result", "!...", "if ...", "endif".  The engine compiles and matches. */
struct pattern_rule {
	bool is_if, is_endif, negated;
	char *pattern, *flags, *result;
	unsigned line_no;
};
struct pattern_engine {
	/* NULL: a warning was logged, skip the rule.  wants_groups: the result is to be taken from the groups. */
	void *(*compile)(const struct table *t, const struct pattern_rule *r, unsigned *max_group);
	void (*free)(void *code);
	/* 1, 0, -1.  Groups of the last match are asked for with group(), arg is the engine's scratch. */
	int (*match)(void *scratch, void *code, const char *key, size_t len, struct err *err);
	const char *(*group)(const void *scratch, unsigned n, size_t *len);
};
struct patterns;
NODISCARD struct patterns *patterns_load(struct table *t, const struct pattern_engine *e, struct err *err);
void patterns_free(struct patterns **pp);
NODISCARD int patterns_lookup(const struct patterns *p, void *scratch, const char *key, size_t len, struct strbuf *value, struct err *err);

/* "warning: pcre map NAME, line N: TEXT" */
void rule_warn(const struct table *t, unsigned line_no, const char *fmt, ...) PRINTF(3, 4);

/* Has the file behind fd been replaced under its name?  Works inside a jail too, where the name is out of reach. */
bool table_file_replaced(int fd, const char *path);
bool table_file_changed(int fd, const struct stat *was, const char *path);
/* Log "database X is older than source file Y" where Postfix does. */
void table_warn_older(const char *db_path, const struct stat *db, const char *source);

/* The shared or exclusive flock that readers and writers of hash and btree files take.  Waits (a task sleeps), at most a minute. */
NODISCARD int table_flock(int fd, int op, const char *path, struct err *err) MAY_WAIT;

#endif
