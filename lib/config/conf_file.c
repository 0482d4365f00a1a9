/* SPDX-License-Identifier: Apache-2.0 */
/* conf_file - logical lines of main.cf and master.cf */
#include "config/conf_file.h"

#include <string.h>

#include "base/ascii.h"

void
conf_lines_init(struct conf_lines *l, const char *text)
{
	*l = (struct conf_lines){ .next = text, .next_line = 1, .line = 0 };
}

static bool
is_comment(const char *s, const char *end)
{
	while (s < end && ascii_is_space((unsigned char)*s))
		s++;
	return s == end || *s == '#';
}

int
conf_lines_next(struct conf_lines *l, struct strbuf *out, struct err *err)
{
	bool has_text = false;

	strbuf_reset(out);
	while (*l->next != '\0') {
		const char *s = l->next, *end = strchr(s, '\n');

		if (end == NULL)
			end = s + strlen(s);
		if (!is_comment(s, end)) {
			if (has_text && !ascii_is_space((unsigned char)*s))
				break;
			if (!has_text)
				l->line = l->next_line;
			has_text = true;
			strbuf_add(out, s, (size_t)(end - s));
			if (out->overflow)
				return err_set(err, ERR_CONF, NULL, "line %d: longer than %zu bytes", l->line, out->max);
		}
		l->next = *end == '\n' ? end + 1 : end;
		l->next_line++;
	}
	while (out->len > 0 && ascii_is_space((unsigned char)out->s[out->len - 1]))
		strbuf_cut(out, out->len - 1);
	return has_text;
}
