/* SPDX-License-Identifier: Apache-2.0 */
/*
 * param - the table of parameters: name, kind, default, bounds (records of params.tbl)
 */
#ifndef CONFIG_PARAM_H
#define CONFIG_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/params.h"

enum param_type {
	PARAM_STR, PARAM_PATH, PARAM_SERVICE, PARAM_TRANSPORT, PARAM_TABLE, PARAM_LIST, PARAM_KEYWORDS, PARAM_MATCH, PARAM_RESTRICTIONS,
	PARAM_RAW,	/* text that main.cf does not expand: the program does, when it uses it */
	PARAM_ENUM, PARAM_INT, PARAM_SIZE, PARAM_TIME, PARAM_BOOL,
};
enum param_status { PARAM_CURRENT, PARAM_DEPRECATED, PARAM_OBSOLETE, PARAM_PER_SERVICE };

struct param {
	const char *name;	/* of a family: what stands behind the service's name, "_time_limit" */
	const char *dflt;	/* unexpanded; NULL: computed */
	enum param_type type;
	char unit;		/* of a time without one: s, h, d */
	enum param_status status;
	bool nonempty;		/* the empty string is an error */
	bool own;		/* not one of Postfix's */
	bool used;		/* some program acts on it */
	int64_t min, max;	/* INT64_MIN, INT64_MAX: no bound; seconds for a time */
	const char *values;	/* words that are allowed, blank-separated, or NULL */
	const char *instead;	/* what took its place, or NULL */
};

extern const struct param param_table[P_COUNT];		/* sorted by name, indexed by enum conf_param */
extern const struct param param_families[];
extern const size_t param_families_count;

const struct param *param_find(const char *name);	/* NULL: no such parameter */
/* The family whose suffix name ends in ("slow_destination_rate_delay"), NULL when none.  *stem is the length of the
 * service's name in front. */
const struct param *param_find_family(const char *name, size_t *stem);
/* The known name that is most like a mistyped one, or NULL when none is near. */
const char *param_nearest(const char *name);

#endif
