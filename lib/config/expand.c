/* SPDX-License-Identifier: Apache-2.0 */
/* expand - $name and ${...} in text, with values from a function */
#include "config/expand.h"

#include <dlfcn.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"

#define MAX_DEPTH 50		/* texts within texts */
#define MAX_STEPS 20000		/* references taken in one expansion */
#define MAX_NAME 200
#define MAX_OPERAND ((size_t)64 << 10)

/* Text between two pointers; never NUL-terminated. */
struct span {
	const char *p, *end;
};

struct run {
	const struct expand *e;
	void (*each_name)(void *arg, const char *name);		/* instead of expanding: expand_names */
	void *each_arg;
	unsigned depth, steps;
	struct err *err;
};

/* What follows the name or the comparison of a ${...} */
struct choice {
	bool has_then, has_else;
	struct span then, otherwise;
};

static int expand_span(struct run *r, struct span s, struct strbuf *out);

static int
syntax_error(struct run *r, const char *expected, struct span whole, const char *at)
{
	int before = (int)(at - whole.p), after = (int)(whole.end - at);

	if (before > 20)
		before = 20;
	return err_set(r->err, ERR_CONF, NULL, "%s at: \"...%.*s>>>%.*s\"", expected, before, at - before, after > 40 ? 40 : after, at);
}

static void
skip_space(struct span *s)
{
	while (s->p < s->end && ascii_is_space((unsigned char)*s->p))
		s->p++;
}

static struct span
trim_space(struct span s)
{
	skip_space(&s);
	while (s.end > s.p && ascii_is_space((unsigned char)s.end[-1]))
		s.end--;
	return s;
}

/* s->p is at an opening bracket: what is inside, s->p behind the closing one.  NULL-ended: no partner. */
static bool
take_group(struct span *s, char open, char close, struct span *inner)
{
	int level = 0;

	for (const char *p = s->p; p < s->end; p++) {
		if (*p == open)
			level++;
		else if (*p == close && --level == 0) {
			*inner = (struct span){ s->p + 1, p };
			s->p = p + 1;
			return true;
		}
	}
	return false;
}

static bool
take_braces(struct span *s, struct span *inner)
{
	if (!take_group(s, '{', '}', inner))
		return false;
	*inner = trim_space(*inner);
	return true;
}

static bool
at_brace(struct span *s)
{
	struct span look = *s;

	skip_space(&look);
	if (look.p == look.end || *look.p != '{')
		return false;
	*s = look;
	return true;
}

/* "?x", ":y", "?{x}", ":{y}", "?{x}:{y}" or nothing.  Without braces a text reaches to the end. */
static int
parse_choice(struct run *r, struct span s, struct choice *c)
{
	struct span whole = s;

	*c = (struct choice){ 0 };
	skip_space(&s);
	if (s.p == s.end)
		return 0;
	if (*s.p == '?') {
		s.p++;
		c->has_then = true;
		if (!at_brace(&s)) {
			c->then = s;
			return 0;
		}
		if (!take_braces(&s, &c->then))
			return syntax_error(r, "\"}\" expected", whole, s.p);
		skip_space(&s);
		if (s.p == s.end)
			return 0;
		if (*s.p != ':')
			return syntax_error(r, "\":\" expected", whole, s.p);
	}
	if (*s.p != ':')
		return syntax_error(r, "\"?\" or \":\" expected", whole, s.p);
	s.p++;
	c->has_else = true;
	if (!at_brace(&s)) {
		c->otherwise = s;
		return 0;
	}
	if (!take_braces(&s, &c->otherwise))
		return syntax_error(r, "\"}\" expected", whole, s.p);
	skip_space(&s);
	return s.p == s.end ? 0 : syntax_error(r, "end of text expected", whole, s.p);
}

static void
add_filtered(struct run *r, const char *value, struct strbuf *out)
{
	if (r->e->filter == NULL) {
		strbuf_adds(out, value);
		return;
	}
	for (; *value != '\0'; value++)
		strbuf_addc(out, strchr(r->e->filter, *value) != NULL ? *value : '_');
}

/* value NULL or empty: the else part; a name scan visits both. */
static int
take_choice(struct run *r, const struct choice *c, const char *value, struct strbuf *out)
{
	bool is_set = value != NULL && *value != '\0';

	if (r->each_name != NULL) {
		if (c->has_then && expand_span(r, c->then, out) < 0)
			return -1;
		return c->has_else ? expand_span(r, c->otherwise, out) : 0;
	}
	if (c->has_then && is_set)
		return expand_span(r, c->then, out);
	if (c->has_else && !is_set)
		return expand_span(r, c->otherwise, out);
	if (!c->has_then && !c->has_else && is_set)
		add_filtered(r, value, out);
	return 0;
}

static int
parse_level(const char *s, long part[3])
{
	for (int i = 0; i < 3; i++) {
		char *end;

		part[i] = 0;
		if (*s == '\0' && i > 0)
			continue;
		if (!ascii_is_digit((unsigned char)*s))
			return -1;
		part[i] = strtol(s, &end, 10);
		s = end;
		if (*s == '.' && i < 2 && s[1] != '\0')
			s++;
		else if (*s != '\0')
			return -1;
	}
	return 0;
}

int
expand_compare_level(const char *a, const char *b)
{
	long x[3], y[3];

	if (parse_level(a, x) < 0 || parse_level(b, y) < 0)
		return -2;
	for (int i = 0; i < 3; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int
compare_text(const char *a, const char *b)
{
	int64_t x, y;
	int c;

	if (num_parse_i64(a, 0, INT64_MAX, &x) == 0 && num_parse_i64(b, 0, INT64_MAX, &y) == 0)
		return x < y ? -1 : x > y;
	c = strcmp(a, b);
	return c < 0 ? -1 : c > 0;
}

enum { IS_LESS = 1, IS_EQUAL = 2, IS_MORE = 4 };
static const struct {
	const char *text;
	int truth;
} operators[] = {
	{ "==", IS_EQUAL }, { "!=", IS_LESS | IS_MORE }, { "<=", IS_LESS | IS_EQUAL }, { ">=", IS_MORE | IS_EQUAL },
	{ "<", IS_LESS }, { ">", IS_MORE },
};

static int
parse_operator(struct span *s, bool *is_level)
{
	for (size_t i = 0; i < COUNT_OF(operators); i++) {
		size_t n = strlen(operators[i].text);

		if ((size_t)(s->end - s->p) < n || memcmp(s->p, operators[i].text, n) != 0)
			continue;
		s->p += n;
		*is_level = s->end - s->p >= 5 && memcmp(s->p, "level", 5) == 0;
		if (*is_level)
			s->p += 5;
		skip_space(s);
		return s->p < s->end && *s->p == '{' ? operators[i].truth : 0;
	}
	return 0;
}

/* {text} operator {text} at s->p; *value is "true" or "" */
static int
take_comparison(struct run *r, struct span *s, const char **value)
{
	AUTO(strbuf_done) struct strbuf left = STRBUF_INIT(MAX_OPERAND), right = STRBUF_INIT(MAX_OPERAND);
	struct span whole = *s, a, b, at;
	bool is_level = false;
	int truth, c;

	if (!take_braces(s, &a))
		return syntax_error(r, "\"}\" expected", whole, s->p);
	skip_space(s);
	at = *s;
	truth = parse_operator(s, &is_level);
	if (truth == 0)
		return syntax_error(r, "\"==\", \"!=\", \"<\", \"<=\", \">=\" or \">\" expected", whole, at.p);
	if (!take_braces(s, &b))
		return syntax_error(r, "\"}\" expected", whole, s->p);
	if (expand_span(r, a, &left) < 0 || expand_span(r, b, &right) < 0)
		return -1;
	*value = "";
	if (r->each_name != NULL)
		return 0;
	c = is_level ? expand_compare_level(left.s, right.s) : compare_text(left.s, right.s);
	if (c == -2)
		return err_set(r->err, ERR_CONF, NULL, "malformed compatibility level syntax: \"%s\"",
		    expand_compare_level(left.s, left.s) == -2 ? left.s : right.s);
	if (truth & (c < 0 ? IS_LESS : c > 0 ? IS_MORE : IS_EQUAL))
		*value = "true";
	return 0;
}

/*
 * The library comes in when a name needs it: every command reads main.cf, hardly one meets such a name, and sendmail and
 * postdrop start for each message.
 */
static int
add_ascii_domain(struct run *r, const char *name, struct strbuf *out)
{
	void *lib = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL);
	int (*convert)(const char *, char **, int);
	void (*release)(void *);
	char *ascii = NULL;
	int rc = -1;

	if (lib == NULL)
		return err_set(r->err, ERR_CONF, NULL, "%.200s: libidn2 is needed for domain_to_ascii", name);
	*(void **)&convert = dlsym(lib, "idn2_to_ascii_8z");
	*(void **)&release = dlsym(lib, "idn2_free");
	if (convert != NULL && release != NULL)
		rc = convert(name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	strbuf_adds(out, rc == IDN2_OK ? ascii : name);
	if (rc == IDN2_OK)
		release(ascii);
	dlclose(lib);
	return 0;
}

static int
take_domain_to_ascii(struct run *r, struct span arg, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF_INIT(1000);

	if (expand_span(r, arg, &name) < 0)
		return -1;
	return ascii_is_all(name.s, name.len) ? strbuf_adds(out, name.s) : add_ascii_domain(r, name.s, out);
}

static int
lookup_name(struct run *r, const char *name, const char **value)
{
	*value = NULL;
	if (++r->steps > MAX_STEPS)
		return err_set(r->err, ERR_CONF, NULL, "too many references in one value");
	if (r->each_name != NULL) {
		r->each_name(r->each_arg, name);
		return 0;
	}
	return r->e->lookup(r->e->arg, name, value, r->err);
}

static int
take_name(struct run *r, struct span *s, char name[MAX_NAME])
{
	size_t n = 0;

	while (s->p + n < s->end && (ascii_is_alnum((unsigned char)s->p[n]) || s->p[n] == '_'))
		n++;
	if (n == 0)
		return err_set(r->err, ERR_CONF, NULL, "empty macro name: \"$%.*s\"", (int)(s->end - s->p > 80 ? 80 : s->end - s->p), s->p);
	if (n >= MAX_NAME)
		return err_set(r->err, ERR_CONF, NULL, "name too long: \"%.40s...\"", s->p);
	memcpy(name, s->p, n);
	name[n] = '\0';
	s->p += n;
	return 0;
}

/* The inside of ${...} or $(...) */
static int
expand_group(struct run *r, struct span s, struct strbuf *out)
{
	struct span whole = s;
	struct choice choice;
	const char *value;
	char name[MAX_NAME];

	skip_space(&s);
	if (s.p < s.end && *s.p == '{') {
		if (take_comparison(r, &s, &value) < 0 || parse_choice(r, s, &choice) < 0)
			return -1;
		return take_choice(r, &choice, value, out);
	}
	if (take_name(r, &s, name) < 0)
		return -1;
	if (strcmp(name, "domain_to_ascii") == 0 && at_brace(&s)) {
		struct span arg;

		if (!take_braces(&s, &arg))
			return syntax_error(r, "\"}\" expected", whole, s.p);
		return take_domain_to_ascii(r, arg, out);
	}
	skip_space(&s);
	if (s.p < s.end && *s.p != '?' && *s.p != ':')
		return syntax_error(r, "attribute name syntax error", whole, s.p);
	if (parse_choice(r, s, &choice) < 0 || lookup_name(r, name, &value) < 0)
		return -1;
	return take_choice(r, &choice, value, out);
}

/* s->p is behind a dollar sign */
static int
expand_reference(struct run *r, struct span *s, struct strbuf *out)
{
	char name[MAX_NAME];
	const char *value;
	struct span inner;

	if (s->p < s->end && *s->p == '$') {
		strbuf_addc(out, '$');
		s->p++;
		return 0;
	}
	if (s->p < s->end && (*s->p == '{' || *s->p == '(')) {
		if (!take_group(s, *s->p, *s->p == '{' ? '}' : ')', &inner))
			return err_set(r->err, ERR_CONF, NULL, "truncated macro reference: \"$%.*s\"",
			    (int)(s->end - s->p > 80 ? 80 : s->end - s->p), s->p);
		return expand_group(r, inner, out);
	}
	if (take_name(r, s, name) < 0 || lookup_name(r, name, &value) < 0)
		return -1;
	if (value != NULL)
		add_filtered(r, value, out);
	return 0;
}

static int
expand_span(struct run *r, struct span s, struct strbuf *out)
{
	int rc = 0;

	if (++r->depth > MAX_DEPTH)
		return err_set(r->err, ERR_CONF, NULL, "unreasonable macro call nesting: \"%.*s\"", (int)(s.end - s.p > 80 ? 80 : s.end - s.p), s.p);
	while (s.p < s.end && rc == 0) {
		const char *dollar = memchr(s.p, '$', (size_t)(s.end - s.p));

		if (dollar == NULL)
			dollar = s.end;
		if (r->each_name == NULL)
			strbuf_add(out, s.p, (size_t)(dollar - s.p));
		s.p = dollar;
		if (s.p < s.end) {
			s.p++;
			rc = expand_reference(r, &s, out);
		}
		if (out->overflow)
			rc = err_set(r->err, ERR_CONF, NULL, "expanded text is longer than %zu bytes", out->max);
	}
	r->depth--;
	return rc;
}

int
expand_text(const struct expand *e, const char *text, struct strbuf *out, struct err *err)
{
	struct run r = { .e = e, .err = err };

	return expand_span(&r, (struct span){ text, text + strlen(text) }, out);
}

void
expand_names(const char *text, void (*fn)(void *arg, const char *name), void *arg)
{
	AUTO(strbuf_done) struct strbuf sink = STRBUF_INIT(MAX_OPERAND);
	struct run r = { .each_name = fn, .each_arg = arg };
	struct err ignored;

	r.err = &ignored;
	if (expand_span(&r, (struct span){ text, text + strlen(text) }, &sink) < 0)
		return;
}
