/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_rcpt - RCPT TO: RFC 5321 section 4.1.1.3, with the parameters of RFC 3461. */
#include "smtpd/smtpd.h"

#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/log.h"

static int
parse(struct session *s, const char *path, struct pool *pool, struct smtp_rcpt_args *a)
{
	AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(ADDR_MAX);
	unsigned offered = ((env.offered & ~s->discard) & SMTP_EXT_DSN) != 0 ? SMTP_ARG_DSN : 0;
	int flags = (conf.strict_paths ? ADDR_PATH_STRICT : 0) | (conf.smtputf8 ? ADDR_PATH_UTF8 : 0);
	struct smtp_fault fault = { .code = 0 };
	const char *rest;

	if (addr_path_parse(path, flags, &addr, &rest, NULL) < 0 || addr.len == 0) {
		log_warning("Illegal address syntax from %s in %s command: %s", s->who, s->where, path);
		return reply(s, 501, "5.1.3", "Bad recipient address syntax");
	}
	if (smtp_rcpt_args_parse(pool, rest, offered, a, &fault) < 0)
		return reply_fault(s, &fault);
	if (conf.strict_smtputf8 && !s->args.smtputf8 && !ascii_is_all(addr.s, addr.len))
		return reply(s, 553, "5.6.7", "Must declare SMTPUTF8 to send unicode address");
	s->recipient = pool_strdup(pool, addr.s);
	return 0;
}

/* Too many: a temporary error each, so that the client sends the rest in another transaction; and its fault only when it goes on for long. */
static int
over_limit(struct session *s)
{
	(void)reply(s, 452, "4.5.3", "Error: too many recipients");
	return s->n_overshoot++ < conf.rcpt_overshoot ? 1 : -1;
}

static int
take(struct session *s, const struct smtp_rcpt_args *a)
{
	struct err err = ERR_INIT;

	if (message_open(s, &err) < 0) {
		log_warning("%s: %s", s->who, err.text);
		return reply(s, 451, "4.3.0", "Error: queue file write error");
	}
	message_rcpt(s, s->recipient, a);
	if (s->n_rcpts++ == 0)
		s->first_rcpt = pool_strdup(s->mail, s->recipient);
	s->state = ST_RCPT;
	return reply(s, 250, "2.1.5", "Ok");
}

static int
judge(struct session *s, const char *path, struct pool *pool)
{
	struct smtp_rcpt_args a;

	if (parse(s, path, pool, &a) < 0)
		return -1;
	if (!rate_allows(s, RATE_RECIPIENT))
		return reply(s, 450, "4.7.1", "Error: too many recipients from %s", s->addr);
	if (s->n_rcpts >= conf.rcpt_limit && !s->stand_alone)
		return over_limit(s);
	if (access_rcpt(s) < 0) {
		(void)reply_verdict(s);
		return -1;
	}
	return take(s, &a);
}

int
cmd_rcpt(struct session *s, char *args)
{
	AUTO(pool_free) struct pool *pool = NULL;
	const char *path = smtp_command_path(args, "TO");
	int rc;

	if (path == NULL)
		return reply(s, 501, "5.5.4", "Syntax: RCPT TO:<address>");
	pool = pool_new(1024);
	rc = judge(s, path, pool);
	s->recipient = NULL;
	return rc;
}
