/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list - doubly linked list through a member of the element
 *
 *	struct job { struct list link; ... };
 *	struct list jobs; list_init(&jobs);
 *	list_append(&jobs, &job->link);
 *	for (struct list *l = jobs.next; l != &jobs; l = l->next) use(LIST_ITEM(l, struct job, link));
 *
 * An element that is in no list has link.next == &link after list_init or list_remove.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_ITEM(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_is_empty(const struct list *l) { return l->next == l; }
static inline void
list_insert_before(struct list *at, struct list *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}
static inline void list_append(struct list *head, struct list *l) { list_insert_before(head, l); }
static inline void list_prepend(struct list *head, struct list *l) { list_insert_before(head->next, l); }
static inline void
list_remove(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#endif
