/* SPDX-License-Identifier: Apache-2.0 */
/* texthash: the source text itself, read into memory at start; later changes are not noticed. */
#include <errno.h>
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "table/source.h"
#include "table/table_priv.h"

static void
add_line(struct table *t, struct memtab *m, char *line, unsigned line_no)
{
	char *key, *value;

	switch (source_split(line, &key, &value)) {
	case SOURCE_QUOTE:
		log_warning("%s, line %u: unbalanced '\"' in '%.100s' -- ignoring this line", t->name, line_no, line);
		return;
	case SOURCE_FORMAT:
		log_warning("%s, line %u: expected format: key whitespace value -- ignoring this line", t->name, line_no);
		return;
	case SOURCE_OK:
		break;
	}
	if (key[strlen(key) - 1] == ':')
		log_warning("%s, line %u: record is in \"key: value\" format; is this an alias file?", t->name, line_no);
	if ((t->flags & TABLE_FOLD) != 0)
		ascii_lower_str(key);
	if (memtab_has(m, key))
		log_warning("%s, line %u: duplicate entry: \"%s\"", t->name, line_no, key);
	else
		memtab_put(m, key, value);
}

static int
texthash_open(struct table *t, struct err *err)
{
	AUTO(source_free) struct source *src = source_open(t->name, err);
	struct memtab *m;
	unsigned line_no;
	char *line;
	int r;

	if (src == NULL) {
		errno = err->sys;
		return err_sys(err, "open database %s", t->name);
	}
	m = memtab_new();
	t->state = m;
	while ((r = source_line(src, &line, &line_no, err)) == 1)
		add_line(t, m, line, line_no);
	return r;
}

const struct table_driver table_texthash = {
	.type = "texthash", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL,
	.open = texthash_open, .close = memtab_close, .lookup = memtab_lookup, .each = memtab_each,
};
