/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp_test - deliveries to a server that says what the test wants
 */
#include "smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/fake_bounce.h"
#include "task/stream.h"

/* ---- the server: replies by verb, the rest is "250 ok" */
struct rule {
	const char *verb, *reply;
};
struct server {
	const struct rule *rules;
	bool no_ehlo_list, is_lmtp;
	int fd;
	uint16_t port;
	unsigned n_sessions, n_rcpts, rcpt_limit, in_turn;
	struct strbuf commands, data;	/* verbs "EHLO MAIL ..." of all sessions; content of all messages */
};
static struct server server;

static const char *
rule_for(const char *line)
{
	for (const struct rule *r = server.rules; r != NULL && r->verb != NULL; r++)
		if (strncmp(line, r->verb, strlen(r->verb)) == 0)
			return r->reply;
	return NULL;
}

/* "DROP" closes, otherwise the reply as it is. False: the session is over. */
static bool
say(struct stream *s, const char *reply)
{
	if (strcmp(reply, "DROP") == 0)
		return false;
	(void)!stream_write(s, reply, strlen(reply), NULL);
	(void)!stream_write(s, "\r\n", 2, NULL);
	return true;
}

static void
take_data(struct stream *s)
{
	char *line;
	size_t len;

	(void)!stream_flush(s, NULL);
	while (stream_line(s, &line, &len, 4000, NULL) == 1) {
		if (strcmp(line, ".\r") == 0)
			return;
		strbuf_add(&server.data, line, len);
		strbuf_addc(&server.data, '\n');
	}
}

/* RFC 2033: the replies of a rule for ".0", ".1" ... one for each recipient; the default is success. */
static bool
say_each(struct stream *s)
{
	for (unsigned i = 0; i < server.in_turn; i++) {
		char key[16];

		snprintf(key, sizeof(key), ".%u", i);
		const char *reply = rule_for(key);
		if (!say(s, reply != NULL ? reply : "250 2.0.0 saved"))
			return false;
	}
	return true;
}

static bool
command(struct stream *s, const char *line)
{
	const char *reply = rule_for(line);
	char verb[6];

	snprintf(verb, sizeof(verb), "%.4s ", line);
	strbuf_adds(&server.commands, verb);
	if (strncmp(line, "RCPT", 4) == 0)
		server.n_rcpts++;
	if (strncmp(line, "MAIL", 4) == 0)
		server.in_turn = 0;
	if (strncmp(line, "RCPT", 4) == 0 && reply == NULL && server.in_turn++ >= server.rcpt_limit && server.rcpt_limit > 0) {
		server.in_turn = server.rcpt_limit;
		return say(s, "452 4.5.3 too many recipients");
	}
	if (strncmp(line, "DATA", 4) == 0 && reply == NULL) {
		if (!say(s, "354 go"))
			return false;
		take_data(s);
		if (server.is_lmtp)
			return say_each(s);
		reply = rule_for(".");
		return say(s, reply != NULL ? reply : "250 2.0.0 queued");
	}
	if (reply == NULL && strncmp(line, server.is_lmtp ? "LHLO" : "EHLO", 4) == 0 && !server.no_ehlo_list)
		reply = "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-DSN\r\n250 8BITMIME";
	return say(s, reply != NULL ? reply : "250 2.1.0 ok");
}

static void
session(void *arg)
{
	struct stream *s = arg;
	const char *greeting = rule_for("connect");
	char *line;
	size_t len;

	server.n_sessions++;
	if (say(s, greeting != NULL ? greeting : "220 mx.test ESMTP"))
		while (stream_line(s, &line, &len, 4000, NULL) == 1) {
			bool is_quit = strncmp(line, "QUIT", 4) == 0;
			if (!command(s, line) || is_quit)
				break;
		}
	(void)!stream_flush(s, NULL);
	stream_free(&s);
}

static void
listener(void *arg)
{
	int listen_fd = server.fd;

	(void)arg;
	while (task_wait_fd(listen_fd, true, false, TASK_FOREVER, NULL) == 0) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			task_start("server", session, stream_new(fd, 4096, 65536));
	}
}

static void
server_listen_unix(const char *path)
{
	server.fd = io_unix_listen(path, 0600, 20, NULL);
	assert_true(server.fd >= 0);
	task_start("listener", listener, NULL);
}

static void
server_open(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	server = (struct server){ .commands = STRBUF_INIT(100000), .data = STRBUF_INIT(1000000) };
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(server.fd, 20), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&sin, &len), 0);
	server.port = ntohs(sin.sin_port);
	task_start("listener", listener, NULL);
}

/* ---- the client */
static struct client client;
static char last_log[4000];

static void
tee(enum log_level level, const char *text)
{
	(void)level;
	snprintf(last_log, sizeof(last_log), "%s", text);
}

/* Fields whose defaults come from main.cf. */
static void
client_open(void)
{
	client = (struct client){ .dns_want = DNS_WANT_A, .default_port = 25, .random = 1 };
	client.conf = (struct smtp_conf){ .myhostname = "me.test", .helo_name = "me.test", .address_preference = "any", .fallback_relay = "",
		.best_mx_transport = "", .dns_support_level = "", .tls_level = "", .tls_policy_maps = "", .connect_ms = 2000,
		.helo_ms = 500, .mail_ms = 500, .rcpt_ms = 500, .data_init_ms = 500, .data_xfer_ms = 2000, .data_done_ms = 500,
		.quit_ms = 500, .rset_ms = 500, .cache_ms = 2000, .reuse_ms = 300000, .addr_limit = 5, .session_limit = 2,
		.line_limit = 998, .skip_5xx_greeting = true, .skip_quit = true, .always_ehlo = true, .quote_envelope = true };
	client.agent.queue = queue_open_memory();
	cache_init(&client);
}

static char *
store(const char *const *lines, off_t *offset, struct err *err)
{
	struct qfile *f = qfile_create(client.agent.queue, QUEUE_INCOMING, err);
	char *id;

	assert_non_null(f);
	qfile_putf(f, REC_TIME, "1000000000 0");
	qfile_put(f, REC_FROM, "a@b.test", 8);
	qfile_put(f, REC_RCPT, "x@y.test", 8);
	qfile_put(f, REC_MESG, "", 0);
	*offset = qfile_tell(f);
	for (; *lines != NULL; lines++) {
		size_t n = strlen(*lines);
		bool is_part = n > 0 && (*lines)[n - 1] == '\\';	/* the line goes on in the next record */
		qfile_put(f, is_part ? REC_CONT : REC_NORM, *lines, is_part ? n - 1 : n);
	}
	qfile_put(f, REC_XTRA, "", 0);
	qfile_put(f, REC_END, "", 0);
	assert_int_equal(qfile_commit(f, false, err), 0);
	id = mem_strdup(qfile_id(f));
	qfile_free(&f);
	assert_int_equal(queue_move(client.agent.queue, id, QUEUE_INCOMING, QUEUE_ACTIVE, err), 0);
	return id;
}

static const char *const small[] = { "Subject: x", "", ".", "..", "text", NULL };

static const char *nexthop;	/* NULL: the server on TCP */

static struct deliver_done
deliver_to(const char *const *lines, size_t n_rcpts)
{
	struct err err = ERR_INIT;
	struct deliver_req req = { .pool = pool_new(4096), .queue = "active", .sender = "a@b.test", .n_rcpts = n_rcpts };
	struct deliver_ctx ctx = { .req = &req, .resolution = 2 };
	struct qrcpt *v = pool_alloc_array(req.pool, n_rcpts, sizeof(*v));
	off_t offset;
	AUTO(mem_free) char *id = store(lines, &offset, &err);

	for (size_t i = 0; i < n_rcpts; i++)
		v[i] = (struct qrcpt){ .addr = pool_printf(req.pool, "x%zu@y.test", i), .orig = "", .dsn_orcpt = "" };
	req.id = id;
	req.content_offset = offset;
	req.content_size = 100;
	req.rcpts = v;
	req.nexthop = nexthop != NULL ? nexthop : pool_printf(req.pool, "[127.0.0.1]:%u", server.port);
	req.arrival = req.active_time = req.handoff_time = clock_wall();
	ctx.file = qfile_open(client.agent.queue, QUEUE_ACTIVE, id, QFILE_LOCK_NONE, &err);
	assert_non_null(ctx.file);
	fake_bounce_last[0] = '\0';
	deliver_request(&client, &ctx);
	qfile_free(&ctx.file);
	pool_free(&req.pool);
	return ctx.done;
}

static void
server_reset(const struct rule *rules)
{
	server.rules = rules;
	server.n_sessions = server.n_rcpts = 0;
	strbuf_reset(&server.commands);
	strbuf_reset(&server.data);
}

static void
plain(void)
{
	server_reset(NULL);
	assert_int_equal(deliver_to(small, 1).n_deferred, 0);
	task_sleep(5, NULL);
	assert_string_equal(server.data.s, "Subject: x\r\n\r\n..\r\n...\r\ntext\r\n");
	assert_string_equal(server.commands.s, "EHLO MAIL RCPT DATA QUIT ");
	assert_non_null(strstr(last_log, "dsn=2.0.0, status=sent (250 2.0.0 queued)"));
	assert_non_null(strstr(last_log, "relay=127.0.0.1[127.0.0.1]:"));

	/* a reply that comes before the message was sent is no answer to it */
	static const struct rule hasty[] = { { "DATA", "354 go\r\n250 2.0.0 queued already" }, { NULL, NULL } };
	server_reset(hasty);
	assert_int_equal(deliver_to(small, 1).n_deferred, 1);
	assert_non_null(strstr(fake_bounce_last, "4.5.0 delayed protocol error"));

	/* no list of extensions; HELO */
	static const struct rule no_ehlo[] = { { "EHLO", "502 5.5.1 what" }, { NULL, NULL } };
	server_reset(no_ehlo);
	assert_int_equal(deliver_to(small, 3).n_deferred, 0);
	task_sleep(5, NULL);
	assert_string_equal(server.commands.s, "EHLO HELO MAIL RCPT RCPT RCPT DATA QUIT ");

	/* a server that takes three at a time is asked for three at a time, once that is known */
	server_reset(NULL);
	server.rcpt_limit = 3;
	assert_int_equal(deliver_to(small, 10).n_deferred, 0);
	assert_int_equal(server.n_rcpts, 10 + 3 + 3 + 1);
	assert_int_equal(server.n_sessions, 1);
	server.rcpt_limit = 0;

	/* more recipients than are under way at once */
	server_reset(NULL);
	assert_int_equal(deliver_to(small, 777).n_deferred, 0);
	assert_int_equal(server.n_rcpts, 777);
}

static void
long_lines(void)
{
	static const char *const lines[] = { "Subject: y", "", "0123456789abcdef", "01234\\", "56789abcdef\\", ".x", "one\n.two", "end\\", NULL };

	server_reset(NULL);
	client.conf.line_limit = 10;
	assert_int_equal(deliver_to(lines, 1).n_deferred, 0);
	assert_string_equal(server.data.s, "Subject: y\r\n\r\n0123456789\r\n abcdef\r\n0123456789\r\n abcdef.x\r\none\r\n..two\r\nend\r\n");
	client.conf.line_limit = 998;
}

/* What the server says, and what becomes of it: how many stay, and the record. */
static void
refusals(void)
{
	static const struct {
		struct rule rules[2];
		int n_deferred;
		const char *record, *reason;
	} cases[] = {
		{ { { "connect", "554 5.3.2 go away" } }, 1, "4.3.2 delayed", "refused to talk to me: 554 5.3.2 go away" },
		{ { { "connect", "421 busy" } }, 1, "4.0.0 delayed", "refused to talk to me: 421 busy" },
		{ { { "connect", "DROP" } }, 1, "4.4.2 delayed", "lost connection with 127.0.0.1[127.0.0.1] while receiving the initial server greeting" },
		{ { { "EHLO", "DROP" } }, 1, "4.4.2 delayed", "while performing the EHLO handshake" },
		{ { { "MAIL", "550 5.7.1 no" } }, 0, "5.7.1 failed", "said: 550 5.7.1 no (in reply to MAIL FROM command)" },
		{ { { "MAIL", "451 4.3.0 no" } }, 1, "4.3.0 delayed", "said: 451 4.3.0 no (in reply to MAIL FROM command)" },
		{ { { "MAIL", "hello there" } }, 1, "4.5.0 delayed", "protocol error of 127.0.0.1[127.0.0.1] while sending MAIL FROM" },
		{ { { "MAIL", "421 4.3.2 bye" } }, 1, "4.3.2 delayed", "said: 421 4.3.2 bye (in reply to MAIL FROM command)" },
		{ { { "RCPT", "550-5.1.1 one\r\n550 5.1.1 two" } }, 0, "5.1.1 failed", "said: 550-5.1.1 one 550 5.1.1 two (in reply to RCPT TO command)" },
		{ { { "RCPT", "450 4.2.0 grey" } }, 1, "4.2.0 delayed", "said: 450 4.2.0 grey" },
		{ { { "RCPT", "DROP" } }, 1, "4.4.2 delayed", "lost connection with 127.0.0.1[127.0.0.1] while sending RCPT TO" },
		{ { { "DATA", "554 no" } }, 0, "5.0.0 failed", "said: 554 no (in reply to DATA command)" },
		{ { { "DATA", "250 2.0.0 ok?" } }, 1, "4.5.0 delayed", "(in reply to DATA command)" },
		{ { { ".", "554 5.6.0 spam" } }, 0, "5.6.0 failed", "said: 554 5.6.0 spam (in reply to end of DATA command)" },
		{ { { ".", "452 4.3.1 full" } }, 1, "4.3.1 delayed", "said: 452 4.3.1 full (in reply to end of DATA command)" },
		{ { { ".", "DROP" } }, 1, "4.4.2 delayed", "while sending end of data -- message may be sent more than once" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (int pipelined = 0; pipelined < 2; pipelined++) {
			server_reset(cases[i].rules);
			server.no_ehlo_list = !pipelined;
			if (deliver_to(small, 1).n_deferred != cases[i].n_deferred || strstr(fake_bounce_last, cases[i].record) == NULL ||
			    strstr(fake_bounce_last, cases[i].reason) == NULL)
				fail_msg("case %zu (%s): %s", i, cases[i].rules[0].reply, fake_bounce_last);
			task_sleep(2, NULL);
		}
	server.no_ehlo_list = false;
}

static void
sizes(void)
{
	static const struct rule tiny[] = { { "EHLO", "250-x\r\n250 SIZE 50" }, { NULL, NULL } };

	server_reset(tiny);
	assert_int_equal(deliver_to(small, 1).n_deferred, 0);
	assert_non_null(strstr(fake_bounce_last, "5.3.4 failed message size 100 exceeds size limit 50 of server"));
}

/* Sessions are kept while a destination is busy, and one that died meanwhile costs nothing. */
static void
reuse(void)
{
	server_reset(NULL);
	client.conf.cache_on_demand = true;
	for (int i = 0; i < 5; i++)
		assert_int_equal(deliver_to(small, 1).n_deferred, 0);
	assert_true(server.n_sessions < 4);
	assert_non_null(strstr(last_log, "conn_use="));
	assert_true(client.n_idle > 0);

	static const struct rule leaving[] = { { "MAIL", "421 4.4.2 timeout" }, { NULL, NULL } };
	server_reset(leaving);
	(void)deliver_to(small, 1);
	assert_int_equal(server.n_sessions, 1);		/* after the idle session said 421 a new one was opened */
	client.conf.cache_on_demand = false;
}

static struct table_list *
inline_table(struct conf *conf, const char *text)
{
	struct err err = ERR_INIT;
	struct table_list *t = table_list_open(text, 0, conf, &err);

	assert_non_null(t);
	return t;
}

/* Tables for the content: headers of all kinds, body lines, lines in pieces. */
static void
filtered(void)
{
	static const char *const lines[] = { "Subject: x", "X-Gone: 1", "X-Fold: a", "\tb", "Content-Type: multipart/mixed;", " boundary=b", "", "--b",
		"X-Part: 1", "Content-Type: message/rfc822", "", "X-Nested: 1", "To: y", "", "dr\\", "op", ".ma\\", "rk", "--b--", "end\\", NULL };
	static const char *const no_body[] = { "Subject: x", "X-Gone: 1", NULL };
	struct err err = ERR_INIT;
	struct conf *conf = conf_load_text("", &err);

	assert_non_null(conf);
	client.conf.mime_depth = 100;
	client.conf.boundary_length = 2048;
	client.conf.body_checks_limit = 50000;
	client.checks[CHECK_HEADER] = inline_table(conf, "inline:{{X-Gone: 1=IGNORE},{Subject: x=REPLACE Subject: z},{X-Nested: 1=IGNORE}}");
	client.checks[CHECK_MIME] = inline_table(conf, "inline:{{X-Part: 1=STRIP},{X-Nested: 1=PREPEND X-Wrong: 1}}");
	client.checks[CHECK_NESTED] = inline_table(conf, "inline:{{X-Nested: 1=PREPEND X-Right: 1}}");
	client.checks[CHECK_BODY] = inline_table(conf, "inline:{{drop=IGNORE},{.mark=REPLACE .a}}");
	server_reset(NULL);
	assert_int_equal(deliver_to(lines, 1).n_deferred, 0);
	assert_string_equal(server.data.s, "Subject: z\r\nX-Fold: a\r\n\tb\r\nContent-Type: multipart/mixed;\r\n boundary=b\r\n\r\n--b\r\n"
	    "Content-Type: message/rfc822\r\n\r\nX-Right: 1\r\nX-Nested: 1\r\nTo: y\r\n\r\n..a\r\n--b--\r\nend\r\n");
	server_reset(NULL);
	assert_int_equal(deliver_to(no_body, 1).n_deferred, 0);
	assert_string_equal(server.data.s, "Subject: z\r\n");

	/* a table that cannot be asked: nothing is sent, the mail waits */
	table_list_free(&client.checks[CHECK_BODY]);
	client.checks[CHECK_BODY] = inline_table(conf, "fail:x");
	server_reset(NULL);
	assert_int_equal(deliver_to(lines, 2).n_deferred, 2);
	assert_non_null(strstr(fake_bounce_last, "4.3.0 delayed smtp_body_checks lookup error"));
	for (size_t i = 0; i < CHECK_N; i++)
		table_list_free(&client.checks[i]);
	conf_free(&conf);
}

/* LMTP: each recipient has its own reply after the dot. */
static void
lmtp(void)
{
	struct deliver_done done;

	client.is_lmtp = server.is_lmtp = true;
	client.conf.skip_quit = false;
	server_reset(NULL);
	assert_int_equal(deliver_to(small, 3).n_deferred, 0);
	assert_string_equal(server.commands.s, "LHLO MAIL RCPT RCPT RCPT DATA QUIT ");
	assert_string_equal(server.data.s, "Subject: x\r\n\r\n..\r\n...\r\ntext\r\n");
	assert_non_null(strstr(last_log, "to=<x2@y.test>"));
	assert_non_null(strstr(last_log, "dsn=2.0.0, status=sent (250 2.0.0 saved)"));

	static const struct rule mixed[] = { { ".1", "452 4.2.2 full" }, { ".2", "550 5.2.1 disabled" }, { NULL, NULL } };
	server_reset(mixed);
	done = deliver_to(small, 4);
	assert_int_equal(done.n_deferred, 1);
	assert_non_null(strstr(fake_bounce_last, "x1@y.test 4.2.2 delayed"));
	assert_non_null(strstr(fake_bounce_last, "said: 452 4.2.2 full (in reply to end of DATA command)"));

	/* a recipient that was refused gets no reply */
	static const struct rule one_unknown[] = { { "RCPT TO:<x1@", "550 5.1.1 who" }, { ".2", "DROP" }, { NULL, NULL } };
	server_reset(one_unknown);
	assert_int_equal(deliver_to(small, 4).n_deferred, 1);
	assert_non_null(strstr(fake_bounce_last, "x3@y.test 4.4.2 delayed"));
	assert_non_null(strstr(fake_bounce_last, "while sending end of data -- message may be sent more than once"));

	/* not an LMTP server: no second try with another greeting */
	static const struct rule smtp_only[] = { { "LHLO", "500 5.5.1 what" }, { NULL, NULL } };
	server_reset(smtp_only);
	assert_int_equal(deliver_to(small, 1).n_deferred, 0);
	assert_string_equal(server.commands.s, "LHLO QUIT ");

	/* content asked for although nobody is there to get it: the session ends, nothing hangs */
	static const struct rule nobody[] = { { "RCPT", "550 5.1.1 who" }, { NULL, NULL } };
	server_reset(nobody);
	assert_int_equal(deliver_to(small, 2).n_deferred, 0);

	/* what is too many for one transaction comes in the next ones */
	server_reset(NULL);
	server.rcpt_limit = 3;
	assert_int_equal(deliver_to(small, 10).n_deferred, 0);
	assert_int_equal(server.n_sessions, 1);
	server.rcpt_limit = 0;
}

static void
lmtp_unix(void)
{
	char path[] = "/tmp/smtp_test.XXXXXX";

	assert_non_null(mkdtemp(path));
	AUTO(mem_free) char *sock = mem_printf("%s/s", path);
	AUTO(mem_free) char *spec = mem_printf("unix:%s", sock);
	AUTO(mem_free) char *relay = mem_printf("relay=me.test[%s], ", sock);
	nexthop = spec;
	assert_int_equal(deliver_to(small, 1).n_deferred, 1);
	assert_non_null(strstr(fake_bounce_last, "4.4.1 delayed connect to me.test["));
	assert_non_null(strstr(fake_bounce_last, "]: No such file or directory"));
	server_listen_unix(sock);
	server_reset(NULL);
	client.conf.cache_on_demand = true;
	for (int i = 0; i < 4; i++)
		assert_int_equal(deliver_to(small, 2).n_deferred, 0);
	assert_non_null(strstr(last_log, relay));
	assert_non_null(strstr(last_log, "conn_use="));
	assert_true(server.n_sessions < 4);
	nexthop = "unix:";
	assert_int_equal(deliver_to(small, 1).n_deferred, 1);
	nexthop = NULL;
	(void)unlink(sock);
	(void)rmdir(path);
}

static void
all_tests(void *arg)
{
	(void)arg;
	server_open();
	client_open();
	plain();
	long_lines();
	refusals();
	sizes();
	reuse();
	filtered();
	lmtp();
	lmtp_unix();
	task_stop(100);
}

static void
test_deliveries(void **state)
{
	(void)state;
	log_tee(tee);
	task_main("test", all_tests, NULL);
	strbuf_done(&server.commands);
	strbuf_done(&server.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_deliveries) };

	signal(SIGPIPE, SIG_IGN);
	log_set_to(0);
	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
