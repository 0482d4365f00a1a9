/* SPDX-License-Identifier: Apache-2.0 */
/* listing - the queue as mailq prints it, and as JSON lines */
#include "listing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ascii.h"
#include "base/attr.h"
#include "base/mem.h"

#define REASON_WIDTH 76		/* reasons are aligned to the right within it */
#define MAX_REASON 100000
#define MAX_NUMBER (INT64_C(1) << 50)	/* of a time or a size: sums of many stay in range */

/* What comes before the recipients of a message. */
struct head {
	struct strbuf queue, id, sender;
	int64_t time, size;
	bool is_expired;
};
struct rcpt {
	struct strbuf orig, address, class, reason;
	bool has_orig;
};

static void
head_init(struct head *h, struct rcpt *r)
{
	struct strbuf *all[] = { &h->queue, &h->id, &h->sender, &r->orig, &r->address, &r->class, &r->reason };

	for (size_t i = 0; i < COUNT_OF(all); i++)
		strbuf_init(all[i], MAX_REASON);
}

static void
head_done(struct head *h, struct rcpt *r)
{
	struct strbuf *all[] = { &h->queue, &h->id, &h->sender, &r->orig, &r->address, &r->class, &r->reason };

	for (size_t i = 0; i < COUNT_OF(all); i++)
		strbuf_done(all[i]);
}

static void
copy(struct strbuf *to, const struct strbuf *from)
{
	strbuf_reset(to);
	strbuf_add(to, from->s, from->len < to->max ? from->len : to->max);
}

/* One message is being read: its head, then recipient by recipient, each ended by its reason. */
struct reader {
	struct source *src;
	struct head head;
	struct rcpt rcpt;
	bool has_head;		/* the sender was read: recipients follow */
};

static int64_t
read_number(const char *s)
{
	int64_t n;

	return num_parse_i64(s, 0, MAX_NUMBER, &n) == 0 ? n : 0;
}

/* 1 the head is complete, 2 a recipient is, 0 neither. */
static int
take_pair(struct reader *r, struct err *err)
{
	const struct strbuf *value = &r->src->value;
	struct strbuf *text = NULL;
	int done = 0;
	static const char *const names[] = { "queue_name", "queue_id", "time", "size", "forced_expire", "sender", "original_recipient",
		"recipient", "log_class", "reason" };
	size_t i = 0;

	while (i < COUNT_OF(names) && (*r->src->name.s != *names[i] || strcmp(r->src->name.s, names[i]) != 0))
		i++;
	switch (i) {
	case 0: text = &r->head.queue; break;
	case 1: text = &r->head.id; break;
	case 2: r->head.time = read_number(value->s); break;
	case 3: r->head.size = read_number(value->s); break;
	case 4: r->head.is_expired = *value->s == '1'; break;
	case 5: text = &r->head.sender; done = 1; break;
	case 6: text = &r->rcpt.orig; r->rcpt.has_orig = true; break;
	case 7: text = &r->rcpt.address; break;
	case 8: text = &r->rcpt.class; break;
	case 9: text = &r->rcpt.reason; done = 2; break;
	default: break;		/* of a later release */
	}
	if (text != NULL)
		copy(text, value);
	if (done == 1)
		r->has_head = true;
	if (done == 2 && !r->has_head)
		return err_set(err, ERR_PROTO, NULL, "malformed showq server response: a recipient without a message");
	return done;
}

static void
begin_message(struct reader *r)
{
	r->has_head = r->head.is_expired = r->rcpt.has_orig = false;
	r->head.time = r->head.size = 0;
	strbuf_reset(&r->head.queue);
	strbuf_reset(&r->head.id);
	strbuf_reset(&r->head.sender);
	strbuf_reset(&r->rcpt.class);
}

/* The first list is the protocol's name (3.8 on; earlier showq begins with the messages). */
static int
read_protocol(struct reader *r, struct err *err)
{
	int rc = source_next(r->src, err);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, ERR_PROTO, NULL, "malformed showq server response: no protocol name");
	if (strcmp(r->src->name.s, "protocol") != 0 || strcmp(r->src->value.s, "mail_queue_list_protocol") != 0)
		return err_set(err, ERR_PROTO, NULL, "malformed showq server response: unexpected %.100s", r->src->name.s);
	rc = source_next(r->src, err);
	return rc == 1 ? err_set(err, ERR_PROTO, NULL, "malformed showq server response") : rc;
}

struct printer {
	void (*head)(void *arg, const struct head *h);
	void (*rcpt)(void *arg, const struct rcpt *r, unsigned number);
	void (*end)(void *arg, const struct head *h);
	void *arg;
};

static int
read_message(struct reader *r, const struct printer *p, bool *is_last, struct err *err)
{
	unsigned number = 0;
	int rc, done;

	begin_message(r);
	*is_last = false;
	for (unsigned pairs = 0;; pairs++) {
		rc = source_next(r->src, err);
		if (rc < 0)
			return -1;
		if (rc == 0) {
			*is_last = pairs == 0;
			if (r->has_head)
				p->end(p->arg, &r->head);
			return 0;
		}
		done = take_pair(r, err);
		if (done < 0)
			return -1;
		if (done == 1)
			p->head(p->arg, &r->head);
		if (done == 2) {
			p->rcpt(p->arg, &r->rcpt, number++);
			r->rcpt.has_orig = false;
			strbuf_reset(&r->rcpt.class);
		}
	}
}

static int
run(struct source *src, const struct printer *p, struct err *err)
{
	struct reader r = { .src = src };
	bool is_last = false;
	int rc;

	head_init(&r.head, &r.rcpt);
	rc = read_protocol(&r, err);
	while (rc == 0 && !is_last)
		rc = read_message(&r, p, &is_last, err);
	head_done(&r.head, &r.rcpt);
	return rc;
}

/* ---- as mailq */

struct text {
	FILE *out;
	bool long_ids;
	long count;
	uint64_t bytes;
	struct strbuf reason;	/* printed last for this message */
};

static void
text_head(void *arg, const struct head *h)
{
	struct text *t = arg;
	const char *status = strcmp(h->queue.s, "active") == 0 ? "*" : strcmp(h->queue.s, "hold") == 0 ? "!" : h->is_expired ? "#" : "";
	AUTO(mem_free) char *id = mem_printf("%s%s", h->id.s, status);
	time_t when = (time_t)h->time;
	char date[30] = "?";
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL && strftime(date, sizeof(date), "%a %b %e %H:%M:%S", &tm) == 0)
		date[0] = '\0';
	if (t->count == 0)
		fputs(t->long_ids ? "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n" :
		    "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n", t->out);
	if (t->long_ids)
		fprintf(t->out, "%-17s %8lld %-19.19s %s\n", id, (long long)h->size, date, h->sender.s);
	else
		fprintf(t->out, "%-11s %7lld %-20.20s %s\n", id, (long long)h->size, date, h->sender.s);
	t->count++;
	t->bytes += (uint64_t)h->size;
	strbuf_reset(&t->reason);
}

/* For each recipient of a long queue: no printf. */
static void
put_line(FILE *out, size_t blanks, const char *before, const char *text, const char *after)
{
	static const char blank[] = "                                                                            ";

	_Static_assert(sizeof(blank) > REASON_WIDTH, "blanks for the widest gap");
	fwrite(blank, 1, blanks, out);
	fputs(before, out);
	fputs(text, out);
	fputs(after, out);
}

static void
text_rcpt(void *arg, const struct rcpt *r, unsigned number)
{
	struct text *t = arg;

	if (number == 0 || strcmp(t->reason.s, r->reason.s) != 0) {
		copy(&t->reason, &r->reason);
		if (r->reason.len > 0)
			put_line(t->out, r->reason.len < REASON_WIDTH ? REASON_WIDTH - r->reason.len : 0, "(", r->reason.s, ")\n");
	}
	put_line(t->out, t->long_ids ? 47 : 41, "", r->address.s, "\n");
}

static void
text_end(void *arg, const struct head *h UNUSED)
{
	struct text *t = arg;

	fputc('\n', t->out);
}

int
listing_text(struct source *src, FILE *out, bool long_ids, struct err *err)
{
	struct text t = { .out = out, .long_ids = long_ids };
	struct printer p = { .head = text_head, .rcpt = text_rcpt, .end = text_end, .arg = &t };
	int rc;

	strbuf_init(&t.reason, MAX_REASON);
	rc = run(src, &p, err);
	strbuf_done(&t.reason);
	if (rc < 0)
		return -1;
	if (t.count == 0)
		fputs("Mail queue is empty\n", out);
	else
		fprintf(out, "-- %llu Kbytes in %ld Request%s.\n", (unsigned long long)(t.bytes / 1024), t.count, t.count == 1 ? "" : "s");
	return 0;
}

/* ---- as JSON (RFC 8259), one object a line */

static void
json_string(FILE *out, const struct strbuf *b)
{
	bool is_utf8 = utf8_is_valid(b->s, b->len);

	fputc('"', out);
	for (size_t i = 0; i < b->len; i++) {
		unsigned char ch = (unsigned char)b->s[i];

		if (ch == '"' || ch == '\\')
			fprintf(out, "\\%c", ch);
		else if (ch == '\n')
			fputs("\\n", out);
		else if (ch == '\t')
			fputs("\\t", out);
		else if (ch < 0x20 || ch == 0x7f)
			fprintf(out, "\\u%04X", ch);
		else
			fputc(ch > 127 && !is_utf8 ? '?' : ch, out);
	}
	fputc('"', out);
}

static void
json_head(void *arg, const struct head *h)
{
	FILE *out = arg;

	fputs("{\"queue_name\": ", out);
	json_string(out, &h->queue);
	fputs(", \"queue_id\": ", out);
	json_string(out, &h->id);
	fprintf(out, ", \"arrival_time\": %lld, \"message_size\": %lld, \"forced_expire\": %s, \"sender\": ", (long long)h->time,
	    (long long)h->size, h->is_expired ? "true" : "false");
	json_string(out, &h->sender);
	fputs(", \"recipients\": [", out);
}

static void
json_rcpt(void *arg, const struct rcpt *r, unsigned number)
{
	FILE *out = arg;

	fputs(number > 0 ? ", {" : "{", out);
	if (r->has_orig) {
		fputs("\"orig_address\": ", out);
		json_string(out, &r->orig);
		fputs(", ", out);
	}
	fputs("\"address\": ", out);
	json_string(out, &r->address);
	if (r->reason.len > 0) {
		fprintf(out, ", \"%s\": ", strcmp(r->class.s, "bounce") == 0 ? "bounce_reason" : "delay_reason");
		json_string(out, &r->reason);
	}
	fputc('}', out);
}

static void
json_end(void *arg, const struct head *h UNUSED)
{
	fputs("]}\n", arg);
}

int
listing_json(struct source *src, FILE *out, struct err *err)
{
	struct printer p = { .head = json_head, .rcpt = json_rcpt, .end = json_end, .arg = out };

	return run(src, &p, err);
}
