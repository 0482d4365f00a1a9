/* SPDX-License-Identifier: Apache-2.0 */
/* access_generic - restrictions that do not look at a name or an address. */
#include "smtpd/access.h"

#include <string.h>

#include "smtpd/policy.h"

enum access_result
rule_permit(struct access *a, const struct rule *r)
{
	(void)a;
	(void)r;
	return ACCESS_OK;
}

enum access_result
rule_never(struct access *a, const struct rule *r)
{
	(void)a;
	(void)r;
	return ACCESS_DUNNO;
}

/* A mark for access_eval(), which never calls it. */
enum access_result
rule_warn_next(struct access *a, const struct rule *r)
{
	(void)a;
	(void)r;
	return ACCESS_DUNNO;
}

enum access_result
rule_reject(struct access *a, const struct rule *r)
{
	(void)r;
	return access_reject(a, (int)conf.reject_code, "5.7.1", "<%s>: %s rejected: Access denied", a->name, a->class);
}

enum access_result
rule_defer(struct access *a, const struct rule *r)
{
	(void)r;
	return access_reject(a, (int)conf.defer_code, "4.3.2", "<%s>: %s rejected: Try again later", a->name, a->class);
}

/* param: 1 defer_if_permit, 0 defer_if_reject */
enum access_result
rule_defer_if(struct access *a, const struct rule *r)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(3000);

	if (r->kind->param != 0)
		return access_defer_if_permit(a, 450, "4.7.0", "<%s>: %s rejected: defer_if_permit requested", a->name, a->class);
	(void)strbuf_addf(&b, "<%s>: %s rejected: defer_if_reject requested", a->name, a->class);
	access_defer_if_reject(a, 450, "4.7.0", b.s);
	return ACCESS_DUNNO;
}

enum access_result
rule_sleep(struct access *a, const struct rule *r)
{
	(void)a;
	(void)task_sleep((uint64_t)r->number * 1000, NULL);
	return ACCESS_DUNNO;
}

enum access_result
rule_class(struct access *a, const struct rule *r)
{
	return access_eval(a, r->class);
}

enum access_result
rule_pipelining(struct access *a, const struct rule *r)
{
	(void)r;
	if (!a->s->bad_pipelining)
		return ACCESS_DUNNO;
	return access_reject(a, 503, "5.5.0", "<%s>: %s rejected: Improper use of SMTP command pipelining", a->name, a->class);
}

enum access_result
rule_plaintext(struct access *a, const struct rule *r)
{
	(void)r;
	return access_reject(a, (int)conf.plaintext_code, "4.7.1", "<%s>: %s rejected: Session encryption is required", a->name, a->class);
}

/* A report of a failed delivery has one recipient: RFC 5321 section 3.6.3. */
enum access_result
rule_multi_bounce(struct access *a, const struct rule *r)
{
	struct session *s = a->s;
	unsigned n = s->n_rcpts + (s->recipient != NULL ? 1 : 0);

	(void)r;
	if (s->sender == NULL || *s->sender != 0 || n <= 1)
		return ACCESS_DUNNO;
	return access_reject(a, (int)conf.multi_bounce_code, "5.5.3", "<%s>: %s rejected: Multi-recipient bounce", a->name, a->class);
}

enum access_result
rule_policy(struct access *a, const struct rule *r)
{
	AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(10000);

	policy_ask(r->policy, a->s, &answer);
	return access_action(a, answer.s, a->name, a->class);
}
