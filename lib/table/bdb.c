/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash and btree: Berkeley DB files NAME.db
 *
 * Reading goes without the library (bdb_read.h), each look-up under a shared flock.  Writing needs it: bdb_write.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "table/bdb_priv.h"

bool
bdb_is_hash(const struct table *t)
{
	return t->driver == &table_hash;
}

static int
open_for_reading(struct table *t, struct bdb *b, struct err *err)
{
	struct stat st;
	int r;

	b->file.fd = b->fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return err_sys(err, "open database %s", b->path);
	if (table_flock(b->fd, LOCK_SH, b->path, err) < 0)
		return -1;
	r = bdb_read_meta(&b->file, bdb_is_hash(t), err);
	flock(b->fd, LOCK_UN);
	if (r == 0)
		table_warn_older(b->path, &st, t->name);
	return r;
}

static int
bdb_open(struct table *t, struct err *err)
{
	struct bdb *b = NEW(struct bdb);

	t->state = b;
	b->path = mem_printf("%s.db", t->name);
	b->file.path = b->path;
	b->fd = -1;
	b->try_nul = (t->flags & TABLE_NO_NUL) == 0;
	b->try_bare = (t->flags & TABLE_NUL) == 0;
	if ((t->flags & TABLE_WRITE) != 0)
		return bdb_write_open(t, b, err);
	return open_for_reading(t, b, err);
}

static void
bdb_close(struct table *t)
{
	struct bdb *b = t->state;

	bdb_write_close(t, b);
	bdb_file_done(&b->file);
	io_close(&b->fd);
	mem_free(&b->path);
	mem_free(&t->state);
}

static int
get(struct table *t, struct bdb *b, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	strbuf_reset(value);
	if (bdb_is_hash(t))
		return bdb_hash_get(&b->file, key, len, value, err);
	return bdb_btree_get(&b->file, key, len, value, err);
}

/* Files made by different programs hold keys with or without a final NUL; what is found first is what this file does. */
static int
get_either(struct table *t, struct bdb *b, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	int r = 0;

	if (bdb_read_meta(&b->file, bdb_is_hash(t), err) < 0)
		return -1;
	if (b->try_nul)
		r = get(t, b, key, len + 1, value, err);
	if (r == 1)
		b->try_bare = false;
	if (r != 0 || !b->try_bare)
		return r;
	r = get(t, b, key, len, value, err);
	if (r == 1)
		b->try_nul = false;
	return r;
}

static int
bdb_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	struct bdb *b = t->state;
	int r;

	if (b->db != NULL)
		return bdb_write_get(t, b, key, len, value, err);
	if (table_flock(b->fd, LOCK_SH, b->path, err) < 0)
		return -1;
	r = get_either(t, b, key, len, value, err);
	flock(b->fd, LOCK_UN);
	if (r == 1 && value->len > 0 && value->s[value->len - 1] == '\0')
		strbuf_cut(value, value->len - 1);
	return r;
}

static bool
bdb_is_stale(struct table *t)
{
	const struct bdb *b = t->state;

	return b->db == NULL && table_file_replaced(b->fd, b->path);
}

const struct table_driver table_hash = {
	.type = "hash", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL, .open = bdb_open, .close = bdb_close, .lookup = bdb_lookup,
	.is_stale = bdb_is_stale, .put = bdb_write_put, .del = bdb_write_del, .each = bdb_write_each, .sync = bdb_write_sync,
};
const struct table_driver table_btree = {
	.type = "btree", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL, .open = bdb_open, .close = bdb_close, .lookup = bdb_lookup,
	.is_stale = bdb_is_stale, .put = bdb_write_put, .del = bdb_write_del, .each = bdb_write_each, .sync = bdb_write_sync,
};
