/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io - plain file helpers for start-up, commands and one-session agents (they block; not for many-session daemons)
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

/* All of a descriptor or file into b (its maximum bounds it: a larger file is an error). */
NODISCARD int io_read_fd(int fd, struct strbuf *b, struct err *err);
NODISCARD int io_read_file(const char *path, struct strbuf *b, struct err *err);
NODISCARD int io_write_all(int fd, const void *data, size_t n, struct err *err);	/* EINTR and short writes handled */
/* Write beside, sync, rename over path, sync the directory: a reader sees the old or the new file. mode for a new file. */
NODISCARD int io_replace_file(const char *path, const void *data, size_t n, mode_t mode, struct err *err);
void io_close(int *fd);			/* closes when >= 0, sets to -1, keeps errno; fits AUTO */
int io_set_nonblock(int fd, bool on);
int io_set_cloexec(int fd, bool on);
/* mkdir -p with a mode for what is made */
NODISCARD int io_make_dirs(const char *path, mode_t mode, struct err *err);

/* Connect to or listen on a UNIX stream socket (close-on-exec, non-blocking); descriptor or -1.  Paths over 107 bytes
 * are an error that says so. */
NODISCARD int io_unix_connect(const char *path, struct err *err);
NODISCARD int io_unix_listen(const char *path, mode_t mode, int backlog, struct err *err);

#endif
