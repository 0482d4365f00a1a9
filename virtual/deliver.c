/* SPDX-License-Identifier: Apache-2.0 */
/* One recipient: what the tables say of it, then its mailbox or Maildir. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/maildir.h"
#include "virtual.h"

enum { PATH_LIMIT = 4000, NUMBER_LIMIT = 100, REASON_LIMIT = 8000 };

struct mailbox {
	const struct deliver_ctx *ctx;
	const struct qrcpt *rcpt;
	struct strbuf path;
	struct rights rights;
};

/* What is logged and sent: code and text. */
struct result {
	char dsn[12];
	struct strbuf text;
};

static int
set_result(struct result *res, const char *dsn, const char *fmt, ...) PRINTF(3, 4);
static int
set_result(struct result *res, const char *dsn, const char *fmt, ...)
{
	va_list ap;

	snprintf(res->dsn, sizeof(res->dsn), "%s", dsn);
	strbuf_reset(&res->text);
	va_start(ap, fmt);
	(void)strbuf_addv(&res->text, fmt, ap);
	va_end(ap);
	return -1;
}

static int
config_error(struct result *res)
{
	return set_result(res, "4.3.5", "mail system configuration error");
}

/* ---- the tables */
static int
find(const char *what, struct table_list *tables, const char *addr, struct strbuf *value, struct result *res)
{
	struct err err = ERR_INIT;
	int r = table_list_is_empty(tables) ? 0 : mail_key_find(&conf.keys, tables, addr, MAIL_KEY_MAILBOX, value, NULL, &err);

	if (r < 0) {
		log_warning("recipient %s: %s: %s", addr, what, err.text);
		return config_error(res);
	}
	return r;
}

/* A number of virtual_uid_maps or virtual_gid_maps, not below min.  0, -1. */
static int
find_id(const char *what, const char *kind, struct table_list *tables, const char *addr, int64_t min, uint64_t *id, struct result *res)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(NUMBER_LIMIT);
	int r = find(what, tables, addr, &value, res);

	if (r == 0)
		log_warning("recipient %s: not found in %s", addr, what);
	if (r <= 0)
		return config_error(res);
	if (num_parse_u64(value.s, 0, INT32_MAX, id) < 0 || (int64_t)*id < min) {
		log_warning("recipient %s: bad %s %s in %s", addr, kind, value.s, what);
		return config_error(res);
	}
	return 0;
}

static int
find_mailbox(struct mailbox *m, struct result *res)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(PATH_LIMIT);
	const char *addr = m->rcpt->addr;
	uint64_t uid, gid;
	int r = find("virtual_mailbox_maps", conf.mailboxes, addr, &value, res);

	if (r < 0)
		return -1;
	if (r == 0)
		return set_result(res, "5.1.1", "unknown user: \"%s\"", addr);
	if (value.overflow || value.len == 0 || strbuf_addf(&m->path, "%s/%s", conf.base, value.s + strspn(value.s, "/")) < 0) {
		log_warning("recipient %s: bad mailbox name in virtual_mailbox_maps", addr);
		return config_error(res);
	}
	if (find_id("virtual_uid_maps", "uid", conf.uids, addr, conf.minimum_uid > 0 ? conf.minimum_uid : 1, &uid, res) < 0 ||
	    find_id("virtual_gid_maps", "gid", conf.gids, addr, 1, &gid, res) < 0)
		return -1;
	m->rights = (struct rights){ .uid = (uid_t)uid, .gid = (gid_t)gid };
	return 0;
}

/* ---- the files */
static struct copy_msg
message(const struct mailbox *m)
{
	const struct qrcpt *r = m->rcpt;
	struct copy_msg msg = { .file = m->ctx->file, .content_at = m->ctx->req->content_offset, .sender = m->ctx->req->sender,
		.delivered_to = r->addr, .return_path = true };

	if (conf.original_recipient)
		msg.orig_to = r->orig != NULL && *r->orig != '\0' ? r->orig : r->addr;
	return msg;
}

static void
to_maildir(struct mailbox *m, struct result *res)
{
	const struct copy_msg msg = message(m);
	struct err err = ERR_INIT;

	while (m->path.len > 1 && m->path.s[m->path.len - 1] == '/')
		strbuf_cut(&m->path, m->path.len - 1);
	if (maildir_deliver(m->path.s, conf.myhostname, &msg, "4.2.0", &err) == 0) {
		set_result(res, "2.0.0", "delivered to maildir");
		return;
	}
	if (err.sys == EACCES || err.sys == EPERM)
		log_warning("maildir access problem for UID/GID=%lu/%lu: %s; perhaps the maildirs must be created in advance",
		    (unsigned long)m->rights.uid, (unsigned long)m->rights.gid, err.text);
	set_result(res, err.dsn, "maildir delivery failed: %s", err.text);
}

static void
warn_text(void *arg, const char *text)
{
	const struct mailbox *m = arg;

	log_warning("%s: %s: %s", m->ctx->req->id, m->rcpt->addr, text);
}

static void
to_mailbox(struct mailbox *m, struct result *res)
{
	const struct copy_msg msg = message(m);
	struct mailbox_opts o = { .locks = conf.locks, .lock_attempts = (int)conf.lock_attempts, .lock_delay_ms = (unsigned)conf.lock_delay_ms,
		.stale_lock_s = (int64_t)(conf.stale_lock_ms / 1000), .size_limit = conf.mailbox_limit, .owner = m->rights.uid,
		.strict_owner = conf.strict_owner, .must_lock = true, .warn = warn_text, .warn_arg = m };
	struct err err = ERR_INIT;

	if (mailbox_deliver(m->path.s, &o, &msg, "4.2.0", &err) < 0)
		set_result(res, err.dsn, "delivery failed to mailbox %s: %s", m->path.s, err.text);
	else
		set_result(res, "2.0.0", "delivered to mailbox");
}

static bool
is_maildir(const struct mailbox *m)
{
	return m->path.s[m->path.len - 1] == '/';
}

static void
write_message(struct mailbox *m, struct result *res)
{
	struct rights_loan loan;
	struct err err = ERR_INIT;

	if (rights_borrow(&m->rights, &loan, &err) < 0) {
		set_result(res, "4.3.0", "%s", err.text);
		return;
	}
	if (is_maildir(m))
		to_maildir(m, res);
	else
		to_mailbox(m, res);
	rights_return(&loan);
}

void
deliver_recipient(struct deliver_ctx *c, const struct qrcpt *r)
{
	struct mailbox m = { .ctx = c, .rcpt = r, .path = STRBUF_INIT(PATH_LIMIT) };
	struct result res = { .dsn = "4.3.0", .text = STRBUF_INIT(REASON_LIMIT) };
	struct deliver_outcome o = { .relay = "virtual" };

	if (find_mailbox(&m, &res) == 0) {
		if (deliver_is_probe(c->req))
			set_result(&res, "2.0.0", "delivers to %s", is_maildir(&m) ? "maildir" : "mailbox");
		else
			write_message(&m, &res);
	}
	o.dsn = res.dsn;
	o.reason = res.text.s;
	deliver_by_dsn(c, r, &o);
	strbuf_done(&res.text);
	strbuf_done(&m.path);
}
