/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup - what the files of this daemon share: the parameters, and one message on its way into the queue
 *
 * A message is written in the order in which its records arrive; nothing but the header being read is kept.  The size record at the front
 * is filled in at the end.  Once something is wrong with a message (status) the rest of it is read and thrown away.
 */
#ifndef CLEANUP_CLEANUP_H
#define CLEANUP_CLEANUP_H

#include "base/map.h"
#include "mime/header.h"
#include "mime/mime.h"
#include "proto/bounce.h"
#include "proto/cleanup.h"
#include "proto/qmgr.h"
#include "queue/queue.h"
#include "route/mail_key.h"
#include "route/rewrite.h"

struct cleanup_conf {
	const char *myhostname, *delims, *always_bcc, *drop_headers, *undisclosed, *from_format, *name_charset, *log_format;
	const char *canonical_maps, *sender_canonical_maps, *rcpt_canonical_maps, *alias_maps, *sender_bcc_maps, *rcpt_bcc_maps;
	const char *header_checks, *mime_checks, *nested_checks, *body_checks;
	const char *canonical_classes, *sender_canonical_classes, *rcpt_canonical_classes, *masquerade_classes, *propagate;
	const char *masquerade_domains, *masquerade_exceptions, *strip_characters, *reject_characters;
	int64_t hopcount_limit, message_limit, header_limit, line_limit, attr_limit, duplicate_limit, token_limit;
	int64_t delay_resolution;
	int64_t alias_depth, alias_size, alias_length, mime_depth, boundary_length, body_checks_limit;
	uint64_t delay_warning_ms;
	bool strict_7bit, strict_8bit, strict_8bit_body, strict_domain;
	bool owner_request, original_recipient, always_add, no_mime, detect_8bit, replace_cr_lf, smtputf8, long_ids, compat_log;
};

enum addr_class { CLASS_ENV_SENDER = 1, CLASS_ENV_RCPT = 2, CLASS_HDR_SENDER = 4, CLASS_HDR_RCPT = 8 };

struct env {
	struct cleanup_conf c;
	struct queue *queue;
	struct route *route;
	struct localdom *local;
	struct mail_key_env keys;
	struct qmgr_client *qmgr;
	struct bounce *bounce;
	struct table_list *canonical, *sender_canonical, *rcpt_canonical, *aliases, *sender_bcc, *rcpt_bcc;
	struct table_list *header_checks, *mime_checks, *nested_checks, *body_checks;
	unsigned canonical_classes, sender_canonical_classes, rcpt_canonical_classes, masquerade_classes;
	bool propagate_canonical, propagate_virtual;
	struct strvec masquerade, exceptions, drop;
	bool strip[256], reject[256];
	bool has_strip, has_reject;
};

/* What the sender may be told in a report instead of the client in an answer: faults of the message, never of this machine. */
enum { STATUS_FOR_GOOD = CLEANUP_SIZE | CLEANUP_CONTENT | CLEANUP_HOPS | CLEANUP_NO_RCPT | CLEANUP_DENIED };

enum phase { PHASE_ENVELOPE, PHASE_HEADER, PHASE_LINES, PHASE_BULK, PHASE_EXTRACTED, PHASE_END };

struct message {
	struct env *env;
	struct qfile *qf;
	struct pool *pool;		/* attributes, sender */
	int flags;			/* CLEANUP_... of the client */
	int status;			/* CLEANUP_... bits; 0 so far so good */
	char reason[512];		/* "5.7.1 text" */
	enum phase phase;

	/* envelope */
	struct timeval arrival;
	const char *sender, *fullname;	/* sender NULL: not seen */
	char *last_rcpt;		/* for log lines */
	const char *origin, *helo, *proto, *encoding;
	bool remote;			/* rewrite_context=remote */
	bool seen_time, seen_warn, wrote_warn;
	unsigned n_attrs, n_rcpts;
	int hints, smtputf8;
	bool utf8_rcpt;
	/* for the next recipient */
	char *orig_rcpt, *dsn_orcpt;
	int dsn_notify;
	struct map *seen;		/* recipients written; the key is the value */
	struct strvec bcc;		/* always_bcc and BCC actions */

	/* content */
	off_t data_offset, end_offset;
	uint64_t content_size;
	struct strbuf text;		/* the envelope record being read */
	struct strbuf hdr;		/* the logical header being read */
	bool in_header_line, hdr_cut, line_start;
	unsigned long headers_seen;	/* bit per enum header_id */
	bool resent, own_header_done, skip_checks;
	int hops;
	struct mime *mime;
	unsigned part;
	int64_t part_bytes;		/* of the body so far, for body_checks_size_limit */
	const char *message_id, *filter, *redirect, *hdr_encoding;
	bool hold, discard;
	bool is_committed;		/* in incoming: qmgr is to be told */
};

/* conf.c */
extern const struct conf_bind cleanup_binds[];
extern const size_t cleanup_n_binds;
/* c is bound already; route and queue are taken. */
NODISCARD int env_open(struct env *e, struct conf *conf, struct route *route, struct queue *queue, struct err *err);
void env_close(struct env *e);
void env_each_table(struct env *e, void (*fn)(struct table *t));
bool header_is_dropped(const struct env *e, const char *name, size_t n);

/* message.c: takes records in order; returns false when the message is complete (E) */
void message_init(struct message *m, struct env *e, struct qfile *qf, int flags);
void message_done(struct message *m);
bool message_record(struct message *m, int type, const char *data, size_t n) MAY_WAIT;
/* Records at p, whole ones or a part of one at the end, taken in bulk while that is possible: how many bytes were. */
size_t message_bulk(struct message *m, const char *p, size_t n);
/* Is what comes still stored?  Also a message that is refused is, when its sender is to have it back. */
bool message_is_stored(const struct message *m);
void message_fail(struct message *m, int status, const char *fmt, ...) PRINTF(3, 4);	/* fmt "": the status's own text */
const char *message_id_of(const struct message *m);
void message_put(struct message *m, int type, const void *data, size_t n);

/* envelope.c */
void envelope_record(struct message *m, int type, const char *data, size_t n) MAY_WAIT;
void envelope_end(struct message *m);
void extracted_record(struct message *m, int type, const char *data, size_t n) MAY_WAIT;
void extracted_begin(struct message *m) MAY_WAIT;
void extracted_end(struct message *m) MAY_WAIT;
void size_record_begin(struct message *m);
void size_record_end(struct message *m);

/* rcpt.c: one recipient through rewriting, mapping, expansion, into the file */
void rcpt_add(struct message *m, const char *addr, const char *orig, const char *dsn_orcpt, int dsn_notify, bool is_bcc) MAY_WAIT;
void bcc_add(struct message *m, const char *addr, bool later) MAY_WAIT;	/* later: in the extracted segment */
void bcc_add_for_sender(struct message *m) MAY_WAIT;

/* map.c: 1 changed and appended, 0 as it was, -1 failed (the message too) */
int map_canonical(struct message *m, const char *addr, enum addr_class class, struct strbuf *out) MAY_WAIT;
int map_masquerade(const struct env *e, const char *addr, enum addr_class class, struct strbuf *out);
/* Rewriting, canonical mapping, masquerading.  out holds the result in any case. */
int map_address(struct message *m, const char *addr, enum rewrite_context context, enum addr_class class, struct strbuf *out) MAY_WAIT;
/* virtual_alias_maps; result in out. */
int map_expand(struct message *m, const char *addr, struct strvec *out) MAY_WAIT;

/* content.c */
void content_begin(struct message *m);
void content_record(struct message *m, int type, const char *data, size_t n) MAY_WAIT;
size_t content_bulk(struct message *m, const char *p, size_t n);
void content_end(struct message *m) MAY_WAIT;
void content_put_line(struct message *m, const char *line, size_t n);	/* cut to line_length_limit */

/* header.c */
void header_put(struct message *m, const char *text, size_t n);
void header_take(struct message *m, const char *text, size_t n) MAY_WAIT;	/* a logical header of the message itself */
void header_missing(struct message *m);

/* check.c: header_checks and the like; false: the line is to be dropped.  out is set when it is to be replaced. */
bool check_text(struct message *m, struct table_list *tables, const char *name, const char *text, size_t n, struct strbuf *out) MAY_WAIT;

/* A fault of structure or encoding that a strict_... parameter or a limit refuses; line: what is to be seen in the log. */
void check_refuse(struct message *m, const char *what, const char *line, size_t n);

/* finish.c: commit or refuse, and what the client is told */
void message_finish(struct message *m) MAY_WAIT;

#endif
