/* SPDX-License-Identifier: Apache-2.0 */
/* message - one message: its state from the first record to the last */
#include <stdarg.h>
#include <stdio.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"

enum { BCC_MAX = 1000, HEADER_MIN = 1000 };

void
message_init(struct message *m, struct env *e, struct qfile *qf, int flags)
{
	*m = (struct message){ .env = e, .qf = qf, .flags = flags, .phase = PHASE_ENVELOPE, .line_start = true };
	m->pool = pool_new(2048);
	m->seen = map_new();
	m->arrival = clock_wall();
	strvec_init(&m->bcc, BCC_MAX);
	strbuf_init(&m->hdr, e->c.header_limit > HEADER_MIN ? (size_t)e->c.header_limit : HEADER_MIN);
	strbuf_init(&m->text, STRBUF_HUGE);
	m->hold = (flags & CLEANUP_HOLD) != 0;
	m->discard = (flags & CLEANUP_DISCARD) != 0;
	size_record_begin(m);
}

void
message_done(struct message *m)
{
	map_free(&m->seen, NULL);
	strvec_done(&m->bcc);
	strbuf_done(&m->hdr);
	strbuf_done(&m->text);
	mem_free(&m->orig_rcpt);
	mem_free(&m->dsn_orcpt);
	mem_free(&m->last_rcpt);
	mime_free(&m->mime);
	pool_free(&m->pool);
	qfile_free(&m->qf);
}

const char *
message_id_of(const struct message *m)
{
	return qfile_id(m->qf);
}

bool
message_is_stored(const struct message *m)
{
	bool in_content = m->phase == PHASE_HEADER || m->phase == PHASE_LINES || m->phase == PHASE_BULK;

	if (m->status == 0)
		return true;
	if ((m->flags & CLEANUP_BOUNCE_ON_ERROR) == 0 || (m->status & ~STATUS_FOR_GOOD) != 0)
		return false;
	return !in_content || (m->status & CLEANUP_SIZE) == 0;
}

void
message_put(struct message *m, int type, const void *data, size_t n)
{
	if (message_is_stored(m))
		qfile_put(m->qf, type, data, n);
}

/* The first trouble names the reason; temporary trouble replaces a reason that would refuse for good. */
void
message_fail(struct message *m, int status, const char *fmt, ...)
{
	va_list ap;

	if (m->status == 0 || ((status & (CLEANUP_DEFER | CLEANUP_WRITE)) != 0 && m->reason[0] != '4')) {
		va_start(ap, fmt);
		vsnprintf(m->reason, sizeof m->reason, fmt, ap);
		va_end(ap);
	}
	m->status |= status;
}

static void
bad_record(struct message *m, int type, const char *where)
{
	if (m->status == 0)
		log_warning("%s: unexpected record type %d in %s", message_id_of(m), type, where);
	message_fail(m, CLEANUP_BAD, "4.3.0 unexpected record");
}

static void
record_in_content(struct message *m, int type, const char *data, size_t n)
{
	if (type == REC_XTRA) {
		content_end(m);
		extracted_begin(m);
		m->phase = PHASE_EXTRACTED;
	} else if (type == REC_NORM || type == REC_CONT) {
		content_record(m, type, data, n);
	} else if (type != REC_PAD && type != REC_PTR) {
		bad_record(m, type, "message content");
	}
}

/* REC_FLAGS: what an access table decided while the message was already on its way. */
static void
take_flags(struct message *m, const char *data, size_t n)
{
	AUTO(mem_free) char *text = mem_strndup(data, n);
	uint64_t flags;

	if (num_parse_u64(text, 0, 65535, &flags) < 0) {
		message_fail(m, CLEANUP_BAD, "4.3.0 bad flags record");
		return;
	}
	m->hold |= (flags & CLEANUP_HOLD) != 0;
	m->discard |= (flags & CLEANUP_DISCARD) != 0;
}

bool
message_record(struct message *m, int type, const char *data, size_t n)
{
	if (type == REC_FLAGS || type == REC_DELAY || type == REC_MILTER) {	/* between daemons only, never in a file */
		if (type == REC_FLAGS)
			take_flags(m, data, n);
		return true;
	}
	switch (m->phase) {
	case PHASE_ENVELOPE:
		if (type == REC_MESG) {
			envelope_end(m);
			content_begin(m);
		} else if (type == REC_END || !rec_is_allowed(type, 'e')) {
			bad_record(m, type, "message envelope");
		} else {
			envelope_record(m, type, data, n);
		}
		break;
	case PHASE_HEADER: case PHASE_LINES: case PHASE_BULK:
		record_in_content(m, type, data, n);
		break;
	case PHASE_EXTRACTED:
		if (type == REC_END) {
			extracted_end(m);
			m->phase = PHASE_END;
		} else if (!rec_is_allowed(type, 'x')) {
			bad_record(m, type, "extracted segment");
		} else {
			extracted_record(m, type, data, n);
		}
		break;
	case PHASE_END:
		break;
	}
	/* whatever was wrong with it, the end record ends the message */
	if (type == REC_END)
		m->phase = PHASE_END;
	return m->phase != PHASE_END;
}

size_t
message_bulk(struct message *m, const char *p, size_t n)
{
	return m->phase == PHASE_BULK ? content_bulk(m, p, n) : 0;
}
