/* SPDX-License-Identifier: Apache-2.0 */
/* postsuper.h - what the parts of postsuper share */
#ifndef POSTSUPER_H
#define POSTSUPER_H

#include "base/strvec.h"
#include "queue/queue.h"
#include "queue/queue_dir.h"

enum op { OP_REQUEUE, OP_DELETE, OP_EXPIRE, OP_EXPIRE_RELEASE, OP_HOLD, OP_RELEASE, OP_N };
enum { TOP_FLUSH = QUEUE_N, TOP_N };	/* queue_name, and one directory more that has structure */

struct super {
	struct queue *q;
	const char *queue_dir, *pickup;
	bool long_ids;
	bool named[TOP_N];	/* queues given on the command line */
	bool any_named;
	bool purge, structure, strict;	/* -p -s -S */
	bool only_places;	/* put files into their places, names stay */
	struct strvec ids;	/* single ids in the order of the command line, each behind the digit of its operation */
	bool quiet;		/* ALL: the counts say it */
	bool all[OP_N], from_stdin[OP_N], used[OP_N];
	unsigned requeued, deleted, expired, held, released, renamed;
};

const char *top_name(int top);
/* -p, -s, -S: until nothing needs a second pass. */
void structure_repair(struct super *s);
void actions_run(struct super *s);

#endif
