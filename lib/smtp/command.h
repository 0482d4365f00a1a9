/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command - SMTP command lines and the ESMTP parameters of MAIL and RCPT, the server's side of the syntax (RFC 5321 section 4.1.1)
 *
 *	struct smtp_command c;
 *	smtp_command_split(line, &c);			"mail from:<a@b> SIZE=3": verb "mail", args "from:<a@b> SIZE=3"
 *	if ((path = smtp_command_path(c.args, "FROM")) == NULL)
 *		...501 syntax
 *	addr_path_parse(path, flags, &sender, &rest, &err)
 *	if (smtp_mail_args_parse(pool, rest, offered, &args, &fault) < 0)
 *		...reply fault.code, fault.dsn, fault.text
 *
 * Policy (is the size too large? is there a session key?) is the caller's; only what no server could take is a fault here.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pool.h"

struct smtp_command {
	char *verb;	/* "" for an empty line */
	char *args;	/* what follows it, blanks around cut off; "" when nothing */
};
/* In place; line is without its line end. */
void smtp_command_split(char *line, struct smtp_command *out);
/* What follows "FROM:" or "TO:" (any case), blanks skipped; NULL when the keyword is missing or nothing follows. */
const char *smtp_command_path(const char *args, const char *keyword);

/* What to answer when a line is not to be taken. */
struct smtp_fault {
	int code;
	const char *dsn;
	char text[256];
};

enum {	/* which parameters the server has announced; others are 555 */
	SMTP_ARG_SIZE = 1, SMTP_ARG_BODY = 2, SMTP_ARG_DSN = 4, SMTP_ARG_SMTPUTF8 = 8, SMTP_ARG_AUTH = 16, SMTP_ARG_BINARYMIME = 32,
};
enum smtp_body { SMTP_BODY_NONE, SMTP_BODY_7BIT, SMTP_BODY_8BIT, SMTP_BODY_BINARY };

struct smtp_mail_args {
	int64_t size;		/* announced octets; 0 when not said */
	enum smtp_body body;
	int ret;		/* RFC 3461 section 4.3: 0, 1 FULL, 2 HDRS */
	const char *envid;	/* decoded, NULL when not given */
	const char *auth;	/* decoded, NULL when not given; "<>" unknown */
	bool smtputf8;		/* RFC 6531 section 3.4 */
};
NODISCARD int smtp_mail_args_parse(struct pool *pool, const char *params, unsigned offered, struct smtp_mail_args *out,
    struct smtp_fault *fault);

enum { SMTP_NOTIFY_NEVER = 1, SMTP_NOTIFY_SUCCESS = 2, SMTP_NOTIFY_FAILURE = 4, SMTP_NOTIFY_DELAY = 8 };
struct smtp_rcpt_args {
	int notify;		/* 0 when not given */
	const char *orcpt;	/* "type;address", decoded; NULL when not given */
};
NODISCARD int smtp_rcpt_args_parse(struct pool *pool, const char *params, unsigned offered, struct smtp_rcpt_args *out,
    struct smtp_fault *fault);

#endif
