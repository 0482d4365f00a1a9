/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand - $name and ${...} in text, with values from a function
 *
 *	$name $(name) ${name}			the value, empty when undefined
 *	${name?text} ${name?{text}}		text when the value is not empty
 *	${name:text} ${name:{text}}		text when the value is empty
 *	${name?{text1}:{text2}}			one or the other
 *	${{text1} == {text2} ? {x} : {y}}	also != < <= >= > and the same with "level" behind (<level): versions such as 3.6
 *	${domain_to_ascii{text}}		the domain name in A-label form (RFC 5890)
 *	$$					a dollar sign
 *
 * Texts inside are expanded in their turn.  A lookup's value is taken as it is: who wants the values expanded too (main.cf)
 * does so in the function.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

/* 0, with *value NULL when the name is undefined; -1 fails the expansion.  The value lives until the expansion returns. */
typedef int expand_lookup_fn(void *arg, const char *name, const char **value, struct err *err);

struct expand {
	expand_lookup_fn *lookup;
	void *arg;
	const char *filter;	/* bytes of a value that are not in here become '_' (forward_expansion_filter ...); NULL: all may stay */
};

/* Appends to out, whose maximum bounds the result.  Nesting and the number of steps are limited. */
NODISCARD int expand_text(const struct expand *e, const char *text, struct strbuf *out, struct err *err);
/* Calls fn for each name that text refers to, also in parts that an expansion would not take.  Errors end it silently. */
void expand_names(const char *text, void (*fn)(void *arg, const char *name), void *arg);
/* -1, 0, 1 as a is lower than, equal to or higher than b, "3.6" style; -2 when one is malformed */
int expand_compare_level(const char *a, const char *b);

#endif
