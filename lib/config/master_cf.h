/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_cf - the services of master.cf
 */
#ifndef CONFIG_MASTER_CF_H
#define CONFIG_MASTER_CF_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strvec.h"

enum master_type { MASTER_INET, MASTER_UNIX, MASTER_UNIX_DGRAM, MASTER_FIFO, MASTER_PASS };

struct master_entry {
	char *name;		/* as written: "smtp", "127.0.0.1:26", "[::1]:smtp" */
	enum master_type type;
	bool is_private, unprivileged, chroot;
	int wakeup_s;		/* 0: never */
	bool wakeup_if_used;	/* trailing '?' */
	int maxproc;		/* -1: "-", use default_process_limit; 0: no limit */
	char *command;
	struct strvec argv;	/* arguments behind the command, { } resolved */
	struct strvec raw;	/* the eight fields and the arguments as written, for postconf -M */
	int line;
};

struct master_cf {
	char *path;
	struct master_entry *entries;
	size_t n;
};

/* Entries named by master_service_disable are left out by master, not here. */
NODISCARD struct master_cf *master_cf_load(const char *path, struct err *err);
NODISCARD struct master_cf *master_cf_parse(const char *path_for_errors, const char *text, struct err *err);
void master_cf_free(struct master_cf **mp);
const char *master_type_name(enum master_type t);		/* "inet", "unix", "unix-dgram", "fifo", "pass" */

#endif
