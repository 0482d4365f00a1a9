/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver - requests of the queue manager to delivery agents, both sides' encoding
 *
 * Recipients are runs of fields: "rcpt" begins one, "orig", "orcpt", "notify", "at" follow where they are not empty.
 */
#include "proto/deliver.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

enum { RCPT_MAX = 50000, POOL_FIRST = 2048 };

static void
put_time(struct msg *m, const char *name, const struct timeval *tv)
{
	msg_num(m, name, (int64_t)tv->tv_sec * 1000000 + tv->tv_usec);
}

static void
put_text(struct msg *m, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		msg_str(m, name, value);
}

static void
put_rcpt(struct msg *m, const struct qrcpt *r)
{
	msg_str(m, "rcpt", r->addr);
	put_text(m, "orig", r->orig);
	put_text(m, "orcpt", r->dsn_orcpt);
	if (r->dsn_notify != 0)
		msg_num(m, "notify", r->dsn_notify);
	msg_num(m, "at", r->offset);
}

void
deliver_encode(struct msg *m, const struct deliver_req *req)
{
	msg_begin(m, DELIVER_REQUEST);
	msg_str(m, "queue", req->queue);
	msg_str(m, "id", req->id);
	msg_str(m, "nexthop", req->nexthop);
	msg_str(m, "sender", req->sender);
	put_text(m, "encoding", req->encoding);
	put_text(m, "envid", req->dsn_envid);
	put_text(m, "log_ident", req->log_ident);
	put_text(m, "rewrite_context", req->rewrite_context);
	msg_num(m, "flags", req->flags);
	msg_num(m, "ret", req->dsn_ret);
	msg_num(m, "options", req->send_options);
	msg_num(m, "offset", req->content_offset);
	msg_num(m, "size", req->content_size);
	put_time(m, "arrival", &req->arrival);
	put_time(m, "active", &req->active_time);
	put_time(m, "handoff", &req->handoff_time);
	for (size_t i = 0; i < req->n_attrs; i++) {
		msg_str(m, "attr", req->attrs[i].name);
		msg_str(m, "value", req->attrs[i].value);
	}
	for (size_t i = 0; i < req->n_rcpts; i++)
		put_rcpt(m, &req->rcpts[i]);
}

/* ---- decoding */
static struct timeval
get_time(const struct msg *m, const char *name)
{
	int64_t us = msg_get_num_or(m, name, 0);

	if (us < 0)
		us = 0;
	return (struct timeval){ .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
}

static const char *
get_text(const struct msg *m, const char *name, struct pool *pool)
{
	const char *v = msg_get(m, name);

	return v != NULL ? pool_strdup(pool, v) : "";
}

static void
count_runs(const struct msg *m, size_t *rcpts, size_t *attrs)
{
	*rcpts = *attrs = 0;
	for (size_t i = 0; i < m->n_fields; i++) {
		*rcpts += strcmp(m->fields[i].name, "rcpt") == 0;
		*attrs += strcmp(m->fields[i].name, "attr") == 0;
	}
}

static int
get_rcpt_field(struct qrcpt *r, const struct msg_field *f, struct pool *pool, struct err *err)
{
	int64_t n;

	if (strcmp(f->name, "orig") == 0) {
		r->orig = pool_strdup(pool, f->value);
	} else if (strcmp(f->name, "orcpt") == 0) {
		r->dsn_orcpt = pool_strdup(pool, f->value);
	} else if (strcmp(f->name, "notify") == 0) {
		if (num_parse_i64(f->value, 0, 255, &n) < 0)
			return err_set(err, ERR_PROTO, NULL, "delivery request: bad notify");
		r->dsn_notify = (int)n;
	} else if (strcmp(f->name, "at") == 0) {
		if (num_parse_i64(f->value, -1, INT64_MAX, &n) < 0)
			return err_set(err, ERR_PROTO, NULL, "delivery request: bad recipient offset");
		r->offset = n;
	}
	return 0;
}

/* Recipients and attributes, in the order of the fields. */
static int
get_runs(const struct msg *m, struct deliver_req *req, struct err *err)
{
	size_t n_rcpts, n_attrs;
	struct qrcpt *rcpts, *r = NULL;
	struct qattr *attrs;

	count_runs(m, &n_rcpts, &n_attrs);
	if (n_rcpts == 0 || n_rcpts > RCPT_MAX)
		return err_set(err, ERR_PROTO, NULL, "delivery request with %zu recipients", n_rcpts);
	rcpts = pool_alloc_array(req->pool, n_rcpts, sizeof(*rcpts));
	attrs = pool_alloc_array(req->pool, n_attrs + 1, sizeof(*attrs));
	for (size_t i = 0; i < m->n_fields; i++) {
		const struct msg_field *f = &m->fields[i];

		if (strcmp(f->name, "rcpt") == 0) {
			r = &rcpts[req->n_rcpts++];
			*r = (struct qrcpt){ .addr = pool_strdup(req->pool, f->value), .orig = "", .dsn_orcpt = "", .offset = -1 };
		} else if (strcmp(f->name, "attr") == 0) {
			attrs[req->n_attrs++] = (struct qattr){ .name = pool_strdup(req->pool, f->value), .value = "" };
		} else if (strcmp(f->name, "value") == 0 && req->n_attrs > 0) {
			attrs[req->n_attrs - 1].value = pool_strdup(req->pool, f->value);
		} else if (r != NULL && get_rcpt_field(r, f, req->pool, err) < 0) {
			return -1;
		}
	}
	req->rcpts = rcpts;
	req->attrs = attrs;
	return 0;
}

static int
get_text_checked(const struct msg *m, const char *name, const char **out, struct pool *pool, struct err *err)
{
	if (msg_get_str(m, name, out, err) < 0)
		return -1;
	*out = pool_strdup(pool, *out);
	return 0;
}

static int
decode(const struct msg *m, struct deliver_req *req, struct err *err)
{
	int64_t flags, ret, options;

	if (m->type != DELIVER_REQUEST)
		return err_set(err, ERR_PROTO, NULL, "not a delivery request: message type %u", m->type);
	if (get_text_checked(m, "queue", &req->queue, req->pool, err) < 0 || get_text_checked(m, "id", &req->id, req->pool, err) < 0 ||
	    get_text_checked(m, "nexthop", &req->nexthop, req->pool, err) < 0 ||
	    get_text_checked(m, "sender", &req->sender, req->pool, err) < 0)
		return -1;
	if (!queue_id_is_valid(req->id) || queue_name_parse(req->queue) < 0)
		return err_set(err, ERR_PROTO, NULL, "delivery request: bad queue or id");
	if (msg_get_num(m, "flags", 0, INT32_MAX, &flags, err) < 0 || msg_get_num(m, "ret", 0, 3, &ret, err) < 0 ||
	    msg_get_num(m, "options", 0, INT32_MAX, &options, err) < 0 ||
	    msg_get_num(m, "offset", 0, INT64_MAX, &req->content_offset, err) < 0 ||
	    msg_get_num(m, "size", 0, INT64_MAX, &req->content_size, err) < 0)
		return -1;
	req->flags = (int)flags;
	req->dsn_ret = (int)ret;
	req->send_options = (int)options;
	req->encoding = get_text(m, "encoding", req->pool);
	req->dsn_envid = get_text(m, "envid", req->pool);
	req->log_ident = get_text(m, "log_ident", req->pool);
	req->rewrite_context = get_text(m, "rewrite_context", req->pool);
	req->arrival = get_time(m, "arrival");
	req->active_time = get_time(m, "active");
	req->handoff_time = get_time(m, "handoff");
	return get_runs(m, req, err);
}

int
deliver_recv(struct stream *s, struct msg *m, struct deliver_req *req, struct err *err)
{
	int r;

	*req = (struct deliver_req){ .pool = NULL };
	r = msg_recv(s, m, err);
	if (r <= 0)
		return r;
	req->pool = pool_new(POOL_FIRST);
	if (decode(m, req, err) == 0)
		return 1;
	deliver_req_done(req);
	return -1;
}

void
deliver_req_done(struct deliver_req *req)
{
	pool_free(&req->pool);
	*req = (struct deliver_req){ .pool = NULL };
}

const char *
deliver_attr(const struct deliver_req *req, const char *name)
{
	/* later ones override earlier ones */
	for (size_t i = req->n_attrs; i-- > 0;)
		if (strcmp(req->attrs[i].name, name) == 0)
			return req->attrs[i].value;
	return "";
}

int
deliver_reply(struct stream *s, const struct deliver_done *d, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;

	msg_begin(&m, DELIVER_DONE);
	msg_num(&m, "deferred", d->n_deferred);
	put_text(&m, "dsn", d->dsn);
	put_text(&m, "reason", d->reason);
	return msg_send(s, &m, err);
}

int
deliver_decode_done(const struct msg *m, struct deliver_done *d, struct err *err)
{
	const char *dsn = msg_get(m, "dsn"), *reason = msg_get(m, "reason");
	int64_t n;

	*d = (struct deliver_done){ .n_deferred = 0 };
	if (m->type != DELIVER_DONE)
		return err_set(err, ERR_PROTO, NULL, "unexpected answer of a delivery agent: message type %u", m->type);
	if (msg_get_num(m, "deferred", 0, INT32_MAX, &n, err) < 0)
		return -1;
	d->n_deferred = (int)n;
	snprintf(d->dsn, sizeof(d->dsn), "%s", dsn != NULL ? dsn : "");
	snprintf(d->reason, sizeof(d->reason), "%s", reason != NULL ? reason : "");
	return 0;
}
