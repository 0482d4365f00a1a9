/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_priv - what the back ends of lib/queue share: the table of operations, and the insides of queue and qfile
 */
#ifndef QUEUE_QUEUE_PRIV_H
#define QUEUE_QUEUE_PRIV_H

#include "base/list.h"
#include "queue/queue.h"

enum {
	QFILE_BUF_FIRST = 8 << 10,	/* most messages fit into one write */
	QFILE_BUF_MAX = 256 << 10,
	QFILE_READ_FIRST = 4 << 10,
	QFILE_READ_MAX = 64 << 10,
	QFILE_REC_MAX = 16 << 20,	/* longest record read */
	QFILE_BACK_JUMPS = 10000,
};

/* Makes ids: see queue_id.c. */
struct qid_gen {
	uint64_t *slots;
	size_t n_slots;		/* a power of two */
	bool is_mapped;		/* shared with other processes */
	int64_t last_us;
};
void qid_gen_init(struct qid_gen *g);
/* Share the memory of ids with other processes through a file; failing that it stays this process's own. */
void qid_gen_share(struct qid_gen *g, const char *path);
void qid_gen_done(struct qid_gen *g);
void qid_next(struct qid_gen *g, bool long_id, uint64_t inode, char out[static QUEUE_ID_MAX + 1]);
/* What chooses the hash directory: 5 hex digits or the id's own start. */
const char *qid_hash_key(const char *id, char buf[static 8]);

struct qfile *qfile_new(struct queue *q, enum queue_name n);

struct queue_ops {
	int (*create)(struct qfile *f, struct err *err);
	int (*open)(struct qfile *f, enum qfile_lock lock, struct err *err);
	void (*close)(struct qfile *f);		/* removes what was created and not committed */
	ssize_t (*read_at)(struct qfile *f, void *buf, size_t n, off_t at);
	int (*write_at)(struct qfile *f, const void *buf, size_t n, off_t at, struct err *err);
	/* write the full buffer; it goes on to the disk meanwhile */
	int (*flush)(struct qfile *f, struct err *err) MAY_WAIT;
	/* write the rest of the buffer, make ready, sync */
	int (*commit)(struct qfile *f, bool hold, struct err *err);
	int (*stat_open)(struct qfile *f, struct qstat *st, struct err *err);
	int (*stat)(struct queue *q, enum queue_name n, const char *id, struct qstat *st, struct err *err);
	int (*move)(struct queue *q, const char *id, enum queue_name from, enum queue_name to, struct err *err);
	int (*set_time)(struct queue *q, enum queue_name n, const char *id, int64_t t, struct err *err);
	int (*set_mode)(struct queue *q, enum queue_name n, const char *id, mode_t mode, struct err *err);
	int (*remove)(struct queue *q, enum queue_name n, const char *id, struct err *err);
	int (*scan)(struct queue *q, enum queue_name n, queue_scan_fn *fn, queue_scan_fn *odd, void *arg, struct err *err);
	uint64_t (*change_time)(struct queue *q, enum queue_name n);
	int (*log_append)(struct queue *q, enum queue_name n, const char *id, const void *data, size_t len, struct err *err);
	int (*log_remove)(struct queue *q, enum queue_name n, const char *id, int64_t size, struct err *err);
	/* As much as b takes from an offset on: 1 there is more, 0 that was all, -1. */
	int (*log_read)(struct queue *q, enum queue_name n, const char *id, off_t from, struct strbuf *b, struct err *err);
	void (*free)(struct queue *q);
};

struct queue {
	const struct queue_ops *ops;
	bool long_ids;
	struct qid_gen gen;
};

struct memfile;
struct qfile {
	struct queue *q;
	enum queue_name where;
	char id[QUEUE_ID_MAX + 1];
	bool is_new, is_committed, can_write;
	bool is_look;			/* opened for reading only; st is what it was then, where the back end says so */
	bool has_st;
	struct qstat st;
	int fd;				/* directory back end; -1 */
	struct memfile *mem;		/* in-memory back end */
	enum qfile_lock lock;
	/* writer: buf holds [flushed, flushed + buf_len) */
	char *buf;
	size_t buf_len, buf_cap;
	off_t flushed;
	struct err werr;		/* first error, class ERR_NONE: none */
	/* reader: rbuf holds [rbase, rbase + rlen) of the file */
	char *rbuf;
	size_t rlen, rcap;
	off_t rbase, pos;
	off_t size;			/* when reading began; -1: not yet asked */
	char *cut;			/* the byte that was overwritten by a NUL behind the last record, and what it was */
	char cut_byte;
	unsigned back_jumps;
	off_t visited;			/* bytes of records read since the last seek: none is met twice in a sound file */
	bool is_at_end;
	off_t jump;			/* target of the pointer returned last, 0: none */
};

#endif
