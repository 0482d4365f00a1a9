/* SPDX-License-Identifier: Apache-2.0 */
/* footer - the lines that the administrator adds to refusals. */
#include "smtpd/footer.h"

#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/mem.h"

enum { FOOTER_MAX = 2000 };

static const char *
macro_value(struct session *s, const char *name, size_t n, char now[static CLOCK_SYSLOG_SIZE])
{
	const struct {
		const char *name, *value;
	} macros[] = {
		{ "client", s->who }, { "client_address", s->addr }, { "client_name", s->name }, { "client_port", s->port },
		{ "helo_name", s->helo }, { "sender", s->sender }, { "recipient", s->recipient }, { "server_name", conf.myhostname },
		{ "server_address", s->server_addr }, { "server_port", s->server_port }, { "localtime", now },
	};

	for (size_t i = 0; i < COUNT_OF(macros); i++)
		if (strlen(macros[i].name) == n && memcmp(macros[i].name, name, n) == 0)
			return macros[i].value != NULL ? macros[i].value : "";
	return NULL;
}

/* "$name", "${name}" and "$(name)"; what is unknown stays as it is. */
static const char *
add_macro(struct session *s, const char *p, struct strbuf *out)
{
	char now[CLOCK_SYSLOG_SIZE], close = p[1] == '{' ? '}' : p[1] == '(' ? ')' : 0;
	const char *name = p + (close != 0 ? 2 : 1), *end = name, *value;

	while (ascii_is_alnum(*end) || *end == '_')
		end++;
	if (end == name || (close != 0 && *end != close)) {
		(void)strbuf_addc(out, '$');
		return p + 1;
	}
	(void)clock_syslog(clock_wall_s(), now);
	value = macro_value(s, name, (size_t)(end - name), now);
	if (value != NULL)
		(void)strbuf_adds(out, value);
	return end + (close != 0);
}

static void
expand(struct session *s, const char *p, struct strbuf *out)
{
	while (*p != 0) {
		if (p[0] == '\\' && p[1] == 'n') {
			(void)strbuf_addc(out, '\n');
			p += 2;
		} else if (*p == '$') {
			p = add_macro(s, p, out);
		} else {
			(void)strbuf_addc(out, *p++);
		}
	}
}

void
footer_add(struct session *s, int code, const char *dsn, struct strbuf *text)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF_INIT(FOOTER_MAX), value = STRBUF_INIT(FOOTER_MAX), out = STRBUF_INIT(FOOTER_MAX);
	const char *footer = conf.footer;
	bool joins;

	if (env.footer_maps != NULL && !table_list_is_empty(env.footer_maps)) {
		(void)strbuf_addf(&key, "%d %s%s%s", code, dsn != NULL ? dsn : "", dsn != NULL ? " " : "", text->s);
		if (table_list_lookup(env.footer_maps, key.s, &value, NULL) == 1)
			footer = value.s;
	}
	if (footer == NULL || *footer == 0)
		return;
	joins = footer[0] == '\\' && footer[1] == 'c';
	expand(s, footer + (joins ? 2 : 0), &out);
	if (!joins)
		(void)strbuf_addc(text, '\n');
	(void)strbuf_adds(text, out.s);
}
