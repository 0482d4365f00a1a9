/* SPDX-License-Identifier: Apache-2.0 */
/* tests of the scheduler: order, fairness, preemption, windows, death; agents and retry are replaced by notes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "qmgr/qmgr.h"

struct qmgr qm;

enum { RUNNING_MAX = 2000 };
static struct entry running[RUNNING_MAX];
static size_t n_running, n_started, n_retried;
static char last_retry[600];

void
agent_start(const struct entry *e)
{
	assert_true(n_running < RUNNING_MAX);
	running[n_running++] = *e;
	n_started++;
}

void
agent_defer(struct message *m, const struct qrcpt *rcpts, size_t n, const char *text)
{
	(void)m, (void)rcpts, (void)n, (void)text;
}

void
plan_retry(struct message *m, const struct qrcpt *rcpts, size_t n, const char *dsn, const char *reason)
{
	(void)m, (void)rcpts;
	n_retried += n;
	snprintf(last_retry, sizeof(last_retry), "%s %s", dsn, reason);
}

/* ---- a world */
static void
begin(const char *main_cf)
{
	struct err err = ERR_INIT;

	n_running = n_started = n_retried = 0;
	qm.seq = 0;
	qm.n_deliveries = 0;
	qm.conf.min_backoff_ms = 300000;
	qm.conf.transport_retry_ms = 60000;
	qm.conf.ipc_idle_ms = 5000;
	qm.main_cf = conf_load_text(main_cf, &err);
	assert_non_null(qm.main_cf);
	transport_init();
}

static struct message *
message_new(void)
{
	struct message *m = NEW(struct message);

	m->rcpt_pool = pool_new(1024);
	m->env.verp = "";
	list_init(&m->jobs);
	return m;
}

static void
add(struct message *m, const char *transport, const char *nexthop, unsigned n)
{
	struct dest *d = dest_get(transport_get(transport), nexthop, "");

	for (unsigned i = 0; i < n; i++) {
		struct qrcpt r = { .addr = pool_printf(m->rcpt_pool, "u%u@%s", i, nexthop), .orig = "", .dsn_orcpt = "" };

		dest_add(d, m, &r);
	}
}

static void
go(struct message *m)
{
	for (struct peer *p = m->peers; p != NULL; p = p->of_message)
		dest_update(p->dest);
	for (struct list *l = m->jobs.next; l != &m->jobs; l = l->next)
		transport_dispatch(LIST_ITEM(l, struct job, of_message)->transport);
}

/* The delivery that began first ends. */
static void
end_one(bool good)
{
	struct entry e = running[0];

	assert_true(n_running > 0);
	memmove(running, running + 1, --n_running * sizeof(running[0]));
	dest_feedback(e.dest, good);
	if (!good && e.dest->failed_cohorts + 1e-6 >= (double)e.transport->failed_cohort_limit)
		dest_dead(e.dest, "4.4.1", "no answer");
	transport_done(&e);
}

static void
free_transport(struct transport *t)
{
	list_remove(&t->link);
	map_free(&t->dests, NULL);
	heap_done(&t->by_age);
	heap_done(&t->by_size);
	ipc_pool_free(&t->pool);
	mem_free(&t->name);
	mem_free(&t->path);
	mem_free(&t);
}

static void
finish_all(struct message **m, size_t n)
{
	while (n_running > 0)
		end_one(true);
	for (struct list *l = qm.transports.next; l != &qm.transports; l = l->next) {
		struct transport *t = LIST_ITEM(l, struct transport, link);

		assert_int_equal(map_count(t->dests), 0);
		assert_null(heap_first(&t->by_age));
		assert_null(heap_first(&t->by_size));
		assert_int_equal(t->busy, 0);
	}
	for (size_t i = 0; i < n; i++) {
		pool_free(&m[i]->rcpt_pool);
		mem_free(&m[i]);
	}
	while (!list_is_empty(&qm.transports))
		free_transport(LIST_ITEM(qm.transports.next, struct transport, link));
	conf_free(&qm.main_cf);
}

/* ---- tests */
static void
test_chunks(void **state)
{
	struct message *m;

	(void)state;
	begin("smtp_destination_recipient_limit = 3\n");
	m = message_new();
	add(m, "smtp", "a.test", 10);
	go(m);
	assert_int_equal(n_started, 4);
	assert_int_equal(running[0].n, 3);
	assert_int_equal(running[3].n, 1);
	assert_string_equal(running[1].rcpts[0].addr, "u3@a.test");
	finish_all(&m, 1);
}

static void
test_window(void **state)
{
	struct message *m;

	(void)state;
	begin("smtp_destination_recipient_limit = 1\nsmtp_initial_destination_concurrency = 2\nsmtp_destination_concurrency_limit = 4\n");
	/* recipient limit 1 would make a destination of each recipient */
	transport_get("smtp")->rcpt_limit = 2;
	m = message_new();
	add(m, "smtp", "a.test", 60);
	go(m);
	assert_int_equal(n_running, 2);
	end_one(true);
	assert_int_equal(n_running, 3);
	end_one(true);
	assert_int_equal(n_running, 4);
	for (int i = 0; i < 10; i++)
		end_one(true);
	assert_int_equal(n_running, 4);
	finish_all(&m, 1);
	assert_int_equal(n_started, 30);
}

static void
test_death(void **state)
{
	struct message *m[2];
	struct dest *d;

	(void)state;
	begin("");
	transport_get("smtp")->rcpt_limit = 2;
	m[0] = message_new();
	add(m[0], "smtp", "dead.test", 200);
	add(m[0], "smtp", "well.test", 4);
	go(m[0]);
	d = dest_get(transport_get("smtp"), "dead.test", "");
	assert_int_equal(n_running, 7);
	for (int i = 0; i < 7 && !d->is_dead; i++)
		end_one(running[0].dest != d);
	assert_true(d->is_dead);
	assert_true(n_started < 20);
	assert_true(n_retried > 150);
	assert_string_equal(last_retry, "4.4.1 delivery temporarily suspended: no answer");
	/* a success does not wake it, a flush does */
	while (n_running > 0)
		end_one(true);
	transport_revive_all();
	m[1] = message_new();
	add(m[1], "smtp", "dead.test", 4);
	go(m[1]);
	assert_int_equal(n_running, 2);
	finish_all(m, 2);
}

/* Where the only delivery of the small message comes among those of the large one. */
static size_t
place_of(const struct message *small)
{
	for (size_t place = 0; n_running > 0; place++) {
		for (size_t i = 0; i < n_running; i++)
			if (running[i].message == small)
				return place + i;
		end_one(true);
	}
	return SIZE_MAX;
}

static void
test_small_first(void **state)
{
	struct message *m[3];

	(void)state;
	/* the same destination */
	begin("smtp_destination_concurrency_limit = 2\n");
	transport_get("smtp")->rcpt_limit = 2;
	m[0] = message_new();
	add(m[0], "smtp", "a.test", 600);
	go(m[0]);
	for (int i = 0; i < 40; i++)
		end_one(true);
	m[1] = message_new();
	add(m[1], "smtp", "a.test", 1);
	go(m[1]);
	assert_true(place_of(m[1]) <= 4);
	finish_all(m, 2);
	/* others, where the limit is the transport's */
	begin("");
	transport_get("local")->max_busy = 4;
	m[0] = message_new();
	for (int i = 0; i < 500; i++) {
		char name[20];

		snprintf(name, sizeof(name), "d%d", i);
		add(m[0], "local", name, 1);
	}
	go(m[0]);
	assert_int_equal(n_running, 4);
	m[1] = message_new();
	add(m[1], "local", "other", 1);
	go(m[1]);
	assert_true(place_of(m[1]) <= 6);
	finish_all(m, 2);
}

/* Small ones in an endless row do not stop the large one. */
static void
test_large_goes_on(void **state)
{
	struct message *m[301];
	size_t of_large = 0;

	(void)state;
	begin("smtp_destination_concurrency_limit = 1\n");
	transport_get("smtp")->rcpt_limit = 2;
	m[0] = message_new();
	add(m[0], "smtp", "a.test", 400);
	go(m[0]);
	for (int i = 1; i <= 300; i++) {
		m[i] = message_new();
		add(m[i], "smtp", "a.test", 1);
		go(m[i]);
	}
	for (int i = 0; i < 200; i++) {
		of_large += running[0].message == m[0];
		end_one(true);
	}
	assert_true(of_large >= 150);
	finish_all(m, 301);
	assert_int_equal(n_started, 500);
}

static void
test_turns(void **state)
{
	struct message *m;
	unsigned a = 0;

	(void)state;
	begin("");
	transport_get("smtp")->max_busy = 10;
	transport_get("smtp")->rcpt_limit = 2;
	m = message_new();
	add(m, "smtp", "a.test", 40);
	add(m, "smtp", "b.test", 40);
	go(m);
	assert_int_equal(n_running, 10);
	for (int i = 0; i < 10; i++)
		a += strcmp(running[i].dest->nexthop, "a.test") == 0;
	assert_int_equal(a, 5);
	finish_all(&m, 1);
}

static void
test_transport_failed(void **state)
{
	struct message *m;

	(void)state;
	begin("");
	m = message_new();
	add(m, "nosuch", "a.test", 10);
	add(m, "nosuch", "b.test", 10);
	transport_get("nosuch")->max_busy = 1;
	go(m);
	assert_int_equal(n_running, 1);
	transport_failed(transport_get("nosuch"), "4.3.0", "mail transport unavailable");
	assert_int_equal(n_retried, 10);
	assert_string_equal(last_retry, "4.3.0 mail transport unavailable");
	transport_revive(transport_get("nosuch"));
	finish_all(&m, 1);
}

static void
test_feedback(void **state)
{
	static const struct {
		const char *text;
		double at_4;		/* <0: an error */
	} cases[] = {
		{ "1", 1 }, { "0.5", 0.5 }, { "1/concurrency", 0.25 }, { "1 / sqrt_concurrency", 0.5 }, { "0", 0 }, { "2", -1 },
		{ "1/x", -1 }, { "", 0 }, { "x", -1 }, { "1 x", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct feedback f;
		struct err err = ERR_INIT;
		int r = feedback_parse(cases[i].text, &f, &err);

		assert_int_equal(r, cases[i].at_4 < 0 ? -1 : 0);
		if (r == 0)
			assert_true(feedback_value(&f, 4) > cases[i].at_4 - 1e-9 && feedback_value(&f, 4) < cases[i].at_4 + 1e-9);
	}
}

struct num {
	struct heap_node node;
	unsigned v;
};

static bool
num_less(struct heap_node *a, struct heap_node *b)
{
	return ((struct num *)a)->v < ((struct num *)b)->v;
}

static void
test_heap(void **state)
{
	struct num n[200];
	struct heap h;
	unsigned last = 0, x = 1;

	(void)state;
	heap_init(&h, num_less);
	for (int i = 0; i < 200; i++) {
		x = x * 1103515245 + 12345;
		n[i] = (struct num){ .v = x >> 16 };
		heap_put(&h, &n[i].node);
	}
	for (int i = 0; i < 200; i += 3)
		heap_take(&h, &n[i].node);
	for (int i = 1; i < 200; i += 3) {
		n[i].v /= 2;
		heap_put(&h, &n[i].node);
	}
	for (struct heap_node *f; (f = heap_first(&h)) != NULL; heap_take(&h, f)) {
		assert_true(((struct num *)f)->v >= last);
		last = ((struct num *)f)->v;
	}
	heap_done(&h);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap), cmocka_unit_test(test_feedback), cmocka_unit_test(test_chunks), cmocka_unit_test(test_window),
		cmocka_unit_test(test_death), cmocka_unit_test(test_small_first), cmocka_unit_test(test_large_goes_on),
		cmocka_unit_test(test_turns), cmocka_unit_test(test_transport_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
