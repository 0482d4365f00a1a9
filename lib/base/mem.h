/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem - allocation that ends the process when memory is out, and products of sizes that are checked
 *
 * Sizes that come from outside must be bounded before they get here.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

NODISCARD void *mem_alloc(size_t size);				/* zeroed */
NODISCARD void *mem_alloc_array(size_t n, size_t size);		/* zeroed; product checked */
NODISCARD void *mem_realloc_array(void *p, size_t n, size_t size);
NODISCARD char *mem_strdup(const char *s);
NODISCARD char *mem_strndup(const char *s, size_t n);
NODISCARD void *mem_dup(const void *p, size_t n);
NODISCARD char *mem_printf(const char *fmt, ...) PRINTF(1, 2);
/* Frees and sets to NULL; accepts NULL; keeps errno.  Fits AUTO: AUTO(mem_free) char *s = NULL; */
void mem_free(void *pp);
/* Overwrite a secret in a way that the compiler keeps. */
void mem_wipe(void *p, size_t n);

#define NEW(type) ((type *)mem_alloc(sizeof(type)))

#endif
