/* SPDX-License-Identifier: Apache-2.0 */
/* rcpt - recipients: rewritten, mapped, expanded, each written once, with what the sender wants to be told about it (RFC 3461) */
#include <stdio.h>
#include <string.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/mem.h"
#include "cleanup/cleanup.h"

enum { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, HOST_MAX = 512 };

/* Was this recipient written before?  Beyond duplicate_filter_limit (0: none) nothing is remembered. */
static bool
is_duplicate(struct message *m, const char *addr, const char *orig)
{
	AUTO(strbuf_done) struct strbuf key = STRBUF_INIT(4 * ADDR_MAX);

	if (m->env->c.original_recipient) {
		strbuf_adds(&key, orig);
		strbuf_addc(&key, '\n');
	}
	strbuf_adds(&key, addr);
	ascii_lower_str(key.s);
	if (map_get(m->seen, key.s) != NULL)
		return true;
	if (m->env->c.duplicate_limit == 0 || map_count(m->seen) < (size_t)m->env->c.duplicate_limit)
		map_put(m->seen, key.s, m);
	return false;
}

static void
put_warning_time(struct message *m)
{
	char text[16];

	if (m->wrote_warn || m->env->c.delay_warning_ms == 0 || m->sender == NULL || m->sender[0] == '\0' || m->phase != PHASE_ENVELOPE)
		return;
	m->wrote_warn = true;
	if (m->seen_warn)
		return;
	snprintf(text, sizeof text, "%15lld", (long long)m->arrival.tv_sec + (long long)(m->env->c.delay_warning_ms / 1000));
	message_put(m, REC_WARN, text, 15);
}

static void
put_attr(struct message *m, const char *name, const char *value)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(STRBUF_HUGE);

	strbuf_adds(&b, name);
	strbuf_addc(&b, '=');
	strbuf_adds(&b, value);
	message_put(m, REC_ATTR, b.s, b.len);
}

static void
write_rcpt(struct message *m, const char *addr, const char *orig, const char *dsn_orcpt, int dsn_notify)
{
	char number[16];

	if (is_duplicate(m, addr, orig))
		return;
	if (dsn_notify != 0) {
		snprintf(number, sizeof number, "%d", dsn_notify);
		put_attr(m, "notify_flags", number);
	}
	if (dsn_orcpt[0] != '\0')
		put_attr(m, "dsn_orig_rcpt", dsn_orcpt);
	message_put(m, REC_ORCPT, orig, strlen(orig));
	message_put(m, REC_RCPT, addr, strlen(addr));
	m->utf8_rcpt |= !ascii_is_all(addr, strlen(addr));
	m->n_rcpts++;
}

/* RFC 3461 section 5.2.7: a list of several addresses ends the sender's wish to hear of success, with one report of the expansion. */
static int
report_expansion(struct message *m, const char *addr, const char *orig, const char *dsn_orcpt, int dsn_notify)
{
	struct dlog_entry e = { .rcpt = addr, .orig_rcpt = orig, .dsn_orcpt = dsn_orcpt, .offset = -1, .dsn_notify = dsn_notify,
	    .status = "2.0.0", .action = "expanded", .diag_type = "", .diag_text = "", .mta_type = "", .mta_name = "",
	    .reason = "alias expanded" };
	struct err err = ERR_INIT;

	if (bounce_append(m->env->bounce, QUEUE_TRACE, message_id_of(m), &e, &err) < 0) {
		message_fail(m, CLEANUP_DEFER, "4.3.0 trace service failure");
		return -1;
	}
	return 0;
}

static void
expand_rcpt(struct message *m, const char *addr, const char *orig, const char *dsn_orcpt, int dsn_notify)
{
	AUTO(strvec_done) struct strvec to = STRVEC_INIT((size_t)m->env->c.alias_size);

	if (map_expand(m, addr, &to) < 0)
		return;
	if (to.n > 1 && (dsn_notify & NOTIFY_SUCCESS) != 0) {
		if (report_expansion(m, addr, orig, dsn_orcpt, dsn_notify) < 0)
			return;
		dsn_notify = (dsn_notify & ~NOTIFY_SUCCESS) != 0 ? dsn_notify & ~NOTIFY_SUCCESS : NOTIFY_NEVER;
	}
	for (size_t i = 0; i < to.n; i++)
		write_rcpt(m, to.v[i], orig, dsn_orcpt, dsn_notify);
}

/* recipient_bcc_maps, sender_bcc_maps: one address, or none. */
static void
add_mapped_bcc(struct message *m, struct table_list *tables, const char *name, const char *addr)
{
	AUTO(strvec_done) struct strvec to = STRVEC_INIT(100);
	struct err err = ERR_INIT;
	int r;

	if ((m->flags & CLEANUP_AUTO_BCC) == 0 || table_list_is_empty(tables) || *addr == '\0')
		return;
	r = mail_key_map(&m->env->keys, m->env->route, tables, addr, MAIL_KEY_MAPPING, false, &to, &err);
	if (r < 0) {
		message_fail(m, CLEANUP_DEFER, "4.3.0 %s lookup problem", name);
		return;
	}
	if (r == 1 && to.v[0][0] != '\0')
		bcc_add(m, to.v[0], false);
}

static void
make_orcpt(struct message *m, const char *addr, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf local = STRBUF_INIT(ADDR_MAX);

	if (*addr == '\0')
		return;
	if (route_rewrite(m->env->route, REWRITE_LOCAL, addr, &local) == 1)
		addr = local.s;
	strbuf_adds(out, ascii_is_all(addr, strlen(addr)) ? "rfc822;" : "utf-8;");
	addr_quote(out, addr);
}

void
rcpt_add(struct message *m, const char *addr, const char *orig, const char *dsn_orcpt, int dsn_notify, bool is_bcc)
{
	AUTO(strbuf_done) struct strbuf to = STRBUF_INIT(ADDR_MAX), orcpt = STRBUF_INIT(3 * ADDR_MAX);

	if (strlen(addr) > ADDR_MAX - HOST_MAX || (orig != NULL && strlen(orig) > ADDR_MAX)) {
		message_fail(m, CLEANUP_BAD, "5.1.3 recipient address too long");
		return;
	}
	if (map_address(m, addr, REWRITE_LOCAL, CLASS_ENV_RCPT, &to) < 0)
		return;
	if (orig == NULL)
		orig = addr;
	if (dsn_orcpt != NULL)
		strbuf_adds(&orcpt, dsn_orcpt);
	else if (!is_bcc)
		make_orcpt(m, orig, &orcpt);
	if (!is_bcc) {
		put_warning_time(m);
		m->hints |= dsn_notify << 1;
	}
	mem_free(&m->last_rcpt);
	m->last_rcpt = mem_strdup(to.s);
	if ((m->flags & CLEANUP_MAP) != 0)
		expand_rcpt(m, to.s, orig, orcpt.s, dsn_notify);
	else
		write_rcpt(m, to.s, orig, orcpt.s, dsn_notify);
	if (!is_bcc && m->status == 0)	/* copies of what is refused are nobody's */
		add_mapped_bcc(m, m->env->rcpt_bcc, "recipient_bcc_maps", to.s);
}

void
bcc_add(struct message *m, const char *addr, bool later)
{
	if (*addr == '\0' || m->status != 0)
		return;
	if (later)
		(void)!strvec_add(&m->bcc, addr);
	else
		rcpt_add(m, addr, NULL, NULL, NOTIFY_NEVER, true);
}

void
bcc_add_for_sender(struct message *m)
{
	add_mapped_bcc(m, m->env->sender_bcc, "sender_bcc_maps", m->sender);
}
