/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmgr - what the files of the queue manager share
 *
 * index	every message of incoming and deferred as an item, by id and by the time of its next attempt
 * scan		directories looked through at the start, on triggers and when their times changed
 * feed		which item becomes active next
 * message	an item becomes active: moved, locked, its envelope read, in portions
 * plan		recipients resolved and given to transports and destinations
 * transport, dest, feedback	who is served next, how much at once (README)
 * agent	one delivery: a task that talks to a delivery agent
 * finish	the end of a message's turn: reports, then removed or deferred
 */
#ifndef QMGR_QMGR_H
#define QMGR_QMGR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"
#include "config/conf.h"
#include "daemon/daemon.h"
#include "proto/bounce.h"
#include "proto/deliver.h"
#include "qmgr/heap.h"
#include "queue/queue.h"
#include "route/resolve.h"

struct qmgr_conf {
	int64_t active_limit, rcpt_limit, rcpt_minimum, resolution;
	uint64_t min_backoff_ms, max_backoff_ms, run_delay_ms, lifetime_ms, bounce_lifetime_ms, transport_retry_ms, daemon_timeout_ms,
	    ipc_idle_ms;
	const char *defer_transports, *filter_nexthop;
};

/* ---- index.c */
enum item_state { ITEM_WAITING /* for its time, in the heap */, ITEM_READY /* in one of the lists */, ITEM_ACTIVE };
struct item {
	struct heap_node node;
	struct list link;
	int64_t due;			/* wall seconds */
	enum queue_name where;		/* incoming or deferred; active while it is, or stuck there */
	enum item_state state;
	unsigned scan;			/* the last look that saw it */
	bool is_fresh;			/* cleanup told of it: nothing of an earlier attempt lies around */
	bool is_flushed;		/* somebody asked for delivery now */
	char id[];
};
void index_init(void);
struct item *index_find(const char *id);
struct item *index_add(const char *id, enum queue_name where);		/* new, in no list */
void index_ready(struct item *i);				/* behind those of its queue */
void index_wait(struct item *i, int64_t due);
void index_drop(struct item *i);				/* forget and free it */
void index_release(int64_t now);				/* what is due becomes ready */
void index_release_all(enum queue_name where);			/* the same whatever its time, and marked as flushed */
struct item *index_take(bool from_deferred);			/* the next ready one, or NULL */
size_t index_count(void);
/* Each waiting or ready item of one queue that a look did not see; fn may drop it. */
void index_each_unseen(enum queue_name where, unsigned scan, void (*fn)(struct item *i));

/* ---- scan.c */
void scan_start(void);				/* active back to incoming; then a task looks through both queues */
void scan_ask(bool incoming, bool deferred, bool all_times);
void scan_new(const char *id);			/* cleanup has committed it */
void scan_wake_at(int64_t due);			/* an incoming message's time comes then */
enum { SCAN_RETRY_S = 10 };			/* after trouble of ours with a file */
void scan_retry(struct item *i, const struct err *err);	/* waits that long where it is; ENOENT: forgotten and freed */
void scan_stop(void);

/* ---- feed.c */
void feed(void);

/* ---- message.c */
struct message {
	struct item *item;
	struct pool *pool;		/* envelope */
	struct pool *rcpt_pool;		/* recipients of this portion and what was planned for them */
	struct qenv env;
	struct timeval active_time;
	int flags;			/* of delivery requests */
	size_t n_open;			/* recipients handed to transports and not yet back */
	size_t n_loaded;		/* recipients of this portion, for the limit of all */
	size_t n_deferred;		/* left in the queue so far */
	bool is_loading, is_unthrottle, is_forced_expire, is_flushed;
	struct list jobs;		/* of this portion */
	struct peer *peers;
};
void message_load(void *item) MAY_WAIT;		/* a task's function */
/* n recipients are back; the last of a portion reads the next, or finishes the message. */
void message_back(struct message *m, size_t n) MAY_WAIT;
void message_free(struct message *m);		/* its item is no longer active; feeds the next */
const char *message_from(const struct message *m);	/* quoted sender, of the message's pool */

/* ---- plan.c */
NODISCARD int plan_open(struct err *err);	/* also anew, after a reload; on error what was open stays */
/* Recipients that wait at a destination or transport that is out of order are given to the retry service. */
void plan_retry(struct message *m, const struct qrcpt *rcpts, size_t n, const char *dsn, const char *reason);
/* n_open counts what was handed out; recipients that cannot be resolved go to retry or error.  -1: the process ends. */
int plan(struct message *m) MAY_WAIT;

/* ---- finish.c */
void finish(struct message *m) MAY_WAIT;
void finish_forced(struct message *m) MAY_WAIT;
void finish_later(struct message *m);		/* left as it is, for the next attempt */

/* ---- transport.c, dest.c */
struct feedback {
	double value;
	enum { FEED_CONST, FEED_CONCURRENCY, FEED_SQRT } by;
};
struct transport {
	char *name, *path;
	struct list link;
	/* limits */
	int64_t rcpt_limit, window_limit, window_first, failed_cohort_limit, slot_cost, slot_loan, slot_discount, slot_minimum;
	uint64_t dest_rate_ms, rate_ms;
	struct feedback positive, negative;
	unsigned max_busy;
	/* state */
	struct ipc_pool *pool;
	unsigned busy, strikes;
	struct map *dests;
	struct heap by_age, by_size;	/* jobs with something to do */
	double credit;			/* deliveries that small jobs may take out of turn */
	bool is_dead, is_pausing;
	char dsn[12], reason[512];
	struct task_timer *timer, *rate_timer;

};
struct dest {
	struct transport *transport;
	char *key, *nexthop;
	struct list peers;		/* by age */
	struct peer *candidate;		/* who is next, when there is room */
	unsigned busy;
	double window, success, failure, failed_cohorts, credit;
	bool is_dead, is_pausing;
	char dsn[12], reason[512];
	struct task_timer *timer;
};
struct job {			/* a message at a transport */
	struct heap_node by_age, by_size;
	struct list of_message;
	struct list ready;		/* peers that may be served now */
	struct message *message;
	struct transport *transport;
	uint64_t seq;
	size_t left, total;		/* deliveries */
};
struct peer {			/* a job at a destination */
	struct list of_dest, in_ready;
	struct job *job;
	struct dest *dest;
	struct peer *of_message;	/* the next of the same portion */
	struct qrcpt *rcpts;
	size_t n, next, cap;
};
struct entry {			/* one delivery */
	struct message *message;
	struct transport *transport;
	struct dest *dest;
	const struct qrcpt *rcpts;
	size_t n;
};

void transport_init(void);
struct transport *transport_get(const char *name);
struct dest *dest_get(struct transport *t, const char *nexthop, const char *rcpt);
void transport_reload(void);			/* limits anew */
void transport_revive_all(void);		/* forget what is dead */
void transport_revive(struct transport *t);
void transport_failed(struct transport *t, const char *dsn, const char *reason);	/* its agents are out of order */
void transport_dispatch(struct transport *t);	/* start what may start */
void transport_dispatch_all(void);
void transport_done(struct entry *e);		/* a delivery has ended */
size_t transport_chunk(const struct transport *t, const struct peer *p);
bool transport_may_preempt(const struct transport *t, double credit, size_t head_total, size_t head_left, size_t small_left);
void job_update(struct job *j);
struct job *job_get(struct message *m, struct transport *t);

void dest_add(struct dest *d, struct message *m, const struct qrcpt *r);	/* a recipient of the message being planned */
void dest_update(struct dest *d);		/* choose the candidate anew */
void dest_take(struct dest *d, struct peer *p, struct entry *e);	/* the next delivery of p */
void dest_done(struct entry *e);
void dest_dead(struct dest *d, const char *dsn, const char *reason);
void dest_revive(struct dest *d);
void dest_free_if_idle(struct dest *d);
void dest_drain(struct dest *d, const char *dsn, const char *reason);	/* all that waits goes to retry */
void dest_feedback(struct dest *d, bool good);	/* feedback.c: before busy is counted down */
int feedback_parse(const char *text, struct feedback *f, struct err *err);
double feedback_value(const struct feedback *f, double window);

/* ---- agent.c */
void agent_start(const struct entry *e);
/* Recipients that cannot even be given to retry: deferred by ourselves. */
void agent_defer(struct message *m, const struct qrcpt *rcpts, size_t n, const char *nexthop);

/* ---- main.c, conf.c: the state of the process */
struct qmgr {
	struct qmgr_conf conf;
	struct conf *main_cf;
	struct queue *queue;
	struct bounce *bounce;
	struct list transports;
	struct strvec defer_transports;
	size_t n_active, n_loading, n_rcpts, n_deliveries, max_deliveries;
	uint64_t seq;
};
extern struct qmgr qm;
enum { QMGR_N_BINDS = 14 };
extern const struct conf_bind qmgr_binds[QMGR_N_BINDS];
void conf_reload(void);
void conf_apply(void);

#endif
