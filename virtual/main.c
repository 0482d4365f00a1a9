/* SPDX-License-Identifier: Apache-2.0 */
/* virtual - the delivery agent for mailboxes that tables name; virtual.h tells as whom it works */
#include "daemon/daemon.h"
#include "virtual.h"

static struct deliver_agent agent;

static void
deliver(struct deliver_ctx *c)
{
	for (size_t i = 0; i < c->req->n_rcpts; i++)
		deliver_recipient(c, &c->req->rcpts[i]);
}

static int
pre_jail(struct err *err)
{
	agent.fn = deliver;
	if (deliver_agent_init(&agent, daemon_conf(), err) < 0)
		return -1;
	return conf_open(err);
}

static void
serve(struct daemon_session *s)
{
	deliver_serve(&agent, s);
}

static const struct daemon virtual = {
	.name = "virtual", .sessions = DAEMON_ONE, .user = DAEMON_USER_ROOT, .sandbox = "none", .qmgr_only = true, .binds = virtual_binds,
	.n_binds = N_VIRTUAL_BINDS, .conf = &conf, .pre_jail = pre_jail, .serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&virtual, argc, argv);
}
