/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index - what is in incoming and deferred, in memory
 *
 * The files are the truth: an item whose file is gone is found out when it is to become active, and dropped.
 */
#include <string.h>

#include "base/bug.h"
#include "base/mem.h"
#include "qmgr/qmgr.h"

static struct {
	struct map *by_id;
	struct heap waiting;
	struct list incoming, deferred;
} ix;

static bool
due_less(struct heap_node *a, struct heap_node *b)
{
	return ((const struct item *)a)->due < ((const struct item *)b)->due;
}

void
index_init(void)
{
	ix.by_id = map_new();
	heap_init(&ix.waiting, due_less);
	list_init(&ix.incoming);
	list_init(&ix.deferred);
}

size_t
index_count(void)
{
	return map_count(ix.by_id);
}

struct item *
index_find(const char *id)
{
	return map_get(ix.by_id, id);
}

struct item *
index_add(const char *id, enum queue_name where)
{
	size_t n = strlen(id) + 1;
	struct item *i = mem_alloc(sizeof(*i) + n);

	memcpy(i->id, id, n);
	i->where = where;
	list_init(&i->link);
	map_put(ix.by_id, i->id, i);
	return i;
}

static void
take_out(struct item *i)
{
	heap_take(&ix.waiting, &i->node);
	list_remove(&i->link);
}

void
index_ready(struct item *i)
{
	take_out(i);
	i->state = ITEM_READY;
	list_append(i->where == QUEUE_DEFERRED ? &ix.deferred : &ix.incoming, &i->link);
}

void
index_wait(struct item *i, int64_t due)
{
	take_out(i);
	i->state = ITEM_WAITING;
	i->due = due;
	heap_put(&ix.waiting, &i->node);
}

void
index_drop(struct item *i)
{
	take_out(i);
	map_del(ix.by_id, i->id);
	mem_free(&i);
}

void
index_release(int64_t now)
{
	struct item *i;

	while ((i = (struct item *)heap_first(&ix.waiting)) != NULL && i->due <= now)
		index_ready(i);
}

void
index_release_all(enum queue_name where)
{
	struct map_iter it = { 0 };

	while (map_next(ix.by_id, &it)) {
		struct item *i = it.value;

		if (i->where != where || i->state == ITEM_ACTIVE)
			continue;
		i->is_flushed = true;
		if (i->state == ITEM_WAITING)
			index_ready(i);
	}
}

struct item *
index_take(bool from_deferred)
{
	struct list *head = from_deferred ? &ix.deferred : &ix.incoming;
	struct item *i;

	if (list_is_empty(head))
		return NULL;
	i = LIST_ITEM(head->next, struct item, link);
	list_remove(&i->link);
	return i;
}

void
index_each_unseen(enum queue_name where, unsigned scan, void (*fn)(struct item *i))
{
	struct map_iter it = { 0 };

	while (map_next(ix.by_id, &it)) {
		struct item *i = it.value;

		if (i->where == where && i->state != ITEM_ACTIVE && i->scan != scan)
			fn(i);
	}
}
