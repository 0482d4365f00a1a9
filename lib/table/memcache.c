/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcache: a memcached server, in front of a backup table or alone, "memcache:/path/of/configuration" (memcache_table(5))
 *
 * The cache is asked first; what only the backup knows is put into the cache.  A key that cannot be a memcached key (blanks, control
 * characters, over 250 bytes) is looked up in the backup only.  Without a backup, trouble with the server is a temporary error.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "table/netconf.h"
#include "table/netpool.h"

enum { KEY_MAX = 250, LENGTH_DIGITS = 10 };

struct memcache {
	struct netpool *pool;
	struct netquery key;	/* key_format and domain */
	struct table *backup;	/* or NULL */
	int64_t ttl, flags, line_max, data_max;
};
struct ask {
	const struct memcache *m;
	const char *key;	/* as the server has it */
	const char *data;	/* to set; NULL: delete */
	struct strbuf *value;	/* of get */
	bool found;
};

static void
memcache_close(struct table *t)
{
	struct memcache *m = t->state;

	netpool_free(&m->pool);
	netquery_done(&m->key);
	table_free(&m->backup);
	mem_free(&t->state);
}

static int
open_pool(struct memcache *m, struct netconf *nc, struct err *err)
{
	struct netpool_limits limits = { 0 };
	int64_t tries;
	uint64_t timeout;

	if (netconf_int(nc, "line_size_limit", 1024, 512, 1 << 20, &m->line_max, err) < 0 ||
	    netconf_int(nc, "max_try", 2, 1, 100, &tries, err) < 0 ||
	    netconf_time(nc, "retry_pause", 1000, &limits.pause_ms, err) < 0 ||
	    netconf_time(nc, "timeout", 2000, &timeout, err) < 0)
		return -1;
	limits.tries = (unsigned)tries;
	limits.in_size = (size_t)m->line_max + 2;
	limits.timeout_ms = (timeout + limits.pause_ms) * limits.tries;	/* the time limit is one of each try */
	m->pool = netpool_new(netconf_get(nc, "memcache", "inet:localhost:11211"), &limits, err);
	return m->pool != NULL ? 0 : -1;
}

static int
load(struct table *t, struct memcache *m, struct netconf *nc, struct err *err)
{
	AUTO(mem_free) char *format = mem_strdup(netconf_get(nc, "key_format", "%s"));
	const char *backup;

	if (netconf_int(nc, "ttl", 3600, 0, INT32_MAX, &m->ttl, err) < 0 || netconf_int(nc, "flags", 0, 0, INT32_MAX, &m->flags, err) < 0 ||
	    netconf_int(nc, "data_size_limit", 10240, 1, TABLE_VALUE_MAX, &m->data_max, err) < 0 || open_pool(m, nc, err) < 0 ||
	    netquery_load(&m->key, nc, NETQUERY_PLAIN, "key_format", format, err) < 0)
		return -1;
	backup = netconf_get(nc, "backup", "");
	if (*backup == '\0')
		return 0;
	if (strncmp(backup, "memcache:", 9) == 0)
		return err_set(err, ERR_CONF, NULL, "backup: a memcache behind another one is not supported");
	m->backup = table_open(backup, t->flags, t->conf, err);
	return m->backup != NULL ? 0 : err_prefix(err, "backup: ");
}

static int
memcache_open(struct table *t, struct err *err)
{
	AUTO(netconf_free) struct netconf *nc = netconf_open(t, err);

	if (nc == NULL)
		return -1;
	t->state = NEW(struct memcache);
	if (load(t, t->state, nc, err) == 0)
		return 0;
	memcache_close(t);
	return err_prefix(err, "%s: ", t->spec);
}

/* ---- the protocol */
static int
read_line(struct stream *s, const struct ask *a, char **line, struct err *err)
{
	size_t len;
	int r = stream_line(s, line, &len, (size_t)a->m->line_max, err);

	if (r == 0)
		return err_set(err, ERR_EOF, "4.3.0", "connection closed within a reply");
	if (r < 0)
		return -1;
	if (len > 0 && (*line)[len - 1] == '\r')
		(*line)[--len] = '\0';
	return strlen(*line) == len ? 0 : err_set(err, ERR_PROTO, "4.3.0", "NUL byte in reply");
}

static int
unexpected(const char *line, struct err *err)
{
	return err_set(err, ERR_PROTO, "4.3.0", "unexpected reply: \"%.100s\"", line);
}

/* "VALUE key flags length": the length. */
static int
value_length(const struct ask *a, const char *line, size_t *length, struct err *err)
{
	size_t n = strlen(a->key), digits;
	const char *p = line + 6;

	if (strncmp(line, "VALUE ", 6) != 0 || strncmp(p, a->key, n) != 0 || p[n] != ' ')
		return unexpected(line, err);
	p += n + 1;
	digits = strspn(p, "0123456789");
	if (digits == 0 || p[digits] != ' ')
		return unexpected(line, err);
	p += digits + 1;
	digits = strspn(p, "0123456789");
	if (digits == 0 || digits > LENGTH_DIGITS || p[digits] != '\0')
		return unexpected(line, err);
	*length = strtoull(p, NULL, 10);
	if (*length > (size_t)a->m->data_max)
		return err_set(err, ERR_PROTO, "4.3.0", "value of %zu bytes, over data_size_limit", *length);
	return 0;
}

static int
read_value(struct stream *s, const struct ask *a, size_t n, struct err *err)
{
	char *room = strbuf_room(a->value, n + 2), *line;
	int r;

	if (room == NULL)
		return err_set(err, ERR_PROTO, "4.3.0", "value of %zu bytes", n);
	r = stream_read_exact(s, room, n + 2, err);
	if (r <= 0)
		return r < 0 ? -1 : err_set(err, ERR_EOF, "4.3.0", "connection closed within a value");
	if (room[n] != '\r' || room[n + 1] != '\n')
		return err_set(err, ERR_PROTO, "4.3.0", "value without its end");
	strbuf_grown(a->value, n);
	if (strlen(a->value->s) != a->value->len)
		return err_set(err, ERR_PROTO, "4.3.0", "NUL byte in a value");
	if (read_line(s, a, &line, err) < 0)
		return -1;
	return strcmp(line, "END") == 0 ? 0 : unexpected(line, err);
}

static int
get(struct stream *s, void *arg, struct err *err)
{
	struct ask *a = arg;
	size_t n = 0;
	char *line;

	strbuf_reset(a->value);
	a->found = false;
	stream_printf(s, "get %s\r\n", a->key);
	if (stream_flush(s, err) < 0 || read_line(s, a, &line, err) < 0)
		return -1;
	if (strcmp(line, "END") == 0)
		return 0;
	if (value_length(a, line, &n, err) < 0 || read_value(s, a, n, err) < 0)
		return -1;
	a->found = true;
	return 0;
}

static int
set(struct stream *s, void *arg, struct err *err)
{
	struct ask *a = arg;
	size_t n = strlen(a->data);
	char *line;

	stream_printf(s, "set %s %lld %lld %zu\r\n", a->key, (long long)a->m->flags, (long long)a->m->ttl, n);
	if (stream_write(s, a->data, n, err) < 0 || stream_write(s, "\r\n", 2, err) < 0 || stream_flush(s, err) < 0 ||
	    read_line(s, a, &line, err) < 0)
		return -1;
	a->found = strcmp(line, "STORED") == 0;
	return a->found || strcmp(line, "NOT_STORED") == 0 ? 0 : unexpected(line, err);
}

static int
delete(struct stream *s, void *arg, struct err *err)
{
	struct ask *a = arg;
	char *line;

	stream_printf(s, "delete %s\r\n", a->key);
	if (stream_flush(s, err) < 0 || read_line(s, a, &line, err) < 0)
		return -1;
	a->found = strcmp(line, "DELETED") == 0;
	return a->found || strcmp(line, "NOT_FOUND") == 0 ? 0 : unexpected(line, err);
}

/* ---- the table */
enum key_kind { KEY_NONE /* not one of this table */, KEY_GOOD, KEY_ODD /* the server cannot have it */ };

static int
make_key(const struct memcache *m, const char *key, struct strbuf *out, struct err *err)
{
	int r = netquery_build(&m->key, key, NULL, NULL, out, err);

	if (r <= 0)
		return r < 0 ? -1 : KEY_NONE;
	if (out->len > KEY_MAX)
		return KEY_ODD;
	for (const char *p = out->s; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return KEY_ODD;
	return KEY_GOOD;
}

/* What does not get into the cache, or not out of it, costs time only: the backup is what counts. */
static void
tell(const struct table *t, const struct err *err)
{
	log_warning("%s: %s", t->spec, err->text);
}

static int
lookup_backup(struct table *t, const char *key, const char *mc_key, struct strbuf *value, struct err *err)
{
	struct memcache *m = t->state;
	struct err local = ERR_INIT;
	struct ask a = { .m = m, .key = mc_key };
	int r = table_lookup(m->backup, key, value, err);

	if (r != 1 || mc_key == NULL || value->overflow || value->len > (size_t)m->data_max)
		return r;
	a.data = value->s;
	if (netpool_call(m->pool, set, &a, &local) < 0)
		tell(t, &local);
	return 1;
}

static int
memcache_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	struct memcache *m = t->state;
	AUTO(strbuf_done) struct strbuf mc_key = STRBUF_INIT(TABLE_KEY_MAX), found = STRBUF_INIT((size_t)m->data_max + 2);
	struct err local = ERR_INIT;
	struct ask a = { .m = m, .value = &found };
	int kind = make_key(m, key, &mc_key, err), r = 0;

	if (kind < 0)
		return err_prefix(err, "%s: ", t->spec);
	if (kind == KEY_NONE)
		return 0;
	a.key = mc_key.s;
	if (kind == KEY_GOOD)
		r = netpool_call(m->pool, get, &a, &local);
	if (kind == KEY_GOOD && r == 0 && a.found) {
		strbuf_add(value, found.s, found.len);
		return 1;
	}
	if (m->backup == NULL)
		return r < 0 ? err_set(err, local.class, local.dsn, "%s: %s", t->spec, local.text) : 0;
	if (r < 0)
		tell(t, &local);
	return lookup_backup(t, key, kind == KEY_GOOD && r == 0 ? mc_key.s : NULL, value, err);
}

static int
change(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	struct memcache *m = t->state;
	AUTO(strbuf_done) struct strbuf mc_key = STRBUF_INIT(TABLE_KEY_MAX);
	struct ask a = { .m = m, .data = value };
	int kind = make_key(m, key, &mc_key, err);

	*existed = false;
	if (kind < 0)
		return err_prefix(err, "%s: ", t->spec);
	if (kind != KEY_GOOD)
		return 0;
	a.key = mc_key.s;
	/* too large for the cache: an older value must not stay there */
	if (value != NULL && strlen(value) > (size_t)m->data_max)
		a.data = NULL;
	if (netpool_call(m->pool, a.data != NULL ? set : delete, &a, err) < 0)
		return err_prefix(err, "%s: ", t->spec);
	*existed = a.found;
	return 0;
}

/* The backup first; a cache that cannot be told may give an old value until its time is over, which the caller hears of. */
static int
memcache_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	struct memcache *m = t->state;
	bool cached;

	*existed = false;
	if (m->backup != NULL && table_put(m->backup, key, value, existed, err) < 0)
		return -1;
	return change(t, key, value, &cached, err);
}

static int
memcache_del(struct table *t, const char *key, struct err *err)
{
	struct memcache *m = t->state;
	bool cached;
	int r = m->backup != NULL ? table_delete(m->backup, key, err) : 0;

	if (r < 0 || change(t, key, NULL, &cached, err) < 0)
		return -1;
	return r == 1 || cached;
}

static int
memcache_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err)
{
	struct memcache *m = t->state;

	if (m->backup == NULL)
		return err_set(err, ERR_CONF, NULL, "table %s: sequence operation is not supported without a backup table", t->spec);
	return table_each(m->backup, first, key, value, err);
}

static int
memcache_sync(struct table *t, struct err *err)
{
	struct memcache *m = t->state;

	return m->backup != NULL ? table_sync(m->backup, err) : 0;
}

static bool
memcache_is_stale(struct table *t)
{
	struct memcache *m = t->state;

	return m->backup != NULL && table_is_stale(m->backup);
}

const struct table_driver table_memcache = {
	.type = "memcache", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL | TABLE_T_PROXIED | TABLE_T_STUB,
	.open = memcache_open, .close = memcache_close, .lookup = memcache_lookup, .is_stale = memcache_is_stale,
	.put = memcache_put, .del = memcache_del, .each = memcache_each, .sync = memcache_sync,
};
