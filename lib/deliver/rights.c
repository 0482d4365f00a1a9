/* SPDX-License-Identifier: Apache-2.0 */
/* Users of the system and their rights, for agents with one session a process (the name service may block). */
#include "deliver/rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum { BUFFER_MAX = 1 << 20, STATUS_TEMPFAIL = 75 };

static int
find(const char *name, uid_t uid, struct rights_user *u, struct err *err)
{
	struct passwd pw, *found = NULL;
	int rc = ERANGE;

	*u = (struct rights_user){ .name = NULL };
	for (size_t size = 4096; rc == ERANGE && size <= BUFFER_MAX; size *= 4) {
		AUTO(mem_free) char *buf = mem_alloc(size);

		rc = name != NULL ? getpwnam_r(name, &pw, buf, size, &found) : getpwuid_r(uid, &pw, buf, size, &found);
		if (found == NULL)
			continue;
		u->rights = (struct rights){ .uid = pw.pw_uid, .gid = pw.pw_gid };
		u->name = mem_strdup(pw.pw_name);
		u->home = mem_strdup(pw.pw_dir != NULL ? pw.pw_dir : "");
		u->shell = mem_strdup(pw.pw_shell != NULL && *pw.pw_shell != '\0' ? pw.pw_shell : "/bin/sh");
		return 1;
	}
	/* "no such name" comes as 0 or as one of these, depending on the source */
	if (rc == 0 || rc == ENOENT || rc == ESRCH)
		return 0;
	errno = rc;
	return err_sys(err, "user lookup error");
}

int
rights_find(const char *name, struct rights_user *u, struct err *err)
{
	return find(name, 0, u, err);
}

int
rights_find_uid(uid_t uid, struct rights_user *u, struct err *err)
{
	return find(NULL, uid, u, err);
}

void
rights_user_done(struct rights_user *u)
{
	mem_free(&u->name);
	mem_free(&u->home);
	mem_free(&u->shell);
}

void
rights_drop(const struct rights *r)
{
	uid_t ru, eu, su;
	gid_t rg, eg, sg;

	if (geteuid() == 0 && (setgroups(1, &r->gid) < 0 || setresgid(r->gid, r->gid, r->gid) < 0 ||
	    setresuid(r->uid, r->uid, r->uid) < 0))
		_exit(STATUS_TEMPFAIL);
	if (getresuid(&ru, &eu, &su) < 0 || getresgid(&rg, &eg, &sg) < 0 || ru != r->uid || eu != r->uid || su != r->uid ||
	    rg != r->gid || eg != r->gid || sg != r->gid || (r->uid != 0 && setuid(0) == 0))
		_exit(STATUS_TEMPFAIL);
}

int
rights_borrow(const struct rights *r, struct rights_loan *loan, struct err *err)
{
	*loan = (struct rights_loan){ .is_root = geteuid() == 0, .gid = getegid() };
	if (!loan->is_root)
		return 0;
	if (setgroups(1, &r->gid) < 0 || setegid(r->gid) < 0 || seteuid(r->uid) < 0 || geteuid() != r->uid || getegid() != r->gid) {
		err_sys(err, "cannot take on the rights of uid %lu", (unsigned long)r->uid);
		rights_return(loan);
		return -1;
	}
	return 0;
}

void
rights_return(const struct rights_loan *loan)
{
	if (loan->is_root && (seteuid(0) < 0 || setegid(loan->gid) < 0 || setgroups(1, &loan->gid) < 0))
		_exit(STATUS_TEMPFAIL);	/* as somebody else nothing more is done */
}
