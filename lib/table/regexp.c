/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regexp: POSIX extended regular expressions of the C library
 *
 * Its matcher has no limit of time or stack, so subjects are bounded and, inside a task, it runs on a worker's stack rather than
 * the task's small one.
 */
#include <regex.h>
#include <string.h>

#include "base/mem.h"
#include "table/table_priv.h"
#include "task/task.h"

enum { SUBJECT_MAX = 128 << 10, GROUPS_MAX = 100 };

struct code {
	regex_t re;
	size_t n_groups;	/* with the whole match */
};

struct scratch {
	regmatch_t v[GROUPS_MAX];
	size_t n;
	const char *subject;
};

static bool
set_flags(const struct table *t, const struct pattern_rule *r, int *options)
{
	for (const char *p = r->flags; *p != '\0'; p++) {
		switch (*p) {
		case 'i': *options ^= REG_ICASE; break;
		case 'm': *options ^= REG_NEWLINE; break;
		case 'x': *options ^= REG_EXTENDED; break;
		default:
			rule_warn(t, r->line_no, "unknown regexp option \"%c\": skipping this rule", *p);
			return false;
		}
	}
	return true;
}

static void *
regexp_compile_one(const struct table *t, const struct pattern_rule *r, unsigned *max_group)
{
	int options = REG_EXTENDED | REG_ICASE, e;
	struct code *c;

	if (!set_flags(t, r, &options))
		return NULL;
	c = NEW(struct code);
	e = regcomp(&c->re, r->pattern, options);
	if (e != 0) {
		char text[256];

		regerror(e, &c->re, text, sizeof(text));
		rule_warn(t, r->line_no, "%s", text);
		mem_free(&c);
		return NULL;
	}
	c->n_groups = c->re.re_nsub + 1 < GROUPS_MAX ? c->re.re_nsub + 1 : GROUPS_MAX;
	*max_group = (unsigned)c->n_groups - 1;
	return c;
}

static void
regexp_free_one(void *code)
{
	struct code *c = code;

	regfree(&c->re);
	mem_free(&c);
}

static int
regexp_match_one(void *arg, void *code, const char *key, size_t len UNUSED, struct err *err)
{
	struct scratch *s = arg;
	struct code *c = code;
	int e = regexec(&c->re, key, c->n_groups, s->v, 0);

	if (e == REG_NOMATCH)
		return 0;
	if (e != 0) {
		char text[256];

		regerror(e, &c->re, text, sizeof(text));
		return err_set(err, ERR_TEMP, "4.3.0", "%s", text);
	}
	s->subject = key;
	s->n = c->n_groups;
	return 1;
}

static const char *
regexp_group(const void *arg, unsigned n, size_t *len)
{
	const struct scratch *s = arg;

	*len = 0;
	if (n >= s->n || s->v[n].rm_so < 0)
		return NULL;
	*len = (size_t)(s->v[n].rm_eo - s->v[n].rm_so);
	return s->subject + s->v[n].rm_so;
}

static const struct pattern_engine engine = {
	.compile = regexp_compile_one, .free = regexp_free_one, .match = regexp_match_one, .group = regexp_group,
};

static int
regexp_open(struct table *t, struct err *err)
{
	t->state = patterns_load(t, &engine, err);
	return t->state == NULL ? -1 : 0;
}

static void
regexp_close(struct table *t)
{
	struct patterns *p = t->state;

	patterns_free(&p);
	t->state = NULL;
}

struct job {
	const struct patterns *patterns;
	const char *key;
	size_t len;
	struct strbuf *value;
	struct err *err;
	struct scratch scratch;
	int result;
};

static void
run(void *arg)
{
	struct job *j = arg;

	j->result = patterns_lookup(j->patterns, &j->scratch, j->key, j->len, j->value, j->err);
}

static int
regexp_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	struct err local = ERR_INIT;
	struct job j = { .patterns = t->state, .key = key, .len = len, .value = value, .err = &local };

	if (len > SUBJECT_MAX)
		return err_set(err, ERR_TEMP, "4.3.0", "regexp map %s: the text to match is longer than %d bytes", t->name,
		    SUBJECT_MAX);
	if (task_self() != NULL)
		task_offload(run, &j);
	else
		run(&j);
	if (j.result < 0)
		return err_set(err, local.class, local.dsn, "regexp map %s, %s", t->name, local.text);
	return j.result;
}

const struct table_driver table_regexp = {
	.type = "regexp", .open = regexp_open, .close = regexp_close, .lookup = regexp_lookup,
};
