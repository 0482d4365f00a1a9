/* SPDX-License-Identifier: Apache-2.0 */
/* qmgr - the queue manager: what is tried when, for whom, how often */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/qmgr.h"
#include "qmgr/qmgr.h"

struct qmgr qm;

static int
open_all(struct err *err)
{
	qm.main_cf = daemon_conf();
	qm.queue = queue_open(qm.main_cf, err);
	if (qm.queue == NULL)
		return -1;
	qm.bounce = bounce_new(qm.main_cf);
	conf_apply();
	return plan_open(err);
}

static void
start(void)
{
	index_init();
	transport_init();
	scan_start();
}

/* Cleanup's standing connection: a notice for each message that is committed. */
static void
serve(struct daemon_session *s)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	struct err err = ERR_INIT;
	const char *id;
	char hello;

	if (stream_read_exact(s->stream, &hello, 1, &err) != 1 || hello != QMGR_HELLO)
		return;
	while (msg_recv(s->stream, &m, &err) == 1) {
		if (m.type != QMGR_NEW || msg_get_str(&m, "id", &id, &err) < 0) {
			log_warning("unexpected request: message type %u", m.type);
			return;
		}
		scan_new(id);
	}
}

/* W and I: incoming; D: deferred; A: whatever the time stamps say; F: forget what is dead. */
static void
trigger(const char *bytes, size_t n)
{
	bool all = memchr(bytes, 'A', n) != NULL;

	if (memchr(bytes, 'F', n) != NULL)
		transport_revive_all();
	scan_ask(memchr(bytes, 'W', n) != NULL || memchr(bytes, 'I', n) != NULL || memchr(bytes, 'D', n) != NULL,
	    memchr(bytes, 'D', n) != NULL, all);
}

static void
wakeup(void)
{
	scan_ask(true, false, false);
}

static void
before_exit(void)
{
	scan_stop();
}

static const struct daemon qmgr = {
	.name = "qmgr", .sessions = DAEMON_LOOP, .user = DAEMON_USER_OWNER, .sandbox = "queue-write",
	.binds = qmgr_binds, .n_binds = QMGR_N_BINDS, .conf = &qm.conf,
	.pre_jail = open_all, .start = start, .serve = serve, .takes_triggers = true, .trigger = trigger, .wakeup = wakeup,
	.reload = conf_reload, .before_exit = before_exit,
};

int
main(int argc, char **argv)
{
	return daemon_main(&qmgr, argc, argv);
}
