/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr - Postfix's attribute lists, for the sockets that outsiders read or write
 *
 * Two encodings: "name NUL value NUL ... NUL" (showq, flush, bounce ...) and "name=value LF ... LF" (anvil, policy).  An empty
 * name ends a list.
 *
 *	attr_put(s, ATTR_NUL, "request", "send_site");
 *	attr_put(s, ATTR_NUL, "site", site);
 *	attr_end(s, ATTR_NUL);
 *	AUTO(attr_done) struct attr_list l = ATTR_LIST_INIT;
 *	if (attr_read(s, ATTR_NUL, &l, 100, 10000, &err) == 1) ... attr_get(&l, "status")
 */
#ifndef IPC_ATTR_H
#define IPC_ATTR_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "task/stream.h"

enum attr_style { ATTR_NUL, ATTR_LINE };

struct attr_pair {
	const char *name, *value;
};
struct attr_list {
	struct strbuf text;
	struct attr_pair *v;	/* in the order they came; names may repeat */
	size_t n, cap;
};
#define ATTR_LIST_INIT { .text = STRBUF_INIT(STRBUF_HUGE), .v = NULL, .n = 0, .cap = 0 }

void attr_done(struct attr_list *l);
/* One whole list: 1, 0 when the peer closed before it began, -1 (ERR_PROTO: too many pairs, more than max_bytes, no '='). */
NODISCARD int attr_read(struct stream *s, enum attr_style style, struct attr_list *l, size_t max_pairs, size_t max_bytes,
    struct err *err) MAY_WAIT;
const char *attr_get(const struct attr_list *l, const char *name);	/* first of that name, or NULL */
NODISCARD int attr_get_num(const struct attr_list *l, const char *name, uint64_t max, uint64_t *out, struct err *err);

/* Buffered in the stream; errors show at its flush.  Bytes that would break the encoding become '?'. */
void attr_put(struct stream *s, enum attr_style style, const char *name, const char *value) MAY_WAIT;
void attr_put_num(struct stream *s, enum attr_style style, const char *name, int64_t value) MAY_WAIT;	/* negative: as 32 bits unsigned */
void attr_end(struct stream *s, enum attr_style style) MAY_WAIT;

#endif
