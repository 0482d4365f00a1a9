/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of virtual, and its tables. */
#include <string.h>

#include "base/strvec.h"
#include "daemon/daemon.h"
#include "virtual.h"

enum { TABLES_LIMIT = 1000 };

struct virtual_conf conf;

#define STR(field, name)	CONF_BIND_STR(struct virtual_conf, field, name)
#define INT(field, name)	CONF_BIND_INT(struct virtual_conf, field, name)
#define TIME(field, name)	CONF_BIND_TIME(struct virtual_conf, field, name)
#define BOOL(field, name)	CONF_BIND_BOOL(struct virtual_conf, field, name)

const struct conf_bind virtual_binds[N_VIRTUAL_BINDS] = {
	STR(base, virtual_mailbox_base), STR(mailbox_maps, virtual_mailbox_maps), STR(uid_maps, virtual_uid_maps),
	STR(gid_maps, virtual_gid_maps), STR(lock, virtual_mailbox_lock), STR(delimiter, recipient_delimiter), STR(myhostname, myhostname),
	TIME(lock_delay_ms, deliver_lock_delay), TIME(stale_lock_ms, stale_lock_time), INT(lock_attempts, deliver_lock_attempts),
	INT(minimum_uid, virtual_minimum_uid), INT(mailbox_limit, virtual_mailbox_limit), INT(message_limit, message_size_limit),
	BOOL(original_recipient, enable_original_recipient), BOOL(strict_owner, strict_mailbox_ownership),
	BOOL(owner_special, owner_request_special),
};
_Static_assert(sizeof(virtual_binds) / sizeof(virtual_binds[0]) == N_VIRTUAL_BINDS, "number of parameters");

/*
 * What names files and users is not made of a stranger's words: no $1.  Nor is it told by a process with fewer rights than ours: "proxy:" is
 * passed over, the table behind it is opened here.
 */
static struct table_list *
open_list(const char *name, const char *specs, struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(TABLES_LIMIT);
	AUTO(strbuf_done) struct strbuf direct = STRBUF_INIT(STRBUF_HUGE);
	struct table_list *l;

	if (conf_split_list(specs, &v, err) < 0) {
		err_prefix(err, "%s: ", name);
		return NULL;
	}
	for (size_t i = 0; i < v.n; i++)
		strbuf_addf(&direct, "%s%s", i > 0 ? ", " : "", strncmp(v.v[i], "proxy:", 6) == 0 ? v.v[i] + 6 : v.v[i]);
	l = table_list_open(direct.s, TABLE_FOLD | TABLE_NO_SUBST | TABLE_NO_PROXY, daemon_conf(), err);
	if (l == NULL)
		err_prefix(err, "%s: ", name);
	for (size_t i = 0; i < table_list_count(l); i++)
		daemon_watch_table(table_list_at(l, i));
	return l;
}

int
conf_open(struct err *err)
{
	if (*conf.base == '\0')
		return err_set(err, ERR_CONF, NULL, "virtual_mailbox_base is empty: set it to the directory of the mailboxes");
	if (conf.mailbox_limit > 0 && (conf.message_limit == 0 || conf.mailbox_limit < conf.message_limit))
		return err_set(err, ERR_CONF, NULL, "virtual_mailbox_limit is smaller than message_size_limit");
	conf.locks = mailbox_locks_parse(conf.lock);
	if (conf.locks < 0)
		return err_set(err, ERR_CONF, NULL, "virtual_mailbox_lock: \"%s\" is not understood", conf.lock);
	conf.mailboxes = open_list("virtual_mailbox_maps", conf.mailbox_maps, err);
	if (conf.mailboxes == NULL)
		return -1;
	conf.uids = open_list("virtual_uid_maps", conf.uid_maps, err);
	if (conf.uids == NULL)
		return -1;
	conf.gids = open_list("virtual_gid_maps", conf.gid_maps, err);
	if (conf.gids == NULL)
		return -1;
	conf.keys = (struct mail_key_env){ .delims = conf.delimiter, .owner_request = conf.owner_special };
	return 0;
}
