/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapcmd - what postmap and postalias have in common: query, delete, list and build tables
 */
#ifndef POSTMAP_MAPCMD_H
#define POSTMAP_MAPCMD_H

#include "table/source.h"
#include "table/table.h"

struct mapcmd {
	const char *program;		/* "postmap" */
	const char *usage;
	const char *options;		/* for getopt */
	bool is_alias;
	struct conf *conf;
	int flags;			/* TABLE_FOLD, TABLE_NUL ... */
	const char *config_dir, *query, *delete;
	bool list, incremental, keep_root, default_perms, no_dup_warning, json, file_content, utf8;
	bool utf8_off, utf8_force;
	bool body_query, header_query, mime_query;
	int verbose;
};

void mapcmd_init(struct mapcmd *c, int argc, char **argv);	/* options, configuration, log; ends the program when wrong */
int mapcmd_run(struct mapcmd *c, char **operands);		/* exit status */
int mapcmd_query(struct mapcmd *c, char **operands, const char *key);
int mapcmd_query_stdin(struct mapcmd *c, char **operands);
struct table **mapcmd_open_all(struct mapcmd *c, char **operands);	/* ends with NULL */
void mapcmd_close_all(struct table ***vp);
bool mapcmd_find(const struct mapcmd *c, struct table **tables, const char *key, struct strbuf *value);
int mapcmd_flush(int status);		/* standard output is written, or the program ends */
int mapcmd_query_message(struct mapcmd *c, char **operands);	/* -b -h -m */
int mapcmd_delete(struct mapcmd *c, char **operands, const char *key);
int mapcmd_list(struct mapcmd *c, char **operands);
void mapcmd_build(struct mapcmd *c, const char *operand);
/* Opened, or the program has ended. */
struct table *mapcmd_open(struct mapcmd *c, const char *operand, int flags);
char *mapcmd_spec(struct mapcmd *c, const char *operand);	/* with the default type where there is none */
void mapcmd_print(const struct mapcmd *c, const char *key, const char *sep, const char *value);
/* -F: the files that value names, as base64; and back.  -1: a warning was logged. */
NODISCARD int filecontent_encode(const char *names, struct strbuf *out, const char *where);
NODISCARD int filecontent_decode(const char *text, struct strbuf *out);

#endif
