/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights - as whom an agent of root works for a recipient
 */
#ifndef DELIVER_RIGHTS_H
#define DELIVER_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

struct rights {
	uid_t uid;
	gid_t gid;
};

struct rights_user {	/* strings are the caller's: rights_user_done */
	struct rights rights;
	char *name, *home, *shell;
};
/* By name, or by number: 1 found, 0 no such user, -1 the look-up failed (try later). */
NODISCARD int rights_find(const char *name, struct rights_user *u, struct err *err);
NODISCARD int rights_find_uid(uid_t uid, struct rights_user *u, struct err *err);
void rights_user_done(struct rights_user *u);

/*
 * "user[:group]" of a program that is run by an agent of root: never root, never the mail system's own user or groups.  Errors are of the
 * configuration (ERR_CONF), or say that a look-up failed.
 */
NODISCARD int rights_of_program(const char *user_group, const char *mail_owner, const char *setgid_group, struct rights *r, struct err *err);

/* For good: groups, gid and uid, real, effective and saved; checks that there is no way back.  Ends the process (status 75) when it
 * fails, since nothing may be done then. */
void rights_drop(const struct rights *r);

/*
 * For a time: effective rights only, for a process that itself does the work (nothing of the recipient's is run).  Root comes back with
 * rights_return; if it cannot, the process ends.  A process that is not root's keeps what it has.
 */
struct rights_loan {
	bool is_root;
	gid_t gid;
};
NODISCARD int rights_borrow(const struct rights *r, struct rights_loan *loan, struct err *err);
void rights_return(const struct rights_loan *loan);

#endif
