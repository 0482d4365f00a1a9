/* SPDX-License-Identifier: Apache-2.0 */
/* Handing a recipient over to another delivery agent: mailbox_transport, fallback_transport and their maps. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "local.h"
#include "route/resolve.h"

int
pass_lookup(struct delivery *d, const struct target *t, struct table_list *maps, const struct name_parts *n, const char *dflt,
    struct strbuf *spec)
{
	struct err err = ERR_INIT;
	int r = table_list_is_empty(maps) ? 0 : table_list_lookup(maps, n->user, spec, &err);

	if (r < 0) {
		log_warning("%s: %s", d->ctx->req->id, err.text);
		delivery_outcome(d, t->addr, "4.3.0", "table lookup failure");
		return -1;
	}
	if (r == 0)
		strbuf_adds(spec, dflt);
	return spec->len > 0;
}

static int
talk(struct delivery *d, const struct target *t, const char *service, const char *nexthop, struct deliver_done *done, struct err *err)
{
	AUTO(mem_free) char *path = mem_printf("private/%s", service);
	AUTO(msg_done) struct msg m = MSG_INIT;
	AUTO(stream_free) struct stream *s = NULL;
	struct deliver_req req = *d->ctx->req;
	struct qrcpt rcpt = *d->rcpt;
	int fd = daemon_connect(path, err), r;

	if (fd < 0)
		return -1;
	s = stream_new(fd, 16384, 16384);
	rcpt.addr = t->addr;
	if (strcmp(rcpt.addr, d->rcpt->addr) != 0 && (rcpt.orig == NULL || *rcpt.orig == '\0'))
		rcpt.orig = d->rcpt->addr;
	/* the mark says that nothing of the recipient is left to do; of one destination among others, only we know that */
	if (t->exp != EXP_NONE)
		rcpt.offset = 0;
	req.nexthop = nexthop;
	req.rcpts = &rcpt;
	req.n_rcpts = 1;
	deliver_encode(&m, &req);
	if (msg_send(s, &m, err) < 0)
		return -1;
	r = msg_recv(s, &m, err);
	if (r == 0)
		return err_set(err, ERR_EOF, NULL, "connection closed");
	return r < 0 ? -1 : deliver_decode_done(&m, done, err);
}

int
pass_to(struct delivery *d, const struct target *t, const struct name_parts *n, const char *spec)
{
	const char *transport, *nexthop;
	struct deliver_done done = { .n_deferred = 0 };
	struct err err = ERR_INIT;

	route_split(d->pool, spec, n->domain, &transport, &nexthop);
	if (transport == NULL || *transport == '\0' || strchr(transport, '/') != NULL) {
		delivery_outcome(d, t->addr, "4.3.5", "mail transport \"%s\" is not understood", spec);
		return 1;
	}
	if (talk(d, t, transport, nexthop, &done, &err) < 0) {
		log_warning("%s: connect to transport private/%s: %s", d->ctx->req->id, transport, err.text);
		delivery_outcome(d, t->addr, "4.3.0", "mail transport unavailable");
		return 1;
	}
	d->passed = true;
	if (t->exp == EXP_NONE) {
		d->passed_deferred |= done.n_deferred > 0;
	} else {
		d->passed_unmarked = true;
		/* its own record has no offset: one that has makes the mail expire in time */
		if (done.n_deferred > 0)
			delivery_outcome(d, t->addr, "4.3.0", "delivery by way of transport %s was deferred", transport);
	}
	return 1;
}
