/* SPDX-License-Identifier: Apache-2.0 */
/* Opening tables by type and name, and what is the same for all of them. */
#include "table/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "table/table_priv.h"
#include "task/task.h"

/* Sorted by type. */
static const struct table_driver *const drivers[] = {
	&table_btree,
#ifdef HAVE_CDB
	&table_cdb,
#endif
	&table_cidr, &table_dbm, &table_debug, &table_environ, &table_fail, &table_hash, &table_inline, &table_internal, &table_ldap,
#ifdef HAVE_LMDB
	&table_lmdb,
#endif
	&table_memcache, &table_mongodb, &table_mysql, &table_nis, &table_nisplus, &table_pcre, &table_pgsql, &table_pipemap,
	&table_proxy, &table_randmap, &table_regexp, &table_sdbm, &table_socketmap, &table_sqlite, &table_static, &table_tcp,
	&table_texthash, &table_unionmap, &table_unix,
};

static const struct table_driver *
find_driver(const char *type, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(drivers); i++)
		if (strncmp(drivers[i]->type, type, n) == 0 && drivers[i]->type[n] == '\0')
			return drivers[i];
	return NULL;
}

bool
table_is_known_type(const char *type)
{
	return find_driver(type, strlen(type)) != NULL;
}

const char *const *
table_types(void)
{
	static const char *const names[] = {
		"btree",
#ifdef HAVE_CDB
		"cdb",
#endif
		"cidr", "debug", "environ", "fail", "hash", "inline", "internal",
#ifdef HAVE_LMDB
		"lmdb",
#endif
		"memcache", "pcre", "pipemap", "proxy", "randmap", "regexp", "socketmap",
#ifdef HAVE_SQLITE3
		"sqlite",
#endif
		"static", "tcp", "texthash", "unionmap", "unix", NULL };

	return names;
}

bool
table_is_proxied_type(const char *type)
{
	const struct table_driver *d = find_driver(type, strlen(type));

	return d != NULL && (d->traits & TABLE_T_PROXIED) != 0;
}

bool
table_type_takes_partial(const char *type)
{
	const struct table_driver *d = find_driver(type, strlen(type));

	return d != NULL && (d->traits & TABLE_T_PARTIAL) != 0;
}

/* Of a table's source and its index, by whatever name: 0 while there is neither. */
static uint64_t
files_stamp(const struct table *t)
{
	static const char *const suffixes[] = { "", ".db", ".lmdb", ".cdb" };
	uint64_t stamp = 0;

	for (size_t i = 0; i < COUNT_OF(suffixes) && t->name[0] == '/'; i++) {
		AUTO(mem_free) char *path = mem_printf("%s%s", t->name, suffixes[i]);
		struct stat st;

		if (stat(path, &st) == 0)
			stamp = stamp * 31 + (uint64_t)st.st_ino * 1000003 + (uint64_t)st.st_ctim.tv_sec * 1000000000 +
			    (uint64_t)st.st_ctim.tv_nsec + (uint64_t)st.st_size + 1;
	}
	return stamp;
}

struct table *
table_open(const char *spec, int flags, struct conf *conf, struct err *err)
{
	const char *colon = strchr(spec, ':');
	const struct table_driver *d;
	struct table *t;

	if (colon == NULL || colon == spec || colon[1] == '\0') {
		err_set(err, ERR_CONF, NULL, "open dictionary: expecting \"type:name\" form instead of \"%s\"", spec);
		return NULL;
	}
	d = find_driver(spec, (size_t)(colon - spec));
	if (d == NULL) {
		err_set(err, ERR_CONF, NULL, "unsupported dictionary type: %.*s", (int)(colon - spec), spec);
		return NULL;
	}
	t = NEW(struct table);
	t->driver = (d->traits & TABLE_T_STUB) != 0 && (flags & TABLE_NO_PROXY) == 0 ? &table_proxied : d;
	t->spec = mem_strdup(spec);
	t->name = strchr(t->spec, ':') + 1;
	t->flags = flags;
	t->conf = conf;
	if (t->driver->open(t, &t->trouble) < 0 && t->trouble.class != ERR_NONE) {
		t->stamp = files_stamp(t);
		if ((flags & TABLE_QUIET) == 0)
			log_error("%s", t->trouble.text);
	}
	return t;
}

void
table_free(struct table **tp)
{
	struct table *t = *tp;

	if (t == NULL)
		return;
	if (t->state != NULL && t->driver->close != NULL)
		t->driver->close(t);
	mem_free(&t->spec);
	mem_free(tp);
}

const char *
table_spec(const struct table *t)
{
	return t->spec;
}

const struct err *
table_trouble(const struct table *t)
{
	return t->trouble.class != ERR_NONE ? &t->trouble : NULL;
}

/* The text of the administrator's mistake, as an answer that is temporary whatever the cause. */
static int
unavailable(const struct table *t, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.3.0", "%s is unavailable. %s", t->spec, t->trouble.text);
}

/* The key as the type wants it, in scratch where it had to be changed (a look-up may wait, so scratch is the caller's own); NULL when no
 * table can hold it. */
static const char *
fold(const struct table *t, const char *key, struct strbuf *scratch, size_t *len)
{
	size_t i = 0;

	*len = strlen(key);
	if (*len >= TABLE_KEY_MAX)
		return NULL;
	if ((t->flags & TABLE_FOLD) == 0 || (t->driver->traits & TABLE_T_FIXED) == 0)
		return key;
	while (i < *len && !ascii_is_upper((unsigned char)key[i]))
		i++;
	if (i == *len)
		return key;
	if (strbuf_add(scratch, key, *len) < 0)
		return NULL;
	ascii_lower_str(scratch->s);
	return scratch->s;
}

int
table_lookup(struct table *t, const char *key, struct strbuf *value, struct err *err)
{
	AUTO(strbuf_done) struct strbuf scratch = STRBUF_INIT(TABLE_KEY_MAX);
	size_t len;
	int r;

	if (t->trouble.class != ERR_NONE)
		return unavailable(t, err);
	key = fold(t, key, &scratch, &len);
	if (key == NULL)
		return 0;
	strbuf_reset(value);
	r = t->driver->lookup(t, key, len, value, err);
	if (r == 1 && value->overflow)
		return err_set(err, ERR_TEMP, "4.3.0", "%s: the value of \"%.100s\" is longer than %zu bytes", t->spec, key,
		    value->max);
	return r;
}

int
table_owner(const struct table *t, uid_t *uid)
{
	static const char *const suffixes[] = { "", ".db", ".lmdb", ".cdb" };
	const char *name = t->name[0] == '/' ? t->name : strchr(t->name, '/');
	int found = -1;

	*uid = 0;
	if (name == NULL || *t->name == '{')
		return 0;
	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		AUTO(mem_free) char *path = mem_printf("%s%s", name, suffixes[i]);
		struct stat st;

		/* the least trusted of source and index */
		if (stat(path, &st) == 0) {
			found = 0;
			*uid = st.st_uid != 0 ? st.st_uid : *uid;
		}
	}
	return found;
}

bool
table_takes_partial_keys(const struct table *t)
{
	if (t->driver->takes_partial != NULL && t->state != NULL)
		return t->driver->takes_partial(t);
	return (t->driver->traits & TABLE_T_PARTIAL) != 0;
}

bool
table_is_stale(struct table *t)
{
	if (t->trouble.class != ERR_NONE) {	/* somebody mended it, or tried */
		uint64_t stamp = files_stamp(t);

		return stamp != 0 && stamp != t->stamp;
	}
	return t->driver->is_stale != NULL && t->driver->is_stale(t);
}

static int
not_supported(const struct table *t, const char *what, struct err *err)
{
	return err_set(err, ERR_CONF, NULL, "table %s: %s operation is not supported", t->spec, what);
}

int
table_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	AUTO(strbuf_done) struct strbuf scratch = STRBUF_INIT(TABLE_KEY_MAX);
	size_t len;

	*existed = false;
	if (t->trouble.class != ERR_NONE)
		return unavailable(t, err);
	if (t->driver->put == NULL)
		return not_supported(t, "update", err);
	key = fold(t, key, &scratch, &len);
	if (key == NULL || strlen(value) > TABLE_VALUE_MAX)
		return err_set(err, ERR_PERM, NULL, "%s: key or value is too long", t->spec);
	return t->driver->put(t, key, value, existed, err);
}

void
table_put_bare(struct table *t)
{
	t->flags = (t->flags | TABLE_NO_NUL | TABLE_REPLACE) & ~(TABLE_NUL | TABLE_FOLD);
}

int
table_delete(struct table *t, const char *key, struct err *err)
{
	AUTO(strbuf_done) struct strbuf scratch = STRBUF_INIT(TABLE_KEY_MAX);
	size_t len;

	if (t->trouble.class != ERR_NONE)
		return unavailable(t, err);
	if (t->driver->del == NULL)
		return not_supported(t, "delete", err);
	key = fold(t, key, &scratch, &len);
	return key == NULL ? 0 : t->driver->del(t, key, err);
}

int
table_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err)
{
	if (t->trouble.class != ERR_NONE)
		return unavailable(t, err);
	if (t->driver->each == NULL)
		return not_supported(t, "sequence", err);
	strbuf_reset(key);
	strbuf_reset(value);
	return t->driver->each(t, first, key, value, err);
}

int
table_sync(struct table *t, struct err *err)
{
	if (t->trouble.class != ERR_NONE)
		return unavailable(t, err);
	return t->driver->sync != NULL ? t->driver->sync(t, err) : 0;
}

/* ---- what file-based drivers share */
bool
table_file_replaced(int fd, const char *path)
{
	struct stat now, here;

	if (fd < 0 || fstat(fd, &here) < 0)
		return false;
	if (here.st_nlink == 0)
		return true;
	return stat(path, &now) == 0 && (now.st_ino != here.st_ino || now.st_dev != here.st_dev);
}

bool
table_file_changed(int fd, const struct stat *was, const char *path)
{
	struct stat here;

	if (table_file_replaced(fd, path))
		return true;
	return fstat(fd, &here) == 0 && (here.st_mtim.tv_sec != was->st_mtim.tv_sec ||
	    here.st_mtim.tv_nsec != was->st_mtim.tv_nsec || here.st_size != was->st_size);
}

/* A source that was changed just now is probably about to be indexed: no word for the first 100 seconds. */
void
table_warn_older(const char *db_path, const struct stat *db, const char *source)
{
	struct stat src;

	if (stat(source, &src) < 0 || src.st_mtime <= db->st_mtime || src.st_mtime >= clock_wall_s() - 100)
		return;
	log_warning("database %s is older than source file %s", db_path, source);
}

int
table_flock(int fd, int op, const char *path, struct err *err)
{
	uint64_t end = clock_mono_ms() + 60000, pause = 1;

	for (;;) {
		if (flock(fd, op | LOCK_NB) == 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_sys(err, "lock %s", path);
		if (clock_mono_ms() >= end)
			return err_set(err, ERR_TIMEOUT, "4.3.0", "lock %s: held by another process for a minute", path);
		if (task_sleep(pause, err) < 0)
			return -1;
		pause = pause < 64 ? pause * 2 : pause;
	}
}
