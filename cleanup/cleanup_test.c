/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of cleanup: records in, queue file (kept in memory) out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"

#define BASE \
	"compatibility_level = 3.6\nmyhostname = mta.example.test\nmydomain = example.test\nmyorigin = $mydomain\n" \
	"mydestination = $mydomain, $myhostname\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nrecipient_delimiter = +\n"

static char log_text[100000];

static void
tee(enum log_level level UNUSED, const char *text)
{
	size_t n = strlen(log_text);

	snprintf(log_text + n, sizeof log_text - n, "%s\n", text);
}

struct fixture {
	struct conf *conf;
	struct env env;
	struct message m;
	char id[64];
};

static void
open_fixture(struct fixture *f, const char *extra, int flags)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100000);
	struct err err = ERR_INIT;
	struct route *route;

	*f = (struct fixture){ 0 };
	strbuf_addf(&b, "%s%s\n", BASE, extra);
	if ((f->conf = conf_load_text(b.s, &err)) == NULL || conf_bind(f->conf, cleanup_binds, cleanup_n_binds, &f->env, &err) < 0 ||
	    (route = route_new_conf(f->conf, &err)) == NULL ||
	    env_open(&f->env, f->conf, route, queue_open_memory(), &err) < 0)
		fail_msg("%s", err.text);
	log_text[0] = '\0';
	message_init(&f->m, &f->env, qfile_create(f->env.queue, QUEUE_INCOMING, &err), flags);
	snprintf(f->id, sizeof f->id, "%s", message_id_of(&f->m));
}

static void
close_fixture(struct fixture *f)
{
	message_done(&f->m);
	env_close(&f->env);
	conf_free(&f->conf);
}

/* Records as text: one a line, the type's letter first; content may be taken in bulk as the daemon does. */
static void
feed(struct message *m, const char *records)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1 << 20);
	const char *p, *data;
	size_t left, used, len;
	int type;

	for (const char *line = records; *line != '\0';) {
		size_t n = strcspn(line, "\n");

		(void)!rec_add(&b, line[0], line + 1, n - 1);
		line += n + (line[n] == '\n');
	}
	for (p = b.s, left = b.len; left > 0; p += used, left -= used) {
		if ((used = message_bulk(m, p, left)) > 0)
			continue;
		assert_int_equal(rec_parse(p, left, &type, &data, &len, &used), 1);
		if (!message_record(m, type, data, len))
			break;
	}
	message_finish(m);
}

/* The stored message in the same text form; times and sizes are left out. */
static void
dump(struct fixture *f, struct strbuf *out)
{
	struct err err = ERR_INIT;
	AUTO(qfile_free) struct qfile *qf = qfile_open(f->env.queue, f->m.hold ? QUEUE_HOLD : QUEUE_INCOMING, f->id, QFILE_LOCK_NONE, &err);
	struct qrec r;

	if (qf == NULL)
		fail_msg("%s (status %d %s)", err.text, f->m.status, f->m.reason);
	while (qfile_next(qf, &r, &err) == 1) {
		if (strchr("CT", r.type) != NULL || strncmp(r.data, "create_time=", 12) == 0)
			continue;
		strbuf_addf(out, "%c%s\n", r.type, r.data);
	}
}

static void
check_stored(const char *extra, int flags, const char *records, const char *want)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF_INIT(1 << 20), expect = STRBUF_INIT(1 << 20);
	struct fixture f;

	open_fixture(&f, extra, flags);
	feed(&f.m, records);
	dump(&f, &got);
	/* %ID in what is expected */
	for (const char *p = want; *p != '\0'; p++) {
		if (strncmp(p, "%ID", 3) == 0) {
			strbuf_adds(&expect, f.id);
			p += 2;
		} else {
			strbuf_addc(&expect, *p);
		}
	}
	assert_string_equal(got.s, expect.s);
	close_fixture(&f);
}

static void
check_refused(const char *extra, int flags, const char *records, int status, const char *reason)
{
	struct fixture f;

	open_fixture(&f, extra, flags);
	feed(&f.m, records);
	if (f.m.status != status || strcmp(f.m.reason, reason) != 0)
		fail_msg("status %d reason %s", f.m.status, f.m.reason);
	close_fixture(&f);
}

#define FULL "NMessage-ID: <x@y>\nNDate: now\nNFrom: a@b.test\n"
#define T "T1795296563 135890\n"

static void
smtp_message(void **state UNUSED)
{
	check_stored("", CLEANUP_EXTERNAL, T "Alog_ident=X\nArewrite_context=local\nSa@b.test\nAencoding=8bit\nAlog_client_name=c\n"
	    "Or@x.test\nRr@x.test\nAnotify_flags=4\nAdsn_orig_rcpt=rfc822;o@x\nOq@x.test\nRq@x.test\nM\n" FULL "N\nNbody\nN\nNend\nX\nE\n",
	    "Alog_ident=X\nArewrite_context=local\nSa@b.test\nAencoding=8bit\nAlog_client_name=c\n"
	    "Adsn_orig_rcpt=rfc822;r@x.test\nOr@x.test\nRr@x.test\nAnotify_flags=4\nAdsn_orig_rcpt=rfc822;o@x\nOq@x.test\nRq@x.test\nM\n"
	    FULL "N\nNbody\nN\nNend\nX\nAmessage_id=<x@y>\nAencoding=8bit\nE\n");
	assert_non_null(strstr(log_text, ": message-id=<x@y>\n"));
}

static void
missing_headers(void **state UNUSED)
{
	check_stored("", CLEANUP_EXTERNAL, T "FBig Boss\nSa@b.test\nRr\nM\nNSubject: x\nX\nE\n",
	    "FBig Boss\nSa@b.test\nAdsn_orig_rcpt=rfc822;r@example.test\nOr\nRr@example.test\nM\nNSubject: x\n"
	    "NMessage-Id: <20261121212923.%ID@mta.example.test>\nNDate: Sat, 21 Nov 2026 21:29:23 +0000 (UTC)\nNFrom: Big Boss <a@b.test>\n"
	    "X\nAmessage_id=<20261121212923.%ID@mta.example.test>\nE\n");
	check_stored("", CLEANUP_EXTERNAL, T "S\nRr\nM\nNno header\nX\nE\n",
	    "S\nAdsn_orig_rcpt=rfc822;r@example.test\nOr\nRr@example.test\nM\n"
	    "NMessage-Id: <20261121212923.%ID@mta.example.test>\nNDate: Sat, 21 Nov 2026 21:29:23 +0000 (UTC)\nNFrom: MAILER-DAEMON\nN\n"
	    "Nno header\nX\nAmessage_id=<20261121212923.%ID@mta.example.test>\nE\n");
	check_stored("", CLEANUP_EXTERNAL, T "Arewrite_context=remote\nSa@b.test\nRr@x.test\nM\nNTo: bare\nN\nNx\nX\nE\n",
	    "Arewrite_context=remote\nSa@b.test\nAdsn_orig_rcpt=rfc822;r@x.test\nOr@x.test\nRr@x.test\nM\nNTo: bare\nN\nNx\nX\nE\n");
	assert_non_null(strstr(log_text, ": message-id=<>\n"));
	check_stored("undisclosed_recipients_header = To: undisclosed-recipients:;\n", CLEANUP_EXTERNAL,
	    T "Sa@b.test\nRr@x.test\nM\nNResent-Date: d\nNResent-To: q\n" FULL "X\nE\n",
	    "Sa@b.test\nAdsn_orig_rcpt=rfc822;r@x.test\nOr@x.test\nRr@x.test\nM\nNResent-Date: d\nNResent-To: q@example.test\n" FULL
	    "NResent-Message-Id: <20261121212923.%ID@mta.example.test>\nNResent-From: a@b.test\nX\nAmessage_id=<x@y>\nE\n");
}

static void
header_rewriting(void **state UNUSED)
{
	check_stored("masquerade_domains = !keep.example.test example.test\nmasquerade_exceptions = root\n"
	    "canonical_maps = inline:{ {old@x.test=new@y.test} {@z.test=@zz.test} }\n", CLEANUP_EXTERNAL,
	    T "Su@host.example.test\nRold+e@x.test\nM\nNMessage-ID: <x@y>\nNDate: now\nNFrom: U <u@host.example.test>\n"
	    "NTo: t@a.b.example.test,\nN\tk@keep.example.test, root@h.example.test\nNCc: old@x.test, q@z.test (c)\nNBcc: hidden\nNReturn-Path: <x>\n"
	    "NX-To: bare\nN\nNb\nX\nE\n",
	    "Su@example.test\nAdsn_orig_rcpt=rfc822;old+e@x.test\nOold+e@x.test\nRnew+e@y.test\nM\nNMessage-ID: <x@y>\nNDate: now\n"
	    "NFrom: U <u@example.test>\nNTo: t@example.test,\nN\tk@keep.example.test, root@h.example.test\nNCc: new@y.test, q@zz.test (c)\n"
	    "NX-To: bare\nN\nNb\nX\nAmessage_id=<x@y>\nE\n");
	check_stored("canonical_maps = inline:{ {a@x.test=b@y.test} }\ncanonical_classes = envelope_sender\n", CLEANUP_EXTERNAL,
	    T "Sa@x.test\nRa@x.test\nM\nNMessage-ID: <x@y>\nNDate: now\nNFrom: a@x.test\nX\nE\n",
	    "Sb@y.test\nAdsn_orig_rcpt=rfc822;a@x.test\nOa@x.test\nRa@x.test\nM\nNMessage-ID: <x@y>\nNDate: now\nNFrom: a@x.test\nX\n"
	    "Amessage_id=<x@y>\nE\n");
	check_stored("canonical_maps = inline:{ {a@x.test=b@y.test} }\n", CLEANUP_INTERNAL, T "Sa@x.test\nRa@x.test\nM\n" FULL "X\nE\n",
	    "Sa@x.test\nAdsn_orig_rcpt=rfc822;a@x.test\nOa@x.test\nRa@x.test\nM\n" FULL "X\nAmessage_id=<x@y>\nE\n");
}

#define ALIASES "virtual_alias_maps = inline:{ {team@v.test=a@x.test, b@x.test, A@x.test} {self@v.test=self@v.test, c@x.test} " \
	"{one@v.test=two@v.test} {two@v.test=one@v.test} {@cat.test=joe} {ext@v.test=d@x.test} {n@v.test=<>} }\n"

static void
recipients(void **state UNUSED)
{
	check_stored(ALIASES, CLEANUP_EXTERNAL, T "Sa@b.test\nOteam@v.test\nRteam@v.test\nRext+q@v.test\nRself@v.test\nRany@cat.test\nM\n"
	    FULL "X\nE\n",
	    "Sa@b.test\nAdsn_orig_rcpt=rfc822;team@v.test\nOteam@v.test\nRa@x.test\nAdsn_orig_rcpt=rfc822;team@v.test\nOteam@v.test\nRb@x.test\n"
	    "Adsn_orig_rcpt=rfc822;ext+q@v.test\nOext+q@v.test\nRd+q@x.test\n"
	    "Adsn_orig_rcpt=rfc822;self@v.test\nOself@v.test\nRself@v.test\nAdsn_orig_rcpt=rfc822;self@v.test\nOself@v.test\nRc@x.test\n"
	    "Adsn_orig_rcpt=rfc822;any@cat.test\nOany@cat.test\nRjoe@example.test\nM\n" FULL "X\nAmessage_id=<x@y>\nE\n");
	check_refused(ALIASES, CLEANUP_EXTERNAL, T "Sa@b.test\nRone@v.test\nM\n" FULL "X\nE\n", CLEANUP_DEFER, "4.6.0 Alias expansion error");
	check_refused("virtual_alias_expansion_limit = 2\n" ALIASES, CLEANUP_EXTERNAL, T "Sa@b.test\nRteam@v.test\nM\n" FULL "X\nE\n",
	    CLEANUP_DEFER, "4.6.0 Alias expansion error");
	check_refused("virtual_alias_maps = fail:x\n", CLEANUP_EXTERNAL, T "Sa@b.test\nRteam@v.test\nM\n" FULL "X\nE\n",
	    CLEANUP_DEFER, "4.3.0 virtual_alias_maps lookup problem");
	/* marked recipients are left out, duplicates too */
	check_stored("enable_original_recipient = no\n", CLEANUP_EXTERNAL, T "Sa@b.test\nOo\nDdone@x\nO1@x\nRr@x\nO2@x\nRr@x\n/gone@x\nM\n" FULL "X\nE\n",
	    "Sa@b.test\nAdsn_orig_rcpt=rfc822;1@x\nO1@x\nRr@x\nM\n" FULL "X\nAmessage_id=<x@y>\nE\n");
}

static void
copies(void **state UNUSED)
{
	check_stored("always_bcc = all@x.test\nsender_bcc_maps = inline:{a@b.test=sb@x.test}\nrecipient_bcc_maps = inline:{r@x.test=rb@x.test}\n"
	    "delay_warning_time = 1h\n", CLEANUP_EXTERNAL, T "Sa@b.test\nRr@x.test\nM\n" FULL "X\nRlate@x.test\nE\n",
	    "Sa@b.test\nAnotify_flags=1\nOsb@x.test\nRsb@x.test\nW     1795300163\nAdsn_orig_rcpt=rfc822;r@x.test\nOr@x.test\nRr@x.test\n"
	    "Anotify_flags=1\nOrb@x.test\nRrb@x.test\nM\n" FULL "X\nAmessage_id=<x@y>\nAdsn_orig_rcpt=rfc822;late@x.test\nOlate@x.test\n"
	    "Rlate@x.test\nAnotify_flags=1\nOall@x.test\nRall@x.test\nE\n");
}

#define ENV T "Alog_message_origin=c[1.2.3.4]\nAlog_helo_name=h\nAlog_protocol_name=ESMTP\nSa@b.test\nRr@x.test\nM\n"
#define ENV_OUT "Alog_message_origin=c[1.2.3.4]\nAlog_helo_name=h\nAlog_protocol_name=ESMTP\nSa@b.test\n" \
	"Adsn_orig_rcpt=rfc822;r@x.test\nOr@x.test\nRr@x.test\nM\n"

static void
checks(void **state UNUSED)
{
	static const char rules[] = "header_checks = regexp:{ {/^X-Ign:/ IGNORE} {/^X-Rep:/ REPLACE X-New: 1} {/^X-Pre:/ PREPEND X-P: 2} "
	    "{/^X-Hold:/ HOLD wait} {/^X-Rej:/ REJECT} {/^X-Rej2:/ REJECT 5.7.9 away} {/^X-Tmp:/ REJECT 4.7.1 later} {/^X-Red:/ REDIRECT t@x.test} "
	    "{/^X-Fil:/ FILTER smtp:[f]} {/^X-Bcc:/ BCC bcc@x.test} {/^X-Warn:/ WARN careful} {/^X-Str:/ STRIP gone} {/^X-Odd:/ FROB} "
	    "{/^X-Pass:/ PASS} }\nbody_checks = regexp:{ {/^bad/ REJECT no} {/^ign/ IGNORE} {/^rep/ REPLACE new} }\n";

	check_stored(rules, CLEANUP_EXTERNAL, ENV FULL "NX-Ign: 1\nN and more\nNX-Rep: 1\nNX-Pre: 1\nNX-Warn: 1\nNX-Str: 1\nNX-Odd: 1\nN\nNign\nNrep\nNok\nX\nE\n",
	    ENV_OUT FULL "NX-New: 1\nNX-P: 2\nNX-Pre: 1\nNX-Warn: 1\nNX-Odd: 1\nN\nNnew\nNok\nX\nAmessage_id=<x@y>\nE\n");
	assert_non_null(strstr(log_text, ": warning: header X-Warn: 1 from c[1.2.3.4]; from=<a@b.test> to=<r@x.test> proto=ESMTP helo=<h>: careful\n"));
	assert_non_null(strstr(log_text, ": replace: header X-Rep: 1 from c[1.2.3.4]; from=<a@b.test> to=<r@x.test> proto=ESMTP helo=<h>: X-New: 1\n"));
	check_stored(rules, CLEANUP_EXTERNAL, ENV FULL "NX-Red: 1\nNX-Fil: 1\nNX-Bcc: 1\nX\nE\n",
	    ENV_OUT FULL "NX-Red: 1\nNX-Fil: 1\nNX-Bcc: 1\nX\nLsmtp:[f]\n>t@x.test\nAmessage_id=<x@y>\nAnotify_flags=1\nObcc@x.test\nRbcc@x.test\nE\n");
	check_stored(rules, CLEANUP_EXTERNAL, ENV FULL "NX-Hold: 1\nX\nE\n", ENV_OUT FULL "NX-Hold: 1\nX\nAmessage_id=<x@y>\nE\n");
	check_refused(rules, CLEANUP_EXTERNAL, ENV FULL "NX-Rej: 1\nX\nE\n", CLEANUP_CONTENT, "5.7.1 message content rejected");
	check_refused(rules, CLEANUP_EXTERNAL, ENV FULL "NX-Rej2: 1\nX\nE\n", CLEANUP_CONTENT, "5.7.9 away");
	check_refused(rules, CLEANUP_EXTERNAL, ENV FULL "NX-Tmp: 1\nX\nE\n", CLEANUP_DEFER, "4.7.1 later");
	check_refused(rules, CLEANUP_EXTERNAL, ENV FULL "N\nNbad\nX\nE\n", CLEANUP_CONTENT, "5.7.1 no");
	check_stored(rules, CLEANUP_EXTERNAL & ~CLEANUP_CHECKS, ENV FULL "NX-Rej: 1\nN\nNbad\nX\nE\n",
	    ENV_OUT FULL "NX-Rej: 1\nN\nNbad\nX\nAmessage_id=<x@y>\nE\n");
	check_stored(rules, CLEANUP_EXTERNAL, ENV FULL "NX-Pass: 1\nNX-Rej: 1\nN\nNbad\nX\nE\n",
	    ENV_OUT FULL "NX-Pass: 1\nNX-Rej: 1\nN\nNbad\nX\nAmessage_id=<x@y>\nE\n");
	check_refused("header_checks = fail:x\n", CLEANUP_EXTERNAL, ENV FULL "X\nE\n", CLEANUP_DEFER, "4.3.0 header_checks lookup problem");
}

static void
parts(void **state UNUSED)
{
	static const char rules[] = "header_checks =\nmime_header_checks = regexp:{ {/name=.*exe/ REJECT exe} {/^X-Part:/ IGNORE} }\n"
	    "nested_header_checks = regexp:{ {/^Subject: inner/ REJECT inner} }\nmime_nesting_limit = 3\n";

#define MP FULL "NContent-Type: multipart/mixed; boundary=\"b\"\nN\n"
	check_refused(rules, CLEANUP_EXTERNAL, ENV MP "N--b\nNContent-Disposition: x;\nN name=a.exe\nN\nNx\nX\nE\n", CLEANUP_CONTENT, "5.7.1 exe");
	check_refused(rules, CLEANUP_EXTERNAL, ENV MP "N--b\nNContent-Type: message/rfc822\nN\nNSubject: inner\nN\nNx\nX\nE\n", CLEANUP_CONTENT,
	    "5.7.1 inner");
	check_stored(rules, CLEANUP_EXTERNAL, ENV MP "N--b\nNX-Part: 1\nNX-Two: a\nN  b\nN\nNSubject: inner\nN--b--\nNtail name=exe\nX\nE\n",
	    ENV_OUT MP "N--b\nNX-Two: a\nN  b\nN\nNSubject: inner\nN--b--\nNtail name=exe\nX\nAmessage_id=<x@y>\nE\n");
	check_refused(rules, CLEANUP_EXTERNAL, ENV MP
	    "N--b\nNContent-Type: multipart/mixed; boundary=c\nN\nN--c\nNContent-Type: multipart/mixed; boundary=d\nN\nN--d\n"
	    "NContent-Type: multipart/mixed; boundary=e\nN\nN--e\nX\nE\n", CLEANUP_CONTENT, "5.6.0 MIME nesting exceeds safety limit");
}

static void
strictness(void **state UNUSED)
{
	check_refused("strict_7bit_headers = yes\n", CLEANUP_EXTERNAL, ENV FULL "NX: \303\274\nX\nE\n", CLEANUP_CONTENT,
	    "5.6.0 improper use of 8-bit data in message header");
	check_refused("strict_8bitmime_body = yes\n", CLEANUP_EXTERNAL, ENV FULL "N\nN\303\274\nX\nE\n", CLEANUP_CONTENT,
	    "5.6.0 improper use of 8-bit data in message body");
	check_refused("strict_8bitmime = yes\n", CLEANUP_EXTERNAL, ENV FULL "NContent-Transfer-Encoding: 8bit\nN\nN\303\274\nX\nE\n", 0, "");
	check_refused("strict_mime_encoding_domain = yes\n", CLEANUP_EXTERNAL, ENV FULL
	    "NContent-Transfer-Encoding: base64\nNContent-Type: multipart/mixed; boundary=b\nN\nX\nE\n", CLEANUP_CONTENT,
	    "5.6.0 invalid message/* or multipart/* encoding domain");
	assert_non_null(strstr(log_text, ": reject: mime-error invalid message/* or multipart/* encoding domain:  from c[1.2.3.4]; from=<a@b.test>"));
}

static void
limits(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1 << 20);
	struct fixture f;

	check_refused("message_size_limit = 1000\n", CLEANUP_EXTERNAL, ENV FULL "N\nN12345678901234567890\nX\nE\n", 0, "");
	strbuf_adds(&b, ENV FULL "N\n");
	for (int i = 0; i < 100; i++)
		strbuf_adds(&b, "N12345678901234567890\n");
	strbuf_adds(&b, "X\nE\n");
	check_refused("message_size_limit = 1000\n", CLEANUP_EXTERNAL, b.s, CLEANUP_SIZE, "");
	strbuf_reset(&b);
	strbuf_adds(&b, ENV);
	for (int i = 0; i < 12; i++)
		strbuf_adds(&b, "NReceived: x\n");
	strbuf_adds(&b, "X\nE\n");
	check_refused("hopcount_limit = 10\n", CLEANUP_EXTERNAL, b.s, CLEANUP_HOPS, "");
	check_refused("", CLEANUP_EXTERNAL, T "Sa@b.test\nM\n" FULL "X\nE\n", CLEANUP_NO_RCPT, "");
	check_refused("", CLEANUP_EXTERNAL, T "Rr@x.test\nM\n" FULL "X\nE\n", CLEANUP_BAD, "4.3.0 no sender record");
	check_stored("", CLEANUP_EXTERNAL, T "Sa\rb@c\nRr\rx@y\nM\n" FULL "X\nE\n",
	    "Sa?b@c\nAdsn_orig_rcpt=rfc822;r?x@y\nOr?x@y\nRr?x@y\nM\n" FULL "X\nAmessage_id=<x@y>\nE\n");
	check_refused("", CLEANUP_EXTERNAL, T "Sa\nSb\nRr@x.test\nM\n" FULL "X\nE\n", CLEANUP_BAD, "4.3.0 two sender records");
	check_refused("", CLEANUP_EXTERNAL, T "Sa\nAnovalue\nRr@x.test\nM\n" FULL "X\nE\n", CLEANUP_BAD, "4.3.0 bad attribute record");
	check_refused("", CLEANUP_EXTERNAL, T "Sa\nQx\nRr@x.test\nM\n" FULL "X\nE\n", CLEANUP_BAD, "4.3.0 unexpected record");
	check_refused("", CLEANUP_EXTERNAL, T "Sa\nRr@x.test\nE\n", CLEANUP_BAD, "4.3.0 unexpected record");
	check_refused("queue_file_attribute_count_limit = 2\n", CLEANUP_EXTERNAL, ENV FULL "X\nE\n", CLEANUP_BAD, "4.3.0 too many attributes");
	open_fixture(&f, "header_size_limit = 2000\nline_length_limit = 512\n", CLEANUP_EXTERNAL);
	strbuf_reset(&b);
	strbuf_adds(&b, ENV "NX-Big: 1\n");
	for (int i = 0; i < 300; i++)
		strbuf_addf(&b, "N %050d\n", i);
	strbuf_adds(&b, "NX-After: yes\n" FULL "N\nNbody\nX\nE\n");
	feed(&f.m, b.s);
	strbuf_reset(&b);
	dump(&f, &b);
	assert_true(b.len < 4000);
	assert_non_null(strstr(b.s, "NX-After: yes\n" FULL "N\nNbody\nX\n"));
	close_fixture(&f);
}

static void
odd_bytes(void **state UNUSED)
{
	check_stored("message_strip_characters = \\0\\007\n", CLEANUP_EXTERNAL, ENV FULL "N\nNa\rb\007c\nX\nE\n",
	    ENV_OUT FULL "N\nNa bc\nX\nAmessage_id=<x@y>\nE\n");
	check_stored("", CLEANUP_EXTERNAL, ENV FULL "N\nNa\nNb\rc\nNd\nX\nE\n", ENV_OUT FULL "N\nNa\nNb c\nNd\nX\nAmessage_id=<x@y>\nE\n");
	check_refused("message_reject_characters = \\007\n", CLEANUP_EXTERNAL, ENV FULL "N\nNa\007\nX\nE\n", CLEANUP_CONTENT, "5.7.1 disallowed character");
	/* a line in pieces, in header and body; the last piece missing */
	check_stored("", CLEANUP_EXTERNAL, ENV FULL "LX-A: 1\nN2\nN\nLab\nLcd\nX\nE\n",
	    ENV_OUT FULL "NX-A: 12\nN\nLab\nLcd\nN\nX\nAmessage_id=<x@y>\nE\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smtp_message), cmocka_unit_test(missing_headers), cmocka_unit_test(header_rewriting),
		cmocka_unit_test(recipients), cmocka_unit_test(copies), cmocka_unit_test(checks), cmocka_unit_test(parts),
		cmocka_unit_test(strictness), cmocka_unit_test(limits), cmocka_unit_test(odd_bytes),
	};

	log_init("test", "cleanup", 0);
	log_tee(tee);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
