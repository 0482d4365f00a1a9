/* SPDX-License-Identifier: Apache-2.0 */
/* message - what the session knows of a message, written as queue records to cleanup (or to postdrop when run by a user). */
#include "smtpd/smtpd.h"

#include <stdarg.h>
#include <string.h>

#include "address/addr.h"
#include "base/clock.h"
#include "base/log.h"

enum { RECORD_TEXT_MAX = 6000 };

void
message_put(struct session *s, int type, const char *data, size_t n)
{
	if (s->drop != NULL)
		drop_put(s->drop, type, data, n);
	else if (s->cleanup != NULL)
		cleanup_put(s->cleanup, type, data, n);
}

static void PRINTF(3, 4)
putf(struct session *s, int type, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(RECORD_TEXT_MAX);
	va_list ap;

	va_start(ap, fmt);
	(void)strbuf_addv(&b, fmt, ap);
	va_end(ap);
	message_put(s, type, b.s, b.len);
}

/* Some twenty a message: without a format. */
static void
put_attr(struct session *s, const char *name, const char *value)
{
	char text[256];
	size_t n = strlen(name), len = strlen(value);

	if (n + 1 + len > sizeof text) {
		putf(s, REC_ATTR, "%s=%s", name, value);
		return;
	}
	memcpy(text, name, n);
	text[n] = '=';
	memcpy(text + n + 1, value, len);
	message_put(s, REC_ATTR, text, n + 1 + len);
}

bool
message_failed(const struct session *s)
{
	return s->drop != NULL ? drop_failed(s->drop) : s->cleanup == NULL || cleanup_failed(s->cleanup);
}

/* Envelope, in the order of lib/queue/README. */
static void
put_client(struct session *s)
{
	const char *helo = s->helo != NULL ? s->helo : "", *proto = s->is_esmtp ? "ESMTP" : "SMTP";

	put_attr(s, "log_client_name", s->name);
	put_attr(s, "log_client_address", s->addr_literal);
	put_attr(s, "log_client_port", s->port);
	putf(s, REC_ATTR, "log_message_origin=%s[%s]", s->name, s->addr);
	if (*helo != 0)
		put_attr(s, "log_helo_name", helo);
	put_attr(s, "log_protocol_name", proto);
	put_attr(s, "client_name", s->name);
	put_attr(s, "reverse_client_name", s->reverse_name);
	put_attr(s, "client_address", s->addr);
	put_attr(s, "client_port", s->port);
	put_attr(s, "server_address", s->server_addr);
	put_attr(s, "server_port", s->server_port);
	if (*helo != 0)
		put_attr(s, "helo_name", helo);
	put_attr(s, "protocol_name", proto);
	putf(s, REC_ATTR, "client_address_type=%d", s->family);
}

static void
put_sender(struct session *s)
{
	if (s->args.envid != NULL)
		put_attr(s, "envelope_id", s->args.envid);
	if (s->args.ret != 0)
		putf(s, REC_ATTR, "ret_flags=%d", s->args.ret);
	message_put(s, REC_FROM, s->sender, strlen(s->sender));
	if (s->args.body != SMTP_BODY_NONE)
		put_attr(s, "encoding", s->args.body == SMTP_BODY_7BIT ? "7bit" : "8bit");
}

/* What access tables have asked for since the last time.  Records may follow in any part of the envelope and behind the content. */
static void
put_actions(struct session *s)
{
	struct saved_actions *a = &s->saved;

	if (s->cleanup == NULL)
		return;
	if (a->filter != NULL)
		message_put(s, REC_FILTER, a->filter, strlen(a->filter));
	if (a->redirect != NULL)
		message_put(s, REC_REDIRECT, a->redirect, strlen(a->redirect));
	if (a->flags != 0)
		putf(s, REC_FLAGS, "%d", a->flags);
	for (size_t i = 0; i < a->bcc.n; i++) {
		put_attr(s, "notify_flags", "1");
		message_put(s, REC_RCPT, a->bcc.v[i], strlen(a->bcc.v[i]));
	}
	a->filter = a->redirect = NULL;
	a->flags = 0;
	strvec_reset(&a->bcc);
}

static int
open_cleanup(struct session *s, struct err *err)
{
	int flags = env.cleanup_flags | (s->args.smtputf8 ? CLEANUP_SMTPUTF8 : 0);

	s->cleanup = cleanup_begin(env.cleanup, flags, err);
	if (s->cleanup == NULL)
		return -1;
	s->queue_id = pool_strdup(s->mail, cleanup_id(s->cleanup));
	log_info("%s: client=%s", s->queue_id, s->who);
	return 0;
}

int
message_open(struct session *s, struct err *err)
{
	struct timeval now = clock_wall();

	if (s->cleanup != NULL || s->drop != NULL)
		return 0;
	if (s->stand_alone) {
		s->drop = drop_open(err);
		if (s->drop == NULL)
			return -1;
		put_attr(s, "rewrite_context", "local");
		put_sender(s);
		return 0;
	}
	if (open_cleanup(s, err) < 0)
		return -1;
	putf(s, REC_TIME, "%lld %ld", (long long)now.tv_sec, (long)now.tv_usec);
	if (*conf.content_filter != 0)
		message_put(s, REC_FILTER, conf.content_filter, strlen(conf.content_filter));
	put_attr(s, "log_ident", s->queue_id);
	put_attr(s, "rewrite_context", access_is_local_client(s) ? "local" : "remote");
	put_sender(s);
	put_client(s);
	put_actions(s);
	return 0;
}

void
message_rcpt(struct session *s, const char *addr, const struct smtp_rcpt_args *a)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(ADDR_MAX * 2 + 100);

	if (a->notify != 0)
		putf(s, REC_ATTR, "notify_flags=%d", a->notify);
	if (a->orcpt != NULL) {
		put_attr(s, "dsn_orig_rcpt", a->orcpt);
	} else if (!s->stand_alone) {
		addr_quote(&b, addr);
		putf(s, REC_ATTR, "dsn_orig_rcpt=rfc822;%s", b.s);
	}
	message_put(s, REC_RCPT, addr, strlen(addr));
}

/* RFC 5321 section 4.4; RFC 6531 section 4.3 for the protocol's name. */
static void
put_received(struct session *s)
{
	AUTO(strbuf_done) struct strbuf rcpt = STRBUF_INIT(ADDR_MAX * 2);
	const char *proto = s->args.smtputf8 ? "UTF8SMTP" : s->is_esmtp ? "ESMTP" : "SMTP";
	char date[CLOCK_RFC5322_SIZE];
	bool one = s->n_rcpts == 1 && s->first_rcpt != NULL;

	(void)clock_rfc5322(clock_wall_s(), date);
	if (conf.hide_client) {
		putf(s, REC_NORM, "Received: by %s (%s) id %s%s", conf.myhostname, conf.mail_name, log_id(s), one ? "" : ";");
	} else {
		putf(s, REC_NORM, "Received: from %s (%s [%s])", s->helo != NULL ? s->helo : s->name, s->name, s->addr_literal);
		putf(s, REC_NORM, "\tby %s (%s) with %s id %s%s", conf.myhostname, conf.mail_name, proto, log_id(s), one ? "" : ";");
	}
	if (one) {
		addr_quote(&rcpt, s->first_rcpt);
		putf(s, REC_NORM, "\tfor <%s>; %s", rcpt.s, date);
	} else {
		putf(s, REC_NORM, "\t%s", date);
	}
}

void
message_begin(struct session *s)
{
	put_actions(s);
	message_put(s, REC_MESG, "", 0);
	if (s->stand_alone)	/* pickup adds its own */
		return;
	for (size_t i = 0; i < s->saved.prepend.n; i++)
		message_put(s, REC_NORM, s->saved.prepend.v[i], strlen(s->saved.prepend.v[i]));
	strvec_reset(&s->saved.prepend);
	put_received(s);
}

int
message_end(struct session *s, struct cleanup_result *r, struct err *err)
{
	message_put(s, REC_XTRA, "", 0);
	put_actions(s);
	message_put(s, REC_END, "", 0);
	if (s->drop != NULL)
		return drop_end(s->drop, r, err);
	return cleanup_end(s->cleanup, r, err);
}

void
message_drop(struct session *s)
{
	cleanup_free(&s->cleanup);
	drop_free(&s->drop);
}
