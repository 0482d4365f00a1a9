/* SPDX-License-Identifier: Apache-2.0 */
/* What SMTP clients send: command lines with their parameters, and content, which is the same however it was cut. */
#include <string.h>

#include "base/bug.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "tests/fuzz/fuzz.h"

enum { CHUNK = 16, ALL = SMTP_ARG_SIZE | SMTP_ARG_BODY | SMTP_ARG_DSN | SMTP_ARG_SMTPUTF8 | SMTP_ARG_AUTH };

static void
command(const uint8_t *data, size_t size)
{
	AUTO(mem_free) char *line = fuzz_str(data, size);
	AUTO(pool_free) struct pool *pool = pool_new(512);
	struct smtp_mail_args mail;
	struct smtp_rcpt_args rcpt;
	struct smtp_fault f;
	struct smtp_command c;

	if (strlen(line) > 2048)
		return;
	smtp_command_split(line, &c);
	(void)smtp_command_path(c.args, "FROM");
	if (smtp_mail_args_parse(pool, c.args, ALL, &mail, &f) < 0)
		ASSERT(f.code >= 500 && f.code <= 599);
	else
		ASSERT(mail.size >= 0);
	if (smtp_rcpt_args_parse(pool, c.args, ALL, &rcpt, &f) < 0)
		ASSERT(f.code >= 500 && f.code <= 599);
	else
		ASSERT(rcpt.notify == SMTP_NOTIFY_NEVER || (rcpt.notify & SMTP_NOTIFY_NEVER) == 0);
}

static void
collect(void *arg, bool ends_line, const char *data, size_t n)
{
	ASSERT(ends_line ? n < CHUNK : n == CHUNK);
	ASSERT(memchr(data, '\n', n) == NULL);
	(void)strbuf_add(arg, data, n);
	(void)strbuf_adds(arg, ends_line ? "\n" : "\r\r");
}

/* Fed by step bytes at a time, the unconsumed rest kept as a session keeps it. */
static enum smtp_data_result
content(enum smtp_lf mode, bool has_dots, const uint8_t *data, size_t size, size_t step, struct strbuf *out, uint64_t *octets)
{
	struct smtp_data d;
	enum smtp_data_result r = SMTP_DATA_MORE;
	size_t at = 0, have = 0, used;

	smtp_data_init(&d, mode, CHUNK);
	d.has_dots = has_dots;
	while (r == SMTP_DATA_MORE && have < size) {
		have += step < size - have ? step : size - have;
		r = smtp_data_feed(&d, (const char *)data + at, have - at, &used, collect, out);
		at += used;
		ASSERT(at <= have && (r != SMTP_DATA_MORE || have - at < CHUNK + SMTP_DATA_SLACK));
	}
	*octets = d.octets;
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(strbuf_done) struct strbuf whole = STRBUF_INIT(STRBUF_HUGE), cut = STRBUF_INIT(STRBUF_HUGE);
	enum smtp_data_result a, b;
	uint64_t n_whole, n_cut;

	if (size < 2 || size > 20000)
		return 0;
	command(data + 2, size - 2);
	a = content(data[0] % 3, data[0] < 200, data + 2, size - 2, size, &whole, &n_whole);
	b = content(data[0] % 3, data[0] < 200, data + 2, size - 2, 1 + data[1] % 40, &cut, &n_cut);
	ASSERT(a == b && (a == SMTP_DATA_MORE || n_whole == n_cut));
	if (a != SMTP_DATA_BARE_LF)	/* that message is lost anyway */
		ASSERT(whole.len == cut.len && memcmp(whole.s, cut.s, whole.len) == 0);
	return 0;
}
