/* SPDX-License-Identifier: Apache-2.0 */
/* footer - the lines that the administrator adds to refusals. */
#include "smtpd/footer.h"

#include "smtpd/macro.h"

enum { FOOTER_MAX = 2000 };

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
	macro_expand(s, footer + (joins ? 2 : 0), NULL, 0, &out);
	if (!joins)
		(void)strbuf_addc(text, '\n');
	(void)strbuf_adds(text, out.s);
}
