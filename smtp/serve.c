/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve - the daemon behind smtp and lmtp: see smtp.h
 */
#include "smtp.h"

#include <string.h>

#include "daemon/daemon.h"

static struct client client;

static void
deliver(struct deliver_ctx *ctx)
{
	task_set_name("%s %s", daemon_service(), ctx->req->id);
	deliver_request(&client, ctx);
}

static int
pre_jail(struct err *err)
{
	client.agent.fn = deliver;
	return client_init(&client, daemon_conf(), err);
}

static void
start(void)
{
	client_start(&client);
}

static void
serve(struct daemon_session *s)
{
	deliver_serve(&client.agent, s);
}

static void
before_exit(void)
{
	cache_close_all(&client);
}

int
client_main(const char *name, const struct conf_bind *binds, size_t n_binds, int argc, char **argv)
{
	struct daemon d = {
		.name = name,
		.sessions = DAEMON_MANY,
		.user = DAEMON_USER_OWNER,
		.sandbox = "net",
		.binds = binds,
		.n_binds = n_binds,
		.conf = &client.conf,
		.qmgr_only = true,
		.pre_jail = pre_jail,
		.start = start,
		.serve = serve,
		.before_exit = before_exit,
	};

	client.is_lmtp = strcmp(name, "lmtp") == 0;
	return daemon_main(&d, argc, argv);
}
