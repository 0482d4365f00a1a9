/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anvil - how many connections each client has, and how fast it makes connections, messages and recipients
 *
 * A client is an opaque string of smtpd's, "service:address".  Rates are counts since the start of the client's present time unit.
 * table.c keeps the numbers, main.c talks about them.
 */
#ifndef ANVIL_ANVIL_H
#define ANVIL_ANVIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { ANVIL_CLIENTS_MAX = 200000, ANVIL_IDENT_MAX = 1000 };
enum anvil_rate { ANVIL_CONNECTIONS, ANVIL_MESSAGES, ANVIL_RECIPIENTS, ANVIL_NEWTLS, ANVIL_AUTHS, ANVIL_RATES };

struct anvil_client {
	unsigned count;			/* connections now */
	unsigned rate[ANVIL_RATES];
	uint64_t start_ms;		/* of the present time unit */
};

struct anvil_max {		/* the largest since the last report */
	unsigned n;
	char *ident;
	int64_t when_s;
};

struct anvil_table;
NODISCARD struct anvil_table *anvil_table_new(uint64_t unit_ms);
void anvil_table_free(struct anvil_table **tp);
/* One event.  NULL: the table is full of clients that are all busy. */
const struct anvil_client *anvil_count(struct anvil_table *t, const char *ident, enum anvil_rate what, uint64_t now_ms, int64_t wall_s);
/* A connection is over. */
void anvil_leave(struct anvil_table *t, const char *ident);
/* Zeros for a client that is not known. */
struct anvil_client anvil_look(struct anvil_table *t, const char *ident, uint64_t now_ms);
size_t anvil_size(const struct anvil_table *t);
/* Forget who has no connection and whose time unit is over. */
void anvil_sweep(struct anvil_table *t, uint64_t now_ms);
/* The maxima, one call of fn each ("max connection rate 9/60s for (x:1.2.3.4)"), then they start anew. */
void anvil_report(struct anvil_table *t, void (*fn)(const char *text, int64_t when_s));

#endif
