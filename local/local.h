/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local - delivery to users of this machine: aliases, .forward, mailboxes, commands, :include: lists
 *
 * The process stays root and is a broker: it knows its request and the tables of the administrator, finds out where a recipient's mail is to
 * go, and reports.  Whatever reads what others wrote - the message, .forward, :include: - or writes to mailboxes and starts commands is
 * a child (child.h) that has the recipient's rights for good and tells the broker over a socket what it found and did.
 * One process has many sessions, so that they share the stock of children that wait for more (worker.h); only the name service
 * and a child's start may hold it up.
 *
 *	main.c conf.c	the daemon and its parameters	delivery.c	one recipient: targets, outcomes, the report
 *	alias.c		alias_maps			user.c		the broker's side of one user
 *	items.c		right-hand sides		user_child.c	the child's: .forward, mailbox, command
 *	forward.c	one new message			list_child.c	the child's: :include:, files and commands of aliases
 *	pass.c		mailbox_transport and others	child.c		fork, rights, the socket between
 *							worker.c	children that serve one user several times
 */
#ifndef LOCAL_LOCAL_H
#define LOCAL_LOCAL_H

#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"
#include "deliver/deliver_serve.h"
#include "deliver/mailbox.h"
#include "deliver/rights.h"
#include "route/mail_key.h"
#include "route/route.h"
#include "table/table.h"

enum { LEVEL_MAX = 50, TARGETS_MAX = 50000, ITEMS_MAX = 50000 };
enum allow { ALLOW_ALIAS = 1, ALLOW_FORWARD = 2, ALLOW_INCLUDE = 4 };
enum prepend { PREPEND_COMMAND = 1, PREPEND_FILE = 2, PREPEND_FORWARD = 4 };

struct local_conf {
	const char *alias_maps, *allow_commands, *allow_files, *command_dir, *command_filter, *default_privs, *dir_filter,
	    *export_environment, *fallback_transport, *fallback_transport_maps, *forward_filter, *forward_path, *home_mailbox, *shell,
	    *luser_relay, *spool_dir, *mailbox_command, *mailbox_command_maps, *delivery_lock, *mailbox_transport,
	    *mailbox_transport_maps, *prepend, *propagate, *delimiter, *mail_owner, *mail_name, *myhostname;
	uint64_t command_time_ms, lock_delay_ms, stale_lock_ms;
	int64_t lock_attempts, size_limit, duplicate_limit;
	bool original_recipient, expand_owner, reset_owner, owner_special, require_home, strict_owner;
	/* made of the above */
	int allow_commands_from, allow_files_from, prepend_to, locks;
	bool propagate_alias, propagate_forward, propagate_include;
	struct table_list *aliases, *command_maps, *transport_maps, *fallback_maps;
	struct route *route;
	struct rights default_rights, owner_rights;
	struct ipc_pool *cleanup;
};
enum { N_LOCAL_BINDS = 39 };
extern struct local_conf conf;
extern const struct conf_bind local_binds[N_LOCAL_BINDS];

NODISCARD int conf_prepare(struct err *err);	/* all but the tables */
NODISCARD int conf_open(struct err *err);

/* ---- one recipient of a request */
enum expansion { EXP_NONE, EXP_ALIAS, EXP_FORWARD, EXP_INCLUDE };

struct target {
	struct list link;
	const char *addr;	/* internal form, with a domain */
	const char *from;	/* the alias or user it came from, or NULL */
	const char *owner;	/* sender of what it turns into, or NULL */
	enum expansion exp;
	unsigned level;
	bool literal;		/* \user: no aliases, no .forward */
};

struct outcome {
	struct list link;
	const char *addr;
	char dsn[12];
	const char *text;
};

struct forward {	/* addresses that get one new message */
	struct list link;
	const char *sender;
	bool is_owner;
	struct strvec addrs;
	struct map *seen;
};

struct delivery {
	struct deliver_ctx *ctx;
	const struct qrcpt *rcpt;
	struct pool *pool;
	struct list targets, outcomes, forwards;
	size_t n_targets;
	struct map *done;	/* what was delivered to already: users, files, commands */
	bool looped;		/* a Delivered-To: header says that it was here before */
	bool ran_command;	/* child */
	bool passed_deferred;	/* another agent left it in the queue and said so itself */
	bool passed;		/* another agent delivered and reported */
	bool passed_unmarked;	/* ... without marking the recipient, since it is not the only destination */
};

struct name_parts;
void delivery_run(struct deliver_ctx *ctx, const struct qrcpt *rcpt) MAY_WAIT;
void delivery_probe(struct deliver_ctx *ctx, const struct qrcpt *rcpt) MAY_WAIT;	/* would it be delivered?  Nothing is. */
int alias_exists(const struct name_parts *n, struct err *err) MAY_WAIT;	/* 1, 0, -1 */
/* All strings are copied into the pool. */
void delivery_outcome(struct delivery *d, const char *addr, const char *dsn, const char *fmt, ...) PRINTF(4, 5);
void delivery_target(struct delivery *d, const struct target *like, const char *addr, bool literal);
void delivery_forward(struct delivery *d, const char *addr, const char *owner);
bool delivery_first(struct delivery *d, const char *kind, const char *what);	/* false: done already */
/* One address as written by an alias, .forward or list: complete it, find out whether it is ours, queue it up or have it forwarded. */
void delivery_address(struct delivery *d, const struct target *t, const char *text, const char *ext, bool literal) MAY_WAIT;
/* Parts of a target's address; ext with its delimiter, or "". */
struct name_parts {
	char *local, *user, *ext, *domain;	/* of the pool, local and user in lower case */
};
struct name_parts delivery_parts(struct delivery *d, const char *addr);

int alias_expand(struct delivery *d, const struct target *t, const struct name_parts *n) MAY_WAIT;	/* 1 it was one (or its table failed), 0 */
void user_deliver(struct delivery *d, const struct target *t, const struct name_parts *n) MAY_WAIT;
void forward_send(struct delivery *d, struct forward *f) MAY_WAIT;
/* 1: handed over (or not, which is said), 0: spec is empty. */
int pass_to(struct delivery *d, const struct target *t, const struct name_parts *n, const char *spec) MAY_WAIT;
/* The value of the maps for a name, else dflt (which may be ""): 1, 0 empty, -1 (an outcome was added). */
int pass_lookup(struct delivery *d, const struct target *t, struct table_list *maps, const struct name_parts *n, const char *dflt,
    struct strbuf *spec) MAY_WAIT;
bool deliver_address_is_user(struct delivery *d, const char *text, const char *user) MAY_WAIT;

/* ---- right-hand sides */
enum item_kind { ITEM_ADDR, ITEM_LITERAL, ITEM_FILE, ITEM_COMMAND, ITEM_INCLUDE };
struct item {
	enum item_kind kind;
	const char *text;	/* of the pool */
};
/* Calls fn for each; home is for "~/file" (NULL: not meant here).  -1: malformed, or more than ITEMS_MAX in all (*count goes on). */
typedef void item_fn(void *arg, const struct item *it);
NODISCARD int items_parse(struct pool *pool, const char *text, const char *home, size_t *count, item_fn *fn, void *arg, struct err *err);

/* ---- work with a user's rights */
struct user_job {
	struct delivery *d;
	const struct target *t;
	const struct name_parts *n;
	struct rights_user *user;	/* NULL: not on behalf of a user of the system (aliases) */
	const char *command;		/* mailbox_command for him, or "" */
	bool no_forward;
	char *spool_path;		/* mailbox or Maildir below mail_spool_directory */
	int sock;			/* child: to the broker */
};
void user_child(struct user_job *j);	/* child */
/* One file, command or :include: list of an alias, in a child with these rights. */
struct list_job {
	struct user_job user;
	struct item item;
	enum allow from;
	unsigned depth;
	size_t count;
	bool any;
};
void list_child(struct list_job *j);
void list_run_item(struct list_job *j, const struct item *it);	/* child */
/* child: read a list of destinations with our rights; 1 something in it, 0 nothing, -1 err */
NODISCARD int list_read(struct list_job *j, int fd, const char *path, struct err *err);

/* Both in children. */
void deliver_to_file(struct user_job *j, const char *path);
void deliver_to_command(struct user_job *j, const char *command);
void job_message(struct user_job *j, bool with_delivered_to, struct copy_msg *m);
char **job_environment(struct user_job *j, struct strvec *env);
/* $user, $home ... in text; 1, 0 when it names something that is not there, -1 */
NODISCARD int job_expand(struct user_job *j, const char *text, const char *filter, struct strbuf *out);

#endif
