/* SPDX-License-Identifier: Apache-2.0 */
/* pipe - the delivery agent for programs; pipe.h tells what they get */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "deliver/cmd_env.h"
#include "deliver/deliver_serve.h"
#include "deliver/pipe_cmd.h"
#include "deliver/rights.h"
#include "pipe.h"

enum { ENV_MAX = 1100 };

static struct pipe_conf {
	const char *export_environment, *delimiter, *mail_owner, *setgid_group;
	bool owner_special;
	uint64_t time_limit_ms;
	struct rights rights;
	struct pipe_opts opts;
	struct err opts_err;	/* what is wrong with them */
	bool has_opts, is_usable;
} conf;

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct pipe_conf, export_environment, export_environment),
	CONF_BIND_STR(struct pipe_conf, delimiter, recipient_delimiter),
	CONF_BIND_STR(struct pipe_conf, mail_owner, mail_owner),
	CONF_BIND_STR(struct pipe_conf, setgid_group, setgid_group),
	CONF_BIND_BOOL(struct pipe_conf, owner_special, owner_request_special),
};

static struct deliver_agent agent;

static void
log_trouble(const char *text)
{
	log_error("master.cf: service %s: %s", daemon_service(), text);
}

/* A service that is wrong puts its mail off and says why; it may be right at the next message, when a look-up of its user failed. */
static bool
is_usable(void)
{
	struct err err = ERR_INIT;

	if (conf.is_usable)
		return true;
	if (conf.opts_err.class != ERR_NONE)
		err = conf.opts_err;
	else
		conf.is_usable = pipe_opts_check(&conf.opts, &err) == 0 &&
		    rights_of_program(conf.opts.user, conf.mail_owner, conf.setgid_group, &conf.rights, &err) == 0 &&
		    conf_family_time(daemon_conf(), daemon_service(), "time_limit", &conf.time_limit_ms, &err) == 0;
	if (!conf.is_usable)
		log_trouble(err.text);
	return conf.is_usable;
}

/* ---- one request: the outcome is that of all its recipients */
static void
report(struct deliver_ctx *c, const char *dsn, const char *reason)
{
	struct deliver_outcome o = { .dsn = dsn, .relay = daemon_service(), .reason = reason,
		.action = (conf.opts.flags & PIPE_FINAL) != 0 ? "delivered" : "relayed" };

	for (size_t i = 0; i < c->req->n_rcpts; i++)
		deliver_by_dsn(c, &c->req->rcpts[i], &o);
}

static void
config_error(struct deliver_ctx *c)
{
	report(c, "4.3.5", "mail system configuration error");
}

static const char *
original(const struct qrcpt *r)
{
	return r->orig != NULL && *r->orig != '\0' ? r->orig : r->addr;
}

static void
set_message(const struct deliver_ctx *c, struct copy_msg *m)
{
	const struct deliver_req *req = c->req;
	unsigned flags = conf.opts.flags;

	*m = (struct copy_msg){ .file = c->file, .content_at = req->content_offset, .eol = conf.opts.eol.s,
		.sender = req->sender[0] != '\0' ? req->sender : conf.opts.null_sender, .return_path = (flags & PIPE_RETURN_PATH) != 0 };
	if ((flags & PIPE_ORIGINAL) != 0)
		m->orig_to = original(&req->rcpts[0]);
	if ((flags & PIPE_DELIVERED) != 0)
		m->delivered_to = req->rcpts[0].addr;
}

static int
copy_flags(unsigned flags)
{
	return ((flags & PIPE_FROM) != 0 ? COPY_FROM_LINE : 0) | ((flags & PIPE_QUOTE_FROM) != 0 ? COPY_QUOTE_FROM : 0) |
	    ((flags & PIPE_BLANK) != 0 ? COPY_BLANK_END : 0) | ((flags & PIPE_DOT) != 0 ? COPY_DOT : 0);
}

static void
run(struct deliver_ctx *c, struct strvec *argv)
{
	AUTO(strvec_done) struct strvec env = STRVEC_INIT(ENV_MAX);
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(PIPE_CMD_TEXT_MAX), output = STRBUF_INIT(PIPE_CMD_OUTPUT_MAX);
	struct pipe_cmd p = { .argv = strvec_argv(argv), .shell = "", .dir = conf.opts.dir, .program = "pipe",
		.time_limit_ms = conf.time_limit_ms, .copy_flags = copy_flags(conf.opts.flags), .rights = &conf.rights,
		.chroot = conf.opts.chroot, .output = &output };
	struct copy_msg m;
	char dsn[12];

	cmd_env_add(&env, conf.export_environment);
	p.env = strvec_argv(&env);
	set_message(c, &m);
	log_flush();
	pipe_cmd_run(&p, &m, dsn, &text);
	if (dsn[0] == '2') {
		while (output.len > 0 && output.s[output.len - 1] == ' ')
			strbuf_cut(&output, output.len - 1);
		strbuf_addf(&text, "delivered via %s service", daemon_service());
		if (output.len > 0)
			strbuf_addf(&text, " (%s)", output.s);
	}
	report(c, dsn, text.s);
}

/* 0: go on; -1: reported. */
static int
check_loop(struct deliver_ctx *c)
{
	const struct deliver_req *req = c->req;
	AUTO(mem_free) char *reason = NULL;
	struct err err = ERR_INIT;
	int r;

	if ((conf.opts.flags & PIPE_DELIVERED) == 0)
		return 0;
	r = copy_was_delivered_to(c->file, req->content_offset, req->rcpts[0].addr, &err);
	if (r < 0)
		report(c, "4.3.0", err.text);
	if (r > 0) {
		reason = mem_printf("mail forwarding loop for %s", req->rcpts[0].addr);
		report(c, "5.4.6", reason);
	}
	return r == 0 ? 0 : -1;
}

static void
deliver(struct deliver_ctx *c)
{
	AUTO(strvec_done) struct strvec argv = STRVEC_INIT(PIPE_ARGV_MAX);
	AUTO(mem_free) char *what = NULL;
	const struct pipe_opts *o = &conf.opts;
	struct pipe_expand x = { .opts = o, .req = c->req, .delims = conf.delimiter, .owner_special = conf.owner_special };
	struct err err = ERR_INIT;

	if (!is_usable()) {
		config_error(c);
	} else if (c->req->n_rcpts != 1 && (o->flags & (PIPE_DELIVERED | PIPE_ORIGINAL)) != 0) {
		log_warning("pipe flag `%c' requires %s_destination_recipient_limit = 1", (o->flags & PIPE_DELIVERED) != 0 ? 'D' : 'O',
		    daemon_service());
		config_error(c);
	} else if (o->size_limit > 0 && c->req->content_size > o->size_limit) {
		report(c, "5.2.3", "message too large");
	} else if (pipe_expand_argv(&x, &argv, &err) < 0) {
		log_trouble(err.text);
		config_error(c);
	} else if (argv.n == 0) {
		log_trouble("no command");
		config_error(c);
	} else if (deliver_is_probe(c->req)) {
		what = mem_printf("delivers to command: %s", argv.v[0]);
		report(c, "2.0.0", what);
	} else if (check_loop(c) == 0) {
		run(c, &argv);
	}
}

/* ---- the daemon */
static int
option(int opt, const char *arg)
{
	if (opt != 0)
		return -1;
	if (!conf.has_opts)
		pipe_opts_init(&conf.opts);
	conf.has_opts = true;
	/* the first one that is wrong is told with each message */
	if (conf.opts_err.class == ERR_NONE)
		(void)!pipe_opts_add(&conf.opts, arg, &conf.opts_err);
	return 0;
}

static int
pre_jail(struct err *err)
{
	agent.fn = deliver;
	if (!conf.has_opts)
		pipe_opts_init(&conf.opts);
	conf.has_opts = true;
	return deliver_agent_init(&agent, daemon_conf(), err);
}

static void
serve(struct daemon_session *s)
{
	deliver_serve(&agent, s);
}

static const struct daemon pipe_agent = {
	.name = "pipe", .sessions = DAEMON_ONE, .user = DAEMON_USER_ROOT, .sandbox = "none", .qmgr_only = true, .binds = binds,
	.n_binds = COUNT_OF(binds), .conf = &conf, .option = option, .pre_jail = pre_jail, .serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&pipe_agent, argc, argv);
}
