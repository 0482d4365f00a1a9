/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmgr - notices to the queue manager over one standing connection, and triggers
 *
 * Tasks hand their notices to whichever of them is writing; so frames never mix and a burst leaves in one write.
 */
#include "proto/qmgr.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/strvec.h"
#include "task/task.h"

enum {
	PENDING_MAX = 10000,	/* more are left to qmgr's look at the directory */
	SEND_MS = 10 * 1000,
	RETRY_MS = 1000,	/* after a failure the service is left alone for so long */
};

struct qmgr_client {
	char *path;
	struct stream *stream;
	struct strvec pending;
	uint64_t retry_at;
	bool is_busy;
};

struct qmgr_client *
qmgr_client_new(struct conf *conf)
{
	struct qmgr_client *c = NEW(struct qmgr_client);
	const char *name = conf_get(conf, "queue_service_name");

	c->path = mem_printf("public/%s", name != NULL && *name != '\0' ? name : "qmgr");
	strvec_init(&c->pending, PENDING_MAX);
	return c;
}

void
qmgr_client_free(struct qmgr_client **cp)
{
	struct qmgr_client *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	stream_free(&c->stream);
	strvec_done(&c->pending);
	mem_free(&c->path);
	mem_free(&c);
}

static int
connect_qmgr(struct qmgr_client *c)
{
	static const char hello = QMGR_HELLO;
	int fd;

	if (c->stream != NULL && !stream_readable(c->stream))
		return 0;
	stream_free(&c->stream);	/* the service says nothing: readable means that it went away */
	if (clock_mono_ms() < c->retry_at || (fd = ipc_connect_path(c->path, NULL)) < 0)
		return -1;
	c->stream = stream_new(fd, 512, 4096);
	stream_set_timeout(c->stream, SEND_MS);
	return stream_write(c->stream, &hello, 1, NULL);
}

static int
send_batch(struct qmgr_client *c, const struct strvec *ids)
{
	AUTO(msg_done) struct msg m = MSG_INIT;

	if (connect_qmgr(c) < 0)
		return -1;
	for (size_t i = 0; i < ids->n; i++) {
		msg_begin(&m, QMGR_NEW);
		msg_str(&m, "id", ids->v[i]);
		if (msg_queue(c->stream, &m, NULL) < 0)
			return -1;
	}
	return stream_flush(c->stream, NULL);
}

void
qmgr_notify_new(struct qmgr_client *c, const char *id)
{
	if (strvec_add(&c->pending, id) < 0 || c->is_busy)
		return;
	c->is_busy = true;
	if (task_self() != NULL)
		task_yield();	/* messages that were committed at the same time go in one write */
	while (c->pending.n > 0) {
		struct strvec batch = c->pending;

		strvec_init(&c->pending, PENDING_MAX);
		if (send_batch(c, &batch) < 0) {
			stream_free(&c->stream);
			if (send_batch(c, &batch) < 0) {
				stream_free(&c->stream);
				c->retry_at = clock_mono_ms() + RETRY_MS;
			}
		}
		strvec_done(&batch);
	}
	c->is_busy = false;
}

int
trigger_send(const char *queue_dir, const char *service, const char *bytes, struct err *err)
{
	AUTO(mem_free) char *path = mem_printf("%s/public/%s", queue_dir, service);
	AUTO(io_close) int fd = io_unix_connect(path, err);
	size_t n = strlen(bytes) + 1;

	if (fd < 0)
		return -1;
	if (send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
		return err_sys(err, "send to %s", path);
	return 0;
}
