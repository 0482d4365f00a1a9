/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route - the rules by which addresses are completed (rewrite.h) and sent on their way (resolve.h)
 *
 * It is a library in smtpd, cleanup, qmgr and local, not a service, but keeps to one rule of the service it replaces: its parameters
 * are those of main.cf and of the -o options of the master.cf entry that rewrite_service_name names, not those of the caller's own
 * entry.  (Set-ups with a second cleanup or smtpd rely on that.)  Opened before confinement; one a process.
 *
 *	struct route *r = route_new(conf_dir(daemon_conf()), &err);
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "config/conf.h"

struct route;
NODISCARD struct route *route_new(const char *config_dir, struct err *err);
NODISCARD struct route *route_new_conf(struct conf *conf, struct err *err);	/* tests, tools: this configuration as it is; borrowed */
void route_free(struct route **rp);
/* Mistakes that can be seen without a look-up (a domain in two classes), one line each: "do not list domain X in BOTH Y and Z". */
void route_warn(struct route *r, void (*fn)(void *arg, const char *text), void *arg);
/* Each table in use, so that the caller can watch it for change: fn(table). */
struct table;
void route_each_table(struct route *r, void (*fn)(struct table *t));

#endif
