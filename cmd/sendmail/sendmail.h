/* SPDX-License-Identifier: Apache-2.0 */
/* sendmail - what the files of this command share */
#ifndef SENDMAIL_SENDMAIL_H
#define SENDMAIL_SENDMAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bug.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"

enum {
	EXIT_TEMPFAIL = 75,	/* sysexits.h: what every failure of sendmail ends with */
	TRACE_VERIFY = 512, TRACE_REPORT = 1024,	/* trace_flags of the envelope */
	NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8,
	RET_FULL = 1, RET_HDRS = 2,
};

enum mode { MODE_SUBMIT, MODE_VERIFY, MODE_MAILQ, MODE_NEWALIASES, MODE_SMTP, MODE_START, MODE_FLUSH, MODE_FLUSH_ID, MODE_FLUSH_SITE };

struct options {
	enum mode mode;
	const char *config;		/* -C */
	const char *sender;		/* -f, NULL: the user */
	const char *full_name;		/* -F */
	const char *encoding, *envid, *alias_file, *flush_what;
	const char *verp;		/* "": default_verp_delimiters; NULL: no VERP */
	int notify, ret, verbose;
	bool from_headers;		/* -t */
	bool keep_dots;			/* -i */
	bool is_gateway;		/* -G */
	char **recipients;		/* NULL-terminated */
};

struct settings {		/* of main.cf */
	const char *queue_dir, *command_dir, *daemon_dir, *alias_database, *line_endings, *verp, *verp_filter;
	int64_t line_limit, size_limit;
};

void parse_options(struct options *o, int argc, char **argv);

/* Reads the message from standard input and hands it to postdrop; does not return when that fails. */
void submit_message(const struct options *o, const struct settings *s);
/* "root(0)" for messages */
const char *caller_text(void);
const char *caller_name(void);		/* login name */

/* ---- postdrop (drop.c): started with the first bytes that do not fit a buffer, or at the end */
struct drop;
NODISCARD struct drop *drop_new(const char *program);
void drop_put(struct drop *d, int type, const void *data, size_t len);
void drop_putf(struct drop *d, int type, const char *fmt, ...) PRINTF(3, 4);
void drop_finish(struct drop **dp);		/* the message is on disk when this returns */

#endif
