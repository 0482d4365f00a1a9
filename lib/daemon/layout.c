/* SPDX-License-Identifier: Apache-2.0 */
/* layout - the directories of a queue */
#include "daemon/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

const struct layout_dir layout_dirs[] = {
	{ "active", 0700, false, false }, { "bounce", 0700, false, false }, { "corrupt", 0700, false, false },
	{ "defer", 0700, false, false }, { "deferred", 0700, false, false }, { "flush", 0700, false, false },
	{ "hold", 0700, false, false }, { "incoming", 0700, false, false }, { "private", 0700, false, false },
	{ "saved", 0700, false, false }, { "trace", 0700, false, false }, { "maildrop", 0730, false, true },
	{ "public", 0710, false, true }, { "pid", 0755, true, false },
};
const size_t layout_dirs_n = COUNT_OF(layout_dirs);

/* Bits that distributions set besides: sticky maildrop, set-gid public. */
enum { BITS_OF_TASTE = 07000 };

static int
make_one(int at, const struct layout_dir *d, const struct layout_owner *o, struct err *err)
{
	AUTO(io_close) int fd = -1;
	uid_t uid = d->of_root ? 0 : o->uid;
	gid_t gid = d->of_setgid ? o->setgid : 0;

	if (mkdirat(at, d->name, 0700) < 0)
		return errno == EEXIST ? 0 : err_sys(err, "make directory %s", d->name);
	fd = openat(at, d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (geteuid() == 0 && fchown(fd, uid, gid) < 0) || fchmod(fd, d->mode) < 0)
		return err_sys(err, "owner and mode of directory %s", d->name);
	return 0;
}

int
layout_make(const char *queue_dir, const struct layout_owner *o, struct err *err)
{
	AUTO(io_close) int at = -1;

	if (io_make_dirs(queue_dir, 0755, err) < 0)
		return -1;
	at = open(queue_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_sys(err, "queue_directory %s", queue_dir);
	for (size_t i = 0; i < layout_dirs_n; i++) {
		if (make_one(at, &layout_dirs[i], o, err) < 0)
			return err_prefix(err, "%s: ", queue_dir);
	}
	return 0;
}

static bool
tell(const char *queue_dir, const struct layout_dir *d, const char *what, const char *command, layout_fn *fn, void *arg)
{
	char text[1200], mend[1200];

	if (fn != NULL) {
		snprintf(text, sizeof(text), "%s/%s: %s", queue_dir, d->name, what);
		snprintf(mend, sizeof(mend), "%s %s/%s", command, queue_dir, d->name);
		fn(arg, text, mend);
	}
	return true;
}

static bool
check_one(int at, const char *queue_dir, const struct layout_dir *d, const struct layout_owner *o, bool fix, layout_fn *fn, void *arg)
{
	struct stat st;
	uid_t uid = d->of_root ? 0 : o->uid;
	gid_t gid = d->of_setgid ? o->setgid : 0;
	char what[100], command[60];
	bool bad = false, mended = true;

	if (fstatat(at, d->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && tell(queue_dir, d, "missing", "mkdir", fn, arg);
	if (!S_ISDIR(st.st_mode))
		return tell(queue_dir, d, "not a directory", "ls -ld", fn, arg);
	if (st.st_uid != uid || (d->of_setgid && st.st_gid != gid)) {
		snprintf(what, sizeof(what), "owned by user %ld and group %ld", (long)st.st_uid, (long)st.st_gid);
		snprintf(command, sizeof(command), d->of_setgid ? "chown %ld:%ld" : "chown %ld", (long)uid, (long)gid);
		bad = tell(queue_dir, d, what, command, fn, arg);
		if (fix)
			mended = fchownat(at, d->name, uid, d->of_setgid ? gid : st.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
	}
	if ((st.st_mode & 07777 & ~(mode_t)BITS_OF_TASTE) != d->mode) {
		snprintf(what, sizeof(what), "mode %04o, not %04o", (unsigned)(st.st_mode & 07777), (unsigned)d->mode);
		snprintf(command, sizeof(command), "chmod %04o", (unsigned)d->mode);
		bad = tell(queue_dir, d, what, command, fn, arg);
		if (fix)
			mended = mended && fchmodat(at, d->name, d->mode, 0) == 0;
	}
	if (!mended)
		(void)tell(queue_dir, d, strerrordesc_np(errno), "ls -ld", fn, arg);
	return bad;
}

unsigned
layout_check(const char *queue_dir, const struct layout_owner *o, bool fix, layout_fn *fn, void *arg)
{
	AUTO(io_close) int at = open(queue_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned n = 0;

	for (size_t i = 0; at >= 0 && i < layout_dirs_n; i++)
		n += check_one(at, queue_dir, &layout_dirs[i], o, fix, fn, arg);
	return n;
}
