/* SPDX-License-Identifier: Apache-2.0 */
/* access_table - check_*_access: which keys are looked up, and in which order (access(5)). */
#include "smtpd/access.h"

#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/log.h"

enum { VALUE_MAX = 10000 };

static bool
parents_without_dot(void)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);

	(void)strvec_split(&v, conf.parent_matches, ", \t\r\n");
	return strvec_hasi(&v, "smtpd_access_maps");
}

/* name, then its parents: "b.c", "c" or ".b.c", ".c". */
int
access_find_domain(const struct rule *r, const char *name, struct strbuf *value, struct err *err)
{
	bool bare = parents_without_dot();
	int rc = table_list_lookup_part(r->tables, name, false, value, err);
	const char *p = name;

	while (rc == 0 && (p = strchr(p, '.')) != NULL && p[1] != 0) {
		rc = table_list_lookup_part(r->tables, bare ? p + 1 : p, true, value, err);
		p++;
	}
	return rc;
}

/* The address, then its networks: "1.2.3", "1.2", "1"; of IPv6 addresses cut at ':'. */
int
access_find_addr(const struct rule *r, const char *addr, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(100);
	char sep = strchr(addr, ':') != NULL ? ':' : '.';
	int rc = table_list_lookup_part(r->tables, addr, false, value, err);
	const char *p;

	(void)strbuf_adds(&b, addr);
	while (rc == 0 && (p = strrchr(b.s, sep)) != NULL) {
		strbuf_cut(&b, (size_t)(p - b.s));
		while (b.len > 0 && b.s[b.len - 1] == sep)
			strbuf_cut(&b, b.len - 1);
		if (b.len == 0)
			break;
		rc = table_list_lookup_part(r->tables, b.s, true, value, err);
	}
	return rc;
}

static enum access_result
outcome(struct access *a, int rc, const char *value, const char *name, const char *class, const struct err *err)
{
	if (rc == 0)
		return ACCESS_DUNNO;
	if (rc > 0)
		return access_action(a, value, name, class);
	log_warning("%s: %s", a->s->who, err->text);
	return access_misconfigured(a, name, class);
}

/* param: 0 the verified name and the address, 1 the unverified name */
enum access_result
rule_check_client(struct access *a, const struct rule *r)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	struct err err = ERR_INIT;
	struct session *s = a->s;
	int rc;

	if (r->kind->param != 0) {
		rc = access_find_domain(r, s->reverse_name, &value, &err);
		return outcome(a, rc, value.s, s->reverse_name, "Unverified Client host", &err);
	}
	rc = access_find_domain(r, s->name, &value, &err);
	if (rc == 0)
		rc = access_find_addr(r, s->addr, &value, &err);
	return outcome(a, rc, value.s, s->who, "Client host", &err);
}

enum access_result
rule_check_helo(struct access *a, const struct rule *r)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	struct err err = ERR_INIT;
	int rc;

	if (a->s->helo == NULL)
		return ACCESS_DUNNO;
	rc = access_find_domain(r, a->s->helo, &value, &err);
	return outcome(a, rc, value.s, a->s->helo, "Helo command", &err);
}

enum access_result
rule_check_etrn(struct access *a, const struct rule *r)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	struct err err = ERR_INIT;
	int rc;

	if (a->s->etrn == NULL)
		return ACCESS_DUNNO;
	rc = access_find_domain(r, a->s->etrn, &value, &err);
	return outcome(a, rc, value.s, a->s->etrn, "Etrn command", &err);
}

/* param: 1 sender, 0 recipient */
enum access_result
rule_check_addr(struct access *a, const struct rule *r)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	const unsigned forms = parents_without_dot() ? (MAIL_KEY_ACCESS & ~(unsigned)MAIL_KEY_PARENT) | MAIL_KEY_PARENT_BARE : MAIL_KEY_ACCESS;
	bool is_sender = r->kind->param != 0;
	const struct target *t = is_sender ? access_sender(a) : access_recipient(a);
	const char *class = is_sender ? "Sender address" : "Recipient address";
	struct err err = ERR_INIT;
	int rc;

	if (t == NULL)
		return ACCESS_DUNNO;
	if (*t->addr == 0) {
		rc = table_list_lookup_part(r->tables, conf.null_access_key, false, &value, &err);
		return outcome(a, rc, value.s, t->addr, class, &err);
	}
	if (t->failed)
		return access_trouble(a, t->addr);
	rc = mail_key_find(rcpt_check_keys(env.rcpt), r->tables, t->to.recipient != NULL ? t->to.recipient : t->canonical, forms, &value, NULL, &err);
	return outcome(a, rc, value.s, t->addr, class, &err);
}
