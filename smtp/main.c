/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp - the daemon: see smtp.h
 */
#include "smtp.h"

#include "base/log.h"
#include "daemon/daemon.h"

static struct client client;

static int
pre_jail(struct err *err)
{
	return client_init(&client, daemon_conf(), err);
}

static void
start(void)
{
	client_start(&client);
}

/* One connection of qmgr: request, answer, and the next. */
static void
serve(struct daemon_session *s)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	int rc = 1;

	while (rc == 1) {
		struct deliver_req req = { .pool = NULL };
		struct deliver_done done = { .n_deferred = 0 };
		struct err err = ERR_INIT;

		if ((rc = deliver_recv(s->stream, &m, &req, &err)) == 1) {
			task_set_name("%s %s", daemon_service(), req.id);
			deliver_request(&client, &req, &done);
			if (deliver_reply(s->stream, &done, &err) < 0)
				rc = -1;
		}
		if (rc < 0 && err.class != ERR_EOF && err.class != ERR_CANCEL)
			log_warning("delivery request: %s", err.text);
		deliver_req_done(&req);
	}
}

static const struct daemon program = {
	.name = "smtp",
	.sessions = DAEMON_MANY,
	.user = DAEMON_USER_OWNER,
	.sandbox = "net",
	.binds = smtp_binds,
	.conf = &client.conf,
	.qmgr_only = true,
	.pre_jail = pre_jail,
	.start = start,
	.serve = serve,
};

int
main(int argc, char **argv)
{
	struct daemon d = program;

	d.n_binds = smtp_n_binds;
	return daemon_main(&d, argc, argv);
}
