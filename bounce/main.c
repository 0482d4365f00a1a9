/* SPDX-License-Identifier: Apache-2.0 */
/* bounce - the daemon behind the services bounce, defer and trace: requests in, records and reports out */
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "bounce.h"
#include "daemon/daemon.h"

enum { MAX_INFLIGHT = 200, TEMPLATE_MAX = 1 << 20 };

struct bounce_conf bounce_conf;
struct queue *bounce_queue;
struct ipc_pool *bounce_cleanup;
struct template bounce_templates[TEMPLATE_N];

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct bounce_conf, myhostname, myhostname),
	CONF_BIND_STR(struct bounce_conf, myorigin, myorigin),
	CONF_BIND_STR(struct bounce_conf, mail_name, mail_name),
	CONF_BIND_STR(struct bounce_conf, double_bounce_sender, double_bounce_sender),
	CONF_BIND_STR(struct bounce_conf, bounce_rcpt, bounce_notice_recipient),
	CONF_BIND_STR(struct bounce_conf, delay_rcpt, delay_notice_recipient),
	CONF_BIND_STR(struct bounce_conf, classes, notify_classes),
	CONF_BIND_STR(struct bounce_conf, template_file, bounce_template_file),
	CONF_BIND_STR(struct bounce_conf, filter_classes, internal_mail_filter_classes),
	CONF_BIND_INT(struct bounce_conf, size_limit, bounce_size_limit),
	CONF_BIND_INT(struct bounce_conf, message_limit, message_size_limit),
	CONF_BIND_TIME(struct bounce_conf, lifetime_ms, maximal_queue_lifetime),
	CONF_BIND_BOOL(struct bounce_conf, compat_text, backwards_bounce_logfile_compatibility),
	CONF_BIND_BOOL(struct bounce_conf, threaded, enable_threaded_bounces),
	CONF_BIND_BOOL(struct bounce_conf, no_verp, disable_verp_bounces),
};

/* delay_warning_time_hours and the like: for templates, the time in that unit. */
static int
define_times(struct conf *c, const char *name, char unit, struct err *err)
{
	static const struct {
		const char *suffix;
		uint64_t ms;
	} units[] = {
		{ "seconds", 1000 }, { "minutes", 60000 }, { "hours", 3600000 }, { "days", 86400000 }, { "weeks", 604800000 },
	};
	uint64_t ms;

	if (conf_get_time(c, name, unit, 0, &ms, err) < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		AUTO(mem_free) char *n = mem_printf("%s_%s", name, units[i].suffix);
		AUTO(mem_free) char *v = mem_printf("%llu", (unsigned long long)(ms / units[i].ms));

		conf_set(c, n, v);
	}
	return 0;
}

char *
bounce_expand(const char *text)
{
	struct err err = ERR_INIT;
	char *s = conf_expand(daemon_conf(), text, &err);

	if (s != NULL)
		return s;
	log_warning("bounce template: %s", err.text);
	return mem_strdup(text);
}

/* A template that cannot be read must not keep mail from being returned: the built-in texts are used. */
static void
load_templates(void)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(TEMPLATE_MAX);
	struct pool *pool;
	struct err err = ERR_INIT;

	memcpy(bounce_templates, template_builtin, sizeof(bounce_templates));
	if (bounce_conf.template_file[0] == '\0')
		return;
	pool = pool_new(8192);	/* lives as long as the process */
	if (io_read_file(bounce_conf.template_file, &b, &err) < 0 ||
	    template_parse(bounce_conf.template_file, b.s, pool, bounce_templates, &err) < 0) {
		log_warning("%s: the built-in templates are used", err.text);
		memcpy(bounce_templates, template_builtin, sizeof(bounce_templates));
	}
}

static int
pre_jail(struct err *err)
{
	struct conf *c = daemon_conf();

	load_templates();
	/* a name that begins with a digit cannot be bound */
	bounce_conf.double_rcpt = conf_get(c, "2bounce_notice_recipient");
	if (bounce_conf.double_rcpt == NULL || bounce_conf.double_rcpt[0] == '\0')
		bounce_conf.double_rcpt = "postmaster";
	if (define_times(c, "delay_warning_time", 'h', err) < 0 || define_times(c, "maximal_queue_lifetime", 'd', err) < 0)
		return -1;
	bounce_queue = queue_open(c, err);
	return bounce_queue != NULL ? 0 : -1;
}

static void
start(void)
{
	bounce_cleanup = cleanup_pool_new(daemon_conf());
}

static const char *
get(const struct msg *m, const char *name)
{
	const char *v = msg_get(m, name);

	return v != NULL ? v : "";
}

static int
append(const struct msg *m, enum queue_name log)
{
	int64_t offset = msg_get_num_or(m, "offset", -1), notify = msg_get_num_or(m, "notify", 0);
	const struct dlog_entry e = {
		.rcpt = get(m, "rcpt"), .orig_rcpt = get(m, "orig"), .dsn_orcpt = get(m, "orcpt"), .offset = offset,
		.dsn_notify = notify >= 0 && notify <= 15 ? (int)notify : 0, .status = get(m, "status_code"), .action = get(m, "action"),
		.diag_type = get(m, "diag_type"), .diag_text = get(m, "diag_text"), .mta_type = get(m, "mta_type"),
		.mta_name = get(m, "mta_name"), .reason = get(m, "reason"),
	};
	struct err err = ERR_INIT;

	if (dlog_append(bounce_queue, log, get(m, "id"), &e, bounce_conf.compat_text, &err) == 0)
		return 0;
	log_warning("%s: %s", get(m, "id"), err.text);
	return 1;
}

static int
notify(const struct msg *m, enum queue_name log)
{
	const struct bounce_msg b = {
		.queue = get(m, "queue"), .id = get(m, "id"), .encoding = get(m, "encoding"), .sender = get(m, "sender"),
		.dsn_envid = get(m, "envid"), .dsn_ret = (int)msg_get_num_or(m, "ret", 0),
		.smtputf8 = (int)msg_get_num_or(m, "smtputf8", 0),
	};

	if (!queue_id_is_valid(b.id) || queue_name_parse(b.queue) < 0) {
		log_warning("request with a bad queue or id");
		return 1;
	}
	return notify_run(m->type, log, &b);
}

static void
handle(void *arg, struct msg *request, struct msg *reply)
{
	int log = queue_name_parse(get(request, "service")), status = 1;

	(void)arg;
	if (log != QUEUE_BOUNCE && log != QUEUE_DEFER && log != QUEUE_TRACE)
		log_warning("request for a log that is none");
	else if (request->type == BOUNCE_APPEND)
		status = append(request, (enum queue_name)log);
	else if (request->type >= BOUNCE_FLUSH && request->type <= BOUNCE_TRACE)
		status = notify(request, (enum queue_name)log);
	else
		log_warning("unknown request %u", request->type);
	msg_begin(reply, BOUNCE_REPLY);
	msg_num(reply, "status", status);
}

static void
serve(struct daemon_session *s)
{
	daemon_session_is_mux(s);
	ipc_mux_serve(s->stream, handle, NULL, MAX_INFLIGHT);
}

static const struct daemon program = {
	.name = "bounce",
	.sessions = DAEMON_MANY,
	.sandbox = "queue-write",
	.binds = binds,
	.n_binds = COUNT_OF(binds),
	.conf = &bounce_conf,
	.pre_jail = pre_jail,
	.start = start,
	.serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&program, argc, argv);
}
