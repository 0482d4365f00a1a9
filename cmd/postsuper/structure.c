/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Purging what crashes left behind, and giving each file the name and the place that it should have.
 *
 * A message whose id does not hold its inode's number (restored from a copy) gets a new id in two renames, so that it cannot take the place of
 * another that is yet to be renamed: to NEWID#FIX, its logs first and itself last, so that an interrupted run is continued by
 * the next; then, when all have moved, the suffix goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "postsuper.h"

enum { STALE_S = 7 * 86400, PASSES_MAX = 10 };
#define FIX_SUFFIX "#FIX"

struct pass {
	struct super *s;
	int top;
	bool is_log;		/* names follow the message's */
	bool fixing;		/* second pass: suffixes go */
	unsigned n_fixed;	/* names with a suffix made */
};

static bool
rename_file(struct super *s, const char *from, const char *to)
{
	int fd = queue_dir_fd(s->q);

	if (renameat(fd, from, fd, to) < 0 &&
	    (errno != ENOENT || queue_dir_make_parents(s->q, to) < 0 || renameat(fd, from, fd, to) < 0)) {
		if (errno != ENOENT)	/* else it went elsewhere meanwhile */
			log_warning("rename file %s as %s: %s", from, to, strerrordesc_np(errno));
		return false;
	}
	if (log_verbose() > 0)
		log_info("renamed file %s as %s", from, to);
	return true;
}

/* QUEUE/hash/ID, with the suffix when there is one. */
static void
right_path(struct super *s, int top, const char *id, const char *suffix, char out[static QUEUE_PATH_MAX])
{
	if (top == TOP_FLUSH)
		snprintf(out, QUEUE_PATH_MAX, "%s/%s", top_name(top), id);
	else
		queue_dir_path(s->q, (enum queue_name)top, id, out);
	snprintf(out + strlen(out), QUEUE_PATH_MAX - strlen(out), "%s", suffix);
}

/* The logs of a message take its new name before it does. */
static void
rename_logs(struct super *s, const char *from, const char *from_suffix, const char *to, const char *to_suffix)
{
	static const enum queue_name logs[] = { QUEUE_BOUNCE, QUEUE_DEFER, QUEUE_TRACE };

	for (size_t i = 0; i < COUNT_OF(logs); i++) {
		char a[QUEUE_PATH_MAX], b[QUEUE_PATH_MAX];

		right_path(s, (int)logs[i], from, from_suffix, a);
		right_path(s, (int)logs[i], to, to_suffix, b);
		if (faccessat(queue_dir_fd(s->q), a, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			rename_file(s, a, b);
	}
}

static bool
is_wrong_inode(const struct super *s, const char *id, uint64_t inode)
{
	if (queue_id_is_long(id))
		return !s->long_ids || (s->strict && queue_id_inode(id) != inode);
	return queue_id_inode(id) != inode;
}

static void
check_message(struct pass *p, const char *path, const char *id, bool has_suffix, const struct stat *st)
{
	char new[QUEUE_ID_MAX + 1], to[QUEUE_PATH_MAX];

	if (has_suffix) {
		/* A suffix made by this pass or left by an interrupted one; its time comes when all names are made. */
		if (!p->fixing) {
			p->n_fixed++;
			return;
		}
		rename_logs(p->s, id, FIX_SUFFIX, id, "");
		right_path(p->s, p->top, id, "", to);
		if (rename_file(p->s, path, to))
			p->s->renamed++;
		return;
	}
	if (!p->fixing && !p->s->only_places && is_wrong_inode(p->s, id, st->st_ino)) {
		if (queue_id_renumber(id, st->st_ino, !p->s->long_ids, new) < 0) {
			log_warning("bogus file name: %s", path);
			return;
		}
		rename_logs(p->s, id, "", new, FIX_SUFFIX);
		right_path(p->s, p->top, new, FIX_SUFFIX, to);
		if (rename_file(p->s, path, to))
			p->n_fixed++;
		return;
	}
	right_path(p->s, p->top, id, "", to);
	if (strcmp(path, to) != 0)
		rename_file(p->s, path, to);
}

static void
check_log(struct pass *p, const char *path, const char *id)
{
	char to[QUEUE_PATH_MAX];

	right_path(p->s, p->top, id, "", to);
	if (strcmp(path, to) != 0)
		rename_file(p->s, path, to);
}

/* A directory that is none of the hash: removed when nothing is in it. */
static void
check_subdir(struct pass *p, const char *path)
{
	if (p->s->structure && unlinkat(queue_dir_fd(p->s->q), path, AT_REMOVEDIR) == 0 && log_verbose() > 0)
		log_info("remove subdirectory %s", path);
}

static bool
purge_stale(struct pass *p, const char *path, const struct stat *st)
{
	if (!p->s->purge || p->is_log || (st->st_mode & 0700) == 0700 || st->st_mtim.tv_sec > clock_wall_s() - STALE_S)
		return false;
	if (unlinkat(queue_dir_fd(p->s->q), path, 0) < 0 && errno != ENOENT)
		log_warning("remove file %s: %s", path, strerrordesc_np(errno));
	else if (log_verbose() > 0)
		log_info("removed file %s", path);
	return true;
}

static bool
check_one(void *arg, const char *dir, const char *name)
{
	struct pass *p = arg;
	char path[QUEUE_PATH_MAX], id[QUEUE_ID_MAX + 1];
	const char *suffix = strstr(name, FIX_SUFFIX);
	bool has_suffix = suffix != NULL && strcmp(suffix, FIX_SUFFIX) == 0;
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    fstatat(queue_dir_fd(p->s->q), path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	if (S_ISDIR(st.st_mode)) {
		check_subdir(p, path);
		return true;
	}
	if (!S_ISREG(st.st_mode)) {
		log_warning("uid %u: not a regular file: %s", (unsigned)st.st_uid, path);
		return true;
	}
	if (purge_stale(p, path, &st) || !p->s->structure || p->top == TOP_FLUSH)
		return true;
	snprintf(id, sizeof(id), "%.*s", (int)(has_suffix ? (size_t)(suffix - name) : strlen(name)), name);
	if (!queue_id_is_valid(id)) {
		if (!p->fixing)
			log_warning("bogus file name: %s", path);
		return true;
	}
	if (p->is_log && !has_suffix)
		check_log(p, path, id);
	else if (!p->is_log)
		check_message(p, path, id, has_suffix, &st);
	return true;
}

static bool
is_hash_dir(struct super *s, int top, const char *path)
{
	char want[QUEUE_PATH_MAX], probe[2] = { path[strlen(path) - 1], '\0' };
	size_t n = strlen(path);

	/* a directory of the hash is the beginning of some id's path; which characters come is the id's business */
	right_path(s, top, probe, "", want);
	return strlen(want) > n + 1 && strchr(want + strlen(top_name(top)) + 1, '/') != NULL;
}

/* Directories that were the hash before its depth changed: deepest first, only empty ones go. */
static void
trim_dirs(struct super *s, int top, const char *path, int level)
{
	static const char keys[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
	char sub[QUEUE_PATH_MAX];

	if (level > 3)
		return;
	for (const char *k = keys; *k != '\0'; k++) {
		struct stat st;

		snprintf(sub, sizeof(sub), "%s/%c", path, *k);
		if (fstatat(queue_dir_fd(s->q), sub, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
			continue;
		trim_dirs(s, top, sub, level + 1);
		if (top < QUEUE_N && is_hash_dir(s, top, sub))
			continue;
		if (unlinkat(queue_dir_fd(s->q), sub, AT_REMOVEDIR) == 0 && log_verbose() > 0)
			log_info("remove directory %s", sub);
	}
}

static unsigned
run_pass(struct super *s, bool fixing)
{
	static const int order[] = {
		QUEUE_DEFER, QUEUE_BOUNCE, QUEUE_TRACE, QUEUE_MAILDROP, QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD,
		TOP_FLUSH,
	};
	unsigned n_fixed = 0;

	for (size_t i = 0; i < COUNT_OF(order); i++) {
		struct pass p = { .s = s, .top = order[i], .fixing = fixing };
		struct err err = ERR_INIT;

		if (s->any_named && !s->named[order[i]])
			continue;
		p.is_log = order[i] == QUEUE_DEFER || order[i] == QUEUE_BOUNCE || order[i] == QUEUE_TRACE || order[i] == TOP_FLUSH;
		if (log_verbose() > 0)
			log_info("queue: %s", top_name(order[i]));
		if (queue_dir_walk(s->q, top_name(order[i]), check_one, &p, &err) < 0 && err.sys != ENOENT)
			log_warning("%s", err.text);
		if (s->structure && !fixing)
			trim_dirs(s, order[i], top_name(order[i]), 0);
		n_fixed += p.n_fixed;
	}
	return n_fixed;
}

void
structure_repair(struct super *s)
{
	for (int i = 0; i < PASSES_MAX && run_pass(s, false) > 0; i++)
		run_pass(s, true);
}
