/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source - the text form of tables: logical lines, and "key value" split as postmap does
 *
 * A line that begins with blanks continues the one before; empty lines and lines whose first other byte is # are left out, also
 * between continuation lines.  Blocks: for start-up and commands.
 *
 *	AUTO(source_free) struct source *s = source_open(path, &err);
 *	while ((r = source_line(s, &line, &line_no, &err)) == 1) ...
 */
#ifndef TABLE_SOURCE_H
#define TABLE_SOURCE_H

#include <sys/stat.h>

#include "base/attr.h"
#include "base/err.h"

struct source;
NODISCARD struct source *source_open(const char *path, struct err *err);
NODISCARD struct source *source_open_fd(int fd, const char *name);	/* takes fd */
void source_free(struct source **sp);
int source_fd(const struct source *s);
const char *source_name(const struct source *s);
/* Next logical line, trailing blanks taken off; line_no is that of its first line.  The text may be changed and lives until the next
 * call.  1, 0 at end, -1.  A first line that begins with blanks, or holds a NUL byte, is left out with a warning. */
NODISCARD int source_line(struct source *s, char **line, unsigned *line_no, struct err *err);

enum source_split {
	SOURCE_OK,
	SOURCE_FORMAT,	/* not "key whitespace value" */
	SOURCE_QUOTE,	/* a double quote is not closed */
};
/* In place.  Blanks inside double quotes belong to the key, and the quotes stay. */
enum source_split source_split(char *line, char **key, char **value);

#endif
