/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - children for users, made cheaply and used again
 *
 * A helper process is forked before the first table is opened and the first request is read; it only forks: its children are small, and know
 * nothing of other people's mail.  A child takes on a user's rights for good and then serves deliveries to him, one by one: each
 * is one packet with all it needs and the message, open for reading only.  The broker keeps some idle children for a few seconds,
 * by user and group, and kills those about which anything is odd.
 */
#ifndef LOCAL_WORKER_H
#define LOCAL_WORKER_H

#include "child.h"

/* The helper process.  Without it each delivery gets a child forked by the broker. */
void worker_start(struct queue *queue);
/* The root directory is another one than at worker_start: the helper is of no use. */
void worker_check_root(void);
/* As child_run with user_child. */
int worker_run(struct user_job *j, const struct child_handlers *h, void *h_arg) MAY_WAIT;

#endif
