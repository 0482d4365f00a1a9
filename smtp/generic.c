/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generic - smtp_generic_maps: addresses as the world is to see them, in the envelope and in headers, on the way out only
 */
#include "smtp.h"

#include <string.h>

#include "address/addr.h"

int
generic_map(struct client *c, const char *addr, struct strbuf *out, struct err *err)
{
	AUTO(strvec_done) struct strvec to = STRVEC_INIT(100);
	int rc;

	if (*addr == '\0' || strlen(addr) > ADDR_MAX / 2)
		return 0;
	rc = mail_key_map(&c->keys, c->route, c->generic, addr, MAIL_KEY_MAPPING, c->propagate_generic, &to, err);
	if (rc <= 0)
		return rc;
	if (to.n == 0 || strcmp(to.v[0], addr) == 0)
		return 0;
	strbuf_adds(out, to.v[0]);
	return out->overflow ? err_set(err, ERR_TEMP, NULL, "the result is too long") : 1;
}

/* addr itself, or what it is mapped to; NULL: the look-up failed. */
static const char *
map_one(struct delivery *d, const char *addr, struct err *err)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(2 * ADDR_MAX);

	switch (generic_map(d->c, addr, &out, err)) {
	case 0:
		return addr;
	case 1:
		return pool_strdup(d->pool, out.s);
	default:
		return NULL;
	}
}

int
generic_envelope(struct delivery *d, struct err *err)
{
	d->sender = d->req->sender;
	for (size_t i = 0; i < d->n_rcpts; i++)
		d->rcpts[i].addr = d->rcpts[i].r->addr;
	if (d->c->generic == NULL)
		return 0;
	if ((d->sender = map_one(d, d->sender, err)) == NULL)
		return -1;
	for (size_t i = 0; i < d->n_rcpts; i++)
		if ((d->rcpts[i].addr = map_one(d, d->rcpts[i].addr, err)) == NULL)
			return -1;
	return 0;
}

static int
map_in_header(void *arg, const char *addr, struct strbuf *out, struct err *err)
{
	return generic_map(arg, addr, out, err);
}

int
generic_header(struct client *c, const char *text, size_t n, struct strbuf *out, struct err *err)
{
	const struct header_def *def;
	size_t body, len = header_name_len(text, n, &body);

	if (len == 0)
		return 0;
	def = header_find(text, len);
	if ((def->flags & (HEADER_F_SENDER | HEADER_F_RCPT)) == 0)
		return 0;
	strbuf_add(out, text, body);
	struct err why = ERR_INIT;
	int rc = addr_list_rewrite(text + body, n - body, (size_t)c->conf.token_limit, out, map_in_header, c, &why);
	/* A header that cannot be understood goes as it is; a look-up that failed waits. */
	if (rc < 0 && why.class == ERR_PERM)
		return 0;
	if (rc < 0)
		*err = why;
	return rc;
}
