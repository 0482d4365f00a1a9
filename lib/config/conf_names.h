/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_names - which names that are no built-in parameters a configuration makes use of
 *
 * A name is in use when some value says $name, when it is in smtpd_restriction_classes, or when it gives a setting to a
 * table named without a slash: "ldap:src" reads src_server_host.
 */
#ifndef CONFIG_CONF_NAMES_H
#define CONFIG_CONF_NAMES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/strvec.h"
#include "config/conf.h"
#include "config/master_cf.h"

struct conf_names;

/* m, when not NULL, adds what the -o settings of master.cf make use of.  c must live as long. */
NODISCARD struct conf_names *conf_names_new(struct conf *c, const struct master_cf *m);
void conf_names_free(struct conf_names **np);
bool conf_names_has(const struct conf_names *n, const char *name);
/* Names in use that are neither built in nor set, unsorted */
void conf_names_undefined(const struct conf_names *n, struct strvec *out);
/* All settings of main.cf, in no order: calls fn with each name and its unexpanded value. */
void conf_each(const struct conf *c, void (*fn)(void *arg, const char *name, const char *raw, bool from_file), void *arg);
/* Complaints about main.cf as such, for the log */
const struct strvec *conf_file_warnings(const struct conf *c);
/* For showing, not using: no file is read for a value (myorigin = /etc/mailname stays as it is). */
void conf_show_only(struct conf *c);

#endif
