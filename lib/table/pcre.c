/* SPDX-License-Identifier: Apache-2.0 */
/* pcre: PCRE2 patterns, compiled to machine code when the table is opened, matched with limits on a stack of their own. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/mem.h"
#include "table/table_priv.h"

/* A hostile subject and a careless pattern together cost at most some 10 ms, then the look-up fails (temporarily). */
enum { MATCH_LIMIT = 1000000, HEAP_LIMIT_KB = 20000, DEPTH_LIMIT = 10000, JIT_STACK_MIN = 32 << 10, JIT_STACK_MAX = 1 << 20 };

struct scratch {
	const char *name;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *jit_stack;
	const char *subject;
	int n_groups;
};

struct pcre {
	struct patterns *patterns;
	struct scratch scratch;
};

static bool
set_flags(const struct table *t, const struct pattern_rule *r, uint32_t *options)
{
	for (const char *p = r->flags; *p != '\0'; p++) {
		switch (*p) {
		case 'i': *options ^= PCRE2_CASELESS; break;
		case 'm': *options ^= PCRE2_MULTILINE; break;
		case 's': *options ^= PCRE2_DOTALL; break;
		case 'x': *options ^= PCRE2_EXTENDED; break;
		case 'A': *options ^= PCRE2_ANCHORED; break;
		case 'E': *options ^= PCRE2_DOLLAR_ENDONLY; break;
		case 'U': *options ^= PCRE2_UNGREEDY; break;
		case 'X': break;	/* unknown escapes are errors in PCRE2 anyway */
		default:
			rule_warn(t, r->line_no, "unknown regexp option \"%c\": skipping this rule", *p);
			return false;
		}
	}
	return true;
}

static void *
pcre_compile_one(const struct table *t, const struct pattern_rule *r, unsigned *max_group)
{
	uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL, groups = 0;
	PCRE2_SIZE at;
	pcre2_code *code;
	int e;

	if (!set_flags(t, r, &options))
		return NULL;
	code = pcre2_compile((PCRE2_SPTR)r->pattern, PCRE2_ZERO_TERMINATED, options, &e, &at, NULL);
	if (code == NULL) {
		PCRE2_UCHAR text[256] = "";

		pcre2_get_error_message(e, text, sizeof(text));
		rule_warn(t, r->line_no, "error in regex at offset %zu: %s", (size_t)at, (const char *)text);
		return NULL;
	}
	/* without JIT support the interpreter does it, with the same limits */
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	if (pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups) != 0)
		groups = 0;
	*max_group = groups;
	return code;
}

static void
pcre_free_one(void *code)
{
	pcre2_code_free(code);
}

static const char *
limit_text(int rc)
{
	switch (rc) {
	case PCRE2_ERROR_MATCHLIMIT:
		return "backtracking limit exceeded";
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
	case PCRE2_ERROR_JIT_STACKLIMIT:
		return "memory limit of matching exceeded";
	default:
		return NULL;
	}
}

static int
pcre_match_one(void *arg, void *code, const char *key, size_t len, struct err *err)
{
	struct scratch *s = arg;
	int rc = pcre2_match(code, (PCRE2_SPTR)key, len, 0, 0, s->data, s->context);

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0) {
		const char *text = limit_text(rc);

		if (text == NULL)
			return err_set(err, ERR_TEMP, "4.3.0", "matching failed with error %d", rc);
		return err_set(err, ERR_TEMP, "4.3.0", "%s", text);
	}
	s->subject = key;
	s->n_groups = rc > 0 ? rc : (int)pcre2_get_ovector_count(s->data);
	return 1;
}

static const char *
pcre_group(const void *arg, unsigned n, size_t *len)
{
	const struct scratch *s = arg;
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->data);

	*len = 0;
	if ((int)n >= s->n_groups || v[2 * n] == PCRE2_UNSET || v[2 * n + 1] < v[2 * n])
		return NULL;
	*len = v[2 * n + 1] - v[2 * n];
	return s->subject + v[2 * n];
}

static const struct pattern_engine engine = {
	.compile = pcre_compile_one, .free = pcre_free_one, .match = pcre_match_one, .group = pcre_group,
};

static void
pcre_close(struct table *t)
{
	struct pcre *p = t->state;

	patterns_free(&p->patterns);
	pcre2_match_data_free(p->scratch.data);
	pcre2_match_context_free(p->scratch.context);
	pcre2_jit_stack_free(p->scratch.jit_stack);
	mem_free(&t->state);
}

static int
pcre_open(struct table *t, struct err *err)
{
	struct pcre *p = NEW(struct pcre);
	struct scratch *s = &p->scratch;

	t->state = p;
	s->data = pcre2_match_data_create(100, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->jit_stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	if (s->data == NULL || s->context == NULL)
		return err_set(err, ERR_TEMP, NULL, "%s: out of memory", t->spec);
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KB);
	pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
	if (s->jit_stack != NULL)
		pcre2_jit_stack_assign(s->context, NULL, s->jit_stack);
	p->patterns = patterns_load(t, &engine, err);
	return p->patterns == NULL ? -1 : 0;
}

static int
pcre_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	struct pcre *p = t->state;
	int r = patterns_lookup(p->patterns, &p->scratch, key, len, value, err);

	return r < 0 ? err_prefix(err, "pcre map %s, ", t->name) : r;
}

const struct table_driver table_pcre = { .type = "pcre", .open = pcre_open, .close = pcre_close, .lookup = pcre_lookup };
