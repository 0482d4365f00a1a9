/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue - the messages that are ours: created, committed, scheduled, marked, removed
 *
 * The interface speaks of messages, not of files: a second back end keeps them in memory (queue_open_memory) and passes the
 * same tests, and a shared journal can come later.  The first one is Postfix's directories, byte for byte (README).
 *
 *	creator (cleanup, postdrop):			reader (qmgr, agents, showq, postcat):
 *	m = qfile_create(q, QUEUE_INCOMING, &err);	m = qfile_open(q, QUEUE_ACTIVE, id, QFILE_LOCK_SHARED, &err);
 *	qfile_put(m, REC_TIME, ...);			while (qfile_next(m, &rec, &err) == 1) ...
 *	qfile_commit(m, &err);	now it is ours		qfile_mark(m, offset, REC_DONE, &err);
 *	qfile_free(&m);					qfile_free(&m);
 *
 * Freeing a message that was created and not committed removes it.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/strbuf.h"
#include "queue/rec.h"

struct conf;

enum queue_name {
	QUEUE_MAILDROP, QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD, QUEUE_CORRUPT,
	QUEUE_BOUNCE, QUEUE_DEFER, QUEUE_TRACE,		/* logs, one for a message id: queue/dlog.h */
	QUEUE_N
};
const char *queue_name_str(enum queue_name n);
int queue_name_parse(const char *s);		/* -1: no queue of that name */

struct queue;
/* hash_queue_names, hash_queue_depth, enable_long_queue_ids, queue_directory, data_directory are taken from conf.  Open it before
 * confinement; when queue_directory cannot be seen any more, the working directory is taken. */
NODISCARD struct queue *queue_open(struct conf *conf, struct err *err);
NODISCARD struct queue *queue_open_dir(const char *dir, const char *hash_names, int hash_depth, bool long_ids, struct err *err);
NODISCARD struct queue *queue_open_memory(void);
void queue_free(struct queue **qp);

/* ---- ids */
bool queue_id_is_valid(const char *id);		/* 1-255 characters of [0-9A-Za-z_] */
bool queue_id_is_long(const char *id);
uint64_t queue_id_inode(const char *id);	/* the inode number coded in it; 0: none */
enum { QUEUE_ID_MAX = 255 };
/* The same time with another inode number; to_short: in the short form.  -1 when id has no time to take. */
int queue_id_renumber(const char *id, uint64_t inode, bool to_short, char out[static QUEUE_ID_MAX + 1]);
/* For long ids: arrival time coded in it. 0 or -1. */
int queue_id_time(const char *id, struct timeval *tv);

/* ---- one message */
struct qfile;
enum qfile_lock { QFILE_LOCK_NONE, QFILE_LOCK_SHARED, QFILE_LOCK_EXCLUSIVE };	/* flock, never waiting */

/* A new message with a new id; it is invisible to others until qfile_commit. */
NODISCARD struct qfile *qfile_create(struct queue *q, enum queue_name n, struct err *err);
/* -1/NULL with err->sys EWOULDBLOCK when somebody else has the lock; ENOENT when it is not there. */
NODISCARD struct qfile *qfile_open(struct queue *q, enum queue_name n, const char *id, enum qfile_lock lock, struct err *err);
struct qstat;
/* For who lists many: as qfile_open without a lock, for reading only, with what qfile_stat says, in the memory of *f, which is NULL at first and
 * stays the caller's to free. */
NODISCARD int qfile_look(struct qfile **f, struct queue *q, enum queue_name n, const char *id, struct qstat *st, struct err *err);
void qfile_free(struct qfile **qp);
const char *qfile_id(const struct qfile *f);
int qfile_fd(const struct qfile *f);		/* for sendfile, SCM_RIGHTS; -1 where the back end has none */

/* Writing: buffered; a full buffer (256 KiB) is written in the worker pool.  Errors stick: put returns nothing, commit (or qfile_check) tells. */
void qfile_put(struct qfile *f, int type, const void *data, size_t len) MAY_WAIT;
void qfile_putf(struct qfile *f, int type, const char *fmt, ...) PRINTF(3, 4) MAY_WAIT;
void qfile_put_raw(struct qfile *f, const void *records, size_t n) MAY_WAIT;	/* already encoded, whole records */
off_t qfile_tell(const struct qfile *f);				/* offset of the next record */
void qfile_patch(struct qfile *f, off_t at, int type, const void *data, size_t len);	/* overwrite, same size on disk */
NODISCARD int qfile_check(struct qfile *f, struct err *err);
/* Flush, make ready (mode 0700, or 0744 for maildrop), sync name and data: after 0 the message is ours and may be acknowledged;
 * after -1 refuse it with a temporary error.  hold: it appears in QUEUE_HOLD instead. */
NODISCARD int qfile_commit(struct qfile *f, bool hold, struct err *err) MAY_WAIT;

/* Reading: record by record from an offset, following pointers; limits on size and backward jumps.  Stops behind E. */
struct qrec {
	int type;
	const char *data;	/* valid until the next call; NUL-terminated */
	size_t len;
	off_t at;		/* where this record lies */
	off_t next;		/* where the record behind it lies */
	off_t from;		/* where reading began, before pointers were followed */
};
/* Pointers and padding are passed over. */
NODISCARD int qfile_next(struct qfile *f, struct qrec *r, struct err *err);	/* 1, 0 behind the end record, -1 (ERR_PERM: damaged) */
/* The same for every record as it lies there, pointers and padding too; pointers are followed by the next call when asked. */
NODISCARD int qfile_next_any(struct qfile *f, struct qrec *r, bool follow, struct err *err);
void qfile_seek(struct qfile *f, off_t at);
off_t qfile_pos(const struct qfile *f);		/* where the next call reads */
/* Overwrite the one type byte of the record at an offset (REC_RCPT to REC_DONE, REC_ATTR to REC_KILLED).  Not synced. */
NODISCARD int qfile_mark(struct qfile *f, off_t at, int type, struct err *err);
NODISCARD int qfile_overwrite(struct qfile *f, off_t at, int type, const void *data, size_t len, struct err *err);	/* same length: W to -1 */

struct qstat {
	int64_t mtime_s;
	int64_t size;		/* bytes on disk */
	mode_t mode;
	uid_t uid;
	bool is_ready;		/* complete: owner bits 0700 */
	bool is_forced_expire;	/* 0010 */
	bool is_unthrottle;	/* 0040 */
};
NODISCARD int qfile_stat(struct qfile *f, struct qstat *st, struct err *err);

/* ---- what is where (none of these syncs; err->sys ENOENT when it is gone) */
NODISCARD int queue_stat(struct queue *q, enum queue_name n, const char *id, struct qstat *st, struct err *err);
NODISCARD int queue_move(struct queue *q, const char *id, enum queue_name from, enum queue_name to, struct err *err);
NODISCARD int queue_set_time(struct queue *q, enum queue_name n, const char *id, int64_t t, struct err *err);	/* mtime and atime */
NODISCARD int queue_set_mode(struct queue *q, enum queue_name n, const char *id, mode_t mode, struct err *err);
NODISCARD int queue_remove(struct queue *q, enum queue_name n, const char *id, struct err *err);
/* Each id of one queue, in no order; fn returns false to stop.  Names that are no ids are passed over (odd, when not NULL, gets them). */
typedef bool queue_scan_fn(void *arg, const char *id);
NODISCARD int queue_scan(struct queue *q, enum queue_name n, queue_scan_fn *fn, queue_scan_fn *odd, void *arg, struct err *err);
/* Latest change of the queue's directories, ns; changes when files were added, moved or removed behind our back. */
uint64_t queue_change_time(struct queue *q, enum queue_name n);

/* ---- the envelope in one piece */
struct qrcpt {
	const char *addr;	/* internal (unquoted) form */
	const char *orig;	/* O record, or "" */
	const char *dsn_orcpt;	/* "rfc822;x@y" or "" */
	int dsn_notify;		/* 1 never, 2 success, 4 failure, 8 delay; 0 default */
	off_t offset;		/* of the R record; what marks refer to */
};
struct qattr {
	const char *name, *value;
};
struct qenv {
	struct timeval arrival;		/* T */
	int64_t create_time;
	int64_t content_size, content_offset, n_rcpts_hint, content_length;	/* C 1 2 3 5 */
	int hints, send_options;	/* C 4 6 */
	const char *sender, *fullname, *filter, *redirect, *verp, *encoding, *dsn_envid, *log_ident, *rewrite_context;
	int dsn_ret;			/* 0, 1 full, 2 headers */
	int trace_flags;
	off_t trace_flags_at, warn_at;	/* records to kill or overwrite; -1: none */
	int64_t warn_time;		/* 0: none pending */
	const struct qattr *attrs;	/* all A records but those above; later ones override earlier of the same name */
	size_t n_attrs;
	const struct qrcpt *rcpts;	/* not yet done, in file order */
	size_t n_rcpts;
	size_t n_done;
	off_t resume_at;		/* where reading of recipients stopped at the limit; 0: all read */
	char resume_segment;		/* 'e' or 'x': the segment that lies in */
};
/* Read envelope and extracted segment.  Strings belong to pool.  -1 with ERR_PERM: damaged, text says how and at which offset. */
NODISCARD int qenv_read(struct qfile *f, struct pool *pool, size_t rcpt_limit, struct qenv *env, struct err *err);
NODISCARD int qenv_more(struct qfile *f, struct pool *pool, size_t rcpt_limit, struct qenv *env, struct err *err);	/* next portion of recipients */
const char *qenv_attr(const struct qenv *env, const char *name);	/* NULL: not there */

#endif
