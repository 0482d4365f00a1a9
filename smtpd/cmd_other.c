/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_other - RSET, NOOP, VRFY, ETRN, QUIT, HELP, and the answers to commands that this release does not have. */
#include "smtpd/smtpd.h"

#include <string.h>

#include "address/addr.h"
#include "address/host.h"
#include "base/ascii.h"
#include "base/log.h"

int
cmd_rset(struct session *s, char *args)
{
	if (*args != 0)
		return reply(s, 501, "5.5.4", "Syntax: RSET");
	session_reset_mail(s);
	return reply(s, 250, "2.0.0", "Ok");
}

int
cmd_noop(struct session *s, char *args)
{
	(void)args;
	return reply(s, 250, "2.0.0", "Ok");
}

int
cmd_help(struct session *s, char *args)
{
	(void)args;
	return reply(s, 214, "2.0.0", "HELO EHLO MAIL RCPT DATA RSET NOOP VRFY ETRN QUIT HELP: see RFC 5321");
}

int
cmd_quit(struct session *s, char *args)
{
	if (*args != 0)
		return reply(s, 501, "5.5.4", "Syntax: QUIT");
	session_reset_mail(s);
	(void)reply(s, 221, "2.0.0", "Bye");
	s->is_closing = true;
	return 0;
}

static int
verify(struct session *s, const char *arg, struct pool *pool)
{
	AUTO(strbuf_done) struct strbuf addr = STRBUF_INIT(ADDR_MAX);
	const char *rest = "";
	const int flags = ADDR_PATH_UTF8;

	if (addr_path_parse(arg, flags, &addr, &rest, NULL) < 0 || addr.len == 0 ||
	    (*rest != 0 && ascii_casecmp(rest, "SMTPUTF8") != 0)) {
		log_warning("Illegal address syntax from %s in %s command: %s", s->who, s->where, arg);
		return reply(s, 501, "5.1.3", "Bad recipient address syntax");
	}
	s->recipient = pool_strdup(pool, addr.s);
	if (!rate_allows(s, RATE_RECIPIENT))
		return reply(s, 450, "4.7.1", "Error: too many recipients from %s", s->addr);
	if (access_vrfy(s) < 0) {
		(void)reply_verdict(s);
		return -1;
	}
	return reply(s, 252, "2.0.0", "%.*s", (int)(rest > arg ? strcspn(arg, " \t") : strlen(arg)), arg);
}

int
cmd_vrfy(struct session *s, char *args)
{
	AUTO(pool_free) struct pool *pool = NULL;
	int rc;

	if (conf.disable_vrfy || (s->discard & SMTP_EXT_VRFY) != 0)
		return reply(s, 502, "5.5.1", "VRFY command is disabled");
	if (*args == 0)
		return reply(s, 501, "5.5.4", "Syntax: VRFY address%s", conf.smtputf8 ? " [SMTPUTF8]" : "");
	if (s->state > ST_READY)
		return reply(s, 503, "5.5.1", "Error: MAIL transaction in progress");
	pool = pool_new(512);
	rc = verify(s, args, pool);
	s->recipient = NULL;
	return rc;
}

int
cmd_etrn(struct session *s, char *args)
{
	if ((s->discard & SMTP_EXT_ETRN) != 0)
		return reply(s, 502, "5.5.1", "Error: command not implemented");
	if (s->state == ST_START && conf.helo_required)
		return reply(s, 503, NULL, "Error: send HELO/EHLO first");
	if (s->state > ST_READY)
		return reply(s, 503, NULL, "Error: MAIL transaction in progress");
	if (*args == 0 || strpbrk(args, " \t") != NULL)
		return reply(s, 500, NULL, "Syntax: ETRN domain");
	if (*args == '@' || *args == '#')
		args++;
	if (!host_is_name(args, NULL) && *args != '[')
		return reply(s, 501, NULL, "Error: invalid parameter syntax");
	s->etrn = args;
	if (access_etrn(s) < 0) {
		s->etrn = NULL;
		(void)reply_verdict(s);
		return -1;
	}
	s->etrn = NULL;
	log_warning("reject: ETRN %.100s... from %s", args, s->who);	/* there is no flush service yet */
	return reply(s, 459, NULL, "<%s>: service unavailable", args);
}

int
cmd_auth(struct session *s, char *args)
{
	(void)args;
	return reply(s, 503, "5.5.1", "Error: authentication not enabled");
}

int
cmd_starttls(struct session *s, char *args)
{
	(void)args;
	return reply(s, 502, "5.5.1", "Error: command not implemented");
}

int
cmd_xclient(struct session *s, char *args)
{
	(void)args;
	return reply(s, 550, "5.7.0", "Error: insufficient authorization");
}
