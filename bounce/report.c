/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One report as a message: RFC 3462 multipart/report of a text, RFC 3464 delivery-status fields (RFC 6533 for SMTPUTF8) and the
 * message or its headers, handed to cleanup record by record.
 */
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "bounce.h"

enum { RET_LINE_MAX = 2000, ADDR_BUF = 4000 };

struct out {
	struct cleanup *c;
	const struct report *r;
	struct pool *pool;
	const struct template *t;
	char boundary[400];
	bool is_eight;		/* an 8-bit charset or content may be in it */
};

static void
put_line(void *arg, const char *line, size_t len)
{
	cleanup_put(arg, REC_NORM, line, len);
}

static void
line(struct out *o, const char *s)
{
	cleanup_put(o->c, REC_NORM, s, strlen(s));
}

static void linef(struct out *o, const char *fmt, ...) PRINTF(2, 3);
static void
linef(struct out *o, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(16 << 10);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	cleanup_put(o->c, REC_NORM, b.s, b.len);
}

/* "Name: type; text", folded. */
static void
field(struct out *o, const char *name, const char *type, const char *value)
{
	text_fold(pool_printf(o->pool, "%s: %s%s", name, type, text_clean(o->pool, value)), put_line, o->c);
}

static const char *
quoted(struct out *o, const char *addr)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(ADDR_BUF);

	addr_quote(&b, text_clean(o->pool, addr));
	return pool_strdup(o->pool, b.s);
}

static const char *
qualified(struct out *o, const char *addr)
{
	const char *origin = bounce_conf.myorigin[0] == '/' ? bounce_conf.myhostname : bounce_conf.myorigin;

	return strchr(addr, '@') != NULL ? addr : pool_printf(o->pool, "%s@%s", addr, origin);
}

/* The null sender has no address that could stand in a report. */
static const char *
shown_sender(struct out *o)
{
	if (o->r->sender[0] != '\0')
		return quoted(o, o->r->sender);
	return pool_printf(o->pool, "MAILER-DAEMON@%s", bounce_conf.myhostname);
}

/* What stands in the comment of "addr (Name)", or in front of "<addr>". */
static const char *
from_name(struct out *o, const struct addr_item *a)
{
	const char *from = o->t->from, *open = strchr(from + a->at + a->len, '('), *close = open != NULL ? strrchr(open, ')') : NULL;

	if (close != NULL)
		return pool_strndup(o->pool, open + 1, (size_t)(close - open - 1));
	if (!a->in_angle)
		return "";
	return ascii_trim(pool_strndup(o->pool, from, strcspn(from, "<")));
}

static void
put_from(struct out *o)
{
	AUTO(strbuf_done) struct strbuf phrase = STRBUF_INIT(ADDR_BUF);
	const char *addr = "MAILER-DAEMON", *name = "Mail Delivery System";
	struct addr_list list;

	if (addr_list_parse(o->pool, o->t->from, strlen(o->t->from), 1, &list, NULL) == 0 && list.n == 1 &&
	    list.v[0].addr[0] != '\0') {
		addr = list.v[0].addr;
		name = from_name(o, &list.v[0]);
	}
	addr_quote_phrase(&phrase, name);
	if (name[0] == '\0')
		linef(o, "From: %s", quoted(o, qualified(o, addr)));
	else
		linef(o, "From: %s <%s>", phrase.s, quoted(o, qualified(o, addr)));
}

static void
put_head(struct out *o)
{
	const struct report *r = o->r;
	char date[CLOCK_RFC5322_SIZE];

	/* RFC 5321 section 4.4: what makes loops end; "id" is where log readers look */
	clock_rfc5322(clock_wall_s(), date);
	linef(o, "Received: by %s (%s)", bounce_conf.myhostname, bounce_conf.mail_name);
	linef(o, "\tid %s; %s", cleanup_id(o->c), date);
	linef(o, "Date: %s", date);
	put_from(o);
	linef(o, "Subject: %s", r->to_postmaster ? o->t->postmaster_subject : o->t->subject);
	linef(o, "To: %s", quoted(o, qualified(o, r->to)));
	if (bounce_conf.threaded && r->message_id[0] != '\0') {
		/* RFC 5322 section 3.6.4 */
		text_fold(pool_printf(o->pool, "References: %s%s%s", text_clean(o->pool, r->references),
		    r->references[0] != '\0' ? " " : "", text_clean(o->pool, r->message_id)), put_line, o->c);
		linef(o, "In-Reply-To: %s", text_clean(o->pool, r->message_id));
	}
	/* RFC 3834 section 5 */
	linef(o, "Auto-Submitted: %s", r->to_postmaster ? "auto-generated" : "auto-replied");
	line(o, "MIME-Version: 1.0");
	linef(o, "Content-Type: multipart/report; report-type=delivery-status;");
	linef(o, "\tboundary=\"%s\"", o->boundary);
	linef(o, "Content-Transfer-Encoding: %s", o->is_eight ? "8bit" : "7bit");
	line(o, "");
	line(o, "This is a MIME-encapsulated message.");
	line(o, "");
}

static void
put_template(struct out *o)
{
	AUTO(mem_free) char *text = bounce_expand(o->t->text);

	for (char *p = text; p != NULL && *p != '\0';) {
		size_t n = strcspn(p, "\n");

		cleanup_put(o->c, REC_NORM, p, n);
		p += n + (p[n] == '\n');
	}
}

static void
put_notification(struct out *o)
{
	const struct report *r = o->r;

	linef(o, "--%s", o->boundary);
	line(o, "Content-Description: Notification");
	linef(o, "Content-Type: text/plain; charset=%s", o->t->charset);
	linef(o, "Content-Transfer-Encoding: %s", o->is_eight ? "8bit" : "7bit");
	line(o, "");
	if (!r->to_postmaster)
		put_template(o);
	for (size_t i = 0; i < r->n_chosen; i++) {
		const struct dlog_entry *e = &r->entries[r->chosen[i]];
		const char *from = "";

		if (e->orig_rcpt[0] != '\0' && ascii_casecmp(e->orig_rcpt, e->rcpt) != 0)
			from = pool_printf(o->pool, " (expanded from <%s>)", quoted(o, e->orig_rcpt));
		line(o, "");
		text_fold(pool_printf(o->pool, "<%s>%s: %s", quoted(o, e->rcpt), from, text_clean(o->pool, e->reason)), put_line, o->c);
	}
	line(o, "");
}

/* RFC 3464 section 2.3 */
static void
put_recipient(struct out *o, const struct dlog_entry *e)
{
	const struct report *r = o->r;
	const char *addr = quoted(o, e->rcpt);
	char date[CLOCK_RFC5322_SIZE];

	line(o, "");
	field(o, "Final-Recipient", r->is_utf8 && !ascii_is_all(addr, strlen(addr)) ? "utf-8; " : "rfc822; ", addr);
	if (e->dsn_orcpt[0] != '\0')
		field(o, "Original-Recipient", "", e->dsn_orcpt);
	else if (e->orig_rcpt[0] != '\0')
		field(o, "Original-Recipient", "rfc822; ", quoted(o, e->orig_rcpt));
	/* what was only delayed is given up now */
	field(o, "Action", "", r->kind == TEMPLATE_FAILURE ? "failed" : r->kind == TEMPLATE_DELAY ? "delayed" : e->action);
	field(o, "Status", "", e->status);
	if (e->mta_name[0] != '\0')
		field(o, "Remote-MTA", pool_printf(o->pool, "%s; ", text_clean(o->pool, e->mta_type)), e->mta_name);
	if (e->diag_text[0] != '\0')
		field(o, "Diagnostic-Code", pool_printf(o->pool, "%s; ", text_clean(o->pool, e->diag_type)), e->diag_text);
	else
		field(o, "Diagnostic-Code", pool_printf(o->pool, "X-%s; ", bounce_conf.mail_name), e->reason);
	if (r->kind == TEMPLATE_DELAY)
		linef(o, "Will-Retry-Until: %s", clock_rfc5322(r->arrival_s + (int64_t)(bounce_conf.lifetime_ms / 1000), date));
}

/* RFC 3464 section 2.2 */
static void
put_status(struct out *o)
{
	const struct report *r = o->r;
	char date[CLOCK_RFC5322_SIZE];

	linef(o, "--%s", o->boundary);
	line(o, "Content-Description: Delivery report");
	linef(o, "Content-Type: message/%s", r->is_utf8 ? "global-delivery-status" : "delivery-status");
	if (r->is_utf8)
		line(o, "Content-Transfer-Encoding: 8bit");
	line(o, "");
	linef(o, "Reporting-MTA: dns; %s", bounce_conf.myhostname);
	if (r->envid[0] != '\0')
		field(o, "Original-Envelope-Id", "", r->envid);
	linef(o, "X-%s-Queue-ID: %s", bounce_conf.mail_name, r->id);
	field(o, pool_printf(o->pool, "X-%s-Sender", bounce_conf.mail_name),
	    r->is_utf8 && !ascii_is_all(r->sender, strlen(r->sender)) ? "utf-8; " : "rfc822; ", shown_sender(o));
	linef(o, "Arrival-Date: %s", clock_rfc5322(r->arrival_s, date));
	for (size_t i = 0; i < r->n_chosen; i++)
		put_recipient(o, &r->entries[r->chosen[i]]);
	line(o, "");
}

/* Copy the content as it is stored: to the end, or to the end of the headers.  Damage ends the copy; the rest of the report stands. */
static void
copy_content(struct out *o)
{
	struct qrec rec = { 0 };
	struct err err = ERR_INIT;
	bool whole_line = true;
	int n;

	qfile_seek(o->r->file, (off_t)o->r->env->content_offset);
	while ((n = qfile_next(o->r->file, &rec, &err)) == 1 && (rec.type == REC_NORM || rec.type == REC_CONT)) {
		if (o->r->headers_only && whole_line && rec.len == 0)
			return;
		cleanup_put(o->c, rec.type, rec.data, rec.len);
		whole_line = rec.type == REC_NORM;
		if (cleanup_failed(o->c))
			return;
	}
	if (n < 0)
		log_warning("%s: %s: the report has the message only up to there", o->r->id, err.text);
}

static void
put_original(struct out *o)
{
	const struct report *r = o->r;
	const char *what = r->kind == TEMPLATE_SUCCESS || r->kind == TEMPLATE_VERIFY ? "Message" : "Undelivered Message";

	if (r->file == NULL)
		return;
	linef(o, "--%s", o->boundary);
	linef(o, "Content-Description: %s%s", what, r->headers_only ? " Headers" : "");
	if (r->is_utf8)
		linef(o, "Content-Type: message/%s", r->headers_only ? "global-headers" : "global");
	else
		linef(o, "Content-Type: %s", r->headers_only ? "text/rfc822-headers" : "message/rfc822");
	linef(o, "Content-Transfer-Encoding: %s", r->encoding[0] != '\0' ? r->encoding : "8bit");
	line(o, "");
	linef(o, "Return-Path: <%s>", shown_sender(o));
	copy_content(o);
	line(o, "");
}

static int
cleanup_flags(const struct report *r)
{
	int flags = CLEANUP_INTERNAL;

	if (text_is_word_in(bounce_conf.filter_classes, "bounce"))
		flags |= CLEANUP_CHECKS | CLEANUP_MILTERS;
	return r->is_utf8 ? flags | CLEANUP_SMTPUTF8 : flags;
}

static void
put_envelope(struct out *o)
{
	const struct report *r = o->r;
	struct timeval now = clock_wall();
	const char *sender = "";

	if (r->to_postmaster)
		sender = strchr(bounce_conf.double_bounce_sender, '@') != NULL ? bounce_conf.double_bounce_sender :
		    pool_printf(o->pool, "%s@%s", bounce_conf.double_bounce_sender, bounce_conf.myhostname);
	cleanup_putf(o->c, REC_TIME, "%lld %ld", (long long)now.tv_sec, (long)now.tv_usec);
	cleanup_putf(o->c, REC_ATTR, "log_message_origin=local");
	cleanup_putf(o->c, REC_ATTR, "trace_flags=0");
	cleanup_put(o->c, REC_FROM, sender, strlen(sender));
	cleanup_put(o->c, REC_RCPT, r->to, strlen(r->to));
	cleanup_put(o->c, REC_MESG, "", 0);
}

static void
put_report(struct out *o)
{
	put_envelope(o);
	put_head(o);
	put_notification(o);
	put_status(o);
	put_original(o);
	linef(o, "--%s--", o->boundary);
	cleanup_put(o->c, REC_XTRA, "", 0);
	cleanup_put(o->c, REC_END, "", 0);
}

static const char *
kind_text(const struct report *r)
{
	switch (r->kind) {
	case TEMPLATE_FAILURE:
		return "non-delivery";
	case TEMPLATE_DELAY:
		return "delay";
	default:
		return "delivery status";
	}
}

static int
failed(const struct report *r, const char *why)
{
	log_warning("%s: %s notification failed to <%s>: %s", r->id, r->to_postmaster ? "postmaster" : "sender", r->to, why);
	return -1;
}

int
report_send(const struct report *r)
{
	struct out o = { .r = r, .t = &bounce_templates[r->kind] };
	struct cleanup_result result = { .status = 0 };
	struct err err = ERR_INIT;
	int status = -1;

	o.c = cleanup_begin(bounce_cleanup, cleanup_flags(r), &err);
	if (o.c == NULL)
		return failed(r, err.text);
	o.pool = pool_new(8192);
	o.is_eight = ascii_casecmp(o.t->charset, "us-ascii") != 0 || r->is_utf8 || strcmp(r->encoding, "7bit") != 0;
	snprintf(o.boundary, sizeof(o.boundary), "%.255s.%lld/%.100s", r->id, (long long)clock_wall_s(), bounce_conf.myhostname);
	/* before the new message's own lines, as since 3.11 */
	log_info("%s: %s %s notification: %s", r->id, r->to_postmaster ? "postmaster" : "sender", kind_text(r), cleanup_id(o.c));
	put_report(&o);
	if (cleanup_end(o.c, &result, &err) < 0)
		failed(r, err.text);
	else if (result.status != 0)
		failed(r, result.reason[0] != '\0' ? result.reason : cleanup_status_text(result.status)->text);
	else
		status = 0;
	cleanup_free(&o.c);
	pool_free(&o.pool);
	return status;
}
