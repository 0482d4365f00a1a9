/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of local, what is made of them, and the tables. */
#include <string.h>

#include "base/strvec.h"
#include "daemon/daemon.h"
#include "local.h"
#include "proto/cleanup.h"

struct local_conf conf;

#define STR(field, name)	CONF_BIND_STR(struct local_conf, field, name)
#define RAW(field, name)	CONF_BIND_RAW(struct local_conf, field, name)
#define INT(field, name)	CONF_BIND_INT(struct local_conf, field, name)
#define TIME(field, name)	CONF_BIND_TIME(struct local_conf, field, name)
#define BOOL(field, name)	CONF_BIND_BOOL(struct local_conf, field, name)

const struct conf_bind local_binds[N_LOCAL_BINDS] = {
	STR(alias_maps, alias_maps), STR(allow_commands, allow_mail_to_commands), STR(allow_files, allow_mail_to_files),
	RAW(command_dir, command_execution_directory), STR(command_filter, command_expansion_filter), STR(default_privs, default_privs),
	STR(dir_filter, execution_directory_expansion_filter), STR(export_environment, export_environment),
	STR(fallback_transport, fallback_transport), STR(fallback_transport_maps, fallback_transport_maps),
	STR(forward_filter, forward_expansion_filter), RAW(forward_path, forward_path), STR(home_mailbox, home_mailbox),
	STR(shell, local_command_shell), RAW(luser_relay, luser_relay), STR(spool_dir, mail_spool_directory),
	RAW(mailbox_command, mailbox_command), STR(mailbox_command_maps, mailbox_command_maps), STR(delivery_lock, mailbox_delivery_lock),
	STR(mailbox_transport, mailbox_transport), STR(mailbox_transport_maps, mailbox_transport_maps),
	STR(prepend, prepend_delivered_header), STR(propagate, propagate_unmatched_extensions), STR(delimiter, recipient_delimiter),
	STR(mail_owner, mail_owner), STR(mail_name, mail_name), STR(myhostname, myhostname),
	TIME(command_time_ms, command_time_limit), TIME(lock_delay_ms, deliver_lock_delay), TIME(stale_lock_ms, stale_lock_time),
	INT(lock_attempts, deliver_lock_attempts), INT(size_limit, mailbox_size_limit), INT(duplicate_limit, duplicate_filter_limit),
	BOOL(original_recipient, enable_original_recipient), BOOL(expand_owner, expand_owner_alias),
	BOOL(reset_owner, reset_owner_alias), BOOL(owner_special, owner_request_special), BOOL(require_home, require_home_directory),
	BOOL(strict_owner, strict_mailbox_ownership),
};
_Static_assert(sizeof(local_binds) / sizeof(local_binds[0]) == N_LOCAL_BINDS, "number of parameters");

/* Bits for the words of a list; lib/config has refused all others. */
static int
words(const char *text, const char *const *names)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);
	int bits = 0;

	if (strvec_split(&v, text, ", \t\r\n") < 0)
		return 0;
	for (int i = 0; names[i] != NULL; i++)
		if (strvec_hasi(&v, names[i]))
			bits |= 1 << i;
	return bits;
}

static struct table_list *
open_list(const char *name, const char *specs, struct err *err)
{
	struct table_list *l = table_list_open(specs, TABLE_FOLD | TABLE_NO_SUBST, daemon_conf(), err);

	if (l == NULL)
		err_prefix(err, "%s: ", name);
	for (size_t i = 0; i < table_list_count(l); i++)
		daemon_watch_table(table_list_at(l, i));
	return l;
}

static int
find_rights(const char *parameter, const char *user, struct rights *r, struct err *err)
{
	struct rights_user u;
	int found = rights_find(user, &u, err);

	if (found == 0)
		return err_set(err, ERR_CONF, NULL, "%s: no such user: %s", parameter, user);
	if (found < 0)
		return err_prefix(err, "%s: ", parameter);
	*r = u.rights;
	rights_user_done(&u);
	if (r->uid == 0)
		return err_set(err, ERR_CONF, NULL, "%s: user %s has superuser rights", parameter, user);
	return 0;
}

static void
read_words(void)
{
	static const char *const from[] = { "alias", "forward", "include", NULL };
	static const char *const to[] = { "command", "file", "forward", NULL };
	int propagate = words(conf.propagate, from);

	conf.allow_commands_from = words(conf.allow_commands, from);
	conf.allow_files_from = words(conf.allow_files, from);
	conf.prepend_to = words(conf.prepend, to);
	conf.propagate_alias = (propagate & ALLOW_ALIAS) != 0;
	conf.propagate_forward = (propagate & ALLOW_FORWARD) != 0;
	conf.propagate_include = (propagate & ALLOW_INCLUDE) != 0;
	conf.locks = mailbox_locks_parse(conf.delivery_lock);
}

int
conf_prepare(struct err *err)
{
	read_words();
	if (conf.locks < 0)
		return err_set(err, ERR_CONF, NULL, "mailbox_delivery_lock: \"%s\" is not understood", conf.delivery_lock);
	if (*conf.spool_dir == '\0')
		conf.spool_dir = "/var/mail";
	if (find_rights("default_privs", conf.default_privs, &conf.default_rights, err) < 0 ||
	    find_rights("mail_owner", conf.mail_owner, &conf.owner_rights, err) < 0)
		return -1;
	if (conf.default_rights.uid == conf.owner_rights.uid)
		return err_set(err, ERR_CONF, NULL, "default_privs: user %s is the mail_owner", conf.default_privs);
	return 0;
}

int
conf_open(struct err *err)
{
	conf.aliases = open_list("alias_maps", conf.alias_maps, err);
	if (conf.aliases == NULL)
		return -1;
	conf.command_maps = open_list("mailbox_command_maps", conf.mailbox_command_maps, err);
	if (conf.command_maps == NULL)
		return -1;
	conf.transport_maps = open_list("mailbox_transport_maps", conf.mailbox_transport_maps, err);
	if (conf.transport_maps == NULL)
		return -1;
	conf.fallback_maps = open_list("fallback_transport_maps", conf.fallback_transport_maps, err);
	if (conf.fallback_maps == NULL)
		return -1;
	conf.route = route_new(conf_dir(daemon_conf()), err);
	if (conf.route == NULL)
		return -1;
	route_each_table(conf.route, daemon_watch_table);
	conf.cleanup = cleanup_pool_new(daemon_conf());
	return 0;
}
