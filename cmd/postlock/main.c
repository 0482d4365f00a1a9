/* SPDX-License-Identifier: Apache-2.0 */
/* postlock - runs a command while a mailbox is locked the way local delivery locks it */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/setgid.h"
#include "daemon/logconf.h"

#define USAGE "usage: postlock [-c config_dir] [-l lock_style] [-v] folder command..."

extern char **environ;

enum { STATUS_TEMPFAIL = 75 };
enum { STYLE_FLOCK = 1, STYLE_FCNTL = 2, STYLE_DOTLOCK = 4 };

struct params {
	const char *styles;
	int64_t attempts;
	uint64_t delay_ms, stale_ms;
};
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct params, styles, mailbox_delivery_lock),
	CONF_BIND_INT(struct params, attempts, deliver_lock_attempts),
	CONF_BIND_TIME(struct params, delay_ms, deliver_lock_delay),
	CONF_BIND_TIME(struct params, stale_ms, stale_lock_time),
};

static int
parse_styles(const char *text)
{
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(10);
	int styles = 0;

	if (strvec_split(&words, text, ", \t\r\n") < 0)
		fatal("too many lock styles: \"%s\"", text);
	for (size_t i = 0; i < words.n; i++) {
		const char *w = words.v[i];
		int bit = ascii_casecmp(w, "flock") == 0 ? STYLE_FLOCK : ascii_casecmp(w, "fcntl") == 0 ? STYLE_FCNTL :
		    ascii_casecmp(w, "dotlock") == 0 ? STYLE_DOTLOCK : 0;

		if (bit == 0)
			fatal("unknown lock style \"%s\": flock, fcntl or dotlock is expected", w);
		styles |= bit;
	}
	return styles;
}

/* A lock file that nobody has touched for so long was left behind. */
static void
remove_stale(const char *lock, uint64_t stale_ms)
{
	struct stat st;

	if (stat(lock, &st) == 0 && (uint64_t)(time(NULL) - st.st_mtime) * 1000 > stale_ms && unlink(lock) < 0)
		log_warning("remove %s: %m", lock);
}

static int
try_lock(int fd, int styles, const char *lock, const struct params *p)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int dot;

	if (styles & STYLE_DOTLOCK) {
		remove_stale(lock, p->stale_ms);
		dot = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
		if (dot < 0)
			return -1;
		close(dot);
	}
	if ((styles & STYLE_FLOCK && flock(fd, LOCK_EX | LOCK_NB) < 0) || (styles & STYLE_FCNTL && fcntl(fd, F_SETLK, &whole) < 0)) {
		int saved = errno;

		if (styles & STYLE_DOTLOCK)
			unlink(lock);
		errno = saved;
		return -1;
	}
	return 0;
}

static void
take_lock(int fd, int styles, const char *folder, const char *lock, const struct params *p)
{
	struct timespec pause = { .tv_sec = (time_t)(p->delay_ms / 1000), .tv_nsec = (long)(p->delay_ms % 1000) * 1000000 };

	for (int64_t i = 0; i < p->attempts; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		if (try_lock(fd, styles, lock, p) == 0)
			return;
		if (errno != EAGAIN && errno != EACCES && errno != EEXIST)
			break;
	}
	fatal("lock %s: %m", folder);
}

/* Signals from the terminal are for the command: we stay to take the lock away. */
static int
run_command(char **argv)
{
	sigset_t held, before;
	posix_spawnattr_t attr;
	int status, e;
	pid_t pid;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGQUIT);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, &before);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &before);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	e = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (e != 0) {
		errno = e;
		log_warning("%s: %m", argv[0]);
		return STATUS_TEMPFAIL;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return STATUS_TEMPFAIL;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_TEMPFAIL;
}

int
main(int argc, char **argv)
{
	const char *dir_option = NULL, *dir, *style_option = NULL;
	struct params p;
	struct err err = ERR_INIT;
	int ch, styles, fd, status;

	fatal_status(STATUS_TEMPFAIL);
	if (setgid_start() < 0)
		return STATUS_TEMPFAIL;
	log_init("postfix/postlock", "postlock", LOG_TO_STDERR);
	while ((ch = getopt(argc, argv, "+c:l:v")) > 0)
		switch (ch) {
		case 'c': dir_option = optarg; break;
		case 'l': style_option = optarg; break;
		case 'v': log_set_verbose(log_verbose() + 1); break;
		default: fatal("%s", USAGE);
		}
	if (argc - optind < 2)
		fatal("%s", USAGE);
	argv += optind;
	if (conf_find_dir(dir_option, false, &dir, &err) < 0)
		fatal("%s", err.text);
	AUTO(conf_free) struct conf *conf = conf_load(dir, &err);
	if (conf == NULL || conf_bind(conf, binds, COUNT_OF(binds), &p, &err) < 0)
		fatal("%s", err.text);
	log_from_conf(conf, "postlock", LOGCONF_STDERR);
	styles = parse_styles(style_option != NULL ? style_option : p.styles);
	AUTO(mem_free) char *lock = mem_printf("%s.lock", argv[0]);
	fd = open(argv[0], O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		fatal("open %s: %m", argv[0]);
	take_lock(fd, styles, argv[0], lock, &p);
	status = run_command(argv + 1);
	if (styles & STYLE_DOTLOCK)
		unlink(lock);
	close(fd);
	return status;
}
