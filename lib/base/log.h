/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - records for the mail log
 *
 *	log_info("%s: removed", id);			"Mon DD HH:MM:SS host syslog_name/prog[pid]: text"
 *	log_warning("connect to %s: %s", ...);		the text gets "warning: " in front
 *
 * Records are batched within the process and leave before anything that lets another process act: lib/task calls
 * log_flush() before it writes to a socket and before it waits, so the lines of one queue id come in causal order.  A log
 * that stalls never stalls mail: a record that cannot be sent at once is counted and the count is logged later.
 *
 * Library code does not log; the daemon does, once, where it knows the queue id.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVEL_FATAL, LOG_LEVEL_PANIC };

enum log_to {
	LOG_TO_SYSLOG = 1,	/* datagrams to /dev/log, never blocking */
	LOG_TO_POSTLOG = 2,	/* datagrams to the postlog socket (maillog_file is set) */
	LOG_TO_STDERR = 4,	/* "prog: warning: text", as commands do */
	LOG_TO_FILE = 8,	/* append whole lines to a file (postlogd, or a root process while postlogd is down) */
	LOG_TO_STDOUT = 16,
};

/* tag: syslog_name + "/" + program; before this, records go to stderr.  Strings are copied. */
void log_init(const char *tag, const char *program, int to);
void log_set_tag(const char *tag);		/* once main.cf is known */
void log_set_to(int to);
void log_set_host(const char *host);		/* first label is used */
void log_set_facility(int facility);		/* syslog facility number << 3; default mail */
/* Datagram socket already connected to the syslog or postlog service; -1 to drop it.  Takes the descriptor. */
void log_set_socket(int fd);
/* Path of the socket to (re)connect to: with LOG_TO_POSTLOG queue_directory/public/postlog, else /dev/log. */
void log_set_socket_path(const char *path);
void log_connect(void);		/* now, while the socket can still be reached (chroot, another user) */
int log_open_file(const char *path);		/* LOG_TO_FILE; 0 or -1 with errno */
void log_set_utf8(bool on);			/* smtputf8_enable: UTF-8 stays as it is */
void log_set_verbose(int level);		/* -v: log_debug is shown from 1 on */
int log_verbose(void);

void log_write(enum log_level level, const char *fmt, ...) PRINTF(2, 3);
void log_flush(void);
unsigned long log_lost(void);			/* records that could not be sent since the start */
/* Called for each record besides where it goes (tests; commands that collect warnings); NULL for none. */
void log_tee(void (*fn)(enum log_level level, const char *text));

#define log_info(...)		log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...)	log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)		log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_debug(...)		(log_verbose() > 0 ? log_write(LOG_LEVEL_DEBUG, __VA_ARGS__) : (void)0)

#endif
