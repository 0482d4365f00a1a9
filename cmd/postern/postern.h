/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern - the control command: start, stop, reload, status, check and the like
 *
 * Its messages and exit codes are those of postfix(1) and the script behind it, whose tag they carry.
 */
#ifndef POSTERN_POSTERN_H
#define POSTERN_POSTERN_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/conf.h"
#include "config/master_cf.h"

struct postern {
	struct conf *conf;
	const char *conf_dir;
	struct postern_params {
		const char *queue_dir, *data_dir, *daemon_dir, *command_dir, *mail_owner, *setgid_group, *maillog_file;
		const char *rotate_suffix, *compressor, *wrapper;
	} par;
};

/* run.c */
/* Run a program of ours with "-c conf_dir" and further arguments; its exit status, 127 when it cannot be run. */
int run_program(const struct postern *p, const char *dir, const char *name, const char *const *args);
NORETURN void exec_program(const struct postern *p, const char *dir, const char *name, const char *const *args);
bool has_program(const char *dir, const char *name);

/* check.c: what is wrong is logged with the command that mends it; false when nothing can be started so. */
bool check_system(const struct postern *p, bool fix, bool is_start);

/* values.c: how many values are wrong; each is logged. */
unsigned check_values(const struct postern *p, const struct master_cf *mc);

/* rotate.c */
int rotate_log(const struct postern *p, pid_t master);

#endif
