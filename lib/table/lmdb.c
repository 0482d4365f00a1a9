/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lmdb: NAME.lmdb, one unnamed database, no lock file; readers take a shared and writers an exclusive fcntl lock on the file
 *
 * A writer's changes are one transaction, which is committed by table_sync or at close.
 */
#ifdef HAVE_LMDB
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/table_priv.h"
#include "task/task.h"

/* Address space for a writer, not memory: growing a map in the middle of a transaction would mean to begin again. */
enum { WRITE_MAP_SHIFT = sizeof(void *) > 4 ? 36 : 28, LOCK_WAIT_MS = 60000, PSIZE_MAX = 65536 };

struct lmdb {
	char *path;
	MDB_env *env;
	MDB_dbi dbi;
	int fd;			/* the environment's */
	MDB_txn *txn;		/* writing, or walking */
	MDB_cursor *cursor;
	bool try_nul, try_bare, locked, failed;
};

static int
lmdb_error(const struct lmdb *l, int rc, const char *what, struct err *err)
{
	if (rc > 0) {
		errno = rc;
		return err_sys(err, "%s database %s", what, l->path);
	}
	return err_set(err, ERR_TEMP, "4.3.0", "%s database %s: %s", what, l->path, mdb_strerror(rc));
}

static int
lock(struct lmdb *l, short type, struct err *err)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET };
	uint64_t end = clock_mono_ms() + LOCK_WAIT_MS, pause = 1;

	while (fcntl(l->fd, F_SETLK, &fl) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EACCES)
			return err_sys(err, "lock %s", l->path);
		if (clock_mono_ms() >= end)
			return err_set(err, ERR_TIMEOUT, "4.3.0", "lock %s: held by another process for a minute", l->path);
		if (task_sleep(pause, err) < 0)
			return -1;
		pause = pause < 64 ? pause * 2 : pause;
	}
	l->locked = type != F_UNLCK;
	return 0;
}

static void
unlock(struct lmdb *l)
{
	if (l->locked)
		(void)lock(l, F_UNLCK, NULL);
}

/* The library maps the file and trusts it; a file cut short would end the process by a signal.  So look at its two first pages. */
static int
check_size(struct lmdb *l, struct err *err)
{
	enum { AT_MAGIC = 16, AT_PSIZE = 40, AT_LAST_PG = 136, AT_TXN = 144, HEAD = 152 };
	AUTO(io_close) int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	unsigned char head[2][HEAD];
	uint32_t magic, psize;
	uint64_t last[2], txn[2];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open database %s", l->path);
	if (pread(fd, head[0], HEAD, 0) != HEAD)
		return err_set(err, ERR_CONF, "4.3.0", "open database %s: no LMDB file", l->path);
	memcpy(&psize, head[0] + AT_PSIZE, sizeof(psize));
	memcpy(&magic, head[0] + AT_MAGIC, sizeof(magic));
	if (magic != 0xBEEFC0DE || psize < 512 || psize > PSIZE_MAX || pread(fd, head[1], HEAD, psize) != HEAD)
		return err_set(err, ERR_CONF, "4.3.0", "open database %s: no LMDB file", l->path);
	for (int i = 0; i < 2; i++) {
		memcpy(&last[i], head[i] + AT_LAST_PG, sizeof(last[i]));
		memcpy(&txn[i], head[i] + AT_TXN, sizeof(txn[i]));
	}
	if ((uint64_t)st.st_size / psize <= last[txn[1] > txn[0]])
		return err_set(err, ERR_CONF, "4.3.0", "open database %s: damaged: it ends too early", l->path);
	return 0;
}

static int
open_env(struct table *t, struct lmdb *l, struct err *err)
{
	bool write = (t->flags & TABLE_WRITE) != 0;
	int rc = mdb_env_create(&l->env);

	if (rc == 0 && write)
		rc = mdb_env_set_mapsize(l->env, (size_t)1 << WRITE_MAP_SHIFT);
	if (rc == 0)
		rc = mdb_env_open(l->env, l->path, MDB_NOSUBDIR | MDB_NOLOCK | (write ? 0 : MDB_RDONLY), 0644);
	if (rc == 0)
		rc = mdb_env_get_fd(l->env, &l->fd);
	if (rc == 0)
		(void)fcntl(l->fd, F_SETFD, FD_CLOEXEC);
	return rc == 0 ? 0 : lmdb_error(l, rc, "open", err);
}

static int
open_dbi(struct table *t, struct lmdb *l, struct err *err)
{
	bool write = (t->flags & TABLE_WRITE) != 0;
	MDB_txn *txn = NULL;
	int rc;

	if (lock(l, write ? F_WRLCK : F_RDLCK, err) < 0)
		return -1;
	rc = mdb_txn_begin(l->env, NULL, write ? 0 : MDB_RDONLY, &txn);
	if (rc == 0)
		rc = mdb_dbi_open(txn, NULL, 0, &l->dbi);
	if (rc == 0 && (t->flags & TABLE_REBUILD) != 0)
		rc = mdb_drop(txn, l->dbi, 0);
	if (rc == 0 && write) {
		l->txn = txn;	/* and the lock stays */
		return 0;
	}
	if (txn != NULL)
		mdb_txn_abort(txn);
	unlock(l);
	return rc == 0 ? 0 : lmdb_error(l, rc, "open", err);
}

static int
lmdb_open(struct table *t, struct err *err)
{
	struct lmdb *l = NEW(struct lmdb);
	struct stat st;

	t->state = l;
	l->path = mem_printf("%s.lmdb", t->name);
	l->fd = -1;
	l->try_nul = (t->flags & TABLE_NO_NUL) == 0;
	l->try_bare = (t->flags & TABLE_NUL) == 0;
	if (((t->flags & TABLE_WRITE) == 0 || (stat(l->path, &st) == 0 && st.st_size > 0)) && check_size(l, err) < 0)
		return -1;
	if (open_env(t, l, err) < 0 || open_dbi(t, l, err) < 0)
		return -1;
	if ((t->flags & TABLE_WRITE) == 0 && fstat(l->fd, &st) == 0)
		table_warn_older(l->path, &st, t->name);
	return 0;
}

static int
commit(struct table *t, struct lmdb *l, struct err *err)
{
	MDB_txn *txn = l->txn;
	int rc = 0;

	if (l->cursor != NULL)
		mdb_cursor_close(l->cursor);
	l->cursor = NULL;
	l->txn = NULL;
	if (txn == NULL)
		return 0;
	if ((t->flags & TABLE_WRITE) == 0 || l->failed)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	unlock(l);
	return rc == 0 ? 0 : lmdb_error(l, rc, "write", err);
}

static void
lmdb_close(struct table *t)
{
	struct lmdb *l = t->state;
	struct err err = ERR_INIT;

	if (commit(t, l, &err) < 0)
		log_error("%s", err.text);
	if (l->env != NULL)
		mdb_env_close(l->env);
	mem_free(&l->path);
	mem_free(&t->state);
}

/* A read transaction of the file as it is now, under the shared lock. */
static int
begin_read(struct lmdb *l, MDB_txn **txn, struct err *err)
{
	int rc;

	if (lock(l, F_RDLCK, err) < 0)
		return -1;
	rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, txn);
	if (rc == MDB_MAP_RESIZED) {
		rc = mdb_env_set_mapsize(l->env, 0);
		if (rc == 0)
			rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, txn);
	}
	if (rc == 0)
		return 0;
	unlock(l);
	return lmdb_error(l, rc, "read", err);
}

static MDB_val
val(const char *s, size_t n)
{
	MDB_val v = { .mv_size = n };

	memcpy(&v.mv_data, &s, sizeof(s));
	return v;
}

static void
add_bare(struct strbuf *out, const MDB_val *v)
{
	const char *p = v->mv_data;

	strbuf_add(out, p, v->mv_size > 0 && p[v->mv_size - 1] == '\0' ? v->mv_size - 1 : v->mv_size);
}

static int
get(struct lmdb *l, MDB_txn *txn, const char *key, size_t len, struct strbuf *value)
{
	int rc = MDB_NOTFOUND;

	for (size_t extra = 2; extra-- > 0 && rc == MDB_NOTFOUND; ) {
		MDB_val k = val(key, len + extra), v;

		if (!(extra == 1 ? l->try_nul : l->try_bare) || k.mv_size == 0 ||
		    k.mv_size > (size_t)mdb_env_get_maxkeysize(l->env))
			continue;
		rc = mdb_get(txn, l->dbi, &k, &v);
		if (rc == 0) {
			add_bare(value, &v);
			*(extra == 1 ? &l->try_bare : &l->try_nul) = false;
		}
	}
	return rc;
}

static int
lmdb_lookup(struct table *t, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	struct lmdb *l = t->state;
	MDB_txn *txn = l->txn;
	int rc;

	if (txn == NULL && begin_read(l, &txn, err) < 0)
		return -1;
	rc = get(l, txn, key, len, value);
	if (txn != l->txn) {
		mdb_txn_abort(txn);
		unlock(l);
	}
	if (rc == MDB_NOTFOUND)
		return 0;
	return rc == 0 ? 1 : lmdb_error(l, rc, "read", err);
}

static int
writable(struct lmdb *l, struct err *err)
{
	return l->txn != NULL ? 0 : err_set(err, ERR_CONF, NULL, "database %s is not open for writing", l->path);
}

static int
lmdb_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	struct lmdb *l = t->state;
	size_t nul = (t->flags & TABLE_NO_NUL) != 0 ? 0 : 1;
	MDB_val k = val(key, strlen(key) + nul), v = val(value, strlen(value) + nul);
	int rc;

	if (writable(l, err) < 0)
		return -1;
	if (k.mv_size == 0 || k.mv_size > (size_t)mdb_env_get_maxkeysize(l->env))
		return err_set(err, ERR_PERM, NULL, "%s: a key is empty or longer than %d bytes: \"%.100s\"", t->spec,
		    mdb_env_get_maxkeysize(l->env) - 1, key);
	rc = mdb_put(l->txn, l->dbi, &k, &v, MDB_NOOVERWRITE);
	if (rc == MDB_KEYEXIST) {
		*existed = true;
		v = val(value, strlen(value) + nul);
		rc = (t->flags & TABLE_REPLACE) != 0 ? mdb_put(l->txn, l->dbi, &k, &v, 0) : 0;
	}
	if (rc == 0)
		return 0;
	l->failed = true;
	return lmdb_error(l, rc, "write", err);
}

static int
lmdb_del(struct table *t, const char *key, struct err *err)
{
	struct lmdb *l = t->state;
	int rc = MDB_NOTFOUND;

	if (writable(l, err) < 0)
		return -1;
	for (size_t extra = 2; extra-- > 0 && rc == MDB_NOTFOUND; ) {
		MDB_val k = val(key, strlen(key) + extra);

		if ((extra == 1 ? l->try_nul : l->try_bare) && k.mv_size > 0 &&
		    k.mv_size <= (size_t)mdb_env_get_maxkeysize(l->env))
			rc = mdb_del(l->txn, l->dbi, &k, NULL);
	}
	if (rc == MDB_NOTFOUND)
		return 0;
	return rc == 0 ? 1 : lmdb_error(l, rc, "write", err);
}

/* The shared lock is held from the first entry to close. */
static int
lmdb_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err)
{
	struct lmdb *l = t->state;
	MDB_val k, v;
	int rc = 0;

	if (first) {
		if (l->txn == NULL && begin_read(l, &l->txn, err) < 0)
			return -1;
		if (l->cursor != NULL)
			mdb_cursor_close(l->cursor);
		l->cursor = NULL;
		rc = mdb_cursor_open(l->txn, l->dbi, &l->cursor);
	}
	if (rc == 0)
		rc = mdb_cursor_get(l->cursor, &k, &v, MDB_NEXT);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return lmdb_error(l, rc, "read", err);
	add_bare(key, &k);
	add_bare(value, &v);
	return 1;
}

static int
lmdb_sync(struct table *t, struct err *err)
{
	return commit(t, t->state, err);
}

static bool
lmdb_is_stale(struct table *t)
{
	const struct lmdb *l = t->state;

	return table_file_replaced(l->fd, l->path);
}

const struct table_driver table_lmdb = {
	.type = "lmdb", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL, .open = lmdb_open, .close = lmdb_close, .lookup = lmdb_lookup,
	.is_stale = lmdb_is_stale, .put = lmdb_put, .del = lmdb_del, .each = lmdb_each, .sync = lmdb_sync,
};
#endif
