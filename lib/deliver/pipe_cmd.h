/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe_cmd - a message to the standard input of a command, and what the command made of it
 *
 * The caller already has the rights that the command is to have, or names them.  Blocks, up to the time limit; the command and all it
 * started in its process group are killed then.  sysexits(3) statuses mean what they say, 0 is success; a command that fails and prints
 * "4.Y.Z text" or "5.Y.Z text" decides the status code itself.
 */
#ifndef DELIVER_PIPE_CMD_H
#define DELIVER_PIPE_CMD_H

#include "base/strvec.h"
#include "deliver/copy.h"
#include "deliver/rights.h"

enum { PIPE_CMD_OUTPUT_MAX = 2000, PIPE_CMD_TEXT_MAX = 4000 };
struct pipe_cmd {
	const char *command;	/* run by the shell where it needs one; or NULL and argv */
	char *const *argv;
	char *const *env;
	const char *shell;	/* local_command_shell, or "" */
	const char *dir;	/* working directory, or NULL */
	const char *program;	/* who complains when it cannot be started: "local" */
	uint64_t time_limit_ms;
	int copy_flags;
	const struct rights *rights;	/* taken on by the command; NULL: the caller's */
	const char *chroot;		/* root directory of the command (with rights), or NULL */
	struct strbuf *output;		/* what a command that succeeded said, in one line; or NULL */
};
/* dsn: "2.0.0" or the failure's; text: why, "" on success. */
void pipe_cmd_run(const struct pipe_cmd *p, const struct copy_msg *m, char dsn[static 12], struct strbuf *text);

#endif
