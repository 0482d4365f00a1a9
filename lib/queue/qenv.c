/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope in one piece: what the envelope and the extracted segment of a message say, with limits, in one pass.
 *
 * The content between the two is skipped by the size record.  When there are more recipients than asked for, the rest is left for
 * qenv_more(); records that speak of the whole message are still read, so that a filter behind the content is known at once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "queue/queue_priv.h"

enum { ATTRS_MAX = 1000, HINT_MIXED = 1, HINTS_KNOWN = 31, OPTIONS_KNOWN = 63 };

struct reader {
	struct qfile *f;
	struct pool *pool;
	struct qenv *env;
	struct err *err;
	size_t limit;
	bool is_more;			/* second and later portions: recipients only */
	char segment;			/* 'e', 'c', 'x' */
	bool has_size, has_time, has_from;
	off_t last_next;		/* behind the last recipient taken */
	char last_segment;
	/* of the next recipient */
	const char *orig, *orcpt;
	int notify;
	struct qrcpt *rcpts;
	size_t cap_rcpts;
	struct qattr *attrs;
	size_t cap_attrs;
};

static int
damaged(struct reader *r, const char *what, const struct qrec *rec)
{
	return err_set(r->err, ERR_PERM, "5.3.0", "%s at offset %lld", what, (long long)rec->at);
}

static const char *
keep(struct reader *r, const struct qrec *rec)
{
	return rec->len == 0 ? "" : pool_strndup(r->pool, rec->data, rec->len);
}

/* Blank-separated decimal numbers; how many, or -1. */
static int
parse_numbers(const char *s, int64_t *out, int max)
{
	int n = 0;

	while (n < max) {
		int64_t v = 0;
		bool minus;

		while (*s == ' ')
			s++;
		if (*s == '\0')
			break;
		minus = *s == '-';
		s += minus;
		if (!ascii_is_digit((unsigned char)*s))
			return -1;
		for (; ascii_is_digit((unsigned char)*s); s++)
			if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
				return -1;
		out[n++] = minus ? -v : v;
	}
	while (*s == ' ')
		s++;
	return *s == '\0' ? n : -1;
}

static int
take_size(struct reader *r, const struct qrec *rec)
{
	int64_t v[6] = { 0, 0, 0, 0, 0, 0 };
	int n = parse_numbers(rec->data, v, 6);

	/* sendmail(1) of 3.12 sends -1 for what it does not know */
	if (n < 1 || r->has_size)
		return damaged(r, "bad size record", rec);
	if (v[0] < 0)
		v[0] = v[1] = v[2] = v[3] = v[4] = 0;
	if (v[1] < 0 || v[2] < 0)
		return damaged(r, "bad size record", rec);
	if (v[3] & ~(int64_t)HINTS_KNOWN)
		return damaged(r, "invalid flags in size record", rec);
	r->has_size = n >= 2 && v[1] > 0;
	r->env->content_size = v[0];
	r->env->content_offset = v[1];
	r->env->n_rcpts_hint = v[2];
	r->env->hints = (int)v[3];
	r->env->content_length = n >= 5 ? v[4] : v[0];
	r->env->send_options = (int)(v[5] & OPTIONS_KNOWN);
	return 0;
}

static int
take_time(struct reader *r, const struct qrec *rec)
{
	int64_t v[2] = { 0, 0 };

	if (parse_numbers(rec->data, v, 2) < 1 || v[0] < 0 || v[1] < 0 || v[1] > 999999)
		return damaged(r, "bad arrival time record", rec);
	if (!r->has_time) {
		r->env->arrival.tv_sec = (time_t)v[0];
		r->env->arrival.tv_usec = (suseconds_t)v[1];
	}
	r->has_time = true;
	return 0;
}

static int
add_attr(struct reader *r, const char *name, const char *value, const struct qrec *rec)
{
	size_t n = r->env->n_attrs;

	if (n >= ATTRS_MAX)
		return damaged(r, "too many attributes", rec);
	if (n == r->cap_attrs) {
		size_t cap = n == 0 ? 32 : n * 2;
		struct qattr *a = pool_alloc_array(r->pool, cap, sizeof(*a));

		if (n > 0)
			memcpy(a, r->attrs, n * sizeof(*a));
		r->attrs = a;
		r->cap_attrs = cap;
	}
	r->attrs[n].name = name;
	r->attrs[n].value = value;
	r->env->attrs = r->attrs;
	r->env->n_attrs = n + 1;
	return 0;
}

static int
small_number(const char *s, int max)
{
	uint64_t v;

	return num_parse_u64(s, 0, (uint64_t)max, &v) < 0 ? 0 : (int)v;
}

static void
take_create_time(struct reader *r, const char *value)
{
	int64_t t;

	if (num_parse_i64(value, 0, INT64_MAX, &t) == 0)
		r->env->create_time = t;
}

/* Attributes of the whole message; 1 when it was one of those with a field of their own. */
static int
take_known(struct reader *r, const char *name, const char *value, const struct qrec *rec)
{
	struct qenv *e = r->env;
	const struct {
		const char *name, **to;
	} strings[] = {
		{ "encoding", &e->encoding }, { "envelope_id", &e->dsn_envid }, { "log_ident", &e->log_ident },
		{ "rewrite_context", &e->rewrite_context },
	};

	for (size_t i = 0; i < COUNT_OF(strings); i++)
		if (*name == *strings[i].name && strcmp(name, strings[i].name) == 0) {
			*strings[i].to = value;
			return 1;
		}
	if (strcmp(name, "create_time") == 0) {
		take_create_time(r, value);
	} else if (strcmp(name, "ret_flags") == 0) {
		e->dsn_ret = small_number(value, 2);
	} else if (strcmp(name, "trace_flags") == 0) {
		e->trace_flags = small_number(value, 1 << 20);
		e->trace_flags_at = rec->at;
	} else {
		return 0;
	}
	return 1;
}

static int
take_attr(struct reader *r, const struct qrec *rec)
{
	const char *eq = memchr(rec->data, '=', rec->len), *value;
	char *name;

	if (eq == NULL || eq == rec->data)
		return damaged(r, "bad attribute record", rec);
	name = pool_alloc(r->pool, rec->len + 1);
	memcpy(name, rec->data, rec->len);
	name[eq - rec->data] = '\0';
	value = name + (eq - rec->data) + 1;
	if (strcmp(name, "notify_flags") == 0) {
		r->notify = small_number(value, 15);
		return 0;
	}
	if (strcmp(name, "dsn_orig_rcpt") == 0) {
		r->orcpt = value;
		return 0;
	}
	if (r->is_more || take_known(r, name, value, rec) == 1)
		return 0;
	return add_attr(r, name, value, rec);
}

static void
rcpt_reset(struct reader *r)
{
	r->orig = r->orcpt = "";
	r->notify = 0;
}

static void
take_rcpt(struct reader *r, const struct qrec *rec)
{
	struct qenv *e = r->env;

	if (e->n_rcpts >= r->limit) {
		if (e->resume_at == 0) {
			e->resume_at = r->last_next;
			e->resume_segment = r->last_segment;
		}
		return;
	}
	if (e->n_rcpts == r->cap_rcpts) {
		size_t cap = r->cap_rcpts == 0 ? 8 : r->cap_rcpts * 2;
		struct qrcpt *n = pool_alloc_array(r->pool, cap, sizeof(*n));

		if (e->n_rcpts > 0)
			memcpy(n, r->rcpts, e->n_rcpts * sizeof(*n));
		r->rcpts = n;
		r->cap_rcpts = cap;
	}
	r->rcpts[e->n_rcpts++] = (struct qrcpt){
		.addr = keep(r, rec), .orig = r->orig, .dsn_orcpt = r->orcpt, .dsn_notify = r->notify, .offset = rec->at,
	};
	e->rcpts = r->rcpts;
	r->last_next = rec->next;
	r->last_segment = r->segment;
	rcpt_reset(r);
}

static int
take_warn(struct reader *r, const struct qrec *rec)
{
	int64_t v;

	if (parse_numbers(rec->data, &v, 1) != 1)
		return damaged(r, "bad warning time record", rec);
	if (r->env->warn_at < 0) {
		r->env->warn_at = rec->at;
		r->env->warn_time = v > 0 ? v : 0;
	}
	return 0;
}

/* Records of the whole message. */
static int
take_other(struct reader *r, const struct qrec *rec)
{
	struct qenv *e = r->env;

	switch (rec->type) {
	case REC_SIZE:
		return take_size(r, rec);
	case REC_TIME:
		return take_time(r, rec);
	case REC_FROM:
		if (r->has_from)
			return damaged(r, "second sender record", rec);
		r->has_from = true;
		e->sender = keep(r, rec);
		break;
	case REC_FULLNAME:
		if (e->fullname[0] == '\0')
			e->fullname = keep(r, rec);
		break;
	case REC_FILTER:
		e->filter = keep(r, rec);
		break;
	case REC_REDIRECT:
		e->redirect = keep(r, rec);
		break;
	case REC_VERP:
		e->verp = keep(r, rec);
		break;
	case REC_WARN:
		return take_warn(r, rec);
	case REC_CREATE:
		take_create_time(r, rec->data);
		break;
	case REC_DSN_RET:
		e->dsn_ret = small_number(rec->data, 2);
		break;
	case REC_DSN_ENVID:
		e->dsn_envid = keep(r, rec);
		break;
	default:	/* killed, inspector, priority and the like: read over */
		break;
	}
	return 0;
}

static int
take_record(struct reader *r, const struct qrec *rec)
{
	switch (rec->type) {
	case REC_ATTR:
		return take_attr(r, rec);
	case REC_ORCPT:
		r->orig = keep(r, rec);
		return 0;
	case REC_DSN_ORCPT:
		r->orcpt = keep(r, rec);
		return 0;
	case REC_DSN_NOTIFY:
		r->notify = small_number(rec->data, 15);
		return 0;
	case REC_RCPT:
		take_rcpt(r, rec);
		return 0;
	case REC_DONE:
	case REC_CANCELED:
		r->env->n_done++;
		rcpt_reset(r);
		return 0;
	default:
		return r->is_more ? 0 : take_other(r, rec);
	}
}

/* From the content marker, or from where reading stopped, to behind the record that ends the content. */
static int
skip_content(struct reader *r)
{
	struct qrec rec = { 0 };
	off_t x = (off_t)(r->env->content_offset + r->env->content_size);
	int n;

	if (r->has_size) {
		qfile_seek(r->f, x);
		n = qfile_next(r->f, &rec, r->err);
		if (n < 0 || rec.type != REC_XTRA)
			return err_set(r->err, ERR_PERM, "5.3.0", "no end of the content at offset %lld, where the size record has it",
			    (long long)x);
	} else {
		do
			n = qfile_next(r->f, &rec, r->err);
		while (n == 1 && rec.type != REC_XTRA && rec_is_allowed(rec.type, 'c'));
		if (n < 0)
			return -1;
		if (n == 0 || rec.type != REC_XTRA)
			return damaged(r, "unexpected record in the content", &rec);
	}
	r->segment = 'x';
	return 0;
}

static int
check_marker(struct reader *r, const struct qrec *rec)
{
	if (r->has_size && rec->next != r->env->content_offset)
		return err_set(r->err, ERR_PERM, "5.3.0",
		    "content marker at offset %lld, but the size record says that the content begins at %lld",
		    (long long)rec->at, (long long)r->env->content_offset);
	return 0;
}

static int
read_segments(struct reader *r)
{
	for (;;) {
		struct qrec rec = { 0 };
		int n = qfile_next(r->f, &rec, r->err);

		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		if (!rec_is_allowed(rec.type, r->segment)) {
			const char c = (char)rec.type;

			return err_set(r->err, ERR_PERM, "5.3.0", "unexpected record type '%c' (%d) at offset %lld",
			    ascii_is_print(rec.type) ? c : '?', rec.type, (long long)rec.at);
		}
		if (rec.type == REC_END)
			return 0;
		if (rec.type == REC_MESG) {
			if (check_marker(r, &rec) < 0 || skip_content(r) < 0)
				return -1;
			rcpt_reset(r);
			continue;
		}
		if (take_record(r, &rec) < 0)
			return -1;
		/* Enough recipients, and nothing but recipients between here and the content. */
		if (r->env->resume_at != 0 && r->segment == 'e' && r->has_size && (r->env->hints & HINT_MIXED) == 0) {
			if (r->is_more)
				return 0;
			if (skip_content(r) < 0)
				return -1;
		}
		if (r->env->resume_at != 0 && r->is_more)
			return 0;
	}
}

static void
env_init(struct qenv *e)
{
	memset(e, 0, sizeof(*e));
	e->sender = e->fullname = e->filter = e->redirect = e->verp = e->encoding = e->dsn_envid = e->log_ident =
	    e->rewrite_context = "";
	e->trace_flags_at = e->warn_at = -1;
}

int
qenv_read(struct qfile *f, struct pool *pool, size_t limit, struct qenv *env, struct err *err)
{
	struct reader r = { .f = f, .pool = pool, .env = env, .err = err, .limit = limit, .segment = 'e' };

	env_init(env);
	rcpt_reset(&r);
	r.last_segment = 'e';
	qfile_seek(f, 0);
	if (read_segments(&r) < 0)
		return -1;
	if (!r.has_time)
		return err_set(err, ERR_PERM, "5.3.0", "missing arrival time record before offset %lld", (long long)qfile_pos(f));
	if (!r.has_from)
		return err_set(err, ERR_PERM, "5.3.0", "missing sender record before offset %lld", (long long)qfile_pos(f));
	if (env->create_time == 0)
		env->create_time = env->arrival.tv_sec;
	return 0;
}

int
qenv_more(struct qfile *f, struct pool *pool, size_t limit, struct qenv *env, struct err *err)
{
	struct reader r = { .f = f, .pool = pool, .env = env, .err = err, .limit = limit, .is_more = true };

	env->rcpts = NULL;
	env->n_rcpts = 0;
	if (env->resume_at == 0)
		return 0;
	r.segment = env->resume_segment;
	r.has_size = env->content_offset > 0;
	r.last_next = env->resume_at;
	r.last_segment = r.segment;
	rcpt_reset(&r);
	qfile_seek(f, env->resume_at);
	env->resume_at = 0;
	return read_segments(&r);
}

const char *
qenv_attr(const struct qenv *env, const char *name)
{
	for (size_t i = env->n_attrs; i > 0; i--)
		if (strcmp(env->attrs[i - 1].name, name) == 0)
			return env->attrs[i - 1].value;
	return NULL;
}
