/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pickup - mail from users: what postdrop put into maildrop goes to cleanup
 *
 * The directory is read when postdrop or master says so.  Several messages are under way at once, since each waits for the disk.
 */
#include "base/ascii.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "pickup.h"
#include "proto/cleanup.h"

enum { MAX_WORKERS = 10, MAX_LISTED = 10000, RETRY_FIRST_MS = 1000, RETRY_MS = 55 * 1000, STUCK_MS = 10 * 1000 };

static struct pickup_conf conf;
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct pickup_conf, myhostname, myhostname),
	CONF_BIND_STR(struct pickup_conf, mail_name, mail_name),
	CONF_BIND_STR(struct pickup_conf, content_filter, content_filter),
	CONF_BIND_STR(struct pickup_conf, overrides, receive_override_options),
};

static struct pickup pickup;
static struct map *known;	/* ids that wait or are under way */
static struct map *failed;	/* id -> struct failure */
static struct task_timer *retry;	/* the next look by ourselves */
static uint64_t retry_at;
static struct strvec waiting = STRVEC_INIT(MAX_LISTED);
static unsigned workers;
static bool scan_again, is_stuck;

struct failure {
	uint64_t when;		/* to try again */
	uint64_t pause;
};

static void
release_value(void *p)
{
	mem_free(&p);
}

static void wakeup(void);

static void
retry_task(void *arg UNUSED)
{
	wakeup();
}

static void
on_retry(void *arg UNUSED)
{
	struct err err = ERR_INIT;

	task_timer_stop(&retry);
	if (task_start_err("retry", retry_task, NULL, &err) == NULL)
		log_warning("%s", err.text);
}

/* Most trouble passes at once: mail need not wait for the wake-up, which comes once a minute. */
static void
retry_in(uint64_t ms)
{
	uint64_t at = task_now_ms() + ms;

	if (daemon_is_ending() || (retry != NULL && retry_at <= at))
		return;
	task_timer_stop(&retry);
	retry_at = at;
	retry = task_timer_start(ms, 0, on_retry, NULL);
}

/* A file that could not be handed over is left alone for a while, each time longer, whatever wakes us up: the others are not held up by it. */
static void
note_failure(const char *id)
{
	struct failure *f = NEW(struct failure);
	const struct failure *old = map_get(failed, id);

	f->pause = old == NULL ? RETRY_FIRST_MS : old->pause * 2 < RETRY_MS ? old->pause * 2 : RETRY_MS;
	if (map_count(failed) >= MAX_LISTED) {
		map_free(&failed, release_value);
		failed = map_new();
	}
	f->when = task_now_ms() + f->pause;
	retry_in(f->pause);
	release_value(map_put(failed, id, f));
}

static bool
is_due(const char *id)
{
	const struct failure *f = map_get(failed, id);

	if (f == NULL || f->when <= task_now_ms())
		return true;
	retry_in(f->when - task_now_ms() + 1);
	return false;
}

static bool
note_id(void *arg UNUSED, const char *id)
{
	static char mark[] = "";

	if (map_get(known, id) == NULL && is_due(id)) {
		if (strvec_add(&waiting, id) < 0) {
			scan_again = true;
			return false;
		}
		map_put(known, id, mark);
	}
	return true;
}

static void
handle(const char *id)
{
	struct err err = ERR_INIT;

	switch (pickup_message(&pickup, id, &err)) {
	case PICKUP_GONE: return;
	case PICKUP_DONE:
		release_value(map_del(failed, id));
		if (queue_remove(pickup.queue, QUEUE_MAILDROP, id, &err) < 0)
			log_warning("remove maildrop/%s: %s: the message may come twice", id, err.text);
		return;
	case PICKUP_BAD:
		log_warning("maildrop/%s: %s: moved to corrupt", id, err.text);
		if (queue_move(pickup.queue, id, QUEUE_MAILDROP, QUEUE_CORRUPT, &err) < 0) {
			log_warning("%s", err.text);
			note_failure(id);
		}
		return;
	case PICKUP_LATER:
		log_warning("maildrop/%s: %s: will be tried again", id, err.text);
		note_failure(id);
		return;
	case PICKUP_STUCK:
		log_warning("maildrop/%s: %s: mail waits for the next attempt", id, err.text);
		is_stuck = true;
		retry_in(STUCK_MS);
	}
}

static void scan(void);

static void
work(void *arg UNUSED)
{
	while (waiting.n > 0 && !daemon_is_ending()) {
		AUTO(mem_free) char *id = mem_strdup(waiting.v[waiting.n - 1]);

		strvec_remove(&waiting, waiting.n - 1);
		if (!is_stuck)
			handle(id);
		map_del(known, id);
	}
	workers--;
	if (waiting.n == 0 && scan_again && !is_stuck)
		scan();
}

static void
start_workers(void)
{
	struct err err = ERR_INIT;

	while (workers < MAX_WORKERS && workers < waiting.n) {
		if (task_start_err("pickup", work, NULL, &err) == NULL) {
			log_warning("%s", err.text);
			return;
		}
		workers++;
	}
}

/* With a backlog the directory is not read again for each new file, but when the backlog is done. */
static void
scan(void)
{
	struct err err = ERR_INIT;

	scan_again = waiting.n > 0;
	if (scan_again)
		return;
	if (queue_scan(pickup.queue, QUEUE_MAILDROP, note_id, NULL, NULL, &err) < 0)
		log_warning("scan maildrop: %s", err.text);
	start_workers();
}

static void
wakeup(void)
{
	is_stuck = false;
	scan();
}

static void
trigger(const char *bytes UNUSED, size_t n UNUSED)
{
	wakeup();
}

static int
read_overrides(struct err *err)
{
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(20);

	pickup.flags = CLEANUP_EXTERNAL;
	if (strvec_split(&words, conf.overrides, ", \t\r\n") < 0)
		return err_set(err, ERR_CONF, NULL, "receive_override_options: too many words");
	for (size_t i = 0; i < words.n; i++) {
		const char *w = words.v[i];

		if (ascii_casecmp(w, "no_header_body_checks") == 0)
			pickup.flags &= ~CLEANUP_CHECKS;
		else if (ascii_casecmp(w, "no_address_mappings") == 0)
			pickup.flags &= ~(CLEANUP_AUTO_BCC | CLEANUP_MAP);
		else if (ascii_casecmp(w, "no_milters") == 0)
			pickup.flags &= ~CLEANUP_MILTERS;
		else if (ascii_casecmp(w, "no_unknown_recipient_checks") != 0)
			return err_set(err, ERR_CONF, NULL, "unknown receive_override_options value \"%s\" in \"%s\"", w, conf.overrides);
	}
	return 0;
}

static int
pre_jail(struct err *err)
{
	pickup.conf = conf;
	pickup.queue = queue_open(daemon_conf(), err);
	return pickup.queue == NULL ? -1 : read_overrides(err);
}

static void
start(void)
{
	known = map_new();
	failed = map_new();
	pickup.cleanup = cleanup_pool_new(daemon_conf());
}

static void
serve(struct daemon_session *s UNUSED)
{
	/* whatever a client says is a trigger */
	wakeup();
}

int
main(int argc, char **argv)
{
	static const struct daemon pickup_daemon = {
		.name = "pickup",
		.sessions = DAEMON_LOOP,
		.binds = binds,
		.n_binds = COUNT_OF(binds),
		.conf = &conf,
		.pre_jail = pre_jail,
		.start = start,
		.serve = serve,
		.wakeup = wakeup,
		.takes_triggers = true,
		.trigger = trigger,
	};

	return daemon_main(&pickup_daemon, argc, argv);
}
