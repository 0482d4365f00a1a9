/* SPDX-License-Identifier: Apache-2.0 */
/* postqueue - lists and flushes the queue for users; set-gid, so that it reaches the sockets in public/ */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/setgid.h"
#include "daemon/logconf.h"
#include "listing.h"

#define USAGE "usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site"

extern char **environ;

/* sysexits.h */
enum { STATUS_USAGE = 69, STATUS_UNAVAILABLE = 69, STATUS_SOFTWARE = 70, STATUS_NOPERM = 77 };
/* Reply of the flush service */
enum { FLUSH_OK = 0, FLUSH_BAD = 3, FLUSH_DENIED = 4 };

struct params {
	const char *queue_dir, *daemon_dir, *mailq_users, *flush_users, *showq, *flush, *qmgr;
	uint64_t ipc_timeout_ms;
	bool long_ids;
};
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct params, queue_dir, queue_directory),
	CONF_BIND_STR(struct params, daemon_dir, daemon_directory),
	CONF_BIND_STR(struct params, mailq_users, authorized_mailq_users),
	CONF_BIND_STR(struct params, flush_users, authorized_flush_users),
	CONF_BIND_STR(struct params, showq, showq_service_name),
	CONF_BIND_STR(struct params, flush, flush_service_name),
	CONF_BIND_STR(struct params, qmgr, queue_service_name),
	CONF_BIND_TIME(struct params, ipc_timeout_ms, ipc_timeout),
	CONF_BIND_BOOL(struct params, long_ids, enable_long_queue_ids),
};

static NORETURN void
die(int status, const char *text)
{
	fflush(stdout);
	fatal_status(status);
	fatal("%s", text);
}

static void
check_user(struct conf *conf, const char *name, const char *list, const char *what)
{
	struct err err = ERR_INIT;
	char user[256];
	int rc = setgid_authorize(conf, list, getuid(), &err);

	if (rc > 0)
		return;
	fatal_status(STATUS_NOPERM);
	if (rc < 0)
		fatal("%s: %s", name, err.text);
	setgid_user_name(getuid(), user, sizeof(user));
	fatal("User %s(%ld) is not allowed to %s", user, (long)getuid(), what);
}

static int
connect_service(const struct params *p, const char *service, struct err *err)
{
	AUTO(mem_free) char *path = mem_printf("%s/public/%s", p->queue_dir, service);
	int fd = io_unix_connect(path, err);

	if (fd >= 0)
		io_set_nonblock(fd, false);
	return fd;
}

/* ---- -p and -j */

/* Mail system down: root reads the queue by a showq of its own, in whose place nothing else listens. */
static int
start_showq(const struct params *p, const char *dir, pid_t *pid)
{
	AUTO(mem_free) char *program = mem_printf("%s/showq", p->daemon_dir);
	char name[] = "showq";
	char *argv[] = { name, NULL };
	posix_spawn_file_actions_t fa;
	int fds[2], e;

	if (setenv("MAIL_CONFIG", dir, 1) < 0 || pipe2(fds, O_CLOEXEC) < 0)
		fatal("%s: %m", program);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fds[1], STDOUT_FILENO);
	e = posix_spawn(pid, program, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	if (e != 0) {
		errno = e;
		fatal("run %s: %m", program);
	}
	return fds[0];
}

static int
open_listing(const struct params *p, const char *dir, pid_t *pid)
{
	struct err err = ERR_INIT;
	int fd = connect_service(p, p->showq, &err);

	if (fd >= 0)
		return fd;
	if (getuid() != 0)
		die(STATUS_UNAVAILABLE, "Queue report unavailable - mail system is down");
	log_warning("Mail system is down -- accessing queue directly (Connect to the Postfix %s service: %s)", p->showq, strerrordesc_np(err.sys));
	return start_showq(p, dir, pid);
}

static void
list_queue(const struct params *p, const char *dir, bool json)
{
	struct source src;
	struct err err = ERR_INIT;
	pid_t pid = 0;
	int rc, status = 0;

	source_init(&src, open_listing(p, dir, &pid), p->ipc_timeout_ms < INT_MAX ? (int)p->ipc_timeout_ms : INT_MAX);
	rc = json ? listing_json(&src, stdout, &err) : listing_text(&src, stdout, p->long_ids, &err);
	if (rc < 0)
		die(STATUS_SOFTWARE, err.text);
	source_done(&src);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fatal("wait for showq: %m");
	if (fflush(stdout) != 0 || ferror(stdout))
		fatal("write standard output: %m");
}

/* ---- -f, -i, -s */

static void
flush_all(const struct params *p)
{
	struct err err = ERR_INIT;
	int fd = connect_service(p, p->qmgr, &err);

	if (fd < 0 || send(fd, "FAD", 4, MSG_NOSIGNAL) != 4)
		die(STATUS_UNAVAILABLE, "Cannot flush mail queue - mail system is down");
	close(fd);
}

/* One request of the flush service; the number it answers. */
static long
ask_flush(const struct params *p, const char *request, const char *key, const char *value)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(10000);
	struct source src;
	struct err err = ERR_INIT;
	long status = -1;
	int fd = connect_service(p, p->flush, &err), rc;

	if (fd < 0)
		die(STATUS_UNAVAILABLE, "Cannot flush mail queue - mail system is down");
	strbuf_addf(&b, "request%c%s%c%s%c%s%c%c", 0, request, 0, key, 0, value, 0, 0);
	if (io_write_all(fd, b.s, b.len, &err) < 0)
		die(STATUS_UNAVAILABLE, err.text);
	source_init(&src, fd, p->ipc_timeout_ms < INT_MAX ? (int)p->ipc_timeout_ms : INT_MAX);
	/* the server's first list is its protocol's name */
	while ((rc = source_next(&src, &err)) >= 0)
		if (rc == 1 && strcmp(src.name.s, "status") == 0) {
			status = strtol(src.value.s, NULL, 10);
			break;
		}
	source_done(&src);
	return status;
}

static void
flush_message(const struct params *p, const char *id)
{
	if (id[strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")] != '\0' || *id == '\0')
		fatal("Cannot flush queue ID - invalid name: \"%s\"", id);
	switch (ask_flush(p, "send_file", "queue_id", id)) {
	case FLUSH_OK: return;
	case FLUSH_BAD: fatal("Invalid request: \"%s\"", id);
	default: die(STATUS_UNAVAILABLE, "mail service failure");
	}
}

static void
flush_site(const struct params *p, const char *site)
{
	fatal_status(STATUS_UNAVAILABLE);
	switch (ask_flush(p, "send_site", "site", site)) {
	case FLUSH_OK: return;
	case FLUSH_BAD: fatal("Invalid request: \"%s\"", site);
	case FLUSH_DENIED: fatal("Flush service is not configured for destination \"%s\"", site);
	default: fatal("mail service failure");
	}
}

static NORETURN void
usage(void)
{
	die(STATUS_USAGE, USAGE);
}

int
main(int argc, char **argv)
{
	const char *dir_option = NULL, *dir, *arg = NULL;
	struct params p;
	struct err err = ERR_INIT;
	int ch, mode = 0;

	if (setgid_start() < 0)
		return STATUS_UNAVAILABLE;
	log_init("postfix/postqueue", "postqueue", LOG_TO_STDERR);
	while ((ch = getopt(argc, argv, "c:fi:jps:v")) > 0)
		switch (ch) {
		case 'c': dir_option = optarg; break;
		case 'v': log_set_verbose(getuid() == 0 ? log_verbose() + 1 : 0); break;
		case '?': usage();
		default:
			if (mode != 0)
				usage();
			mode = ch;
			arg = optarg;
		}
	if (mode == 0 || optind < argc)
		usage();
	if (conf_find_dir(dir_option, true, &dir, &err) < 0)
		die(STATUS_UNAVAILABLE, err.text);
	AUTO(conf_free) struct conf *conf = conf_load(dir, &err);
	if (conf == NULL || conf_bind(conf, binds, COUNT_OF(binds), &p, &err) < 0 || setgid_clean_env(conf, &err) < 0)
		die(STATUS_UNAVAILABLE, err.text);
	log_from_conf(conf, "postqueue", LOGCONF_STDERR);
	(void)signal(SIGPIPE, SIG_IGN);
	if (mode == 'p' || mode == 'j')
		check_user(conf, "authorized_mailq_users", p.mailq_users, "view the mail queue");
	else
		check_user(conf, "authorized_flush_users", p.flush_users, "flush the mail queue");
	switch (mode) {
	case 'p':
	case 'j': list_queue(&p, dir, mode == 'j'); break;
	case 'f': flush_all(&p); break;
	case 'i': flush_message(&p, arg); break;
	default: flush_site(&p, arg);
	}
	return 0;
}
