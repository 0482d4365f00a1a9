/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush - an attempt now for one deferred message (postqueue -i)
 *
 * Postfix's protocol on public/flush: a list with request and its argument, a list with status in answer.  Attempts for a site need lists that
 * the delivery agents keep; until they do, such requests are answered as failed, in so many words in the log.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "ipc/attr.h"
#include "proto/qmgr.h"
#include "queue/queue.h"
#include "table/match.h"

enum { FLUSH_OK = 0, FLUSH_FAIL = -1, FLUSH_BAD = 3, FLUSH_DENIED = 4 };
enum { MAX_PAIRS = 10, MAX_BYTES = 10000, MODE_UNTHROTTLE = 0040 };

struct flush_conf {
	const char *domains, *qmgr;
	uint64_t ipc_timeout_ms;
};
static struct flush_conf conf;
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct flush_conf, domains, fast_flush_domains),
	CONF_BIND_STR(struct flush_conf, qmgr, queue_service_name),
	CONF_BIND_TIME(struct flush_conf, ipc_timeout_ms, ipc_timeout),
};
static struct queue *queue;
static struct match *domains;

/* The mark says that dead destinations are to be forgotten for this message. */
static int
mark(enum queue_name where, const char *id)
{
	struct qstat st;
	struct err err = ERR_INIT;

	if (queue_stat(queue, where, id, &st, &err) < 0)
		return -1;
	return queue_set_mode(queue, where, id, st.mode | MODE_UNTHROTTLE, &err);
}

static int
send_file(const char *id)
{
	struct err err = ERR_INIT;

	if (!queue_id_is_valid(id))
		return FLUSH_BAD;
	if (mark(QUEUE_DEFERRED, id) < 0)
		/* on its way already, or gone */
		return mark(QUEUE_INCOMING, id) == 0 || mark(QUEUE_ACTIVE, id) == 0 ? FLUSH_OK : FLUSH_BAD;
	if (queue_set_time(queue, QUEUE_DEFERRED, id, clock_wall_s(), &err) < 0 ||
	    queue_move(queue, id, QUEUE_DEFERRED, QUEUE_INCOMING, &err) < 0) {
		if (err.sys == ENOENT)
			return FLUSH_OK;
		log_warning("%s", err.text);
		return FLUSH_FAIL;
	}
	if (trigger_send(daemon_queue_dir(), conf.qmgr, "I", &err) < 0)
		log_warning("%s: the message waits for the next look at incoming", err.text);
	return FLUSH_OK;
}

/* Only domains of fast_flush_domains have lists. */
static int
send_site(const char *site)
{
	struct err err = ERR_INIT;
	int rc = match_name(domains, site, &err);

	if (rc == 0)
		return FLUSH_DENIED;
	if (rc < 0)
		log_warning("fast_flush_domains: %s", err.text);
	else
		log_warning("mail for %s is not flushed: lists of mail by site are not kept in this release", site);
	return FLUSH_FAIL;
}

static int
handle(const struct attr_list *l)
{
	const char *request = attr_get(l, "request"), *id = attr_get(l, "queue_id"), *site = attr_get(l, "site");

	if (request != NULL && strcmp(request, "send_file") == 0 && id != NULL)
		return send_file(id);
	if (request != NULL && strcmp(request, "send_site") == 0 && site != NULL)
		return send_site(site);
	/* upkeep of lists that are not there */
	if (request != NULL && (strcmp(request, "add") == 0 || strcmp(request, "rfrsh") == 0 || strcmp(request, "purge") == 0))
		return FLUSH_OK;
	return FLUSH_BAD;
}

static void
serve(struct daemon_session *s)
{
	AUTO(attr_done) struct attr_list l = ATTR_LIST_INIT;
	struct err err = ERR_INIT;

	stream_set_timeout(s->stream, conf.ipc_timeout_ms);
	attr_put(s->stream, ATTR_NUL, "protocol", "queue_flush_protocol");
	attr_end(s->stream, ATTR_NUL);
	if (stream_flush(s->stream, &err) < 0 || attr_read(s->stream, ATTR_NUL, &l, MAX_PAIRS, MAX_BYTES, &err) != 1)
		return;
	attr_put_num(s->stream, ATTR_NUL, "status", handle(&l));
	attr_end(s->stream, ATTR_NUL);
	if (stream_flush(s->stream, &err) < 0)
		log_debug("answer: %s", err.text);
}

/* master's wake-up is for the upkeep of lists */
static void
wakeup(void)
{
}

static int
pre_jail(struct err *err)
{
	queue = queue_open(daemon_conf(), err);
	domains = match_open(conf.domains, MATCH_DOMAIN | MATCH_PARENT, daemon_conf(), err);
	return queue != NULL && domains != NULL ? 0 : -1;
}

int
main(int argc, char **argv)
{
	static const struct daemon flush = {
		.name = "flush",
		.sessions = DAEMON_MANY,
		.binds = binds,
		.n_binds = COUNT_OF(binds),
		.conf = &conf,
		.pre_jail = pre_jail,
		.serve = serve,
		.wakeup = wakeup,
	};

	return daemon_main(&flush, argc, argv);
}
