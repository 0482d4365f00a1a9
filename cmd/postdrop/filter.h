/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - which records of a user's message go into maildrop
 *
 * The user's program says what it likes; what comes out has the three segments in order, record types a submission has, and
 * attributes that a user may set.
 */
#ifndef POSTDROP_FILTER_H
#define POSTDROP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct filter {
	char segment;		/* 'e'nvelope, 'c'ontent, 'x' extracted; 0: behind the end record */
	bool has_sender;
	int64_t content;	/* bytes of content so far */
	int64_t max_content;	/* 0: no limit */
	unsigned attributes;
};

void filter_init(struct filter *f, int64_t max_content);
/* 1 keep the record, 0 leave it out, -1 the message is refused. */
NODISCARD int filter_record(struct filter *f, int type, const char *data, size_t len, struct err *err);

#endif
