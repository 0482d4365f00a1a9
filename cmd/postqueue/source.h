/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source - "name NUL value NUL" pairs from showq's socket, one at a time
 *
 * An empty name ends a list.  The reader is small and of its own, since the command is set-gid and what comes may be large.
 */
#ifndef POSTQUEUE_SOURCE_H
#define POSTQUEUE_SOURCE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

struct source {
	int fd;
	int timeout_ms;		/* longest silence */
	char *buf;
	size_t at, end;
	struct strbuf name, value;
};

void source_init(struct source *s, int fd, int timeout_ms);
void source_done(struct source *s);	/* closes fd */
/* 1: a pair is in name and value; 0: a list ended; -1: broken off, or nonsense. */
NODISCARD int source_next(struct source *s, struct err *err);

#endif
