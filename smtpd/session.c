/* SPDX-License-Identifier: Apache-2.0 */
/* session - from the greeting to the last reply: reads commands and finds in one table whether this state takes them. */
#include "smtpd/smtpd.h"

#include <string.h>
#include <sys/ioctl.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	SKIP_MAX = 1 << 20,	/* bytes of an overlong line that are read over; then the session ends */
	DRAIN_MAX = 1 << 18,	/* bytes thrown away at the end, so that the last reply is not lost to a reset */
	IN_SIZE = 32768, OUT_SIZE = 8192,
};

enum refusal { GO, NEED_HELO, NEED_MAIL, NEED_RCPT, NO_RCPT, NESTED, IN_BDAT };

static const struct {
	int code;
	const char *text;
} refusals[] = {
	[NEED_HELO] = { 503, "Error: send HELO/EHLO first" },
	[NEED_MAIL] = { 503, "Error: need MAIL command" },
	[NEED_RCPT] = { 503, "Error: need RCPT command" },
	[NO_RCPT] = { 554, "Error: no valid recipients" },
	[NESTED] = { 503, "Error: nested MAIL command" },
	[IN_BDAT] = { 503, "Error: need BDAT or RSET command" },
};

enum {
	CMD_JUNK = 1,		/* does not bring mail forward: smtpd_junk_command_limit */
	CMD_LAST = 2,		/* nothing may be pipelined behind it: RFC 2920 section 3.1 */
	CMD_PLAIN = 4,		/* served although TLS is required: RFC 3207 section 4 */
	CMD_ALWAYS = 8,		/* also to clients that were refused */
};

/* In the order of the statistics line. */
static const struct command {
	const char *name, *stat;
	command_fn *run;
	unsigned flags;
	unsigned char refusal[ST_N];
} commands[] = {
	{ "HELO", "helo", cmd_helo, CMD_JUNK | CMD_LAST | CMD_PLAIN, { GO } },
	{ "EHLO", "ehlo", cmd_ehlo, CMD_JUNK | CMD_LAST | CMD_PLAIN, { GO } },
	{ "XCLIENT", "xclient", cmd_xclient, CMD_LAST, { GO } },
	{ "XFORWARD", "xforward", cmd_xclient, 0, { GO } },
	{ "STARTTLS", "starttls", cmd_starttls, CMD_LAST | CMD_PLAIN, { GO } },
	{ "AUTH", "auth", cmd_auth, CMD_LAST, { GO } },
	{ "MAIL", "mail", cmd_mail, 0, { [ST_START] = NEED_HELO, [ST_MAIL] = NESTED, [ST_RCPT] = NESTED, [ST_BDAT] = NESTED } },
	{ "RCPT", "rcpt", cmd_rcpt, 0, { [ST_START] = NEED_MAIL, [ST_READY] = NEED_MAIL, [ST_BDAT] = IN_BDAT } },
	{ "DATA", "data", cmd_data, CMD_LAST, { [ST_START] = NEED_RCPT, [ST_READY] = NEED_RCPT, [ST_MAIL] = NO_RCPT, [ST_BDAT] = IN_BDAT } },
	{ "BDAT", "bdat", cmd_bdat, 0, { GO } },
	{ "RSET", "rset", cmd_rset, CMD_JUNK | CMD_PLAIN, { GO } },
	{ "NOOP", "noop", cmd_noop, CMD_JUNK | CMD_LAST | CMD_PLAIN | CMD_ALWAYS, { GO } },
	{ "VRFY", "vrfy", cmd_vrfy, CMD_JUNK | CMD_LAST, { GO } },
	{ "ETRN", "etrn", cmd_etrn, CMD_JUNK, { GO } },
	{ "QUIT", "quit", cmd_quit, CMD_PLAIN | CMD_ALWAYS, { GO } },
	{ "HELP", "help", cmd_help, CMD_JUNK | CMD_PLAIN, { GO } },
	{ "", "unknown", NULL, 0, { GO } },
};
enum { UNKNOWN = COUNT_OF(commands) - 1 };
_Static_assert(COUNT_OF(commands) <= CMDS_MAX, "counters for all commands");

static const struct command *
command_find(const char *verb)
{
	for (size_t i = 0; i < UNKNOWN; i++)
		if (ascii_casecmp(verb, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

void
session_reset_mail(struct session *s)
{
	message_drop(s);
	strvec_done(&s->saved.bcc);
	strvec_done(&s->saved.prepend);
	memset(&s->saved, 0, sizeof s->saved);
	strvec_init(&s->saved.bcc, 100);
	strvec_init(&s->saved.prepend, 100);
	s->sender = s->recipient = s->etrn = s->first_rcpt = s->queue_id = s->instance = NULL;
	s->args = (struct smtp_mail_args){ .size = 0 };
	s->n_rcpts = s->n_overshoot = 0;
	s->in_content = s->bdat_failed = false;
	strbuf_done(&s->tail);
	pool_free(&s->mail);
	if (s->state > ST_READY)
		s->state = ST_READY;
}

/* ---- before a command runs */

/* Bytes that the client has sent beyond this command. */
static bool
has_more_input(struct session *s)
{
	size_t n;
	int waiting = 0;

	(void)stream_peek(s->st, &n);
	return n > 0 || (ioctl(stream_fd(s->st), FIONREAD, &waiting) == 0 && waiting > 0);
}

static void
log_pipelining(struct session *s)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(400);
	size_t n;
	const char *p = stream_peek(s->st, &n);

	if (n == 0 && stream_fill(s->st, NULL) == 1)
		p = stream_peek(s->st, &n);
	for (size_t i = 0; i < n && b.len < 100; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\r' || c == '\n')
			(void)strbuf_addf(&b, "\\%c", c == '\r' ? 'r' : 'n');
		else if (!ascii_is_print(c) || c == '\\')
			(void)strbuf_addf(&b, "\\%03o", c);
		else
			(void)strbuf_addc(&b, (char)c);
	}
	log_info("improper command pipelining after %s from %s: %s", s->where, s->who, b.s);
}

/* RFC 2920: who has not been offered PIPELINING, or sends more behind a command that must be the last of a group, does not read
 * our replies.  False: the session ends. */
static bool
check_pipelining(struct session *s, const struct command *c)
{
	bool may_pipeline = s->is_esmtp && (s->discard & SMTP_EXT_PIPELINING) == 0;

	if (s->stand_alone || s->bad_pipelining || (may_pipeline && (c->flags & CMD_LAST) == 0) || !has_more_input(s))
		return true;
	log_pipelining(s);
	s->bad_pipelining = true;
	if (!conf.forbid_pipelining)
		return true;
	(void)reply(s, 554, "5.5.0", "Error: SMTP protocol synchronization");
	s->is_closing = true;
	return false;
}

static int
refuse(struct session *s, enum refusal r)
{
	return reply(s, refusals[r].code, "5.5.1", "%s", refusals[r].text);
}

static int
run_command(struct session *s, const struct command *c, char *args)
{
	enum refusal r = c->refusal[s->state];

	if (!check_pipelining(s, c))
		return -1;
	if (s->denied != NULL && (c->flags & CMD_ALWAYS) == 0)
		return reply(s, s->denied_code, s->denied_dsn, "%s", s->denied);
	if (env.tls_needed && (c->flags & CMD_PLAIN) == 0 && !s->stand_alone)
		return reply(s, 530, "5.7.0", "Must issue a STARTTLS command first");
	if (r != GO && !(r == NEED_HELO && !conf.helo_required))
		return refuse(s, r);
	return c->run(s, args);
}

/* ---- commands that are none */

/* "From: x" and the like: a client that takes content for commands, or no mail client at all (GET, CONNECT). */
static bool
is_forbidden(const struct smtp_command *c)
{
	size_t n = strlen(c->verb);

	if (env.forbidden != NULL && match_name(env.forbidden, c->verb, NULL) == 1)
		return true;
	if (n < 2 || c->verb[n - 1] != ':')
		return false;
	for (size_t i = 0; i < n - 1; i++)
		if (!ascii_is_print(c->verb[i]))
			return false;
	return true;
}

static int
unknown_command(struct session *s, const struct smtp_command *c)
{
	s->where = "UNKNOWN";
	if (!s->stand_alone && is_forbidden(c)) {
		log_warning("non-SMTP command from %s: %s%s%.100s", s->who, c->verb, *c->args != 0 ? " " : "", c->args);
		(void)reply(s, 221, "2.7.0", "Error: I can break rules, too. Goodbye.");
		s->is_closing = true;
		return -1;
	}
	if (*c->verb == 0)
		return reply(s, 500, "5.5.2", "Error: bad syntax");
	if (env.noops != NULL && match_name(env.noops, c->verb, NULL) == 1) {
		(void)reply(s, 250, "2.0.0", "Ok");
		return ++s->junk > conf.junk_limit ? -1 : 0;
	}
	if (s->denied != NULL)
		return reply(s, s->denied_code, s->denied_dsn, "%s", s->denied);
	return reply(s, 500, "5.5.2", "Error: command not recognized");
}

static void
do_line(struct session *s, char *line)
{
	struct smtp_command c;
	const struct command *cmd;
	size_t i;
	int rc;

	smtp_command_split(line, &c);
	cmd = command_find(c.verb);
	i = cmd != NULL ? (size_t)(cmd - commands) : (size_t)UNKNOWN;
	s->n_all[i]++;
	if (cmd != NULL) {
		s->where = cmd->name;
		task_set_name("smtpd %s %s", s->addr, cmd->name);
		rc = run_command(s, cmd, c.args);
	} else {
		rc = unknown_command(s, &c);
	}
	if (rc == 0)
		s->n_ok[i]++;
	if (rc < 0 || (cmd != NULL && (cmd->flags & CMD_JUNK) != 0 && s->junk++ > conf.junk_limit))
		s->errors++;
}

/* ---- reading */
enum got { GOT_LINE, GOT_SKIP, GOT_END };

/* Over the rest of a line that is too long for any command. */
static enum got
skip_line(struct session *s)
{
	size_t n, total = 0;
	const char *p = stream_peek(s->st, &n), *nl;

	log_warning("%s: request longer than %lld: %.30s...", s->who, (long long)conf.line_limit, p);
	while ((nl = memchr(p, '\n', n)) == NULL) {
		total += n;
		stream_consume(s->st, n);
		if (total > SKIP_MAX) {
			(void)reply(s, 421, "4.7.0", "%s Error: line too long", conf.myhostname);
			return GOT_END;
		}
		if (stream_fill(s->st, NULL) != 1) {
			s->is_lost = true;
			return GOT_END;
		}
		p = stream_peek(s->st, &n);
	}
	stream_consume(s->st, (size_t)(nl - p) + 1);
	s->where = "UNKNOWN";
	s->n_all[UNKNOWN]++;
	s->errors++;
	(void)reply(s, 500, "5.5.2", "Error: line too long");
	return GOT_SKIP;
}

static void
read_failed(struct session *s, const struct err *err)
{
	s->is_lost = true;
	if (err->class == ERR_TIMEOUT) {
		log_end(s, "timeout");
		s->is_lost = false;
		(void)reply(s, 421, "4.4.2", "%s Error: timeout exceeded", conf.myhostname);
	} else if (err->class == ERR_CANCEL) {
		(void)reply(s, 421, "4.3.2", "%s Error: server is shutting down", conf.myhostname);
	} else {
		log_end(s, "lost connection");
	}
}

/* A line without CR LF; what is not one is answered here. */
static enum got
read_line(struct session *s, char **line)
{
	struct err err = ERR_INIT;
	size_t len;
	int rc = stream_line(s->st, line, &len, (size_t)conf.line_limit, &err);

	if (rc < 0 && err.class == ERR_PROTO)
		return skip_line(s);
	if (rc <= 0) {
		read_failed(s, &err);
		return GOT_END;
	}
	if (len > 0 && (*line)[len - 1] == '\r') {
		(*line)[--len] = 0;
	} else {
		s->n_bare_lf++;
		if (s->lf == SMTP_LF_REJECT) {
			(void)reply(s, (int)conf.bare_lf_code, "5.5.2", "%s Error: bare <LF> received", conf.myhostname);
			log_end(s, "bare <LF>");
			return GOT_END;
		}
	}
	if (len > 0 && memchr(*line, 0, len) == NULL && (!conf.smtputf8 || utf8_is_valid(*line, len)))
		return GOT_LINE;
	s->errors++;		/* but not counted as a command */
	(void)reply(s, 500, "5.5.2", strlen(*line) != len || len == 0 ? "Error: bad syntax" : "Error: bad UTF-8 syntax");
	return GOT_SKIP;
}

static void
command_loop(struct session *s)
{
	char *line;
	enum got got;

	while (!s->is_closing && !s->is_lost) {
		if (s->errors >= conf.hard_limit && !s->stand_alone) {
			(void)reply(s, 421, "4.7.0", "%s Error: too many errors", conf.myhostname);
			log_end(s, "too many errors");
			return;
		}
		stream_set_deadline(s->st, conf.request_deadline ? clock_mono_ms() + conf.timeout_ms : TASK_FOREVER);
		got = read_line(s, &line);
		if (got == GOT_END)
			return;
		if (got == GOT_LINE)
			do_line(s, line);
	}
}

/* ---- begin and end */
static bool
greet(struct session *s)
{
	if (!s->stand_alone && !rate_allows(s, RATE_CONNECT))
		return false;
	if (access_client(s) < 0) {
		(void)reply(s, s->denied_code, s->denied_dsn, "%s", s->denied);
		s->errors++;
		return !s->is_closing;
	}
	(void)reply(s, 220, NULL, "%s", conf.banner);
	return true;
}

static void
log_statistics(struct session *s)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1000);
	unsigned ok = 0, all = 0;

	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		ok += s->n_ok[i];
		all += s->n_all[i];
		if (s->n_all[i] == 0)
			continue;
		if (s->n_ok[i] == s->n_all[i])
			(void)strbuf_addf(&b, " %s=%u", commands[i].stat, s->n_ok[i]);
		else
			(void)strbuf_addf(&b, " %s=%u/%u", commands[i].stat, s->n_ok[i], s->n_all[i]);
	}
	(void)strbuf_addf(&b, ok == all && all > 0 ? " commands=%u" : " commands=%u/%u", ok, all);
	if (s->note_bare_lf && s->n_bare_lf > 0)
		(void)strbuf_adds(&b, " notes=bare_lf");
	log_info("disconnect from %s%s", s->who, b.s);
}

/* What the client still sent is read before the close: unread input would make it a reset, which may overtake the last reply. */
static void
finish_stream(struct session *s)
{
	size_t n, total = 0;

	stream_set_timeout(s->st, 5000);
	stream_set_deadline(s->st, clock_mono_ms() + 5000);
	if (s->is_lost || stream_flush(s->st, NULL) < 0)
		return;
	for (;;) {
		(void)stream_peek(s->st, &n);
		stream_consume(s->st, n);
		total += n;
		if (total > DRAIN_MAX || !has_more_input(s) || stream_fill(s->st, NULL) != 1)
			return;
	}
}

static void
session_free(struct session *s)
{
	session_reset_mail(s);
	strvec_done(&s->saved.bcc);
	strvec_done(&s->saved.prepend);
	strbuf_done(&s->verdict.text);
	mem_free(&s->helo);
	mem_free(&s->denied);
	pool_free(&s->pool);
	mem_free(&s);
}

static struct session *
session_new(struct daemon_session *ds)
{
	struct session *s = NEW(struct session);

	s->st = ds->stream;
	s->pool = pool_new(512);
	s->where = "CONNECT";
	s->stand_alone = env.stand_alone;
	s->discard = env.discard;
	strbuf_init(&s->verdict.text, 4000);
	strbuf_init(&s->tail, 0);
	strvec_init(&s->saved.bcc, 100);
	strvec_init(&s->saved.prepend, 100);
	stream_set_timeout(s->st, conf.timeout_ms);
	return s;
}

void
session_serve(struct daemon_session *ds)
{
	struct session *s = session_new(ds);

	peer_init(s, ds);
	log_info("connect from %s", s->who);
	if (greet(s))
		command_loop(s);
	session_reset_mail(s);
	finish_stream(s);
	rate_disconnect(s);
	log_statistics(s);
	session_free(s);
}
