/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_helo - HELO and EHLO: RFC 5321 section 4.1.1.1. */
#include "smtpd/smtpd.h"

#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

/* The name goes into logs, headers and replies: what could be taken for syntax there becomes '?'. */
static void
set_helo(struct session *s, const char *name)
{
	mem_free(&s->helo);
	s->helo = mem_strdup(name);
	ascii_printable(s->helo, conf.smtputf8);
	for (char *p = s->helo; *p != 0; p++)
		if (strchr(" \t<>()\\\";@", *p) != NULL)
			*p = '?';
}

static int
greeted(struct session *s, const char *args, bool is_esmtp)
{
	session_reset_mail(s);
	s->is_esmtp = is_esmtp;
	set_helo(s, args);
	if (access_helo(s) < 0) {
		(void)reply_verdict(s);
		return -1;
	}
	s->state = ST_READY;
	return 0;
}

int
cmd_helo(struct session *s, char *args)
{
	if (*args == 0)
		return reply(s, 501, NULL, "Syntax: HELO hostname");
	if (greeted(s, args, false) < 0)
		return -1;
	return reply(s, 250, NULL, "%s", conf.myhostname);
}

/* smtpd_discard_ehlo_keyword_address_maps goes before the list for all. */
static unsigned
discarded(struct session *s)
{
	AUTO(strbuf_done) struct strbuf v = STRBUF_INIT(1000);
	int rc;

	if (env.ehlo_maps == NULL || table_list_is_empty(env.ehlo_maps))
		return env.discard;
	rc = table_list_lookup(env.ehlo_maps, s->addr, &v, NULL);
	return rc == 1 ? smtp_ehlo_mask(v.s, NULL) : rc == 0 ? env.discard : ~0U;
}

int
cmd_ehlo(struct session *s, char *args)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(2000);
	unsigned mask, bit;
	const char *name;

	if (*args == 0)
		return reply(s, 501, NULL, "Syntax: EHLO hostname");
	if (greeted(s, args, true) < 0)
		return -1;
	s->discard = discarded(s);
	(void)strbuf_adds(&b, conf.myhostname);
	for (mask = env.offered & ~s->discard; (name = smtp_ehlo_name(mask, &bit)) != NULL; mask &= ~bit) {
		(void)strbuf_addf(&b, "\n%s", name);
		if (bit == SMTP_EXT_SIZE && conf.size_limit > 0)
			(void)strbuf_addf(&b, " %lld", (long long)conf.size_limit);
	}
	return reply(s, 250, NULL, "%s", b.s);
}
