/* SPDX-License-Identifier: Apache-2.0 */
/* print - output of postconf: plain, folded, JSON */
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "postconf.h"

#define LINE_LENGTH 80
#define ENTRY_LENGTH 79		/* of master.cf */

/* A string in JSON (RFC 8259 section 7); bytes that are no UTF-8 become '?'. */
static void
add_json(struct strbuf *out, const char *s)
{
	bool is_utf8 = utf8_is_valid(s, strlen(s));

	strbuf_addc(out, '"');
	for (; *s != '\0'; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == '"' || ch == '\\')
			strbuf_addf(out, "\\%c", ch);
		else if (ch < 0x20)
			strbuf_addf(out, "\\u%04x", ch);
		else
			strbuf_addc(out, ch > 127 && !is_utf8 ? '?' : (char)ch);
	}
	strbuf_addc(out, '"');
}

/* Words with one blank between; with fold, as many as fit on lines of that length, continuation lines indented. */
static void
add_words(struct strbuf *out, const char *s, size_t fold)
{
	const char *nl = strrchr(out->s, '\n');
	size_t column = nl != NULL ? strlen(nl + 1) : out->len;

	for (;;) {
		size_t n;

		while (ascii_is_space((unsigned char)*s))
			s++;
		if (*s == '\0')
			return;
		n = strcspn(s, " \t\r\n\v\f");
		if (fold > 0 && column > 4 && column + 1 + n > fold) {
			strbuf_adds(out, "\n    ");
			column = 4;
		} else if (column > 0) {
			strbuf_addc(out, ' ');
			column++;
		}
		strbuf_add(out, s, n);
		column += n;
		s += n;
	}
}

static void
print_json(const char *name, const char *value)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(MAX_OUTPUT), words = STRBUF_INIT(MAX_OUTPUT);

	add_words(&words, value, 0);
	strbuf_addc(&b, '{');
	add_json(&b, name);
	strbuf_adds(&b, ": ");
	add_json(&b, words.s);
	strbuf_adds(&b, "}\n");
	fwrite(b.s, 1, b.len, stdout);
}

void
print_pair(const struct options *o, const char *name, const char *value)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(MAX_OUTPUT);

	if (o->json) {
		print_json(name, value);
		return;
	}
	if (!o->no_names)
		strbuf_addf(&b, o->no_values ? "%s" : "%s =", name);
	if (!o->no_values)
		add_words(&b, value, o->fold ? LINE_LENGTH : 0);
	strbuf_addc(&b, '\n');
	fwrite(b.s, 1, b.len, stdout);
}

void
format_argument(const struct master_entry *e, size_t i, struct strbuf *out)
{
	const char *raw = e->raw.v[i];

	if (i > FIELD_COUNT && strcmp(e->raw.v[i - 1], "-o") == 0 && *raw == '{')
		strbuf_addf(out, strpbrk(e->argv.v[i - FIELD_COUNT], " \t{}") != NULL ? "{%s}" : "%s", e->argv.v[i - FIELD_COUNT]);
	else
		strbuf_adds(out, raw);
}

/* Options begin a line of their own; other arguments follow where they fit. */
static void
add_arguments(const struct master_entry *e, bool fold, struct strbuf *out)
{
	bool in_options = true;

	for (size_t i = FIELD_COUNT; i < e->raw.n; i++) {
		AUTO(strbuf_done) struct strbuf word = STRBUF_INIT(MAX_OUTPUT);
		bool is_setting = in_options && strcmp(e->raw.v[i], "-o") == 0 && i + 1 < e->raw.n;

		if (*e->raw.v[i] != '-')
			in_options = false;
		if (is_setting) {
			strbuf_adds(&word, "-o ");
			i++;
		}
		format_argument(e, i, &word);
		if (in_options && fold)
			strbuf_addf(out, "\n    %s", word.s);
		else
			add_words(out, word.s, fold ? ENTRY_LENGTH : 0);
	}
}

void
format_entry(const struct master_entry *e, bool fold, struct strbuf *out)
{
	static const size_t columns[FIELD_COUNT] = { 0, 11, 17, 25, 33, 41, 49, 57 };	/* a long field pushes the next ones */

	size_t start = out->len;

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (i > 0)
			strbuf_addc(out, ' ');
		while (out->len - start < columns[i])
			strbuf_addc(out, ' ');
		strbuf_adds(out, e->raw.v[i]);
	}
	add_arguments(e, fold, out);
	strbuf_addc(out, '\n');
}

void
print_entry(const struct options *o, const struct master_entry *e)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(MAX_OUTPUT);

	if (o->json) {
		AUTO(mem_free) char *key = mem_printf("%s/%s", e->raw.v[0], e->raw.v[1]);

		for (size_t i = 0; i < e->raw.n; i++) {
			if (i > 0)
				strbuf_addc(&b, ' ');
			format_argument(e, i, &b);
		}
		print_json(key, b.s);
		return;
	}
	format_entry(e, o->fold, &b);
	fwrite(b.s, 1, b.len, stdout);
}
