/* SPDX-License-Identifier: Apache-2.0 */
/* The operands of a pipe service: flags=, user=, ... argv=. */
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "pipe.h"

enum { EOL_MAX = 100 };

static const struct {
	char letter;
	enum pipe_flag flag;
} letters[] = {
	{ 'B', PIPE_BLANK }, { 'D', PIPE_DELIVERED }, { 'F', PIPE_FROM }, { 'O', PIPE_ORIGINAL }, { 'R', PIPE_RETURN_PATH }, { 'X', PIPE_FINAL },
	{ 'h', PIPE_FOLD_HOST }, { 'q', PIPE_QUOTE }, { 'u', PIPE_FOLD_USER }, { '.', PIPE_DOT }, { '>', PIPE_QUOTE_FROM },
};

void
pipe_opts_init(struct pipe_opts *o)
{
	*o = (struct pipe_opts){ .null_sender = "MAILER-DAEMON" };
	strbuf_init(&o->eol, EOL_MAX);
	strbuf_adds(&o->eol, "\n");
	strvec_init(&o->argv, PIPE_ARGS_MAX);
}

void
pipe_opts_done(struct pipe_opts *o)
{
	strbuf_done(&o->eol);
	strvec_done(&o->argv);
}

static int
set_flags(struct pipe_opts *o, const char *s, struct err *err)
{
	o->flags = 0;
	for (; *s != '\0'; s++) {
		size_t i = 0;

		while (i < COUNT_OF(letters) && letters[i].letter != *s)
			i++;
		if (i == COUNT_OF(letters))
			return err_set(err, ERR_CONF, NULL, "unknown flag: %c", *s);
		o->flags |= letters[i].flag;
	}
	return 0;
}

/* One character behind a backslash, or up to three octal digits; returns what is behind it. */
static const char *
unescape(const char *s, char *c)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
	const char *p = *s != '\0' ? strchr(from, *s) : NULL;
	unsigned value = 0;
	int n = 0;

	if (p != NULL) {
		*c = to[p - from];
		return s + 1;
	}
	for (; n < 3 && s[n] >= '0' && s[n] <= '7'; n++)
		value = value * 8 + (unsigned)(s[n] - '0');
	*c = n > 0 ? (char)(unsigned char)value : '\\';
	return s + n;
}

static int
set_eol(struct pipe_opts *o, const char *s, struct err *err)
{
	strbuf_reset(&o->eol);
	while (*s != '\0') {
		char c = *s++;

		if (c == '\\')
			s = unescape(s, &c);
		if (c == '\0')
			return err_set(err, ERR_CONF, NULL, "eol= may not have a NUL byte");
		(void)strbuf_addc(&o->eol, c);
	}
	if (o->eol.len == 0 || o->eol.overflow)
		return err_set(err, ERR_CONF, NULL, "eol= must have 1 to %d characters", EOL_MAX);
	return 0;
}

static int
set_size(struct pipe_opts *o, const char *s, struct err *err)
{
	uint64_t n;

	if (num_parse_u64(s, 0, INT64_MAX, &n) < 0)
		return err_set(err, ERR_CONF, NULL, "bad size specification: %.80s", s);
	o->size_limit = (int64_t)n;
	return 0;
}

static int
set_argv(struct pipe_opts *o, const char *s)
{
	o->has_argv = true;
	return *s != '\0' ? strvec_add(&o->argv, s) : 0;
}

static int
set_text(const char **field, const char *s)
{
	*field = s;
	return 0;
}

int
pipe_opts_add(struct pipe_opts *o, const char *arg, struct err *err)
{
	const char *eq = strchr(arg, '='), *value = eq != NULL ? eq + 1 : "";
	size_t n = eq != NULL ? (size_t)(eq - arg) : 0;

	if (o->has_argv)
		return strvec_add(&o->argv, arg) < 0 ? err_set(err, ERR_CONF, NULL, "more than %d arguments", PIPE_ARGS_MAX) : 0;
#define IS(name) (n == sizeof(name) - 1 && memcmp(arg, name, n) == 0)
	if (IS("flags"))
		return set_flags(o, value, err);
	if (IS("user"))
		return set_text(&o->user, value);
	if (IS("null_sender"))
		return set_text(&o->null_sender, value);
	if (IS("directory"))
		return set_text(&o->dir, value);
	if (IS("chroot"))
		return set_text(&o->chroot, value);
	if (IS("eol"))
		return set_eol(o, value, err);
	if (IS("size"))
		return set_size(o, value, err);
	if (IS("argv"))
		return set_argv(o, value);
#undef IS
	return err_set(err, ERR_CONF, NULL, "unknown attribute name: %.200s", arg);
}

int
pipe_opts_check(const struct pipe_opts *o, struct err *err)
{
	if (o->user == NULL || *o->user == '\0')
		return err_set(err, ERR_CONF, NULL, "missing user= command-line attribute");
	if (o->argv.n == 0)
		return err_set(err, ERR_CONF, NULL, "missing argv= command-line attribute");
	return 0;
}
