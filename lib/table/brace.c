/* SPDX-License-Identifier: Apache-2.0 */
/* Lists with { } groups as they appear in the names of tables. */
#include <string.h>

#include "base/ascii.h"
#include "table/table_priv.h"

static bool
is_sep(int c)
{
	return c == ',' || ascii_is_space(c);
}

char *
brace_next(char **pos)
{
	char *p = *pos, *start;
	size_t depth = 0;

	while (is_sep((unsigned char)*p))
		p++;
	if (*p == '\0')
		return NULL;
	for (start = p; *p != '\0' && (depth > 0 || !is_sep((unsigned char)*p)); p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && depth > 0)
			depth--;
	}
	if (*p != '\0')
		*p++ = '\0';
	*pos = p;
	return start;
}

/* The brace that closes the one at s, or NULL. */
static char *
closing(char *s)
{
	size_t depth = 0;

	for (; *s != '\0'; s++) {
		if (*s == '{')
			depth++;
		else if (*s == '}' && --depth == 0)
			return s;
	}
	return NULL;
}

int
brace_strip(char **text, struct err *err)
{
	char *s = *text, *end;

	if (*s != '{')
		return err_set(err, ERR_CONF, NULL, "no '{' at start of text in \"%.200s\"", s);
	end = closing(s);
	if (end == NULL)
		return err_set(err, ERR_CONF, NULL, "missing '}' in \"%.200s\"", s);
	if (end[1 + strspn(end + 1, " \t\r\n")] != '\0')
		return err_set(err, ERR_CONF, NULL, "syntax error after '}' in \"%.200s\"", s);
	*end = '\0';
	*text = ascii_trim(s + 1);
	return 0;
}
