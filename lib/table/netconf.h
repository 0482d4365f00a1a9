/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netconf - the configuration of a table behind a server, and what its keys and results have in common
 *
 * "type:/path" names a file of "name = value" lines; "type:name" takes the main.cf parameters name_attribute.
 *
 *	AUTO(netconf_free) struct netconf *nc = netconf_open(t, &err);
 *	dbname = netconf_get(nc, "dbname", "");				lives as long as nc
 *	netquery_load(&q, nc, NETQUERY_SQL, "query", &err)		query, result_format, domain, expansion_limit
 *	switch (netquery_build(&q, key, quote, arg, &text, &err))	the query for a key; 0: this key is not asked for
 *	netquery_add(&q, key, column, &n, value, &err)			each result, in result_format, behind a comma
 */
#ifndef TABLE_NETCONF_H
#define TABLE_NETCONF_H

#include "table/match.h"
#include "table/table_priv.h"

struct netconf;
NODISCARD struct netconf *netconf_open(const struct table *t, struct err *err);
void netconf_free(struct netconf **np);
const char *netconf_get(struct netconf *nc, const char *attr, const char *dflt);	/* dflt may be NULL; values are not empty unless given so */
NODISCARD int netconf_int(struct netconf *nc, const char *attr, int64_t dflt, int64_t min, int64_t max, int64_t *out, struct err *err);
NODISCARD int netconf_bool(struct netconf *nc, const char *attr, bool dflt, bool *out, struct err *err);
/* dflt and *out in milliseconds; a bare number counts in seconds. */
NODISCARD int netconf_time(struct netconf *nc, const char *attr, uint64_t dflt_ms, uint64_t *out_ms, struct err *err);
/* The query in its own words, or what the older select_field, table, where_field and additional_conditions say.  NULL: none of them. */
NODISCARD char *netconf_sql_query(struct netconf *nc);

/* A text with %s, %u, %d, %1 - %9, %S, %U, %D, cut into pieces. */
struct nettext;
enum netquery_kind { NETQUERY_PLAIN, NETQUERY_SQL /* knows quotes and comments */, NETQUERY_SQL_BACKSLASH /* \' is no end of a quote */ };

struct netquery {
	struct nettext *query, *format;
	struct match *domains;	/* NULL: any key */
	int64_t expansion_limit;	/* 0: none */
};

/* attr: the name of the query's attribute ("query", "query_filter", "key_format"); text: its value. */
NODISCARD int netquery_load(struct netquery *q, struct netconf *nc, enum netquery_kind kind, const char *attr, const char *text, struct err *err);
void netquery_done(struct netquery *q);
/* Adds n bytes of a key to out so that they stay what they are.  quote: the mark within which they stand, 0 outside: then the text must
 * become a whole literal. */
typedef int netquery_quote_fn(void *arg, char quote, const char *s, size_t n, struct strbuf *out);
/* SQL as the standard has it: the mark is doubled; 'text' outside quotes. */
netquery_quote_fn netquery_quote_sql;
/* 1, 0 when nothing is to be asked for this key (domain, or a part that it does not have), -1. */
NODISCARD int netquery_build(const struct netquery *q, const char *key, netquery_quote_fn *quote, void *arg, struct strbuf *out, struct err *err) MAY_WAIT;
/* *n counts what was added to value.  0, or -1: more than expansion_limit, or too long. */
NODISCARD int netquery_add(const struct netquery *q, const char *key, const char *result, size_t *n, struct strbuf *value, struct err *err);

#endif
