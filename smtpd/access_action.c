/* SPDX-License-Identifier: Apache-2.0 */
/* access_action - carries out what an access table said: access(5), and restriction lists. */
#include "smtpd/access.h"

#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"

enum { TEXT_MAX = 3000 };

struct action {
	struct access *a;
	const char *word, *text;	/* "REJECT", what follows it */
	const char *name, *class;	/* whom it was about */
};

/* ---- refusals */

const char *
access_split_dsn(const char *text, char dsn[static 12])
{
	const char *p = text;
	size_t n;

	if (*p != '2' && *p != '4' && *p != '5')
		return text;
	for (int part = 0; part < 3; part++) {
		size_t digits = strspn(p, "0123456789");

		if (digits < 1 || digits > 3 || (part < 2 && p[digits] != '.'))
			return text;
		p += digits + (part < 2);
	}
	n = (size_t)(p - text);
	if ((*p != 0 && !ascii_is_blank(*p)) || n > 11)
		return text;
	memcpy(dsn, text, n);
	dsn[n] = 0;
	return p + strspn(p, " \t");
}

/* A code made for a recipient says something wrong about a sender and the other way round (RFC 3463 section 3.2). */
static void
fix_dsn(char dsn[static 12], const char *class)
{
	static const struct {
		const char *rcpt, *sender;
	} pairs[] = { { ".1.1", ".1.0" }, { ".1.2", ".1.8" }, { ".1.3", ".1.7" }, { ".1.4", ".1.0" }, { ".1.5", ".1.0" }, { ".1.6", ".1.0" } };
	bool is_sender = strcmp(class, "Sender address") == 0, is_rcpt = strcmp(class, "Recipient address") == 0;

	if (strncmp(dsn + 1, ".1.", 3) != 0)
		return;
	if (!is_sender && !is_rcpt) {
		memcpy(dsn + 1, ".0.0", 5);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		if (strcmp(dsn + 1, is_sender ? pairs[i].rcpt : pairs[i].sender) == 0 && (is_sender || i == 1 || i == 2)) {
			memcpy(dsn + 1, is_sender ? pairs[i].sender : pairs[i].rcpt, 5);
			return;
		}
}

static enum access_result
refuse(const struct action *x, int code, const char *dflt_dsn, const char *text, const char *dflt_text)
{
	char dsn[12];

	(void)memccpy(dsn, dflt_dsn, 0, sizeof dsn);
	text = access_split_dsn(text, dsn);
	fix_dsn(dsn, x->class);
	if (*text == 0)
		text = dflt_text;
	if (code == 0)
		return access_defer_if_permit(x->a, 450, dsn, "<%s>: %s rejected: %s", x->name, x->class, text);
	return access_reject(x->a, code, dsn, "<%s>: %s rejected: %s", x->name, x->class, text);
}

static enum access_result
do_reject(const struct action *x)
{
	return refuse(x, (int)conf.map_reject_code, "5.7.1", x->text, "Access denied");
}

static enum access_result
do_defer(const struct action *x)
{
	return refuse(x, (int)conf.map_defer_code, "4.7.1", x->text, "Access denied");
}

static enum access_result
do_defer_if_permit(const struct action *x)
{
	return refuse(x, 0, "4.7.1", x->text, "Service unavailable");
}

static enum access_result
do_defer_if_reject(const struct action *x)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(TEXT_MAX);
	char dsn[12] = "4.7.1";
	const char *text = access_split_dsn(x->text, dsn);

	fix_dsn(dsn, x->class);
	(void)strbuf_addf(&b, "<%s>: %s rejected: %s", x->name, x->class, *text != 0 ? text : "Service unavailable");
	access_defer_if_reject(x->a, 450, dsn, b.s);
	return ACCESS_DUNNO;
}

/* ---- what is to be done with the message */
static enum access_result
note(const struct action *x, const char *action, const char *fmt_text, const char *arg)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(TEXT_MAX);

	(void)strbuf_addf(&b, "<%s>: %s %s%s", x->name, x->class, fmt_text, arg);
	log_action(x->a->s, x->a->warns ? "warn" : action, b.s);
	return ACCESS_DUNNO;
}

/* Only a message can be held, sent elsewhere and so on, so before MAIL there is nothing to be done. */
static bool
has_message(const struct action *x)
{
	if (x->a->s->mail != NULL && strcmp(x->a->s->where, "END-OF-MESSAGE") != 0)
		return true;
	if (x->a->s->cleanup != NULL)
		return true;
	log_warning("access table %s entry \"%s\" is ignored: there is no message yet", x->class, x->word);
	return false;
}

static enum access_result
do_hold(const struct action *x)
{
	if (has_message(x) && !x->a->warns)
		x->a->s->saved.flags |= CLEANUP_HOLD;
	return note(x, "hold", *x->text != 0 ? x->text : "triggers HOLD action", "");
}

static enum access_result
do_discard(const struct action *x)
{
	if (has_message(x) && !x->a->warns)
		x->a->s->saved.flags |= CLEANUP_DISCARD;
	(void)note(x, "discard", *x->text != 0 ? x->text : "triggers DISCARD action", "");
	return x->a->warns ? ACCESS_DUNNO : ACCESS_OK;
}

static enum access_result
bad_value(const struct action *x)
{
	log_warning("access table %s entry \"%s %s\" has bad syntax", x->class, x->word, x->text);
	return access_misconfigured(x->a, x->name, x->class);
}

static enum access_result
do_filter(const struct action *x)
{
	if (*x->text == 0 || strchr(x->text, ':') == NULL)
		return bad_value(x);
	if (has_message(x) && !x->a->warns)
		x->a->s->saved.filter = pool_strdup(x->a->s->mail, x->text);
	return note(x, "filter", "triggers FILTER ", x->text);
}

static enum access_result
do_redirect(const struct action *x)
{
	if (strchr(x->text, '@') == NULL)
		return bad_value(x);
	if (has_message(x) && !x->a->warns)
		x->a->s->saved.redirect = pool_strdup(x->a->s->mail, x->text);
	return note(x, "redirect", "triggers REDIRECT ", x->text);
}

static enum access_result
do_bcc(const struct action *x)
{
	if (strchr(x->text, '@') == NULL)
		return bad_value(x);
	if (has_message(x) && !x->a->warns && strvec_add(&x->a->s->saved.bcc, x->text) < 0)
		return bad_value(x);
	return note(x, "bcc", "triggers BCC ", x->text);
}

static enum access_result
do_prepend(const struct action *x)
{
	size_t n = strcspn(x->text, ": \t");

	if (n == 0 || x->text[n] != ':')
		return bad_value(x);
	if (strcmp(x->a->s->where, "END-OF-MESSAGE") == 0) {
		log_warning("access table %s entry \"%s\" is ignored: the content has begun", x->class, x->word);
		return ACCESS_DUNNO;
	}
	if (has_message(x) && !x->a->warns && strvec_add(&x->a->s->saved.prepend, x->text) < 0)
		return bad_value(x);
	return note(x, "prepend", "triggers PREPEND ", x->text);
}

static enum access_result
do_warn(const struct action *x)
{
	log_action(x->a->s, "warn", x->text);
	return ACCESS_DUNNO;
}

static enum access_result
do_info(const struct action *x)
{
	log_action(x->a->s, "info", x->text);
	return ACCESS_DUNNO;
}

static enum access_result
do_dunno(const struct action *x)
{
	(void)x;
	return ACCESS_DUNNO;
}

static enum access_result
do_ok(const struct action *x)
{
	(void)x;
	return ACCESS_OK;
}

static const struct {
	const char *word;
	enum access_result (*run)(const struct action *x);
} actions[] = {
	{ "REJECT", do_reject }, { "DEFER", do_defer }, { "DEFER_IF_PERMIT", do_defer_if_permit }, { "DEFER_IF_REJECT", do_defer_if_reject },
	{ "HOLD", do_hold }, { "DISCARD", do_discard }, { "FILTER", do_filter }, { "REDIRECT", do_redirect }, { "BCC", do_bcc },
	{ "PREPEND", do_prepend }, { "WARN", do_warn }, { "INFO", do_info }, { "DUNNO", do_dunno }, { "OK", do_ok }, { "RELAY", do_ok },
};

static enum access_result
do_list(const struct action *x, const char *value)
{
	struct err err = ERR_INIT;
	const struct access_list *l = access_list_of_result(value, &err);
	const char *name = x->a->name, *class = x->a->class;
	enum access_result res;

	if (l == NULL) {
		log_warning("access table entry \"%s\" for %s %s: %s", value, x->class, x->name, err.text);
		return access_misconfigured(x->a, x->name, x->class);
	}
	x->a->name = x->name;
	x->a->class = x->class;
	res = access_eval(x->a, l);
	x->a->name = name;
	x->a->class = class;
	return res;
}

/* "450 text", "550 5.1.1 text"; other numbers permit. */
static enum access_result
do_number(const struct action *x)
{
	uint64_t code;

	if (strlen(x->word) == 3 && (x->word[0] == '4' || x->word[0] == '5') && num_parse_u64(x->word, 400, 599, &code) == 0)
		return refuse(x, (int)code, x->word[0] == '4' ? "4.7.1" : "5.7.1", x->text, "Access denied");
	return ACCESS_OK;
}

enum access_result
access_action(struct access *a, const char *value, const char *name, const char *class)
{
	size_t n;
	char *word;
	struct action x = { .a = a, .name = name, .class = class };

	value += strspn(value, " \t");
	n = strcspn(value, " \t");
	word = pool_strndup(a->pool, value, n);
	x.word = word;
	x.text = value + n + strspn(value + n, " \t");
	if (n == 0)
		return bad_value(&x);
	if (strspn(word, "0123456789") == n)
		return do_number(&x);
	for (size_t i = 0; i < COUNT_OF(actions); i++)
		if (ascii_casecmp(word, actions[i].word) == 0)
			return actions[i].run(&x);
	return do_list(&x, value);
}
