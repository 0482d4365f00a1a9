/* SPDX-License-Identifier: Apache-2.0 */
/* conf - parameters of the queue manager, bound at the start and again at each reload */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/master_cf.h"
#include "qmgr/qmgr.h"

const struct conf_bind qmgr_binds[QMGR_N_BINDS] = {
	CONF_BIND_INT(struct qmgr_conf, active_limit, qmgr_message_active_limit),
	CONF_BIND_INT(struct qmgr_conf, rcpt_limit, qmgr_message_recipient_limit),
	CONF_BIND_INT(struct qmgr_conf, rcpt_minimum, qmgr_message_recipient_minimum),
	CONF_BIND_INT(struct qmgr_conf, resolution, delay_logging_resolution_limit),
	CONF_BIND_TIME(struct qmgr_conf, min_backoff_ms, minimal_backoff_time),
	CONF_BIND_TIME(struct qmgr_conf, max_backoff_ms, maximal_backoff_time),
	CONF_BIND_TIME(struct qmgr_conf, run_delay_ms, queue_run_delay),
	CONF_BIND_TIME(struct qmgr_conf, lifetime_ms, maximal_queue_lifetime),
	CONF_BIND_TIME(struct qmgr_conf, bounce_lifetime_ms, bounce_queue_lifetime),
	CONF_BIND_TIME(struct qmgr_conf, transport_retry_ms, transport_retry_time),
	CONF_BIND_TIME(struct qmgr_conf, daemon_timeout_ms, daemon_timeout),
	CONF_BIND_TIME(struct qmgr_conf, ipc_idle_ms, ipc_idle),
	CONF_BIND_STR(struct qmgr_conf, defer_transports, defer_transports),
	CONF_BIND_STR(struct qmgr_conf, filter_nexthop, default_filter_nexthop),
};
_Static_assert(COUNT_OF(qmgr_binds) == QMGR_N_BINDS, "count in qmgr.h");

void
conf_apply(void)
{
	struct err err = ERR_INIT;

	strvec_reset(&qm.defer_transports);
	qm.defer_transports.max = 1000;
	if (conf_split_list(qm.conf.defer_transports, &qm.defer_transports, &err) < 0)
		log_warning("defer_transports: %s", err.text);
}

/* The -o options that master.cf has now for this service. */
static int
override_from_master_cf(struct conf *c, struct err *err)
{
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", conf_dir(c));
	struct master_cf *mc = master_cf_load(path, err);
	int r = mc == NULL ? -1 : 0;

	for (size_t i = 0; r == 0 && i < mc->n; i++) {
		const struct master_entry *e = &mc->entries[i];

		if (strcmp(e->name, daemon_service()) != 0 || e->type == MASTER_INET)
			continue;
		for (size_t k = 0; r == 0 && k + 1 < e->argv.n; k++)
			if (strcmp(e->argv.v[k], "-o") == 0)
				r = conf_override(c, e->argv.v[k + 1], err);
	}
	master_cf_free(&mc);
	return r;
}

/*
 * Read anew in place: deliveries go on.  What was bound lives in the configuration, so the previous one is kept until the next
 * reload, and the first, which the clients of other services were made with, for good.
 */
void
conf_reload(void)
{
	static struct conf *previous;
	struct qmgr_conf next = qm.conf;
	struct err err = ERR_INIT;
	struct conf *c = conf_load(conf_dir(qm.main_cf), &err), *old = qm.main_cf;

	if (c != NULL) {
		conf_set(c, "process_name", "qmgr");
		conf_set(c, "service_name", daemon_service());
	}
	if (c == NULL || override_from_master_cf(c, &err) < 0 || conf_bind(c, qmgr_binds, QMGR_N_BINDS, &next, &err) < 0) {
		log_warning("reload: %s; the old settings stay", err.text);
		conf_free(&c);
		return;
	}
	qm.main_cf = c;
	if (plan_open(&err) < 0)
		log_warning("reload: %s; the old routing stays", err.text);
	qm.conf = next;
	conf_apply();
	conf_free(&previous);
	if (old != daemon_conf())
		previous = old;
	transport_reload();
	scan_ask(true, true, false);
}
