/* SPDX-License-Identifier: Apache-2.0 */
/* message - one file of maildrop handed to cleanup: a user's submission, or a message that postsuper put there again */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pickup.h"
#include "proto/cleanup.h"

struct copy {
	struct pickup *p;
	struct qfile *file;
	struct cleanup *cleanup;
	struct qstat st;
	const char *old_id;
	bool is_requeued;	/* a queue file of ours, not a user's submission */
	bool has_time, has_sender, content_begun;
	char segment;
};

/* Attributes of the envelope that a user's message may have; postdrop lets no others through. */
static bool
is_user_attribute(const char *data)
{
	static const char *const names[] = {
		"dsn_orig_rcpt", "encoding", "envelope_id", "notify_flags", "ret_flags", "rewrite_context", "trace_flags",
	};
	size_t n = strcspn(data, "=");

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strlen(names[i]) == n && memcmp(names[i], data, n) == 0)
			return true;
	return false;
}

static bool
is_rcpt_attribute(const char *data)
{
	return strncmp(data, "notify_flags=", 13) == 0 || strncmp(data, "dsn_orig_rcpt=", 14) == 0;
}

static void
put_time(struct copy *c)
{
	if (!c->has_time)
		cleanup_putf(c->cleanup, REC_TIME, "%lld 0", (long long)c->st.mtime_s);
	c->has_time = true;
}

static void
log_sender(struct copy *c, const struct qrec *r)
{
	AUTO(mem_free) char *sender = mem_strndup(r->data, r->len);

	ascii_printable(sender, true);
	if (c->is_requeued)
		log_info("%s: uid=%ld from=<%s> orig_id=%s", cleanup_id(c->cleanup), (long)c->st.uid, sender, c->old_id);
	else
		log_info("%s: uid=%ld from=<%s>", cleanup_id(c->cleanup), (long)c->st.uid, sender);
}

static void
put_record(struct copy *c, const struct qrec *r)
{
	cleanup_put(c->cleanup, r->type, r->data, r->len);
}

static void
end_envelope(struct copy *c, const struct qrec *r)
{
	if (*c->p->conf.content_filter != '\0')
		cleanup_put(c->cleanup, REC_FILTER, c->p->conf.content_filter, strlen(c->p->conf.content_filter));
	put_record(c, r);
	c->segment = 'c';
}

static int
copy_envelope(struct copy *c, const struct qrec *r, struct err *err)
{
	switch (r->type) {
	case REC_TIME:
		if (!c->has_time)
			put_record(c, r);
		c->has_time = true;
		return 0;
	case REC_FROM:
		put_time(c);
		log_sender(c, r);
		c->has_sender = true;
		put_record(c, r);
		return 0;
	case REC_ATTR:
		if (c->is_requeued || is_user_attribute(r->data))
			put_record(c, r);
		return 0;
	case REC_FULLNAME:
	case REC_VERP:
	case REC_RCPT: put_record(c, r); return 0;
	case REC_ORCPT:
	case REC_DSN_ORCPT:
	case REC_DSN_NOTIFY:
	case REC_DSN_ENVID:
	case REC_DSN_RET:
		if (c->is_requeued)
			put_record(c, r);
		return 0;
	case REC_MESG:
		if (!c->has_sender)
			return err_set(err, ERR_PERM, NULL, "no sender record");
		end_envelope(c, r);
		return 0;
	default:
		/* of a queue file: sizes, filter, redirect, warning time, recipients that are done; all made anew or over */
		return c->is_requeued ? 0 : err_set(err, ERR_PERM, NULL, "unexpected record type '%c' in the envelope", r->type);
	}
}

/* Our own Received: header (RFC 5321 section 4.4; no "from", as no host sent it). */
static void
begin_content(struct copy *c, const struct qrec *r)
{
	char date[CLOCK_RFC5322_SIZE];
	bool is_text = r->type == REC_NORM || r->type == REC_CONT;

	c->content_begun = true;
	cleanup_putf(c->cleanup, REC_NORM, "Received: by %s (%s, from userid %ld)", c->p->conf.myhostname, c->p->conf.mail_name, (long)c->st.uid);
	cleanup_putf(c->cleanup, REC_NORM, "\tid %s; %s", cleanup_id(c->cleanup), clock_rfc5322(c->st.mtime_s, date));
	/* a first line that begins with a blank would continue our header */
	if (is_text && r->len > 0 && ascii_is_blank((unsigned char)*r->data))
		cleanup_put(c->cleanup, REC_NORM, "", 0);
}

static int
copy_content(struct copy *c, const struct qrec *r, struct err *err)
{
	if (!c->content_begun)
		begin_content(c, r);
	if (r->type != REC_NORM && r->type != REC_CONT && r->type != REC_XTRA)
		return err_set(err, ERR_PERM, NULL, "unexpected record type '%c' in the content", r->type);
	put_record(c, r);
	if (r->type == REC_XTRA)
		c->segment = 'x';
	return 0;
}

static int
copy_extracted(struct copy *c, const struct qrec *r, struct err *err)
{
	switch (r->type) {
	case REC_RCPT:
	case REC_END: put_record(c, r); return 0;
	case REC_ORCPT:
		if (c->is_requeued)
			put_record(c, r);
		return 0;
	case REC_ATTR:
		if (c->is_requeued ? is_rcpt_attribute(r->data) : is_user_attribute(r->data))
			put_record(c, r);
		return 0;
	default:
		return c->is_requeued ? 0 : err_set(err, ERR_PERM, NULL, "unexpected record type '%c' behind the content", r->type);
	}
}

static int
copy_records(struct copy *c, struct err *err)
{
	struct qrec r = { .type = 0 };
	int rc;

	while ((rc = qfile_next(c->file, &r, err)) > 0) {
		int step = c->segment == 'e' ? copy_envelope(c, &r, err) : c->segment == 'c' ? copy_content(c, &r, err) : copy_extracted(c, &r, err);

		if (step < 0)
			return -1;
		if (cleanup_failed(c->cleanup))
			return 0;	/* cleanup_end has the reason */
	}
	if (rc == 0 && r.type != REC_END)
		return err_set(err, ERR_PERM, NULL, "missing end record");
	return rc;
}

/* A refusal that no repetition changes; mail that cleanup could send back to its sender is none. */
static enum pickup_result
judge(const struct cleanup_result *r, struct err *why)
{
	const struct cleanup_text *text = cleanup_status_text(r->status);

	if (r->status == 0)
		return PICKUP_DONE;
	err_set(why, ERR_TEMP, NULL, "%s", *r->reason != '\0' ? r->reason : text != NULL ? text->text : "refused by cleanup");
	return r->status & (CLEANUP_WRITE | CLEANUP_PROXY | CLEANUP_DEFER) ? PICKUP_LATER : PICKUP_BAD;
}

static enum pickup_result
hand_over(struct copy *c, struct err *why)
{
	struct cleanup_result result;
	int flags = c->p->flags | CLEANUP_BOUNCE_ON_ERROR;

	if (c->is_requeued)
		flags &= ~CLEANUP_MILTERS;	/* they have seen it */
	c->cleanup = cleanup_begin(c->p->cleanup, flags, why);
	if (c->cleanup == NULL)
		return PICKUP_STUCK;
	if (copy_records(c, why) < 0)
		return why->class == ERR_PERM ? PICKUP_BAD : PICKUP_LATER;
	if (cleanup_end(c->cleanup, &result, why) < 0)
		return PICKUP_LATER;
	return judge(&result, why);
}

enum pickup_result
pickup_message(struct pickup *p, const char *id, struct err *why)
{
	struct copy c = { .p = p, .old_id = id, .segment = 'e' };
	enum pickup_result result;

	/* while postdrop writes it, it cannot be opened; postdrop wakes us up when it is done */
	if (queue_stat(p->queue, QUEUE_MAILDROP, id, &c.st, why) < 0)
		return why->sys == ENOENT ? PICKUP_GONE : why->class == ERR_PERM ? PICKUP_BAD : PICKUP_LATER;
	if (!c.st.is_ready)
		return PICKUP_GONE;
	c.file = qfile_open(p->queue, QUEUE_MAILDROP, id, QFILE_LOCK_NONE, why);
	if (c.file == NULL)
		return why->sys == ENOENT ? PICKUP_GONE : why->class == ERR_PERM ? PICKUP_BAD : PICKUP_LATER;
	if (qfile_stat(c.file, &c.st, why) < 0) {
		result = PICKUP_LATER;
	} else {
		c.is_requeued = c.st.uid == geteuid() && (c.st.mode & 0004) == 0;
		result = hand_over(&c, why);
	}
	cleanup_free(&c.cleanup);
	qfile_free(&c.file);
	return result;
}
