/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postdrop - puts a user's message into the maildrop directory; set-gid, so that users can neither list nor read it
 *
 * Records come on standard input up to the end record; exit 0 means that the message is on disk.  Whatever ends it before that, a signal or
 * an input that breaks off, takes the file away again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "config/conf.h"
#include "config/setgid.h"
#include "daemon/logconf.h"
#include "filter.h"
#include "queue/queue.h"

enum { READ_SIZE = 65536, MAX_RECORD = 262144 };

struct params {
	const char *queue_dir, *submit_users, *pickup;
	int64_t size_limit;
	bool long_ids;
};
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct params, queue_dir, queue_directory),
	CONF_BIND_STR(struct params, submit_users, authorized_submit_users),
	CONF_BIND_STR(struct params, pickup, pickup_service_name),
	CONF_BIND_INT(struct params, size_limit, message_size_limit),
	CONF_BIND_BOOL(struct params, long_ids, enable_long_queue_ids),
};

static volatile sig_atomic_t signal_caught;

static void
note_signal(int signo)
{
	signal_caught = signo;
}

/* Signals that end us arrive only while we wait for input: *unblocked is the mask for that. */
static void
catch_signals(sigset_t *unblocked)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM };
	struct sigaction act = { .sa_handler = note_signal }, old;
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < COUNT_OF(ending); i++) {
		if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;	/* nohup */
		sigaction(ending[i], &act, NULL);
		sigaddset(&blocked, ending[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a small file size limit is an error of write, not the end with a file left behind */
	sigprocmask(SIG_BLOCK, &blocked, unblocked);
	for (size_t i = 0; i < COUNT_OF(ending); i++)
		sigdelset(unblocked, ending[i]);
}

/* More input into in; -1 with a text when it ends or a signal came. */
static int
read_more(struct strbuf *in, const sigset_t *unblocked, struct err *err)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char *room;
	ssize_t n;

	for (;;) {
		if (signal_caught != 0)
			return err_set(err, ERR_CANCEL, NULL, "signal %d: the message is dropped", (int)signal_caught);
		if (ppoll(&p, 1, NULL, unblocked) < 0 && errno != EINTR)
			return err_sys(err, "wait for input");
		if (signal_caught != 0 || (p.revents == 0 && errno == EINTR))
			continue;
		room = strbuf_room(in, READ_SIZE);
		if (room == NULL)
			return err_set(err, ERR_PERM, NULL, "unexpected or malformed record: too long");
		n = read(STDIN_FILENO, room, READ_SIZE);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_sys(err, "read input");
		if (n == 0)
			return err_set(err, ERR_EOF, NULL, "unexpected end of input: the message is dropped");
		strbuf_grown(in, (size_t)n);
		return 0;
	}
}

/* Whole records in the buffer go through the filter; what is left is the beginning of one. */
static int
take_records(struct filter *filter, struct strbuf *in, struct qfile *file, struct err *err)
{
	size_t at = 0, used, len;
	const char *data;
	int type, rc = 0;

	while (filter->segment != 0 && (rc = rec_parse(in->s + at, in->len - at, &type, &data, &len, &used)) > 0) {
		int keep = filter_record(filter, type, data, len, err);

		if (keep < 0)
			return -1;
		if (keep > 0)
			qfile_put(file, type, data, len);
		at += used;
	}
	if (rc < 0)
		return err_set(err, ERR_PERM, NULL, "unexpected or malformed record");
	strbuf_remove(in, 0, at);
	return qfile_check(file, err);
}

static int
copy_message(const struct params *p, struct queue *queue, const sigset_t *unblocked, struct err *err)
{
	AUTO(strbuf_done) struct strbuf in = STRBUF_INIT(MAX_RECORD + READ_SIZE);
	AUTO(qfile_free) struct qfile *file = qfile_create(queue, QUEUE_MAILDROP, err);
	struct timeval now = clock_wall();
	struct filter filter;

	if (file == NULL)
		return -1;
	filter_init(&filter, p->size_limit);
	qfile_putf(file, REC_TIME, "%ld %ld", (long)now.tv_sec, (long)now.tv_usec);
	while (filter.segment != 0)
		if (read_more(&in, unblocked, err) < 0 || take_records(&filter, &in, file, err) < 0)
			return -1;
	return qfile_commit(file, false, err);
}

/* Best effort: pickup looks by itself now and then, and after a start. */
static void
wake_pickup(const struct params *p)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "public/%s", p->pickup) < (int)sizeof(sa.sun_path) &&
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && send(fd, "W", 2, MSG_NOSIGNAL) < 0)
		log_debug("trigger %s: %m", sa.sun_path);
	close(fd);
}

/* -r: attributes for the program at the other end */
static void
reply(int status, const char *reason)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(4096);

	strbuf_addf(&b, "status%c%d%creason%c%s%c%c", 0, status, 0, 0, reason, 0, 0);
	if (io_write_all(STDOUT_FILENO, b.s, b.len, NULL) < 0)
		log_debug("reply: %m");
}

static void
check_user(struct conf *conf, const struct params *p)
{
	struct err err = ERR_INIT;
	char user[256];
	int rc = setgid_authorize(conf, p->submit_users, getuid(), &err);

	if (rc > 0)
		return;
	setgid_user_name(getuid(), user, sizeof(user));
	if (rc < 0)
		fatal("authorized_submit_users: %s", err.text);
	fatal("User %s(%ld) is not allowed to submit mail", user, (long)getuid());
}

int
main(int argc, char **argv)
{
	const char *dir_option = NULL, *dir;
	bool wants_reply = false;
	struct params params;
	struct err err = ERR_INIT;
	sigset_t unblocked;
	int ch, rc;

	if (setgid_start() < 0)
		return 1;
	log_init("postfix/postdrop", "postdrop", LOG_TO_STDERR);
	while ((ch = getopt(argc, argv, "c:rv")) > 0)
		switch (ch) {
		case 'c': dir_option = optarg; break;
		case 'r': wants_reply = true; break;
		case 'v': log_set_verbose(getuid() == 0 ? log_verbose() + 1 : 0); break;
		default: fatal("usage: postdrop [-c config_dir] [-rv]");
		}
	if (conf_find_dir(dir_option, true, &dir, &err) < 0)
		fatal("%s", err.text);
	AUTO(conf_free) struct conf *conf = conf_load(dir, &err);
	if (conf == NULL || conf_bind(conf, binds, COUNT_OF(binds), &params, &err) < 0 || setgid_clean_env(conf, &err) < 0)
		fatal("%s", err.text);
	log_from_conf(conf, "postdrop", LOGCONF_STDERR);
	if (chdir(params.queue_dir) < 0)
		fatal("chdir %s: %m", params.queue_dir);
	check_user(conf, &params);
	catch_signals(&unblocked);
	AUTO(queue_free) struct queue *queue = queue_open_dir(".", "", 0, params.long_ids, &err);
	rc = queue != NULL ? copy_message(&params, queue, &unblocked, &err) : -1;
	if (wants_reply)
		reply(rc < 0 ? 1 : 0, rc < 0 ? err.text : "");
	if (rc < 0)
		fatal("uid=%ld: %s", (long)getuid(), err.text);
	wake_pickup(&params);
	return 0;
}
