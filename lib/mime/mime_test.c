/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of headers, MIME structure and encoded words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mime/encode.h"
#include "mime/header.h"
#include "mime/mime.h"

static void
header_names(void **state UNUSED)
{
	size_t body = 0;

	assert_int_equal(header_name_len("Subject: x", 10, &body), 7);
	assert_int_equal(body, 9);
	assert_int_equal(header_name_len("Subject :x", 10, &body), 7);
	assert_int_equal(body, 9);
	assert_int_equal(header_name_len("X:", 2, &body), 1);
	assert_int_equal(body, 2);
	assert_int_equal(header_name_len(": x", 3, NULL), 0);
	assert_int_equal(header_name_len(" X: y", 5, NULL), 0);
	assert_int_equal(header_name_len("no header", 9, NULL), 0);
	assert_int_equal(header_name_len("two words: x", 12, NULL), 0);
	assert_int_equal(header_name_len("", 0, NULL), 0);
	assert_int_equal(header_find("message-ID", 10)->id, HEADER_MESSAGE_ID);
	assert_int_equal(header_find("RESENT-bcc", 10)->flags, HEADER_F_RCPT | HEADER_F_EXTRACT | HEADER_F_RESENT);
	assert_int_equal(header_find("X-Foo", 5)->id, HEADER_OTHER);
	for (int i = 1; i < HEADER_N; i++)
		assert_int_equal(header_find(header_by_id(i)->name, strlen(header_by_id(i)->name))->id, i);
}

static void
header_values(void **state UNUSED)
{
	static const struct { const char *value, *boundary; } v[] = {
		{ "multipart/mixed; boundary=abc", "abc" }, { "multipart/mixed; boundary=\"a b\\\"c\"", "a b\"c" },
		{ "multipart/mixed (x; boundary=no) ;\n charset=x; BOUNDARY=\"=_1\"", "=_1" },
		{ "multipart/mixed; boundary=a=b/c; x=y", "a=b/c" }, { "multipart/mixed; x=\"; boundary=no\"", NULL },
		{ "multipart/mixed; boundary", NULL }, { "multipart/mixed; boundary=", NULL }, { "", NULL }, { "\"unterminated; boundary=x", NULL },
	};
	char type[32], sub[64];

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100);
		bool found = header_param(v[i].value, strlen(v[i].value), "boundary", &b);

		assert_int_equal(found, v[i].boundary != NULL);
		if (found)
			assert_string_equal(b.s, v[i].boundary);
	}
	assert_true(header_content_type("(c) Text / (d) PLAIN; x=y", 25, type, sub));
	assert_string_equal(type, "text");
	assert_string_equal(sub, "plain");
	assert_false(header_content_type("text", 4, type, sub));
	assert_int_equal(header_encoding(" (x) 8BIT ", 10), MIME_ENC_8BIT);
	assert_int_equal(header_encoding("base64", 6), MIME_ENC_BASE64);
	assert_int_equal(header_encoding("x-uu", 4), MIME_ENC_OTHER);
}

/* Feed a message whose first line tells what each line is: h header, p part header, n nested header, e end of header, b body. */
static void
walk(const char *text, const char *want, int limit, bool deep)
{
	struct mime *m = mime_new(limit, 70);
	AUTO(strbuf_done) struct strbuf got = STRBUF_INIT(10000);
	bool primary = true;

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (primary && n == 0) {
			mime_primary_end(m);
			primary = false;
			strbuf_addc(&got, 'e');
		} else if (primary) {
			mime_header(m, text, n);
			strbuf_addc(&got, 'h');
		} else {
			enum mime_kind k = mime_line(m, text, n);

			if (k == MIME_HEADER_LINE)
				mime_header(m, text, n);
			strbuf_addc(&got, k == MIME_BODY ? 'b' : k == MIME_HEADER_END ? 'e' : mime_context(m) == MIME_PART ? 'p' : 'n');
		}
		text += n + 1;
	}
	assert_string_equal(got.s, want);
	assert_int_equal(mime_is_too_deep(m), deep);
	mime_free(&m);
}

static void
structure(void **state UNUSED)
{
	walk("S: x\n\na\nB: c\n", "hebb", 10, false);
	walk("C: x\nContent-Type: multipart/mixed; boundary=\"b\"\n\npre\nx: y\n--b\nA: 1\n\ntext\n--b\n\ntext\n--b--\npost: x\n--b\n",
	    "hhebbbpebbebbbb", 10, false);
	walk("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: s\n\nbody\n--b--\n", "hebpenebb", 10, false);
	walk("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: s\n\nbody\n--b--\n", "hebenebb", 10, false);
	walk("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\nX: y\n\nt\n--b\nX: y\n\n--c\n",
	    "hebpebpebbpeb", 10, false);
	walk("Content-Type: multipart/mixed; boundary=b\n\n--b\nnot a header\nX: y\n--b--\n", "hebbbb", 10, false);
	walk("Content-Type: message/rfc822\n\nSubject: inner\n\nbody\n", "heneb", 10, false);
	walk("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nSubject: inner\n\nbody\n", "hhebbb", 10, false);
	walk("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: multipart/mixed; boundary=c\n\n--c\n", "hebpebpeb", 2, true);
}

static void
phrases(void **state UNUSED)
{
	static const struct { const char *name, *want; } v[] = {
		{ "Big Boss", "Big Boss" }, { "Doe, John", "\"Doe, John\"" }, { "J\303\274rgen M", "=?utf-8?Q?J=C3=BCrgen_M?=" },
		{ "a\"b", "\"a\\\"b\"" }, { "x\377", "=?unknown-8bit?Q?x=FF?=" }, { "a\nb", "\"a b\"" },
	};
	AUTO(strbuf_done) struct strbuf big = STRBUF_INIT(4000), out = STRBUF_INIT(40000);

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1000);

		encode_phrase(&b, v[i].name, "utf-8");
		assert_string_equal(b.s, v[i].want);
	}
	for (int i = 0; i < 200; i++)
		strbuf_adds(&big, "\303\274");
	encode_phrase(&out, big.s, "utf-8");
	for (const char *p = out.s; *p != '\0'; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n'))
		assert_true(strcspn(p, "\n") <= 76);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_names), cmocka_unit_test(header_values), cmocka_unit_test(structure), cmocka_unit_test(phrases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
