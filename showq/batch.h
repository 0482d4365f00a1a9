/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch - a few messages of the queue, read and formatted in the worker pool
 *
 * Most messages and their logs are small: these are done here, several batches at once.  What is large, damaged or otherwise
 * unusual is left to the session (odd), which has the time, the logger and a bound on memory.
 */
#ifndef SHOWQ_BATCH_H
#define SHOWQ_BATCH_H

#include "base/pool.h"
#include "text.h"

enum { BATCH_MESSAGES = 64, BATCH_OUT = 256 << 10 };

struct batch {
	struct queue *queue;
	enum queue_name where;
	size_t log_limit;			/* entries of logs that are told apart */
	char ids[BATCH_MESSAGES][QUEUE_ID_MAX + 1];
	size_t n;
	/* the result: text with gaps, where the message of that index belongs */
	struct text text;
	struct {
		size_t at, index;
	} odd[BATCH_MESSAGES];
	size_t n_odd;
	/* kept from message to message */
	struct qfile *file;
	struct pool *pool;
};

void batch_init(struct batch *b, struct queue *q, size_t log_limit, const char *empty_address);
void batch_done(struct batch *b);
void batch_reset(struct batch *b, enum queue_name where);
void batch_run(void *batch);	/* a job of the worker pool: neither logs nor waits for tasks */

#endif
