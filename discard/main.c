/* SPDX-License-Identifier: Apache-2.0 */
/* discard - the delivery agent that says it delivered and throws the mail away; the next hop is what it says */
#include "daemon/daemon.h"
#include "deliver/deliver_serve.h"

static struct deliver_agent agent;

static void
deliver(struct deliver_ctx *c)
{
	const char *why = c->req->nexthop;
	struct deliver_outcome o = { .relay = "none", .dsn = "2.0.0", .reason = why[0] != '\0' ? why : "silently" };

	for (size_t i = 0; i < c->req->n_rcpts; i++)
		deliver_sent(c, &c->req->rcpts[i], &o);
}

static int
pre_jail(struct err *err)
{
	agent.fn = deliver;
	return deliver_agent_init(&agent, daemon_conf(), err);
}

static void
serve(struct daemon_session *s)
{
	deliver_serve(&agent, s);
}

static const struct daemon discard = {
	.name = "discard", .sessions = DAEMON_MANY, .sandbox = "queue", .qmgr_only = true, .pre_jail = pre_jail, .serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&discard, argc, argv);
}
