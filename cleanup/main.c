/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup - takes messages from smtpd, pickup, bounce and local, makes them complete, and puts them into the queue
 *
 * A session is a standing connection of one client; it carries message after message (lib/proto/cleanup.h).
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"
#include "daemon/daemon.h"

enum {
	RECORD_MAX = 1 << 20,		/* one record; a client that sends a longer one is cut off */
	CLIENT_MS = 3600 * 1000,	/* a client that says nothing within a message */
};

static struct env env;

/* One whole record that does not fit into the stream's buffer: its head is there. */
static int
long_record(struct message *m, struct stream *s, const char *head, size_t have, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(RECORD_MAX);
	size_t len = 0, n = 1;
	int shift = 0, type = (unsigned char)head[0], more;

	do {
		if (n >= have || shift > 21)
			return err_set(err, ERR_PROTO, "4.3.0", "bad record length");
		len |= (size_t)((unsigned char)head[n] & 0x7f) << shift;
		shift += 7;
		more = (unsigned char)head[n++] & 0x80;
	} while (more);
	if (len > RECORD_MAX)
		return err_set(err, ERR_PROTO, "4.3.0", "record of %zu bytes", len);
	stream_consume(s, n);
	if (strbuf_room(&b, len) == NULL || stream_read_exact(s, b.s, len, err) != 1)
		return -1;
	strbuf_grown(&b, len);
	return message_record(m, type, b.s, b.len) ? 1 : 0;
}

/* Take what is in the buffer: 1 go on, 0 the message is complete, -1. */
static int
take_buffer(struct message *m, struct stream *s, struct err *err)
{
	for (;;) {
		size_t n, used, len;
		const char *p = stream_peek(s, &n), *data;
		int type, r;

		if ((used = message_bulk(m, p, n)) > 0) {
			stream_consume(s, used);
			continue;
		}
		if ((r = rec_parse(p, n, &type, &data, &len, &used)) < 0)
			return err_set(err, ERR_PROTO, "4.3.0", "not a record");
		if (r == 0)
			return 1;
		r = message_record(m, type, data, len);
		stream_consume(s, used);
		if (r == 0)
			return 0;
	}
}

static int
receive(struct message *m, struct stream *s, struct err *err)
{
	size_t before, n;
	int r;

	while ((r = take_buffer(m, s, err)) == 1) {
		const char *p = stream_peek(s, &before);

		if (before >= 8192)	/* a record longer than half the buffer */
			r = long_record(m, s, p, before, err);
		else if ((r = stream_fill(s, err)) == 0)
			return err_set(err, ERR_EOF, "4.3.0", "client went away");
		if (r < 0)
			return -1;
		if (r == 0)
			return 0;
		(void)stream_peek(s, &n);
	}
	return r;
}

static int
answer(struct message *m, struct stream *s, struct msg *reply, struct err *err)
{
	msg_begin(reply, CLEANUP_DONE);
	msg_num(reply, "status", m->status);
	msg_str(reply, "reason", m->status != 0 ? m->reason : "");
	msg_num(reply, "size", (int64_t)(m->end_offset - m->data_offset));
	return msg_send(s, reply, err);
}

static int
one_message(struct stream *s, struct msg *request, struct err *err)
{
	int64_t flags = msg_get_num_or(request, "flags", 0);
	struct message m;
	struct qfile *qf;
	int r = -1;

	if (request->type != CLEANUP_OPEN)
		return err_set(err, ERR_PROTO, "4.3.0", "unexpected request");
	if ((qf = qfile_create(env.queue, QUEUE_INCOMING, err)) == NULL) {
		log_warning("create queue file: %s", err->text);
		return -1;
	}
	message_init(&m, &env, qf, (int)flags);
	msg_begin(request, CLEANUP_OPENED);
	msg_str(request, "queue_id", message_id_of(&m));
	if (msg_send(s, request, err) == 0 && receive(&m, s, err) == 0) {
		message_finish(&m);
		r = answer(&m, s, request, err);
		if (m.is_committed)
			qmgr_notify_new(env.qmgr, message_id_of(&m));
	} else if (m.phase != PHASE_ENVELOPE || m.seen_time) {
		log_info("%s: removed (canceled)", message_id_of(&m));
	}
	message_done(&m);
	return r;
}

static void
serve(struct daemon_session *session)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	struct err err = ERR_INIT;

	stream_set_timeout(session->stream, CLIENT_MS);
	while (daemon_session_next(session) && msg_recv(session->stream, &m, &err) == 1) {
		if (one_message(session->stream, &m, &err) < 0)
			break;
	}
	if (err.class == ERR_PROTO)
		log_warning("client of cleanup: %s", err.text);
}

static void
warn(void *arg UNUSED, const char *text)
{
	log_warning("%s", text);
}

static int
pre_jail(struct err *err)
{
	struct conf *conf = daemon_conf();
	struct route *route = route_new(conf_dir(conf), err);
	struct queue *queue = route != NULL ? queue_open(conf, err) : NULL;

	if (queue == NULL || env_open(&env, conf, route, queue, err) < 0)
		return -1;
	env_each_table(&env, daemon_watch_table);
	route_warn(route, warn, NULL);
	return 0;
}

static void
start(void)
{
	env.qmgr = qmgr_client_new(daemon_conf());
	env.bounce = bounce_new(daemon_conf());
}

int
main(int argc, char **argv)
{
	const struct daemon cleanup = {
		.name = "cleanup", .sessions = DAEMON_MANY, .sandbox = "queue-write",
		.binds = cleanup_binds, .n_binds = cleanup_n_binds, .conf = &env,
		.pre_jail = pre_jail, .start = start, .serve = serve,
	};

	return daemon_main(&cleanup, argc, argv);
}
