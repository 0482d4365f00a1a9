/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xforward - XFORWARD: the server behind us (a content filter, a store) logs the client that we had the message from
 *
 * Two commands, so that neither gets too long; only attributes that the server named in its EHLO reply, and that we know.  A refusal is
 * worth a warning, no more.
 */
#include "smtp.h"

#include <string.h>

#include "address/xtext.h"
#include "base/ascii.h"
#include "base/log.h"

enum { COMMAND_MAX = 8000 };

static const char *const names[XFORWARD_N] = { [XFORWARD_NAME] = "NAME", [XFORWARD_ADDR] = "ADDR", [XFORWARD_PORT] = "PORT",
	[XFORWARD_PROTO] = "PROTO", [XFORWARD_HELO] = "HELO", [XFORWARD_IDENT] = "IDENT", [XFORWARD_SOURCE] = "SOURCE" };

void
xforward_offered(struct session *s, const char *word)
{
	for (unsigned i = 0; i < XFORWARD_N; i++)
		if (ascii_casecmp(word, names[i]) == 0)
			s->xforward |= 1U << i;
}

static const char *
value_of(const struct deliver_req *req, unsigned i)
{
	switch (i) {
	case XFORWARD_NAME:
		return deliver_attr(req, "log_client_name");
	case XFORWARD_ADDR:
		return deliver_attr(req, "log_client_address");
	case XFORWARD_PORT:
		return deliver_attr(req, "log_client_port");
	case XFORWARD_PROTO:
		return deliver_attr(req, "log_protocol_name");
	case XFORWARD_HELO:
		return deliver_attr(req, "log_helo_name");
	case XFORWARD_IDENT:
		return req->log_ident != NULL ? req->log_ident : "";
	default:
		return req->rewrite_context != NULL && strcmp(req->rewrite_context, "remote") == 0 ? "REMOTE" : "LOCAL";
	}
}

/* One command with what is known of [from, end). 0, or -1: the conversation broke, *o says how. */
static int
send_some(struct delivery *d, struct session *s, unsigned from, unsigned end, const char *what, const struct outcome **o)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(COMMAND_MAX), flat = STRBUF_INIT(COMMAND_MAX);
	struct err err = ERR_INIT;

	for (unsigned i = from; i < end; i++) {
		const char *value = value_of(d->req, i);

		if (!(s->xforward & 1U << i) || *value == '\0' || strlen(value) > 255)
			continue;
		strbuf_addf(&b, " %s=", names[i]);
		xtext_encode(&b, value, NULL);
	}
	if (b.len == 0)
		return 0;
	if (session_command(s, &err, "XFORWARD%s", b.s) < 0 || session_reply(s, d->c->conf.xforward_ms, &err) < 0) {
		*o = outcome_broken(d, s, &err, pool_printf(d->pool, "sending XFORWARD %s", what));
		return -1;
	}
	if (s->reply.code / 100 != 2) {
		smtp_reply_flat(&s->reply, 500, &flat);
		log_warning("host %s said: %s (in reply to XFORWARD %s command)", s->relay, flat.s, what);
	}
	if (s->said_421) {
		*o = outcome_reply(d, s, pool_printf(d->pool, "XFORWARD %s command", what), true);
		s->is_broken = true;
		return -1;
	}
	return 0;
}

int
xforward_send(struct delivery *d, struct session *s, const struct outcome **o)
{
	if (!d->c->conf.send_xforward || !(s->ext & EXT_XFORWARD))
		return 0;
	if (send_some(d, s, XFORWARD_NAME, XFORWARD_PROTO, "name/address", o) < 0)
		return -1;
	return send_some(d, s, XFORWARD_PROTO, XFORWARD_N, "helo/protocol", o);
}
