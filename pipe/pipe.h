/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe - delivery to a program: the message to its standard input, addresses as arguments
 *
 * What the program is, and as whom it runs, stands in master.cf alone; what comes from the message can only become (part of) an argument,
 * never a further one by itself, and no shell sees it.
 */
#ifndef PIPE_PIPE_H
#define PIPE_PIPE_H

#include "base/strbuf.h"
#include "base/strvec.h"
#include "proto/deliver.h"

enum pipe_flag {
	PIPE_BLANK = 1, PIPE_DELIVERED = 2, PIPE_FROM = 4, PIPE_ORIGINAL = 8, PIPE_RETURN_PATH = 16, PIPE_FINAL = 32, PIPE_FOLD_HOST = 64,
	PIPE_QUOTE = 128, PIPE_FOLD_USER = 256, PIPE_DOT = 512, PIPE_QUOTE_FROM = 1024,
};
enum { PIPE_ARGS_MAX = 1000, PIPE_ARGV_MAX = 100000, PIPE_ARG_MAX = 100000 };

/* The operands of the service in master.cf.  Strings are borrowed from them. */
struct pipe_opts {
	unsigned flags;
	const char *user;	/* user[:group] */
	const char *null_sender, *dir, *chroot;
	struct strbuf eol;
	int64_t size_limit;	/* bytes, 0 none */
	bool has_argv;
	struct strvec argv;	/* templates */
};
void pipe_opts_init(struct pipe_opts *o);
void pipe_opts_done(struct pipe_opts *o);
/* The next operand; everything behind argv= belongs to it. */
NODISCARD int pipe_opts_add(struct pipe_opts *o, const char *arg, struct err *err);
NODISCARD int pipe_opts_check(const struct pipe_opts *o, struct err *err);	/* behind the last one */

/* The program's arguments for a request; an argument that names a recipient's property is repeated for each of them. */
struct pipe_expand {
	const struct pipe_opts *opts;
	const struct deliver_req *req;
	const char *delims;	/* recipient_delimiter */
	bool owner_special;
};
NODISCARD int pipe_expand_argv(const struct pipe_expand *x, struct strvec *out, struct err *err);

#endif
