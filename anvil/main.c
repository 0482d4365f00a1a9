/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anvil - counts clients for smtpd, in Postfix's protocol: "request=connect", "ident=service:address", empty line; answered with
 * "status=0", "count=1", "rate=1", empty line.  It answers; what to do about it is for the asker to decide.
 */
#include "anvil/anvil.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/daemon.h"
#include "ipc/attr.h"

enum { REQUEST_PAIRS = 10, REQUEST_BYTES = 4000, FAILED = -1 };

static struct {
	uint64_t unit_ms, update_ms;
} conf;

static const struct conf_bind binds[] = {
	CONF_BIND_TIME(__typeof__(conf), unit_ms, anvil_rate_time_unit),
	CONF_BIND_TIME(__typeof__(conf), update_ms, anvil_status_update_time),
};

static struct anvil_table *table;

/* What one asker has reported as connected and not yet as gone: it is gone when the asker is. */
struct asker {
	struct stream *st;
	struct map *held;	/* ident: struct held */
};
struct held {
	unsigned n;
};

static void
log_max(const char *text, int64_t when_s)
{
	char stamp[CLOCK_SYSLOG_SIZE];

	log_info("statistics: %s at %s", text, clock_syslog(when_s, stamp));
}

static void
report(void *arg)
{
	(void)arg;
	anvil_report(table, log_max);
}

static void
sweep(void *arg)
{
	(void)arg;
	anvil_sweep(table, clock_mono_ms());
}

static void
start(void)
{
	table = anvil_table_new(conf.unit_ms);
	(void)task_timer_start(conf.update_ms, conf.update_ms, report, NULL);
	(void)task_timer_start(conf.unit_ms, conf.unit_ms, sweep, NULL);
}

static void
before_exit(void)
{
	if (table != NULL)
		anvil_report(table, log_max);
	anvil_table_free(&table);
}

static void
hold(struct asker *a, const char *ident)
{
	struct held *h = map_get(a->held, ident);

	if (h == NULL) {
		h = NEW(struct held);
		(void)map_put(a->held, ident, h);
	}
	h->n++;
}

static void
release(struct asker *a, const char *ident)
{
	struct held *h = map_get(a->held, ident);

	if (h == NULL)
		return;
	anvil_leave(table, ident);
	if (--h->n > 0)
		return;
	(void)map_del(a->held, ident);
	mem_free(&h);
}

static void
put_status(struct asker *a, int status)
{
	attr_put_num(a->st, ATTR_LINE, "status", status);
}

static void
do_rate(struct asker *a, const char *ident, enum anvil_rate what)
{
	const struct anvil_client *c = anvil_count(table, ident, what, clock_mono_ms(), clock_wall_s());

	put_status(a, c != NULL ? 0 : FAILED);
	if (c == NULL)
		return;
	if (what == ANVIL_CONNECTIONS) {
		hold(a, ident);
		attr_put_num(a->st, ATTR_LINE, "count", c->count);
	}
	attr_put_num(a->st, ATTR_LINE, "rate", c->rate[what]);
}

static void
do_lookup(struct asker *a, const char *ident)
{
	static const char *const names[ANVIL_RATES] = { "rate", "mail", "rcpt", "newtls", "auth" };
	struct anvil_client c = anvil_look(table, ident, clock_mono_ms());

	put_status(a, 0);
	attr_put_num(a->st, ATTR_LINE, "count", c.count);
	for (int i = 0; i < ANVIL_RATES; i++)
		attr_put_num(a->st, ATTR_LINE, names[i], c.rate[i]);
}

static void
do_request(struct asker *a, const char *request, const char *ident)
{
	static const struct {
		const char *name;
		enum anvil_rate what;
	} rates[] = { { "connect", ANVIL_CONNECTIONS }, { "message", ANVIL_MESSAGES }, { "recipient", ANVIL_RECIPIENTS }, { "newtls", ANVIL_NEWTLS },
		{ "auth", ANVIL_AUTHS } };

	for (size_t i = 0; i < COUNT_OF(rates); i++)
		if (strcmp(request, rates[i].name) == 0) {
			do_rate(a, ident, rates[i].what);
			return;
		}
	if (strcmp(request, "disconnect") == 0) {
		release(a, ident);
		put_status(a, 0);
	} else if (strcmp(request, "lookup") == 0) {
		do_lookup(a, ident);
	} else {
		log_warning("unrecognized request: \"%.100s\", ignored", request);
		put_status(a, FAILED);
	}
}

static void
leave_all(struct asker *a)
{
	struct map_iter it = { 0 };

	while (map_next(a->held, &it)) {
		struct held *h = it.value;

		for (; h->n > 0 && table != NULL; h->n--)
			anvil_leave(table, it.key);
		(void)map_del(a->held, it.key);
		mem_free(&h);
	}
	map_free(&a->held, NULL);
}

static void
serve(struct daemon_session *s)
{
	struct asker a = { .st = s->stream };
	struct err err = ERR_INIT;

	a.held = map_new();
	attr_put(a.st, ATTR_LINE, "protocol", "anvil_protocol");
	attr_end(a.st, ATTR_LINE);
	while (stream_flush(a.st, &err) == 0 && daemon_session_next(s)) {
		AUTO(attr_done) struct attr_list l = ATTR_LIST_INIT;
		const char *request, *ident;

		if (attr_read(a.st, ATTR_LINE, &l, REQUEST_PAIRS, REQUEST_BYTES, &err) != 1)
			break;
		request = attr_get(&l, "request");
		ident = attr_get(&l, "ident");
		if (request == NULL || ident == NULL || strlen(ident) > ANVIL_IDENT_MAX) {
			log_warning("request without the attributes request and ident, or with a long one");
			break;
		}
		do_request(&a, request, ident);
		attr_end(a.st, ATTR_LINE);
	}
	leave_all(&a);
}

static const struct daemon anvil = {
	.name = "anvil",
	.sessions = DAEMON_LOOP,
	.sandbox = "jail",
	.binds = binds,
	.n_binds = COUNT_OF(binds),
	.conf = &conf,
	.start = start,
	.serve = serve,
	.before_exit = before_exit,
};

int
main(int argc, char **argv)
{
	return daemon_main(&anvil, argc, argv);
}
