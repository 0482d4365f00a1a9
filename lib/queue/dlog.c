/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery records: text blocks in bounce/ID, defer/ID, trace/ID. */
#include "queue/dlog.h"

#include <errno.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "queue/queue_priv.h"

enum { DLOG_MAX = 64 << 20, LINE_MAX_BYTES = 16 << 10 };

/* Line ends would make new lines of their own: they and other control characters become '?'. */
static void
add_line(struct strbuf *b, const char *name, const char *value)
{
	size_t at;

	strbuf_addf(b, "%s=", name);
	at = b->len;
	strbuf_add(b, value, strnlen(value, LINE_MAX_BYTES));
	for (size_t i = at; i < b->len; i++)
		if (ascii_is_cntrl((unsigned char)b->s[i]))
			b->s[i] = '?';
	strbuf_addc(b, '\n');
}

static void
add_addr(struct strbuf *b, const char *name, const char *addr)
{
	AUTO(strbuf_done) struct strbuf q = STRBUF_INIT(LINE_MAX_BYTES);

	addr_quote(&q, addr);
	add_line(b, name, q.len > 0 ? q.s : "<>");
}

static void
add_pair(struct strbuf *b, const char *n1, const char *v1, const char *n2, const char *v2)
{
	if (v1 == NULL || v2 == NULL || *v1 == '\0' || *v2 == '\0')
		return;
	add_line(b, n1, v1);
	add_line(b, n2, v2);
}

static void
add_compat(struct strbuf *b, const struct dlog_entry *e)
{
	AUTO(strbuf_done) struct strbuf t = STRBUF_INIT(2 * LINE_MAX_BYTES);

	if (*e->rcpt != '\0') {
		strbuf_addc(&t, '<');
		addr_quote(&t, e->rcpt);
		strbuf_adds(&t, ">");
	} else {
		strbuf_adds(&t, "<>");
	}
	strbuf_addf(&t, ": %s", e->reason);
	for (size_t i = 0; i < t.len; i++)
		if (ascii_is_cntrl((unsigned char)t.s[i]))
			t.s[i] = '?';
	strbuf_adds(b, t.s);
	strbuf_addc(b, '\n');
}

int
dlog_append(struct queue *q, enum queue_name which, const char *id, const struct dlog_entry *e, bool compat_text, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(16 * LINE_MAX_BYTES);

	if (!queue_id_is_valid(id))
		return err_set(err, ERR_PERM, NULL, "bad queue id");
	strbuf_addc(&b, '\n');
	if (compat_text)
		add_compat(&b, e);
	add_addr(&b, "recipient", e->rcpt);
	if (e->orig_rcpt != NULL && *e->orig_rcpt != '\0' && ascii_casecmp(e->rcpt, e->orig_rcpt) != 0)
		add_addr(&b, "original_recipient", e->orig_rcpt);
	if (e->offset > 0)
		strbuf_addf(&b, "offset=%lld\n", (long long)e->offset);
	if (e->dsn_orcpt != NULL && *e->dsn_orcpt != '\0')
		add_line(&b, "dsn_orig_rcpt", e->dsn_orcpt);
	if (e->dsn_notify != 0)
		strbuf_addf(&b, "notify_flags=%d\n", e->dsn_notify);
	if (e->status != NULL && *e->status != '\0')
		add_line(&b, "status", e->status);
	if (e->action != NULL && *e->action != '\0')
		add_line(&b, "action", e->action);
	add_pair(&b, "diag_type", e->diag_type, "diag_text", e->diag_text);
	add_pair(&b, "mta_type", e->mta_type, "mta_mname", e->mta_name);
	add_line(&b, "reason", e->reason);
	strbuf_addc(&b, '\n');
	if (b.overflow)
		return err_set(err, ERR_TEMP, NULL, "delivery record of %s is too long", id);
	return q->ops->log_append(q, which, id, b.s, b.len, err);
}

/* Addresses in logs are in the external form; inside we have them unquoted. */
static const char *
unquote_addr(struct pool *pool, const char *s)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(LINE_MAX_BYTES);

	if (strcmp(s, "<>") == 0)
		return "";
	addr_unquote(&b, s);
	return pool_strdup(pool, b.s);
}

static void
entry_init(struct dlog_entry *e, enum queue_name which)
{
	*e = (struct dlog_entry){
		.rcpt = NULL, .orig_rcpt = "", .dsn_orcpt = "", .offset = -1,
		.status = which == QUEUE_DEFER ? "4.0.0" : "5.0.0", .action = which == QUEUE_DEFER ? "delayed" : "failed",
		.diag_type = "", .diag_text = "", .mta_type = "", .mta_name = "", .reason = "",
	};
}

static void
take_line(struct dlog_entry *e, struct pool *pool, const char *name, const char *value)
{
	const struct {
		const char *name, **to;
	} strings[] = {
		{ "dsn_orig_rcpt", &e->dsn_orcpt }, { "status", &e->status }, { "action", &e->action }, { "diag_type", &e->diag_type },
		{ "diag_text", &e->diag_text }, { "mta_type", &e->mta_type }, { "mta_mname", &e->mta_name }, { "reason", &e->reason },
	};
	uint64_t v;

	if (strcmp(name, "recipient") == 0) {
		e->rcpt = unquote_addr(pool, value);
	} else if (strcmp(name, "original_recipient") == 0) {
		e->orig_rcpt = unquote_addr(pool, value);
	} else if (strcmp(name, "offset") == 0) {
		e->offset = num_parse_u64(value, 1, INT64_MAX, &v) == 0 ? (int64_t)v : -1;
	} else if (strcmp(name, "notify_flags") == 0) {
		e->dsn_notify = num_parse_u64(value, 0, 15, &v) == 0 ? (int)v : 0;
	} else {
		for (size_t i = 0; i < COUNT_OF(strings); i++)
			if (*name == *strings[i].name && strcmp(name, strings[i].name) == 0)
				*strings[i].to = value;
	}
}

struct parse {
	struct pool *pool;
	enum queue_name which;
	struct dlog_entry *list;
	size_t n, cap, limit;
	struct dlog_entry e;
};

static void
entry_end(struct parse *p)
{
	if (p->e.rcpt != NULL && p->n < p->limit) {
		if (p->n == p->cap) {
			struct dlog_entry *l;

			p->cap = p->cap == 0 ? 8 : p->cap * 2;
			l = pool_alloc_array(p->pool, p->cap, sizeof(*l));
			if (p->n > 0)
				memcpy(l, p->list, p->n * sizeof(*l));
			p->list = l;
		}
		p->list[p->n++] = p->e;
	}
	entry_init(&p->e, p->which);
}

/* A line is "name=value", or the readable "<addr>: reason" of old readers, which the others repeat. */
static void
parse_line(struct parse *p, char *line)
{
	char *eq;

	if (*line == '\0') {
		entry_end(p);
		return;
	}
	for (char *c = line; *c != '\0'; c++)
		if (ascii_is_cntrl((unsigned char)*c))
			*c = '?';
	eq = strchr(line, '=');
	if (*line == '<' || eq == NULL)
		return;
	*eq = '\0';
	take_line(&p->e, p->pool, line, eq + 1);
}

/* Where the last entry ends that is whole: behind its empty line. */
static size_t
whole_entries(const char *s, size_t len)
{
	for (size_t i = len; i > 1; i--)
		if (s[i - 1] == '\n' && s[i - 2] == '\n')
			return i;
	return len;	/* no end in sight: damaged */
}

static void
parse_text(struct parse *p, const struct strbuf *b)
{
	char *text;

	/* a damaged log must not hide what follows the damage */
	for (size_t i = 0; i < b->len; i++)
		if (b->s[i] == '\0')
			b->s[i] = '?';
	text = pool_strndup(p->pool, b->s, b->len);
	entry_init(&p->e, p->which);
	for (char *end; text != NULL && p->n < p->limit; text = end) {
		end = strchr(text, '\n');
		if (end != NULL)
			*end++ = '\0';
		parse_line(p, text);
	}
	entry_end(p);
}

static int
read_part(struct queue *q, enum queue_name which, const char *id, struct pool *pool, size_t max, int64_t *at,
    struct dlog_entry **entries, size_t *n, size_t limit, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(max);
	struct parse p = { .pool = pool, .which = which, .limit = limit };
	struct err why = ERR_INIT;
	int more;

	*entries = NULL;
	*n = 0;
	if (!queue_id_is_valid(id))
		return err_set(err, ERR_PERM, NULL, "bad queue id");
	more = q->ops->log_read(q, which, id, (off_t)*at, &b, &why);
	if (more < 0) {
		if (why.sys == ENOENT)
			return 0;
		if (err != NULL)
			*err = why;
		return -1;
	}
	if (more == 1)
		strbuf_cut(&b, whole_entries(b.s, b.len));
	parse_text(&p, &b);
	*at += (int64_t)b.len;
	*entries = p.list;
	*n = p.n;
	return more;
}

int
dlog_read(struct queue *q, enum queue_name which, const char *id, struct pool *pool, struct dlog_entry **entries, size_t *n,
    size_t limit, struct err *err)
{
	int64_t at = 0;

	return read_part(q, which, id, pool, DLOG_MAX, &at, entries, n, limit, err) < 0 ? -1 : 0;
}

int
dlog_read_part(struct queue *q, enum queue_name which, const char *id, struct pool *pool, size_t max, int64_t *at,
    struct dlog_entry **entries, size_t *n, struct err *err)
{
	return read_part(q, which, id, pool, max, at, entries, n, SIZE_MAX, err);
}

int
dlog_remove(struct queue *q, enum queue_name which, const char *id, struct err *err)
{
	struct err why = ERR_INIT;

	if (queue_remove(q, which, id, &why) == 0 || why.sys == ENOENT)
		return 0;
	if (err != NULL)
		*err = why;
	return -1;
}

int
dlog_remove_size(struct queue *q, enum queue_name which, const char *id, int64_t size, struct err *err)
{
	if (!queue_id_is_valid(id))
		return err_set(err, ERR_PERM, NULL, "bad queue id");
	return q->ops->log_remove(q, which, id, size, err);
}
