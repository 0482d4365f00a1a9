/* SPDX-License-Identifier: Apache-2.0 */
/* conf_list - lists with { } groups, and "name = value" */
#include <string.h>

#include "base/ascii.h"
#include "config/conf.h"

static bool
is_separator(char ch)
{
	return ch == ',' || ascii_is_space((unsigned char)ch);
}

int
conf_split_list(const char *s, struct strvec *out, struct err *err)
{
	while (*s != '\0') {
		const char *start;
		int level = 0;

		if (is_separator(*s)) {
			s++;
			continue;
		}
		start = s;
		for (; *s != '\0' && (level > 0 || !is_separator(*s)); s++) {
			if (*s == '{')
				level++;
			else if (*s == '}' && level > 0)
				level--;
		}
		if (level > 0)
			return err_set(err, ERR_CONF, NULL, "missing '}' in \"%.80s\"", start);
		if (strvec_addn(out, start, (size_t)(s - start)) < 0)
			return err_set(err, ERR_CONF, NULL, "more than %zu items in a list", out->max);
	}
	return 0;
}

int
conf_split_nameval(char *s, char **name, char **value, struct err *err)
{
	char *end;

	s = ascii_trim(s);
	if (*s == '{') {
		size_t n = strlen(s);

		if (s[n - 1] != '}')
			return err_set(err, ERR_CONF, NULL, "missing '}' at the end of \"%.80s\"", s);
		s[n - 1] = '\0';
		s = ascii_trim(s + 1);
	}
	end = s + strcspn(s, "= \t\r\n\v\f");
	if (end == s)
		return err_set(err, ERR_CONF, NULL, "missing attribute name: \"%.80s\"", s);
	*value = end;
	while (ascii_is_space((unsigned char)**value))
		++*value;
	if (**value != '=')
		return err_set(err, ERR_CONF, NULL, "missing '=' after attribute name: \"%.80s\"", s);
	*value = ascii_trim(*value + 1);
	*end = '\0';
	*name = s;
	return 0;
}
