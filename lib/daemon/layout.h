/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - the directories of a queue: who owns them, with what rights
 */
#ifndef DAEMON_LAYOUT_H
#define DAEMON_LAYOUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

struct layout_owner {		/* looked up by the caller */
	uid_t uid;		/* mail_owner */
	gid_t setgid;		/* setgid_group */
};
struct layout_dir {
	const char *name;
	mode_t mode;
	bool of_root;		/* else of mail_owner */
	bool of_setgid;		/* group setgid_group */
};
extern const struct layout_dir layout_dirs[];
extern const size_t layout_dirs_n;

/* Make what is missing below queue_dir (and queue_dir itself).  What is there is not changed. */
NODISCARD int layout_make(const char *queue_dir, const struct layout_owner *o, struct err *err);
/* fn for each directory that is wrong: what is wrong, and the command that mends it.  fix: mend it as well.  Returns how many. */
typedef void layout_fn(void *arg, const char *what, const char *command);
unsigned layout_check(const char *queue_dir, const struct layout_owner *o, bool fix, layout_fn *fn, void *arg);

#endif
