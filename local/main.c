/* SPDX-License-Identifier: Apache-2.0 */
/* local - the delivery agent for users of this machine; local.h tells who does what */
#include "base/log.h"
#include "daemon/daemon.h"
#include "local.h"
#include "worker.h"

static struct deliver_agent agent;

static void
deliver(struct deliver_ctx *c)
{
	for (size_t i = 0; i < c->req->n_rcpts; i++) {
		if (deliver_is_probe(c->req))
			delivery_probe(c, &c->req->rcpts[i]);
		else
			delivery_run(c, &c->req->rcpts[i]);
	}
}

static int
pre_jail(struct err *err)
{
	agent.fn = deliver;
	if (deliver_agent_init(&agent, daemon_conf(), err) < 0)
		return -1;
	if (conf_prepare(err) < 0)
		return -1;
	worker_start(agent.queue);
	return conf_open(err);
}

static void
serve(struct daemon_session *s)
{
	deliver_serve(&agent, s);
}

static const struct daemon local = {
	.name = "local", .sessions = DAEMON_MANY, .user = DAEMON_USER_ROOT, .sandbox = "none", .qmgr_only = true, .binds = local_binds,
	.n_binds = N_LOCAL_BINDS, .conf = &conf, .pre_jail = pre_jail, .start = worker_check_root, .serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&local, argc, argv);
}
