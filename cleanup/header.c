/* SPDX-License-Identifier: Apache-2.0 */
/* header - the message's own header: addresses rewritten, some headers dropped, missing ones made (RFC 5322 section 3.6) */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"
#include "mime/encode.h"

void
header_put(struct message *m, const char *text, size_t n)
{
	for (;;) {
		const char *end = memchr(text, '\n', n);
		size_t len = end != NULL ? (size_t)(end - text) : n;

		content_put_line(m, text, len);
		if (end == NULL)
			return;
		text += len + 1;
		n -= len + 1;
	}
}

static bool
has(const struct message *m, enum header_id id)
{
	return (m->headers_seen & 1UL << id) != 0;
}

/* ---- addresses */
struct rewriting {
	struct message *m;
	enum rewrite_context context;
	enum addr_class class;
};

static int
rewrite_one(void *arg, const char *addr, struct strbuf *out, struct err *err)
{
	const struct rewriting *r = arg;
	int changed;

	if (*addr == '\0' || strlen(addr) > ADDR_MAX / 2)
		return 0;
	changed = map_address(r->m, addr, r->context, r->class, out);
	return changed < 0 ? err_set(err, ERR_TEMP, NULL, "mapping failed") : changed;
}

/* The text, or its rewritten form in out. */
static const char *
rewrite_header(struct message *m, const struct header_def *def, const char *text, size_t *n, size_t body, struct strbuf *out)
{
	enum rewrite_context context = m->remote ? REWRITE_REMOTE : REWRITE_LOCAL;
	struct rewriting r = { .m = m, .context = context,
	    .class = (def->flags & HEADER_F_SENDER) != 0 ? CLASS_HDR_SENDER : CLASS_HDR_RCPT };
	int changed;

	if ((def->flags & (HEADER_F_SENDER | HEADER_F_RCPT)) == 0 || !route_rewrites(m->env->route, context))
		return text;
	strbuf_add(out, text, body);
	changed = addr_list_rewrite(text + body, *n - body, (size_t)m->env->c.token_limit, out, rewrite_one, &r, NULL);
	if (changed != 1)	/* malformed, too long or failed: as it was; a failure is the message's already */
		return text;
	*n = out->len;
	return out->s;
}

/* ---- what is remembered of a header */
static const char *
value_of(struct message *m, const char *text, size_t n, size_t body)
{
	char *value = pool_strndup(m->pool, text + body, n - body);

	for (char *p = value; *p != '\0'; p++) {
		if (ascii_is_space((unsigned char)*p))
			*p = ' ';
	}
	return ascii_trim(value);
}

static void
note_message_id(struct message *m, const struct header_def *def, const char *value)
{
	bool resent = def->id == HEADER_RESENT_MESSAGE_ID;

	log_info("%s: %smessage-id=%s", message_id_of(m), resent ? "resent-" : "", value);
	if (!resent && m->message_id == NULL)
		m->message_id = value;
}

static void
note_hop(struct message *m)
{
	if (++m->hops < m->env->c.hopcount_limit || (m->status & CLEANUP_HOPS) != 0)
		return;
	log_warning("%s: message rejected: hopcount exceeded", message_id_of(m));
	message_fail(m, CLEANUP_HOPS, "%s", "");
}

static void
note_header(struct message *m, const struct header_def *def, const char *text, size_t n, size_t body)
{
	enum mime_encoding enc;

	if (def->id == HEADER_OTHER)
		return;
	m->headers_seen |= 1UL << def->id;
	if ((def->flags & HEADER_F_RESENT) != 0)
		m->resent = true;
	switch (def->id) {
	case HEADER_MESSAGE_ID: case HEADER_RESENT_MESSAGE_ID:
		note_message_id(m, def, value_of(m, text, n, body));
		break;
	case HEADER_RECEIVED:
		note_hop(m);
		break;
	case HEADER_CONTENT_TRANSFER_ENCODING:
		enc = header_encoding(text + body, n - body);
		if (m->env->c.detect_8bit && !m->env->c.no_mime && (enc == MIME_ENC_8BIT || enc == MIME_ENC_BINARY))
			m->hdr_encoding = "8bit";
		break;
	default:
		break;
	}
}

void
header_take(struct message *m, const char *text, size_t n)
{
	AUTO(strbuf_done) struct strbuf changed = STRBUF_INIT(STRBUF_HUGE);
	AUTO(strbuf_done) struct strbuf rewritten = STRBUF_INIT(2 * (size_t)m->env->c.header_limit + 100000);
	const struct header_def *def;
	size_t len, body = 0;

	if (!check_text(m, m->env->header_checks, "header", text, n, &changed))
		return;
	if (changed.len > 0) {
		text = changed.s;
		n = changed.len;
	}
	if ((len = header_name_len(text, n, &body)) == 0) {
		header_put(m, text, n);
		return;
	}
	def = header_find(text, len);
	note_header(m, def, text, n, body);
	if (m->env->c.smtputf8 && !ascii_is_all(text, n))
		m->smtputf8 |= 2;
	if (header_is_dropped(m->env, text, len))
		return;
	text = rewrite_header(m, def, text, &n, body, &rewritten);
	header_put(m, text, n);
}

/* ---- missing headers */
static void
put_made(struct message *m, const struct strbuf *b)
{
	header_put(m, b->s, b->len);
}

static void
make_message_id(struct message *m, const char *prefix)
{
	AUTO(strbuf_done) struct strbuf id = STRBUF_INIT(1000), b = STRBUF_INIT(2000);
	const char *queue_id = message_id_of(m);
	struct tm tm;
	char stamp[32] = "";

	if (!queue_id_is_long(queue_id) && gmtime_r(&m->arrival.tv_sec, &tm) != NULL)
		strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S.", &tm);
	strbuf_addf(&id, "<%s%s@%s>", stamp, queue_id, m->env->c.myhostname);
	strbuf_addf(&b, "%sMessage-Id: %s", prefix, id.s);
	put_made(m, &b);
	log_info("%s: %smessage-id=%s", queue_id, *prefix != '\0' ? "resent-" : "", id.s);
	if (*prefix == '\0')
		m->message_id = pool_strdup(m->pool, id.s);
}

static void
make_date(struct message *m, const char *prefix)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(2000);
	char date[CLOCK_RFC5322_SIZE];

	strbuf_addf(&b, "%sDate: %s", prefix, clock_rfc5322(m->arrival.tv_sec, date));
	put_made(m, &b);
}

static void
make_from(struct message *m, const char *prefix)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(20000), addr = STRBUF_INIT(2 * ADDR_MAX);
	bool has_name = m->sender[0] != '\0' && m->fullname != NULL && m->fullname[0] != '\0';

	addr_quote(&addr, m->sender[0] != '\0' ? m->sender : "MAILER-DAEMON");
	strbuf_addf(&b, "%sFrom: ", prefix);
	if (has_name && strcmp(m->env->c.from_format, "obsolete") == 0) {
		strbuf_addf(&b, "%s (", addr.s);
		for (const char *p = m->fullname; *p != '\0'; p++)
			strbuf_addc(&b, strchr("()\\\r\n", *p) != NULL ? ' ' : *p);
		strbuf_addc(&b, ')');
	} else if (has_name) {
		encode_phrase(&b, m->fullname, m->env->c.name_charset);
		strbuf_addf(&b, " <%s>", addr.s);
	} else {
		strbuf_adds(&b, addr.s);
	}
	put_made(m, &b);
}

void
header_missing(struct message *m)
{
	const char *prefix = m->resent ? "Resent-" : "";
	bool make = m->env->c.always_add || route_rewrites(m->env->route, m->remote ? REWRITE_REMOTE : REWRITE_LOCAL);
	bool has_rcpt = m->resent ? has(m, HEADER_RESENT_TO) || has(m, HEADER_RESENT_CC) || has(m, HEADER_RESENT_BCC) :
	    has(m, HEADER_TO) || has(m, HEADER_CC) || has(m, HEADER_BCC);

	if (!message_is_stored(m))
		return;
	if (!has(m, m->resent ? HEADER_RESENT_MESSAGE_ID : HEADER_MESSAGE_ID)) {
		if (make)
			make_message_id(m, prefix);
		else
			log_info("%s: message-id=<>", message_id_of(m));
	}
	if (!make)
		return;
	if (!has(m, m->resent ? HEADER_RESENT_DATE : HEADER_DATE))
		make_date(m, prefix);
	if (!has(m, m->resent ? HEADER_RESENT_FROM : HEADER_FROM))
		make_from(m, prefix);
	if (!has_rcpt && m->env->c.undisclosed[0] != '\0')
		header_put(m, m->env->c.undisclosed, strlen(m->env->c.undisclosed));
}
