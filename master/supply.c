/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supply - how many processes a service has, and when another one is started
 *
 * While some process has room, the processes themselves watch the listening sockets.  When none has, master does, and starts one when
 * a client comes, if maxproc allows.  What maxproc counts is a matter of the program (enum share): the sessions that processes may hold
 * (their quotas) never add up to more than max_sessions, those of processes that are ending included.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "master.h"

enum {
	QUOTA_MIN = 16,			/* fewer sessions are not worth a process of their own */
	ONE_DEFAULT = 100,		/* processes of agents that serve one session, when main.cf and master.cf say nothing */
	LIMIT_TOLD_EVERY_MS = 1000 * 1000,
	STRESS_MS = 1000 * 1000,
	EXCLUSIVE_END_MS = 10 * 1000,
	START_MS = 100 * 1000,
};

static void on_client(void *arg);

static unsigned
ceil_div(unsigned a, unsigned b)
{
	return a / b + (a % b != 0);
}

/* process_session_limit: main.cf's, or the service's own -o. */
static unsigned
session_limit_of(const struct service *s)
{
	static const char name[] = "process_session_limit=";
	int64_t limit = master.par.process_session_limit;

	for (size_t i = 0; i < s->args.n; i++) {
		const char *a = s->args.v[i];

		if (strncmp(a, name, sizeof(name) - 1) == 0 &&
		    num_parse_i64(a + sizeof(name) - 1, 0, 1000000, &limit) < 0)
			log_warning("service %s: bad %s", s->name, a);
	}
	return (unsigned)limit;
}

static unsigned
max_of(int maxproc, enum share share)
{
	bool has_default = conf_raw(master.conf, "default_process_limit") != NULL;

	if (maxproc >= 0)
		return (unsigned)maxproc;
	if (has_default)
		return (unsigned)master.par.default_process_limit;
	if (share == SHARE_SESSIONS)
		return (unsigned)master.par.default_session_limit;
	return ONE_DEFAULT;
}

void
supply_limits(struct service *s, int maxproc)
{
	enum share share = s->program->share;
	unsigned max = max_of(maxproc, share), quota;

	s->max_sessions = 0;
	s->proc_quota = 0;
	s->max_procs = max;
	switch (share) {
	case SHARE_SINGLE:
	case SHARE_EXCLUSIVE:
		s->max_procs = 1;
		break;
	case SHARE_ONE:
		s->proc_quota = 1;
		s->max_sessions = max;
		break;
	case SHARE_PROCESSES:
		if (max == 0 || max > master.n_cpus)
			s->max_procs = master.n_cpus;
		break;
	case SHARE_SESSIONS:
		quota = session_limit_of(s);
		s->max_sessions = max;
		if (quota == 0 && max == 0) {
			s->max_procs = master.n_cpus;
			break;
		}
		if (quota == 0)
			quota = ceil_div(max, master.n_cpus);
		if (quota < QUOTA_MIN && session_limit_of(s) == 0)
			quota = QUOTA_MIN;
		s->proc_quota = max != 0 && quota > max ? max : quota;
		s->max_procs = max != 0 ? ceil_div(max, s->proc_quota) : 0;
		break;
	}
}

/* Sessions that processes may still be given; UINT32_MAX: no limit. */
static unsigned
free_sessions(struct service *s)
{
	unsigned taken = 0;

	if (s->max_sessions == 0)
		return UINT32_MAX;
	for (struct list *l = s->procs.next; l != &s->procs; l = l->next) {
		const struct proc *p = LIST_ITEM(l, struct proc, link);

		taken += p->flags & HUB_ENDING ? p->sessions : p->quota;
	}
	return taken < s->max_sessions ? s->max_sessions - taken : 0;
}

struct count {
	unsigned alive, serving, with_room, loaded, starting;
};

static struct count
count_procs(struct service *s)
{
	struct count c = { 0 };

	for (struct list *l = s->procs.next; l != &s->procs; l = l->next) {
		const struct proc *p = LIST_ITEM(l, struct proc, link);

		c.alive++;
		if (!proc_is_serving(p))
			continue;
		c.serving++;
		if ((p->flags & HUB_READY) == 0)
			c.starting++;
		else if (p->flags & HUB_ROOM)
			c.with_room++;
		if ((p->flags & HUB_ROOM) && (p->flags & HUB_LOADED))
			c.loaded++;
	}
	return c;
}

/* While the others come to their end there is still something to log. */
static bool
may_start(const struct service *s)
{
	bool is_log = strcmp(s->program->name, "postlogd") == 0;

	return !s->is_removed && (!master.is_stopping || (is_log && master.stop_step < 2));
}

static bool
can_start(struct service *s, const struct count *c)
{
	if (!may_start(s))
		return false;
	if (s->program->share == SHARE_EXCLUSIVE)
		return c->alive == 0;	/* two at once would contradict each other */
	return (s->max_procs == 0 || c->serving < s->max_procs) && free_sessions(s) > 0;
}

static void
watch_clients(struct service *s, bool on)
{
	for (size_t i = 0; i < s->n_endpoints; i++) {
		struct watch *w = &s->endpoints[i].watch;

		if (on) {
			w->fn = on_client;
			w->arg = s;
			watch_on(w);
		} else {
			watch_off(w);
		}
	}
}

static void
start_one(struct service *s)
{
	unsigned room = free_sessions(s), quota = s->proc_quota < room ? s->proc_quota : room;

	if (proc_start(s, s->proc_quota == 0 ? 0 : quota) < 0)
		s->throttled_until = clock_mono_ms() + 1000;	/* out of processes or memory: try again in a second */
}

/* ---- the limit */

/* Who gets fewer sessions than it could serve, since an older process still held some, gets them now. */
static void
raise_quotas(struct service *s)
{
	unsigned room = free_sessions(s);

	if (s->program->share != SHARE_SESSIONS || s->proc_quota == 0)
		return;
	for (struct list *l = s->procs.next; l != &s->procs && room > 0; l = l->next) {
		struct proc *p = LIST_ITEM(l, struct proc, link);
		unsigned more = p->quota < s->proc_quota ? s->proc_quota - p->quota : 0;

		if (!proc_is_serving(p) || more == 0)
			continue;
		if (more > room)
			more = room;
		p->quota += more;
		room -= more;
		proc_send(p, HUB_QUOTA, p->quota);
	}
}

static bool
is_public(const struct service *s)
{
	for (size_t i = 0; i < s->n_endpoints; i++) {
		if (s->type == MASTER_INET && !s->endpoints[i].is_loopback)
			return true;
	}
	return false;
}

/* Processes that know of the stress take over: smtpd's shorter time limits and the like. */
static void
stress_begin(struct service *s, uint64_t now)
{
	bool is_new = s->stress_until <= now;

	s->stress_until = now + STRESS_MS;
	if (!is_new)
		return;
	for (struct list *l = s->procs.next; l != &s->procs; l = l->next) {
		struct proc *p = LIST_ITEM(l, struct proc, link);

		if (proc_is_serving(p))
			proc_send(p, HUB_RETIRE, 0);
	}
}

static void
limit_reached(struct service *s)
{
	uint64_t now = clock_mono_ms();
	const char *where = strrchr(s->endpoints[0].name, ':');

	if (!is_public(s))
		return;
	if (s->limit_told_at == 0 || now - s->limit_told_at >= LIMIT_TOLD_EVERY_MS) {
		s->limit_told_at = now;
		log_warning("service \"%s\" (%s) has reached its process limit \"%u\": new clients may experience noticeable delays",
		    s->name, strchr(s->name, ':') != NULL || where == NULL ? s->endpoints[0].name : where + 1,
		    s->max_sessions != 0 ? s->max_sessions : s->max_procs);
		log_warning("to avoid this condition, increase the process count in master.cf or reduce the service time per client");
		log_warning("parameters that depend on ${stress?...} help as well: they hold for new sessions from now on");
	}
	stress_begin(s, now);
}

/* ---- */

static void
on_client(void *arg)
{
	struct service *s = arg;
	struct count c = count_procs(s);

	if (c.with_room + c.starting > 0) {
		watch_clients(s, false);
	} else if (can_start(s, &c)) {
		start_one(s);
		supply(s);
	} else {
		watch_clients(s, false);	/* look again when a process says something */
		limit_reached(s);
	}
}

void
supply(struct service *s)
{
	struct count c = count_procs(s);
	uint64_t now = clock_mono_ms();

	if (!may_start(s) || s->throttled_until > now) {
		watch_clients(s, false);
		return;
	}
	raise_quotas(s);
	if (c.with_room + c.starting > 0) {
		watch_clients(s, false);
		if (c.loaded > 0 && c.loaded == c.with_room && c.starting == 0 && c.serving < master.n_cpus && can_start(s, &c))
			start_one(s);
		return;
	}
	if ((s->wants_wakeup || s->n_handed > 0) && can_start(s, &c))
		start_one(s);
	else
		watch_clients(s, can_start(s, &c) || s->type == MASTER_INET);
}

void
supply_all(void)
{
	for (struct list *l = master.services.next; l != &master.services; l = l->next)
		supply(LIST_ITEM(l, struct service, link));
}

static struct proc *
proc_ready(struct service *s)
{
	for (struct list *l = s->procs.next; l != &s->procs; l = l->next) {
		struct proc *p = LIST_ITEM(l, struct proc, link);

		if (proc_is_serving(p) && (p->flags & HUB_READY))
			return p;
	}
	return NULL;
}

void
supply_wakeup(struct service *s)
{
	struct proc *p = proc_ready(s);

	if (s->is_wakeup_if_used && !s->is_used)
		return;
	if (p != NULL) {
		proc_send(p, HUB_WAKEUP, 0);
		return;
	}
	s->wants_wakeup = true;
	supply(s);
}

void
supply_hand(struct service *s, int fd)
{
	struct proc *p = proc_ready(s);
	struct hub_msg m = { .type = HUB_SESSION };

	if (p != NULL && hub_send(p->channel.fd, &m, fd) == 0) {
		close(fd);
		return;
	}
	if (p != NULL)
		p->is_told_to_end = true;	/* it is about to go: the next one gets it */
	if (s->n_handed < HANDED_MAX)
		s->handed[s->n_handed++] = fd;
	else
		close(fd);
	supply(s);
}

static uint64_t
min_time(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Nobody can take the place of an exclusive process that does not come to its end. */
static uint64_t
hurry_timers(struct service *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	if (s->program->share != SHARE_EXCLUSIVE)
		return next;
	for (struct list *l = s->procs.next; l != &s->procs; l = l->next) {
		struct proc *p = LIST_ITEM(l, struct proc, link);

		if (proc_is_serving(p) || p->told_at == 0)
			continue;
		if (now >= p->told_at + EXCLUSIVE_END_MS) {
			proc_send(p, HUB_STOP, 0);
			if (p->n_hurried++ > 0) {
				log_warning("process %s pid %ld does not end: it is killed", s->exe, (long)p->pid);
				kill(p->pid, SIGKILL);
			}
		}
		next = min_time(next, p->told_at + EXCLUSIVE_END_MS);
	}
	return next;
}

/* A process that does not come up holds up its service: nobody else is started while it is waited for. */
static uint64_t
start_timers(struct service *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (struct list *l = s->procs.next; l != &s->procs; l = l->next) {
		struct proc *p = LIST_ITEM(l, struct proc, link);

		if (p->flags & HUB_READY || p->is_told_to_end)
			continue;
		if (now >= p->started + START_MS) {
			log_warning("process %s pid %ld is not ready after %d seconds: it is killed", s->exe, (long)p->pid, START_MS / 1000);
			p->is_told_to_end = true;
			kill(p->pid, SIGKILL);
		} else {
			next = min_time(next, p->started + START_MS);
		}
	}
	return next;
}

static uint64_t
service_timers(struct service *s, uint64_t now)
{
	uint64_t next = min_time(hurry_timers(s, now), start_timers(s, now));

	if (s->throttled_until != 0) {
		if (s->throttled_until > now) {
			next = s->throttled_until;
		} else {
			s->throttled_until = 0;
			supply(s);
		}
	}
	if (s->wakeup_ms != 0) {
		if (now >= s->next_wakeup) {
			s->next_wakeup = now + s->wakeup_ms;
			supply_wakeup(s);
		}
		next = min_time(next, s->next_wakeup);
	}
	if (s->stress_until != 0 && now >= s->stress_until) {
		s->stress_until = 0;
		for (struct list *l = s->procs.next; l != &s->procs; l = l->next)
			proc_send(LIST_ITEM(l, struct proc, link), HUB_RETIRE, 0);
	} else if (s->stress_until != 0) {
		next = min_time(next, s->stress_until);
	}
	return next;
}

uint64_t
supply_timers(uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (struct list *l = master.services.next; l != &master.services; l = l->next) {
		struct service *s = LIST_ITEM(l, struct service, link);

		if (!s->is_removed)
			next = min_time(next, service_timers(s, now));
	}
	return next;
}
