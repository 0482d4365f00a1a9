/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding of single records, and which types may stand where. */
#include "queue/rec.h"

#include <stdarg.h>
#include <string.h>

size_t
rec_header(unsigned char out[static REC_HEADER_MAX], int type, size_t len)
{
	size_t n = 0;

	out[n++] = (unsigned char)type;
	do {
		out[n] = len & 0x7f;
		len >>= 7;
		if (len > 0)
			out[n] |= 0x80;
		n++;
	} while (len > 0 && n < REC_HEADER_MAX);
	return n;
}

int
rec_parse(const char *p, size_t n, int *type, const char **data, size_t *len, size_t *used)
{
	size_t l = 0, i;

	for (i = 1; i < REC_HEADER_MAX; i++) {
		if (i >= n)
			return 0;
		l |= (size_t)((unsigned char)p[i] & 0x7f) << (7 * (i - 1));
		if (((unsigned char)p[i] & 0x80) == 0)
			break;
	}
	if (i == REC_HEADER_MAX)
		return -1;
	i++;
	*type = (unsigned char)p[0];
	*len = l;
	*used = i + l;
	*data = p + i;
	return n - i < l ? 0 : 1;
}

int
rec_add(struct strbuf *b, int type, const void *data, size_t len)
{
	unsigned char h[REC_HEADER_MAX];
	size_t n = rec_header(h, type, len);

	if (len > REC_LENGTH_MAX || strbuf_room(b, n + len) == NULL) {
		b->overflow = true;
		return -1;
	}
	strbuf_add(b, h, n);
	return strbuf_add(b, data, len);
}

int
rec_addf(struct strbuf *b, int type, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf t = STRBUF_INIT(REC_LENGTH_MAX);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&t, fmt, ap);
	va_end(ap);
	return rec_add(b, type, t.s, t.len);
}

bool
rec_is_allowed(int type, char segment)
{
	const char *set = segment == 'e' ? "MCTcFILSDRO/WVA>K<ionp" : segment == 'c' ? "XLNwp" : "EDRO/PreAFIL>Konp";

	return type > 0 && type < 128 && strchr(set, type) != NULL;
}

static const struct {
	int type;
	const char *name;
} names[] = {
	{ REC_SIZE, "message_size" }, { REC_TIME, "message_arrival_time" }, { REC_FULLNAME, "sender_fullname" },
	{ REC_FROM, "sender" }, { REC_ATTR, "named_attribute" }, { REC_FILTER, "content_filter" },
	{ REC_REDIRECT, "redirect_to" }, { REC_WARN, "warning_message_time" }, { REC_VERP, "verp_delimiters" },
	{ REC_ORCPT, "original_recipient" }, { REC_RCPT, "recipient" }, { REC_DONE, "done_recipient" },
	{ REC_CANCELED, "canceled_recipient" }, { REC_MESG, "message_content" }, { REC_NORM, "regular_text" },
	{ REC_PAD, "padding" }, { REC_PTR, "pointer_record" }, { REC_XTRA, "extracted_info" }, { REC_END, "message_end" },
	{ REC_KILLED, "killed_record" }, { REC_INSPECT, "content_inspector" }, { REC_PRIORITY, "priority" },
	{ REC_RRTO, "return_receipt" }, { REC_ERTO, "errors_to" }, { REC_CREATE, "queue_file_create_time" },
	{ REC_DSN_RET, "dsn_return_flags" }, { REC_DSN_ENVID, "dsn_envelope_id" },
	{ REC_DSN_ORCPT, "dsn_original_recipient" }, { REC_DSN_NOTIFY, "dsn_notify_flags" },
	{ REC_FLAGS, "flags" },
};

const char *
rec_name(int type)
{
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return "unknown_record_type";
}
