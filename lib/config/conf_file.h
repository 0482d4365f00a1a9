/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_file - logical lines of main.cf and master.cf
 *
 * A line that begins with a blank continues the line before it; lines that are empty or whose first text is '#' are
 * left out, also between a line and its continuation.
 */
#ifndef CONFIG_CONF_FILE_H
#define CONFIG_CONF_FILE_H

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

#define CONF_FILE_MAX ((size_t)8 << 20)
#define CONF_LINE_MAX ((size_t)1 << 20)

struct conf_lines {
	const char *next;	/* text not read yet, NUL-terminated */
	int next_line;		/* its number, from 1 */
	int line;		/* number of the first line of the logical line read last */
};

void conf_lines_init(struct conf_lines *l, const char *text);
/* 1 with the logical line in out (no newline, no trailing blanks), 0 at the end, -1 when a line is too long.  A line that
 * begins with a blank though there is nothing to continue is handed out as it is. */
NODISCARD int conf_lines_next(struct conf_lines *l, struct strbuf *out, struct err *err);

#endif
