/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setgid - what commands do that anybody may run and that have rights their caller lacks
 *
 *	setgid_start();				first thing in main(): descriptors 0-2, umask, no core file
 *	... conf_find_dir(option_c, true, ...), conf_load ...
 *	setgid_clean_env(conf);			before anything else is run
 *	setgid_authorize(conf, list, uid, ...)	authorized_submit_users and its like
 */
#ifndef CONFIG_SETGID_H
#define CONFIG_SETGID_H

#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "config/conf.h"

/* 0, or -1 with errno: a program that cannot have its three descriptors must not go on. */
NODISCARD int setgid_start(void);
/* Only what import_environment names stays, and a safe PATH. */
NODISCARD int setgid_clean_env(struct conf *c, struct err *err);
/* Login name of a user, or "unknown". */
void setgid_user_name(uid_t uid, char *out, size_t size);
/* 1 allowed, 0 not, -1 cannot tell: refuse.  Tables are asked by running postmap -q, so that their drivers stay out of here. */
NODISCARD int setgid_authorize(struct conf *c, const char *list, uid_t uid, struct err *err);

#endif
