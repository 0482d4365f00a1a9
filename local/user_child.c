/* SPDX-License-Identifier: Apache-2.0 */
/* In the child: a user's .forward files, and his mailbox, Maildir or command. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "child.h"
#include "config/conf.h"
#include "config/expand.h"
#include "daemon/daemon.h"
#include "deliver/cmd_env.h"
#include "deliver/maildir.h"
#include "deliver/pipe_cmd.h"

/* ---- names in forward_path, luser_relay ... and the environment of commands */
struct name_scope {
	const struct user_job *j;
	bool missing;
};

static const char *
attr_value(const struct user_job *j, const char *name)
{
	const struct name_parts *n = j->n;

	if (strcmp(name, "user") == 0)
		return n->user;
	if (strcmp(name, "home") == 0)
		return j->user != NULL ? j->user->home : NULL;
	if (strcmp(name, "shell") == 0)
		return j->user != NULL ? j->user->shell : NULL;
	if (strcmp(name, "recipient") == 0)
		return j->t->addr;
	if (strcmp(name, "extension") == 0)
		return *n->ext != '\0' ? n->ext + 1 : NULL;
	if (strcmp(name, "domain") == 0)
		return n->domain;
	if (strcmp(name, "local") == 0)
		return n->local;
	if (strcmp(name, "recipient_delimiter") == 0)
		return *n->ext != '\0' ? pool_strndup(j->d->pool, n->ext, 1) : NULL;
	return NULL;
}

static int
lookup_name(void *arg, const char *name, const char **value, struct err *err UNUSED)
{
	struct name_scope *s = arg;

	*value = attr_value(s->j, name);
	if (*value == NULL)
		s->missing = true;
	return 0;
}

int
job_expand(struct user_job *j, const char *text, const char *filter, struct strbuf *out)
{
	struct name_scope s = { .j = j };
	struct expand e = { .lookup = lookup_name, .arg = &s, .filter = filter };

	if (expand_text(&e, text, out, NULL) < 0)
		return -1;
	return s.missing ? 0 : 1;
}

static void
add_env(const struct user_job *j, struct strvec *env, const char *name, const char *value)
{
	AUTO(mem_free) char *v = NULL;

	(void)j;
	if (value == NULL)
		return;
	v = mem_strdup(value);
	for (char *p = v; *p != '\0'; p++)
		if (strchr(conf.command_filter, *p) == NULL)
			*p = '_';
	(void)strvec_addf(env, "%s=%s", name, v);
}

static const char *
nonempty(const char *s)
{
	return s != NULL && *s != '\0' ? s : NULL;
}

static void
add_client(const struct user_job *j, struct strvec *env)
{
	static const struct { const char *env, *attr; } names[] = {
		{ "CLIENT_ADDRESS", "log_client_address" }, { "CLIENT_HELO", "log_helo_name" }, { "CLIENT_HOSTNAME", "log_client_name" },
		{ "CLIENT_PROTOCOL", "log_protocol_name" }, { "SASL_METHOD", "sasl_method" }, { "SASL_SENDER", "sasl_sender" },
		{ "SASL_USERNAME", "sasl_username" },
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		add_env(j, env, names[i].env, nonempty(deliver_attr(j->d->ctx->req, names[i].attr)));
}

char **
job_environment(struct user_job *j, struct strvec *env)
{
	const struct deliver_req *req = j->d->ctx->req;
	const struct qrcpt *r = j->d->rcpt;

	cmd_env_add(env, conf.export_environment);
	if (j->user != NULL) {
		add_env(j, env, "HOME", j->user->home);
		add_env(j, env, "SHELL", j->user->shell);
	}
	add_env(j, env, "USER", j->n->user);
	add_env(j, env, "LOGNAME", j->n->user);
	add_env(j, env, "EXTENSION", *j->n->ext != '\0' ? j->n->ext + 1 : NULL);
	add_env(j, env, "DOMAIN", j->n->domain);
	add_env(j, env, "LOCAL", j->n->local);
	add_env(j, env, "ORIGINAL_RECIPIENT", r->orig != NULL && *r->orig != '\0' ? r->orig : r->addr);
	add_env(j, env, "RECIPIENT", j->t->addr);
	add_env(j, env, "SENDER", req->sender);
	add_env(j, env, "ENVID", nonempty(req->dsn_envid));
	add_client(j, env);
	return strvec_argv(env);
}

/* ---- deliveries */
void
job_message(struct user_job *j, bool with_delivered_to, struct copy_msg *m)
{
	const struct qrcpt *r = j->d->rcpt;

	*m = (struct copy_msg){ .file = j->d->ctx->file, .content_at = j->d->ctx->req->content_offset,
		.sender = j->d->ctx->req->sender, .return_path = true };
	if (conf.original_recipient)
		m->orig_to = r->orig != NULL && *r->orig != '\0' ? r->orig : r->addr;
	if (with_delivered_to)
		m->delivered_to = r->addr;
}

void
deliver_to_command(struct user_job *j, const char *command)
{
	AUTO(strvec_done) struct strvec env = STRVEC_INIT(1100);
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(PIPE_CMD_TEXT_MAX), dir = STRBUF_INIT(4000);
	struct pipe_cmd p = { .command = command, .shell = conf.shell, .program = "local", .time_limit_ms = conf.command_time_ms,
		.copy_flags = COPY_FROM_LINE };
	struct copy_msg m;
	char dsn[12];

	if (*conf.command_dir != '\0' && job_expand(j, conf.command_dir, conf.dir_filter, &dir) == 1)
		p.dir = dir.s;
	j->d->ran_command = true;
	job_message(j, (conf.prepend_to & PREPEND_COMMAND) != 0, &m);
	p.env = job_environment(j, &env);
	pipe_cmd_run(&p, &m, dsn, &text);
	if (dsn[0] == '2')
		child_outcome(j->sock, dsn, "delivered to command: %s", command);
	else
		child_outcome(j->sock, dsn, "%s", text.s);
}

static void
warn_text(void *arg, const char *text)
{
	const struct user_job *j = arg;

	child_warn(j->sock, "%s", text);
}

static int
to_maildir(struct user_job *j, const char *dir, const char *dflt_dsn)
{
	AUTO(mem_free) char *path = mem_strdup(dir);
	struct err err = ERR_INIT;
	struct copy_msg m;
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	job_message(j, (conf.prepend_to & PREPEND_FILE) != 0, &m);
	if (maildir_deliver(path, conf.myhostname, &m, dflt_dsn, &err) < 0) {
		child_outcome(j->sock, err.dsn, "maildir delivery failed: %s", err.text);
		return -1;
	}
	child_outcome(j->sock, "2.0.0", "delivered to maildir");
	return 0;
}

static struct mailbox_opts
mailbox_options(struct user_job *j)
{
	return (struct mailbox_opts){ .locks = conf.locks, .lock_attempts = (int)conf.lock_attempts,
		.lock_delay_ms = (unsigned)conf.lock_delay_ms, .stale_lock_s = (int64_t)(conf.stale_lock_ms / 1000),
		.size_limit = conf.size_limit, .warn = warn_text, .warn_arg = j };
}

void
deliver_to_file(struct user_job *j, const char *path)
{
	struct mailbox_opts o = mailbox_options(j);
	struct err err = ERR_INIT;
	struct copy_msg m;

	if (path[strlen(path) - 1] == '/') {
		(void)to_maildir(j, path, "5.2.0");
		return;
	}
	job_message(j, (conf.prepend_to & PREPEND_FILE) != 0, &m);
	if (mailbox_deliver(path, &o, &m, "5.2.0", &err) < 0)
		child_outcome(j->sock, err.dsn, "cannot append message to file %s: %s", path, err.text);
	else
		child_outcome(j->sock, "2.0.0", "delivered to file: %s", path);
}

/* ---- the mailbox */
static int
help(void *arg, enum child_ask what, struct err *err)
{
	const struct user_job *j = arg;
	int e = child_ask(j->sock, what);

	if (e == 0)
		return 0;
	errno = e;
	return err_sys(err, what == ASK_CREATE ? "cannot create file exclusively" : "unable to create lock file %s.lock", j->spool_path);
}

static int help_create(void *arg, struct err *err) { return help(arg, ASK_CREATE, err); }
static int help_lock(void *arg, struct err *err) { return help(arg, ASK_LOCK, err); }
static int help_break(void *arg, struct err *err) { return help(arg, ASK_BREAK, err); }
static void help_unlock(void *arg) { (void)help(arg, ASK_UNLOCK, NULL); }

static void
to_mailbox(struct user_job *j, const char *path, bool in_spool)
{
	struct mailbox_helper h = { help_create, help_lock, help_break, help_unlock, j };
	struct mailbox_opts o = mailbox_options(j);
	struct err err = ERR_INIT;
	struct copy_msg m;

	o.owner = j->user->rights.uid;
	o.strict_owner = conf.strict_owner;
	o.helper = in_spool ? &h : NULL;
	job_message(j, (conf.prepend_to & PREPEND_FILE) != 0, &m);
	if (mailbox_deliver(path, &o, &m, "4.2.0", &err) < 0)
		child_outcome(j->sock, err.dsn, "cannot update mailbox %s for user %s. %s", path, j->user->name, err.text);
	else
		child_outcome(j->sock, "2.0.0", "delivered to mailbox");
}

static void
deliver_to_user(struct user_job *j)
{
	AUTO(mem_free) char *path = NULL;
	struct stat st;

	if (conf.require_home && stat(j->user->home, &st) < 0 && errno == ENOENT) {
		child_outcome(j->sock, "4.3.0", "cannot find home directory");
	} else if (*j->command != '\0' && geteuid() == 0) {
		child_say(j->sock, CHILD_COMMAND, j->command, NULL);
	} else if (*j->command != '\0') {
		deliver_to_command(j, j->command);
	} else if (*conf.home_mailbox != '\0') {
		path = mem_printf("%s/%s", j->user->home, conf.home_mailbox);
		if (path[strlen(path) - 1] == '/')
			(void)to_maildir(j, path, "4.2.0");
		else
			to_mailbox(j, path, false);
	} else if (conf.spool_dir[strlen(conf.spool_dir) - 1] == '/') {
		if (stat(j->spool_path, &st) < 0 && errno == ENOENT)
			(void)child_ask(j->sock, ASK_MAILDIR);
		(void)to_maildir(j, j->spool_path, "4.2.0");
	} else {
		to_mailbox(j, j->spool_path, true);
	}
}

/* ---- .forward */
/* Whose mail it is must be told by nobody else: 1 usable, 0 not. */
static bool
is_safe(const struct user_job *j, const struct stat *st, const char *path)
{
	const char *why = NULL;

	if (!S_ISREG(st->st_mode))
		why = "it is not a regular file";
	else if (st->st_uid != 0 && st->st_uid != j->user->rights.uid)
		why = "it is not owned by the recipient";
	else if ((st->st_mode & 002) != 0)
		why = "it is world-writable";
	if (why != NULL)
		child_warn(j->sock, "file %s is not used: %s", path, why);
	return why == NULL;
}

/* 1 mail goes where the file says, 0 there is none, -1 said. */
static int
try_forward(struct user_job *j, const char *path)
{
	struct list_job l = { .user = *j, .from = ALLOW_FORWARD };
	struct err err = ERR_INIT;
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		child_outcome(j->sock, "4.3.0", "cannot read file %s", path);
		io_close(&fd);
		return -1;
	}
	if (!is_safe(j, &st, path)) {
		io_close(&fd);
		return 0;
	}
	r = list_read(&l, fd, path, &err);
	if (r < 0)
		child_outcome(j->sock, *err.dsn != '\0' ? err.dsn : "4.3.0", "%s", err.text);
	return r;
}

static int
try_forwards(struct user_job *j)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);

	if (conf_split_list(conf.forward_path, &v, NULL) < 0)
		return 0;
	for (size_t i = 0; i < v.n; i++) {
		AUTO(strbuf_done) struct strbuf path = STRBUF_INIT(4000);
		int r;

		if (job_expand(j, v.v[i], conf.forward_filter, &path) != 1)
			continue;
		r = try_forward(j, path.s);
		if (r != 0)
			return r;
	}
	return 0;
}

void
user_child(struct user_job *j)
{
	struct err err = ERR_INIT;
	int r = copy_was_delivered_to(j->d->ctx->file, j->d->ctx->req->content_offset, j->d->rcpt->addr, &err);

	if (r < 0) {
		child_outcome(j->sock, "4.3.0", "%s", err.text);
		return;
	}
	if (r > 0) {
		child_say(j->sock, CHILD_LOOP, NULL, NULL);
		return;
	}
	if (!j->no_forward && try_forwards(j) != 0)
		return;
	deliver_to_user(j);
}
