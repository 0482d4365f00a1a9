/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve - address to class, transport, nexthop
 *
 * First local routing is followed until the domain is not ours or the local part is final.  Then each source of a route may
 * override the ones before it: recipient domain, relayhost, sender_dependent_relayhost_maps, the class's transport,
 * sender_dependent_default_transport_maps, transport_maps, relocated_maps.
 */
#include "route/resolve.h"

#include <string.h>

#include "address/addr.h"
#include "address/host.h"
#include "base/ascii.h"
#include "route/route_priv.h"

enum { HOPS_MAX = 50, VALUE_MAX = 65536 };

struct job {
	struct route *r;
	const char *sender;
	struct pool *pool;
	struct route_to *to;
	struct strbuf addr, next;
	const char *domain;		/* of addr, once it is settled */
	struct err *err;
};

void
route_split(struct pool *pool, const char *spec, const char *dflt_nexthop, const char **transport, const char **nexthop)
{
	size_t n = strcspn(spec, ":");

	*transport = pool_strndup(pool, spec, n);
	*nexthop = pool_strdup(pool, spec[n] == ':' && spec[n + 1] != '\0' ? spec + n + 1 : dflt_nexthop);
}

/* The address cannot be delivered. */
static int
set_error(struct job *j, const char *text)
{
	j->to->flags |= ROUTE_F_ERROR;
	j->to->class = ROUTE_CLASS_DEFAULT;
	j->to->transport = "error";
	j->to->nexthop = text;
	return 1;
}

/* ---- settling the address */
/* user@1.2.3.4 */
static int
mend_numeric(struct job *j, const char *domain)
{
	char copy[16];

	if (!j->r->c.numeric_domain)
		return set_error(j, "5.1.3 bad address syntax");
	memcpy(copy, domain, strlen(domain) + 1);
	strbuf_cut(&j->addr, (size_t)(domain - j->addr.s));
	strbuf_addf(&j->addr, "[%s]", copy);
	return 0;
}

/* One step: 1 the address is final (class local or not, or error), 0 it changed, -1 trouble. */
static int
follow_step(struct job *j)
{
	const char *domain = addr_domain(j->addr.s);
	size_t n;
	int r;

	strbuf_reset(&j->next);
	if (domain == NULL) {
		if (!addr_local_needs_quotes(j->addr.s, j->addr.len) && (r = route_unroute(j->r, j->addr.s, false, &j->next)) != 0)
			return r < 0 ? set_error(j, "5.1.3 bad address syntax") : 0;
		strbuf_reset(&j->next);
		strbuf_addf(&j->addr, "@%s", j->r->c.myhostname);
		j->to->class = ROUTE_CLASS_LOCAL;
		return 1;
	}
	n = strlen(domain);
	if (n > 1 && domain[n - 1] == '.')
		strbuf_cut(&j->addr, j->addr.len - 1);
	if (host_is_ipv4(domain) && (r = mend_numeric(j, domain)) != 0)
		return r;
	domain = addr_domain(j->addr.s);
	if ((r = localdom_has(j->r->local, domain, j->err)) < 0)
		return -1;
	if (r == 0)
		return 1;
	j->to->class = ROUTE_CLASS_LOCAL;
	strbuf_add(&j->next, j->addr.s, addr_local_len(j->addr.s));
	if (j->next.len == 0) {
		strbuf_addf(&j->next, "%s@%s", j->r->c.empty_recipient, domain);
		return 0;
	}
	if (!j->r->c.dequoted && addr_local_needs_quotes(j->next.s, j->next.len))
		return 1;
	return 2;
}

/* The domain is ours: does the local part lead on?  1 final, 0 changed. */
static int
follow_local(struct job *j)
{
	AUTO(strbuf_done) struct strbuf local = j->next;
	int r;

	strbuf_init(&j->next, ADDR_MAX);
	r = route_unroute(j->r, local.s, j->r->c.dequoted, &j->next);
	if (r < 0)
		return set_error(j, "5.1.3 bad address syntax");
	if (r == 1)
		j->to->class = ROUTE_CLASS_DEFAULT;
	return r == 1 ? 0 : 1;
}

static int
follow(struct job *j)
{
	for (int hop = 0; hop < HOPS_MAX; hop++) {
		int r;

		j->to->class = ROUTE_CLASS_DEFAULT;
		if ((r = follow_step(j)) == 2)
			r = follow_local(j);
		if (r < 0)
			return -1;
		if (r == 1)
			return 0;
		if (j->next.overflow) {
			set_error(j, "5.1.3 address too long");
			return 0;
		}
		if (j->next.len > 0) {
			struct strbuf t = j->addr;

			j->addr = j->next;
			j->next = t;
		}
	}
	set_error(j, "5.4.6 routing loop in address");
	return 0;
}

static bool
domain_is_valid(const char *domain)
{
	AUTO(strbuf_done) struct strbuf ascii = STRBUF_INIT(HOST_NAME_LEN);
	char addr[HOST_ADDR_SIZE];

	if (domain[0] == '[')
		return host_literal_parse(domain, addr) == 0;
	if (ascii_is_all(domain, strlen(domain)))
		return host_is_name(domain, NULL);
	return host_to_ascii(domain, &ascii, NULL) == 0 && host_is_name(ascii.s, NULL);
}

/* ---- class */
static int
find_class(struct route *r, const char *domain, enum route_class *class, struct err *err)
{
	int m;

	*class = ROUTE_CLASS_ALIAS;
	if ((m = match_name(r->alias_domains, domain, err)) != 0)
		return m;
	*class = ROUTE_CLASS_VIRTUAL;
	if ((m = match_name(r->mailbox_domains, domain, err)) != 0)
		return m;
	*class = ROUTE_CLASS_RELAY;
	if ((m = match_name(r->relay_domains, domain, err)) != 0)
		return m;
	*class = ROUTE_CLASS_DEFAULT;
	return 1;
}

int
route_class_of(struct route *r, const char *domain, enum route_class *class, struct err *err)
{
	int m = localdom_has(r->local, domain, err);

	if (m != 0) {
		*class = ROUTE_CLASS_LOCAL;
		return m;
	}
	return find_class(r, domain, class, err);
}

/* ---- routes, weakest first */
/* 1 and the value, 0 not there or DUNNO, -1. */
static int
find_by_sender(struct job *j, struct table_list *tables, const char *null_key, struct strbuf *value)
{
	int r;

	if (table_list_is_empty(tables))
		return 0;
	if (*j->sender == '\0')
		r = table_list_lookup(tables, null_key, value, j->err);
	else
		r = mail_key_find(&j->r->keys, tables, j->sender, MAIL_KEY_MAILBOX, value, NULL, j->err);
	return r == 1 && ascii_casecmp(value->s, "DUNNO") == 0 ? 0 : r;
}

static int
relay_nexthop(struct job *j, const char **nexthop)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	int r = find_by_sender(j, j->r->sender_relayhost_maps, j->r->c.null_relayhost_key, &value);

	if (r < 0)
		return -1;
	if (r == 1 && value.len == 0)
		return err_set(j->err, ERR_CONF, "4.3.5", "sender_dependent_relayhost_maps: empty result for %s", j->sender);
	if (r == 1)
		*nexthop = pool_strdup(j->pool, value.s);
	else
		*nexthop = j->r->c.relayhost[0] != '\0' ? j->r->c.relayhost : j->domain;
	return 0;
}

static int
set_transport(struct job *j, const char *spec, const char *what, const char *dflt_nexthop)
{
	route_split(j->pool, spec, dflt_nexthop, &j->to->transport, &j->to->nexthop);
	if (j->to->transport[0] == '\0')
		return err_set(j->err, ERR_CONF, "4.3.5", "%s: no transport in \"%s\"", what, spec);
	return 0;
}

static int
route_remote(struct job *j)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	const char *nexthop;
	int r;

	if (relay_nexthop(j, &nexthop) < 0)
		return -1;
	if (j->to->class == ROUTE_CLASS_RELAY)
		return set_transport(j, j->r->c.relay_transport, "relay_transport", nexthop);
	if ((r = find_by_sender(j, j->r->sender_transport_maps, j->r->c.null_transport_key, &value)) < 0)
		return -1;
	if (r == 1)
		return set_transport(j, value.s, "sender_dependent_default_transport_maps", nexthop);
	return set_transport(j, j->r->c.default_transport, "default_transport", nexthop);
}

static int
route_class(struct job *j)
{
	switch (j->to->class) {
	case ROUTE_CLASS_LOCAL:
		return set_transport(j, j->r->c.local_transport, "local_transport", j->domain);
	case ROUTE_CLASS_ALIAS:
		j->to->transport = "error";
		j->to->nexthop = j->r->c.show_table_name ? "5.1.1 User unknown in virtual alias table" : "5.1.1 User unknown";
		return 0;
	case ROUTE_CLASS_VIRTUAL:
		return set_transport(j, j->r->c.virtual_transport, "virtual_transport", j->domain);
	default:
		return route_remote(j);
	}
}

/* transport(5): either half of the result may be missing; "*" comes last. */
static int
route_table(struct job *j)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	unsigned forms = MAIL_KEY_FULL | MAIL_KEY_NOEXT | MAIL_KEY_DOMAIN |
	    (j->r->transport_parent_bare ? MAIL_KEY_PARENT_BARE : MAIL_KEY_PARENT);
	const char *transport = j->to->transport;
	size_t n;
	int r;

	if (table_list_is_empty(j->r->transport_maps) || j->to->class == ROUTE_CLASS_ALIAS)
		return 0;
	r = mail_key_find(&j->r->keys, j->r->transport_maps, j->addr.s, forms, &value, NULL, j->err);
	if (r == 0)
		r = table_list_lookup_part(j->r->transport_maps, "*", true, &value, j->err);
	if (r <= 0)
		return r;
	n = strcspn(value.s, ":");
	if (n == 0 && value.s[n] == ':' && value.s[1] == '\0')
		return 0;
	route_split(j->pool, value.s, n == 0 ? j->to->nexthop : j->domain, &j->to->transport, &j->to->nexthop);
	if (j->to->transport[0] == '\0')
		j->to->transport = transport;
	return 0;
}

static int
route_moved(struct job *j)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	int r = mail_key_find(&j->r->keys, j->r->relocated_maps, j->addr.s, MAIL_KEY_MAPPING, &value, NULL, j->err);

	if (r <= 0)
		return r;
	j->to->flags |= ROUTE_F_RELOCATED;
	j->to->transport = "error";
	j->to->nexthop = pool_printf(j->pool, j->r->c.relocated_prefix ? "5.1.6 User has moved to %s" : "%s", value.s);
	return 0;
}

static int
resolve(struct job *j)
{
	const char *local_end;

	if (follow(j) < 0)
		return -1;
	j->to->recipient = pool_strdup(j->pool, j->addr.s);
	if ((j->to->flags & ROUTE_F_ERROR) != 0)
		return 0;
	if ((j->domain = addr_domain(j->to->recipient)) == NULL)
		j->domain = "";
	local_end = j->to->recipient + addr_local_len(j->to->recipient);
	for (const char *p = j->to->recipient; p < local_end; p++) {
		if (*p == '@' || *p == '!' || *p == '%')
			j->to->flags |= ROUTE_F_ROUTED;
	}
	if (j->to->class != ROUTE_CLASS_LOCAL) {
		if (!domain_is_valid(j->domain) || local_end == j->to->recipient) {
			set_error(j, "5.1.3 bad address syntax");
			return 0;
		}
		if (find_class(j->r, j->domain, &j->to->class, j->err) < 0)
			return -1;
	}
	if (route_class(j) < 0 || route_table(j) < 0 || route_moved(j) < 0)
		return -1;
	if (j->to->recipient[0] == '-' && !j->r->c.allow_min_user)
		set_error(j, "5.1.3 bad address syntax");
	return 0;
}

int
route_resolve(struct route *r, const char *sender, const char *addr, struct pool *pool, struct route_to *to, struct err *err)
{
	struct err own = ERR_INIT;
	struct job j = { .r = r, .sender = sender, .pool = pool, .to = to, .addr = STRBUF_INIT(ADDR_MAX),
	    .next = STRBUF_INIT(ADDR_MAX), .err = err != NULL ? err : &own };
	int ret;

	*to = (struct route_to){ .class = ROUTE_CLASS_DEFAULT, .transport = "", .nexthop = "", .recipient = "" };
	if (*addr == '\0')
		strbuf_addf(&j.addr, "%s@%s", r->c.empty_recipient, r->c.myhostname);
	else
		strbuf_adds(&j.addr, addr);
	ret = resolve(&j);
	if (ret < 0) {
		to->flags |= ROUTE_F_FAIL;
		to->transport = "retry";
		to->nexthop = pool_printf(pool, "4.3.0 address resolver failure: %s", j.err->text);
		to->recipient = pool_strdup(pool, addr);
	}
	strbuf_done(&j.addr);
	strbuf_done(&j.next);
	return ret;
}
