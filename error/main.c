/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - the delivery agent that delivers nothing: the next hop is the reason
 *
 * As service "retry" it leaves the recipients in the queue, under any other name it gives them up.  A reason may begin with its own
 * enhanced status code, whose class is then made to fit.
 */
#include <string.h>

#include "daemon/daemon.h"
#include "deliver/deliver_serve.h"

static struct deliver_agent agent;
static bool is_retry;

static void
deliver(struct deliver_ctx *c)
{
	char dsn[12];
	struct deliver_outcome o = { .relay = "none", .dsn = dsn };

	o.reason = deliver_split_dsn(c->req->nexthop, is_retry ? "4.0.0" : "5.0.0", dsn);
	dsn[0] = is_retry ? '4' : '5';
	if (o.reason[0] == '\0')
		o.reason = is_retry ? "delivery postponed" : "delivery refused";
	for (size_t i = 0; i < c->req->n_rcpts; i++)
		deliver_by_dsn(c, &c->req->rcpts[i], &o);
}

static int
pre_jail(struct err *err)
{
	is_retry = strcmp(daemon_service(), "retry") == 0;
	agent.fn = deliver;
	return deliver_agent_init(&agent, daemon_conf(), err);
}

static void
serve(struct daemon_session *s)
{
	deliver_serve(&agent, s);
}

static const struct daemon error_agent = {
	.name = "error", .sessions = DAEMON_MANY, .sandbox = "queue", .qmgr_only = true, .pre_jail = pre_jail, .serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&error_agent, argc, argv);
}
