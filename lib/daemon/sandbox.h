/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - what a process gives up before it reads the first byte: root, supplementary groups, new privileges, system calls, files
 *
 * In this order: sandbox_identity(), sandbox_confine(), and only then the loop and its pool of threads, since Landlock holds for
 * the calling thread and those it starts later.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

struct sandbox_identity {
	uid_t uid;
	gid_t gid;
};
/* Look a user up: while the user data base can still be reached. */
NODISCARD int sandbox_find_user(const char *name, struct sandbox_identity *id, struct err *err);
NODISCARD int sandbox_find_group(const char *name, gid_t *gid, struct err *err);
/* Become that user for good: no supplementary groups, no way back.  Does nothing for a process that is not root's. */
NODISCARD int sandbox_drop(const struct sandbox_identity *id, struct err *err);
/*
 * Profiles (table in sandbox.c): "queue" (default: the queue directory, nothing else is written), "net" (the same; name for daemons that
 * connect to the outside), "log" (writes below log_dir too), "maps" (proxymap: files are not restricted), "jail" (no file is written), "none".
 * dirs: further directories that may be written, NULL-terminated.  What the kernel does not have is no error.
 */
NODISCARD int sandbox_confine(const char *profile, const char *const *write_dirs, const char *const *read_dirs, struct err *err);

#endif
