/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool - memory that is released all at once: one pool a session, one a transaction, one a request
 *
 *	struct pool *p = pool_new(4096);
 *	char *s = pool_printf(p, "%s@%s", user, domain);
 *	pool_free(&p);			s is gone
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/attr.h"

struct pool;

NODISCARD struct pool *pool_new(size_t first_block);
void pool_free(struct pool **pp);
void pool_reset(struct pool *p);		/* empties, keeps the first block */
size_t pool_used(const struct pool *p);		/* bytes handed out since new or reset: compare with a limit of yours */
NODISCARD void *pool_alloc(struct pool *p, size_t n);	/* zeroed, aligned for any type */
NODISCARD void *pool_alloc_array(struct pool *p, size_t n, size_t size);
NODISCARD char *pool_strdup(struct pool *p, const char *s);
NODISCARD char *pool_strndup(struct pool *p, const char *s, size_t n);
NODISCARD char *pool_printf(struct pool *p, const char *fmt, ...) PRINTF(2, 3);

#endif
