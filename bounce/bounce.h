/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounce.h - what the parts of the bounce daemon share
 *
 * One program is three services by name: bounce, defer and trace.  Agents have it append delivery records; the queue manager has it report
 * them to senders.  A log is removed only after the report made from it is committed.
 */
#ifndef BOUNCE_BOUNCE_H
#define BOUNCE_BOUNCE_H

#include "config/conf.h"
#include "proto/bounce.h"
#include "proto/cleanup.h"
#include "queue/dlog.h"
#include "queue/queue.h"

struct bounce_conf {
	const char *myhostname, *myorigin, *mail_name, *double_bounce_sender;
	const char *bounce_rcpt, *double_rcpt, *delay_rcpt, *classes, *template_file, *filter_classes;
	int64_t size_limit, message_limit;
	uint64_t lifetime_ms;
	bool compat_text, threaded, no_verp;
};
extern struct bounce_conf bounce_conf;
extern struct queue *bounce_queue;
extern struct ipc_pool *bounce_cleanup;

/* ---- templates (template.c) */
enum template_kind { TEMPLATE_FAILURE, TEMPLATE_DELAY, TEMPLATE_SUCCESS, TEMPLATE_VERIFY, TEMPLATE_N };
struct template {
	const char *charset, *from, *subject, *postmaster_subject;
	const char *text;	/* unexpanded, lines end in LF */
};
extern const struct template template_builtin[TEMPLATE_N];
/* Replaces what the file names; strings belong to pool. */
NODISCARD int template_parse(const char *path, const char *text, struct pool *pool, struct template set[static TEMPLATE_N],
    struct err *err);

/* ---- layout (text.c) */
typedef void text_line_fn(void *arg, const char *line, size_t len);
/* Words of text in lines of at most 79 columns; all but the first begin with four blanks. */
void text_fold(const char *text, text_line_fn *fn, void *arg);
/* Headers, line ends and the like from stored text: control characters become '?'. */
const char *text_clean(struct pool *pool, const char *s);
bool text_is_word_in(const char *list, const char *word);
/* owner+rcpt=domain@list: the sender that a bounce of this recipient goes to (variable envelope return path). */
const char *text_verp(struct pool *pool, const char *delims, const char *sender, const char *rcpt);

/* ---- one report (report.c) */
struct report {
	enum template_kind kind;
	enum queue_name log;
	const char *id, *sender, *encoding, *envid;
	bool to_postmaster, headers_only, is_utf8;
	const char *to;			/* envelope recipient; to the sender unless to_postmaster */
	struct qfile *file;		/* the message, NULL when it cannot be read */
	const struct qenv *env;		/* only with file */
	int64_t arrival_s;
	const struct dlog_entry *entries;
	const size_t *chosen;		/* which of them */
	size_t n_chosen;
	const char *message_id, *references;	/* of the message, for threads; "" */
};
/* 0 when committed; logs the line that names the new message, and failures. */
NODISCARD int report_send(const struct report *r) MAY_WAIT;

/* ---- what is told to whom (notify.c); 0 done, 1 try later */
int notify_run(unsigned request, enum queue_name log, const struct bounce_msg *m) MAY_WAIT;

/* the process's templates, expanded text; main.c */
extern struct template bounce_templates[TEMPLATE_N];
char *bounce_expand(const char *text);	/* mem_free */

#endif
