/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mux - many requests at once over one connection, both sides
 *
 * There is no task that only reads or writes.  Whoever sends first writes also what others have added meanwhile; one of those
 * who wait for an answer reads, hands the others theirs, and passes the reading on when it has its own.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ipc/client.h"
#include "ipc/msg_priv.h"
#include "task/task.h"

enum { IN_SIZE = 16384, OUT_SIZE = 4096, QUEUE_MAX = 16 << 20 };

/* ---- one connection, used by several tasks: goes away with the last of them */
struct conn {
	struct stream *stream;
	struct strbuf out;
	struct msg in;			/* what has come of the next frame (client) */
	bool is_writing, is_reading, is_dead;
	unsigned refs;
};

static struct conn *
conn_new(struct stream *s)
{
	struct conn *c = NEW(struct conn);

	c->stream = s;
	strbuf_init(&c->out, QUEUE_MAX);
	msg_init(&c->in);
	c->refs = 1;
	return c;
}

static void
conn_unref(struct conn *c, bool keep_stream)
{
	if (--c->refs > 0)
		return;
	if (!keep_stream)
		stream_free(&c->stream);
	strbuf_done(&c->out);
	msg_done(&c->in);
	mem_free(&c);
}

/* Whoever reads or writes on it wakes up with an error. */
static void
conn_kill(struct conn *c)
{
	if (!c->is_dead)
		shutdown(stream_fd(c->stream), SHUT_RDWR);
	c->is_dead = true;
}

/* Add a finished frame; one of the adders writes for all.  Others that are ready may add theirs first. */
static int
conn_send(struct conn *c, struct msg *m, struct err *err)
{
	int r = 0;

	if (c->is_dead)
		return err_set(err, ERR_EOF, NULL, "connection closed");
	if (strbuf_add(&c->out, m->buf.s, m->buf.len) < 0)
		return err_set(err, ERR_TEMP, NULL, "too many requests wait to be sent");
	if (c->is_writing)
		return 0;
	c->is_writing = true;
	c->refs++;
	task_yield();
	while (r == 0 && !c->is_dead && c->out.len > 0) {
		struct strbuf out = c->out;

		strbuf_init(&c->out, QUEUE_MAX);
		r = stream_write(c->stream, out.s, out.len, err);
		if (r == 0)
			r = stream_flush(c->stream, err);
		if (c->out.cap == 0 && out.cap <= OUT_SIZE * 4) {	/* keep the memory for the next time */
			strbuf_reset(&out);
			c->out = out;
		} else {
			strbuf_done(&out);
		}
	}
	c->is_writing = false;
	if (r < 0)
		conn_kill(c);
	conn_unref(c, false);
	return r;
}

/* ---- client */
struct pending {
	struct list link;
	int64_t rq;
	struct msg *reply;
	struct conn *conn;
	struct task_cond cond;
	enum { PEND_WAIT, PEND_DONE, PEND_LOST } state;
};
struct ipc_mux {
	ipc_connect_fn *connect;
	void *arg;
	struct conn *conn;
	bool is_connecting;
	struct task_cond connected;
	struct list pending;
	int64_t next_rq;
};

struct ipc_mux *
ipc_mux_new(ipc_connect_fn *connect, void *arg)
{
	struct ipc_mux *m = NEW(struct ipc_mux);

	m->connect = connect;
	m->arg = arg;
	task_cond_init(&m->connected);
	list_init(&m->pending);
	return m;
}

/* The connection failed: those who wait on it try again or give up, each for itself. */
static void
mux_lose(struct ipc_mux *m, struct conn *c)
{
	conn_kill(c);
	if (m->conn == c) {
		m->conn = NULL;
		conn_unref(c, false);
	}
	for (struct list *l = m->pending.next; l != &m->pending; l = l->next) {
		struct pending *p = LIST_ITEM(l, struct pending, link);

		if (p->conn != c || p->state != PEND_WAIT)
			continue;
		p->state = PEND_LOST;
		task_cond_signal(&p->cond);
	}
}

void
ipc_mux_free(struct ipc_mux **mp)
{
	struct ipc_mux *m = *mp;

	if (m == NULL)
		return;
	ASSERT(list_is_empty(&m->pending) && !m->is_connecting);
	if (m->conn != NULL)
		mux_lose(m, m->conn);
	mem_free(mp);
}

static int
mux_connect(struct ipc_mux *m, struct err *err)
{
	int fd;

	while (m->is_connecting)
		if (task_cond_wait(&m->connected, TASK_FOREVER, err) < 0)
			return -1;
	/* closed while nothing was asked: seen here rather than by a lost request */
	if (m->conn != NULL && list_is_empty(&m->pending) && !m->conn->is_writing && stream_readable(m->conn->stream))
		mux_lose(m, m->conn);
	if (m->conn != NULL && !m->conn->is_dead)
		return 0;
	if (m->conn != NULL)
		mux_lose(m, m->conn);
	m->is_connecting = true;
	fd = m->connect(m->arg, err);
	m->is_connecting = false;
	if (fd >= 0)
		m->conn = conn_new(stream_new(fd, IN_SIZE, OUT_SIZE));
	task_cond_broadcast(&m->connected);
	return fd >= 0 ? 0 : -1;
}

static void
deliver(struct ipc_mux *m, struct conn *c)
{
	int64_t rq = msg_get_num_or(&c->in, "rq", -1);

	for (struct list *l = m->pending.next; l != &m->pending; l = l->next) {
		struct pending *p = LIST_ITEM(l, struct pending, link);
		struct msg swap;

		if (p->rq != rq || p->state != PEND_WAIT)
			continue;
		swap = *p->reply;
		*p->reply = c->in;
		c->in = swap;
		p->state = PEND_DONE;
		task_cond_signal(&p->cond);
		break;
	}
	strbuf_reset(&c->in.buf);	/* an answer that nobody waits for any more is dropped */
}

/* Read until our own answer is there.  Errors of the connection are everybody's, an end of patience only ours. */
static int
read_for_all(struct ipc_mux *m, struct pending *self, uint64_t deadline_ms, struct err *err)
{
	struct conn *c = self->conn;
	struct err e = ERR_INIT;
	int r = 1;

	c->is_reading = true;
	c->refs++;
	stream_set_deadline(c->stream, deadline_ms);
	while (self->state == PEND_WAIT && !c->is_dead) {
		r = msg_recv_more(c->stream, &c->in, &e);
		if (r <= 0)
			break;
		deliver(m, c);
	}
	c->is_reading = false;
	if (r < 0 && (e.class == ERR_TIMEOUT || e.class == ERR_CANCEL) && !c->is_dead) {
		if (err != NULL)
			*err = e;
	} else {
		if (r <= 0 || c->is_dead)
			mux_lose(m, c);
		r = 1;
	}
	conn_unref(c, false);
	return r < 0 ? -1 : 0;
}

static void
pass_reading_on(struct ipc_mux *m, struct conn *c)
{
	if (c->is_reading)
		return;
	for (struct list *l = m->pending.next; l != &m->pending; l = l->next) {
		struct pending *p = LIST_ITEM(l, struct pending, link);

		if (p->conn == c && p->state == PEND_WAIT) {
			task_cond_signal(&p->cond);
			return;
		}
	}
}

static int
wait_answer(struct ipc_mux *m, struct pending *self, uint64_t deadline_ms, struct err *err)
{
	int r = 0;

	while (r == 0 && self->state == PEND_WAIT) {
		if (!self->conn->is_reading)
			r = read_for_all(m, self, deadline_ms, err);
		else
			r = task_cond_wait(&self->cond, deadline_ms, err);
	}
	return self->state == PEND_DONE ? 0 : r;
}

/* One try.  0 with self->state DONE or LOST, -1 for good. */
static int
try_call(struct ipc_mux *m, struct msg *request, struct pending *self, uint64_t deadline_ms, struct err *err)
{
	int r;

	self->state = PEND_WAIT;
	if (mux_connect(m, err) < 0)
		return -1;
	self->conn = m->conn;
	self->conn->refs++;
	list_append(&m->pending, &self->link);
	r = conn_send(self->conn, request, err);
	if (r < 0 && self->conn->is_dead) {
		mux_lose(m, self->conn);
		self->state = PEND_LOST;
		r = task_is_cancelled() ? -1 : 0;
	} else if (r == 0) {
		r = wait_answer(m, self, deadline_ms, err);
	}
	list_remove(&self->link);
	pass_reading_on(m, self->conn);
	conn_unref(self->conn, false);
	return r;
}

int
ipc_mux_call(struct ipc_mux *m, struct msg *request, struct msg *reply, uint64_t timeout_ms, struct err *err)
{
	uint64_t deadline_ms = timeout_ms == TASK_FOREVER ? TASK_FOREVER : clock_mono_ms() + timeout_ms;
	struct pending self = { .rq = ++m->next_rq, .reply = reply };

	task_cond_init(&self.cond);
	list_init(&self.link);
	msg_num(request, "rq", self.rq);
	if (msg_finish(request, err) < 0)
		return -1;
	for (int tries = 0; tries < 2; tries++) {
		if (try_call(m, request, &self, deadline_ms, err) < 0)
			return -1;
		if (self.state == PEND_DONE)
			return 0;
	}
	return err_set(err, ERR_EOF, "4.3.0", "service closed the connection");
}

int
ipc_mux_post(struct ipc_mux *m, struct msg *request, struct err *err)
{
	if (msg_finish(request, err) < 0)
		return -1;
	for (int tries = 0; tries < 2; tries++) {
		struct conn *c;
		int r;

		if (mux_connect(m, err) < 0)
			return -1;
		c = m->conn;
		c->refs++;
		r = conn_send(c, request, err);
		if (r < 0 && c->is_dead)
			mux_lose(m, c);
		conn_unref(c, false);
		if (r == 0 || task_is_cancelled())
			return r;
	}
	return -1;
}

/* ---- server */
struct server {
	struct conn *conn;
	ipc_handler_fn *handler;
	void *arg;
	unsigned inflight;
	struct task_cond one_done;
};
struct request {
	struct server *server;
	struct msg request, reply;
};

static void
request_run(void *arg)
{
	struct request *r = arg;
	struct server *v = r->server;
	int64_t rq = msg_get_num_or(&r->request, "rq", -1);

	msg_begin(&r->reply, 0);
	v->handler(v->arg, &r->request, &r->reply);
	if (r->reply.type != 0) {
		struct err err = ERR_INIT;

		msg_num(&r->reply, "rq", rq);
		/* what cannot be sent ends the connection: the client then knows */
		if (msg_finish(&r->reply, &err) < 0 || conn_send(v->conn, &r->reply, &err) < 0)
			conn_kill(v->conn);
	}
	msg_done(&r->request);
	msg_done(&r->reply);
	mem_free(&r);
	v->inflight--;
	task_cond_signal(&v->one_done);
}

static int
request_read(struct server *v)
{
	struct request *r = NEW(struct request);
	struct err err = ERR_INIT;

	r->server = v;
	msg_init(&r->request);
	msg_init(&r->reply);
	if (msg_recv(v->conn->stream, &r->request, &err) == 1) {
		v->inflight++;
		if (task_start_err("request", request_run, r, &err) != NULL)
			return 0;
		v->inflight--;
	}
	msg_done(&r->request);
	mem_free(&r);
	return -1;
}

void
ipc_mux_serve(struct stream *s, ipc_handler_fn *handler, void *arg, unsigned max_inflight)
{
	struct server v = { .handler = handler, .arg = arg };
	bool open = true;

	v.conn = conn_new(s);
	task_cond_init(&v.one_done);
	while (open && !v.conn->is_dead && !task_is_cancelled()) {
		if (v.inflight < max_inflight)
			open = request_read(&v) == 0;
		else
			open = task_cond_wait(&v.one_done, TASK_FOREVER, NULL) == 0;
	}
	/* handlers use what lies on this stack: cancelled or not, they are waited for */
	while (v.inflight > 0)
		if (task_cond_wait(&v.one_done, TASK_FOREVER, NULL) < 0)
			continue;
	conn_unref(v.conn, true);
}
