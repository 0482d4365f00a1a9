/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - what to do about TLS without a TLS client: "may" goes in clear text, everything stronger waits
 */
#include "smtp.h"

#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "table/table.h"

static bool
is_weak(const char *level)
{
	return level[0] == '\0' || strcmp(level, "none") == 0 || strcmp(level, "may") == 0;
}

void
tls_warn(struct client *c, struct conf *conf)
{
	const char *kind = client_kind(c), *level = c->is_lmtp ? "lmtp_tls_security_level" : "smtp_tls_security_level";
	const struct smtp_conf *k = &c->conf;

	if (!is_weak(k->tls_level))
		log_warning("%s_tls_security_level = %s: this release has no TLS client: all mail is deferred", kind, k->tls_level);
	else if (strcmp(k->tls_level, "may") == 0 && conf_raw(conf, level) != NULL)
		log_warning("%s = may: this release has no TLS client: mail is sent in clear text", level);
	if (k->tls_wrapper || k->tls_enforce)
		log_warning("%s_%s = yes: this release has no TLS client: all mail is deferred", kind, k->tls_wrapper ? "tls_wrappermode" :
		    "enforce_tls");
	if (k->sasl_enable)
		log_warning("%s_sasl_auth_enable = yes: this release has no SASL client: servers that ask for authentication get no mail", kind);
}

static const char *
reason(const struct client *c, struct pool *pool, const char *what, const char *value)
{
	return pool_printf(pool, "TLS is required (%s_%s = %s), but this release has no TLS client", client_kind(c), what, value);
}

/* 1: the key has a policy that asks for TLS, 0: one that does not, 2: none, -1: cannot tell. */
static int
ask_policy(struct client *c, const char *key, struct strbuf *value, struct err *err)
{
	int rc;

	strbuf_reset(value);
	rc = table_list_lookup(c->tls_policy, key, value, err);
	if (rc <= 0)
		return rc < 0 ? -1 : 2;
	strbuf_cut(value, strcspn(value->s, ", \t\r\n"));
	return is_weak(value->s) ? 0 : 1;
}

/* The keys of compat: the nexthop as it is, without its port, then the parents of a plain domain. */
static int
ask_keys(struct client *c, const char *nexthop, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF_INIT(1000);
	const char *colon;
	int rc;

	strbuf_adds(&key, nexthop);
	ascii_lower_str(key.s);
	if ((rc = ask_policy(c, key.s, value, err)) != 2)
		return rc;
	colon = strrchr(key.s, ':');
	if (colon != NULL && strchr(colon, ']') == NULL) {
		strbuf_cut(&key, (size_t)(colon - key.s));
		if ((rc = ask_policy(c, key.s, value, err)) != 2)
			return rc;
	}
	if (key.s[0] == '[')
		return 0;
	for (const char *dot = strchr(key.s, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		if ((rc = ask_policy(c, dot, value, err)) != 2)
			return rc;
	return 0;
}

const char *
tls_obstacle(struct client *c, struct pool *pool, const char *nexthop)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(4096);
	struct err err = ERR_INIT;

	if (!is_weak(c->conf.tls_level))
		return reason(c, pool, "tls_security_level", c->conf.tls_level);
	if (c->conf.tls_wrapper)
		return reason(c, pool, "tls_wrappermode", "yes");
	if (c->conf.tls_enforce)
		return reason(c, pool, "enforce_tls", "yes");
	if (c->tls_policy == NULL || table_list_is_empty(c->tls_policy))
		return NULL;
	switch (ask_keys(c, nexthop, &value, &err)) {
	case 0:
		return NULL;
	case 1:
		return reason(c, pool, "tls_policy_maps", value.s);
	default:
		return pool_printf(pool, "TLS policy lookup error for %.200s: %.200s", nexthop, err.text);
	}
}
