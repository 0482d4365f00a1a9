/* SPDX-License-Identifier: Apache-2.0 */
/* netpool - connections to one server that answers look-ups: made when needed, shared, replaced when they have gone. */
#include "table/netpool.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "task/task.h"

enum { OPEN_MAX = 100, ADDRS_MAX = 8, IDLE_MS = 10 * 1000, OUT_SIZE = 4096, BACKLOG_MS = 20 };

struct conn {
	struct list link;	/* in idle */
	struct stream *s;
	uint64_t idle_since;
};

struct netpool {
	char *where;		/* as given, for messages */
	char *path;		/* of a UNIX socket, or NULL */
	char *host, *port;
	struct netpool_limits limits;
	struct list idle;	/* used last comes first */
	struct task_cond turn;
	unsigned n_open, n_waiting;
};

/* "host:port", "[address]:port" */
static int
split_host(struct netpool *p, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;

	if (n == 0 || colon[1] == '\0')
		return -1;
	if (text[0] == '[' && text[n - 1] == ']' && n > 2)
		p->host = mem_strndup(text + 1, n - 2);
	else
		p->host = mem_strndup(text, n);
	p->port = mem_strdup(colon + 1);
	return 0;
}

struct netpool *
netpool_new(const char *where, const struct netpool_limits *limits, struct err *err)
{
	struct netpool *p = NEW(struct netpool);

	p->where = mem_strdup(where);
	p->limits = *limits;
	list_init(&p->idle);
	task_cond_init(&p->turn);
	if (strncmp(where, "unix:", 5) == 0 && where[5] != '\0')
		p->path = mem_strdup(where + 5);
	else if (strncmp(where, "inet:", 5) != 0 || split_host(p, where + 5) < 0) {
		err_set(err, ERR_CONF, NULL, "bad server \"%s\": need inet:host:port or unix:path", where);
		netpool_free(&p);
	}
	return p;
}

static void
conn_free(struct netpool *p, struct conn *c)
{
	list_remove(&c->link);
	stream_free(&c->s);
	mem_free(&c);
	p->n_open--;
}

void
netpool_free(struct netpool **pp)
{
	struct netpool *p = *pp;

	if (p == NULL)
		return;
	while (!list_is_empty(&p->idle))
		conn_free(p, LIST_ITEM(p->idle.next, struct conn, link));
	mem_free(&p->where);
	mem_free(&p->path);
	mem_free(&p->host);
	mem_free(&p->port);
	mem_free(pp);
}

/* ---- connecting */
struct names_job {
	const char *host, *port;
	struct addrinfo *list;
	int rc;
};

static void
run_names(void *arg)
{
	struct names_job *j = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };

	j->rc = getaddrinfo(j->host, j->port, &hints, &j->list);	/* an address is found without asking anybody */
	if (j->rc != EAI_NONAME)
		return;
	hints.ai_flags = 0;
	j->rc = getaddrinfo(j->host, j->port, &hints, &j->list);
}

static int
connect_inet(const struct netpool *p, uint64_t deadline, struct err *err)
{
	struct names_job j = { .host = p->host, .port = p->port };
	unsigned n = 0;
	int fd = -1;

	task_offload(run_names, &j);
	if (j.rc != 0)
		return err_set(err, ERR_TEMP, "4.3.0", "host %s, port %s: %s", p->host, p->port, gai_strerror(j.rc));
	for (struct addrinfo *a = j.list; a != NULL && fd < 0 && n < ADDRS_MAX; a = a->ai_next, n++) {
		uint64_t now = clock_mono_ms(), end = deadline;

		/* an address that does not answer leaves time for the next one */
		if (a->ai_next != NULL && deadline > now)
			end = now + (deadline - now) / 2;
		fd = stream_connect_tcp(a->ai_addr, a->ai_addrlen, NULL, 0, end, err);
	}
	freeaddrinfo(j.list);
	return fd;
}

/* A full queue of a listening UNIX socket is an error at once: it is tried again until the deadline. */
static int
connect_unix(const struct netpool *p, uint64_t deadline, struct err *err)
{
	for (;;) {
		struct err local = ERR_INIT;
		int fd = io_unix_connect(p->path, &local);

		if (fd >= 0)
			return fd;
		if (local.sys != EAGAIN || clock_mono_ms() >= deadline)
			return err_set(err, local.class, local.dsn, "%s", local.text);
		if (task_sleep(BACKLOG_MS, err) < 0)
			return -1;
	}
}

static struct conn *
conn_new(struct netpool *p, uint64_t deadline, struct err *err)
{
	struct conn *c;
	int fd;

	p->n_open++;	/* counted while it is being made */
	fd = p->path != NULL ? connect_unix(p, deadline, err) : connect_inet(p, deadline, err);
	if (fd < 0) {
		p->n_open--;
		return NULL;
	}
	c = NEW(struct conn);
	list_init(&c->link);
	c->s = stream_new(fd, p->limits.in_size, OUT_SIZE);
	return c;
}

/* One that is idle and still good: a server that has closed, or that speaks unasked, makes it readable. */
static struct conn *
take_idle(struct netpool *p)
{
	while (!list_is_empty(&p->idle)) {
		struct conn *c = LIST_ITEM(p->idle.next, struct conn, link);

		if (!stream_readable(c->s) && clock_mono_ms() - c->idle_since < IDLE_MS) {
			list_remove(&c->link);
			return c;
		}
		conn_free(p, c);
	}
	return NULL;
}

static struct conn *
take(struct netpool *p, bool may_reuse, uint64_t deadline, bool *is_new, struct err *err)
{
	struct conn *c = NULL;
	int r = 0;

	for (;;) {
		if (may_reuse)
			c = take_idle(p);
		*is_new = c == NULL;
		if (c != NULL || p->n_open < OPEN_MAX)
			break;
		p->n_waiting++;
		r = task_cond_wait(&p->turn, deadline, err);
		p->n_waiting--;
		if (r < 0)
			return NULL;
	}
	return c != NULL ? c : conn_new(p, deadline, err);
}

static void
give_back(struct netpool *p, struct conn *c, bool is_good)
{
	if (is_good) {
		c->idle_since = clock_mono_ms();
		list_prepend(&p->idle, &c->link);
	} else {
		conn_free(p, c);
	}
	if (p->n_waiting > 0)
		task_cond_signal(&p->turn);
}

/* One exchange over one connection.  1: worth another try without counting this one. */
static int
try_once(struct netpool *p, netpool_fn *fn, void *arg, bool may_reuse, uint64_t deadline, struct err *err)
{
	bool is_new;
	struct conn *c = take(p, may_reuse, deadline, &is_new, err);
	int r;

	if (c == NULL) {
		if (p->n_waiting > 0)
			task_cond_signal(&p->turn);
		return -1;
	}
	stream_set_deadline(c->s, deadline);
	r = fn(c->s, arg, err);
	give_back(p, c, r == 0);
	return r < 0 && !is_new && err->class != ERR_PROTO && err->class != ERR_CANCEL && err->class != ERR_TIMEOUT ? 1 : r;
}

int
netpool_call(struct netpool *p, netpool_fn *fn, void *arg, struct err *err)
{
	uint64_t deadline = clock_mono_ms() + p->limits.timeout_ms;
	struct err local = ERR_INIT;
	int r = try_once(p, fn, arg, true, deadline, &local);

	if (r == 1)
		r = try_once(p, fn, arg, false, deadline, &local);
	for (unsigned i = 1; r < 0 && i < p->limits.tries && local.class != ERR_PROTO && local.class != ERR_CANCEL; i++) {
		if (clock_mono_ms() + p->limits.pause_ms >= deadline || task_sleep(p->limits.pause_ms, NULL) < 0)
			break;
		r = try_once(p, fn, arg, false, deadline, &local);
	}
	if (r == 0)
		return 0;
	/* whatever it was, it is no answer */
	return err_set(err, local.class == ERR_CANCEL ? ERR_CANCEL : ERR_TEMP, "4.3.0", "server %s: %s", p->where, local.text);
}
