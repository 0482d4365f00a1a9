/* SPDX-License-Identifier: Apache-2.0 */
/* access_parse - the names of restrictions, and lists of them compiled from the configuration and from table results. */
#include "smtpd/access.h"

#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "smtpd/policy.h"

enum { LIST_MAX = 10000, RESULTS_MAX = 1000, SENDER = 1, RECIPIENT = 0 };

/* As there is no login and no client certificate yet, what looks at them finds none, as with any client that offers none. */
static const struct rule_kind kinds[] = {
	/* generic */
	{ "permit", rule_permit, ARG_NONE, RULE_FINAL, 0 },
	{ "reject", rule_reject, ARG_NONE, RULE_REFUSES | RULE_FINAL, 0 },
	{ "defer", rule_defer, ARG_NONE, RULE_REFUSES | RULE_FINAL, 0 },
	{ "defer_if_permit", rule_defer_if, ARG_NONE, RULE_REFUSES, 1 },
	{ "defer_if_reject", rule_defer_if, ARG_NONE, 0, 0 },
	{ "warn_if_reject", rule_warn_next, ARG_NONE, 0, 0 },
	{ "sleep", rule_sleep, ARG_NUMBER, 0, 0 },
	{ "reject_unauth_pipelining", rule_pipelining, ARG_NONE, 0, 0 },
	{ "reject_plaintext_session", rule_plaintext, ARG_NONE, 0, 0 },
	{ "reject_multi_recipient_bounce", rule_multi_bounce, ARG_NONE, 0, 0 },
	{ "check_policy_service", rule_policy, ARG_POLICY, 0, 0 },
	/* client */
	{ "permit_mynetworks", rule_mynetworks, ARG_NONE, RULE_PERMITS, 0 },
	{ "permit_inet_interfaces", rule_inet_interfaces, ARG_NONE, RULE_PERMITS, 0 },
	{ "permit_sasl_authenticated", rule_never, ARG_NONE, RULE_PERMITS, 0 },
	{ "permit_tls_clientcerts", rule_never, ARG_NONE, RULE_PERMITS, 0 },
	{ "permit_tls_all_clientcerts", rule_never, ARG_NONE, RULE_PERMITS, 0 },
	{ "permit_dnswl_client", rule_dnswl, ARG_RBL, RULE_PERMITS, RBL_ADDR },
	{ "permit_rhswl_client", rule_dnswl, ARG_RBL, RULE_PERMITS, RBL_CLIENT },
	{ "check_address_map", rule_check_client, ARG_TABLE, 0, 0 },
	{ "check_client_access", rule_check_client, ARG_TABLE, 0, 0 },
	{ "check_reverse_client_hostname_access", rule_check_client, ARG_TABLE, 0, 1 },
	{ "check_client_a_access", rule_check_host, ARG_TABLE, 0, HOST_BY_A * HOST_KINDS + HOST_CLIENT },
	{ "check_client_mx_access", rule_check_host, ARG_TABLE, 0, HOST_BY_MX * HOST_KINDS + HOST_CLIENT },
	{ "check_client_ns_access", rule_check_host, ARG_TABLE, 0, HOST_BY_NS * HOST_KINDS + HOST_CLIENT },
	{ "check_reverse_client_hostname_a_access", rule_check_host, ARG_TABLE, 0, HOST_BY_A * HOST_KINDS + HOST_REVERSE },
	{ "check_reverse_client_hostname_mx_access", rule_check_host, ARG_TABLE, 0, HOST_BY_MX * HOST_KINDS + HOST_REVERSE },
	{ "check_reverse_client_hostname_ns_access", rule_check_host, ARG_TABLE, 0, HOST_BY_NS * HOST_KINDS + HOST_REVERSE },
	{ "check_ccert_access", rule_never, ARG_WORD, 0, 0 },
	{ "check_sasl_access", rule_never, ARG_TABLE, 0, 0 },
	{ "reject_rbl_client", rule_rbl, ARG_RBL, 0, RBL_ADDR },
	{ "reject_rbl", rule_rbl, ARG_RBL, 0, RBL_ADDR },
	{ "reject_rhsbl_client", rule_rhsbl, ARG_RBL, 0, RBL_CLIENT },
	{ "reject_rhsbl_reverse_client", rule_rhsbl, ARG_RBL, 0, RBL_REVERSE },
	{ "reject_unknown_client_hostname", rule_unknown_client, ARG_NONE, 0, 0 },
	{ "reject_unknown_client", rule_unknown_client, ARG_NONE, 0, 0 },
	{ "reject_unknown_reverse_client_hostname", rule_unknown_reverse, ARG_NONE, 0, 0 },
	{ "reject_unknown_forward_client_hostname", rule_unknown_forward, ARG_NONE, 0, 0 },
	/* HELO */
	{ "check_helo_access", rule_check_helo, ARG_TABLE, 0, 0 },
	{ "check_helo_a_access", rule_check_host, ARG_TABLE, 0, HOST_BY_A * HOST_KINDS + HOST_HELO },
	{ "check_helo_mx_access", rule_check_host, ARG_TABLE, 0, HOST_BY_MX * HOST_KINDS + HOST_HELO },
	{ "check_helo_ns_access", rule_check_host, ARG_TABLE, 0, HOST_BY_NS * HOST_KINDS + HOST_HELO },
	{ "reject_invalid_helo_hostname", rule_invalid_helo, ARG_NONE, 0, 0 },
	{ "reject_invalid_hostname", rule_invalid_helo, ARG_NONE, 0, 0 },
	{ "reject_non_fqdn_helo_hostname", rule_non_fqdn_helo, ARG_NONE, 0, 0 },
	{ "reject_non_fqdn_hostname", rule_non_fqdn_helo, ARG_NONE, 0, 0 },
	{ "reject_unknown_helo_hostname", rule_unknown_helo, ARG_NONE, 0, 0 },
	{ "reject_unknown_hostname", rule_unknown_helo, ARG_NONE, 0, 0 },
	{ "reject_rhsbl_helo", rule_rhsbl, ARG_RBL, 0, RBL_HELO },
	/* sender */
	{ "check_sender_access", rule_check_addr, ARG_TABLE, 0, SENDER },
	{ "check_sender_a_access", rule_check_host, ARG_TABLE, 0, HOST_BY_A * HOST_KINDS + HOST_SENDER },
	{ "check_sender_mx_access", rule_check_host, ARG_TABLE, 0, HOST_BY_MX * HOST_KINDS + HOST_SENDER },
	{ "check_sender_ns_access", rule_check_host, ARG_TABLE, 0, HOST_BY_NS * HOST_KINDS + HOST_SENDER },
	{ "reject_non_fqdn_sender", rule_non_fqdn_addr, ARG_NONE, 0, SENDER },
	{ "reject_unknown_sender_domain", rule_unknown_domain, ARG_NONE, 0, SENDER },
	{ "reject_unknown_address", rule_unknown_domain, ARG_NONE, 0, SENDER },
	{ "reject_unlisted_sender", rule_unlisted, ARG_NONE, 0, SENDER },
	{ "reject_unverified_sender", NULL, ARG_NONE, 0, 0 },
	{ "reject_rhsbl_sender", rule_rhsbl, ARG_RBL, 0, RBL_SENDER },
	{ "reject_sender_login_mismatch", rule_login, ARG_NONE, 0, 0 },
	{ "reject_authenticated_sender_login_mismatch", rule_never, ARG_NONE, 0, 0 },
	{ "reject_known_sender_login_mismatch", rule_login, ARG_NONE, 0, 0 },
	{ "reject_unauthenticated_sender_login_mismatch", rule_login, ARG_NONE, 0, 0 },
	/* recipient */
	{ "check_recipient_access", rule_check_addr, ARG_TABLE, 0, RECIPIENT },
	{ "check_recipient_a_access", rule_check_host, ARG_TABLE, 0, HOST_BY_A * HOST_KINDS + HOST_RECIPIENT },
	{ "check_recipient_mx_access", rule_check_host, ARG_TABLE, 0, HOST_BY_MX * HOST_KINDS + HOST_RECIPIENT },
	{ "check_recipient_ns_access", rule_check_host, ARG_TABLE, 0, HOST_BY_NS * HOST_KINDS + HOST_RECIPIENT },
	{ "permit_auth_destination", rule_auth_destination, ARG_NONE, RULE_PERMITS, 0 },
	{ "reject_unauth_destination", rule_unauth_destination, ARG_NONE, RULE_REFUSES, 0 },
	{ "defer_unauth_destination", rule_defer_unauth, ARG_NONE, RULE_REFUSES, 0 },
	{ "permit_mx_backup", NULL, ARG_NONE, RULE_PERMITS, 0 },
	{ "reject_non_fqdn_recipient", rule_non_fqdn_addr, ARG_NONE, 0, RECIPIENT },
	{ "reject_unknown_recipient_domain", rule_unknown_domain, ARG_NONE, 0, RECIPIENT },
	{ "reject_unlisted_recipient", rule_unlisted, ARG_NONE, 0, RECIPIENT },
	{ "check_recipient_maps", rule_unlisted, ARG_NONE, 0, RECIPIENT },
	{ "reject_unverified_recipient", NULL, ARG_NONE, 0, 0 },
	{ "reject_rhsbl_recipient", rule_rhsbl, ARG_RBL, 0, RBL_RECIPIENT },
	/* ETRN */
	{ "check_etrn_access", rule_check_etrn, ARG_TABLE, 0, 0 },
};
static const struct rule_kind class_kind = { "restriction class", rule_class, ARG_NONE, 0, 0 };
static const struct rule_kind unbuilt_permit = { "not built", rule_never, ARG_NONE, RULE_PERMITS, 0 };

static struct {
	struct map *tables;	/* by "type:name": struct table_list */
	struct map *classes;	/* struct access_list */
	struct map *results;	/* lists that came out of tables */
	struct map *policies;	/* by endpoint: struct policy */
} opened;

static const struct rule_kind *
kind_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (ascii_casecmp(name, kinds[i].name) == 0)
			return &kinds[i];
	return NULL;
}

/* A bare "type:name" in a list means the check that belongs to the list. */
static const struct rule_kind *
implied_check(const char *param)
{
	if (strstr(param, "client") != NULL)
		return kind_find("check_client_access");
	if (strstr(param, "helo") != NULL)
		return kind_find("check_helo_access");
	if (strstr(param, "sender") != NULL)
		return kind_find("check_sender_access");
	if (strstr(param, "etrn") != NULL)
		return kind_find("check_etrn_access");
	return kind_find("check_recipient_access");
}

static struct table_list *
open_tables(const char *spec, bool may_open, struct err *err)
{
	struct table_list *l = map_get(opened.tables, spec);

	if (l != NULL)
		return l;
	if (!may_open) {
		(void)err_set(err, ERR_CONF, NULL, "table %s is not named in main.cf and so is not open", spec);
		return NULL;
	}
	l = table_list_open(spec, TABLE_FOLD, daemon_conf(), err);
	if (l == NULL)
		return NULL;
	for (size_t i = 0; i < table_list_count(l); i++)
		daemon_watch_table(table_list_at(l, i));
	(void)map_put(opened.tables, spec, l);
	return l;
}

/* Rules that name the same server share its connections. */
static struct policy *
open_policy(const char *spec, struct err *err)
{
	struct policy *p = map_get(opened.policies, spec);

	if (p == NULL && (p = policy_new(spec, err)) != NULL)
		(void)map_put(opened.policies, spec, p);
	return p;
}

static int
set_arg(struct rule *r, const char *arg, bool may_open, struct err *err)
{
	uint64_t n;

	if (arg == NULL)
		return err_set(err, ERR_CONF, NULL, "%s needs an argument", r->kind->name);
	r->arg = mem_strdup(arg);
	if (r->kind->arg == ARG_NUMBER) {
		if (num_parse_u64(arg, 0, 3600, &n) < 0)
			return err_set(err, ERR_CONF, NULL, "%s %s: a number from 0 to 3600 is expected", r->kind->name, arg);
		r->number = (int64_t)n;
	}
	if (r->kind->arg == ARG_RBL)
		return access_rbl_check(arg, err);
	if (r->kind->arg == ARG_POLICY)
		return (r->policy = open_policy(arg, err)) != NULL ? 0 : -1;
	if (r->kind->arg != ARG_TABLE || r->kind->fn == NULL)
		return 0;
	if (arg[0] == '{' || strchr(arg, ':') == NULL)
		return err_set(err, ERR_CONF, NULL, "%s %s: a table, \"type:name\", is expected", r->kind->name, arg);
	r->tables = open_tables(arg, may_open, err);
	return r->tables != NULL ? 0 : -1;
}

/* What is known and not built: a permit never permits, anything else must not be passed over in silence. */
static int
unbuilt(struct rule *r, struct err *err)
{
	if ((r->kind->flags & RULE_PERMITS) == 0)
		return err_set(err, ERR_CONF, NULL, "restriction %s is not part of this release", r->kind->name);
	log_warning("restriction %s is not part of this release: it never permits", r->kind->name);
	r->kind = &unbuilt_permit;
	return 0;
}

/* One rule from words[*i] on. */
static int
rule_parse(struct rule *r, const char *param, const struct strvec *words, size_t *i, bool may_open, struct err *err)
{
	const char *word = words->v[*i];
	const char *arg = NULL;

	r->kind = kind_find(word);
	if (r->kind == NULL && (r->class = map_get(opened.classes, word)) != NULL) {
		r->kind = &class_kind;
		return 0;
	}
	if (r->kind == NULL && strchr(word, ':') != NULL) {
		r->kind = implied_check(param);
		return set_arg(r, word, may_open, err);
	}
	if (r->kind == NULL && ascii_ncasecmp(word, "permit_", 7) == 0) {
		log_warning("unknown restriction %s: it never permits", word);
		r->kind = &unbuilt_permit;
		return 0;
	}
	if (r->kind == NULL)
		return err_set(err, ERR_CONF, NULL, "unknown restriction \"%s\"", word);
	if (r->kind->arg != ARG_NONE) {
		arg = *i + 1 < words->n ? words->v[++*i] : NULL;
		if (set_arg(r, arg, may_open, err) < 0)
			return -1;
	}
	return r->kind->fn == NULL ? unbuilt(r, err) : 0;
}

static void
list_done(struct access_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		mem_free(&l->rules[i].arg);
	mem_free(&l->rules);
	mem_free(&l->param);
}

static int
list_parse(struct access_list *l, const char *param, const char *value, bool may_open, struct err *err)
{
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(LIST_MAX);

	if (conf_split_list(value, &words, err) < 0)
		return -1;
	l->param = mem_strdup(param);
	l->rules = mem_alloc_array(words.n + 1, sizeof *l->rules);
	for (size_t i = 0; i < words.n; i++) {
		l->n++;
		if (rule_parse(&l->rules[l->n - 1], param, &words, &i, may_open, err) < 0)
			return -1;
	}
	return 0;
}

static void
maps_open(void)
{
	if (opened.tables != NULL)
		return;
	opened.tables = map_new();
	opened.classes = map_new();
	opened.results = map_new();
	opened.policies = map_new();
}

struct access_list *
access_list_open(const char *param, const char *value, struct err *err)
{
	struct access_list *l = NEW(struct access_list);

	maps_open();
	if (list_parse(l, param, value, true, err) == 0)
		return l;
	(void)err_prefix(err, "parameter %s: ", param);
	access_list_free(&l);
	return NULL;
}

void
access_list_free(struct access_list **lp)
{
	if (*lp == NULL)
		return;
	list_done(*lp);
	mem_free(lp);
}

static void
free_list(void *list)
{
	struct access_list *l = list;

	access_list_free(&l);
}

static void
free_tables(void *tables)
{
	struct table_list *l = tables;

	table_list_free(&l);
}

static void
free_policy(void *policy)
{
	struct policy *p = policy;

	policy_free(&p);
}

void
access_close(void)
{
	map_free(&opened.policies, free_policy);
	map_free(&opened.results, free_list);
	map_free(&opened.classes, free_list);
	map_free(&opened.tables, free_tables);
}

/* All names first: classes may name each other. */
int
access_classes_open(const char *names, struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(1000);

	maps_open();
	if (strvec_split(&v, names, ", \t\r\n") < 0)
		return err_set(err, ERR_CONF, NULL, "parameter smtpd_restriction_classes: too many names");
	for (size_t i = 0; i < v.n; i++)
		(void)map_put(opened.classes, v.v[i], NEW(struct access_list));
	for (size_t i = 0; i < v.n; i++) {
		const char *value = conf_get(daemon_conf(), v.v[i]);
		struct access_list *l = map_get(opened.classes, v.v[i]);

		if (value == NULL)
			return err_set(err, ERR_CONF, NULL, "restriction class %s: no such parameter in main.cf", v.v[i]);
		if (l->param == NULL && list_parse(l, v.v[i], value, true, err) < 0)
			return err_prefix(err, "restriction class %s: ", v.v[i]);
	}
	return 0;
}

const struct access_list *
access_list_of_result(const char *value, struct err *err)
{
	struct access_list *l = map_get(opened.results, value);

	if (l != NULL)
		return l;
	if (map_count(opened.results) >= RESULTS_MAX) {
		(void)err_set(err, ERR_TEMP, NULL, "more than %d different restriction lists in tables", RESULTS_MAX);
		return NULL;
	}
	l = NEW(struct access_list);
	if (list_parse(l, "table result", value, false, err) == 0) {
		(void)map_put(opened.results, value, l);
		return l;
	}
	access_list_free(&l);
	return NULL;
}

static bool
list_refuses(const struct access_list *l, unsigned depth)
{
	for (size_t i = 0; i < l->n && depth < ACCESS_DEPTH; i++) {
		const struct rule *r = &l->rules[i];

		if (r->kind->fn == rule_warn_next) {		/* what follows only warns */
			i++;
			continue;
		}
		if ((r->kind->flags & RULE_REFUSES) != 0 || (r->class != NULL && list_refuses(r->class, depth + 1)))
			return true;
		if ((r->kind->flags & RULE_FINAL) != 0)
			return false;
	}
	return false;
}

int
access_check_relay(struct err *err)
{
	if (list_refuses(env.lists[LIST_RELAY], 0) || list_refuses(env.lists[LIST_RECIPIENT], 0))
		return 0;
	return err_set(err, ERR_CONF, NULL, "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one "
	    "working instance of: reject_unauth_destination, defer_unauth_destination, reject, defer or defer_if_permit");
}
