/* SPDX-License-Identifier: Apache-2.0 */
/* listing - the queue as mailq prints it, and as JSON lines */
#ifndef POSTQUEUE_LISTING_H
#define POSTQUEUE_LISTING_H

#include <stdbool.h>
#include <stdio.h>

#include "source.h"

/* Copies what comes from src to out until the end of the listing. */
NODISCARD int listing_text(struct source *src, FILE *out, bool long_ids, struct err *err);
NODISCARD int listing_json(struct source *src, FILE *out, struct err *err);

#endif
