/* SPDX-License-Identifier: Apache-2.0 */
/* $name in the arguments of a pipe service. */
#include "config/expand.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "pipe.h"

/* What a recipient gives: the same for all macros of one argument. */
struct names {
	const struct pipe_expand *x;
	const struct qrcpt *rcpt;	/* NULL: the argument has no macro of a recipient */
	struct strbuf value;
};

static const char *const rcpt_names[] = { "domain", "extension", "mailbox", "original_recipient", "recipient", "user" };

static const struct {
	const char *name, *attr;
} attr_names[] = {
	{ "client_address", "log_client_address" }, { "client_helo", "log_helo_name" }, { "client_hostname", "log_client_name" },
	{ "client_port", "log_client_port" }, { "client_protocol", "log_protocol_name" }, { "sasl_method", "sasl_method" },
	{ "sasl_sender", "sasl_sender" }, { "sasl_username", "sasl_username" },
};

static void
find_rcpt_name(void *arg, const char *name)
{
	bool *found = arg;

	for (size_t i = 0; i < COUNT_OF(rcpt_names); i++)
		if (strcmp(name, rcpt_names[i]) == 0)
			*found = true;
}

/* ---- one value each; all go by way of n->value */
static const char *
take(struct names *n, const char *s, size_t len, bool fold)
{
	strbuf_reset(&n->value);
	strbuf_add(&n->value, s, len);
	if (fold)
		ascii_lower_str(n->value.s);
	return n->value.s;
}

/* An address as an argument: its two parts are folded and quoted apart. */
static const char *
take_address(struct names *n, const char *addr, unsigned flags)
{
	size_t len = addr_local_len(addr);
	AUTO(strbuf_done) struct strbuf folded = STRBUF_INIT(PIPE_ARG_MAX);

	strbuf_adds(&folded, addr);
	for (size_t i = 0; i < folded.len; i++)
		if ((flags & (i < len ? PIPE_FOLD_USER : PIPE_FOLD_HOST)) != 0)
			folded.s[i] = ascii_lower(folded.s[i]);
	strbuf_reset(&n->value);
	if ((flags & PIPE_QUOTE) != 0)
		addr_quote(&n->value, folded.s);
	else
		strbuf_add(&n->value, folded.s, folded.len);
	return n->value.s;
}

static const char *
rcpt_value(struct names *n, const char *name)
{
	unsigned flags = n->x->opts->flags;
	bool fold_user = (flags & PIPE_FOLD_USER) != 0;
	const char *addr = n->rcpt->addr, *domain = addr_domain(addr);
	size_t len = addr_local_len(addr);
	size_t at = *n->x->delims != '\0' ? addr_ext_at(addr, len, n->x->delims, n->x->owner_special) : 0;

	if (strcmp(name, "recipient") == 0)
		return take_address(n, addr, flags);
	if (strcmp(name, "original_recipient") == 0)
		return take_address(n, n->rcpt->orig != NULL && *n->rcpt->orig != '\0' ? n->rcpt->orig : addr, flags);
	if (strcmp(name, "domain") == 0)
		return domain != NULL ? take(n, domain, strlen(domain), (flags & PIPE_FOLD_HOST) != 0) : "";
	if (strcmp(name, "mailbox") == 0)
		return take(n, addr, len, fold_user);
	if (strcmp(name, "user") == 0)
		return take(n, addr, at > 0 ? at : len, fold_user);
	if (strcmp(name, "extension") == 0)
		return at > 0 ? take(n, addr + at + 1, len - at - 1, fold_user) : "";
	return NULL;
}

static const char *
message_value(struct names *n, const char *name)
{
	const struct pipe_opts *o = n->x->opts;
	const struct deliver_req *req = n->x->req;
	char number[32];

	if (strcmp(name, "sender") == 0 && req->sender[0] == '\0' && *o->null_sender == '\0')
		return "";
	if (strcmp(name, "sender") == 0)
		return take_address(n, req->sender[0] != '\0' ? req->sender : o->null_sender, o->flags & PIPE_QUOTE);
	if (strcmp(name, "nexthop") == 0)
		return take(n, req->nexthop, strlen(req->nexthop), (o->flags & PIPE_FOLD_HOST) != 0);
	if (strcmp(name, "queue_id") == 0)
		return req->id;
	if (strcmp(name, "envid") == 0)
		return req->dsn_envid != NULL ? req->dsn_envid : "";
	if (strcmp(name, "size") == 0) {
		snprintf(number, sizeof(number), "%" PRId64, req->content_size);
		return take(n, number, strlen(number), false);
	}
	for (size_t i = 0; i < COUNT_OF(attr_names); i++)
		if (strcmp(name, attr_names[i].name) == 0)
			return deliver_attr(req, attr_names[i].attr);
	return NULL;
}

static int
lookup(void *arg, const char *name, const char **value, struct err *err)
{
	struct names *n = arg;

	*value = n->rcpt != NULL ? rcpt_value(n, name) : NULL;
	if (*value == NULL)
		*value = message_value(n, name);
	return *value != NULL ? 0 : err_set(err, ERR_CONF, NULL, "unknown macro name: \"%.100s\"", name);
}

static int
expand_one(const struct pipe_expand *x, const char *text, const struct qrcpt *rcpt, struct strvec *out, struct err *err)
{
	struct names n = { .x = x, .rcpt = rcpt, .value = STRBUF_INIT(PIPE_ARG_MAX) };
	struct expand e = { .lookup = lookup, .arg = &n };
	AUTO(strbuf_done) struct strbuf arg = STRBUF_INIT(PIPE_ARG_MAX);
	int r = expand_text(&e, text, &arg, err);

	if (r == 0 && (arg.overflow || n.value.overflow || strvec_add(out, arg.s) < 0))
		r = err_set(err, ERR_CONF, NULL, "the arguments are too long");
	strbuf_done(&n.value);
	return r;
}

int
pipe_expand_argv(const struct pipe_expand *x, struct strvec *out, struct err *err)
{
	const struct pipe_opts *o = x->opts;

	for (size_t i = 0; i < o->argv.n; i++) {
		const char *text = o->argv.v[i];
		bool per_rcpt = false;

		expand_names(text, find_rcpt_name, &per_rcpt);
		if (!per_rcpt && expand_one(x, text, NULL, out, err) < 0)
			return -1;
		for (size_t j = 0; per_rcpt && j < x->req->n_rcpts; j++)
			if (expand_one(x, text, &x->req->rcpts[j], out, err) < 0)
				return -1;
	}
	return 0;
}
