/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite: queries of an SQLite database, "sqlite:/path/of/configuration" (sqlite_table(5))
 *
 * The library waits for the disk and for locks, so it works in the worker pool.  A handle serves one look-up at a time; those that are
 * idle are kept.  The database is only read, and each query ends by a time limit.
 */
#ifdef HAVE_SQLITE3
#include <sqlite3.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "table/netconf.h"
#include "task/task.h"

enum { IDLE_MAX = 8, QUERY_MAX = 1 << 20, RESULTS_MAX = 16 << 20, ROWS_MAX = 100000, TIMEOUT_MS = 30 * 1000, LOCK_MS = 5 * 1000, STEPS = 10000 };

struct handle {
	struct list link;	/* in idle */
	sqlite3 *db;
	uint64_t deadline;
};
struct sqlite {
	char *path;
	struct netquery query;
	struct list idle;
	unsigned n_idle;
};
/* All that a worker's thread sees. */
struct job {
	const char *path, *sql;
	struct handle *h;
	struct strbuf rows;	/* each result ends with a NUL */
	struct err err;
	bool failed;
};

static void
handle_free(struct handle *h)
{
	sqlite3_close(h->db);
	mem_free(&h);
}

static void
sqlite_close_table(struct table *t)
{
	struct sqlite *s = t->state;

	while (!list_is_empty(&s->idle)) {
		struct handle *h = LIST_ITEM(s->idle.next, struct handle, link);

		list_remove(&h->link);
		handle_free(h);
	}
	netquery_done(&s->query);
	mem_free(&s->path);
	mem_free(&t->state);
}

static int
load(struct sqlite *s, struct netconf *nc, struct err *err)
{
	AUTO(mem_free) char *query = netconf_sql_query(nc);

	s->path = mem_strdup(netconf_get(nc, "dbpath", ""));
	if (*s->path == '\0')
		return err_set(err, ERR_CONF, NULL, "dbpath is not set");
	if (query == NULL)
		return err_set(err, ERR_CONF, NULL, "query is not set");
	return netquery_load(&s->query, nc, NETQUERY_SQL, "query", query, err);
}

static int
sqlite_open_table(struct table *t, struct err *err)
{
	AUTO(netconf_free) struct netconf *nc = netconf_open(t, err);
	struct sqlite *s;

	if (nc == NULL)
		return -1;
	s = NEW(struct sqlite);
	list_init(&s->idle);
	t->state = s;
	if (load(s, nc, err) == 0)
		return 0;
	sqlite_close_table(t);
	return err_prefix(err, "%s: ", t->spec);
}

/* ---- in a worker's thread */
static int
too_late(void *arg)
{
	const struct handle *h = arg;

	return clock_mono_ms() >= h->deadline;
}

static void
fail(struct job *j, const char *what)
{
	j->failed = true;
	err_set(&j->err, ERR_TEMP, "4.3.0", "%s: %s: %s", j->path, what, j->h->db != NULL ? sqlite3_errmsg(j->h->db) : "out of memory");
}

static int
connect_file(struct job *j)
{
	j->h = NEW(struct handle);
	list_init(&j->h->link);
	if (sqlite3_open_v2(j->path, &j->h->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		fail(j, "open");
		return -1;
	}
	sqlite3_busy_timeout(j->h->db, LOCK_MS);
	sqlite3_progress_handler(j->h->db, STEPS, too_late, j->h);
	return 0;
}

static void
add_row(struct job *j, sqlite3_stmt *st)
{
	const char *text = (const char *)sqlite3_column_text(st, 0);

	if (text == NULL || *text == '\0')
		return;
	if (strlen(text) != (size_t)sqlite3_column_bytes(st, 0)) {
		j->failed = true;
		err_set(&j->err, ERR_TEMP, "4.3.0", "%s: NUL byte in a result", j->path);
	}
	strbuf_add(&j->rows, text, strlen(text) + 1);
}

static void
read_rows(struct job *j, sqlite3_stmt *st)
{
	unsigned n = 0;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW && !j->failed && !j->rows.overflow && n++ < ROWS_MAX)
		add_row(j, st);
	if (rc == SQLITE_ROW && !j->failed) {
		j->failed = true;
		err_set(&j->err, ERR_TEMP, "4.3.0", "%s: too many results", j->path);
	} else if (rc != SQLITE_DONE && !j->failed) {
		fail(j, rc == SQLITE_INTERRUPT ? "time limit" : "query");
	}
}

static void
run(void *arg)
{
	struct job *j = arg;
	sqlite3_stmt *st = NULL;

	if (j->h == NULL && connect_file(j) < 0)
		return;
	j->h->deadline = clock_mono_ms() + TIMEOUT_MS;
	if (sqlite3_prepare_v2(j->h->db, j->sql, -1, &st, NULL) != SQLITE_OK)
		fail(j, "query");
	else if (st == NULL || sqlite3_column_count(st) < 1)
		fail(j, "the query gives no result column");
	else
		read_rows(j, st);
	sqlite3_finalize(st);
}

/* ---- */
static struct handle *
take_idle(struct sqlite *s)
{
	struct handle *h;

	if (list_is_empty(&s->idle))
		return NULL;
	h = LIST_ITEM(s->idle.next, struct handle, link);
	list_remove(&h->link);
	s->n_idle--;
	return h;
}

/* After an error a new one is made: the file may have been replaced. */
static void
give_back(struct sqlite *s, struct handle *h, bool is_good)
{
	if (h != NULL && is_good && s->n_idle < IDLE_MAX) {
		list_prepend(&s->idle, &h->link);
		s->n_idle++;
	} else if (h != NULL) {
		handle_free(h);
	}
}

static int
collect(const struct sqlite *s, const char *key, const struct strbuf *rows, struct strbuf *value, struct err *err)
{
	size_t n = 0;

	for (const char *row = rows->s; row < rows->s + rows->len; row += strlen(row) + 1)
		if (netquery_add(&s->query, key, row, &n, value, err) < 0)
			return -1;
	return n > 0;
}

static int
sqlite_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	struct sqlite *s = t->state;
	AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(QUERY_MAX);
	struct job j = { .path = s->path, .rows = STRBUF_INIT(RESULTS_MAX), .err = ERR_INIT };
	int r = netquery_build(&s->query, key, netquery_quote_sql, NULL, &sql, err);

	if (r <= 0)
		return r < 0 ? err_prefix(err, "%s: ", t->spec) : 0;
	j.sql = sql.s;
	j.h = take_idle(s);
	task_offload(run, &j);
	give_back(s, j.h, !j.failed);
	if (j.failed)
		r = err_set(err, j.err.class, j.err.dsn, "%s", j.err.text);
	else
		r = collect(s, key, &j.rows, value, err);
	strbuf_done(&j.rows);
	return r < 0 ? err_prefix(err, "%s: ", t->spec) : r;
}

const struct table_driver table_sqlite_client = {
	.type = "sqlite", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL | TABLE_T_PROXIED,
	.open = sqlite_open_table, .close = sqlite_close_table, .lookup = sqlite_lookup,
};
#else
typedef int sqlite_is_not_built;
#endif
