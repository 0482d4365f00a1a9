/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - lookup tables "type:name"
 *
 *	struct table *t = table_open("hash:/etc/postfix/virtual", 0, &env, &err);
 *	switch (table_lookup(t, key, &value, &err)) {
 *	case 1: found	case 0: not there	case -1: temporary trouble, never "not there"
 *	}
 *
 * Warnings about the contents of a table (a line that is skipped, a file older than its source) are logged from here, since no
 * caller could say them better; everything else is in struct err, and the caller logs it.
 *
 * Tables are opened before confinement.  A type that is looked up elsewhere (proxy:, SQL, LDAP, unix ...) is a stub that asks
 * proxymap, so a look-up may wait.  One driver a file; a driver is a static const struct table_driver (table_priv.h).
 */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "config/conf.h"

struct table;
enum {
	TABLE_FOLD = 1,		/* lower-case the key for fixed-string types */
	TABLE_NO_SUBST = 2,	/* refuse $1 substitution (aliases, transport ...) */
	TABLE_WRITE = 4,	/* open for update, create */
	TABLE_NO_PROXY = 8,	/* proxymap itself: look up here whatever the type */
	TABLE_REBUILD = 16,	/* with TABLE_WRITE: a new empty table that replaces the old one at close */
	TABLE_QUIET = 32,	/* a table that cannot be opened is not logged: commands say so themselves */
	TABLE_REPLACE = 64,	/* table_put replaces what is there; without it the first value stays */
	TABLE_NUL = 128,	/* keys and values end with a NUL on disk ... */
	TABLE_NO_NUL = 256,	/* ... or do not; neither: as the type does, and on reading both forms are tried */
};

/* A table that cannot be opened is still a table: each look-up of it fails temporarily and says why (as Postfix does).  NULL only
 * for a name that has no "type:" or an unknown type; callers in start-up treat that as fatal. */
NODISCARD struct table *table_open(const char *spec, int flags, struct conf *conf, struct err *err);
void table_free(struct table **tp);
const char *table_spec(const struct table *t);
/* Why each look-up of this table fails, or NULL when it was opened. */
const struct err *table_trouble(const struct table *t);
/* Who owns the file behind the table; types without a file belong to root.  -1: cannot be told. */
NODISCARD int table_owner(const struct table *t, uid_t *uid);
/* 1 found (value replaced), 0 not found, -1 temporary error. */
NODISCARD int table_lookup(struct table *t, const char *key, struct strbuf *value, struct err *err) MAY_WAIT;
/* Key parts (user@domain without extension, parent domains) make sense: false for regexp, pcre, cidr, tcp, socketmap, static ... */
bool table_takes_partial_keys(const struct table *t);
/* Has the source changed on disk since it was opened?  Asked now and then by the daemon skeleton, which then makes room for a new process. */
bool table_is_stale(struct table *t);

/* For postmap, postalias, caches. */
NODISCARD int table_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err);
void table_put_bare(struct table *t);	/* from now on as given, replacing, and without the final NUL (the YP_ entries of postalias) */
NODISCARD int table_delete(struct table *t, const char *key, struct err *err);	/* 1 deleted, 0 not there, -1 */
NODISCARD int table_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err);	/* 1, 0 at end, -1 */
NODISCARD int table_sync(struct table *t, struct err *err);

/* Names of the types this build has, sorted: postconf -m. */
const char *const *table_types(void);
bool table_is_known_type(const char *type);	/* a type Postfix has, built here or not */
bool table_is_proxied_type(const char *type);	/* looked up by proxymap even without "proxy:" in front */

/* A list of tables, "hash:/a, hash:/b": searched in order for one key. */
struct table_list;
NODISCARD struct table_list *table_list_open(const char *specs, int flags, struct conf *conf, struct err *err);
void table_list_free(struct table_list **lp);
bool table_list_is_empty(const struct table_list *l);
size_t table_list_count(const struct table_list *l);
struct table *table_list_at(struct table_list *l, size_t i);
NODISCARD int table_list_lookup(struct table_list *l, const char *key, struct strbuf *value, struct err *err) MAY_WAIT;
/* Only tables that take whole keys (whole = true) or only those with partial keys too: see lib/route/mail_key.h. */
NODISCARD int table_list_lookup_part(struct table_list *l, const char *key, bool is_partial_key, struct strbuf *value, struct err *err) MAY_WAIT;

#endif
