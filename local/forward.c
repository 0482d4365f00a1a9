/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One new message for all addresses that the mail is forwarded to: "forwarded as ID"
 *
 * A child with the rights of the queue's owner reads the content; the broker hands the records on as they come, unread.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "child.h"
#include "proto/cleanup.h"

struct sending {
	struct delivery *d;
	struct forward *f;
	struct cleanup *c;
	int sock;
};

/* ---- the child */
struct packer {
	int sock;
	struct strbuf b;	/* the type byte, then records */
};

static void
pack_flush(struct packer *p)
{
	ssize_t n;

	if (p->b.len <= 1)
		return;
	do
		n = send(p->sock, p->b.s, p->b.len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		_exit(75);
	strbuf_cut(&p->b, 1);
}

static void
pack(struct packer *p, int type, const char *data, size_t len)
{
	enum { PART = PACKET_MAX / 4 };

	do {
		size_t n = len < PART ? len : PART;

		if (p->b.len + n + REC_HEADER_MAX > PACKET_MAX)
			pack_flush(p);
		(void)rec_add(&p->b, n == len ? type : REC_CONT, data, n);
		data += n;
		len -= n;
	} while (len > 0);
}

static int
pack_content(struct sending *s, struct packer *p, struct err *err)
{
	struct qfile *file = s->d->ctx->file;
	struct qrec rec;
	int r;

	qfile_seek(file, s->d->ctx->req->content_offset);
	while ((r = qfile_next(file, &rec, err)) == 1 && (rec.type == REC_NORM || rec.type == REC_CONT))
		pack(p, rec.type, rec.data, rec.len);
	if (r == 1 && rec.type != REC_XTRA)
		r = err_set(err, ERR_TEMP, "4.3.0", "queue file: unexpected record in the message content");
	else if (r == 0)
		r = err_set(err, ERR_TEMP, "4.3.0", "queue file: it ends within the message content");
	return r < 0 ? -1 : 0;
}

static void
forward_child(void *arg)
{
	struct sending *s = arg;
	struct packer p = { .sock = s->sock, .b = STRBUF_INIT(PACKET_MAX) };
	struct err err = ERR_INIT;
	int r = copy_was_delivered_to(s->d->ctx->file, s->d->ctx->req->content_offset, s->d->rcpt->addr, &err);

	if (r > 0) {
		child_say(s->sock, CHILD_LOOP, NULL, NULL);
		return;
	}
	(void)strbuf_addc(&p.b, CHILD_DATA);
	if (r == 0)
		r = pack_content(s, &p, &err);
	if (r < 0)
		child_outcome(s->sock, "4.3.0", "%s", err.text);
	pack_flush(&p);
	strbuf_done(&p.b);
}

/* ---- the broker */
static void
take_data(void *arg, const char *data, size_t n)
{
	struct sending *s = arg;

	cleanup_put_raw(s->c, data, n);
}

static void
put_attr(struct cleanup *c, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		cleanup_putf(c, REC_ATTR, "%s=%s", name, value);
}

static void
put_envelope(struct sending *s)
{
	static const char *const kept[] = { "log_client_name", "log_client_address", "log_client_port", "log_protocol_name",
		"log_helo_name", "sasl_method", "sasl_username", "sasl_sender" };
	const struct deliver_req *req = s->d->ctx->req;

	cleanup_putf(s->c, REC_TIME, "%lld %ld", (long long)req->arrival.tv_sec, (long)req->arrival.tv_usec);
	cleanup_put(s->c, REC_FROM, s->f->sender, strlen(s->f->sender));
	if (!s->f->is_owner) {
		if (req->dsn_ret != 0)
			cleanup_putf(s->c, REC_ATTR, "ret_flags=%d", req->dsn_ret);
		put_attr(s->c, "envelope_id", req->dsn_envid);
	}
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		put_attr(s->c, kept[i], deliver_attr(req, kept[i]));
	put_attr(s->c, "log_ident", req->log_ident != NULL && *req->log_ident != '\0' ? req->log_ident : req->id);
	put_attr(s->c, "rewrite_context", req->rewrite_context);
}

static void
put_recipients(struct sending *s)
{
	const struct qrcpt *r = s->d->rcpt;
	const char *orig = r->orig != NULL && *r->orig != '\0' ? r->orig : r->addr;

	for (size_t i = 0; i < s->f->addrs.n; i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(3 * ADDR_MAX);
		const char *addr = s->f->addrs.v[i];

		/* an owner's list begins anew; otherwise what the sender asked for goes on (RFC 3461 section 5.2.7) */
		addr_quote(&b, addr);
		if (s->f->is_owner) {
			cleanup_putf(s->c, REC_ATTR, "dsn_orig_rcpt=rfc822;%s", b.s);
		} else {
			if (r->dsn_notify != 0)
				cleanup_putf(s->c, REC_ATTR, "notify_flags=%d", r->dsn_notify);
			put_attr(s->c, "dsn_orig_rcpt", r->dsn_orcpt);
		}
		if (conf.original_recipient) {
			const char *o = s->f->is_owner ? addr : orig;

			cleanup_put(s->c, REC_ORCPT, o, strlen(o));
		}
		cleanup_put(s->c, REC_RCPT, addr, strlen(addr));
	}
}

/* RFC 5321 section 4.4. */
static void
put_head(struct sending *s)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(3 * ADDR_MAX);
	char date[CLOCK_RFC5322_SIZE];

	cleanup_put(s->c, REC_MESG, "", 0);
	cleanup_putf(s->c, REC_NORM, "Received: by %s (%s)", conf.myhostname, conf.mail_name);
	cleanup_putf(s->c, REC_NORM, "\tid %s; %s", cleanup_id(s->c), clock_rfc5322(clock_wall_s(), date));
	if ((conf.prepend_to & PREPEND_FORWARD) == 0)
		return;
	addr_quote(&b, s->d->rcpt->addr);
	cleanup_putf(s->c, REC_NORM, "Delivered-To: %s", b.s);
}

static void
finish(struct sending *s)
{
	AUTO(mem_free) char *id = mem_strdup(cleanup_id(s->c));
	struct cleanup_result r = { .status = 0 };
	struct err err = ERR_INIT;

	cleanup_put(s->c, REC_XTRA, "", 0);
	cleanup_put(s->c, REC_END, "", 0);
	if (cleanup_end(s->c, &r, &err) < 0)
		delivery_outcome(s->d, s->d->rcpt->addr, "4.3.0", "unable to forward mail: %s", err.text);
	else if (r.status != 0)
		delivery_outcome(s->d, s->d->rcpt->addr, "4.3.0", "unable to forward mail: %s", cleanup_status_text(r.status)->text);
	else
		delivery_outcome(s->d, s->d->rcpt->addr, "2.0.0", "forwarded as %s", id);
}

void
forward_send(struct delivery *d, struct forward *f)
{
	static const struct child_handlers handlers = { .data = take_data };
	struct target t = { .addr = d->rcpt->addr };
	struct sending s = { .d = d, .f = f };
	struct err err = ERR_INIT;
	struct list *last = d->outcomes.prev;

	s.c = cleanup_begin(conf.cleanup, CLEANUP_BOUNCE_ON_ERROR, &err);
	if (s.c == NULL) {
		log_warning("%s: cleanup service: %s", d->ctx->req->id, err.text);
		delivery_outcome(d, d->rcpt->addr, "4.3.0", "unable to forward mail: cleanup service is not there");
		return;
	}
	put_envelope(&s);
	put_recipients(&s);
	put_head(&s);
	/* an outcome of the child is a failure: then there is no new message */
	if (child_run(d, &t, &conf.owner_rights, forward_child, &s, &s.sock, &handlers, &s) == 0 && d->outcomes.prev == last && !d->looped)
		finish(&s);
	cleanup_free(&s.c);
}
