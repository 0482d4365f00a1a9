/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sessions as a client sees them: dialogues against a server whose cleanup, name server and skeleton are fakes of this
 * file.  Each dialogue is what the client writes (in one piece and byte by byte) and what it reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "smtpd/access.h"
#include "smtpd/smtpd.h"

/* ---- fakes */
static struct conf *test_conf;
static struct strbuf records = STRBUF_INIT(100000), logged = STRBUF_INIT(100000);
static unsigned n_committed;

struct conf *
daemon_conf(void)
{
	return test_conf;
}

void
daemon_watch_table(struct table *t)
{
	(void)t;
}

const char *
daemon_service(void)
{
	return "smtp";
}

int
daemon_connect(void *arg, struct err *err)
{
	(void)arg;
	return err_set(err, ERR_TEMP, NULL, "no services in a test");
}

struct cleanup {
	bool failed;
};

struct cleanup *
cleanup_begin(struct ipc_pool *pool, int flags, struct err *err)
{
	(void)pool;
	(void)flags;
	(void)err;
	strbuf_reset(&records);
	return NEW(struct cleanup);
}

const char *
cleanup_id(const struct cleanup *c)
{
	(void)c;
	return "ABC";
}

void
cleanup_put(struct cleanup *c, int type, const void *data, size_t len)
{
	(void)c;
	(void)strbuf_addc(&records, (char)type);
	(void)strbuf_add(&records, data, len);
	(void)strbuf_addc(&records, '|');
}

bool
cleanup_failed(const struct cleanup *c)
{
	return c->failed;
}

int
cleanup_end(struct cleanup *c, struct cleanup_result *r, struct err *err)
{
	(void)c;
	(void)err;
	r->status = 0;
	n_committed++;
	return 0;
}

void
cleanup_free(struct cleanup **cp)
{
	mem_free(cp);
}

const struct cleanup_text *
cleanup_status_text(int status)
{
	static const struct cleanup_text t = { 451, "4.3.0", "queue file write error" };

	(void)status;
	return &t;
}

struct ipc_pool *
cleanup_pool_new(struct conf *c)
{
	(void)c;
	return NULL;
}

/* good.test and mx.test exist, temp.test is not to be reached, null.test takes no mail. */
static const struct dns_reply *
fake_reply(const char *name, enum dns_type type)
{
	static const struct dns_reply ok = { .status = DNS_OK, .n = 0 }, none = { .status = DNS_NXNAME }, temp = { .status = DNS_TEMP },
	    nodata = { .status = DNS_NODATA }, null = { .status = DNS_NULLMX };

	static struct dns_rr a = { .type = DNS_A, .addr = { 127, 0, 0, 2 } }, txt = { .type = DNS_TXT, .data = "see \001http://bl.test/" };
	static const struct dns_reply listed = { .status = DNS_OK, .rr = &a, .n = 1 }, text = { .status = DNS_OK, .rr = &txt, .n = 1 };

	if (strcmp(name, "5.2.0.192.bl.test") == 0 || strcmp(name, "bad.test.rhs.test") == 0)
		return type == DNS_TXT ? &text : type == DNS_A ? &listed : &nodata;
	if (strcmp(name, "temp.test") == 0 || strcmp(name, "5.2.0.192.down.test") == 0)
		return &temp;
	if (strcmp(name, "null.test") == 0)
		return type == DNS_MX ? &null : &nodata;
	if (strcmp(name, "mx.test") == 0)
		return type == DNS_MX ? &ok : &nodata;
	if (strcmp(name, "good.test") == 0)
		return type == DNS_MX ? &nodata : &ok;
	return &none;
}

const struct dns_reply *
dns_lookup(struct dns *d, struct pool *pool, const char *name, enum dns_type type, int flags)
{
	(void)d;
	(void)pool;
	(void)flags;
	return fake_reply(name, type);
}

const struct dns_reply *
dns_addrs(struct dns *d, struct pool *pool, const char *name, int want, int flags)
{
	(void)d;
	(void)pool;
	(void)want;
	(void)flags;
	return fake_reply(name, DNS_A);
}

void
dns_client_name(struct dns *d, const struct sockaddr *sa, bool verify, int want, struct dns_client *out)
{
	(void)d;
	(void)sa;
	(void)verify;
	(void)want;
	memset(out, 0, sizeof *out);
	(void)memccpy(out->name, "unknown", 0, sizeof out->name);
	(void)memccpy(out->reverse_name, "rev.test", 0, sizeof out->reverse_name);
	out->name_status = 5;
	out->reverse_status = 2;
}

/* ---- one dialogue */
struct dialogue {
	const char *in, *addr;
	size_t step;
	int fd;
	struct strbuf out;
};

static struct dialogue the_dialogue;

static void
client(void *arg)
{
	struct dialogue *d = arg;
	AUTO(stream_free) struct stream *s = stream_new(d->fd, 4096, 4096);
	size_t n = strlen(d->in), at = 0, got_n;
	char buf[2000];
	ssize_t got;

	stream_set_timeout(s, 20000);
	if (stream_fill(s, NULL) != 1)		/* the greeting: whoever talks earlier is refused */
		return;
	(void)stream_peek(s, &got_n);
	stream_consume(s, got_n);
	while (at < n) {
		size_t k = d->step != 0 && d->step < n - at ? d->step : n - at;

		if (stream_write(s, d->in + at, k, NULL) < 0 || stream_flush(s, NULL) < 0)
			break;
		at += k;
		if (d->step != 0)
			task_yield();
	}
	(void)shutdown(stream_fd(s), SHUT_WR);
	while ((got = stream_read(s, buf, sizeof buf, NULL)) > 0)
		(void)strbuf_add(&d->out, buf, (size_t)got);
}

static void
server(void *arg)
{
	struct daemon_session *ds = arg;

	session_serve(ds);
	stream_free(&ds->stream);
	mem_free(&ds);
}

static void
both(void *arg)
{
	struct dialogue *d = arg;
	struct daemon_session *ds = NEW(struct daemon_session);
	struct sockaddr_in *sin = (void *)&ds->peer;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ds->stream = stream_new(pair[0], 16384, 16384);
	ds->is_inet = true;
	sin->sin_family = AF_INET;
	sin->sin_port = htons(4000);
	assert_int_equal(inet_pton(AF_INET, d->addr, &sin->sin_addr), 1);
	memcpy(&ds->local, &ds->peer, sizeof ds->local);
	d->fd = pair[1];
	(void)task_start("server", server, ds);
	(void)task_start("client", client, d);
}

static void
collect_log(enum log_level level, const char *text)
{
	(void)level;
	(void)strbuf_addf(&logged, "%s\n", text);
}

/* A configuration in a directory of its own: lib/route reads main.cf itself. */
static void
use_conf(const char *text)
{
	char dir[] = "/tmp/session_test.XXXXXX";
	struct err err = ERR_INIT;
	AUTO(mem_free) char *all = mem_printf("compatibility_level = 3.6\nmyhostname = mx.example.test\nmydomain = example.test\nmyorigin = $mydomain\n"
	    "mydestination = $mydomain\nlocal_recipient_maps = inline:{{joe@example.test=1}}\nalias_maps =\ninet_interfaces = 127.0.0.1\n"
	    "mynetworks = 127.0.0.0/8\nsmtpd_error_sleep_time = 0\nrelay_domains = relay.test\n%s", text);
	AUTO(mem_free) char *main_cf = NULL, *master_cf = NULL;

	if (mkdtemp(dir) == NULL)
		fail_msg("mkdtemp");
	main_cf = mem_printf("%s/main.cf", dir);
	master_cf = mem_printf("%s/master.cf", dir);
	assert_int_equal(io_replace_file(main_cf, all, strlen(all), 0600, &err), 0);
	assert_int_equal(io_replace_file(master_cf, "", 0, 0600, &err), 0);
	smtpd_close();
	conf_free(&test_conf);
	test_conf = conf_load(dir, &err);
	memset(&env, 0, sizeof env);
	if (test_conf == NULL || conf_bind(test_conf, smtpd_binds, smtpd_n_binds, &conf, &err) < 0 || smtpd_open(&err) < 0)
		fail_msg("%s", err.text);
	env.dns = (void *)&env;		/* never looked into: its functions are fakes */
	(void)unlink(main_cf);
	(void)unlink(master_cf);
	(void)rmdir(dir);
}

/* What the server says to in, behind its greeting. */
static const char *
talk(const char *addr, const char *in, size_t step)
{
	struct dialogue *d = &the_dialogue;

	strbuf_done(&d->out);
	strbuf_init(&d->out, 100000);
	strbuf_reset(&logged);
	d->in = in;
	d->addr = addr;
	d->step = step;
	task_main("test", both, d);
	return d->out.s;
}

#define EHLO "EHLO c.test\r\n"
#define EHLO_REPLY "250-mx.example.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n" \
	"250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
#define MAIL "MAIL FROM:<a@b.test>\r\n"
#define OK_MAIL "250 2.1.0 Ok\r\n"
#define RCPT "RCPT TO:<joe@example.test>\r\n"
#define OK_RCPT "250 2.1.5 Ok\r\n"
#define OK_DATA "354 End data with <CR><LF>.<CR><LF>\r\n"
#define OK_QUEUED "250 2.0.0 Ok: queued as ABC\r\n"
#define OK "250 2.0.0 Ok\r\n"
#define BYE "221 2.0.0 Bye\r\n"

static const struct {
	const char *in, *out;
} dialogues[] = {
	{ "QUIT\r\n", BYE },
	{ EHLO MAIL RCPT "DATA\r\nSubject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n", EHLO_REPLY OK_MAIL OK_RCPT OK_DATA OK_QUEUED BYE },
	/* state x command */
	{ "RCPT TO:<x>\r\nDATA\r\nMAIL\r\nQUIT\r\n", "503 5.5.1 Error: need MAIL command\r\n503 5.5.1 Error: need RCPT command\r\n"
	  "501 5.5.4 Syntax: MAIL FROM:<address>\r\n" BYE },
	{ EHLO "RCPT TO:<x>\r\nDATA\r\n" MAIL MAIL "DATA\r\n" RCPT MAIL "RSET\r\nDATA\r\nQUIT\r\n", EHLO_REPLY "503 5.5.1 Error: need MAIL command\r\n"
	  "503 5.5.1 Error: need RCPT command\r\n" OK_MAIL "503 5.5.1 Error: nested MAIL command\r\n554 5.5.1 Error: no valid recipients\r\n" OK_RCPT
	  "503 5.5.1 Error: nested MAIL command\r\n" OK "503 5.5.1 Error: need RCPT command\r\n" BYE },
	{ EHLO MAIL RCPT EHLO RCPT "QUIT\r\n", EHLO_REPLY OK_MAIL OK_RCPT EHLO_REPLY "503 5.5.1 Error: need MAIL command\r\n" BYE },
	{ MAIL "HELO x\r\n" RCPT MAIL RCPT "HELO x\r\nDATA\r\n", OK_MAIL "250 mx.example.test\r\n503 5.5.1 Error: need MAIL command\r\n" OK_MAIL OK_RCPT
	  "250 mx.example.test\r\n503 5.5.1 Error: need RCPT command\r\n" },
	/* syntax */
	{ "HELO\r\nEHLO\r\nNOOP x\r\nRSET x\r\nFOO\r\n\r\nVRFY\r\nLHLO x\r\nAUTH x\r\nSTARTTLS\r\nXCLIENT x\r\nETRN\r\nETRN good.test\r\n",
	  "501 Syntax: HELO hostname\r\n501 Syntax: EHLO hostname\r\n" OK "501 5.5.4 Syntax: RSET\r\n500 5.5.2 Error: command not recognized\r\n"
	  "500 5.5.2 Error: bad syntax\r\n501 5.5.4 Syntax: VRFY address [SMTPUTF8]\r\n500 5.5.2 Error: command not recognized\r\n"
	  "503 5.5.1 Error: authentication not enabled\r\n502 5.5.1 Error: command not implemented\r\n550 5.7.0 Error: insufficient authorization\r\n"
	  "500 Syntax: ETRN domain\r\n459 <good.test>: service unavailable\r\n" },
	{ EHLO "MAIL FROM:<a b@c>\r\nMAIL FROM:<a@b.test> SIZE=x\r\nMAIL FROM:<a@b.test> FOO\r\nMAIL FROM:<a@b.test> SIZE=99999999\r\n" MAIL
	  "RCPT TO:<>\r\nRCPT TO:<joe@example.test> NOTIFY=x\r\nRCPT FROM:<x>\r\n",
	  EHLO_REPLY "501 5.1.7 Bad sender address syntax\r\n501 5.5.4 Bad message size syntax\r\n555 5.5.4 Unsupported option: FOO\r\n"
	  "552 5.3.4 Message size exceeds fixed limit\r\n" OK_MAIL "501 5.1.3 Bad recipient address syntax\r\n"
	  "501 5.5.4 Error: Bad NOTIFY parameter syntax\r\n501 5.5.4 Syntax: RCPT TO:<address>\r\n" },
	{ "NOOP \xff\r\nVRFY joe\r\nVRFY nobody@example.test\r\nVRFY x@far.test\r\n", "500 5.5.2 Error: bad UTF-8 syntax\r\n252 2.0.0 joe\r\n"
	  "550 5.1.1 <nobody@example.test>: Recipient address rejected: User unknown in local recipient table\r\n252 2.0.0 x@far.test\r\n" },
	{ "From: x\r\nNOOP\r\n", "221 2.7.0 Error: I can break rules, too. Goodbye.\r\n" },
	{ "GET / HTTP/1.0\r\nNOOP\r\n", "221 2.7.0 Error: I can break rules, too. Goodbye.\r\n" },
	/* recipients, and a transaction that goes on after refusals */
	{ EHLO MAIL "RCPT TO:<nobody@example.test>\r\n" RCPT "RCPT TO:<x@far.test>\r\nRCPT TO:<postmaster>\r\nDATA\r\n.\r\n", EHLO_REPLY OK_MAIL
	  "550 5.1.1 <nobody@example.test>: Recipient address rejected: User unknown in local recipient table\r\n" OK_RCPT OK_RCPT OK_RCPT OK_DATA OK_QUEUED },
	/* chunks */
	{ EHLO MAIL RCPT "BDAT 4\r\na\r\nbBDAT 3\r\nb\r\nBDAT 3 LAST\r\n.\r\nQUIT\r\n", EHLO_REPLY OK_MAIL OK_RCPT "250 2.0.0 Ok: 4 bytes\r\n250 2.0.0 Ok: 3 bytes\r\n"
	  OK_QUEUED BYE },
	{ EHLO "BDAT 6 LAST\r\nQUIT\r\n" MAIL "BDAT 6\r\nQUIT\r\nNOOP\r\nBDAT 0 LAST\r\n" MAIL RCPT "BDAT 1\r\naDATA\r\nRCPT TO:<x>\r\nMAIL FROM:<>\r\nRSET\r\nDATA\r\n",
	  EHLO_REPLY "503 5.5.1 Error: need RCPT command\r\n" OK_MAIL "554 5.5.1 Error: no valid recipients\r\n" OK "503 5.5.1 Error: need RCPT command\r\n" OK_MAIL
	  OK_RCPT "250 2.0.0 Ok: 1 bytes\r\n503 5.5.1 Error: need BDAT or RSET command\r\n503 5.5.1 Error: need BDAT or RSET command\r\n"
	  "503 5.5.1 Error: nested MAIL command\r\n" OK "503 5.5.1 Error: need RCPT command\r\n" },
	{ EHLO MAIL RCPT "BDAT 100\r\nSubject: half", EHLO_REPLY OK_MAIL OK_RCPT },
	{ EHLO MAIL RCPT "BDAT 100\r\nSubject: half\r\n", EHLO_REPLY OK_MAIL OK_RCPT },
	{ EHLO MAIL RCPT "BDAT 3\r\nSubBDAT 100\r\nject: half", EHLO_REPLY OK_MAIL OK_RCPT "250 2.0.0 Ok: 3 bytes\r\n" },
	{ EHLO MAIL RCPT "BDAT x\r\nNOOP\r\n", EHLO_REPLY OK_MAIL OK_RCPT "501 5.5.4 Syntax: BDAT count [LAST]\r\n" },
	{ EHLO MAIL RCPT "BDAT 3 FIRST\r\nNOOP\r\n", EHLO_REPLY OK_MAIL OK_RCPT "501 5.5.4 Syntax: BDAT count [LAST]\r\n" },
	/* two messages in one write, and one that is not finished */
	{ EHLO MAIL RCPT "DATA\r\na\r\n.\r\n" MAIL RCPT "DATA\r\nb\r\n.\r\n" MAIL RCPT "DATA\r\nhalf", EHLO_REPLY OK_MAIL OK_RCPT OK_DATA OK_QUEUED OK_MAIL OK_RCPT OK_DATA
	  OK_QUEUED OK_MAIL OK_RCPT OK_DATA },
};

static void
test_dialogues(void **state)
{
	(void)state;
	use_conf("smtpd_forbid_unauth_pipelining = no\n");
	for (size_t i = 0; i < COUNT_OF(dialogues); i++)
		for (size_t step = 0; step < 4; step++)
			assert_string_equal(talk("127.0.0.1", dialogues[i].in, step), dialogues[i].out);
}

static void
test_records(void **state)
{
	(void)state;
	use_conf("smtpd_forbid_unauth_pipelining = no\n");
	(void)talk("192.0.2.5", "EHLO <c\".test\r\nMAIL FROM:<a@b.test> RET=HDRS ENVID=e+2B BODY=8BITMIME\r\n"
	    "RCPT TO:<\"b b\"@relay.test> NOTIFY=NEVER\r\nDATA\r\nS: x\r\n\r\n..y\r\n.\r\nQUIT\r\n", 0);
	assert_non_null(strstr(records.s, "|Alog_ident=ABC|Arewrite_context=remote|Aenvelope_id=e+|Aret_flags=2|Sa@b.test|Aencoding=8bit|"
	    "Alog_client_name=unknown|Alog_client_address=192.0.2.5|Alog_client_port=4000|Alog_message_origin=unknown[192.0.2.5]|"
	    "Alog_helo_name=?c?.test|Alog_protocol_name=ESMTP|Aclient_name=unknown|Areverse_client_name=rev.test|Aclient_address=192.0.2.5|"
	    "Aclient_port=4000|Aserver_address=192.0.2.5|Aserver_port=4000|Ahelo_name=?c?.test|Aprotocol_name=ESMTP|Aclient_address_type=2|"
	    "Anotify_flags=1|Adsn_orig_rcpt=rfc822;\"b b\"@relay.test|Rb b@relay.test|M|"
	    "NReceived: from ?c?.test (unknown [192.0.2.5])|N\tby mx.example.test (Postfix) with ESMTP id ABC|N\tfor <\"b b\"@relay.test>; "));
	assert_non_null(strstr(records.s, "|NS: x|N|N.y|X|E|"));
	assert_non_null(strstr(logged.s, "connect from unknown[192.0.2.5]\n"));
	assert_non_null(strstr(logged.s, "\nABC: client=unknown[192.0.2.5]\ndisconnect from unknown[192.0.2.5] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5\n"));
}

/* Content in chunks cut anywhere is the content in one piece. */
static void
test_chunks(void **state)
{
	static const char body[] = "S: x\r\n\r\n.\r\n..\r\nend\r\n\r\nno end";
	const size_t n = sizeof body - 1;

	(void)state;
	use_conf("smtpd_forbid_unauth_pipelining = no\n");
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++) {
			AUTO(mem_free) char *in = mem_printf(EHLO MAIL RCPT "BDAT %zu\r\n%.*sBDAT %zu\r\n%.*sBDAT %zu LAST\r\n%sQUIT\r\n", a, (int)a, body,
			    b - a, (int)(b - a), body + a, n - b, body + b);

			assert_non_null(strstr(talk("127.0.0.1", in, 0), OK_QUEUED BYE));
			assert_non_null(strstr(records.s, "|NS: x|N|N.|N..|Nend|N|Nno end|X|E|"));
		}
}

static void
test_endings(void **state)
{
	(void)state;
	use_conf("smtpd_forbid_unauth_pipelining = no\nsmtpd_hard_error_limit = 3\nsmtpd_junk_command_limit = 2\nsmtpd_recipient_limit = 2\n"
	    "smtpd_recipient_overshoot_limit = 1\nmessage_size_limit = 100\n");
	assert_string_equal(talk("127.0.0.1", "A\r\nB\r\nC\r\nNOOP\r\n", 0), "500 5.5.2 Error: command not recognized\r\n"
	    "500 5.5.2 Error: command not recognized\r\n500 5.5.2 Error: command not recognized\r\n421 4.7.0 mx.example.test Error: too many errors\r\n");
	assert_non_null(strstr(logged.s, "NOQUEUE: too many errors after UNKNOWN from unknown[127.0.0.1]\n"));
	assert_string_equal(talk("127.0.0.1", "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n", 0), OK OK OK OK OK OK
	    "421 4.7.0 mx.example.test Error: too many errors\r\n");
	(void)talk("127.0.0.1", MAIL RCPT RCPT RCPT RCPT "DATA\r\n12345\r\n", 0);
	assert_non_null(strstr(logged.s, "ABC: lost connection after DATA (7 bytes) from unknown[127.0.0.1]\n"
	    "disconnect from unknown[127.0.0.1] mail=1 rcpt=2/4 data=0/1 commands=3/6\n"));
	(void)talk("127.0.0.1", MAIL RCPT "DATA\r\n123456789012345678901234567890123456789012345678901234567890\r\n"
	    "123456789012345678901234567890123456789012345678901234567890\r\n.\r\nQUIT\r\n", 0);
	assert_non_null(strstr(logged.s, "warning: ABC: queue file size limit exceeded\n") != NULL ? logged.s : strstr(logged.s, "ABC: queue file size limit exceeded\n"));
	assert_non_null(strstr(logged.s, "data=0/1 quit=1"));
}

static void
test_line_discipline(void **state)
{
	(void)state;
	use_conf("smtpd_forbid_bare_newline_exclusions = 127.0.0.0/8\nsmtpd_forbid_unauth_pipelining = no\n");
	assert_string_equal(talk("192.0.2.5", MAIL RCPT "DATA\r\na\n.\nMAIL FROM:<evil@x>\r\n.\r\nQUIT\r\n", 0), OK_MAIL OK_RCPT OK_DATA OK_QUEUED BYE);
	assert_non_null(strstr(records.s, "|Na|N.|NMAIL FROM:<evil@x>|X|"));
	assert_string_equal(talk("127.0.0.1", MAIL RCPT "DATA\r\na\n.\nQUIT\n", 0), OK_MAIL OK_RCPT OK_DATA OK_QUEUED BYE);
	use_conf("smtpd_forbid_bare_newline = reject\nsmtpd_forbid_bare_newline_exclusions =\nsmtpd_forbid_unauth_pipelining = no\n");
	assert_string_equal(talk("192.0.2.5", MAIL RCPT "DATA\r\na\nb\r\n.\r\nQUIT\r\n", 0), OK_MAIL OK_RCPT OK_DATA
	    "550 5.5.2 mx.example.test Error: bare <LF> received\r\n");
	assert_string_equal(talk("192.0.2.5", "NOOP\nNOOP\r\n", 0), "550 5.5.2 mx.example.test Error: bare <LF> received\r\n");
	use_conf("");
	assert_string_equal(talk("192.0.2.5", "HELO x\r\nMAIL FROM:<a>\r\n", 0), "554 5.5.0 Error: SMTP protocol synchronization\r\n");
	assert_non_null(strstr(logged.s, "improper command pipelining after HELO from unknown[192.0.2.5]: MAIL FROM:<a>\\r\\n\n"));
}

/* ---- restrictions: the answer to RCPT */
static const struct {
	const char *conf, *client, *helo, *from, *to, *answer;
} rules[] = {
#define IN "192.0.2.5"
#define RELAY "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
	{ "", IN, "c.test", "a@b.test", "x@far.test", "454 4.7.1 <x@far.test>: Relay access denied" },
	{ RELAY, IN, "c.test", "a@b.test", "x@far.test", "554 5.7.1 <x@far.test>: Relay access denied" },
	{ RELAY, "127.0.0.1", "c.test", "a@b.test", "x@far.test", "250 2.1.5 Ok" },
	{ RELAY, IN, "c.test", "a@b.test", "x@relay.test", "250 2.1.5 Ok" },
	{ RELAY, IN, "c.test", "a@b.test", "joe%far.test@example.test", "554 5.7.1 <joe%far.test@example.test>: Relay access denied" },
	{ RELAY "soft_bounce = yes\n", IN, "c.test", "a@b.test", "x@far.test", "454 4.7.1 <x@far.test>: Relay access denied" },
	{ RELAY "smtpd_sender_restrictions = reject\n", IN, "c.test", "a@b.test", "joe@example.test", "554 5.7.1 <a@b.test>: Sender address rejected: Access denied" },
	{ RELAY "smtpd_sender_restrictions = warn_if_reject reject\n", IN, "c.test", "a@b.test", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_sender_restrictions = permit, reject\nsmtpd_recipient_restrictions = defer\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "450 4.3.2 <joe@example.test>: Recipient address rejected: Try again later" },
	{ RELAY "smtpd_sender_restrictions = defer_if_permit\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "450 4.7.0 <a@b.test>: Sender address rejected: defer_if_permit requested" },
	{ RELAY "smtpd_sender_restrictions = defer_if_reject\n", IN, "c.test", "a@b.test", "x@far.test",
	  "450 4.7.0 <a@b.test>: Sender address rejected: defer_if_reject requested" },
	{ RELAY "smtpd_client_restrictions = check_client_access inline:{{192.0.2=REJECT go away}}\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "554 5.7.1 <unknown[192.0.2.5]>: Client host rejected: go away" },
	{ RELAY "smtpd_client_restrictions = check_client_access inline:{{unknown=421 4.3.0 later}}\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "421 4.3.0 <unknown[192.0.2.5]>: Client host rejected: later" },
	{ RELAY "smtpd_client_restrictions = check_reverse_client_hostname_access inline:{{rev.test=550 no}}\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "550 5.7.1 <rev.test>: Unverified Client host rejected: no" },
	{ RELAY "smtpd_client_restrictions = reject_unknown_client_hostname\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.5]" },
	{ RELAY "smtpd_helo_restrictions = reject_invalid_helo_hostname\n", IN, "-bad-", "a@b.test", "joe@example.test", "501 5.5.2 <-bad->: Helo command rejected: Invalid name" },
	{ RELAY "smtpd_helo_restrictions = reject_invalid_helo_hostname\n", IN, "1.2.3.4", "a@b.test", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_helo_restrictions = reject_non_fqdn_helo_hostname\n", IN, "short", "a@b.test", "joe@example.test",
	  "504 5.5.2 <short>: Helo command rejected: need fully-qualified hostname" },
	{ RELAY "smtpd_helo_restrictions = reject_unknown_helo_hostname\n", IN, "none.test", "a@b.test", "joe@example.test", "450 4.7.1 <none.test>: Helo command rejected: Host not found" },
	{ RELAY "smtpd_helo_restrictions = reject_unknown_helo_hostname\n", IN, "mx.test", "a@b.test", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_sender_restrictions = reject_unknown_sender_domain\n", IN, "c.test", "a@none.test", "joe@example.test",
	  "450 4.1.8 <a@none.test>: Sender address rejected: Domain not found" },
	{ RELAY "smtpd_sender_restrictions = reject_unknown_sender_domain\n", IN, "c.test", "a@null.test", "joe@example.test",
	  "550 5.7.27 <a@null.test>: Sender address rejected: Domain null.test does not accept mail (nullMX)" },
	{ RELAY "smtpd_sender_restrictions = reject_unknown_sender_domain\nunknown_address_reject_code = 550\n", IN, "c.test", "a@temp.test", "joe@example.test",
	  "450 4.1.8 <a@temp.test>: Sender address rejected: Domain not found" },
	{ RELAY "smtpd_sender_restrictions = reject_unknown_sender_domain\n", IN, "c.test", "a@good.test", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_sender_restrictions = reject_non_fqdn_sender\n", IN, "c.test", "bare", "joe@example.test",
	  "504 5.5.2 <bare>: Sender address rejected: need fully-qualified address" },
	{ RELAY "smtpd_sender_restrictions = reject_non_fqdn_sender\n", IN, "c.test", "", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_reject_unlisted_sender = yes\n", IN, "c.test", "nobody@example.test", "joe@example.test",
	  "550 5.1.0 <nobody@example.test>: Sender address rejected: User unknown in local recipient table" },
	{ RELAY "smtpd_reject_unlisted_recipient = no\n", IN, "c.test", "a@b.test", "nobody@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_sender_restrictions = check_sender_access inline:{{b.test=554 5.1.1 no}}\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "554 5.1.0 <a@b.test>: Sender address rejected: no" },
	{ RELAY "smtpd_sender_restrictions = check_sender_access inline:{{<>=451 null}}\n", IN, "c.test", "", "joe@example.test", "451 4.7.1 <>: Sender address rejected: null" },
	{ RELAY "smtpd_restriction_classes = strict\nstrict = check_sender_access inline:{{friend.test=OK}}, reject\n"
	  "smtpd_recipient_restrictions = check_recipient_access inline:{{joe@example.test=strict}}\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "554 5.7.1 <joe@example.test>: Recipient address rejected: Access denied" },
	{ RELAY "smtpd_restriction_classes = strict\nstrict = check_sender_access inline:{{friend.test=OK}}, reject\n"
	  "smtpd_recipient_restrictions = check_recipient_access inline:{{joe@example.test=strict}}\n", IN, "c.test", "a@friend.test", "joe@example.test",
	  "250 2.1.5 Ok" },
	{ RELAY "smtpd_restriction_classes = loop\nloop = loop\nsmtpd_recipient_restrictions = loop\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "451 4.3.5 <joe@example.test>: Recipient address rejected: Server configuration error" },
	{ RELAY "smtpd_recipient_restrictions = check_recipient_access fail:broken\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "451 4.3.5 <joe@example.test>: Recipient address rejected: Server configuration error" },
	{ RELAY "smtpd_recipient_restrictions = check_recipient_access static:nonsense\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "451 4.3.5 <joe@example.test>: Recipient address rejected: Server configuration error" },
	{ RELAY "smtpd_recipient_restrictions = check_recipient_access static:reject_unknown_sender_domain\n", IN, "c.test", "a@none.test", "joe@example.test",
	  "450 4.1.8 <a@none.test>: Sender address rejected: Domain not found" },
	{ RELAY "smtpd_client_restrictions = reject_rbl_client bl.test\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "554 5.7.1 Service unavailable; Client host [192.0.2.5] blocked using bl.test; see _http://bl.test/" },
	{ RELAY "smtpd_client_restrictions = reject_rbl_client bl.test=127.0.0.[1..2;9]\nrbl_reply_maps = inline:{{bl.test=$$rbl_code 5.7.9 no $${rbl_reason:x}$$client_address}}\n"
	  "maps_rbl_reject_code = 450\n", IN, "c.test", "a@b.test", "joe@example.test", "450 4.7.9 no 192.0.2.5" },
	{ RELAY "smtpd_client_restrictions = reject_rbl_client bl.test=127.0.0.[3..9]\n", IN, "c.test", "a@b.test", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_client_restrictions = reject_rbl_client down.test\n", IN, "c.test", "a@b.test", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_client_restrictions = permit_dnswl_client bl.test, reject\n", IN, "c.test", "a@b.test", "joe@example.test", "250 2.1.5 Ok" },
	{ "smtpd_relay_restrictions = permit_dnswl_client bl.test, reject_unauth_destination\n", IN, "c.test", "a@b.test", "x@far.test",
	  "554 5.7.1 <x@far.test>: Relay access denied" },
	{ "smtpd_relay_restrictions = permit_dnswl_client down.test, reject_unauth_destination\n", IN, "c.test", "a@b.test", "x@far.test",
	  "450 4.7.0 Service unavailable; allow list lookup error" },
	{ RELAY "smtpd_sender_restrictions = reject_rhsbl_sender rhs.test\n", IN, "c.test", "a@bad.test", "joe@example.test",
	  "554 5.7.1 Service unavailable; Sender address [a@bad.test] blocked using rhs.test; see _http://bl.test/" },
	{ RELAY "smtpd_helo_restrictions = reject_rhsbl_helo rhs.test\n", IN, "bad.test", "a@b.test", "joe@example.test",
	  "554 5.7.1 Service unavailable; Helo command [bad.test] blocked using rhs.test; see _http://bl.test/" },
	{ RELAY "smtpd_sender_login_maps = inline:{{boss@b.test=boss}}\nsmtpd_sender_restrictions = check_sasl_access static:OK, reject_sender_login_mismatch\n",
	  IN, "c.test", "boss@b.test", "joe@example.test", "553 5.7.1 <boss@b.test>: Sender address rejected: not logged in" },
	{ RELAY "smtpd_sender_login_maps = inline:{{boss@b.test=boss}}\nsmtpd_sender_restrictions = reject_authenticated_sender_login_mismatch\n",
	  IN, "c.test", "boss@b.test", "joe@example.test", "250 2.1.5 Ok" },
	{ RELAY "smtpd_recipient_restrictions = permit_sasl_authenticated, permit_tls_clientcerts, reject_plaintext_session\n", IN, "c.test", "a@b.test", "joe@example.test",
	  "450 4.7.1 <joe@example.test>: Recipient address rejected: Session encryption is required" },
};

static void
test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		AUTO(mem_free) char *text = mem_printf("smtpd_forbid_unauth_pipelining = no\n%s", rules[i].conf);
		AUTO(mem_free) char *in = mem_printf("HELO %s\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n", rules[i].helo, rules[i].from, rules[i].to);
		AUTO(mem_free) char *want = mem_printf("250 mx.example.test\r\n" OK_MAIL "%s\r\n", rules[i].answer);

		use_conf(text);
		assert_string_equal(talk(rules[i].client, in, 0), want);
	}
	assert_non_null(strstr(logged.s, "NOQUEUE: reject: RCPT from unknown[192.0.2.5]: 450 4.7.1 <joe@example.test>: Recipient address rejected: "
	    "Session encryption is required; from=<a@b.test> to=<joe@example.test> proto=SMTP helo=<c.test>\n"));
}

/* smtpd_delay_reject = no: at the earliest stage, and for good. */
static void
test_early(void **state)
{
	(void)state;
	use_conf("smtpd_delay_reject = no\nsmtpd_forbid_unauth_pipelining = no\nsmtpd_helo_restrictions = check_helo_access inline:{{bad.test=REJECT}}\n"
	    "smtpd_sender_restrictions = check_sender_access inline:{{bad.test=REJECT}}\n");
	assert_string_equal(talk(IN, "HELO bad.test\r\nHELO x.test\r\nMAIL FROM:<a@bad.test>\r\n" MAIL, 0),
	    "554 5.7.1 <bad.test>: Helo command rejected: Access denied\r\n250 mx.example.test\r\n"
	    "554 5.7.1 <a@bad.test>: Sender address rejected: Access denied\r\n" OK_MAIL);
}

static void
test_relay_check(void **state)
{
	static const struct {
		const char *relay, *rcpt;
		int rc;
	} t[] = {
		{ "", "", -1 }, { "", "permit", -1 }, { "permit_mynetworks", "", -1 }, { "", "permit_mynetworks, reject", 0 }, { "", "permit, reject", -1 },
		{ "warn_if_reject reject_unauth_destination", "", -1 }, { "reject_unauth_destination", "", 0 }, { "c", "", 0 }, { "", "defer_unauth_destination", 0 },
	};
	struct err err = ERR_INIT;

	(void)state;
	use_conf("smtpd_restriction_classes = c\nc = permit_mynetworks, defer\n");
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		access_list_free(&env.lists[LIST_RELAY]);
		access_list_free(&env.lists[LIST_RECIPIENT]);
		env.lists[LIST_RELAY] = access_list_open("smtpd_relay_restrictions", t[i].relay, &err);
		env.lists[LIST_RECIPIENT] = access_list_open("smtpd_recipient_restrictions", t[i].rcpt, &err);
		assert_int_equal(access_check_relay(&err), t[i].rc);
	}
	assert_null(access_list_open("x", "no_such_thing", &err));
	assert_null(access_list_open("x", "check_policy_service 1.2.3.4:5", &err));
	assert_null(access_list_open("x", "check_policy_service {inet:1.2.3.4:5, nothing=1}", &err));
	assert_null(access_list_open("x", "check_sender_access", &err));
	assert_null(access_list_open("x", "reject_rbl_client bl.test=127.0.0", &err));
	assert_null(access_list_open("x", "reject_rbl_client bl.test=127.0.0.[1", &err));
	assert_null(access_list_open("x", "reject_rbl_client =127.0.0.1", &err));
	access_list_free(&env.lists[LIST_RELAY]);
	env.lists[LIST_RELAY] = access_list_open("x", "permit_no_such_thing", &err);
	assert_non_null(env.lists[LIST_RELAY]);
}

static int
tear_down(void **state)
{
	(void)state;
	smtpd_close();
	conf_free(&test_conf);
	strbuf_done(&records);
	strbuf_done(&logged);
	strbuf_done(&the_dialogue.out);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_dialogues), cmocka_unit_test(test_records), cmocka_unit_test(test_chunks), cmocka_unit_test(test_endings),
		cmocka_unit_test(test_line_discipline), cmocka_unit_test(test_rules), cmocka_unit_test(test_early), cmocka_unit_test(test_relay_check) };

	log_tee(collect_log);
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
