/* SPDX-License-Identifier: Apache-2.0 */
/* main - options, start-up, and the loop of master */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "daemon/layout.h"
#include "daemon/logconf.h"
#include "master.h"

enum {
	LOOP_MAX_MS = 300 * 1000,
	WATCHDOG_S = 1000,		/* a loop that stands still this long ends master, so that it can be started anew */
	START_WAIT_MS = 100 * 1000,
};

/* A process is one master: like the log, this is process-wide by nature. */
struct master master;

struct options {
	bool test_lock, wait, detached_off;
	uint64_t exit_after_s;
	const char *conf_dir;
};

static void
usage(void)
{
	fatal("usage: master [-Dditsvw] [-c config_dir] [-e exit_time]");
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	int opt;

	opterr = 0;
	while ((opt = getopt(argc, argv, "c:Dde:istvw")) != -1) {
		switch (opt) {
		case 'c': o->conf_dir = optarg; break;
		case 'D': log_warning("-D: debugger_command is not part of this release"); break;
		case 'd': o->detached_off = true; break;
		case 'e':
			if (num_parse_u64(optarg, 1, 1U << 30, &o->exit_after_s) < 0)
				usage();
			break;
		case 'i': master.is_init = true; break;
		case 's': master.is_foreground = true; break;
		case 't': o->test_lock = true; break;
		case 'v': log_set_verbose(++master.verbose); break;
		case 'w': o->wait = true; break;
		default: usage();
		}
	}
	if (optind < argc)
		usage();
	if (master.is_init && getpid() != 1 && getppid() != 1)
		log_debug("option -i without being process 1");
}

static void
raise_limits(void)
{
	struct rlimit rl;
	char text[24];

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(rl.rlim_cur > 1U << 29 ? 1U << 29 : rl.rlim_cur));
	setenv(HUB_ENV_NOFILE, text, 1);
	/* commands that users run get the old limit back (daemon_restore_limits) */
	rl.rlim_cur = rl.rlim_max > 1U << 20 ? 1U << 20 : rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

static unsigned
count_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Into the queue directory, which has all it needs afterwards; needs main.cf. */
static void
enter_queue(bool make)
{
	struct err err = ERR_INIT;
	struct conf *conf = conf_load(master.conf_dir, &err);
	const char *queue_dir, *owner, *group;
	struct layout_owner lo;

	if (conf == NULL)
		fatal("%s", err.text);
	log_from_conf(conf, "master", LOGCONF_STDERR | LOGCONF_FILE);
	queue_dir = conf_get(conf, "queue_directory");
	owner = conf_get(conf, "mail_owner");
	group = conf_get(conf, "setgid_group");
	master.par.data_dir = conf_get(conf, "data_directory");
	if (make) {
		if (sandbox_find_user(owner, &master.owner, &err) < 0)
			fatal("mail_owner: %s", err.text);
		if (sandbox_find_group(group, &lo.setgid, &err) < 0)
			fatal("setgid_group: %s", err.text);
		lo.uid = master.owner.uid;
		if (layout_make(queue_dir, &lo, &err) < 0)
			fatal("%s", err.text);
	}
	if (chdir(queue_dir) < 0)
		fatal("chdir to queue_directory %s: %m", queue_dir);
	master.conf = conf;
}

static NORETURN void
test_lock(void)
{
	struct err err = ERR_INIT;
	bool is_free;

	enter_queue(false);
	if (lock_is_free(&is_free, &err) < 0)
		fatal("%s", err.text);
	exit(is_free ? 0 : 1);
}

/* The foreground process of -w: the background one says a byte when it is up, or nothing. */
static NORETURN void
wait_for_start(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	if (poll(&p, 1, START_WAIT_MS) == 1 && read(fd, &c, 1) == 1)
		_exit(0);
	_exit(1);
}

/* Returns in the process that goes on; *up is where it says that it is up, or -1. */
static void
detach(const struct options *o, int *up)
{
	int fds[2];
	pid_t pid;

	*up = -1;
	if (o->detached_off || master.is_foreground || master.is_init)
		return;
	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		fatal("cannot go into the background: %m");
	if (pid > 0) {
		close(fds[1]);
		if (o->wait)
			wait_for_start(fds[0]);
		_exit(0);
	}
	close(fds[0]);
	*up = fds[1];
	(void)setsid();
}

static void
say_up(const struct options *o, int *up)
{
	bool keeps = o->detached_off || master.is_foreground || master.is_init;

	if (!keeps) {
		dup2(master.null_fd, STDIN_FILENO);
		dup2(master.null_fd, STDOUT_FILENO);
		dup2(master.null_fd, STDERR_FILENO);
	}
	if (*up >= 0 && write(*up, "", 1) != 1)
		log_warning("whoever started us does not wait any more");
	io_close(up);
}

static void
on_alarm(int signo)
{
	static const char text[] = "master: fatal: watchdog timeout\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signo;
	(void)n;
	_exit(1);
}

static NORETURN void
loop(void)
{
	signal(SIGALRM, on_alarm);
	for (;;) {
		uint64_t now = clock_mono_ms(), next = now + LOOP_MAX_MS, t;

		alarm(WATCHDOG_S);
		if (master.exit_at != 0 && now >= master.exit_at)
			control_stop(SIGTERM);
		if ((t = supply_timers(now)) < next)
			next = t;
		if ((t = notify_timers(now)) < next)
			next = t;
		if ((t = control_timers(now)) < next)
			next = t;
		if (master.exit_at > now && master.exit_at < next)
			next = master.exit_at;
		log_flush();
		now = clock_mono_ms();
		event_run(next > now ? next - now : 0);
	}
}

static void
prepare(const struct options *o)
{
	const char *dir;
	struct err err = ERR_INIT;

	if (conf_find_dir(o->conf_dir, false, &dir, &err) < 0)
		fatal("%s", err.text);
	master.conf_dir = dir;
	if (o->test_lock)
		test_lock();
	if (geteuid() != 0)
		fatal("the master command is reserved for the superuser");
	list_init(&master.services);
	strvec_init(&master.env, 10000);
	master.n_cpus = count_cpus();
	master.is_starting = true;
	master.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (master.null_fd < 0)
		fatal("open /dev/null: %m");
	notify_init();
	raise_limits();
}

static void
start(void)
{
	struct err err = ERR_INIT;

	enter_queue(true);
	if (lock_take(&err) < 0)
		fatal("%s", err.text);
	event_init();
	control_init();
	if (conf_read(false, &err) < 0)
		fatal("%s", err.text);
	master.is_starting = false;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	int up;

	while ((up = open("/dev/null", O_RDWR)) >= 0 && up <= STDERR_FILENO)
		;
	(void)close_range((unsigned)(up > STDERR_FILENO ? up : 3), ~0U, 0);
	umask(022);
	clock_init_zone();
	log_init("postfix/master", "master", LOG_TO_STDERR);
	parse_options(argc, argv, &o);
	prepare(&o);
	detach(&o, &up);
	start();
	log_info("daemon started -- version %s, configuration %s", master.par.version, master.conf_dir);
	log_flush();
	if (o.exit_after_s != 0)
		master.exit_at = clock_mono_ms() + o.exit_after_s * 1000;
	log_from_conf(master.conf, "master", LOGCONF_IN_QUEUE_DIR | LOGCONF_FILE);
	say_up(&o, &up);
	supply_all();
	notify_ready();
	loop();
}
