/* SPDX-License-Identifier: Apache-2.0 */
/* socketmap: a server that is asked in netstrings, "socketmap:inet:host:port:name", "socketmap:unix:path:name" (socketmap_table(5)). */
#include <string.h>

#include "base/mem.h"
#include "table/netpool.h"

enum { TIMEOUT_MS = 100 * 1000, REPLY_MAX = 100000, QUERY_MAX = 10000, DIGITS_MAX = 9 };

struct socketmap {
	struct netpool *pool;
	char *map;		/* the server's name of the table */
	size_t query_max, reply_max;
};
struct ask {
	const struct socketmap *m;
	const struct strbuf *request;	/* a netstring */
	struct strbuf *reply;	/* what was in the netstring */
};

static int
size_param(const struct table *t, const char *name, int64_t dflt, size_t *out, struct err *err)
{
	int64_t v = dflt;

	if (t->conf != NULL && conf_get_int(t->conf, name, dflt, 1, TABLE_VALUE_MAX, &v, err) < 0)
		return -1;
	*out = (size_t)v;
	return 0;
}

static void
socketmap_close(struct table *t)
{
	struct socketmap *m = t->state;

	netpool_free(&m->pool);
	mem_free(&m->map);
	mem_free(&t->state);
}

static int
socketmap_open(struct table *t, struct err *err)
{
	static const struct netpool_limits limits = { .timeout_ms = TIMEOUT_MS, .in_size = 4096, .tries = 1 };
	const char *colon = strrchr(t->name, ':');
	AUTO(mem_free) char *where = colon != NULL ? mem_strndup(t->name, (size_t)(colon - t->name)) : NULL;
	struct socketmap *m;

	if (where == NULL || colon[1] == '\0')
		return err_set(err, ERR_CONF, NULL, "%s: need socketmap:inet:host:port:name or socketmap:unix:path:name", t->spec);
	m = NEW(struct socketmap);
	t->state = m;
	m->map = mem_strdup(colon + 1);
	m->pool = netpool_new(where, &limits, err);
	if (m->pool != NULL && size_param(t, "socketmap_max_query_size", QUERY_MAX, &m->query_max, err) == 0 &&
	    size_param(t, "socketmap_max_reply_size", REPLY_MAX, &m->reply_max, err) == 0)
		return 0;
	socketmap_close(t);
	return err_prefix(err, "%s: ", t->spec);
}

/* "123:" */
static int
read_length(struct stream *s, size_t max, size_t *length, struct err *err)
{
	unsigned digits = 0;

	for (*length = 0;; digits++) {
		char c;
		int r = stream_read_exact(s, &c, 1, err);

		if (r < 0)
			return -1;
		if (r == 0)
			return err_set(err, ERR_EOF, "4.3.0", "connection closed without a reply");
		if (c == ':' && digits > 0)
			return 0;
		if (c < '0' || c > '9' || digits >= DIGITS_MAX)
			return err_set(err, ERR_PROTO, "4.3.0", "malformed netstring: no length");
		*length = *length * 10 + (size_t)(c - '0');
		if (*length > max)
			return err_set(err, ERR_PROTO, "4.3.0", "reply of more than %zu bytes", max);
	}
}

static int
read_text(struct stream *s, size_t n, struct strbuf *out, struct err *err)
{
	char *room = strbuf_room(out, n + 1);	/* the comma is read with it */

	if (room == NULL)
		return err_set(err, ERR_PROTO, "4.3.0", "reply of %zu bytes", n);
	if (stream_read_exact(s, room, n + 1, err) != 1)
		return err != NULL && err->class != ERR_NONE ? -1 : err_set(err, ERR_EOF, "4.3.0", "connection closed within a reply");
	if (room[n] != ',')
		return err_set(err, ERR_PROTO, "4.3.0", "malformed netstring: no comma at its end");
	strbuf_grown(out, n);
	if (strlen(out->s) != out->len)
		return err_set(err, ERR_PROTO, "4.3.0", "NUL byte in reply");
	return 0;
}

static int
exchange(struct stream *s, void *arg, struct err *err)
{
	struct ask *a = arg;
	size_t n;

	strbuf_reset(a->reply);
	if (stream_write(s, a->request->s, a->request->len, err) < 0 || stream_flush(s, err) < 0)
		return -1;
	if (read_length(s, a->m->reply_max, &n, err) < 0)
		return -1;
	return read_text(s, n, a->reply, err);
}

/* "OK value", "NOTFOUND ", "TEMP why", "TIMEOUT why", "PERM why" */
static int
judge(const struct table *t, const struct strbuf *reply, struct strbuf *value, struct err *err)
{
	static const char *const troubles[] = { "TEMP", "TIMEOUT", "PERM" };
	size_t word = strcspn(reply->s, " ");
	const char *text = reply->s[word] == ' ' ? reply->s + word + 1 : reply->s + word;

	if (word == 8 && strncmp(reply->s, "NOTFOUND", word) == 0)
		return 0;
	if (word == 2 && strncmp(reply->s, "OK", word) == 0) {
		strbuf_adds(value, text);
		return 1;
	}
	for (size_t i = 0; i < COUNT_OF(troubles); i++)
		if (word == strlen(troubles[i]) && strncmp(reply->s, troubles[i], word) == 0)
			return err_set(err, ERR_TEMP, "4.3.0", "%s: the server says: %s: %.200s", t->spec, troubles[i], text);
	return err_set(err, ERR_TEMP, "4.3.0", "%s: unknown reply: \"%.100s\"", t->spec, reply->s);
}

static int
socketmap_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	const struct socketmap *m = t->state;
	AUTO(strbuf_done) struct strbuf request = STRBUF_INIT(m->query_max + DIGITS_MAX + 4);
	AUTO(strbuf_done) struct strbuf reply = STRBUF_INIT(m->reply_max + 1);
	struct ask a = { .m = m, .request = &request, .reply = &reply };
	size_t n = strlen(m->map) + 1 + len;

	if (n > m->query_max)
		return err_set(err, ERR_TEMP, "4.3.0", "%s: key of more than %zu bytes: \"%.100s\"", t->spec, m->query_max, key);
	strbuf_addf(&request, "%zu:%s %s,", n, m->map, key);
	if (netpool_call(m->pool, exchange, &a, err) < 0)
		return err_prefix(err, "%s: ", t->spec);
	return judge(t, &reply, value, err);
}

const struct table_driver table_socketmap = {
	.type = "socketmap", .traits = TABLE_T_PROXIED | TABLE_T_STUB,
	.open = socketmap_open, .close = socketmap_close, .lookup = socketmap_lookup,
};
