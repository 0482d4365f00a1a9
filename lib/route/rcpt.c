/* SPDX-License-Identifier: Apache-2.0 */
/* rcpt - validation of addresses against the tables of their class */
#include "route/rcpt.h"

#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/mem.h"

struct rcpt_conf {
	const char *delims, *local_maps, *alias_maps, *mailbox_maps, *relay_maps, *canonical_maps, *rcpt_canonical_maps;
	int64_t local_code, alias_code, mailbox_code, relay_code;
	bool owner_request, show_table_name;
};

struct rcpt_check {
	struct rcpt_conf c;
	struct localdom *local;
	struct mail_key_env keys;
	struct table_list *local_maps, *alias_maps, *mailbox_maps, *relay_maps, *canonical_maps, *rcpt_canonical_maps;
};

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct rcpt_conf, delims, recipient_delimiter),
	CONF_BIND_STR(struct rcpt_conf, local_maps, local_recipient_maps),
	CONF_BIND_STR(struct rcpt_conf, alias_maps, virtual_alias_maps),
	CONF_BIND_STR(struct rcpt_conf, mailbox_maps, virtual_mailbox_maps),
	CONF_BIND_STR(struct rcpt_conf, relay_maps, relay_recipient_maps),
	CONF_BIND_STR(struct rcpt_conf, canonical_maps, canonical_maps),
	CONF_BIND_STR(struct rcpt_conf, rcpt_canonical_maps, recipient_canonical_maps),
	CONF_BIND_INT(struct rcpt_conf, local_code, unknown_local_recipient_reject_code),
	CONF_BIND_INT(struct rcpt_conf, alias_code, unknown_virtual_alias_reject_code),
	CONF_BIND_INT(struct rcpt_conf, mailbox_code, unknown_virtual_mailbox_reject_code),
	CONF_BIND_INT(struct rcpt_conf, relay_code, unknown_relay_recipient_reject_code),
	CONF_BIND_BOOL(struct rcpt_conf, owner_request, owner_request_special),
	CONF_BIND_BOOL(struct rcpt_conf, show_table_name, show_user_unknown_table_name),
};

static int
open_tables(struct table_list **out, const char *name, const char *specs, int flags, struct conf *conf, struct err *err)
{
	*out = table_list_open(specs, flags, conf, err);
	return *out != NULL ? 0 : err_prefix(err, "%s: ", name);
}

static int
open_all(struct rcpt_check *c, struct conf *conf, struct err *err)
{
	if ((c->local = localdom_new(conf, err)) == NULL)
		return -1;
	c->keys = (struct mail_key_env){ .local = c->local, .delims = c->c.delims, .owner_request = c->c.owner_request };
	if (open_tables(&c->local_maps, "local_recipient_maps", c->c.local_maps, TABLE_FOLD, conf, err) < 0 ||
	    open_tables(&c->alias_maps, "virtual_alias_maps", c->c.alias_maps, TABLE_FOLD, conf, err) < 0 ||
	    open_tables(&c->mailbox_maps, "virtual_mailbox_maps", c->c.mailbox_maps, TABLE_FOLD, conf, err) < 0 ||
	    open_tables(&c->relay_maps, "relay_recipient_maps", c->c.relay_maps, TABLE_FOLD, conf, err) < 0)
		return -1;
	if (open_tables(&c->canonical_maps, "canonical_maps", c->c.canonical_maps, TABLE_FOLD, conf, err) < 0 ||
	    open_tables(&c->rcpt_canonical_maps, "recipient_canonical_maps", c->c.rcpt_canonical_maps, TABLE_FOLD, conf, err) < 0)
		return -1;
	return 0;
}

struct rcpt_check *
rcpt_check_new(struct conf *conf, struct err *err)
{
	struct rcpt_check *c = NEW(struct rcpt_check);

	if (conf_bind(conf, binds, COUNT_OF(binds), &c->c, err) < 0 || open_all(c, conf, err) < 0)
		rcpt_check_free(&c);
	return c;
}

void
rcpt_check_each_table(struct rcpt_check *c, void (*fn)(struct table *t))
{
	struct table_list *lists[] = { c->local_maps, c->alias_maps, c->mailbox_maps, c->relay_maps, c->canonical_maps,
		c->rcpt_canonical_maps };

	localdom_each_table(c->local, fn);
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		for (size_t k = 0; lists[i] != NULL && k < table_list_count(lists[i]); k++)
			fn(table_list_at(lists[i], k));
	}
}

void
rcpt_check_free(struct rcpt_check **cp)
{
	struct rcpt_check *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	localdom_free(&c->local);
	table_list_free(&c->local_maps);
	table_list_free(&c->alias_maps);
	table_list_free(&c->mailbox_maps);
	table_list_free(&c->relay_maps);
	table_list_free(&c->canonical_maps);
	table_list_free(&c->rcpt_canonical_maps);
	mem_free(&c);
}

const struct mail_key_env *
rcpt_check_keys(const struct rcpt_check *c)
{
	return &c->keys;
}

struct localdom *
rcpt_check_local(const struct rcpt_check *c)
{
	return c->local;
}

static int
has(struct rcpt_check *c, struct table_list *tables, const char *addr, unsigned forms, struct err *err)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(1 << 20);

	return mail_key_find(&c->keys, tables, addr, forms, &value, NULL, err);
}

/* Addresses that cleanup will replace exist, whatever their class. */
static int
is_mapped(struct rcpt_check *c, const char *addr, struct err *err)
{
	int r = has(c, c->rcpt_canonical_maps, addr, MAIL_KEY_MAPPING, err);

	if (r == 0)
		r = has(c, c->canonical_maps, addr, MAIL_KEY_MAPPING, err);
	if (r == 0)
		r = has(c, c->alias_maps, addr, MAIL_KEY_MAPPING, err);
	return r;
}

static void
set_verdict(struct rcpt_verdict *v, int code, const char *dsn, const char *text)
{
	v->code = code;
	snprintf(v->dsn, sizeof v->dsn, "%s", dsn);
	snprintf(v->text, sizeof v->text, "%s", text);
}

/* RFC 3463: an address problem of the sender is 5.1.0 rather than 5.1.1. */
static void
set_unknown(const struct rcpt_check *c, struct rcpt_verdict *v, int64_t code, bool is_sender, const char *table)
{
	char text[100];

	snprintf(text, sizeof text, c->c.show_table_name ? "User unknown in %s table" : "User unknown", table);
	set_verdict(v, (int)code, code / 100 == 4 ? (is_sender ? "4.1.0" : "4.1.1") : (is_sender ? "5.1.0" : "5.1.1"), text);
}

/* Transport error: its nexthop is "[dsn] text". */
static void
set_from_error(struct rcpt_verdict *v, const char *nexthop)
{
	size_t n = strspn(nexthop, "0123456789.");
	bool has_dsn = n >= 5 && n < sizeof v->dsn && (nexthop[0] == '4' || nexthop[0] == '5') && nexthop[1] == '.' && nexthop[n] == ' ';

	set_verdict(v, 550, "5.0.0", nexthop);
	if (!has_dsn)
		return;
	snprintf(v->text, sizeof v->text, "%s", nexthop + n + 1);
	snprintf(v->dsn, sizeof v->dsn, "%.*s", (int)n, nexthop);
	v->code = nexthop[0] == '4' ? 450 : 550;
}

/*
 * Whether there is a value is all that counts, not which key has it: nearly always it is the name alone.  A name service, asked for a whole
 * address, would have to look into its last and slowest source.  False: not found this way.
 */
static bool
has_name(struct rcpt_check *c, struct table_list *tables, const char *addr)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF_INIT(ADDR_MAX), value = STRBUF_INIT(1 << 20);
	size_t len = addr_local_len(addr), ext_at = addr_ext_at(addr, len, c->keys.delims, c->keys.owner_request);
	struct err err = ERR_INIT;

	strbuf_add(&name, addr, ext_at > 0 ? ext_at : len);
	return name.len > 0 && !name.overflow && table_list_lookup_part(tables, name.s, true, &value, &err) == 1;
}

static int
check_table(struct rcpt_check *c, struct table_list *tables, const char *addr, unsigned forms, int64_t code, bool is_sender,
    const char *name, struct rcpt_verdict *v, struct err *err)
{
	int r;

	if (table_list_is_empty(tables))
		return 1;
	if ((forms & MAIL_KEY_USER) != 0 && has_name(c, tables, addr))
		return 1;
	if ((r = has(c, tables, addr, forms, err)) == 0)
		set_unknown(c, v, code, is_sender, name);
	return r;
}

int
rcpt_check(struct rcpt_check *c, const char *addr, const struct route_to *to, bool is_sender, struct rcpt_verdict *v, struct err *err)
{
	int r;

	if (*addr == '\0')
		return 1;
	if ((to->flags & ROUTE_F_FAIL) != 0)
		return err_set(err, ERR_TEMP, "4.3.0", "%s", to->nexthop);
	if ((r = is_mapped(c, addr, err)) != 0)
		return r;
	if (to->class == ROUTE_CLASS_ALIAS && (to->flags & (ROUTE_F_ERROR | ROUTE_F_RELOCATED)) == 0) {
		set_unknown(c, v, c->c.alias_code, is_sender, "virtual alias");
		return 0;
	}
	if (strcmp(to->transport, "error") == 0) {
		set_from_error(v, to->nexthop);
		return 0;
	}
	switch (to->class) {
	case ROUTE_CLASS_LOCAL:
		return check_table(c, c->local_maps, to->recipient, MAIL_KEY_LOCAL_RCPT, c->c.local_code, is_sender, "local recipient", v, err);
	case ROUTE_CLASS_VIRTUAL:
		return check_table(c, c->mailbox_maps, to->recipient, MAIL_KEY_MAILBOX, c->c.mailbox_code, is_sender, "virtual mailbox", v, err);
	case ROUTE_CLASS_RELAY:
		return check_table(c, c->relay_maps, to->recipient, MAIL_KEY_MAILBOX, c->c.relay_code, is_sender, "relay recipient", v, err);
	default:
		return 1;
	}
}
