/* SPDX-License-Identifier: Apache-2.0 */
/* check - header_checks, mime_header_checks, nested_header_checks, body_checks: one look-up a line, and what its result asks for */
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"

enum { LOG_TEXT_MAX = 200, RESULT_MAX = 100000 };

/* "ID: ACTION: header TEXT from CLIENT; from=<S> to=<R> proto=P helo=<H>: text" */
static void
log_check(const struct message *m, const char *action, const char *name, const char *line, const char *text)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(20000);

	strbuf_addf(&b, "%s: %s: %s %.*s from %s;", message_id_of(m), action, name, LOG_TEXT_MAX, line, m->origin != NULL ? m->origin : "local");
	strbuf_adds(&b, " from=<");
	addr_quote(&b, m->sender != NULL ? m->sender : "");
	strbuf_addc(&b, '>');
	if (m->last_rcpt != NULL) {
		strbuf_adds(&b, " to=<");
		addr_quote(&b, m->last_rcpt);
		strbuf_addc(&b, '>');
	}
	if (m->proto != NULL)
		strbuf_addf(&b, " proto=%s", m->proto);
	if (m->helo != NULL)
		strbuf_addf(&b, " helo=<%s>", m->helo);
	if (*text != '\0')
		strbuf_addf(&b, ": %s", text);
	log_info("%s", b.s);
}

void
check_refuse(struct message *m, const char *what, const char *line, size_t n)
{
	AUTO(mem_free) char *name = mem_printf("mime-error %s:", what);
	AUTO(mem_free) char *text = mem_strndup(line, n);

	if (m->status == 0)
		log_check(m, "reject", name, text, "");
	message_fail(m, CLEANUP_CONTENT, "5.6.0 %s", what);
}

struct check {
	struct message *m;
	const char *name, *line, *text;
	struct strbuf *out;
};

/* Each action: true when the line stays. */
static bool
do_reject(struct check *k)
{
	AUTO(mem_free) char *full = NULL;
	const char *text = *k->text != '\0' ? k->text : "message content rejected";
	size_t n = strspn(text, "0123456789.");
	bool has_dsn = n >= 5 && (text[0] == '4' || text[0] == '5') && text[1] == '.' && text[n] == ' ';

	full = has_dsn ? mem_strdup(text) : mem_printf("5.7.1 %s", text);
	log_check(k->m, "reject", k->name, k->line, full);
	message_fail(k->m, full[0] == '4' ? CLEANUP_DEFER : CLEANUP_CONTENT, "%s", full);
	return true;
}

static bool
do_warn(struct check *k)
{
	log_check(k->m, "warning", k->name, k->line, k->text);
	return true;
}

static bool
do_info(struct check *k)
{
	log_check(k->m, "info", k->name, k->line, k->text);
	return true;
}

static bool
do_hold(struct check *k)
{
	log_check(k->m, "hold", k->name, k->line, k->text);
	k->m->hold = true;
	return true;
}

static bool
do_discard(struct check *k)
{
	log_check(k->m, "discard", k->name, k->line, k->text);
	k->m->discard = k->m->skip_checks = true;
	return true;
}

static bool
do_pass(struct check *k)
{
	log_check(k->m, "pass", k->name, k->line, k->text);
	k->m->skip_checks = true;
	return true;
}

static bool
do_filter(struct check *k)
{
	if (strchr(k->text, ':') == NULL) {
		log_warning("%s: FILTER needs transport:destination, not \"%s\"", message_id_of(k->m), k->text);
		return true;
	}
	log_check(k->m, "filter", k->name, k->line, k->text);
	k->m->filter = pool_strdup(k->m->pool, k->text);
	return true;
}

static bool
do_redirect(struct check *k)
{
	if (strchr(k->text, '@') == NULL) {
		log_warning("%s: REDIRECT needs an address, not \"%s\"", message_id_of(k->m), k->text);
		return true;
	}
	log_check(k->m, "redirect", k->name, k->line, k->text);
	k->m->redirect = pool_strdup(k->m->pool, k->text);
	return true;
}

static bool
do_bcc(struct check *k)
{
	if (strchr(k->text, '@') == NULL) {
		log_warning("%s: BCC needs an address, not \"%s\"", message_id_of(k->m), k->text);
		return true;
	}
	log_check(k->m, "bcc", k->name, k->line, k->text);
	bcc_add(k->m, k->text, true);
	return true;
}

static bool
do_prepend(struct check *k)
{
	bool header = strcmp(k->name, "header") == 0;

	if (*k->text == '\0' || (header && header_name_len(k->text, strlen(k->text), NULL) == 0)) {
		log_warning("%s: PREPEND needs %s, not \"%s\"", message_id_of(k->m), header ? "a header" : "text", k->text);
		return true;
	}
	log_check(k->m, "prepend", k->name, k->line, k->text);
	header_put(k->m, k->text, strlen(k->text));
	return true;
}

static bool
do_replace(struct check *k)
{
	bool header = strcmp(k->name, "header") == 0;

	if (*k->text == '\0' || (header && header_name_len(k->text, strlen(k->text), NULL) == 0)) {
		log_warning("%s: REPLACE needs %s, not \"%s\"", message_id_of(k->m), header ? "a header" : "text", k->text);
		return true;
	}
	log_check(k->m, "replace", k->name, k->line, k->text);
	strbuf_adds(k->out, k->text);
	return true;
}

static bool
do_strip(struct check *k)
{
	log_check(k->m, "strip", k->name, k->line, k->text);
	return false;
}

static bool
do_ignore(struct check *k UNUSED)
{
	return false;
}

static bool
do_nothing(struct check *k UNUSED)
{
	return true;
}

static const struct {
	const char *name;
	bool (*act)(struct check *k);
} actions[] = {
	{ "REJECT", do_reject }, { "WARN", do_warn }, { "INFO", do_info }, { "HOLD", do_hold }, { "DISCARD", do_discard },
	{ "PASS", do_pass }, { "FILTER", do_filter }, { "REDIRECT", do_redirect }, { "BCC", do_bcc }, { "PREPEND", do_prepend },
	{ "REPLACE", do_replace }, { "STRIP", do_strip }, { "IGNORE", do_ignore }, { "DUNNO", do_nothing }, { "OK", do_nothing },
};

static bool
act(struct check *k, const char *result)
{
	size_t n = strcspn(result, " \t");

	k->text = result + n + strspn(result + n, " \t");
	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		if (strlen(actions[i].name) == n && ascii_ncasecmp(actions[i].name, result, n) == 0)
			return actions[i].act(k);
	}
	log_warning("%s: unknown command in %s_checks result: \"%s\"", message_id_of(k->m), k->name, result);
	return true;
}

bool
check_text(struct message *m, struct table_list *tables, const char *name, const char *text, size_t n, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf result = STRBUF_INIT(RESULT_MAX);
	AUTO(mem_free) char *line = NULL;
	struct check k = { .m = m, .name = name, .out = out };
	struct err err = ERR_INIT;
	int r;

	if ((m->flags & CLEANUP_CHECKS) == 0 || m->skip_checks || m->status != 0 || table_list_is_empty(tables))
		return true;
	k.line = line = mem_strndup(text, n);
	if ((r = table_list_lookup(tables, line, &result, &err)) == 0)
		return true;
	if (r < 0) {
		log_warning("%s: %s_checks lookup problem -- message not accepted, try again later: %s", message_id_of(m), name, err.text);
		message_fail(m, CLEANUP_DEFER, "4.3.0 %s_checks lookup problem", name);
		return true;
	}
	return act(&k, result.s);
}
