/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strvec - a vector of owned strings with a limit, NULL-terminated so that it serves as argv
 *
 *	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);
 *	strvec_add(&v, "sendmail");
 *	execv(v.v[0], v.v);
 */
#ifndef BASE_STRVEC_H
#define BASE_STRVEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct strvec {
	char **v;		/* NULL until the first add; use strvec_argv for exec */
	size_t n;
	size_t cap;
	size_t max;
};

#define STRVEC_INIT(maximum) { .v = NULL, .n = 0, .cap = 0, .max = (maximum) }

void strvec_init(struct strvec *v, size_t max);
void strvec_done(struct strvec *v);
void strvec_reset(struct strvec *v);
/* 0, or -1 when the limit is reached (nothing added).  The string is copied. */
int strvec_add(struct strvec *v, const char *s);
int strvec_addn(struct strvec *v, const char *s, size_t n);
int strvec_addf(struct strvec *v, const char *fmt, ...) PRINTF(2, 3);
int strvec_insert(struct strvec *v, size_t at, const char *s);
void strvec_remove(struct strvec *v, size_t at);
bool strvec_has(const struct strvec *v, const char *s);		/* exact */
bool strvec_hasi(const struct strvec *v, const char *s);	/* ASCII case ignored */
char **strvec_argv(struct strvec *v);				/* never NULL */
/* Split at any of the bytes in seps, empty pieces left out.  -1 when the limit is reached. */
int strvec_split(struct strvec *v, const char *s, const char *seps);

#endif
