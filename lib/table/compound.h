/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compound - the tables inside "unionmap:{t1:n1, t2:n2}" and "pipemap:{...}"
 */
#ifndef TABLE_COMPOUND_H
#define TABLE_COMPOUND_H

#include "table/table_priv.h"

/* open, close, is_stale and takes_partial of both types; t->state is a struct table_list. */
int compound_open(struct table *t, struct err *err);
void compound_close(struct table *t);
bool compound_is_stale(struct table *t);
bool compound_takes_partial(const struct table *t);

#endif
