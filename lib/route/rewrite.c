/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite - the canonical form of an address */
#include "route/rewrite.h"

#include <string.h>

#include "address/addr.h"
#include "route/route_priv.h"

int
route_unroute(const struct route *r, const char *local, bool at, struct strbuf *out)
{
	const char *p;

	if (at && (p = strrchr(local, '@')) != NULL) {
		strbuf_adds(out, local);
		return p == local || p[1] == '\0' ? -1 : 1;
	}
	if (r->c.swap_bangpath && (p = strchr(local, '!')) != NULL) {
		strbuf_addf(out, "%s@%.*s", p + 1, (int)(p - local), local);
		return p == local || p[1] == '\0' ? -1 : 1;
	}
	if (r->c.percent_hack && (p = strrchr(local, '%')) != NULL) {
		strbuf_addf(out, "%.*s@%s", (int)(p - local), local, p + 1);
		return p == local || p[1] == '\0' ? -1 : 1;
	}
	return 0;
}

bool
route_rewrites(const struct route *r, enum rewrite_context context)
{
	return context == REWRITE_LOCAL || r->c.remote_domain[0] != '\0';
}

/* A local part alone: routing operators, or the origin. */
static void
add_domain(const struct route *r, const char *origin, const char *local, struct strbuf *out)
{
	size_t at = out->len;

	if (!addr_local_needs_quotes(local, strlen(local))) {
		if (route_unroute(r, local, false, out) == 1)
			return;
		strbuf_cut(out, at);
	}
	strbuf_adds(out, local);
	if (r->c.append_origin && origin[0] != '\0')
		strbuf_addf(out, "@%s", origin);
}

static void
mend_domain(const struct route *r, const char *mydomain, struct strbuf *out, size_t start)
{
	const char *domain = addr_domain(out->s + start);
	size_t n;

	if (domain == NULL || (n = strlen(domain)) == 0 || domain[0] == '[')
		return;
	if (domain[n - 1] == '.' && n > 1 && domain[n - 2] != '.')
		strbuf_cut(out, out->len - 1);
	else if (strchr(domain, '.') == NULL && r->c.append_domain && mydomain[0] != '\0')
		strbuf_addf(out, ".%s", mydomain);
}

int
route_rewrite(struct route *r, enum rewrite_context context, const char *addr, struct strbuf *out)
{
	const char *origin = context == REWRITE_LOCAL ? r->c.myorigin : r->c.remote_domain;
	const char *mydomain = context == REWRITE_LOCAL ? r->c.mydomain : r->c.remote_domain;
	size_t start = out->len;

	if (*addr == '\0')
		return 0;
	if (strchr(addr, '@') == NULL)
		add_domain(r, origin, addr, out);
	else
		strbuf_adds(out, addr);
	mend_domain(r, mydomain, out, start);
	if (strcmp(out->s + start, addr) != 0)
		return 1;
	strbuf_cut(out, start);
	return 0;
}
