/* SPDX-License-Identifier: Apache-2.0 */
/* In the child: files of destinations (.forward, :include:), and the files and commands that aliases name. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "child.h"
#include "table/source.h"

enum { LIST_DEPTH_MAX = 10 };

static void
restricted(struct list_job *j, const char *what)
{
	child_outcome(j->user.sock, "5.7.1", "mail to %s is restricted", what);
}

static void
include(struct list_job *j, const char *path)
{
	struct list_job inner = *j;
	struct err err = ERR_INIT;
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(&err, "unable to lookup :include: file %s", path);
		child_warn(j->user.sock, "%s", err.text);
		child_outcome(j->user.sock, "5.3.5", "mail system configuration error");
		io_close(&fd);
		return;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & 002) != 0 || j->depth >= LIST_DEPTH_MAX) {
		child_warn(j->user.sock, ":include: file %s is %s", path, !S_ISREG(st.st_mode) ? "not a regular file" :
		    j->depth >= LIST_DEPTH_MAX ? "nested too deeply" : "world-writable");
		child_outcome(j->user.sock, "5.3.5", "mail system configuration error");
		io_close(&fd);
		return;
	}
	inner.depth++;
	inner.from = ALLOW_INCLUDE;
	if (list_read(&inner, fd, path, &err) < 0)
		child_outcome(j->user.sock, *err.dsn != '\0' ? err.dsn : "4.3.0", "%s", err.text);
	j->count = inner.count;
}

/* Nothing is written or started with root's rights because a file says so; the broker has it done as default_privs. */
static bool
is_for_broker(const struct list_job *j, const struct item *it)
{
	if (geteuid() != 0 || (it->kind != ITEM_FILE && it->kind != ITEM_COMMAND))
		return false;
	child_say(j->user.sock, it->kind == ITEM_FILE ? CHILD_FILE : CHILD_COMMAND, it->text, NULL);
	return true;
}

void
list_run_item(struct list_job *j, const struct item *it)
{
	switch (it->kind) {
	case ITEM_ADDR:
		child_say(j->user.sock, CHILD_ADDRESS, it->text, NULL);
		break;
	case ITEM_LITERAL:
		child_say(j->user.sock, CHILD_LITERAL, it->text, NULL);
		break;
	case ITEM_FILE:
		if ((conf.allow_files_from & (int)j->from) == 0)
			restricted(j, "file");
		else if (!is_for_broker(j, it))
			deliver_to_file(&j->user, it->text);
		break;
	case ITEM_COMMAND:
		if ((conf.allow_commands_from & (int)j->from) == 0)
			restricted(j, "command");
		else if (!is_for_broker(j, it))
			deliver_to_command(&j->user, it->text);
		break;
	case ITEM_INCLUDE:
		include(j, it->text);
		break;
	}
}

static void
read_item(void *arg, const struct item *it)
{
	struct list_job *j = arg;

	j->any = true;
	list_run_item(j, it);
}

int
list_read(struct list_job *j, int fd, const char *path, struct err *err)
{
	AUTO(source_free) struct source *src = source_open_fd(fd, path);
	const char *home = j->from == ALLOW_FORWARD && j->user.user != NULL ? j->user.user->home : NULL;
	unsigned line_no;
	char *line;
	int r;

	while ((r = source_line(src, &line, &line_no, err)) == 1)
		if (items_parse(j->user.d->pool, line, home, &j->count, read_item, j, err) < 0)
			return -1;
	return r < 0 ? -1 : j->any;
}

void
list_child(struct list_job *j)
{
	struct user_job *u = &j->user;
	struct err err = ERR_INIT;
	int r = copy_was_delivered_to(u->d->ctx->file, u->d->ctx->req->content_offset, u->d->rcpt->addr, &err);

	if (r < 0)
		child_outcome(u->sock, "4.3.0", "%s", err.text);
	else if (r > 0)
		child_say(u->sock, CHILD_LOOP, NULL, NULL);
	else
		list_run_item(j, &j->item);
}
