/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postlogd - writes what all processes log to maillog_file, or to standard output
 *
 * A datagram on public/postlog is one finished line, or several, without the last newline.  They are written in the order of their arrival, many
 * with one write.  The file is opened before privileges are dropped; a reload or rotation replaces this process, and with it the open file.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/logconf.h"

enum {
	DATAGRAM_MAX = 65536,
	BATCH_MAX = 4 * DATAGRAM_MAX,
	DRAIN_BATCHES = 1000,
};

struct postlogd_conf {
	const char *file;
};

static struct postlogd_conf conf;
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct postlogd_conf, file, maillog_file),
};

static int out_fd = -1, listen_fd = -1;
static unsigned long lost;	/* lines that could not be written since the last that could */
static char batch[BATCH_MAX + 1];

/* What cannot be written to the file is said to syslog: our own datagrams come back to us. */
static int
open_file(struct err *err)
{
	/* what postlogd has to say of itself must not come back to it */
	log_set_to(LOG_TO_SYSLOG);
	log_set_socket_path("/dev/log");
	if (conf.file[0] == '\0')
		return err_set(err, ERR_CONF, NULL, "maillog_file is empty: there is nothing to do");
	if (strcmp(conf.file, "/dev/stdout") == 0) {
		out_fd = STDOUT_FILENO;
		return 0;
	}
	out_fd = maillog_open(daemon_conf(), err);
	return out_fd < 0 ? -1 : 0;
}

static int
pre_jail(struct err *err)
{
	return open_file(err);
}

/* Control characters could forge lines of their own. */
static size_t
add_datagram(char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\0'))
		n--;
	for (size_t i = 0; i < n; i++) {
		if ((p[i] >= 0 && p[i] < ' ' && p[i] != '\n' && p[i] != '\t') || p[i] == 0x7f)
			p[i] = '?';
	}
	if (n > 0)
		p[n++] = '\n';
	return n;
}

static void
write_batch(const char *p, size_t n)
{
	struct err err = ERR_INIT;

	if (io_write_all(out_fd, p, n, &err) == 0) {
		if (lost > 0) {
			unsigned long told = lost;

			lost = 0;
			log_warning("%s: %lu lines could not be written", conf.file, told);
		}
		return;
	}
	if (lost == 0)
		log_warning("%s: %s", conf.file, err.text);	/* to syslog */
	for (size_t i = 0; i < n; i++)
		lost += p[i] == '\n';
}

/* Read what fits, write it; false when the socket is empty. */
static bool
one_batch(int fd)
{
	size_t n = 0;
	ssize_t got = 0;

	while (n + DATAGRAM_MAX <= BATCH_MAX && (got = recv(fd, batch + n, DATAGRAM_MAX - 1, MSG_DONTWAIT)) >= 0)
		n += add_datagram(batch + n, (size_t)got);
	if (n > 0)
		write_batch(batch, n);
	return got >= 0;
}

static void
on_datagram(int fd)
{
	listen_fd = fd;
	(void)one_batch(fd);
}

static void
before_exit(void)
{
	for (int i = 0; i < DRAIN_BATCHES && listen_fd >= 0 && one_batch(listen_fd); i++)
		;
}

static const struct daemon postlogd = {
	.name = "postlogd", .sessions = DAEMON_LOOP, .sandbox = "log",
	.binds = binds, .n_binds = COUNT_OF(binds), .conf = &conf,
	.pre_jail = pre_jail, .datagram = on_datagram, .before_exit = before_exit,
};

int
main(int argc, char **argv)
{
	return daemon_main(&postlogd, argc, argv);
}
