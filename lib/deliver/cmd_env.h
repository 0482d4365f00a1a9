/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_env - the environment of programs that agents start: a plain PATH and what export_environment says, nothing else
 */
#ifndef DELIVER_CMD_ENV_H
#define DELIVER_CMD_ENV_H

#include "base/strvec.h"

/* export_environment: names, whose values are taken from our own environment, and settings NAME=value. */
void cmd_env_add(struct strvec *env, const char *export_environment);

#endif
