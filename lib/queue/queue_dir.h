/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_dir - what only the directory back end has: paths and places, for postsuper and postcat
 */
#ifndef QUEUE_QUEUE_DIR_H
#define QUEUE_QUEUE_DIR_H

#include "queue/queue.h"

enum { QUEUE_DEPTH_MAX = 16, QUEUE_PATH_MAX = 320 };

/* "deferred/A/ABC123", relative to the queue directory. */
void queue_dir_path(struct queue *q, enum queue_name n, const char *id, char out[static QUEUE_PATH_MAX]);
int queue_dir_fd(const struct queue *q);
/* A file that lies anywhere, for reading its records; takes the descriptor. */
NODISCARD struct qfile *queue_dir_file(struct queue *q, int fd);
/* mkdir, mode 0700, for each directory above path. 0 or -1 with errno. */
int queue_dir_make_parents(struct queue *q, const char *path);
/* Each entry of a directory and of the one-character directories below it, hidden ones left out; fn returns false to stop. */
typedef bool queue_dir_walk_fn(void *arg, const char *dir, const char *name);
NODISCARD int queue_dir_walk(struct queue *q, const char *top, queue_dir_walk_fn *fn, void *arg, struct err *err);

#endif
