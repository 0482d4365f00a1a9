/* SPDX-License-Identifier: Apache-2.0 */
/* rate - what one client may have of this service: asks anvil, which counts over all processes, on one standing connection. */
#include "smtpd/smtpd.h"

#include <string.h>

#include "base/log.h"
#include "base/clock.h"
#include "ipc/attr.h"

enum { REPLY_PAIRS = 20, REPLY_BYTES = 4000, TIMEOUT_MS = 10000, RETRY_MS = 5000 };

/* Requests are answered in order, so one task at a time has the connection. */
static struct {
	struct stream *st;
	struct task_cond is_free;
	bool is_busy, is_ready;
	uint64_t retry_at_ms;		/* after trouble: not before */
} anvil;

struct rate {
	uint64_t count, rate;
};

static int
anvil_connect(struct err *err)
{
	AUTO(attr_done) struct attr_list l = ATTR_LIST_INIT;
	int fd = daemon_connect((void *)(uintptr_t)"private/anvil", err);

	if (fd < 0)
		return -1;
	anvil.st = stream_new(fd, 4096, 4096);
	stream_set_timeout(anvil.st, TIMEOUT_MS);
	if (attr_read(anvil.st, ATTR_LINE, &l, REPLY_PAIRS, REPLY_BYTES, err) != 1)	/* "protocol=anvil_protocol" */
		return err_set(err, ERR_TEMP, NULL, "no greeting from anvil");
	return 0;
}

static int
anvil_talk(const char *request, const char *ident, struct attr_list *l, struct err *err)
{
	if (anvil.st == NULL && anvil_connect(err) < 0)
		return -1;
	attr_put(anvil.st, ATTR_LINE, "request", request);
	attr_put(anvil.st, ATTR_LINE, "ident", ident);
	attr_end(anvil.st, ATTR_LINE);
	return attr_read(anvil.st, ATTR_LINE, l, REPLY_PAIRS, REPLY_BYTES, err) == 1 ? 0 : -1;
}

/* False: the process is ending.  The connection is not ours then. */
static bool
lock(void)
{
	if (!anvil.is_ready) {
		task_cond_init(&anvil.is_free);
		anvil.is_ready = true;
	}
	while (anvil.is_busy)
		if (task_cond_wait(&anvil.is_free, TASK_FOREVER, NULL) < 0)
			return false;
	anvil.is_busy = true;
	return true;
}

static void
unlock(void)
{
	anvil.is_busy = false;
	task_cond_signal(&anvil.is_free);
}

/* A second try for a connection that had gone stale.  Without anvil mail goes on uncounted. */
static int
anvil_ask(const char *request, const char *ident, struct rate *out)
{
	AUTO(attr_done) struct attr_list l = ATTR_LIST_INIT;
	struct err err = ERR_INIT;
	uint64_t status = 1;
	int rc = -1;

	if (!lock())
		return -1;
	if (task_now_ms() >= anvil.retry_at_ms) {
		bool was_open = anvil.st != NULL;

		rc = anvil_talk(request, ident, &l, &err);
		if (rc < 0 && was_open) {
			stream_free(&anvil.st);
			rc = anvil_talk(request, ident, &l, &err);
		}
		if (rc < 0) {
			log_warning("problem talking to service private/anvil: %s", err.text);
			stream_free(&anvil.st);
			anvil.retry_at_ms = task_now_ms() + RETRY_MS;
		}
	}
	unlock();
	if (rc < 0 || attr_get_num(&l, "status", UINT32_MAX, &status, NULL) < 0 || status != 0)
		return -1;
	if (attr_get_num(&l, "count", UINT32_MAX, &out->count, NULL) < 0)
		out->count = 0;
	if (attr_get_num(&l, "rate", UINT32_MAX, &out->rate, NULL) < 0)
		out->rate = 0;
	return 0;
}

static void
warn(struct session *s, const char *what, uint64_t n)
{
	log_warning("%s limit exceeded: %llu from %s for service %s", what, (unsigned long long)n, s->who, daemon_service());
}

static bool
allows_connection(struct session *s)
{
	struct rate r = { 0, 0 };

	if ((conf.conn_count_limit == 0 && conf.conn_rate_limit == 0) || anvil_ask("connect", s->rate_key, &r) < 0)
		return true;
	s->is_counted = true;
	if (conf.conn_count_limit > 0 && r.count > (uint64_t)conf.conn_count_limit) {
		(void)reply(s, 421, "4.7.0", "%s Error: too many connections from %s", conf.myhostname, s->addr);
		warn(s, "Connection concurrency", r.count);
		return false;
	}
	if (conf.conn_rate_limit > 0 && r.rate > (uint64_t)conf.conn_rate_limit) {
		(void)reply(s, 421, "4.7.0", "%s Error: too many connections from %s", conf.myhostname, s->addr);
		warn(s, "Connection rate", r.rate);
		return false;
	}
	return true;
}

static bool
allows_rate(struct session *s, const char *request, int64_t limit, const char *what)
{
	struct rate r = { 0, 0 };

	if (limit == 0 || anvil_ask(request, s->rate_key, &r) < 0 || r.rate <= (uint64_t)limit)
		return true;
	warn(s, what, r.rate);
	return false;
}

bool
rate_allows(struct session *s, enum rate_event e)
{
	if (!s->counts_events)
		return true;
	switch (e) {
	case RATE_MESSAGE:
		return allows_rate(s, "message", conf.message_rate_limit, "Message delivery request rate");
	case RATE_RECIPIENT:
		return allows_rate(s, "recipient", conf.rcpt_rate_limit, "Recipient address rate");
	default:
		return allows_connection(s);
	}
}

void
rate_disconnect(struct session *s)
{
	struct rate r = { 0, 0 };

	if (s->is_counted)
		(void)anvil_ask("disconnect", s->rate_key, &r);
	s->is_counted = false;
}
