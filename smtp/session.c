/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session - connections to servers: connecting, greeting, taking leave
 */
#include "smtp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strvec.h"

enum { LINGER_MS = 50, UNIX_WAIT_MS = 60000, COUNT_MS = 2, IN_SIZE = 8192, OUT_SIZE = 32 * 1024, MAX_WORDS = 100 };

static const struct {
	const char *word;
	unsigned bit;
} extensions[] = {
	{ "PIPELINING", EXT_PIPELINING }, { "SIZE", EXT_SIZE }, { "8BITMIME", EXT_8BITMIME }, { "DSN", EXT_DSN },
	{ "SMTPUTF8", EXT_SMTPUTF8 }, { "STARTTLS", EXT_STARTTLS }, { "CHUNKING", EXT_CHUNKING }, { "XFORWARD", EXT_XFORWARD },
	{ "AUTH", EXT_AUTH }, { "ENHANCEDSTATUSCODES", EXT_ENHANCED },
};

unsigned
ext_by_name(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(extensions); i++)
		if (ascii_casecmp(extensions[i].word, word) == 0)
			return extensions[i].bit;
	return 0;
}

static struct session *
session_new(int fd, const struct dest *dest)
{
	struct session *s = NEW(struct session);

	list_init(&s->link);
	s->stream = stream_new(fd, IN_SIZE, OUT_SIZE);
	s->dest = mem_strdup(dest->key);
	s->port = dest->port;
	s->reply = (struct smtp_reply)SMTP_REPLY_INIT;
	s->opened_ms = task_now_ms();
	s->n_uses = 1;
	return s;
}

static struct session *
session_new_tcp(int fd, const struct dest *dest, const struct smtp_addr *a)
{
	struct session *s = session_new(fd, dest);
	int one = 1;

	/* Whole commands and large pieces of content leave at once; the end of a message must not wait for an acknowledgement. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->host = mem_strdup(a->host);
	s->namaddr = mem_printf("%s[%s]", a->host, a->text);
	s->relay = mem_printf("%s[%s]:%u", a->host, a->text, dest->port);
	snprintf(s->addr, sizeof(s->addr), "%s", a->text);
	s->is_best = a->is_best;
	return s;
}

static struct session *
session_new_unix(int fd, const struct dest *dest)
{
	struct session *s = session_new(fd, dest);

	s->host = mem_strdup(dest->host);
	s->namaddr = mem_printf("%s[%s]", dest->host, dest->path);
	s->relay = mem_strdup(s->namaddr);
	s->is_best = true;
	return s;
}

void
session_drop(struct session **sp)
{
	struct session *s = *sp;

	if (s == NULL)
		return;
	list_remove(&s->link);
	stream_free(&s->stream);
	mem_free(&s->dest);
	mem_free(&s->host);
	mem_free(&s->namaddr);
	mem_free(&s->relay);
	smtp_reply_done(&s->reply);
	mem_free(sp);
}

/* The system's word for it: what administrators and log readers know. */
static const char *
connect_reason(const struct err *err, char *buf, size_t size)
{
	int e = err->class == ERR_TIMEOUT ? ETIMEDOUT : err->sys;

	if (e == 0)
		return err->text;
	return strerror_r(e, buf, size);
}

static uint64_t
connect_deadline(const struct client *c)
{
	return c->conf.connect_ms == 0 ? TASK_FOREVER : task_now_ms() + c->conf.connect_ms;
}

/* From the configured local address; where that is not to be had, from any, unless the administrator insists. */
static int
connect_addr(struct client *c, const struct smtp_addr *a, struct err *err)
{
	const struct sockaddr_storage *local = a->sa.ss_family == AF_INET ? &c->bind4 : &c->bind6;
	unsigned len = a->sa.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	const struct sockaddr *sa = (const struct sockaddr *)&a->sa;
	uint64_t deadline = connect_deadline(c);

	if (local->ss_family == 0)
		return stream_connect_tcp(sa, a->sa_len, NULL, 0, deadline, err);
	int fd = stream_connect_tcp(sa, a->sa_len, (const struct sockaddr *)local, len, deadline, err);
	if (fd >= 0 || c->conf.bind_enforce || (err->sys != EADDRNOTAVAIL && err->sys != EINVAL))
		return fd;
	log_warning("%s_bind_address%s: %s: using another local address", client_kind(c), a->sa.ss_family == AF_INET ? "" : "6", err->text);
	return stream_connect_tcp(sa, a->sa_len, NULL, 0, deadline, err);
}

/* A UNIX socket whose backlog is full refuses at once: its server is busy, not away. */
static int
connect_unix(struct client *c, const char *path, struct err *err)
{
	uint64_t limit = c->conf.connect_ms == 0 || c->conf.connect_ms > UNIX_WAIT_MS ? UNIX_WAIT_MS : c->conf.connect_ms;
	uint64_t deadline = task_now_ms() + limit, pause = 1;

	for (;;) {
		int fd = io_unix_connect(path, err);

		if (fd >= 0 || err->sys != EAGAIN || task_now_ms() >= deadline)
			return fd;
		if (task_sleep(pause, err) < 0)
			return -1;
		pause = pause < 50 ? pause * 2 : 50;
	}
}

struct session *
session_open(struct delivery *d, const struct dest *dest, const struct smtp_addr *a, const struct outcome **out)
{
	struct err err = ERR_INIT;
	char buf[128];
	int fd = a == NULL ? connect_unix(d->c, dest->path, &err) : connect_addr(d->c, a, &err);

	if (fd >= 0)
		return a == NULL ? session_new_unix(fd, dest) : session_new_tcp(fd, dest, a);
	const char *why = connect_reason(&err, buf, sizeof(buf));
	const char *where = a == NULL ? pool_printf(d->pool, "%s[%s]", dest->host, dest->path) :
	    pool_printf(d->pool, "%s[%s]:%u", a->host, a->text, dest->port);
	struct outcome *o = pool_alloc(d->pool, sizeof(*o));
	*o = *outcome_new(d, NULL, true, "4.4.1", "connect to %s: %s", where, why);
	o->is_logged = true;
	log_info("%s", o->reason);
	*out = o;
	return NULL;
}

int
session_command(struct session *s, struct err *err, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(16 * 1024);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&b, fmt, ap);
	va_end(ap);
	log_debug("> %s: %s", s->relay, b.s);
	strbuf_adds(&b, "\r\n");
	if (b.overflow)
		return err_set(err, ERR_PROTO, NULL, "command too long");
	return stream_write(s->stream, b.s, b.len, err);
}

int
session_reply(struct session *s, uint64_t timeout_ms, struct err *err)
{
	int rc;

	stream_set_timeout(s->stream, timeout_ms);
	stream_set_deadline(s->stream, task_now_ms() + timeout_ms);
	/* A server that has closed may have said why: what it sent before is read although we cannot write any more. */
	struct err why = ERR_INIT;
	if (stream_flush(s->stream, &why) < 0) {
		if (why.class == ERR_TIMEOUT || why.class == ERR_CANCEL) {
			if (err != NULL)
				*err = why;
			return -1;
		}
		stream_drop_output(s->stream);
	}
	rc = smtp_reply_read(s->stream, &s->reply, err);
	stream_set_deadline(s->stream, TASK_FOREVER);
	if (rc < 0)
		return -1;
	if (log_verbose() > 0)
		log_debug("< %s: %s", s->relay, s->reply.text.s);
	if (s->reply.code == 421)
		s->said_421 = true;
	return 0;
}

/*
 * Several replies are coming.  A server that writes them one by one, with Nagle's algorithm on, sends the second when we have
 * acknowledged the first; that would be 40 ms later.
 */
void
session_quick_ack(struct session *s)
{
#ifdef TCP_QUICKACK
	int one = 1;

	/* What we send ourselves would switch it off again. */
	if (stream_flush(s->stream, NULL) == 0)
		(void)setsockopt(stream_fd(s->stream), IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
#else
	(void)s;
#endif
}

/* The first word behind the code of the reply's first line is the server's idea of its name. */
static bool
says_our_name(const struct session *s, const char *myhostname)
{
	const char *p = s->reply.text.s;
	size_t n = strlen(myhostname);

	if (strlen(p) < 5)
		return false;
	p += 4;
	return ascii_ncasecmp(p, myhostname, n) == 0 && (p[n] == '\0' || p[n] == ' ' || p[n] == '\n' || p[n] == '\t');
}

static void
take_keyword(struct client *c, struct session *s, char *line)
{
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(MAX_WORDS);
	unsigned bit;
	uint64_t n;

	(void)!strvec_split(&words, line, " \t=");
	if (words.n == 0 || (bit = ext_by_name(words.v[0])) == 0 || bit & c->discard)
		return;
	s->ext |= bit;
	if (bit == EXT_XFORWARD)
		for (size_t i = 1; i < words.n; i++)
			xforward_offered(s, words.v[i]);
	if (bit == EXT_SIZE && words.n > 1 && num_parse_u64(words.v[1], 0, UINT64_MAX, &n) == 0)
		s->size_limit = n;
}

/* RFC 5321 section 4.1.1.1: one keyword a line from the second line on. */
static void
take_extensions(struct client *c, struct session *s)
{
	AUTO(mem_free) char *text = mem_strdup(s->reply.text.s);
	char *line = strchr(text, '\n');

	while (line != NULL) {
		char *next = strchr(++line, '\n');

		if (next != NULL)
			*next = '\0';
		if (strlen(line) > 4)
			take_keyword(c, s, line + 4);
		line = next;
	}
}

static const struct outcome *
loops_back(struct delivery *d, struct session *s, const struct dest *dest, bool is_best, const char *what)
{
	log_warning("host %s %s my own hostname %s", s->relay, what, d->c->conf.myhostname);
	return outcome_new(d, s, true, is_best ? "5.4.6" : "4.4.6", "mail for %s loops back to myself", dest->host);
}

/* A greeting that refuses for good is final only where the administrator says so: another host may think otherwise. */
static const struct outcome *
refused(struct delivery *d, struct session *s, bool is_soft)
{
	return outcome_reply(d, s, NULL, is_soft);
}

static const struct outcome *
read_greeting(struct delivery *d, struct session *s)
{
	struct err err = ERR_INIT;

	if (session_reply(s, d->c->conf.helo_ms, &err) < 0)
		return outcome_broken(d, s, &err, "receiving the initial server greeting");
	if (s->reply.code / 100 != 2)
		return refused(d, s, d->c->conf.skip_5xx_greeting);
	if (s->port == SMTP_PORT && !d->c->is_lmtp && says_our_name(s, d->c->conf.myhostname))
		log_warning("host %s greeted me with my own hostname %s", s->relay, d->c->conf.myhostname);
	return NULL;
}

/* One of EHLO, HELO and LHLO; *is_taken says whether the server liked it. */
static const struct outcome *
say_hello(struct delivery *d, struct session *s, const char *verb, bool *is_taken)
{
	struct err err = ERR_INIT;

	if (session_command(s, &err, "%s %s", verb, d->c->conf.helo_name) < 0 || session_reply(s, d->c->conf.helo_ms, &err) < 0)
		return outcome_broken(d, s, &err, pool_printf(d->pool, "performing the %s handshake", verb));
	*is_taken = s->reply.code / 100 == 2;
	if (s->said_421)
		return refused(d, s, true);
	return NULL;
}

/* RFC 2033 section 4.1: LHLO only. */
static const struct outcome *
say_lhlo(struct delivery *d, struct session *s)
{
	const struct outcome *o;
	bool is_taken = false;

	if ((o = say_hello(d, s, "LHLO", &is_taken)) != NULL)
		return o;
	if (!is_taken)
		return refused(d, s, false);
	take_extensions(d->c, s);
	return NULL;
}

const struct outcome *
session_greet(struct delivery *d, struct session *s, const struct dest *dest, bool is_best)
{
	const struct outcome *o;
	bool is_taken = false;

	if ((o = read_greeting(d, s)) != NULL)
		return o;
	if (d->c->is_lmtp)
		return say_lhlo(d, s);
	bool wants_ehlo = !d->c->conf.never_ehlo && (d->c->conf.always_ehlo || strstr(s->reply.text.s, "ESMTP") != NULL);
	if (wants_ehlo) {
		if ((o = say_hello(d, s, "EHLO", &is_taken)) != NULL)
			return o;
		if (is_taken)
			take_extensions(d->c, s);
	}
	if (!is_taken && (o = say_hello(d, s, "HELO", &is_taken)) != NULL)
		return o;
	if (!is_taken)
		return refused(d, s, false);
	if (s->port == SMTP_PORT && says_our_name(s, d->c->conf.myhostname))
		return loops_back(d, s, dest, is_best, "replied to HELO/EHLO with");
	return NULL;
}

/*
 * Give the server a moment to close before the next session to it is opened: servers count them, many of them down only when they
 * have closed.  It also spares the server an error when it answers QUIT.  It is only a moment: where smtp_skip_quit_response is no the reply is waited for in earnest.
 */
static void
linger(struct session *s)
{
	size_t n, seen = 0;

	stream_set_timeout(s->stream, LINGER_MS);
	stream_set_deadline(s->stream, task_now_ms() + LINGER_MS);
	int rc = 1;

	while (seen < IN_SIZE && (rc = stream_fill(s->stream, NULL)) == 1) {
		(void)stream_peek(s->stream, &n);
		stream_consume(s->stream, n);
		seen += n;
	}
	if (rc == 0)
		(void)task_sleep(COUNT_MS, NULL);
}

void
session_close(struct client *c, struct session **sp, bool may_linger)
{
	struct session *s = *sp;

	if (s == NULL)
		return;
	bool is_over = s->is_broken || s->said_421;
	if (!is_over && !s->quit_sent && session_command(s, NULL, "QUIT") == 0) {
		stream_set_timeout(s->stream, c->conf.skip_quit ? 1000 : c->conf.quit_ms);
		stream_set_deadline(s->stream, TASK_FOREVER);
		if (c->conf.skip_quit)
			(void)!stream_flush(s->stream, NULL);
		else
			(void)!session_reply(s, c->conf.quit_ms, NULL);
	}
	if (!is_over && may_linger && c->conf.skip_quit && !task_is_cancelled())
		linger(s);
	session_drop(sp);
}
