/* SPDX-License-Identifier: Apache-2.0 */
/* conf_priv - what the files of this folder know about a struct conf */
#ifndef CONFIG_CONF_PRIV_H
#define CONFIG_CONF_PRIV_H

#include "base/map.h"
#include "base/pool.h"
#include "base/strbuf.h"
#include "config/conf.h"
#include "config/param.h"

#define CONF_VALUE_MAX ((size_t)1 << 20)

struct conf_setting {
	const char *raw;
	int line;		/* in main.cf; 0: by -o or conf_set */
};

struct conf {
	char *dir;		/* "" for a text */
	char *path;		/* of main.cf, for messages */
	struct map *settings;	/* name -> struct conf_setting, in pool */
	struct map *expanded;	/* name -> value, in pool: dropped when a setting changes, while the strings stay */
	struct pool *pool;
	struct strvec warnings;	/* of the file as such: a name set twice */
	unsigned depth;		/* values being expanded within values */
	bool show_only;		/* myorigin stays the path it may be */
	bool is_checked;	/* every built-in value set was expanded once */
};

/* 0 with *value NULL when name is neither set nor known. */
NODISCARD int conf_value(struct conf *c, const char *name, const char **value, struct err *err);
/* Default of a parameter whose record says computed. */
NODISCARD int conf_computed(struct conf *c, const struct param *p, struct strbuf *out, struct err *err);
const struct conf_setting *conf_find_setting(const struct conf *c, const char *name);

#endif
