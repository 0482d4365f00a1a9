/* SPDX-License-Identifier: Apache-2.0 */
/* envelope - records of the envelope and of the extracted segment (lib/queue/README), and the size record at the front */
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"

enum { FIELD = 15, FIELDS = 6, SIZE_LEN = FIELDS * FIELD + FIELDS - 1, NOTIFY_ALL = 15 };

/* ---- C: every message has two of them written, so without printf */
static void
put_field(char out[static FIELD], unsigned long long value)
{
	for (int i = FIELD - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		if ((value /= 10) == 0)
			return;
	}
}

static void
format_size(char out[static SIZE_LEN], const unsigned long long v[static FIELDS])
{
	memset(out, ' ', SIZE_LEN);
	for (int i = 0; i < FIELDS; i++)
		put_field(out + i * (FIELD + 1), v[i]);
}

void
size_record_begin(struct message *m)
{
	static const unsigned long long none[FIELDS];
	char text[SIZE_LEN];

	format_size(text, none);
	message_put(m, REC_SIZE, text, SIZE_LEN);
}

void
size_record_end(struct message *m)
{
	unsigned long long size = (unsigned long long)(m->end_offset - m->data_offset);
	char text[SIZE_LEN];
	int options = 0;

	if ((m->flags & CLEANUP_SMTPUTF8) != 0 || ((m->flags & CLEANUP_DETECT_UTF8) != 0 && (m->smtputf8 != 0 || m->utf8_rcpt)))
		options = 1 | m->smtputf8;
	format_size(text, (const unsigned long long[FIELDS]){ size, (unsigned long long)m->data_offset, m->n_rcpts,
	    (unsigned long long)m->hints, size, (unsigned long long)options });
	qfile_patch(m->qf, 0, REC_SIZE, text, SIZE_LEN);
}

/* ---- T */
static void
put_create_time(struct message *m)
{
	char text[64];

	snprintf(text, sizeof text, "create_time=%lld", (long long)clock_wall_s());
	message_put(m, REC_ATTR, text, strlen(text));
}

static void
take_time(struct message *m, const char *data, size_t n)
{
	char text[64];
	long long s = 0, us = 0;
	const char *p = data;

	if (m->seen_time)
		return;
	m->seen_time = true;
	for (; ascii_is_digit((unsigned char)*p) && s < (1LL << 40); p++)
		s = s * 10 + (*p - '0');
	while (*p == ' ')
		p++;
	for (; ascii_is_digit((unsigned char)*p) && us < 1000000; p++)
		us = us * 10 + (*p - '0');
	if (n > 0 && s > 0 && *p == '\0')
		m->arrival = (struct timeval){ .tv_sec = s, .tv_usec = us % 1000000 };
	snprintf(text, sizeof text, "%lld %lld", (long long)m->arrival.tv_sec, (long long)m->arrival.tv_usec);
	message_put(m, REC_TIME, text, strlen(text));
	put_create_time(m);
}

/* Everything else stands behind the time. */
static void
need_time(struct message *m)
{
	if (!m->seen_time)
		take_time(m, "", 0);
}

/* ---- S */
static void
take_sender(struct message *m, const char *addr)
{
	AUTO(strbuf_done) struct strbuf to = STRBUF_INIT(ADDR_MAX);

	if (m->sender != NULL) {
		log_warning("%s: message rejected: two senders", message_id_of(m));
		message_fail(m, CLEANUP_BAD, "4.3.0 two sender records");
		return;
	}
	if (map_address(m, addr, REWRITE_LOCAL, CLASS_ENV_SENDER, &to) < 0) {
		m->sender = "";
		return;
	}
	m->sender = pool_strdup(m->pool, to.s);
	if (!ascii_is_all(to.s, to.len))
		m->smtputf8 |= 4;
	message_put(m, REC_FROM, to.s, to.len);
	bcc_add_for_sender(m);
}

/* ---- A */
static int
parse_notify(const char *value)
{
	uint64_t n;

	return num_parse_u64(value, 0, NOTIFY_ALL, &n) == 0 ? (int)n : 0;
}

static void
set_text(char **p, const char *value)
{
	mem_free(p);
	*p = mem_strdup(value);
}

/* Attributes that say something of the next recipient: true when this was one. */
static bool
take_rcpt_attr(struct message *m, const char *name, const char *value)
{
	if (strcmp(name, "notify_flags") == 0)
		m->dsn_notify = parse_notify(value);
	else if (strcmp(name, "dsn_orig_rcpt") == 0)
		set_text(&m->dsn_orcpt, value);
	else
		return false;
	return true;
}

static void
take_known_attr(struct message *m, const char *name, const char *value)
{
	const struct { const char *name; const char **field; } v[] = {
		{ "log_message_origin", &m->origin }, { "log_helo_name", &m->helo }, { "log_protocol_name", &m->proto },
		{ "encoding", &m->encoding },
	};

	if (strcmp(name, "rewrite_context") == 0)
		m->remote = strcmp(value, "remote") == 0;
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		if (strcmp(name, v[i].name) == 0)
			*v[i].field = pool_strdup(m->pool, value);
	}
}

/* text is cut at the '=' for a while. */
static void
take_attr(struct message *m, char *text, size_t n)
{
	char *value = strchr(text, '=');

	if (value == NULL || value == text) {
		log_warning("%s: message rejected: bad attribute record", message_id_of(m));
		message_fail(m, CLEANUP_BAD, "4.3.0 bad attribute record");
		return;
	}
	*value++ = '\0';
	if (strcmp(text, "create_time") == 0 || take_rcpt_attr(m, text, value))
		return;
	if (++m->n_attrs > (unsigned)m->env->c.attr_limit) {
		if (m->n_attrs == (unsigned)m->env->c.attr_limit + 1)
			log_warning("%s: message rejected: more than %lld attributes (queue_file_attribute_count_limit)", message_id_of(m),
			    (long long)m->env->c.attr_limit);
		message_fail(m, CLEANUP_BAD, "4.3.0 too many attributes");
		return;
	}
	take_known_attr(m, text, value);
	value[-1] = '=';
	message_put(m, REC_ATTR, text, n);
}

/* ---- R */
static void
take_rcpt(struct message *m, const char *addr)
{
	if (message_is_stored(m))
		rcpt_add(m, addr, m->orig_rcpt, m->dsn_orcpt, m->dsn_notify, false);
}

static void
forget_rcpt(struct message *m)
{
	mem_free(&m->orig_rcpt);
	mem_free(&m->dsn_orcpt);
	m->dsn_notify = 0;
}

/* What may stand in both segments: true when this was it. */
static bool
take_common(struct message *m, int type, char *data, size_t n)
{
	switch (type) {
	case REC_ATTR:
		take_attr(m, data, n);
		return true;
	case REC_ORCPT:
		set_text(&m->orig_rcpt, data);
		return true;
	case REC_DSN_ORCPT:
		set_text(&m->dsn_orcpt, data);
		return true;
	case REC_DSN_NOTIFY:
		m->dsn_notify = parse_notify(data);
		return true;
	case REC_RCPT:
		take_rcpt(m, data);
		forget_rcpt(m);
		return true;
	case REC_DONE: case REC_CANCELED:
		forget_rcpt(m);
		return true;
	case REC_SIZE: case REC_PTR: case REC_PAD: case REC_KILLED: case REC_CREATE:
		return true;
	default:
		return false;
	}
}

/*
 * The text of a record with a terminator.  Control characters, line ends and NUL above all, become '?': envelope text ends up in SMTP
 * commands, log lines, delivery records and added headers.
 */
static char *
copy_text(struct message *m, const char *data, size_t n)
{
	char *text;

	strbuf_reset(&m->text);
	text = strbuf_room(&m->text, n);
	for (size_t i = 0; i < n; i++)
		text[i] = ascii_is_cntrl((unsigned char)data[i]) ? '?' : data[i];
	strbuf_grown(&m->text, n);
	return m->text.s;
}

void
envelope_record(struct message *m, int type, const char *data, size_t n)
{
	char *text = copy_text(m, data, n);

	if (type != REC_SIZE && type != REC_TIME)
		need_time(m);
	switch (type) {
	case REC_TIME:
		take_time(m, text, n);
		break;
	case REC_FROM:
		take_sender(m, text);
		break;
	case REC_FULLNAME:
		if (m->fullname == NULL) {
			m->fullname = pool_strdup(m->pool, text);
			message_put(m, type, text, n);
		}
		break;
	case REC_WARN:
		if (!m->seen_warn) {
			m->seen_warn = true;
			message_put(m, type, text, n);
		}
		break;
	default:
		if (!take_common(m, type, text, n))
			message_put(m, type, text, n);
	}
}

void
envelope_end(struct message *m)
{
	need_time(m);
	if (m->sender == NULL) {
		log_warning("%s: message rejected: no sender", message_id_of(m));
		message_fail(m, CLEANUP_BAD, "4.3.0 no sender record");
		m->sender = "";
	}
	message_put(m, REC_MESG, "", 0);
}

/* ---- behind the content */
static void
put_named(struct message *m, const char *name, const char *value)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(STRBUF_HUGE);

	strbuf_adds(&b, name);
	strbuf_addc(&b, '=');
	strbuf_adds(&b, value);
	message_put(m, REC_ATTR, b.s, b.len);
}

void
extracted_begin(struct message *m)
{
	message_put(m, REC_XTRA, "", 0);
	if (m->filter != NULL)
		message_put(m, REC_FILTER, m->filter, strlen(m->filter));
	if (m->redirect != NULL)
		message_put(m, REC_REDIRECT, m->redirect, strlen(m->redirect));
	if (m->message_id != NULL && m->message_id[0] != '\0')
		put_named(m, "message_id", m->message_id);
	if (m->hdr_encoding != NULL)
		put_named(m, "encoding", m->hdr_encoding);
	else if (m->encoding != NULL && m->encoding[0] != '\0')
		put_named(m, "encoding", m->encoding);
}

void
extracted_record(struct message *m, int type, const char *data, size_t n)
{
	char *text = copy_text(m, data, n);

	if (!take_common(m, type, text, n))
		message_put(m, type, text, n);
}

void
extracted_end(struct message *m)
{
	bool auto_bcc = (m->flags & CLEANUP_AUTO_BCC) != 0;

	for (size_t i = 0; i < m->bcc.n && m->status == 0; i++)
		bcc_add(m, m->bcc.v[i], false);
	if (auto_bcc && m->env->c.always_bcc[0] != '\0')
		bcc_add(m, m->env->c.always_bcc, false);
	message_put(m, REC_END, "", 0);
}
