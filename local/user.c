/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's side of one user: who it is, what the tables say, a child, and the child's requests. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker.h"

struct broker {
	struct user_job *j;
	bool self;		/* .forward names the user himself */
	struct list items;	/* of root's .forward: to be done as default_privs */
	size_t n_items;
};

struct kept_item {
	struct list link;
	struct item item;
};

/* ---- what a child may ask for: always for the path that the broker made itself */
static int
sync_spool(void)
{
	AUTO(io_close) int fd = open(conf.spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : errno;
}

static int
create_mailbox(const struct user_job *j)
{
	AUTO(io_close) int fd = open(j->spool_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	if (fchown(fd, j->user->rights.uid, (gid_t)-1) < 0 || fchmod(fd, 0600) < 0)
		return errno;
	return sync_spool();
}

static int
create_maildir(const struct user_job *j)
{
	if (mkdir(j->spool_path, 0700) < 0)
		return errno;
	if (lchown(j->spool_path, j->user->rights.uid, j->user->rights.gid) < 0)
		return errno;
	return sync_spool();
}

static int
create_lock(const char *lock, const struct user_job *j)
{
	AUTO(io_close) int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	return fchown(fd, j->user->rights.uid, (gid_t)-1) < 0 ? errno : 0;
}

static int
break_lock(const char *lock)
{
	struct stat st;

	if (lstat(lock, &st) < 0)
		return errno;
	if ((clock_wall_s() - st.st_mtime) * 1000 <= (int64_t)conf.stale_lock_ms)
		return EEXIST;
	return unlink(lock) < 0 ? errno : 0;
}

static int
ask(void *arg, char what)
{
	const struct broker *b = arg;
	const struct user_job *j = b->j;
	AUTO(mem_free) char *lock = mem_printf("%s.lock", j->spool_path);

	switch (what) {
	case ASK_CREATE:
		return create_mailbox(j);
	case ASK_MAILDIR:
		return create_maildir(j);
	case ASK_LOCK:
		return create_lock(lock, j);
	case ASK_BREAK:
		return break_lock(lock);
	case ASK_UNLOCK:
		return unlink(lock) < 0 ? errno : 0;
	default:
		return EPERM;
	}
}

/* ---- .forward */
static void
forward_address(void *arg, const char *text, bool literal)
{
	struct broker *b = arg;
	struct user_job *j = b->j;
	struct target like = { .from = j->n->user, .owner = NULL, .exp = EXP_FORWARD, .level = j->t->level + 1 };

	if (deliver_address_is_user(j->d, text, j->n->user))
		b->self = true;
	else
		delivery_address(j->d, &like, text, conf.propagate_forward ? j->n->ext : "", literal);
}

static void
forward_item(void *arg, const struct item *it)
{
	struct broker *b = arg;
	struct pool *pool = b->j->d->pool;
	struct kept_item *k;

	if (++b->n_items > ITEMS_MAX)
		return;
	k = pool_alloc(pool, sizeof(*k));
	k->item = (struct item){ .kind = it->kind, .text = pool_strdup(pool, it->text) };
	list_append(&b->items, &k->link);
}

static void
run_list(void *arg)
{
	list_child(arg);
}

static void
run_kept_items(struct broker *b)
{
	static const struct child_handlers none = { .address = NULL };

	for (struct list *l = b->items.next; l != &b->items && !b->j->d->looped; l = l->next) {
		struct list_job job = { .user = *b->j, .item = LIST_ITEM(l, struct kept_item, link)->item, .from = ALLOW_FORWARD };

		child_run(b->j->d, b->j->t, &conf.default_rights, run_list, &job, &job.user.sock, &none, NULL);
	}
}

static int
mailbox_command(struct delivery *d, const struct target *t, const struct name_parts *n, struct strbuf *command)
{
	struct err err = ERR_INIT;
	int r = table_list_is_empty(conf.command_maps) ? 0 : table_list_lookup(conf.command_maps, n->user, command, &err);

	if (r < 0) {
		log_warning("%s: mailbox_command_maps: %s", d->ctx->req->id, err.text);
		delivery_outcome(d, t->addr, "4.3.0", "mailbox_command_maps lookup failure");
		return -1;
	}
	if (r == 0)
		strbuf_adds(command, conf.mailbox_command);
	return 0;
}

static void
deliver_known(struct delivery *d, const struct target *t, const struct name_parts *n, struct rights_user *u)
{
	static const struct child_handlers handlers = { .address = forward_address, .item = forward_item, .ask = ask };
	AUTO(strbuf_done) struct strbuf command = STRBUF_INIT(16000);
	AUTO(mem_free) char *spool = mem_printf("%s%s%s", conf.spool_dir, conf.spool_dir[strlen(conf.spool_dir) - 1] == '/' ? "" : "/", u->name);
	struct user_job j = { .d = d, .t = t, .n = n, .user = u, .spool_path = spool, .no_forward = t->literal };
	struct broker b = { .j = &j };

	if (!delivery_first(d, "user", u->name) || mailbox_command(d, t, n, &command) < 0)
		return;
	list_init(&b.items);
	j.command = command.s;
	if (worker_run(&j, &handlers, &b) < 0 || d->looped)
		return;
	run_kept_items(&b);
	if (!b.self || d->looped)
		return;
	list_init(&b.items);
	j.no_forward = true;
	if (worker_run(&j, &handlers, &b) == 0)
		run_kept_items(&b);
}

/* ---- nobody of that name */
static bool
relay_to_luser(struct delivery *d, const struct target *t, const struct name_parts *n)
{
	AUTO(strbuf_done) struct strbuf to = STRBUF_INIT(4000);
	struct user_job j = { .d = d, .t = t, .n = n };
	struct target like = { .from = n->user, .exp = EXP_ALIAS, .level = t->level + 1 };

	if (*conf.luser_relay == '\0')
		return false;
	if (job_expand(&j, conf.luser_relay, conf.forward_filter, &to) < 0)
		return false;
	delivery_address(d, &like, to.s, "", false);
	return true;
}

static void
deliver_unknown(struct delivery *d, const struct target *t, const struct name_parts *n)
{
	AUTO(strbuf_done) struct strbuf spec = STRBUF_INIT(4000);
	int r = pass_lookup(d, t, conf.fallback_maps, n, conf.fallback_transport, &spec);

	if (r < 0 || (r > 0 && pass_to(d, t, n, spec.s) != 0))
		return;
	if (relay_to_luser(d, t, n))
		return;
	if (ascii_casecmp(n->user, "mailer-daemon") == 0 || ascii_casecmp(n->user, "postmaster") == 0) {
		log_warning("required alias not found: %s", n->user);
		delivery_outcome(d, t->addr, "2.0.0", "discarded");
		return;
	}
	delivery_outcome(d, t->addr, "5.1.1", "unknown user: \"%s\"", n->user);
}

void
user_deliver(struct delivery *d, const struct target *t, const struct name_parts *n)
{
	AUTO(strbuf_done) struct strbuf spec = STRBUF_INIT(4000);
	struct err err = ERR_INIT;
	struct rights_user u;
	int r = pass_lookup(d, t, conf.transport_maps, n, conf.mailbox_transport, &spec);

	if (r < 0 || (r > 0 && pass_to(d, t, n, spec.s) != 0))
		return;
	r = strchr(n->user, '/') != NULL || *n->user == '\0' || n->user[0] == '.' ? 0 : rights_find(n->user, &u, &err);
	if (r < 0) {
		log_warning("%s: %s: %s", d->ctx->req->id, n->user, err.text);
		delivery_outcome(d, t->addr, "4.3.0", "user lookup error");
	} else if (r == 0) {
		deliver_unknown(d, t, n);
	} else {
		deliver_known(d, t, n, &u);
		rights_user_done(&u);
	}
}
