/* SPDX-License-Identifier: Apache-2.0 */
/* table - the counters of all clients, and the largest of each kind. */
#include "anvil/anvil.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/strbuf.h"

struct anvil_table {
	struct map *clients;
	uint64_t unit_ms;
	struct anvil_max max_rate[ANVIL_RATES], max_count, max_size;
};

struct anvil_table *
anvil_table_new(uint64_t unit_ms)
{
	struct anvil_table *t = NEW(struct anvil_table);

	t->clients = map_new();
	t->unit_ms = unit_ms;
	return t;
}

static void
max_reset(struct anvil_max *m)
{
	mem_free(&m->ident);
	*m = (struct anvil_max){ .n = 0 };
}

static void
reset_all(struct anvil_table *t)
{
	for (int i = 0; i < ANVIL_RATES; i++)
		max_reset(&t->max_rate[i]);
	max_reset(&t->max_count);
	max_reset(&t->max_size);
}

static void
free_client(void *client)
{
	mem_free(&client);
}

void
anvil_table_free(struct anvil_table **tp)
{
	struct anvil_table *t = *tp;

	if (t == NULL)
		return;
	*tp = NULL;
	reset_all(t);
	map_free(&t->clients, free_client);
	mem_free(&t);
}

static void
max_note(struct anvil_max *m, unsigned n, const char *ident, int64_t wall_s)
{
	if (n <= m->n)
		return;
	if (m->ident == NULL || strcmp(m->ident, ident) != 0) {
		mem_free(&m->ident);
		m->ident = mem_strdup(ident);
	}
	m->n = n;
	m->when_s = wall_s;
}

static void
new_unit(const struct anvil_table *t, struct anvil_client *c, uint64_t now_ms)
{
	if (now_ms - c->start_ms < t->unit_ms)
		return;
	c->start_ms = now_ms;
	memset(c->rate, 0, sizeof c->rate);
}

static struct anvil_client *
client_get(struct anvil_table *t, const char *ident, uint64_t now_ms, int64_t wall_s)
{
	struct anvil_client *c = map_get(t->clients, ident);

	if (c == NULL) {
		if (map_count(t->clients) >= ANVIL_CLIENTS_MAX)
			anvil_sweep(t, now_ms);
		if (map_count(t->clients) >= ANVIL_CLIENTS_MAX)
			return NULL;
		c = NEW(struct anvil_client);
		c->start_ms = now_ms;
		(void)map_put(t->clients, ident, c);
		max_note(&t->max_size, (unsigned)map_count(t->clients), "", wall_s);
	}
	new_unit(t, c, now_ms);
	return c;
}

const struct anvil_client *
anvil_count(struct anvil_table *t, const char *ident, enum anvil_rate what, uint64_t now_ms, int64_t wall_s)
{
	struct anvil_client *c = client_get(t, ident, now_ms, wall_s);

	if (c == NULL)
		return NULL;
	if (c->rate[what] < UINT32_MAX)
		c->rate[what]++;
	max_note(&t->max_rate[what], c->rate[what], ident, wall_s);
	if (what == ANVIL_CONNECTIONS) {
		c->count++;
		max_note(&t->max_count, c->count, ident, wall_s);
	}
	return c;
}

void
anvil_leave(struct anvil_table *t, const char *ident)
{
	struct anvil_client *c = map_get(t->clients, ident);

	if (c != NULL && c->count > 0)
		c->count--;
}

struct anvil_client
anvil_look(struct anvil_table *t, const char *ident, uint64_t now_ms)
{
	struct anvil_client *c = map_get(t->clients, ident);

	if (c == NULL)
		return (struct anvil_client){ .count = 0 };
	new_unit(t, c, now_ms);
	return *c;
}

size_t
anvil_size(const struct anvil_table *t)
{
	return map_count(t->clients);
}

void
anvil_sweep(struct anvil_table *t, uint64_t now_ms)
{
	struct map_iter it = { 0 };

	while (map_next(t->clients, &it)) {
		struct anvil_client *c = it.value;

		if (c->count == 0 && now_ms - c->start_ms >= t->unit_ms) {
			(void)map_del(t->clients, it.key);
			mem_free(&c);
		}
	}
}

void
anvil_report(struct anvil_table *t, void (*fn)(const char *text, int64_t when_s))
{
	static const char *const names[ANVIL_RATES] = { "connection", "message", "recipient", "newtls", "auth" };
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(ANVIL_IDENT_MAX + 200);

	for (int i = 0; i < ANVIL_RATES; i++) {
		const struct anvil_max *m = &t->max_rate[i];

		if (m->n == 0)
			continue;
		strbuf_reset(&b);
		(void)strbuf_addf(&b, "max %s rate %u/%llus for (%s)", names[i], m->n, (unsigned long long)t->unit_ms / 1000, m->ident);
		fn(b.s, m->when_s);
		if (i == ANVIL_CONNECTIONS) {
			strbuf_reset(&b);
			(void)strbuf_addf(&b, "max connection count %u for (%s)", t->max_count.n, t->max_count.ident);
			fn(b.s, t->max_count.when_s);
		}
	}
	if (t->max_size.n > 0) {
		strbuf_reset(&b);
		(void)strbuf_addf(&b, "max cache size %u", t->max_size.n);
		fn(b.s, t->max_size.when_s);
	}
	reset_all(t);
}
