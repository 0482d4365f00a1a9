/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_mail - MAIL FROM: RFC 5321 section 4.1.1.2, with the parameters of RFC 1870, 3461, 6152, 6531. */
#include "smtpd/smtpd.h"

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"

static unsigned
offered_args(const struct session *s)
{
	unsigned ext = env.offered & ~s->discard;

	return ((ext & SMTP_EXT_SIZE) != 0 ? SMTP_ARG_SIZE : 0) | ((ext & SMTP_EXT_8BITMIME) != 0 ? SMTP_ARG_BODY : 0) |
	    ((ext & SMTP_EXT_DSN) != 0 ? SMTP_ARG_DSN : 0) | ((ext & SMTP_EXT_SMTPUTF8) != 0 ? SMTP_ARG_SMTPUTF8 : 0) | SMTP_ARG_AUTH;
}

/* Enough room for the largest message and half of it more, and for what the administrator wants left. */
static int
check_space(struct session *s)
{
	struct statvfs v;
	uint64_t room;

	if (s->stand_alone || statvfs(".", &v) < 0)
		return 0;
	room = (uint64_t)v.f_bavail * v.f_frsize;
	if ((conf.queue_minfree > 0 && room <= (uint64_t)conf.queue_minfree) || (uint64_t)s->args.size > room ||
	    (conf.size_limit > 0 && room / 3 * 2 < (uint64_t)conf.size_limit)) {
		log_warning("not enough free space in mail queue: %llu bytes < 1.5*message size limit", (unsigned long long)room);
		return reply(s, 452, "4.3.1", "Insufficient system storage");
	}
	return 0;
}

static int
check_size(struct session *s)
{
	if (conf.size_limit > 0 && s->args.size > conf.size_limit) {
		log_action(s, "reject", "552 5.3.4 Message size exceeds fixed limit");
		return reply(s, 552, "5.3.4", "Message size exceeds fixed limit");
	}
	return check_space(s);
}

static int
parse(struct session *s, const char *path)
{
	AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(ADDR_MAX);
	int flags = ADDR_PATH_NULL | (conf.strict_paths ? ADDR_PATH_STRICT : 0) | (conf.smtputf8 ? ADDR_PATH_UTF8 : 0);
	struct smtp_fault fault = { .code = 0 };
	const char *rest;

	if (addr_path_parse(path, flags, &addr, &rest, NULL) < 0) {
		log_warning("Illegal address syntax from %s in %s command: %s", s->who, s->where, path);
		return reply(s, 501, "5.1.7", "Bad sender address syntax");
	}
	if (smtp_mail_args_parse(s->mail, rest, offered_args(s), &s->args, &fault) < 0)
		return reply_fault(s, &fault);
	if (conf.strict_smtputf8 && !s->args.smtputf8 && !ascii_is_all(addr.s, addr.len))
		return reply(s, 553, "5.6.7", "Must declare SMTPUTF8 to send unicode address");
	s->sender = pool_strdup(s->mail, addr.s);
	return 0;
}

static int
accept_sender(struct session *s, const char *path)
{
	struct err err = ERR_INIT;

	if (parse(s, path) < 0)
		return -1;
	if (!rate_allows(s, RATE_MESSAGE))
		return reply(s, 450, "4.7.1", "Error: too much mail from %s", s->addr);
	if (check_size(s) < 0)
		return -1;
	if (access_mail(s) < 0) {
		(void)reply_verdict(s);
		return -1;
	}
	if (!conf.delay_open && message_open(s, &err) < 0) {
		log_warning("%s: %s", s->who, err.text);
		return reply(s, 451, "4.3.0", "Error: queue file write error");
	}
	s->state = ST_MAIL;
	return reply(s, 250, "2.1.0", "Ok");
}

int
cmd_mail(struct session *s, char *args)
{
	const char *path = smtp_command_path(args, "FROM");

	if (path == NULL)
		return reply(s, 501, "5.5.4", "Syntax: MAIL FROM:<address>");
	if (s->mail == NULL)
		s->mail = pool_new(2048);
	s->instance = pool_printf(s->mail, "%lx.%llx.%u", (unsigned long)getpid(), (unsigned long long)clock_mono_us(), ++s->n_mails);
	if (accept_sender(s, path) == 0)
		return 0;
	session_reset_mail(s);
	return -1;
}
