/* SPDX-License-Identifier: Apache-2.0 */
/* param - finding a record of the table of parameters by name, exactly or nearly */
#include "config/param.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 100	/* longer names are compared with nothing */

static int
compare_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct param *)item)->name);
}

const struct param *
param_find(const char *name)
{
	return bsearch(name, param_table, P_COUNT, sizeof(param_table[0]), compare_name);
}

const struct param *
param_find_family(const char *name, size_t *stem)
{
	const struct param *best = NULL;
	size_t len = strlen(name), best_len = 0;

	for (size_t i = 0; i < param_families_count; i++) {
		const char *suffix = param_families[i].name;
		size_t n = strlen(suffix);

		if (n > best_len && len > n && strcmp(name + len - n, suffix) == 0) {
			best = &param_families[i];
			best_len = n;
		}
	}
	if (best != NULL)
		*stem = len - best_len;
	return best;
}

/* Levenshtein distance with one row; gives up above limit. */
static int
edit_distance(const char *a, const char *b, int limit)
{
	int row[NAME_MAX_LEN + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN || (la > lb ? la - lb : lb - la) > (size_t)limit)
		return limit + 1;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= la; i++) {
		int diag = row[0], least = row[0] = (int)i;

		for (size_t j = 1; j <= lb; j++) {
			int up = row[j], d = diag + (a[i - 1] != b[j - 1]);

			diag = up;
			if (up + 1 < d)
				d = up + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			row[j] = d;
			if (d < least)
				least = d;
		}
		if (least > limit)
			return limit + 1;
	}
	return row[lb];
}

const char *
param_nearest(const char *name)
{
	const char *best = NULL;
	int limit = strlen(name) < 8 ? 1 : strlen(name) < 16 ? 2 : 3;

	for (size_t i = 0; i < P_COUNT && limit >= 0; i++) {
		int d = edit_distance(name, param_table[i].name, limit);

		if (d <= limit) {
			best = param_table[i].name;
			limit = d - 1;
		}
	}
	return best;
}
