/* SPDX-License-Identifier: Apache-2.0 */
/* daemon - from the command line of master to the first session, in the order that daemon.h gives */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
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
#include "base/mem.h"
#include "daemon/daemon_priv.h"
#include "daemon/logconf.h"

/* A process is one daemon: like the log, this is process-wide by nature. */
struct daemon_run daemon_run_;

static const struct conf_bind skeleton_binds[] = {
	CONF_BIND_STR(struct daemon_params, queue_dir, queue_directory),
	CONF_BIND_STR(struct daemon_params, mail_owner, mail_owner),
	CONF_BIND_STR(struct daemon_params, data_dir, data_directory),
	CONF_BIND_TIME(struct daemon_params, max_idle_ms, max_idle),
	CONF_BIND_INT(struct daemon_params, max_use, max_use),
};

struct conf *
daemon_conf(void)
{
	return daemon_run_.conf;
}

const char *
daemon_service(void)
{
	return daemon_run_.service;
}

const char *
daemon_queue_dir(void)
{
	return ".";
}

bool
daemon_is_ending(void)
{
	return daemon_run_.is_ending;
}

/* A service that cannot run must not be started in a tight loop. */
static void
pause_before_end(void)
{
	if (daemon_run_.has_channel)
		sleep(1);
}

static unsigned
number_option(const char *s, char letter)
{
	uint64_t n;

	if (num_parse_u64(s, 0, 1000000, &n) < 0)
		fatal("option -%c: not a number: %s", letter, s);
	return (unsigned)n;
}

static void
own_option(struct daemon_run *r, int opt, const char *arg)
{
	if (r->d->option == NULL || r->d->option(opt, arg) < 0) {
		if (opt == 0)
			fatal("unexpected command line argument: %s", arg);
		fatal("invalid option: -%c", opt);
	}
}

static void
one_option(struct daemon_run *r, int opt, const char *arg)
{
	switch (opt) {
	case 'c': r->chroot = true; break;
	case 'u': r->unprivileged = true; break;
	case 'm': r->quota = number_option(arg, 'm'); break;
	case 'n': r->service = arg; break;
	case 's': r->n_listen = (int)number_option(arg, 's'); break;
	case 't': r->type = arg; break;
	case 'v': log_set_verbose(log_verbose() + 1); break;
	case 'o':
		if (strvec_add(&r->overrides, arg) < 0)
			fatal("too many -o options");
		break;
	case 'D': case 'd': case 'i': case 'l': case 'V': case 'z':
		break;		/* of older masters; nothing to do here */
	case '?':
		fatal("unknown option: -%c", optopt);
	default:
		own_option(r, opt, arg);
	}
}

/* "-o name=value" and "-o { name = value }" are both one argument; pipe and spawn take operands. */
static void
parse_options(struct daemon_run *r, int argc, char **argv)
{
	char letters[64];
	int opt;

	snprintf(letters, sizeof(letters), "+cdDilm:n:o:s:t:uvVz%s", r->d->options != NULL ? r->d->options : "");
	opterr = 0;
	while ((opt = getopt(argc, argv, letters)) != -1)
		one_option(r, opt, optarg);
	for (; optind < argc; optind++)
		own_option(r, 0, argv[optind]);
	if (r->n_listen > HUB_LISTEN_MAX)
		fatal("too many listening sockets: %d", r->n_listen);
}

static void
check_channel(struct daemon_run *r)
{
	int type;
	socklen_t n = sizeof(type);

	r->has_channel = r->type != NULL && getsockopt(HUB_FD, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET;
	if (r->has_channel) {
		for (int fd = HUB_FD; fd < HUB_LISTEN_FD + r->n_listen; fd++) {
			if (io_set_cloexec(fd, true) < 0 || io_set_nonblock(fd, true) < 0)
				fatal("descriptor %d from master: %m", fd);
		}
		return;
	}
	r->stand_alone = true;
	if (!r->d->stand_alone)
		fatal("this is a daemon of the mail system: it is started by master");
}

static void
load_conf(struct daemon_run *r)
{
	struct err err = ERR_INIT;
	const char *dir;

	if (conf_find_dir(NULL, false, &dir, &err) < 0 || (r->conf = conf_load(dir, &err)) == NULL)
		fatal("%s", err.text);
	conf_set(r->conf, "process_name", r->d->name);
	conf_set(r->conf, "service_name", r->service);
	for (size_t i = 0; i < r->overrides.n; i++) {
		if (conf_override(r->conf, r->overrides.v[i], &err) < 0)
			fatal("-o %s: %s", r->overrides.v[i], err.text);
	}
}

static void
bind_conf(struct daemon_run *r)
{
	struct err err = ERR_INIT;

	if (conf_bind(r->conf, skeleton_binds, COUNT_OF(skeleton_binds), &r->par, &err) < 0 ||
	    (r->d->n_binds > 0 && conf_bind(r->conf, r->d->binds, r->d->n_binds, r->d->conf, &err) < 0))
		fatal("%s", err.text);
}

/* The owner of the queue, and the user this daemon becomes. */
static void
find_users(struct daemon_run *r)
{
	struct err err = ERR_INIT;

	if (sandbox_find_user(r->par.mail_owner, &r->owner, &err) < 0) {
		if (r->stand_alone)
			return;
		fatal("mail_owner: %s", err.text);
	}
	r->identity = r->owner;
	if (r->d->user != DAEMON_USER_OWN || r->d->own_user == NULL)
		return;
	if (sandbox_find_user(r->d->own_user, &r->identity, &err) < 0) {
		log_debug("%s: runs as %s", err.text, r->par.mail_owner);
		r->identity = r->owner;
	}
}

static void
confine(struct daemon_run *r)
{
	struct err err = ERR_INIT;
	bool stays_root = r->d->user == DAEMON_USER_ROOT && !r->unprivileged;
	const char *profile = r->d->user == DAEMON_USER_ROOT ? "none" : r->d->sandbox;
	const char *const write_dirs[] = { r->par.data_dir, NULL };
	const char *const read_dirs[] = { conf_dir(r->conf), NULL };

	if (r->stand_alone)
		return;
	if (r->chroot && geteuid() == 0 && (chroot(r->par.queue_dir) < 0 || chdir("/") < 0))
		fatal("chroot %s: %m", r->par.queue_dir);
	if (!stays_root && sandbox_drop(&r->identity, &err) < 0)
		fatal("%s", err.text);
	if (sandbox_confine(profile, write_dirs, read_dirs, &err) < 0)
		fatal("%s", err.text);
}

static void
main_task(void *arg)
{
	struct daemon_run *r = arg;
	struct err err = ERR_INIT;

	if (r->d->start != NULL)
		r->d->start();
	if (r->stand_alone) {
		(void)serve_stand_alone(r);
	} else {
		channel_start(r);
		serve_start(r);
		while (!r->is_finished) {
			if (task_cond_wait(&r->done, TASK_FOREVER, &err) < 0)
				break;
		}
	}
	if (r->d->before_exit != NULL)
		r->d->before_exit();
	log_flush();
	task_stop(1000);
}

void
daemon_restore_limits(void)
{
	struct rlimit rl;
	uint64_t soft;
	const char *s = getenv(HUB_ENV_NOFILE);

	if (s == NULL || num_parse_u64(s, 3, 1U << 30, &soft) < 0 || getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return;
	rl.rlim_cur = soft < rl.rlim_max ? (rlim_t)soft : rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	unsetenv(HUB_ENV_NOFILE);
}

static void
keep_standard_descriptors(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd > STDERR_FILENO)
		close(fd);
}

int
daemon_main(const struct daemon *d, int argc, char **argv)
{
	struct daemon_run *r = &daemon_run_;
	struct err err = ERR_INIT;
	const char *tag = getenv("MAIL_LOGTAG");
	char early_tag[100];

	keep_standard_descriptors();
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	clock_init_zone();
	r->d = d;
	r->service = d->name;
	strvec_init(&r->overrides, 10000);
	snprintf(early_tag, sizeof(early_tag), "%s/%s", tag != NULL ? tag : "postfix", d->name);
	log_init(early_tag, d->name, LOG_TO_STDERR);
	fatal_hook(pause_before_end);
	parse_options(r, argc, argv);
	check_channel(r);
	load_conf(r);
	log_from_conf(r->conf, d->name, r->stand_alone ? LOGCONF_STDERR : LOGCONF_IN_QUEUE_DIR);
	bind_conf(r);
	if (chdir(r->par.queue_dir) < 0)
		fatal("chdir to queue_directory %s: %m", r->par.queue_dir);
	find_users(r);
	serve_init(r);
	channel_init(r);
	if (d->pre_jail != NULL && d->pre_jail(&err) < 0)
		fatal("%s", err.text);
	log_connect();
	confine(r);
	task_main(d->name, main_task, r);
	log_flush();
	return 0;
}
