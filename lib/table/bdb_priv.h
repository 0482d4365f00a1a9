/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bdb_priv - one open hash or btree table, as bdb.c (reading) and bdb_write.c (the library) see it
 */
#ifndef TABLE_BDB_PRIV_H
#define TABLE_BDB_PRIV_H

#include "table/bdb_read.h"
#include "table/table_priv.h"

struct bdb_lib;
struct bdb {
	char *path;
	int fd;			/* locked during each look-up, or while open for writing */
	struct bdb_file file;
	bool try_nul, try_bare;
	struct bdb_lib *db;	/* open through the library: for writing, or for table_each */
};

bool bdb_is_hash(const struct table *t);
NODISCARD int bdb_write_open(struct table *t, struct bdb *b, struct err *err);
void bdb_write_close(struct table *t, struct bdb *b);
int bdb_write_get(struct table *t, struct bdb *b, const char *key, size_t len, struct strbuf *value, struct err *err);
int bdb_write_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err);
int bdb_write_del(struct table *t, const char *key, struct err *err);
int bdb_write_each(struct table *t, bool first, struct strbuf *key, struct strbuf *value, struct err *err);
int bdb_write_sync(struct table *t, struct err *err);

#endif
