/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf - main.cf as a daemon or command sees it
 *
 * Parameters are the records of params.tbl; a program binds those it uses to a struct and reads fields:
 *
 *	struct smtpd_conf { const char *banner; uint64_t timeout_ms; int64_t hard_limit; bool helo_required; };
 *	static const struct conf_bind binds[] = {
 *		CONF_BIND_STR(struct smtpd_conf, banner, smtpd_banner),
 *		CONF_BIND_TIME(struct smtpd_conf, timeout_ms, smtpd_timeout),	milliseconds
 *		CONF_BIND_INT(struct smtpd_conf, hard_limit, smtpd_hard_error_limit),
 *		CONF_BIND_BOOL(struct smtpd_conf, helo_required, smtpd_helo_required),
 *	};
 *
 * A name that is no parameter, or a field of the wrong type, does not compile.  Strings live as long as the conf.
 */
#ifndef CONFIG_CONF_H
#define CONFIG_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strvec.h"
#include "config/params.h"	/* generated: enum conf_param { P_smtpd_banner, ... } and their types */

struct conf;

/* Where the configuration is: -c DIR, else MAIL_CONFIG, else compiled in.  For set-gid callers of other users a foreign
 * directory must be listed in the default main.cf (alternate_config_directories, multi_instance_directories), else -1. */
NODISCARD int conf_find_dir(const char *option_c, bool is_setgid, const char **dir, struct err *err);
/* Reads DIR/main.cf.  Errors name file, line, what was read and what was expected. */
NODISCARD struct conf *conf_load(const char *dir, struct err *err);
NODISCARD struct conf *conf_load_text(const char *text, struct err *err);	/* tests, fuzzing */
void conf_free(struct conf **cp);
/* A setting by -o in master.cf or on a command line, as "name=value" or "{ name = value }"; also service parameters such as
 * "service_name", "process_name".  Beats main.cf. */
NODISCARD int conf_override(struct conf *c, const char *setting, struct err *err);
void conf_set(struct conf *c, const char *name, const char *value);
const char *conf_dir(const struct conf *c);

/* Expanded value by name at run time, for families such as <transport>_destination_concurrency_limit and user-defined
 * names.  NULL: neither set nor known. */
const char *conf_get(struct conf *c, const char *name);
const char *conf_raw(struct conf *c, const char *name);		/* unexpanded, NULL when not set in main.cf or by -o */
NODISCARD int conf_get_int(struct conf *c, const char *name, int64_t dflt, int64_t min, int64_t max, int64_t *out, struct err *err);
NODISCARD int conf_get_time(struct conf *c, const char *name, char default_unit, uint64_t dflt_ms, uint64_t *out_ms, struct err *err);
NODISCARD int conf_get_bool(struct conf *c, const char *name, bool dflt, bool *out, struct err *err);
/* Per transport: "<transport>_suffix" when set, else the parameter that the family names as its default. */
NODISCARD int conf_family_int(struct conf *c, const char *transport, const char *suffix, int64_t *out, struct err *err);
NODISCARD int conf_family_time(struct conf *c, const char *transport, const char *suffix, uint64_t *out_ms, struct err *err);
/* $name, ${name}, ${name?x}, ${name?{x}:{y}}, comparisons, $$ in any text.  Result is the caller's (mem_free). */
NODISCARD char *conf_expand(struct conf *c, const char *text, struct err *err);

enum conf_kind { CONF_KIND_STR, CONF_KIND_RAW, CONF_KIND_INT, CONF_KIND_TIME, CONF_KIND_SIZE, CONF_KIND_BOOL, CONF_KIND_ENUM };
struct conf_bind {
	enum conf_param param;
	enum conf_kind kind;
	size_t offset;
};
/* The sizeof division by zero-or-one makes a wrong field type a compile error. */
#define CONF_BIND_(st, field, name, k, type) { P_##name, k, \
	offsetof(st, field) + 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((st *)0)->field), type) ? 1 : -1]) }
#define CONF_BIND_STR(st, field, name)	CONF_BIND_(st, field, name, CONF_KIND_STR, const char *)
#define CONF_BIND_RAW(st, field, name)	CONF_BIND_(st, field, name, CONF_KIND_RAW, const char *)	/* unexpanded */
#define CONF_BIND_INT(st, field, name)	CONF_BIND_(st, field, name, CONF_KIND_INT, int64_t)
#define CONF_BIND_TIME(st, field, name)	CONF_BIND_(st, field, name, CONF_KIND_TIME, uint64_t)	/* ms */
#define CONF_BIND_BOOL(st, field, name)	CONF_BIND_(st, field, name, CONF_KIND_BOOL, bool)
/* Fill obj; the first wrong value is an error that names parameter, value, file and line, and what would be right. */
NODISCARD int conf_bind(struct conf *c, const struct conf_bind *binds, size_t n, void *obj, struct err *err);

/* "1h", "30s", "5d" with a default unit for bare numbers: milliseconds. */
NODISCARD int conf_parse_time(const char *s, char default_unit, uint64_t *out_ms);
/* Comma- and blank-separated list; { } group keeps blanks and commas together (braces of a group are kept). */
NODISCARD int conf_split_list(const char *s, struct strvec *out, struct err *err);
/* "{ name = value }" or "name = value": the parts, trimmed; braces within the value stay. In place. */
NODISCARD int conf_split_nameval(char *s, char **name, char **value, struct err *err);

/* Names set that nothing knows, names known but not acted on by this release: one line each for the log or postern check. */
void conf_warn(struct conf *c, void (*fn)(void *arg, const char *text), void *arg);

#endif
