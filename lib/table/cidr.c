/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cidr: networks and addresses; the first rule that matches decides
 *
 * Plain rules are kept in a hash table by network and prefix length, so a look-up costs one probe for each prefix length in use,
 * however long the table.  Rules with "!" or inside "if" are few and are tried in order.
 */
#include "table/cidr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"
#include "base/mem.h"
#include "table/table_priv.h"

int
cidr_parse_addr(const char *s, size_t n, struct cidr_addr *a)
{
	char buf[INET6_ADDRSTRLEN + 2];

	*a = (struct cidr_addr){ .bits = 32 };
	if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(buf))
		return -1;
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (memchr(buf, ':', n) == NULL)
		return inet_pton(AF_INET, buf, a->b) == 1 ? 0 : -1;
	a->bits = 128;
	return inet_pton(AF_INET6, buf, a->b) == 1 ? 0 : -1;
}

void
cidr_mask(struct cidr_addr *a, unsigned prefix)
{
	for (unsigned i = 0; i < sizeof(a->b); i++) {
		unsigned keep = prefix >= 8 * (i + 1) ? 8 : prefix > 8 * i ? prefix - 8 * i : 0;

		a->b[i] &= (unsigned char)(0xff00u >> keep);
	}
}

bool
cidr_contains(const struct cidr_net *n, const struct cidr_addr *a)
{
	struct cidr_addr m = *a;

	if (n->addr.bits != a->bits)
		return false;
	cidr_mask(&m, n->prefix);
	return memcmp(m.b, n->addr.b, sizeof(m.b)) == 0;
}

static int
host_bits_error(const struct cidr_net *n, const char *text, struct err *err)
{
	char buf[INET6_ADDRSTRLEN];

	inet_ntop(n->addr.bits == 32 ? AF_INET : AF_INET6, n->addr.b, buf, sizeof(buf));
	return err_set(err, ERR_CONF, NULL,
	    "non-null host address bits in \"%s\", perhaps you should use \"%s/%u\" instead", text, buf, n->prefix);
}

int
cidr_parse(const char *text, struct cidr_net *out, struct err *err)
{
	const char *inner = text, *slash;
	size_t n = strlen(text);
	struct cidr_addr full;
	uint64_t prefix;

	/* "[net/len]" as well as "[net]/len" */
	AUTO(mem_free) char *copy = NULL;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		inner = copy = mem_strndup(text + 1, n - 2);
	slash = strchr(inner, '/');
	if (cidr_parse_addr(inner, slash != NULL ? (size_t)(slash - inner) : strlen(inner), &out->addr) < 0)
		return err_set(err, ERR_CONF, NULL, "bad address pattern: \"%.100s\"", text);
	out->prefix = out->addr.bits;
	if (slash == NULL)
		return 0;
	if (num_parse_u64(slash + 1, 0, UINT32_MAX, &prefix) < 0)
		return err_set(err, ERR_CONF, NULL, "bad mask value in \"%.100s\"", text);
	if (prefix > out->addr.bits)
		return err_set(err, ERR_CONF, NULL, "bad mask length in \"%.100s\"", text);
	out->prefix = (unsigned)prefix;
	full = out->addr;
	cidr_mask(&out->addr, out->prefix);
	if (memcmp(full.b, out->addr.b, sizeof(full.b)) != 0)
		return host_bits_error(out, text, err);
	return 0;
}

/* ---- the table */
struct rule {
	struct cidr_net net;
	bool is_if, negated, is_plain;
	unsigned line_no;
	char *result;
	size_t outer, skip;	/* as in pattern.c */
};

struct cidr {
	struct rule *v;
	size_t n, cap, open;
	size_t *slots, n_slots;		/* 1 + index of a plain rule; a power of two */
	size_t *odd, n_odd;		/* rules to try in order, by index */
	unsigned char prefixes[2][129];	/* prefix lengths in use by plain rules */
	unsigned n_prefixes[2];
};

static uint64_t
net_hash(const struct cidr_net *n)
{
	unsigned char key[18];

	memcpy(key, n->addr.b, 16);
	key[16] = (unsigned char)n->prefix;
	key[17] = (unsigned char)n->addr.bits;
	return map_hash(key, sizeof(key));
}

static bool
net_equal(const struct cidr_net *a, const struct cidr_net *b)
{
	return a->prefix == b->prefix && a->addr.bits == b->addr.bits && memcmp(a->addr.b, b->addr.b, 16) == 0;
}

/* The slot that holds the network, or the free one where it would go. */
static size_t *
slot(const struct cidr *c, const struct cidr_net *n)
{
	size_t i = (size_t)net_hash(n) & (c->n_slots - 1);

	while (c->slots[i] != 0 && !net_equal(&c->v[c->slots[i] - 1].net, n))
		i = (i + 1) & (c->n_slots - 1);
	return &c->slots[i];
}

static void
index_rules(struct cidr *c)
{
	for (c->n_slots = 16; c->n_slots < 2 * c->n; c->n_slots *= 2)
		;
	c->slots = mem_alloc_array(c->n_slots, sizeof(*c->slots));
	c->odd = mem_alloc_array(c->n + 1, sizeof(*c->odd));
	for (size_t i = 0; i < c->n; i++) {
		const struct rule *r = &c->v[i];
		unsigned f = r->net.addr.bits == 128;
		size_t *s;

		if (!r->is_plain) {
			c->odd[c->n_odd++] = i;
			continue;
		}
		s = slot(c, &r->net);
		if (*s == 0)
			*s = i + 1;
		if (memchr(c->prefixes[f], (int)r->net.prefix, c->n_prefixes[f]) == NULL)
			c->prefixes[f][c->n_prefixes[f]++] = (unsigned char)r->net.prefix;
	}
}

/* The first plain rule that matches, as an index; n when none does. */
static size_t
find_plain(const struct cidr *c, const struct cidr_addr *a)
{
	unsigned f = a->bits == 128;
	size_t best = c->n;

	for (unsigned i = 0; i < c->n_prefixes[f]; i++) {
		struct cidr_net n = { .addr = *a, .prefix = c->prefixes[f][i] };
		size_t hit;

		cidr_mask(&n.addr, n.prefix);
		hit = *slot(c, &n);
		if (hit != 0 && hit - 1 < best)
			best = hit - 1;
	}
	return best;
}

/* The first of the other rules that matches, of those before limit; else limit. */
static size_t
find_odd(const struct cidr *c, const struct cidr_addr *a, size_t limit)
{
	size_t next = 0;	/* rules before this index are inside an if that did not match */

	for (size_t i = 0; i < c->n_odd && c->odd[i] < limit; i++) {
		const struct rule *r = &c->v[c->odd[i]];

		if (c->odd[i] < next)
			continue;
		if (cidr_contains(&r->net, a) == r->negated) {
			if (r->is_if)
				next = r->skip;
		} else if (!r->is_if) {
			return c->odd[i];
		}
	}
	return limit;
}

static char *
next_word(char **pos)
{
	char *p = *pos, *start;

	while (ascii_is_space((unsigned char)*p))
		p++;
	for (start = p; *p != '\0' && !ascii_is_space((unsigned char)*p); p++)
		;
	if (*p != '\0')
		*p++ = '\0';
	while (ascii_is_space((unsigned char)*p))
		p++;
	*pos = p;
	return start;
}

static void
close_if(const struct table *t, struct cidr *c, unsigned line_no, const char *extra)
{
	if (c->open == 0) {
		rule_warn(t, line_no, "ENDIF without IF: skipping this rule");
		return;
	}
	if (*extra != '\0')
		rule_warn(t, line_no, "garbage after ENDIF: ignoring this text: \"%s\"", extra);
	c->v[c->open - 1].skip = c->n;
	c->open = c->v[c->open - 1].outer;
}

static bool
is_word(const char *p, const char *word)
{
	size_t n = strlen(word);

	return ascii_ncasecmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == '!' || ascii_is_space((unsigned char)p[n]));
}

static void
add_rule(const struct table *t, struct cidr *c, char *p, unsigned line_no)
{
	struct rule r = { .line_no = line_no, .outer = c->open };
	struct err why = ERR_INIT;
	char *pattern;

	r.is_if = is_word(p, "if");
	for (p += r.is_if ? 2 : 0; *p == '!' || ascii_is_space((unsigned char)*p); p++)
		if (*p == '!')
			r.negated = !r.negated;
	pattern = r.is_if ? p : next_word(&p);
	if (cidr_parse(pattern, &r.net, &why) < 0) {
		rule_warn(t, line_no, "%s: skipping this rule", why.text);
		return;
	}
	if (!r.is_if && *p == '\0') {
		rule_warn(t, line_no, "no lookup result: skipping this rule");
		return;
	}
	r.is_plain = !r.is_if && !r.negated && c->open == 0;
	r.result = r.is_if ? NULL : mem_strdup(p);
	if (c->n == c->cap) {
		c->cap = c->cap == 0 ? 16 : c->cap * 2;
		c->v = mem_realloc_array(c->v, c->cap, sizeof(*c->v));
	}
	c->v[c->n++] = r;
	if (r.is_if)
		c->open = c->n;
}

static int
load(struct table *t, struct cidr *c, struct rules *src, struct err *err)
{
	unsigned line_no;
	char *line;
	int got;

	while ((got = rules_next(src, &line, &line_no, err)) == 1) {
		if (c->n >= TABLE_RULES_MAX)
			return err_set(err, ERR_CONF, NULL, "%s: more than %d rules", t->spec, TABLE_RULES_MAX);
		if (is_word(line, "endif"))
			close_if(t, c, line_no, ascii_trim(line + 5));
		else
			add_rule(t, c, line, line_no);
	}
	for (; c->open > 0; c->open = c->v[c->open - 1].outer) {
		rule_warn(t, c->v[c->open - 1].line_no, "IF has no matching ENDIF");
		c->v[c->open - 1].skip = c->n;
	}
	return got;
}

static void
cidr_close(struct table *t)
{
	struct cidr *c = t->state;

	for (size_t i = 0; i < c->n; i++)
		mem_free(&c->v[i].result);
	mem_free(&c->v);
	mem_free(&c->slots);
	mem_free(&c->odd);
	mem_free(&t->state);
}

static int
cidr_open(struct table *t, struct err *err)
{
	struct rules *src = rules_open(t, err);
	struct cidr *c;
	int r;

	if (src == NULL)
		return -1;
	t->state = c = NEW(struct cidr);
	r = load(t, c, src, err);
	rules_close(&src);
	index_rules(c);
	return r;
}

static int
cidr_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err UNUSED)
{
	const struct cidr *c = t->state;
	struct cidr_addr a;
	size_t hit;

	if (cidr_parse_addr(key, len, &a) < 0)
		return 0;
	hit = find_odd(c, &a, find_plain(c, &a));
	if (hit >= c->n)
		return 0;
	strbuf_adds(value, c->v[hit].result);
	return 1;
}

const struct table_driver table_cidr = { .type = "cidr", .open = cidr_open, .close = cidr_close, .lookup = cidr_lookup };
