/* SPDX-License-Identifier: Apache-2.0 */
/* tcp: a server that is asked line by line, "tcp:host:port" (tcp_table(5)). */
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "table/netpool.h"

enum { LINE_MAX_SIZE = 4096, TIMEOUT_MS = 100 * 1000 };

struct ask {
	const char *request;	/* a line with its end */
	size_t len;
	int code;		/* of the answer */
	struct strbuf *text;	/* decoded */
};

static int
tcp_open(struct table *t, struct err *err)
{
	static const struct netpool_limits limits = { .timeout_ms = TIMEOUT_MS, .in_size = LINE_MAX_SIZE + 2, .tries = 1 };
	AUTO(mem_free) char *where = mem_printf("inet:%s", t->name);

	t->state = netpool_new(where, &limits, err);
	return t->state != NULL ? 0 : -1;
}

static void
tcp_close(struct table *t)
{
	struct netpool *p = t->state;

	netpool_free(&p);
	t->state = NULL;
}

static void
encode(const char *key, struct strbuf *out)
{
	for (const unsigned char *p = (const unsigned char *)key; *p != '\0'; p++) {
		if (*p <= ' ' || *p >= 0x7f || *p == '%')
			strbuf_addf(out, "%%%02x", *p);
		else
			strbuf_addc(out, (char)*p);
	}
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
decode(const char *s, struct strbuf *out)
{
	for (; *s != '\0'; s++) {
		int v;

		if (*s != '%') {
			strbuf_addc(out, *s);
			continue;
		}
		if (hex(s[1]) < 0 || hex(s[2]) < 0)
			return -1;
		v = hex(s[1]) * 16 + hex(s[2]);
		if (v == 0)
			return -1;
		strbuf_addc(out, (char)v);
		s += 2;
	}
	return 0;
}

static int
read_reply(struct ask *a, char *line, size_t len, struct err *err)
{
	if (len > 0 && line[len - 1] == '\r')
		line[--len] = '\0';
	if (strlen(line) != len || len < 4 || line[3] != ' ' || strspn(line, "0123456789") != 3)
		return err_set(err, ERR_PROTO, "4.3.0", "malformed reply: \"%.100s\"", line);
	a->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	strbuf_reset(a->text);
	if (a->code != 200 && a->code != 400 && a->code != 500)
		return err_set(err, ERR_PROTO, "4.3.0", "reply with unknown code: \"%.100s\"", line);
	/* only a value has to be what it says */
	if (decode(line + 4, a->text) < 0 && a->code == 200)
		return err_set(err, ERR_PROTO, "4.3.0", "malformed encoding in reply: \"%.100s\"", line);
	return 0;
}

static int
exchange(struct stream *s, void *arg, struct err *err)
{
	struct ask *a = arg;
	char *line;
	size_t len;
	int r;

	if (stream_write(s, a->request, a->len, err) < 0 || stream_flush(s, err) < 0)
		return -1;
	r = stream_line(s, &line, &len, LINE_MAX_SIZE, err);
	if (r == 0)
		return err_set(err, ERR_EOF, "4.3.0", "connection closed without a reply");
	return r < 0 ? -1 : read_reply(a, line, len, err);
}

static int
tcp_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf request = STRBUF_INIT(LINE_MAX_SIZE - 1);
	struct ask a = { .text = value };

	strbuf_adds(&request, "get ");
	encode(key, &request);
	if (request.overflow)
		return err_set(err, ERR_TEMP, "4.3.0", "%s: key of more than %d bytes: \"%.100s\"", t->spec, LINE_MAX_SIZE, key);
	a.request = request.s;
	a.len = request.len + 1;
	request.s[request.len] = '\n';	/* in place of the NUL */
	if (netpool_call(t->state, exchange, &a, err) < 0)
		return err_prefix(err, "%s: ", t->spec);
	if (a.code == 400)
		return err_set(err, ERR_TEMP, "4.3.0", "%s: the server says: %.200s", t->spec, value->s);
	if (a.code == 500)
		strbuf_reset(value);
	return a.code == 200;
}

const struct table_driver table_tcp = {
	.type = "tcp", .traits = TABLE_T_PROXIED | TABLE_T_STUB, .open = tcp_open, .close = tcp_close, .lookup = tcp_lookup,
};
