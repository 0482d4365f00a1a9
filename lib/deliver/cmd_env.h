/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_env - what programs that agents start find: environment, signals, limits
 */
#ifndef DELIVER_CMD_ENV_H
#define DELIVER_CMD_ENV_H

#include "base/strvec.h"

/* A plain PATH and what export_environment says, nothing else.  That is names, whose values are taken from our own
 * environment, and settings NAME=value. */
void cmd_env_add(struct strvec *env, const char *export_environment);
/* In the forked child: signals as by default, nothing blocked, umask 077, the limits that master found. */
void cmd_env_reset_process(void);

#endif
