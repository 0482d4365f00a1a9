/* SPDX-License-Identifier: Apache-2.0 */
/* heap - a binary heap of elements that know where they are */
#include "qmgr/heap.h"

#include "base/mem.h"

void
heap_init(struct heap *h, heap_less_fn *less)
{
	*h = (struct heap){ .less = less };
}

void
heap_done(struct heap *h)
{
	mem_free(&h->v);
	h->n = h->cap = 0;
}

static void
set(struct heap *h, size_t i, struct heap_node *n)
{
	h->v[i - 1] = n;
	n->slot = i;
}

static void
sift_up(struct heap *h, struct heap_node *n)
{
	size_t i = n->slot;

	for (; i > 1 && h->less(n, h->v[i / 2 - 1]); i /= 2)
		set(h, i, h->v[i / 2 - 1]);
	set(h, i, n);
}

static void
sift_down(struct heap *h, struct heap_node *n)
{
	size_t i = n->slot;

	for (;;) {
		size_t c = 2 * i;

		if (c > h->n)
			break;
		if (c < h->n && h->less(h->v[c], h->v[c - 1]))
			c++;
		if (!h->less(h->v[c - 1], n))
			break;
		set(h, i, h->v[c - 1]);
		i = c;
	}
	set(h, i, n);
}

void
heap_put(struct heap *h, struct heap_node *n)
{
	if (n->slot == 0) {
		if (h->n == h->cap) {
			h->cap = h->cap == 0 ? 32 : h->cap * 2;
			h->v = mem_realloc_array(h->v, h->cap, sizeof(struct heap_node *));
		}
		h->n++;
		set(h, h->n, n);
	}
	sift_up(h, n);
	sift_down(h, n);
}

void
heap_take(struct heap *h, struct heap_node *n)
{
	size_t i = n->slot;
	struct heap_node *last;

	if (i == 0)
		return;
	n->slot = 0;
	last = h->v[--h->n];
	if (last == n)
		return;
	set(h, i, last);
	sift_up(h, last);
	sift_down(h, last);
}

struct heap_node *
heap_first(const struct heap *h)
{
	return h->n > 0 ? h->v[0] : NULL;
}
