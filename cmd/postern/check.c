/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - what must be right before the mail system can run, and the command that mends what is not
 *
 * Missing queue directories are made.  Errors prevent a start, warnings do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/master_cf.h"
#include "daemon/layout.h"
#include "daemon/logconf.h"
#include "daemon/sandbox.h"
#include "postern.h"

struct check {
	const struct postern *p;
	struct layout_owner owner;
	bool fix, is_start, has_users;
	unsigned errors;
};

static void
wrong(struct check *c, const char *what, const char *mend)
{
	log_error("%s; mend it with: %s", what, mend);
	c->errors++;
}

static void
check_users(struct check *c)
{
	struct sandbox_identity id = { 0 };
	struct err err = ERR_INIT;
	AUTO(mem_free) char *useradd = mem_printf("useradd --system --no-create-home --home-dir %s --shell /usr/sbin/nologin %s",
	    c->p->par.queue_dir, c->p->par.mail_owner);
	AUTO(mem_free) char *groupadd = mem_printf("groupadd --system %s", c->p->par.setgid_group);

	c->has_users = true;
	if (sandbox_find_user(c->p->par.mail_owner, &id, &err) < 0) {
		wrong(c, "mail_owner: no such user", useradd);
		c->has_users = false;
	} else if (id.uid == 0) {
		wrong(c, "mail_owner may not be root", "postconf -e mail_owner=postfix");
		c->has_users = false;
	}
	if (sandbox_find_group(c->p->par.setgid_group, &c->owner.setgid, &err) < 0) {
		wrong(c, "setgid_group: no such group", groupadd);
		c->has_users = false;
	} else if (id.uid != 0 && c->owner.setgid == id.gid) {
		log_warning("setgid_group is the group of mail_owner: give it a group of its own (%s)", groupadd);
	}
	c->owner.uid = id.uid;
}

static void
on_layout(void *arg, const char *what, const char *command)
{
	struct check *c = arg;

	if (c->fix)
		log_info("%s: done: %s", what, command);
	else
		log_warning("%s; mend it with: %s", what, command);
}

static void
check_data_dir(struct check *c)
{
	const char *dir = c->p->par.data_dir;
	AUTO(mem_free) char *chown_text = mem_printf("chown %s %s", c->p->par.mail_owner, dir);
	struct err err = ERR_INIT;
	struct stat st;

	if (stat(dir, &st) < 0) {
		if (io_make_dirs(dir, 0755, &err) < 0 || chown(dir, c->owner.uid, 0) < 0 || chmod(dir, 0700) < 0)
			wrong(c, "data_directory cannot be made", chown_text);
		return;
	}
	if (st.st_uid == c->owner.uid)
		return;
	if (!c->fix || chown(dir, c->owner.uid, st.st_gid) < 0)
		log_warning("data_directory %s is not owned by %s; mend it with: %s", dir, c->p->par.mail_owner, chown_text);
}

static void
check_queue_dir(struct check *c)
{
	const char *dir = c->p->par.queue_dir;
	AUTO(mem_free) char *mend = mem_printf("chown root %s; chmod go-w %s", dir, dir);
	struct err err = ERR_INIT;
	struct stat st;

	if (layout_make(dir, &c->owner, &err) < 0) {
		wrong(c, err.text, mend);
		return;
	}
	if (stat(dir, &st) == 0 && (st.st_uid != 0 || (st.st_mode & 022) != 0))
		log_warning("queue_directory %s is not owned by root, or others may write it; mend it with: %s", dir, mend);
	(void)layout_check(dir, &c->owner, c->fix, on_layout, c);
}

/* Set-gid commands: group and mode; nothing else of ours has such bits. */
static void
check_command(struct check *c, const char *name)
{
	AUTO(mem_free) char *path = mem_printf("%s/%s", c->p->par.command_dir, name);
	AUTO(mem_free) char *mend = mem_printf("chgrp %s %s && chmod 2755 %s", c->p->par.setgid_group, path, path);
	struct stat st;

	if (stat(path, &st) < 0) {
		log_warning("%s is missing; install it again (make install)", path);
		return;
	}
	if (st.st_gid == c->owner.setgid && (st.st_mode & 07777) == 02755 && st.st_uid == 0)
		return;
	if (c->fix && chown(path, 0, c->owner.setgid) == 0 && chmod(path, 02755) == 0)
		log_info("%s: done: %s", path, mend);
	else
		log_warning("%s is not set-gid %s with mode 2755; mend it with: %s", path, c->p->par.setgid_group, mend);
}

static void
check_daemons(struct check *c)
{
	const char *dir = c->p->par.daemon_dir;
	AUTO(mem_free) char *mend = mem_printf("chown root %s; chmod go-w %s", dir, dir);
	struct stat st;

	if (!has_program(dir, "master"))
		wrong(c, "daemon_directory has no program master", "postconf -e daemon_directory=... or make install");
	else if (stat(dir, &st) == 0 && (st.st_uid != 0 || (st.st_mode & 022) != 0))
		log_warning("daemon_directory %s is not owned by root, or others may write it; mend it with: %s", dir, mend);
}

/* An index that was never made: all mail to local names waits. */
static void
check_aliases(struct check *c)
{
	static const char *const suffix[][2] = { { "hash", ".db" }, { "btree", ".db" }, { "lmdb", ".lmdb" }, { "cdb", ".cdb" } };
	const char *value = conf_get(c->p->conf, "alias_database");
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);

	if (value == NULL || strvec_split(&v, value, ", \t\r\n") < 0)
		return;
	for (size_t i = 0; i < v.n; i++) {
		char *path = strchr(v.v[i], ':');

		if (path == NULL)
			continue;
		*path++ = '\0';
		for (size_t k = 0; k < COUNT_OF(suffix); k++) {
			AUTO(mem_free) char *file = mem_printf("%s%s", path, suffix[k][1]);

			if (strcmp(v.v[i], suffix[k][0]) == 0 && access(file, F_OK) < 0)
				log_warning("alias_database: %s: %m: mail to local addresses will wait; mend it with: newaliases", file);
		}
	}
}

static void
on_conf_warning(void *arg, const char *text)
{
	(void)arg;
	log_warning("%s", text);
}

/* Programs whose work is done elsewhere are named by "check" only: nothing is lost. */
static void
check_services(struct check *c, const struct master_cf *mc)
{
	static const char *const elsewhere[][2] = {
		{ "trivial-rewrite", "in the processes that need it" }, { "scache", "in smtp" }, { "dnsblog", "in resolver" },
		{ "tlsproxy", "in the processes that speak TLS" },
	};

	for (size_t i = 0; i < mc->n; i++) {
		const struct master_entry *e = &mc->entries[i];
		const char *where = NULL;

		for (size_t k = 0; k < COUNT_OF(elsewhere); k++) {
			if (strcmp(elsewhere[k][0], e->command) == 0)
				where = elsewhere[k][1];
		}
		if (where != NULL)
			log_debug("%s, line %d: the work of %s is done %s", mc->path, e->line, e->command, where);
		else if (!has_program(c->p->par.daemon_dir, e->command))
			log_warning("%s, line %d: service %s: there is no program %s: it will not be started", mc->path, e->line,
			    e->name, e->command);
	}
}

static void
check_conf(struct check *c)
{
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", c->p->conf_dir);
	AUTO(master_cf_free) struct master_cf *mc = NULL;
	struct err err = ERR_INIT;

	mc = master_cf_load(path, &err);
	if (mc == NULL) {
		wrong(c, err.text, "an editor");
		return;
	}
	if (!c->is_start) {	/* master says the same when it starts */
		conf_warn(c->p->conf, on_conf_warning, NULL);
		check_services(c, mc);
		c->errors += check_values(c->p, mc);
	}
	if (c->p->par.maillog_file[0] != '\0' && maillog_check(c->p->conf, c->p->par.maillog_file, &err) < 0)
		wrong(c, err.text, "postconf -e maillog_file_prefixes=...");
}

bool
check_system(const struct postern *p, bool fix, bool is_start)
{
	struct check c = { .p = p, .fix = fix, .is_start = is_start };

	check_users(&c);
	check_daemons(&c);
	check_conf(&c);
	check_aliases(&c);
	if (c.has_users) {
		check_queue_dir(&c);
		check_data_dir(&c);
		check_command(&c, "postdrop");
		check_command(&c, "postqueue");
	}
	return c.errors == 0;
}
