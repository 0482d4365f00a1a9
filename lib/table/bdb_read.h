/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bdb_read - look-ups in Berkeley DB hash and btree files without the library
 *
 * Nothing is cached and every number in the file is checked, so a file that is rewritten in place is always seen as it is now (hold
 * the shared flock), needs no name (it works inside a jail), and a damaged file is an error, never a crash.
 */
#ifndef TABLE_BDB_READ_H
#define TABLE_BDB_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

enum { BDB_META_SIZE = 512 };
struct bdb_file {
	int fd;			/* borrowed */
	const char *path;	/* for messages */
	unsigned char meta[BDB_META_SIZE];
	unsigned char *page;	/* scratch of one page */
	uint32_t page_size, last_page;
	bool swapped;		/* written on a machine of the other byte order */
};

/* Read the first page, again for each look-up since the file may have been rebuilt.  is_hash: what it has to be. */
NODISCARD int bdb_read_meta(struct bdb_file *f, bool is_hash, struct err *err);
/* 1 found, 0 not there, -1 damaged or unreadable. */
NODISCARD int bdb_hash_get(struct bdb_file *f, const void *key, size_t len, struct strbuf *value, struct err *err);
NODISCARD int bdb_btree_get(struct bdb_file *f, const void *key, size_t len, struct strbuf *value, struct err *err);
void bdb_file_done(struct bdb_file *f);

#endif
