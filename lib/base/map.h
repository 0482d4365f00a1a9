/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map - hash table from strings to pointers; keys are copied, values are the caller's
 *
 *	struct map *m = map_new();
 *	map_put(m, "key", value);
 *	struct map_iter it = {0};
 *	while (map_next(m, &it)) use(it.key, it.value);		order of insertion is not kept; no changes but map_del of it.key,
 *								after which one that was seen and kept may come again
 *
 * The hash is seeded at random, so that strangers cannot choose colliding keys.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct map;
struct map_iter {
	const char *key;
	void *value;
	size_t slot;	/* private */
};

NODISCARD struct map *map_new(void);
void map_free(struct map **mp, void (*free_value)(void *value));	/* free_value may be NULL */
void *map_get(const struct map *m, const char *key);		/* NULL: not there */
void *map_getn(const struct map *m, const char *key, size_t n);
void *map_put(struct map *m, const char *key, void *value);	/* returns the value replaced, or NULL; value must not be NULL */
void *map_del(struct map *m, const char *key);			/* returns the value taken out, or NULL */
size_t map_count(const struct map *m);
bool map_next(const struct map *m, struct map_iter *it);
uint64_t map_hash(const void *p, size_t n);			/* the seeded hash, for tables of your own */

#endif
