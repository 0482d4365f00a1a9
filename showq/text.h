/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - one message of the listing, as Postfix's attribute list (name NUL value NUL ..., an empty name ends it)
 */
#ifndef SHOWQ_TEXT_H
#define SHOWQ_TEXT_H

#include <stdint.h>

#include "base/strbuf.h"
#include "queue/queue.h"

struct text {
	struct strbuf out;
	struct strbuf scratch;		/* one value while it is made */
	const char *empty_address;
};

void text_init(struct text *t, size_t max, const char *empty_address);
void text_done(struct text *t);
/* A pair of text that is known to be clean; what does not fit sets t->out.overflow, as in all of these. */
void text_put(struct text *t, const char *name, const char *value);
void text_put_message(struct text *t, enum queue_name where, const char *id, const struct qstat *st, const struct qenv *env);
void text_put_recipient(struct text *t, const char *orig, const char *addr, const char *log_class, const char *reason);
void text_end(struct text *t);

#endif
