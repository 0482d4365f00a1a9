/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strbuf - a growing string that knows its maximum
 *
 *	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(998);
 *	strbuf_addf(&b, "%s@%s", user, domain);
 *	if (b.overflow)
 *		...too long: what did not fit was left out, the text so far is intact
 *
 * b.s is always NUL-terminated (also before the first add) and may hold NUL bytes before b.len.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"

struct strbuf {
	char *s;
	size_t len;
	size_t cap;		/* 0: s is the shared empty string */
	size_t max;		/* most bytes ever held, without the NUL */
	bool overflow;		/* something did not fit; sticky until reset */
};

extern char strbuf_empty[1];
#define STRBUF_INIT(maximum) { .s = strbuf_empty, .len = 0, .cap = 0, .max = (maximum), .overflow = false }
#define STRBUF_HUGE ((size_t)1 << 30)	/* for text whose size the caller bounds */

void strbuf_init(struct strbuf *b, size_t max);
void strbuf_done(struct strbuf *b);		/* frees; usable again as after init */
void strbuf_reset(struct strbuf *b);		/* empties, keeps the memory */
/* Adders return 0, or -1 when it does not fit: then nothing is added and overflow is set. */
int strbuf_add(struct strbuf *b, const void *data, size_t n);
int strbuf_adds(struct strbuf *b, const char *s);
int strbuf_addc(struct strbuf *b, char c);
int strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
int strbuf_addv(struct strbuf *b, const char *fmt, va_list ap) PRINTF(2, 0);
/* Room for n more bytes; returns where to write them (then strbuf_grown), or NULL when over the maximum. */
char *strbuf_room(struct strbuf *b, size_t n);
void strbuf_grown(struct strbuf *b, size_t n);
void strbuf_cut(struct strbuf *b, size_t len);			/* shorten to len */
void strbuf_remove(struct strbuf *b, size_t at, size_t n);	/* take n bytes out at an offset */
int strbuf_insert(struct strbuf *b, size_t at, const void *data, size_t n);
/* Hand the string over; the buffer is empty then.  The caller frees with mem_free. */
NODISCARD char *strbuf_take(struct strbuf *b);

#endif
