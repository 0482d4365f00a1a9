/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alias_src - lines of an alias file, "name: value, value", as postalias stores them (aliases(5))
 *
 * Only the name is understood here; of the value no more than what words, quotes, comments and commas are, so that it is written in one
 * way: one blank between words and behind commas.  What a value means is the business of local.
 */
#ifndef TABLE_ALIAS_SRC_H
#define TABLE_ALIAS_SRC_H

#include "base/attr.h"
#include "base/strbuf.h"

/* key: the name with quotes where it needs them.  0, or -1 and *problem says what is wrong with the line. */
NODISCARD int alias_split(const char *line, struct strbuf *key, struct strbuf *value, const char **problem);
/* The name as it is looked up: first as an address would be written, with quotes where needed. */
void alias_quote(const char *name, struct strbuf *out);

#endif
