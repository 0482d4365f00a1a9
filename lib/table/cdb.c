/* SPDX-License-Identifier: Apache-2.0 */
/* cdb: NAME.cdb, never changed once it is there; a new one is made as NAME.cdb.tmp and renamed over it. */
#ifdef HAVE_CDB
#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/table_priv.h"

struct cdb_table {
	char *path, *tmp;
	int fd;
	struct cdb reader;
	bool reading, making, failed;
	struct cdb_make maker;
	bool try_nul, try_bare;
};

static int
open_reader(struct table *t, struct cdb_table *c, struct err *err)
{
	struct stat st;

	c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return err_sys(err, "open database %s", c->path);
	if (cdb_init(&c->reader, c->fd) < 0)
		return err_set(err, ERR_CONF, "4.3.0", "open database %s: no cdb file", c->path);
	c->reading = true;
	table_warn_older(c->path, &st, t->name);
	return 0;
}

/* Two writers at once: the second waits, and then must not write into the file that the first has renamed away. */
static int
open_maker(struct cdb_table *c, struct err *err)
{
	c->tmp = mem_printf("%s.tmp", c->path);
	for (int tries = 0; tries < 100; tries++) {
		c->fd = open(c->tmp, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (c->fd < 0)
			return err_sys(err, "open database %s", c->tmp);
		if (table_flock(c->fd, LOCK_EX, c->tmp, err) < 0)
			return -1;
		if (!table_file_replaced(c->fd, c->tmp)) {
			if (ftruncate(c->fd, 0) < 0 || cdb_make_start(&c->maker, c->fd) < 0)
				return err_sys(err, "open database %s", c->tmp);
			c->making = true;
			return 0;
		}
		io_close(&c->fd);
	}
	return err_set(err, ERR_TEMP, NULL, "open database %s: it is replaced again and again", c->tmp);
}

static int
cdb_open(struct table *t, struct err *err)
{
	struct cdb_table *c = NEW(struct cdb_table);

	t->state = c;
	c->fd = -1;
	c->path = mem_printf("%s.cdb", t->name);
	c->try_nul = (t->flags & TABLE_NO_NUL) == 0;
	c->try_bare = (t->flags & TABLE_NUL) == 0;
	if ((t->flags & TABLE_WRITE) == 0)
		return open_reader(t, c, err);
	if ((t->flags & TABLE_REBUILD) == 0)
		return err_set(err, ERR_CONF, NULL, "open database %s: a cdb table can only be built anew", c->path);
	return open_maker(c, err);
}

static int
cdb_sync(struct table *t, struct err *err)
{
	struct cdb_table *c = t->state;

	if (!c->making)
		return 0;
	c->making = false;
	if (c->failed || cdb_make_finish(&c->maker) < 0 || fsync(c->fd) < 0)
		return err_sys(err, "write database %s", c->tmp);
	if (rename(c->tmp, c->path) < 0)
		return err_sys(err, "rename %s to %s", c->tmp, c->path);
	mem_free(&c->tmp);
	return 0;
}

static void
cdb_close(struct table *t)
{
	struct cdb_table *c = t->state;
	struct err err = ERR_INIT;

	if (cdb_sync(t, &err) < 0)
		log_error("%s", err.text);
	if (c->reading)
		cdb_free(&c->reader);
	if (c->tmp != NULL && c->fd >= 0)
		unlink(c->tmp);
	io_close(&c->fd);
	mem_free(&c->tmp);
	mem_free(&c->path);
	mem_free(&t->state);
}

static int
cdb_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	struct cdb_table *c = t->state;

	for (size_t extra = 2; extra-- > 0; ) {
		const char *p;
		unsigned n;
		int r;

		if (!c->reading || !(extra == 1 ? c->try_nul : c->try_bare))
			continue;
		r = cdb_find(&c->reader, key, (unsigned)(len + extra));
		if (r < 0)
			return err_set(err, ERR_TEMP, "4.3.0", "%s: damaged database", c->path);
		if (r == 0)
			continue;
		*(extra == 1 ? &c->try_bare : &c->try_nul) = false;
		n = cdb_datalen(&c->reader);
		p = cdb_get(&c->reader, n, cdb_datapos(&c->reader));
		if (p == NULL)
			return err_set(err, ERR_TEMP, "4.3.0", "%s: damaged database", c->path);
		strbuf_add(value, p, n > 0 && p[n - 1] == '\0' ? n - 1 : n);
		return 1;
	}
	return 0;
}

static int
cdb_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	struct cdb_table *c = t->state;
	unsigned nul = (t->flags & TABLE_NUL) != 0;
	enum cdb_put_mode mode = (t->flags & TABLE_REPLACE) != 0 ? CDB_PUT_REPLACE0 : CDB_PUT_INSERT;
	int r;

	if (!c->making)
		return err_set(err, ERR_CONF, NULL, "database %s is not open for writing", c->path);
	r = cdb_make_put(&c->maker, key, (unsigned)strlen(key) + nul, value, (unsigned)strlen(value) + nul, mode);
	if (r < 0) {
		c->failed = true;
		return err_sys(err, "write database %s", c->tmp);
	}
	*existed = r > 0;
	return 0;
}

static bool
cdb_is_stale(struct table *t)
{
	const struct cdb_table *c = t->state;

	return c->reading && table_file_replaced(c->fd, c->path);
}

const struct table_driver table_cdb = {
	.type = "cdb", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL, .open = cdb_open, .close = cdb_close, .lookup = cdb_lookup,
	.is_stale = cdb_is_stale, .put = cdb_put, .sync = cdb_sync,
};
#endif
