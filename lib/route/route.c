/* SPDX-License-Identifier: Apache-2.0 */
/* route - parameters, tables and lists of rewriting and resolution, with the options of the rewrite service */
#include "route/route.h"

#include <string.h>

#include "base/mem.h"
#include "config/master_cf.h"
#include "route/route_priv.h"

enum { NAMES_MAX = 1000 };	/* larger lists are tables */

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct route_conf, mydestination, mydestination),
	CONF_BIND_STR(struct route_conf, myhostname, myhostname),
	CONF_BIND_STR(struct route_conf, mydomain, mydomain),
	CONF_BIND_STR(struct route_conf, myorigin, myorigin),
	CONF_BIND_STR(struct route_conf, remote_domain, remote_header_rewrite_domain),
	CONF_BIND_STR(struct route_conf, empty_recipient, empty_address_recipient),
	CONF_BIND_STR(struct route_conf, delims, recipient_delimiter),
	CONF_BIND_STR(struct route_conf, relayhost, relayhost),
	CONF_BIND_STR(struct route_conf, local_transport, local_transport),
	CONF_BIND_STR(struct route_conf, virtual_transport, virtual_transport),
	CONF_BIND_STR(struct route_conf, relay_transport, relay_transport),
	CONF_BIND_STR(struct route_conf, default_transport, default_transport),
	CONF_BIND_STR(struct route_conf, null_relayhost_key, empty_address_relayhost_maps_lookup_key),
	CONF_BIND_STR(struct route_conf, null_transport_key, empty_address_default_transport_maps_lookup_key),
	CONF_BIND_STR(struct route_conf, transport_maps, transport_maps),
	CONF_BIND_STR(struct route_conf, sender_relayhost_maps, sender_dependent_relayhost_maps),
	CONF_BIND_STR(struct route_conf, sender_transport_maps, sender_dependent_default_transport_maps),
	CONF_BIND_STR(struct route_conf, relocated_maps, relocated_maps),
	CONF_BIND_STR(struct route_conf, alias_domains, virtual_alias_domains),
	CONF_BIND_STR(struct route_conf, mailbox_domains, virtual_mailbox_domains),
	CONF_BIND_STR(struct route_conf, relay_domains, relay_domains),
	CONF_BIND_STR(struct route_conf, parent_matches, parent_domain_matches_subdomains),
	CONF_BIND_BOOL(struct route_conf, swap_bangpath, swap_bangpath),
	CONF_BIND_BOOL(struct route_conf, percent_hack, allow_percent_hack),
	CONF_BIND_BOOL(struct route_conf, append_origin, append_at_myorigin),
	CONF_BIND_BOOL(struct route_conf, append_domain, append_dot_mydomain),
	CONF_BIND_BOOL(struct route_conf, dequoted, resolve_dequoted_address),
	CONF_BIND_BOOL(struct route_conf, numeric_domain, resolve_numeric_domain),
	CONF_BIND_BOOL(struct route_conf, allow_min_user, allow_min_user),
	CONF_BIND_BOOL(struct route_conf, owner_request, owner_request_special),
	CONF_BIND_BOOL(struct route_conf, show_table_name, show_user_unknown_table_name),
	CONF_BIND_BOOL(struct route_conf, relocated_prefix, relocated_prefix_enable),
};

static bool
parent_matches(const struct route *r, const char *param)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(1000);

	(void)!strvec_split(&v, r->c.parent_matches, ", \t\r\n");
	return strvec_has(&v, param);
}

static int
open_list(struct match **out, const char *name, const char *list, int flags, struct conf *conf, struct err *err)
{
	*out = match_open(list, flags, conf, err);
	return *out != NULL ? 0 : err_prefix(err, "%s: ", name);
}

static int
open_tables(struct table_list **out, const char *name, const char *specs, struct conf *conf, struct err *err)
{
	*out = table_list_open(specs, TABLE_FOLD | TABLE_NO_SUBST, conf, err);
	return *out != NULL ? 0 : err_prefix(err, "%s: ", name);
}

static int
open_all(struct route *r, struct conf *conf, struct err *err)
{
	int relay_flags = MATCH_DOMAIN | (parent_matches(r, "relay_domains") ? MATCH_PARENT : 0);

	r->transport_parent_bare = parent_matches(r, "transport_maps");
	if ((r->local = localdom_new(conf, err)) == NULL)
		return -1;
	r->keys = (struct mail_key_env){ .local = r->local, .delims = r->c.delims, .owner_request = r->c.owner_request };
	if (open_list(&r->alias_domains, "virtual_alias_domains", r->c.alias_domains, MATCH_STRING, conf, err) < 0 ||
	    open_list(&r->mailbox_domains, "virtual_mailbox_domains", r->c.mailbox_domains, MATCH_STRING, conf, err) < 0 ||
	    open_list(&r->relay_domains, "relay_domains", r->c.relay_domains, relay_flags, conf, err) < 0)
		return -1;
	if (open_tables(&r->transport_maps, "transport_maps", r->c.transport_maps, conf, err) < 0 ||
	    open_tables(&r->sender_relayhost_maps, "sender_dependent_relayhost_maps", r->c.sender_relayhost_maps, conf, err) < 0 ||
	    open_tables(&r->sender_transport_maps, "sender_dependent_default_transport_maps", r->c.sender_transport_maps, conf, err) < 0 ||
	    open_tables(&r->relocated_maps, "relocated_maps", r->c.relocated_maps, conf, err) < 0)
		return -1;
	return 0;
}

struct route *
route_new_conf(struct conf *conf, struct err *err)
{
	struct route *r = NEW(struct route);

	if (conf_bind(conf, binds, COUNT_OF(binds), &r->c, err) < 0 || open_all(r, conf, err) < 0)
		route_free(&r);
	return r;
}

/* "-o name=value" of a service's arguments, in both spellings; everything else is no business of a library. */
static int
apply_options(struct conf *conf, const struct strvec *argv, struct err *err)
{
	for (size_t i = 0; i < argv->n; i++) {
		const char *a = argv->v[i];

		if (strcmp(a, "-o") == 0 && i + 1 < argv->n)
			a = argv->v[++i];
		else if (strncmp(a, "-o", 2) == 0)
			a += 2;
		else
			continue;
		if (conf_override(conf, a, err) < 0)
			return -1;
	}
	return 0;
}

static int
apply_service(struct conf *conf, struct err *err)
{
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", conf_dir(conf));
	const char *service = conf_get(conf, "rewrite_service_name");
	struct master_cf *m = master_cf_load(path, err);
	int r = 0;

	if (m == NULL)
		return -1;
	for (size_t i = 0; i < m->n && r == 0; i++) {
		if (m->entries[i].type == MASTER_UNIX && service != NULL && strcmp(m->entries[i].name, service) == 0)
			r = apply_options(conf, &m->entries[i].argv, err);
	}
	master_cf_free(&m);
	return r;
}

struct route *
route_new(const char *config_dir, struct err *err)
{
	struct conf *conf = conf_load(config_dir, err);
	struct route *r;

	if (conf == NULL)
		return NULL;
	if (apply_service(conf, err) < 0 || (r = route_new_conf(conf, err)) == NULL) {
		conf_free(&conf);
		return NULL;
	}
	r->own_conf = conf;
	return r;
}

void
route_free(struct route **rp)
{
	struct route *r = *rp;

	if (r == NULL)
		return;
	*rp = NULL;
	localdom_free(&r->local);
	match_free(&r->alias_domains);
	match_free(&r->mailbox_domains);
	match_free(&r->relay_domains);
	table_list_free(&r->transport_maps);
	table_list_free(&r->sender_relayhost_maps);
	table_list_free(&r->sender_transport_maps);
	table_list_free(&r->relocated_maps);
	conf_free(&r->own_conf);
	mem_free(&r);
}

/* Plain names of a match list: no tables, files, patterns or negations. */
static void
plain_names(struct strvec *v, const char *list)
{
	AUTO(strvec_done) struct strvec all = STRVEC_INIT(NAMES_MAX);

	if (conf_split_list(list, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++) {
		if (strpbrk(all.v[i], ":/!{") == NULL && all.v[i][0] != '.')
			(void)!strvec_add(v, all.v[i]);
	}
}

void
route_warn(struct route *r, void (*fn)(void *arg, const char *text), void *arg)
{
	const struct { const char *name, *list; } v[] = {
		{ "mydestination", r->c.mydestination }, { "virtual_alias_domains", r->c.alias_domains },
		{ "virtual_mailbox_domains", r->c.mailbox_domains }, { "relay_domains", r->c.relay_domains },
	};

	for (size_t i = 0; i < COUNT_OF(v); i++) {
		AUTO(strvec_done) struct strvec a = STRVEC_INIT(NAMES_MAX);

		plain_names(&a, v[i].list);
		for (size_t k = i + 1; k < COUNT_OF(v); k++) {
			AUTO(strvec_done) struct strvec b = STRVEC_INIT(NAMES_MAX);

			plain_names(&b, v[k].list);
			for (size_t n = 0; n < b.n; n++) {
				AUTO(mem_free) char *text = NULL;

				if (!strvec_hasi(&a, b.v[n]) || (i == 0 && k == 3))
					continue;	/* relay_domains may hold $mydestination: its old default */
				text = mem_printf("do not list domain %s in BOTH %s and %s", b.v[n], v[i].name, v[k].name);
				fn(arg, text);
			}
		}
	}
}

void
route_each_table(struct route *r, void (*fn)(struct table *t))
{
	struct table_list *lists[] = { r->transport_maps, r->sender_relayhost_maps, r->sender_transport_maps, r->relocated_maps };
	struct match *matches[] = { r->alias_domains, r->mailbox_domains, r->relay_domains };

	localdom_each_table(r->local, fn);
	for (size_t i = 0; i < COUNT_OF(matches); i++)
		match_each_table(matches[i], fn);
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		for (size_t k = 0; k < table_list_count(lists[i]); k++)
			fn(table_list_at(lists[i], k));
	}
}
