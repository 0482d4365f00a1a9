/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rec - records of queue files and of the stream into cleanup: type (1 byte), length (7 bits a byte, low first), data
 *
 * Numbers are decimal text; data may hold any byte.  lib/queue/README has the types and where each may stand.
 */
#ifndef QUEUE_REC_H
#define QUEUE_REC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/strbuf.h"

enum rec_type {
	REC_SIZE = 'C', REC_TIME = 'T', REC_FULLNAME = 'F', REC_FROM = 'S', REC_ATTR = 'A', REC_FILTER = 'L', REC_REDIRECT = '>',
	REC_WARN = 'W', REC_VERP = 'V', REC_ORCPT = 'O', REC_RCPT = 'R', REC_DONE = 'D', REC_CANCELED = '/', REC_MESG = 'M',
	REC_NORM = 'N', REC_CONT = 'L', REC_PAD = 'w', REC_PTR = 'p', REC_XTRA = 'X', REC_END = 'E', REC_KILLED = 'K',
	REC_INSPECT = 'I', REC_PRIORITY = 'P', REC_RRTO = 'r', REC_ERTO = 'e', REC_CREATE = 'c', REC_DSN_RET = '<',
	REC_DSN_ENVID = 'i', REC_DSN_ORCPT = 'o', REC_DSN_NOTIFY = 'n',
	REC_FLAGS = 'f', REC_DELAY = 'd', REC_MILTER = 'm',
};
enum { REC_HEADER_MAX = 5, REC_LENGTH_MAX = (1 << 28) - 1 };

/* Encode type and length into out (at most REC_HEADER_MAX bytes); returns how many. */
size_t rec_header(unsigned char out[static REC_HEADER_MAX], int type, size_t len);
/* Decode one record at p: 1 whole record there, 0 more bytes needed, -1 not a record (length too long).
 * data points into p. */
int rec_parse(const char *p, size_t n, int *type, const char **data, size_t *len, size_t *used);
int rec_add(struct strbuf *b, int type, const void *data, size_t len);		/* append an encoded record */
int rec_addf(struct strbuf *b, int type, const char *fmt, ...) PRINTF(3, 4);
bool rec_is_allowed(int type, char segment);	/* segment 'e'nvelope, 'c'ontent, 'x' extracted */
const char *rec_name(int type);			/* as postcat prints it */

#endif
