/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox - identity, no_new_privs, Landlock and the system call filter of a daemon */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>
#endif
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "base/bug.h"
#include "base/strvec.h"

enum files { FILES_ALL, FILES_QUEUE, FILES_NONE };

static const struct profile {
	const char *name;
	bool filter;		/* system call filter, no_new_privs */
	enum files files;	/* what may be written */
} profiles[] = {
	{ "queue", true, FILES_QUEUE },
	{ "queue-write", true, FILES_QUEUE },
	{ "queue-read", true, FILES_QUEUE },
	{ "net", true, FILES_QUEUE },
	{ "log", true, FILES_QUEUE },
	{ "jail", true, FILES_NONE },
	{ "maps", true, FILES_ALL },
	{ "none", false, FILES_ALL },	/* agents of root: they start programs, which may be set-uid */
};

int
sandbox_find_user(const char *name, struct sandbox_identity *id, struct err *err)
{
	char buf[3000];
	struct passwd pw, *found = NULL;
	int e = getpwnam_r(name, &pw, buf, sizeof(buf), &found);

	if (e != 0) {
		errno = e;
		return err_sys(err, "look up user %s", name);
	}
	if (found == NULL)
		return err_set(err, ERR_CONF, NULL, "no such user: %s", name);
	id->uid = pw.pw_uid;
	id->gid = pw.pw_gid;
	return 0;
}

int
sandbox_find_group(const char *name, gid_t *gid, struct err *err)
{
	char buf[3000];
	struct group gr, *found = NULL;
	int e = getgrnam_r(name, &gr, buf, sizeof(buf), &found);

	if (e != 0) {
		errno = e;
		return err_sys(err, "look up group %s", name);
	}
	if (found == NULL)
		return err_set(err, ERR_CONF, NULL, "no such group: %s", name);
	*gid = gr.gr_gid;
	return 0;
}

int
sandbox_drop(const struct sandbox_identity *id, struct err *err)
{
	if (geteuid() != 0)
		return 0;
	if (id->uid == 0)
		return err_set(err, ERR_CONF, NULL, "a daemon does not run as root");
	if (setgroups(1, &id->gid) < 0)
		return err_sys(err, "setgroups(%ld)", (long)id->gid);
	if (setresgid(id->gid, id->gid, id->gid) < 0)
		return err_sys(err, "setgid(%ld)", (long)id->gid);
	if (setresuid(id->uid, id->uid, id->uid) < 0)
		return err_sys(err, "setuid(%ld)", (long)id->uid);
	ASSERT(setuid(0) < 0);
	return 0;
}

#ifdef HAVE_SECCOMP
/* What no daemon needs and what an intruder would want.  A call that the C library does not know by name is passed over. */
static const char *const refused[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
	"mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick",
	"mount_setattr", "setns", "unshare", "init_module", "finit_module", "delete_module", "kexec_load",
	"kexec_file_load", "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl", "reboot", "swapon", "swapoff",
	"iopl", "ioperm", "modify_ldt", "personality", "acct", "quotactl", "quotactl_fd", "nfsservctl", "lookup_dcookie", "vmsplice",
	"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime", "sethostname", "setdomainname", "syslog", "vhangup",
	"uselib", "ustat", "sysfs", "_sysctl", "create_module", "get_kernel_syms", "query_module", "mknod", "mknodat",
	"name_to_handle_at", "open_by_handle_at", "fanotify_init", "fanotify_mark", "move_pages", "migrate_pages", "mbind",
	"set_mempolicy", "io_uring_setup", "io_uring_enter", "io_uring_register", "setuid", "setgid", "setreuid", "setregid",
	"setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset", "memfd_secret",
};

static int
filter_rules(scmp_filter_ctx ctx, struct err *err)
{
	/* families that a mail system has no business with */
	static const int families[] = { AF_PACKET, AF_KEY, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_CAN, AF_TIPC, AF_XDP, AF_RDS };

	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		int nr = seccomp_syscall_resolve_name(refused[i]);

#ifdef WITH_SANITIZER
		if (strcmp(refused[i], "ptrace") == 0)	/* the leak checker stops its threads with it */
			continue;
#endif
		if (nr == __NR_SCMP_ERROR)
			continue;
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0) < 0)
			return err_set(err, ERR_TEMP, NULL, "seccomp rule for %s", refused[i]);
	}
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0)) < 0)
			return err_set(err, ERR_TEMP, NULL, "seccomp rule for socket");
	}
	/* no stuffing of input into a terminal */
	(void)seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, 0x5412));
	return 0;
}

static int
filter_load(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (ctx == NULL)
		return err_set(err, ERR_TEMP, NULL, "seccomp_init");
	r = filter_rules(ctx, err);
	if (r == 0 && (r = seccomp_load(ctx)) < 0) {
		if (r == -EINVAL || r == -ENOSYS)
			r = 0;		/* a kernel without filters */
		else
			r = err_set(err, ERR_TEMP, NULL, "seccomp_load: error %d", -r);
	}
	seccomp_release(ctx);
	return r;
}
#endif

#ifdef HAVE_LINUX_LANDLOCK_H
enum {
	LL_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	/* what the first ABI knows; making devices and executing is granted to nobody */
	LL_WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM,
	LL_ALWAYS_REFUSED = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK,
	LL_REFER = 1 << 13,	/* rename between directories: ABI 2; before it Landlock forbids them all */
	LL_TRUNCATE = 1 << 14,	/* ABI 3 */
};

/* What is read by the C library and others behind our back: time zones, character sets, certificates, name service, devices. */
static const char *const system_dirs[] = {
	"/etc", "/usr", "/lib", "/lib64", "/bin", "/sbin", "/dev", "/proc", "/sys", "/run", "/var/run", "/opt", "/nix", "/gnu",
};

static void
allow(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

static int
restrict_files(enum files files, const char *const *write_dirs, const char *const *read_dirs, struct err *err)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t write = LL_WRITE;
	int ruleset, r;

	if (abi < 2)	/* none, or one that cannot rename from incoming to active */
		return 0;
	write |= LL_REFER;
	if (abi >= 3)
		write |= LL_TRUNCATE;
	attr.handled_access_fs = LL_READ | write | LL_ALWAYS_REFUSED;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0)
		return 0;
	for (size_t i = 0; i < COUNT_OF(system_dirs); i++)
		allow(ruleset, system_dirs[i], LL_READ);
	for (size_t i = 0; read_dirs != NULL && read_dirs[i] != NULL; i++)
		allow(ruleset, read_dirs[i], LL_READ);
	allow(ruleset, ".", LL_READ | (files == FILES_QUEUE ? write : 0));
	allow(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
	for (size_t i = 0; write_dirs != NULL && write_dirs[i] != NULL; i++)
		allow(ruleset, write_dirs[i], LL_READ | write);
	r = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
	return r < 0 ? err_sys(err, "landlock") : 0;
}
#endif

int
sandbox_confine(const char *profile, const char *const *write_dirs, const char *const *read_dirs, struct err *err)
{
	const struct profile *p = NULL;

	for (size_t i = 0; i < COUNT_OF(profiles); i++) {
		if (strcmp(profiles[i].name, profile != NULL ? profile : "queue") == 0)
			p = &profiles[i];
	}
	if (p == NULL)
		bug("sandbox: no profile %s", profile);
	if (!p->filter)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "no_new_privs");
#ifdef HAVE_LINUX_LANDLOCK_H
	if (p->files != FILES_ALL && restrict_files(p->files, write_dirs, read_dirs, err) < 0)
		return -1;
#else
	(void)write_dirs;
	(void)read_dirs;
#endif
#ifdef HAVE_SECCOMP
	return filter_load(err);
#else
	return 0;
#endif
}
