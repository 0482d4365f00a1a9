/* SPDX-License-Identifier: Apache-2.0 */
/* Users of the system and their rights, for agents with one session a process (the name service may block). */
#include "deliver/rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/sandbox.h"

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

static int
find_known(const char *name, struct rights *r, struct err *err)
{
	struct rights_user u;
	int found = rights_find(name, &u, err);

	if (found == 0)
		return err_set(err, ERR_CONF, NULL, "unknown username: %s", name);
	if (found < 0)
		return -1;
	*r = u.rights;
	rights_user_done(&u);
	return 0;
}

int
rights_of_program(const char *user_group, const char *mail_owner, const char *setgid_group, struct rights *r, struct err *err)
{
	static const char what[] = "user= command-line attribute specifies";
	AUTO(mem_free) char *user = mem_strdup(user_group);
	char *group = strchr(user, ':');
	struct rights owner;
	gid_t drop;

	if (group != NULL)
		*group++ = '\0';
	if (find_known(user, r, err) < 0 || (group != NULL && *group != '\0' && sandbox_find_group(group, &r->gid, err) < 0) ||
	    find_known(mail_owner, &owner, err) < 0 || sandbox_find_group(setgid_group, &drop, err) < 0)
		return -1;
	if (r->uid == 0)
		return err_set(err, ERR_CONF, NULL, "%s root privileges", what);
	if (r->uid == owner.uid)
		return err_set(err, ERR_CONF, NULL, "%s mail system owner %s", what, mail_owner);
	if (r->gid == 0)
		return err_set(err, ERR_CONF, NULL, "%s privileged group id 0", what);
	if (r->gid == owner.gid)
		return err_set(err, ERR_CONF, NULL, "%s mail system owner %s group id %lu", what, mail_owner, (unsigned long)r->gid);
	if (r->gid == drop)
		return err_set(err, ERR_CONF, NULL, "%s mail system %s group id %lu", what, setgid_group, (unsigned long)r->gid);
	return 0;
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
