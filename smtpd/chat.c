/* SPDX-License-Identifier: Apache-2.0 */
/* chat - replies to the client and lines in the log. */
#include "smtpd/smtpd.h"

#include <stdarg.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "smtp/answer.h"
#include "smtpd/footer.h"

enum { REPLY_MAX = 8000 };

static int
reply_text(struct session *s, int code, const char *dsn, const char *text)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(REPLY_MAX);
	char class_dsn[12] = "";
	int flags = s->args.smtputf8 ? SMTP_ANSWER_UTF8 : 0;

	if (conf.soft_bounce && code >= 500 && code != 521) {
		code -= 100;
		if (dsn != NULL && dsn[0] == '5') {
			(void)memccpy(class_dsn, dsn, 0, sizeof class_dsn - 1);
			class_dsn[0] = '4';
			dsn = class_dsn;
		}
	}
	if (code >= 400) {
		if (conf.error_sleep_ms > 0 && s->errors >= conf.soft_limit && !s->stand_alone)
			(void)task_sleep(conf.error_sleep_ms, NULL);
		(void)strbuf_adds(&b, text);
		footer_add(s, code, dsn, &b);
		text = b.s;
	}
	smtp_answer(s->st, code, dsn, text, flags);
	if (code == 421 || code == 521)
		s->is_closing = true;
	return code >= 400 ? -1 : 0;
}

int
reply(struct session *s, int code, const char *dsn, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(REPLY_MAX);
	va_list ap;

	va_start(ap, fmt);
	(void)strbuf_addv(&b, fmt, ap);
	va_end(ap);
	return reply_text(s, code, dsn, b.s);
}

int
reply_verdict(struct session *s)
{
	return reply_text(s, s->verdict.code, s->verdict.dsn, s->verdict.text.s);
}

int
reply_fault(struct session *s, const struct smtp_fault *f)
{
	return reply_text(s, f->code, f->dsn, f->text);
}

const char *
log_id(const struct session *s)
{
	return s->queue_id != NULL ? s->queue_id : "NOQUEUE";
}

void
log_address(struct strbuf *out, const char *addr)
{
	if (ascii_casecmp(conf.log_address_format, "internal") == 0)
		(void)strbuf_adds(out, addr);
	else
		addr_quote(out, addr);
}

void
log_action(struct session *s, const char *action, const char *text)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(REPLY_MAX);

	if (s->sender != NULL) {
		(void)strbuf_adds(&b, " from=<");
		log_address(&b, s->sender);
		(void)strbuf_addc(&b, '>');
	}
	if (s->recipient != NULL) {
		(void)strbuf_adds(&b, " to=<");
		log_address(&b, s->recipient);
		(void)strbuf_addc(&b, '>');
	}
	(void)strbuf_addf(&b, " proto=%s", s->is_esmtp ? "ESMTP" : "SMTP");
	if (s->helo != NULL)
		(void)strbuf_addf(&b, " helo=<%s>", s->helo);
	log_info("%s: %s: %s from %s: %s;%s", log_id(s), action, s->where, s->who, text, b.s);
}

void
log_end(struct session *s, const char *what)
{
	if (s->in_content)
		log_info("%s: %s after %s (%llu bytes) from %s", log_id(s), what, s->where, (unsigned long long)s->content_octets, s->who);
	else
		log_info("%s: %s after %s from %s", log_id(s), what, s->where, s->who);
}
