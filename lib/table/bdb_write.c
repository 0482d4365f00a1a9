/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing hash and btree files, with Berkeley DB
 *
 * A rebuilt table is made beside the old one and then copied over it under the exclusive flock, so readers wait for a copy and not for the
 * whole work, and the file keeps its inode, owner and mode.  Single changes are made in place under the lock, which is held until close.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/bdb_priv.h"

#ifdef HAVE_DB
#include <db.h>

enum { CACHE_SMALL = 1 << 20, CACHE_BULK = 256 << 20, COPY_SIZE = 1 << 20 };

struct bdb_lib {
	DB *db;
	DBC *cursor;
	char *tmp;		/* rebuilding: the file beside */
	bool failed;		/* a put failed: the old table stays */
};

static int
lib_error(const struct bdb *b, int rc, const char *what, struct err *err)
{
	errno = rc > 0 ? rc : EIO;
	if (rc > 0)
		return err_sys(err, "%s database %s", what, b->path);
	return err_set(err, ERR_TEMP, "4.3.0", "%s database %s: %s", what, b->path, db_strerror(rc));
}

/* Messages of the library come back as error codes; it must not write to stderr by itself. */
static void
quiet(const DB_ENV *env UNUSED, const char *prefix UNUSED, const char *text UNUSED)
{
}

static int
lib_open(struct table *t, struct bdb *b, const char *path, u_int32_t flags, u_int32_t cache, struct err *err)
{
	struct bdb_lib *l = b->db;
	int rc = db_create(&l->db, NULL, 0);

	if (rc != 0) {
		l->db = NULL;
		return lib_error(b, rc, "open", err);
	}
	l->db->set_errcall(l->db, quiet);
	rc = l->db->set_cachesize(l->db, 0, cache, 1);
	if (rc == 0 && (flags & DB_CREATE) != 0)
		rc = l->db->set_pagesize(l->db, 4096);
	if (rc == 0)
		rc = l->db->open(l->db, NULL, path, NULL, bdb_is_hash(t) ? DB_HASH : DB_BTREE, flags, 0);
	return rc == 0 ? 0 : lib_error(b, rc, "open", err);
}

/* A new file beside; when the directory does not allow that, the file itself is emptied and filled under its lock. */
static int
open_rebuild(struct table *t, struct bdb *b, struct err *err)
{
	struct bdb_lib *l = b->db;
	AUTO(io_close) int fd = -1;

	l->tmp = mem_printf("%s.tmp.%d", b->path, (int)getpid());
	unlink(l->tmp);
	fd = open(l->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd >= 0)
		return lib_open(t, b, l->tmp, DB_CREATE, CACHE_BULK, err);
	mem_free(&l->tmp);
	b->fd = open(b->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (b->fd < 0)
		return err_sys(err, "open database %s", b->path);
	if (table_flock(b->fd, LOCK_EX, b->path, err) < 0)
		return -1;
	if (ftruncate(b->fd, 0) < 0)
		return err_sys(err, "truncate %s", b->path);
	return lib_open(t, b, b->path, DB_CREATE, CACHE_BULK, err);
}

static int
open_in_place(struct table *t, struct bdb *b, struct err *err)
{
	struct stat st;

	b->fd = open(b->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (b->fd < 0)
		return err_sys(err, "open database %s", b->path);
	if (table_flock(b->fd, LOCK_EX, b->path, err) < 0)
		return -1;
	if (fstat(b->fd, &st) < 0)
		return err_sys(err, "stat %s", b->path);
	return lib_open(t, b, b->path, st.st_size == 0 ? DB_CREATE : 0, CACHE_SMALL, err);
}

int
bdb_write_open(struct table *t, struct bdb *b, struct err *err)
{
	b->db = NEW(struct bdb_lib);
	return (t->flags & TABLE_REBUILD) != 0 ? open_rebuild(t, b, err) : open_in_place(t, b, err);
}

static int
copy_all(int from, int to, struct err *err)
{
	AUTO(mem_free) char *buf = mem_alloc(COPY_SIZE);
	ssize_t n;

	while ((n = read(from, buf, COPY_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read");
		if (io_write_all(to, buf, (size_t)n, err) < 0)
			return -1;
	}
	return 0;
}

/* Put the finished file in the place of the old one. */
static int
install(struct bdb *b, struct err *err)
{
	AUTO(io_close) int from = open(b->db->tmp, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc;

	if (from < 0)
		return err_sys(err, "open %s", b->db->tmp);
	b->fd = open(b->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (b->fd < 0 && errno == ENOENT) {
		if (fsync(from) < 0 || rename(b->db->tmp, b->path) < 0)
			return err_sys(err, "rename %s to %s", b->db->tmp, b->path);
		return 0;
	}
	if (b->fd < 0 || fstat(from, &st) < 0)
		return err_sys(err, "open database %s", b->path);
	if (table_flock(b->fd, LOCK_EX, b->path, err) < 0)
		return -1;
	/* room is made first, so that a full disk leaves the old content */
	rc = posix_fallocate(b->fd, 0, st.st_size);
	if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG) {
		errno = rc;
		return err_sys(err, "make room in %s", b->path);
	}
	if (copy_all(from, b->fd, err) < 0)
		return -1;
	return ftruncate(b->fd, st.st_size) < 0 ? err_sys(err, "truncate %s", b->path) : 0;
}

/* Ends the library's part: what was built is written out.  After 0 readers see it. */
int
bdb_write_sync(struct table *t UNUSED, struct err *err)
{
	struct bdb *b = t->state;
	struct bdb_lib *l = b->db;
	int rc;

	if (l == NULL || l->db == NULL)
		return 0;
	if (l->cursor != NULL) {
		l->cursor->close(l->cursor);
		l->cursor = NULL;
	}
	rc = l->db->close(l->db, 0);
	l->db = NULL;
	if (rc != 0)
		return lib_error(b, rc, "write", err);
	if (l->tmp != NULL && !l->failed && install(b, err) < 0)
		return -1;
	return 0;
}

void
bdb_write_close(struct table *t, struct bdb *b)
{
	struct err err = ERR_INIT;

	if (b->db == NULL)
		return;
	if (bdb_write_sync(t, &err) < 0)
		log_error("%s", err.text);
	if (b->db->tmp != NULL)
		unlink(b->db->tmp);
	mem_free(&b->db->tmp);
	mem_free(&b->db);
}

static DBT
dbt(const char *s, size_t n)
{
	DBT d;

	memset(&d, 0, sizeof(d));
	memcpy(&d.data, &s, sizeof(s));
	d.size = (u_int32_t)n;
	return d;
}

static size_t
nul(const struct table *t)
{
	return (t->flags & TABLE_NO_NUL) != 0 ? 0 : 1;
}

static int
closed(const struct bdb *b, struct err *err)
{
	if (b->db != NULL && b->db->db != NULL)
		return 0;
	return err_set(err, ERR_CONF, NULL, "database %s is not open for writing", b->path);
}

int
bdb_write_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	struct bdb *b = t->state;
	DBT k = dbt(key, strlen(key) + nul(t)), v = dbt(value, strlen(value) + nul(t));
	int rc;

	if (closed(b, err) < 0)
		return -1;
	rc = b->db->db->put(b->db->db, NULL, &k, &v, DB_NOOVERWRITE);
	if (rc == DB_KEYEXIST) {
		*existed = true;
		rc = (t->flags & TABLE_REPLACE) != 0 ? b->db->db->put(b->db->db, NULL, &k, &v, 0) : 0;
	}
	if (rc == 0)
		return 0;
	b->db->failed = true;
	return lib_error(b, rc, "write", err);
}

int
bdb_write_get(struct table *t UNUSED, struct bdb *b, const char *key, size_t len, struct strbuf *value, struct err *err)
{
	int rc = DB_NOTFOUND;

	if (closed(b, err) < 0)
		return -1;
	for (size_t extra = 2; extra-- > 0 && rc == DB_NOTFOUND; ) {
		DBT k = dbt(key, len + extra), v = dbt(NULL, 0);

		if (extra == 1 ? !b->try_nul : !b->try_bare)
			continue;
		rc = b->db->db->get(b->db->db, NULL, &k, &v, 0);
		if (rc == 0) {
			const char *p = v.data;
			size_t n = v.size;

			strbuf_add(value, p, n > 0 && p[n - 1] == '\0' ? n - 1 : n);
		}
	}
	if (rc == DB_NOTFOUND)
		return 0;
	return rc == 0 ? 1 : lib_error(b, rc, "read", err);
}

int
bdb_write_del(struct table *t, const char *key, struct err *err)
{
	struct bdb *b = t->state;
	int rc = DB_NOTFOUND;

	if (closed(b, err) < 0)
		return -1;
	for (size_t extra = 2; extra-- > 0 && rc == DB_NOTFOUND; ) {
		DBT k = dbt(key, strlen(key) + extra);

		if (extra == 1 ? b->try_nul : b->try_bare)
			rc = b->db->db->del(b->db->db, NULL, &k, 0);
	}
	if (rc == DB_NOTFOUND)
		return 0;
	return rc == 0 ? 1 : lib_error(b, rc, "write", err);
}

/* Walking through a file that was opened for reading: the lock is held to the end of the walk. */
static int
start_walk(struct table *t, struct bdb *b, struct err *err)
{
	int rc;

	if (b->db == NULL) {
		if (table_flock(b->fd, LOCK_SH, b->path, err) < 0)
			return -1;
		b->db = NEW(struct bdb_lib);
		if (lib_open(t, b, b->path, DB_RDONLY, CACHE_SMALL, err) < 0)
			return -1;
	}
	if (b->db->cursor != NULL)
		b->db->cursor->close(b->db->cursor);
	b->db->cursor = NULL;
	rc = b->db->db->cursor(b->db->db, NULL, &b->db->cursor, 0);
	return rc == 0 ? 0 : lib_error(b, rc, "read", err);
}

static void
add_bare(struct strbuf *out, const DBT *d)
{
	const char *p = d->data;

	strbuf_add(out, p, d->size > 0 && p[d->size - 1] == '\0' ? d->size - 1 : d->size);
}

int
bdb_write_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err)
{
	struct bdb *b = t->state;
	DBT k = dbt(NULL, 0), v = dbt(NULL, 0);
	int rc;

	if (first && start_walk(t, b, err) < 0)
		return -1;
	if (closed(b, err) < 0)
		return -1;
	rc = b->db->cursor->get(b->db->cursor, &k, &v, DB_NEXT);
	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0)
		return lib_error(b, rc, "read", err);
	add_bare(key, &k);
	add_bare(value, &v);
	return 1;
}
#else
/* Built without Berkeley DB: files can be read, not written. */
static int
missing(const struct bdb *b, struct err *err)
{
	return err_set(err, ERR_CONF, NULL, "open database %s: built without Berkeley DB, such files can only be read", b->path);
}

int bdb_write_open(struct table *t UNUSED, struct bdb *b, struct err *err) { return missing(b, err); }
void bdb_write_close(struct table *t UNUSED, struct bdb *b UNUSED) { }
int bdb_write_get(struct table *t UNUSED, struct bdb *b, const char *key UNUSED, size_t len UNUSED, struct strbuf *value UNUSED,
    struct err *err) { return missing(b, err); }
int bdb_write_put(struct table *t, const char *key UNUSED, const char *value UNUSED, bool *existed UNUSED, struct err *err)
{ return missing(t->state, err); }
int bdb_write_del(struct table *t, const char *key UNUSED, struct err *err) { return missing(t->state, err); }
int bdb_write_each(struct table *t, bool first UNUSED, struct strbuf *key UNUSED, struct strbuf *value UNUSED, struct err *err)
{ return missing(t->state, err); }
int bdb_write_sync(struct table *t UNUSED, struct err *err UNUSED) { return 0; }
#endif
