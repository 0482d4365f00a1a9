/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache - answers that are kept for as long as they say, and one query for equal questions
 *
 * An entry is created with its query (pending) and becomes the answer.  The query runs in a task of its own: who asked first may go
 * away.  The map holds the entry until it expires or room is needed; whoever uses it holds a reference, so an entry that left
 * the map lives until the last one has put it back.
 */
#include "resolver.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/mem.h"

enum { KEY_SIZE = DNS_NAME_SIZE + 8, ENTRY_COST = 600 };

struct entry {
	struct resolver *r;
	struct list link;	/* by_use, when answered and in the map */
	struct question q;
	struct pool *pool;
	struct dns_reply reply;
	struct task_cond answered;
	uint64_t expires_ms;
	size_t bytes;
	unsigned refs;
	bool is_pending, is_in_map;
	char key[KEY_SIZE];
};

static void
entry_free(struct entry *e)
{
	pool_free(&e->pool);
	mem_free(&e);
}

/* Take an entry out of the map; it goes away with its last user. */
static void
entry_forget(struct entry *e)
{
	if (!e->is_in_map)
		return;
	(void)map_del(e->r->questions, e->key);
	list_remove(&e->link);
	e->is_in_map = false;
	e->r->n_bytes -= e->bytes;
	if (e->refs == 0)
		entry_free(e);
}

void
entry_put(struct resolver *r, struct entry **ep)
{
	struct entry *e = *ep;

	(void)r;
	*ep = NULL;
	if (e != NULL && --e->refs == 0 && !e->is_in_map)
		entry_free(e);
}

static void
make_room(struct resolver *r)
{
	while ((r->n_bytes > MAX_CACHE_BYTES || map_count(r->questions) > MAX_ENTRIES) && !list_is_empty(&r->by_use))
		entry_forget(LIST_ITEM(r->by_use.next, struct entry, link));
}

/* Keep the aliases' end and the lesser life time when one answer continues another. */
static void
join_chain(struct dns_reply *whole, const struct packet_answer *a, bool is_first)
{
	struct dns_reply before = *whole;

	*whole = a->reply;
	if (is_first)
		return;
	if (whole->cname[0] == '\0')
		whole->cname = before.cname;
	whole->is_secure = whole->is_secure && before.is_secure;
	if (before.ttl_s < whole->ttl_s)
		whole->ttl_s = before.ttl_s;
}

/* Ask, and ask again for the end of an alias chain of which a server does not tell more. */
static void
ask_through(struct entry *e, struct pool *pool, struct dns_reply *out)
{
	uint64_t end_ms = task_now_ms() + QUERY_LIMIT_MS;
	struct question q = e->q;
	struct packet_answer a;
	unsigned n_cnames = 0;
	bool is_first = true;

	do {
		exchange(e->r, &q, end_ms, pool, &a);
		n_cnames += a.n_cnames;
		join_chain(out, &a, is_first);
		is_first = false;
		q.name = a.chase;
	} while (a.chase != NULL && n_cnames < MAX_CNAMES && ascii_casecmp(a.chase, e->q.name) != 0);
	if (a.chase != NULL)	/* too long, or in a circle */
		reply_set(out, DNS_LOOP, 0);
}

/* What is kept is a copy: reading packets leaves more behind than their answer. */
static void
keep_copy(struct entry *e, const struct dns_reply *from)
{
	struct dns_rr *rr = pool_alloc_array(e->pool, from->n + 1, sizeof(*rr));

	e->reply = *from;
	e->reply.cname = pool_strdup(e->pool, from->cname);
	e->reply.rr = rr;
	for (size_t i = 0; i < from->n; i++) {
		rr[i] = from->rr[i];
		rr[i].data = pool_strdup(e->pool, from->rr[i].data);
		rr[i].owner = i > 0 && from->rr[i].owner == from->rr[i - 1].owner ? rr[i - 1].owner :
		    pool_strdup(e->pool, from->rr[i].owner);
	}
}

static void
set_life(struct entry *e)
{
	struct dns_reply *r = &e->reply;

	if (r->ttl_s > MAX_TTL_S)
		r->ttl_s = MAX_TTL_S;
	if (r->status == DNS_TEMP || r->status == DNS_REFUSED || r->status == DNS_INVALID || r->status == DNS_LOOP)
		e->expires_ms = clock_mono_ms() + FAILURE_TTL_MS;
	else
		e->expires_ms = clock_mono_ms() + (uint64_t)r->ttl_s * 1000;
}

static void
run_query(void *arg)
{
	struct entry *e = arg;
	struct resolver *r = e->r;
	struct pool *scratch = pool_new(2048);
	struct dns_reply answer = { .status = DNS_TEMP, .cname = "" };

	ask_through(e, scratch, &answer);
	keep_copy(e, &answer);
	pool_free(&scratch);
	set_life(e);
	e->is_pending = false;
	r->n_pending--;
	if (e->is_in_map) {
		e->bytes = pool_used(e->pool) + ENTRY_COST;
		r->n_bytes += e->bytes;
		list_append(&r->by_use, &e->link);
		make_room(r);
	}
	task_cond_broadcast(&e->answered);
	entry_put(r, &e);
}

static struct entry *
entry_start(struct resolver *r, const char *key, const char *name, enum dns_type type)
{
	struct entry *e = NEW(struct entry);

	e->r = r;
	list_init(&e->link);
	task_cond_init(&e->answered);
	e->pool = pool_new(512);
	e->q = (struct question){ .name = pool_strdup(e->pool, name), .type = type };
	e->reply.cname = "";
	e->reply.status = DNS_TEMP;
	snprintf(e->key, sizeof(e->key), "%s", key);
	e->refs = 1;
	e->is_pending = true;
	if (task_start_err("query", run_query, e, NULL) == NULL) {
		entry_free(e);
		return NULL;
	}
	r->n_pending++;
	e->is_in_map = true;
	(void)map_put(r->questions, e->key, e);
	return e;
}

struct entry *
cache_get(struct resolver *r, const char *name, enum dns_type type)
{
	char key[KEY_SIZE];
	struct entry *e;

	snprintf(key, sizeof(key), "%d/%s", (int)type, name);
	e = map_get(r->questions, key);
	if (e != NULL && !e->is_pending && e->expires_ms <= clock_mono_ms()) {
		entry_forget(e);
		e = NULL;
	}
	if (e == NULL && r->n_pending >= MAX_PENDING)
		return NULL;
	if (e == NULL && (e = entry_start(r, key, name, type)) == NULL)
		return NULL;
	if (!e->is_pending) {
		list_remove(&e->link);
		list_append(&r->by_use, &e->link);
	}
	e->refs++;
	return e;
}

const struct dns_reply *
entry_wait(struct entry *e)
{
	while (e->is_pending)
		if (task_cond_wait(&e->answered, TASK_FOREVER, NULL) < 0)
			return NULL;
	return &e->reply;
}

/* Answers only; what is being asked for goes on and is not kept. */
void
cache_clear(struct resolver *r)
{
	struct map_iter it = { 0 };

	while (map_next(r->questions, &it)) {
		struct entry *e = it.value;

		if (!e->is_pending)
			entry_forget(e);
		else {
			(void)map_del(r->questions, e->key);
			e->is_in_map = false;
		}
	}
}
