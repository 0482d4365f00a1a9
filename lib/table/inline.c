/* SPDX-License-Identifier: Apache-2.0 */
/* inline: a table written out in its own name, "inline:{ key = value, { key = text with blanks } }". */
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "table/table_priv.h"

static int
add_pair(struct table *t, struct memtab *m, char *word, struct err *err)
{
	struct err why = ERR_INIT;
	char *eq, *key;

	if (*word == '{' && brace_strip(&word, &why) < 0)
		return err_set(err, ERR_CONF, NULL, "%s: \"%s\"; need \"inline:{name=value...}\"", why.text, t->spec);
	eq = strchr(word, '=');
	if (eq == NULL)
		return err_set(err, ERR_CONF, NULL, "missing '=' after attribute name: \"%s\"; need \"inline:{name=value...}\"", t->spec);
	*eq = '\0';
	key = ascii_trim(word);
	if (*key == '\0')
		return err_set(err, ERR_CONF, NULL, "missing attribute name: \"%s\"; need \"inline:{name=value...}\"", t->spec);
	if ((t->flags & TABLE_FOLD) != 0)
		ascii_lower_str(key);
	memtab_put(m, key, ascii_trim(eq + 1));
	return 0;
}

static int
inline_open(struct table *t, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(t->name);
	struct memtab *m = memtab_new();
	char *text = copy, *word;
	bool any = false;

	t->state = m;
	if (brace_strip(&text, NULL) < 0)
		return err_set(err, ERR_CONF, NULL, "bad syntax: \"%s\"; need \"inline:{name=value...}\"", t->spec);
	while ((word = brace_next(&text)) != NULL) {
		any = true;
		if (add_pair(t, m, word, err) < 0)
			return -1;
	}
	if (!any)
		return err_set(err, ERR_CONF, NULL, "empty table: \"%s\"; need \"inline:{name=value...}\"", t->spec);
	return 0;
}

const struct table_driver table_inline = {
	.type = "inline", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL,
	.open = inline_open, .close = memtab_close, .lookup = memtab_lookup, .each = memtab_each,
};
