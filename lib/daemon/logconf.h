/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logconf - where log records go, as main.cf says: syslog, or postlogd when maillog_file is set
 */
#ifndef DAEMON_LOGCONF_H
#define DAEMON_LOGCONF_H

#include <stdbool.h>

#include "config/conf.h"

enum {
	LOGCONF_STDERR = 1,	/* commands: also on standard error */
	LOGCONF_IN_QUEUE_DIR = 2,	/* the working directory is, and stays, the queue directory (daemons) */
	LOGCONF_TAG_ON_STDERR = 8,	/* "postfix/postfix-script: text" there, as the control command does */
	LOGCONF_FILE = 4,	/* append to maillog_file ourselves while postlogd does not listen (root's commands, master) */
};
/* program: "postqueue", "postfix-script"; the tag becomes syslog_name/program.  Wrong values are warned of and replaced. */
void log_from_conf(struct conf *c, const char *program, int flags);
/* maillog_file lies where maillog_file_prefixes allows it. */
NODISCARD int maillog_check(struct conf *c, const char *path, struct err *err);
/* Open maillog_file for appending; a new one gets maillog_file_permissions.  Checks maillog_file_prefixes.  Descriptor or -1. */
NODISCARD int maillog_open(struct conf *c, struct err *err);
int log_facility_parse(const char *name);	/* facility number << 3, or -1 */

#endif
