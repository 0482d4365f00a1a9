/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport - a delivery service of master.cf: its limits, and which of the messages that wait for it is served next
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/master_cf.h"
#include "qmgr/qmgr.h"

enum { CREDIT_MAX = 10000, IDLE_MAX = 200, CHUNK_RCPTS = 1000, CHUNK_BYTES = 2 << 20, ONE_DEFAULT = 100, MANY_DEFAULT = 10000 };

static bool
older(struct heap_node *a, struct heap_node *b)
{
	return LIST_ITEM(a, struct job, by_age)->seq < LIST_ITEM(b, struct job, by_age)->seq;
}

static bool
smaller(struct heap_node *a, struct heap_node *b)
{
	const struct job *x = LIST_ITEM(a, struct job, by_size), *y = LIST_ITEM(b, struct job, by_size);

	return x->left != y->left ? x->left < y->left : x->seq < y->seq;
}

void
transport_init(void)
{
	struct rlimit rl;

	list_init(&qm.transports);
	qm.max_deliveries = 5000;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < 2 * qm.max_deliveries)
		qm.max_deliveries = rl.rlim_cur > 200 ? (size_t)rl.rlim_cur / 2 : 50;
}

/* ---- limits */
static void
get_int(const char *transport, const char *suffix, int64_t *out)
{
	struct err err = ERR_INIT;

	if (conf_family_int(qm.main_cf, transport, suffix, out, &err) < 0)
		log_warning("%s; %lld is used", err.text, (long long)*out);
}

static void
get_time(const char *transport, const char *suffix, uint64_t *out)
{
	struct err err = ERR_INIT;

	if (conf_family_time(qm.main_cf, transport, suffix, out, &err) < 0)
		log_warning("%s; %llu ms is used", err.text, (unsigned long long)*out);
}

static void
get_feedback(const char *transport, const char *suffix, struct feedback *f)
{
	AUTO(mem_free) char *own = mem_printf("%s_%s", transport, suffix), *dflt = mem_printf("default_%s", suffix);
	const char *value = conf_get(qm.main_cf, own);
	struct err err = ERR_INIT;

	if (value == NULL)
		value = conf_get(qm.main_cf, dflt);
	if (value != NULL && feedback_parse(value, f, &err) == 0)
		return;
	if (value != NULL)
		log_warning("%s: %s; 1 is used", own, err.text);
	*f = (struct feedback){ .value = 1, .by = FEED_CONST };
}

static bool
is_one_session(const char *command)
{
	static const char *const names[] = { "local", "virtual", "pipe", "spawn" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(command, names[i]) == 0)
			return true;
	return false;
}

/* How many sessions master gives this service at once: more requests would wait there, out of our sight and order. */
static unsigned
sessions_of(const char *name)
{
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", conf_dir(qm.main_cf));
	struct master_cf *mc = master_cf_load(path, NULL);
	int64_t limit = 0;

	for (size_t i = 0; mc != NULL && i < mc->n; i++) {
		const struct master_entry *e = &mc->entries[i];

		if (e->type != MASTER_UNIX || strcmp(e->name, name) != 0)
			continue;
		limit = e->maxproc;
		if (limit < 0 && (conf_raw(qm.main_cf, "default_process_limit") == NULL ||
		    conf_get_int(qm.main_cf, "default_process_limit", ONE_DEFAULT, 1, INT32_MAX, &limit, NULL) < 0) &&
		    conf_get_int(qm.main_cf, "default_session_limit", MANY_DEFAULT, 1, INT32_MAX, &limit, NULL) == 0 &&
		    is_one_session(e->command))
			limit = ONE_DEFAULT;
	}
	master_cf_free(&mc);
	return limit <= 0 || limit > INT32_MAX ? INT32_MAX : (unsigned)limit;
}

static void
read_limits(struct transport *t)
{
	get_int(t->name, "destination_recipient_limit", &t->rcpt_limit);
	get_int(t->name, "destination_concurrency_limit", &t->window_limit);
	get_int(t->name, "initial_destination_concurrency", &t->window_first);
	get_int(t->name, "destination_concurrency_failed_cohort_limit", &t->failed_cohort_limit);
	get_int(t->name, "delivery_slot_cost", &t->slot_cost);
	get_int(t->name, "delivery_slot_loan", &t->slot_loan);
	get_int(t->name, "delivery_slot_discount", &t->slot_discount);
	get_int(t->name, "minimum_delivery_slots", &t->slot_minimum);
	get_time(t->name, "destination_rate_delay", &t->dest_rate_ms);
	get_time(t->name, "transport_rate_delay", &t->rate_ms);
	get_feedback(t->name, "destination_concurrency_positive_feedback", &t->positive);
	get_feedback(t->name, "destination_concurrency_negative_feedback", &t->negative);
	if (t->dest_rate_ms > 0)
		t->window_limit = 1;
	if (t->window_limit > 0 && t->window_first > t->window_limit)
		t->window_first = t->window_limit;
	t->max_busy = sessions_of(t->name);
}

/* Windows that are too large now. */
static void
clip_windows(struct transport *t)
{
	struct map_iter it = { 0 };

	while (t->window_limit > 0 && map_next(t->dests, &it)) {
		struct dest *d = it.value;

		if (d->window > (double)t->window_limit)
			d->window = (double)t->window_limit;
		dest_update(d);
	}
}

struct transport *
transport_get(const char *name)
{
	struct transport *t;

	for (struct list *l = qm.transports.next; l != &qm.transports; l = l->next) {
		t = LIST_ITEM(l, struct transport, link);
		if (strcmp(t->name, name) == 0)
			return t;
	}
	t = NEW(struct transport);
	t->name = mem_strdup(name);
	t->path = mem_printf("private/%s", name);
	t->rcpt_limit = 50;
	t->window_limit = 20;
	t->window_first = 5;
	t->failed_cohort_limit = 1;
	t->slot_cost = 5;
	t->slot_loan = 3;
	t->slot_discount = 50;
	t->slot_minimum = 3;
	read_limits(t);
	t->credit = (double)t->slot_loan;
	t->dests = map_new();
	heap_init(&t->by_age, older);
	heap_init(&t->by_size, smaller);
	t->pool = ipc_pool_new(ipc_connect_path, t->path, qm.conf.ipc_idle_ms, IDLE_MAX);
	list_append(&qm.transports, &t->link);
	return t;
}

void
transport_reload(void)
{
	for (struct list *l = qm.transports.next; l != &qm.transports; l = l->next) {
		struct transport *t = LIST_ITEM(l, struct transport, link);

		read_limits(t);
		clip_windows(t);
	}
	transport_dispatch_all();
}

/* ---- jobs */
struct job *
job_get(struct message *m, struct transport *t)
{
	struct job *j;

	for (struct list *l = m->jobs.next; l != &m->jobs; l = l->next) {
		j = LIST_ITEM(l, struct job, of_message);
		if (j->transport == t)
			return j;
	}
	j = pool_alloc(m->rcpt_pool, sizeof(*j));
	j->message = m;
	j->transport = t;
	j->seq = ++qm.seq;
	list_init(&j->ready);
	list_append(&m->jobs, &j->of_message);
	return j;
}

void
job_update(struct job *j)
{
	struct transport *t = j->transport;

	if (list_is_empty(&j->ready)) {
		heap_take(&t->by_age, &j->by_age);
		heap_take(&t->by_size, &j->by_size);
	} else {
		heap_put(&t->by_age, &j->by_age);
		heap_put(&t->by_size, &j->by_size);
	}
}

/*
 * May a job with small_left deliveries go before the head?  The head must be worth it (its slots, one for slot_cost deliveries, reach
 * the minimum), and what it has earned so far, with loan and discount, must pay for the small one.
 */
bool
transport_may_preempt(const struct transport *t, double credit, size_t head_total, size_t head_left, size_t small_left)
{
	double need = (double)small_left * (double)(100 - t->slot_discount) / 100;

	if (t->slot_cost == 0 || small_left >= head_left || head_total < (size_t)(t->slot_cost * t->slot_minimum))
		return false;
	return credit > 0 && credit + (double)t->slot_loan >= need;
}

static struct job *
pick(struct transport *t)
{
	struct heap_node *a = heap_first(&t->by_age), *s = heap_first(&t->by_size);
	struct job *head, *small;

	if (a == NULL)
		return NULL;
	head = LIST_ITEM(a, struct job, by_age);
	small = LIST_ITEM(s, struct job, by_size);
	if (small != head && transport_may_preempt(t, t->credit, head->total, head->left, small->left)) {
		t->credit -= 1;
		return small;
	}
	if (t->slot_cost > 0 && t->credit < CREDIT_MAX)
		t->credit += 1 / (double)t->slot_cost;
	return head;
}

size_t
transport_chunk(const struct transport *t, const struct peer *p)
{
	size_t max = p->n - p->next, bytes = 0, n;

	if (p->job->message->env.verp[0] != '\0')
		return 1;
	if (t->rcpt_limit > 0 && (size_t)t->rcpt_limit < max)
		max = (size_t)t->rcpt_limit;
	if (max > CHUNK_RCPTS)
		max = CHUNK_RCPTS;
	for (n = 0; n < max; n++) {
		const struct qrcpt *r = &p->rcpts[p->next + n];

		bytes += strlen(r->addr) + strlen(r->orig) + strlen(r->dsn_orcpt) + 100;
		if (n > 0 && bytes > CHUNK_BYTES)
			break;
	}
	return n;
}

/* ---- dispatching */
static bool
may_start(const struct transport *t)
{
	return !t->is_dead && !t->is_pausing && t->busy < t->max_busy && qm.n_deliveries < qm.max_deliveries;
}

static void
on_rate_end(void *arg)
{
	struct transport *t = arg;

	task_timer_stop(&t->rate_timer);
	t->is_pausing = false;
	transport_dispatch(t);
}

static bool
start_one(struct transport *t)
{
	struct job *j = may_start(t) ? pick(t) : NULL;
	struct peer *p;
	struct entry e;

	if (j == NULL)
		return false;
	ASSERT(!list_is_empty(&j->ready));
	p = LIST_ITEM(j->ready.next, struct peer, in_ready);
	dest_take(p->dest, p, &e);
	t->busy++;
	qm.n_deliveries++;
	if (t->rate_ms > 0) {
		t->is_pausing = true;
		task_timer_stop(&t->rate_timer);
		t->rate_timer = task_timer_start(t->rate_ms, 0, on_rate_end, t);
	}
	agent_start(&e);
	return true;
}

void
transport_dispatch(struct transport *t)
{
	while (start_one(t))
		;
}

/* All that may start, one of each in turn: matters only at the limit of all deliveries. */
void
transport_dispatch_all(void)
{
	bool progress = true;

	while (progress) {
		progress = false;
		for (struct list *l = qm.transports.next; l != &qm.transports; l = l->next)
			progress |= start_one(LIST_ITEM(l, struct transport, link));
	}
}

void
transport_done(struct entry *e)
{
	struct transport *t = e->transport;
	bool was_full = qm.n_deliveries >= qm.max_deliveries;

	t->busy--;
	qm.n_deliveries--;
	dest_done(e);
	if (was_full) {
		/* others first: they could not start before */
		list_remove(&t->link);
		list_append(&qm.transports, &t->link);
		transport_dispatch_all();
	} else {
		transport_dispatch(t);
	}
}

/* ---- out of order, and back */
static void
update_dests(struct transport *t)
{
	struct map_iter it = { 0 };

	while (map_next(t->dests, &it))
		dest_update(it.value);
}

void
transport_revive(struct transport *t)
{
	if (!t->is_dead)
		return;
	task_timer_stop(&t->timer);
	t->is_dead = false;
	t->strikes = 0;
	update_dests(t);
	transport_dispatch(t);
}

static void
on_retry_time(void *arg)
{
	transport_revive(arg);
}

void
transport_failed(struct transport *t, const char *dsn, const char *reason)
{
	struct map_iter it = { 0 };

	if (t->is_dead)
		return;
	t->is_dead = true;
	snprintf(t->dsn, sizeof(t->dsn), "%s", dsn);
	snprintf(t->reason, sizeof(t->reason), "%s", reason);
	t->timer = task_timer_start(qm.conf.transport_retry_ms, 0, on_retry_time, t);
	while (map_next(t->dests, &it)) {
		struct dest *d = it.value;

		dest_update(d);
		dest_drain(d, t->dsn, t->reason);
	}
}

void
transport_revive_all(void)
{
	for (struct list *l = qm.transports.next; l != &qm.transports; l = l->next) {
		struct transport *t = LIST_ITEM(l, struct transport, link);
		struct map_iter it = { 0 };

		transport_revive(t);
		while (map_next(t->dests, &it)) {
			dest_revive(it.value);
			dest_free_if_idle(it.value);
		}
	}
	transport_dispatch_all();
}
