/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap - the smallest of many, through a slot number inside each element
 *
 * An element holds a struct heap_node that stays in place while the element is in the heap; what decides the order may change only
 * when heap_put() is called after it.
 */
#ifndef QMGR_HEAP_H
#define QMGR_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
	size_t slot;		/* 1-based; 0: in no heap */
};
typedef bool heap_less_fn(struct heap_node *a, struct heap_node *b);
struct heap {
	struct heap_node **v;
	size_t n, cap;
	heap_less_fn *less;
};

void heap_init(struct heap *h, heap_less_fn *less);
void heap_done(struct heap *h);
void heap_put(struct heap *h, struct heap_node *n);	/* insert, or move after a change */
void heap_take(struct heap *h, struct heap_node *n);	/* out of it; nothing when it is not in */
struct heap_node *heap_first(const struct heap *h);	/* NULL when empty */

#endif
