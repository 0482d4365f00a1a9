/* SPDX-License-Identifier: Apache-2.0 */
/* main - options and verbs of the control command */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/master_cf.h"
#include "daemon/logconf.h"
#include "postern.h"

enum { STOP_WAIT_MS = 20000, STOP_LOOK_MS = 20 };

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct postern_params, queue_dir, queue_directory),
	CONF_BIND_STR(struct postern_params, data_dir, data_directory),
	CONF_BIND_STR(struct postern_params, daemon_dir, daemon_directory),
	CONF_BIND_STR(struct postern_params, command_dir, command_directory),
	CONF_BIND_STR(struct postern_params, mail_owner, mail_owner),
	CONF_BIND_STR(struct postern_params, setgid_group, setgid_group),
	CONF_BIND_STR(struct postern_params, maillog_file, maillog_file),
	CONF_BIND_STR(struct postern_params, rotate_suffix, maillog_file_rotate_suffix),
	CONF_BIND_STR(struct postern_params, compressor, maillog_file_compressor),
	CONF_BIND_STR(struct postern_params, wrapper, multi_instance_wrapper),
};

/* The process id of the master that runs, ours or Postfix's; 0: none. */
static pid_t
find_master(const struct postern *p)
{
	static const char *const test[] = { "-t", NULL };
	AUTO(mem_free) char *path = mem_printf("%s/pid/master.pid", p->par.queue_dir);
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100);
	struct err err = ERR_INIT;
	struct stat st;
	uint64_t pid;
	char *s;

	if (stat(path, &st) < 0 || run_program(p, p->par.daemon_dir, "master", test) == 0)
		return 0;
	if (io_read_file(path, &b, &err) < 0)
		fatal("%s", err.text);
	s = ascii_trim(b.s);
	while (*s == ' ')
		s++;
	if (num_parse_u64(s, 2, INT32_MAX, &pid) < 0 && !(num_parse_u64(s, 1, 1, &pid) == 0))
		fatal("%s: no process id in it", path);
	return (pid_t)pid;
}

static pid_t
need_master(const struct postern *p)
{
	pid_t pid = find_master(p);

	if (pid == 0)
		fatal("the Postfix mail system is not running");
	return pid;
}

static void
wait_end(const struct postern *p, pid_t pid)
{
	struct timespec nap = { .tv_nsec = STOP_LOOK_MS * 1000000L };
	uint64_t until = clock_mono_ms() + STOP_WAIT_MS;

	while (kill(pid, 0) == 0) {
		if (clock_mono_ms() >= until) {
			log_warning("master does not end: it is killed");
			(void)kill(pid, SIGKILL);
			until = UINT64_MAX;
		}
		nanosleep(&nap, NULL);
		if (find_master(p) != pid)	/* a zombie answers kill(0), but holds no lock */
			return;
	}
}

static int
verb_stop(const struct postern *p)
{
	pid_t pid = need_master(p);

	log_info("stopping the Postfix mail system");
	if (kill(pid, SIGTERM) < 0)
		fatal("signal to process %ld: %m", (long)pid);
	wait_end(p, pid);
	return 0;
}

static int
verb_abort(const struct postern *p)
{
	pid_t pid = need_master(p);

	log_info("aborting the Postfix mail system");
	if (kill(pid, SIGABRT) < 0)
		fatal("signal to process %ld: %m", (long)pid);
	wait_end(p, pid);
	return 0;
}

/* The queue is put in order while nobody works on it. */
static void
prepare_start(const struct postern *p)
{
	if (find_master(p) != 0)
		fatal("the Postfix mail system is already running");
	if (!check_system(p, false, true))
		fatal("the mail system cannot be started before this is mended");
	if (has_program(p->par.command_dir, "postsuper") && run_program(p, p->par.command_dir, "postsuper", NULL) != 0)
		fatal("Postfix integrity check failed!");
	log_info("starting the Postfix mail system");
}

static int
verb_start(const struct postern *p)
{
	static const char *const args[] = { "-w", NULL };

	prepare_start(p);
	if (run_program(p, p->par.daemon_dir, "master", args) != 0)
		fatal("mail system startup failed");
	return 0;
}

static int
verb_start_fg(const struct postern *p)
{
	static const char *const foreground[] = { "-s", NULL }, *const init[] = { "-i", NULL };

	prepare_start(p);
	exec_program(p, p->par.daemon_dir, "master", getpid() == 1 ? init : foreground);
}

/* A configuration that cannot be read is not offered to a master that works. */
static int
verb_reload(const struct postern *p)
{
	pid_t pid = need_master(p);
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", p->conf_dir);
	AUTO(master_cf_free) struct master_cf *mc = NULL;
	struct err err = ERR_INIT;

	mc = master_cf_load(path, &err);
	if (mc == NULL)
		fatal("%s: not reloaded", err.text);
	log_info("refreshing the Postfix mail system");
	if (kill(pid, SIGHUP) < 0)
		fatal("signal to process %ld: %m", (long)pid);
	return 0;
}

static int
verb_flush(const struct postern *p)
{
	static const char *const args[] = { "-f", NULL };

	return run_program(p, p->par.command_dir, "postqueue", args);
}

static int
verb_status(const struct postern *p)
{
	pid_t pid = find_master(p);

	if (pid == 0) {
		log_info("the Postfix mail system is not running");
		return 1;
	}
	log_info("the Postfix mail system is running: PID: %ld", (long)pid);
	return 0;
}

static int
verb_check(const struct postern *p)
{
	return check_system(p, false, false) ? 0 : 1;
}

static int
verb_set_permissions(const struct postern *p)
{
	return check_system(p, true, true) ? 0 : 1;
}

static int
verb_upgrade(const struct postern *p)
{
	(void)p;
	log_info("upgrade-configuration: there is nothing to do");
	return 0;
}

static int
verb_logrotate(const struct postern *p)
{
	return rotate_log(p, find_master(p));
}

static const struct {
	const char *name;
	int (*fn)(const struct postern *p);
} verbs[] = {
	{ "start", verb_start }, { "start-fg", verb_start_fg }, { "stop", verb_stop }, { "quick-stop", verb_stop },
	{ "abort", verb_abort }, { "reload", verb_reload }, { "flush", verb_flush }, { "status", verb_status },
	{ "check", verb_check }, { "set-permissions", verb_set_permissions }, { "upgrade-configuration", verb_upgrade },
	{ "logrotate", verb_logrotate },
};

static void
usage(void)
{
	fatal("usage: postern [-c config_dir] [-Dv] command");
}

static const char *
parse_options(int argc, char **argv, int *verbose)
{
	const char *dir = NULL;
	int opt;

	opterr = 0;
	while ((opt = getopt(argc, argv, "+c:Dv")) != -1) {
		switch (opt) {
		case 'c': dir = optarg; break;
		case 'D': setenv("MAIL_DEBUG", "", 1); break;
		case 'v': log_set_verbose(++*verbose); break;
		default: usage();
		}
	}
	if (optind >= argc)
		usage();
	return dir;
}

/* Nothing of the caller's but what master imports reaches the suite. */
static void
load(struct postern *p, const char *option_c)
{
	struct err err = ERR_INIT;

	if (conf_find_dir(option_c, false, &p->conf_dir, &err) < 0 || (p->conf = conf_load(p->conf_dir, &err)) == NULL)
		fatal("%s", err.text);
	if (conf_bind(p->conf, binds, COUNT_OF(binds), &p->par, &err) < 0)
		fatal("%s", err.text);
	setenv("MAIL_CONFIG", p->conf_dir, 1);
	log_from_conf(p->conf, "postfix-script", LOGCONF_STDERR | LOGCONF_FILE | LOGCONF_TAG_ON_STDERR);
}

int
main(int argc, char **argv)
{
	struct postern p = { .conf = NULL };
	const char *dir, *verb;
	int verbose = 0, fd;

	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
		;
	if (fd > STDERR_FILENO)
		close(fd);
	umask(022);
	clock_init_zone();
	log_init("postfix/postern", "postern", LOG_TO_STDERR);
	dir = parse_options(argc, argv, &verbose);
	verb = argv[optind];
	load(&p, dir);
	if (geteuid() != 0)
		fatal("the postern command is reserved for the superuser");
	if (p.par.wrapper[0] != '\0')
		log_warning("multi_instance_wrapper: this release acts on this one instance only");
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (strcmp(verbs[i].name, verb) == 0) {
			int r = verbs[i].fn(&p);

			log_flush();
			return r;
		}
	}
	fatal("unknown command: '%s'. Usage: postfix start (or stop, reload, abort, flush, check, status, set-permissions, "
	    "upgrade-configuration, logrotate)", verb);
}
