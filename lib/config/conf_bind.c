/* SPDX-License-Identifier: Apache-2.0 */
/* conf_bind - values as numbers, times and truths, into the fields of a struct */
#include <limits.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "config/conf_priv.h"

/* " (/etc/postfix/main.cf, line 7)" behind a complaint, when that is where the value comes from */
static int
add_place(struct conf *c, const char *name, struct err *err)
{
	const struct conf_setting *s = conf_find_setting(c, name);
	size_t n;

	if (err == NULL || s == NULL || s->line == 0)
		return -1;
	n = strlen(err->text);
	if (n + 1 < sizeof(err->text)) {
		AUTO(mem_free) char *place = mem_printf(" (%s, line %d)", c->path, s->line);
		size_t room = sizeof(err->text) - n - 1, len = strlen(place);

		if (len > room)
			len = room;
		memcpy(err->text + n, place, len);
		err->text[n + len] = '\0';
	}
	return -1;
}

static int64_t
unit_ms(char unit)
{
	switch (unit) {
	case 's': return 1000;
	case 'm': return INT64_C(60) * 1000;
	case 'h': return INT64_C(3600) * 1000;
	case 'd': return INT64_C(86400) * 1000;
	case 'w': return INT64_C(604800) * 1000;
	default: return 0;
	}
}

/* A number of seconds that fits an int, as Postfix has it: what is larger is a mistake. */
int
conf_parse_time(const char *s, char default_unit, uint64_t *out_ms)
{
	size_t digits = strspn(s, "0123456789");
	int64_t n = 0, ms;

	ms = unit_ms(s[digits] != '\0' ? (char)ascii_lower((unsigned char)s[digits]) : default_unit);
	if (digits == 0 || digits > 12 || ms == 0 || (s[digits] != '\0' && s[digits + 1] != '\0'))
		return -1;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (s[i] - '0');
	if (n > INT_MAX || n * (ms / 1000) > INT_MAX)
		return -1;
	*out_ms = (uint64_t)(n * ms);
	return 0;
}

static int
parse_int(const char *name, const char *value, int64_t min, int64_t max, bool is_size, int64_t *out, struct err *err)
{
	int64_t n;

	if (num_parse_i64(value, is_size ? INT64_MIN : INT_MIN, is_size ? INT64_MAX : INT_MAX, &n) < 0)
		return err_set(err, ERR_CONF, NULL, "bad numerical configuration: %s = %s", name, value);
	if (n < min)
		return err_set(err, ERR_CONF, NULL, "invalid %s parameter value %lld < %lld", name, (long long)n, (long long)min);
	if (n > max)
		return err_set(err, ERR_CONF, NULL, "invalid %s parameter value %lld > %lld", name, (long long)n, (long long)max);
	*out = n;
	return 0;
}

static int
parse_time(const char *name, const char *value, char unit, int64_t min_s, int64_t max_s, uint64_t *out, struct err *err)
{
	int64_t s;

	if (conf_parse_time(value, unit, out) < 0)
		return err_set(err, ERR_CONF, NULL, "parameter %s: bad time value or unit: %s", name, value);
	s = (int64_t)(*out / 1000);
	if (s < min_s)
		return err_set(err, ERR_CONF, NULL, "invalid %s: %lld (min %lld)", name, (long long)s, (long long)min_s);
	if (s > max_s)
		return err_set(err, ERR_CONF, NULL, "invalid %s: %lld (max %lld)", name, (long long)s, (long long)max_s);
	return 0;
}

static int
parse_bool(const char *name, const char *value, bool *out, struct err *err)
{
	*out = ascii_casecmp(value, "yes") == 0;
	if (!*out && ascii_casecmp(value, "no") != 0)
		return err_set(err, ERR_CONF, NULL, "bad boolean configuration: %s = %s", name, value);
	return 0;
}

static int
bind_value(const struct param *p, enum conf_kind kind, const char *value, void *field, struct err *err)
{
	if (*value == '\0' && p->nonempty && kind <= CONF_KIND_RAW)
		return err_set(err, ERR_CONF, NULL, "bad string length 0 < 1: %s = ", p->name);
	switch (kind) {
	case CONF_KIND_STR:
	case CONF_KIND_RAW:
	case CONF_KIND_ENUM:
		*(const char **)field = value;
		return 0;
	case CONF_KIND_INT:
	case CONF_KIND_SIZE:
		return parse_int(p->name, value, p->min, p->max, p->type == PARAM_SIZE, field, err);
	case CONF_KIND_TIME:
		return parse_time(p->name, value, p->unit, p->min, p->max, field, err);
	case CONF_KIND_BOOL:
		return parse_bool(p->name, value, field, err);
	}
	return err_set(err, ERR_CONF, NULL, "parameter %s: unknown kind of field", p->name);
}

/* Later look-ups by name have no way to complain: a value of the built-in ones that cannot be expanded ends it here. */
static int
check_values(struct conf *c, struct err *err)
{
	struct map_iter it = { 0 };
	const char *value;

	if (c->is_checked)
		return 0;
	while (map_next(c->settings, &it))
		if (param_find(it.key) != NULL && conf_value(c, it.key, &value, err) < 0) {
			(void)err_prefix(err, "parameter %s: ", it.key);
			return add_place(c, it.key, err);
		}
	c->is_checked = true;
	return 0;
}

static int
bind_one(struct conf *c, const struct conf_bind *b, void *field, struct err *err)
{
	const struct param *p = &param_table[b->param];
	const char *value;

	if (b->kind == CONF_KIND_RAW) {
		value = conf_raw(c, p->name);
		if (value == NULL)
			value = p->dflt;
	}
	if (b->kind != CONF_KIND_RAW || value == NULL)
		if (conf_value(c, p->name, &value, err) < 0)
			return err_prefix(err, "parameter %s: ", p->name);
	return bind_value(p, b->kind, value, field, err);
}

int
conf_bind(struct conf *c, const struct conf_bind *binds, size_t n, void *obj, struct err *err)
{
	if (check_values(c, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (bind_one(c, &binds[i], (char *)obj + binds[i].offset, err) < 0)
			return add_place(c, param_table[binds[i].param].name, err);
	return 0;
}

int
conf_get_int(struct conf *c, const char *name, int64_t dflt, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	const char *value;

	if (conf_value(c, name, &value, err) < 0)
		return add_place(c, name, err);
	if (value == NULL) {
		*out = dflt;
		return 0;
	}
	return parse_int(name, value, min, max, true, out, err) < 0 ? add_place(c, name, err) : 0;
}

int
conf_get_time(struct conf *c, const char *name, char default_unit, uint64_t dflt_ms, uint64_t *out_ms, struct err *err)
{
	const char *value;

	if (conf_value(c, name, &value, err) < 0)
		return add_place(c, name, err);
	if (value == NULL) {
		*out_ms = dflt_ms;
		return 0;
	}
	return parse_time(name, value, default_unit, INT64_MIN, INT64_MAX, out_ms, err) < 0 ? add_place(c, name, err) : 0;
}

int
conf_get_bool(struct conf *c, const char *name, bool dflt, bool *out, struct err *err)
{
	const char *value;

	if (conf_value(c, name, &value, err) < 0)
		return add_place(c, name, err);
	if (value == NULL) {
		*out = dflt;
		return 0;
	}
	return parse_bool(name, value, out, err) < 0 ? add_place(c, name, err) : 0;
}

/* The record of "<transport>_<suffix>": one of its own (local_destination_concurrency_limit) or the family's. */
static const struct param *
find_family_value(struct conf *c, const char *name, const char **value, struct err *err)
{
	const struct param *p = param_find(name);
	size_t stem;

	if (p == NULL)
		p = param_find_family(name, &stem);
	if (p == NULL) {
		(void)err_set(err, ERR_CONF, NULL, "%s: there is no such family of parameters", name);
		return NULL;
	}
	return conf_value(c, name, value, err) < 0 ? NULL : p;
}

int
conf_family_int(struct conf *c, const char *transport, const char *suffix, int64_t *out, struct err *err)
{
	AUTO(mem_free) char *name = mem_printf("%s_%s", transport, suffix);
	const char *value;
	const struct param *p = find_family_value(c, name, &value, err);

	if (p == NULL || parse_int(name, value, p->min, p->max, false, out, err) < 0)
		return add_place(c, name, err);
	return 0;
}

int
conf_family_time(struct conf *c, const char *transport, const char *suffix, uint64_t *out_ms, struct err *err)
{
	AUTO(mem_free) char *name = mem_printf("%s_%s", transport, suffix);
	const char *value;
	const struct param *p = find_family_value(c, name, &value, err);

	if (p == NULL || parse_time(name, value, p->unit, p->min, p->max, out_ms, err) < 0)
		return add_place(c, name, err);
	return 0;
}
