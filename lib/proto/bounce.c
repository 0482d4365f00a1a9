/* SPDX-License-Identifier: Apache-2.0 */
/* bounce - the client's side: records and reports asked of bounce, defer and trace over standing connections */
#include "proto/bounce.h"

#include <string.h>

#include "base/bug.h"
#include "base/mem.h"
#include "config/conf.h"

enum { N_LOGS = 3, REPLY_MS = 3600 * 1000 /* ipc_timeout */ };

struct bounce {
	char *path[N_LOGS];
	struct ipc_mux *mux[N_LOGS];
};

static const struct {
	enum queue_name log;
	const char *param, *dflt;
} services[N_LOGS] = {
	{ QUEUE_BOUNCE, "bounce_service_name", "bounce" },
	{ QUEUE_DEFER, "defer_service_name", "defer" },
	{ QUEUE_TRACE, "trace_service_name", "trace" },
};

struct bounce *
bounce_new(struct conf *conf)
{
	struct bounce *b = NEW(struct bounce);

	for (size_t i = 0; i < N_LOGS; i++) {
		const char *name = conf_get(conf, services[i].param);

		b->path[i] = mem_printf("private/%s", name != NULL && *name != '\0' ? name : services[i].dflt);
		b->mux[i] = ipc_mux_new(ipc_connect_path, b->path[i]);
	}
	return b;
}

void
bounce_free(struct bounce **bp)
{
	if (*bp == NULL)
		return;
	for (size_t i = 0; i < N_LOGS; i++) {
		ipc_mux_free(&(*bp)->mux[i]);
		mem_free(&(*bp)->path[i]);
	}
	mem_free(bp);
}

static int
service_of(enum queue_name log)
{
	for (int i = 0; i < N_LOGS; i++)
		if (services[i].log == log)
			return i;
	bug("no service keeps records of kind %d", (int)log);
}

static int
call(struct bounce *b, int service, struct msg *m, struct err *err)
{
	int64_t status;

	if (ipc_mux_call(b->mux[service], m, m, REPLY_MS, err) < 0)
		return err_prefix(err, "%s: ", b->path[service]);
	if (m->type != BOUNCE_REPLY || msg_get_num(m, "status", 0, 1, &status, err) < 0)
		return err_set(err, ERR_PROTO, "4.3.0", "%s: unexpected answer", b->path[service]);
	if (status != 0)
		return err_set(err, ERR_TEMP, "4.3.0", "%s: %s service failure", b->path[service], services[service].dflt);
	return 0;
}

/* What is empty or not known is left out. */
static void
put(struct msg *m, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		msg_str(m, name, value);
}

int
bounce_append(struct bounce *b, enum queue_name which, const char *id, const struct dlog_entry *e, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	int service = service_of(which);

	msg_begin(&m, BOUNCE_APPEND);
	msg_str(&m, "service", queue_name_str(which));
	msg_str(&m, "id", id);
	msg_str(&m, "rcpt", e->rcpt);
	put(&m, "orig", e->orig_rcpt);
	put(&m, "orcpt", e->dsn_orcpt);
	if (e->offset > 0)
		msg_num(&m, "offset", e->offset);
	if (e->dsn_notify != 0)
		msg_num(&m, "notify", e->dsn_notify);
	put(&m, "status_code", e->status);
	put(&m, "action", e->action);
	put(&m, "diag_type", e->diag_type);
	put(&m, "diag_text", e->diag_text);
	put(&m, "mta_type", e->mta_type);
	put(&m, "mta_name", e->mta_name);
	put(&m, "reason", e->reason);
	return call(b, service, &m, err);
}

int
bounce_report(struct bounce *b, unsigned request, const struct bounce_msg *r, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	enum queue_name log = request == BOUNCE_FLUSH ? QUEUE_BOUNCE : request == BOUNCE_TRACE ? QUEUE_TRACE : QUEUE_DEFER;

	ASSERT(request >= BOUNCE_FLUSH && request <= BOUNCE_TRACE);
	msg_begin(&m, request);
	msg_str(&m, "service", queue_name_str(log));
	msg_str(&m, "queue", r->queue);
	msg_str(&m, "id", r->id);
	put(&m, "encoding", r->encoding);
	msg_str(&m, "sender", r->sender != NULL ? r->sender : "");
	put(&m, "envid", r->dsn_envid);
	msg_num(&m, "ret", r->dsn_ret);
	msg_num(&m, "smtputf8", r->smtputf8);
	return call(b, service_of(log), &m, err);
}
