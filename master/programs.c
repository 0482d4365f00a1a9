/* SPDX-License-Identifier: Apache-2.0 */
/* programs - what master knows of each program that a master.cf may name */
#include <string.h>

#include "master.h"

static const struct program programs[] = {
	{ .name = "smtpd", .share = SHARE_SESSIONS },
	{ .name = "smtp", .share = SHARE_SESSIONS },
	{ .name = "lmtp", .share = SHARE_SESSIONS },
	{ .name = "qmqpd", .share = SHARE_SESSIONS },
	{ .name = "bounce", .share = SHARE_SESSIONS },
	{ .name = "local", .share = SHARE_SESSIONS },
	{ .name = "virtual", .share = SHARE_ONE },
	{ .name = "pipe", .share = SHARE_ONE },
	{ .name = "spawn", .share = SHARE_ONE },
	{ .name = "cleanup", .share = SHARE_PROCESSES },
	{ .name = "proxymap", .share = SHARE_PROCESSES },
	{ .name = "error", .share = SHARE_PROCESSES },
	{ .name = "discard", .share = SHARE_PROCESSES },
	{ .name = "showq", .share = SHARE_PROCESSES },
	{ .name = "flush", .share = SHARE_EXCLUSIVE },
	{ .name = "qmgr", .share = SHARE_EXCLUSIVE },
	{ .name = "oqmgr", .share = SHARE_EXCLUSIVE, .runs = "qmgr" },
	{ .name = "nqmgr", .share = SHARE_EXCLUSIVE, .runs = "qmgr" },
	{ .name = "pickup", .share = SHARE_EXCLUSIVE },
	{ .name = "anvil", .share = SHARE_SINGLE },
	{ .name = "verify", .share = SHARE_EXCLUSIVE },
	{ .name = "tlsmgr", .share = SHARE_EXCLUSIVE },
	{ .name = "postscreen", .share = SHARE_EXCLUSIVE },
	{ .name = "postlogd", .share = SHARE_EXCLUSIVE },
	{ .name = "resolver", .share = SHARE_SINGLE },
	{ .name = "trivial-rewrite", .elsewhere = "in the processes that need it (its -o settings are used)" },
	{ .name = "scache", .elsewhere = "in smtp, which keeps its connections itself" },
	{ .name = "dnsblog", .elsewhere = "in resolver" },
	{ .name = "tlsproxy", .elsewhere = "in the processes that speak TLS" },
};

const struct program *
program_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(programs); i++) {
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	}
	return NULL;
}
