/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr - mail addresses: in commands (RFC 5321), in headers (RFC 5322), and the form the suite keeps
 *
 * Two forms of one address.  External: as in SMTP and headers, the local part quoted where it must be: "a b"@example.com.
 * Internal: without quoting: a b@example.com; this is what queue files, tables and logs of decisions hold.  In the internal form
 * the domain is what follows the last '@'; a local part alone has none.  The empty string is the null sender <>.
 *
 *	addr_path_parse(" <joe@example.com> SIZE=100", ADDR_PATH_NULL, &addr, &rest, &err)	MAIL FROM: and RCPT TO: arguments
 *	addr_list_parse(pool, header_body, len, 10000, &list, &err)				To:, Cc:, sendmail's arguments
 *	addr_quote(&out, "a b@example.com")							internal to external
 *
 * Nothing here is longer than ADDR_MAX or recurses without a limit.
 */
#ifndef ADDRESS_ADDR_H
#define ADDRESS_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/pool.h"
#include "base/strbuf.h"

enum {
	ADDR_MAX = 2000,		/* longest address taken from outside, in bytes */
	ADDR_DOMAIN_MAX = 255,		/* RFC 5321 section 4.5.3.1.2 */
	ADDR_COMMENT_DEPTH = 20,	/* nested comments; deeper ones are an error */
};

/* ---- the two forms */
/* Append addr (internal form) in external form; the null address gives nothing. */
void addr_quote(struct strbuf *out, const char *addr);
void addr_quote_local(struct strbuf *out, const char *local, size_t n);	/* the local part alone */
bool addr_local_needs_quotes(const char *local, size_t n);	/* not a dot-atom of RFC 5322; bytes above 127 need none (RFC 6531) */
/* Append external form as internal form: quotes and backslashes of the local part go, comments and blanks stay as they are. */
void addr_unquote(struct strbuf *out, const char *external);
/* Domain of an internal address: behind the last '@', or NULL.  addr_local_len: length of what is before it. */
const char *addr_domain(const char *addr);
size_t addr_local_len(const char *addr);
/* The last '@' outside quotes of an external form, or NULL. */
const char *addr_find_at(const char *external, size_t n);
/* Domain (all of it) to lower case in place; the local part stays.  ASCII letters only. */
void addr_fold_domain(char *addr);
/* Equal, the domain's case ignored. */
bool addr_equal(const char *a, const char *b);

/* ---- address extensions: user+ext@domain */
/*
 * Where the extension of a local part begins: offset of the delimiter, or 0 when there is none.  delims holds any number of
 * characters, the first one found from the left counts.  Never an extension: postmaster, mailer-daemon, double-bounce; and, when
 * owner_request is set (owner_request_special) and '-' is a delimiter, owner-LIST and LIST-request.
 */
size_t addr_ext_at(const char *local, size_t n, const char *delims, bool owner_request);

/* ---- arguments of MAIL and RCPT: RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.2 */
enum {
	ADDR_PATH_STRICT = 1,	/* strict_rfc821_envelopes: angle brackets needed, no comments, no phrase */
	ADDR_PATH_NULL = 2,	/* <> is taken (MAIL) */
	ADDR_PATH_UTF8 = 4,	/* bytes above 127 are taken when they are UTF-8 (RFC 6531) */
	ADDR_PATH_MINUS = 8,	/* allow_min_user: a local part may begin with '-' */
	ADDR_PATH_NUMERIC = 16,	/* resolve_numeric_domain: user@192.0.2.1 is taken, as user@[192.0.2.1] */
};
/*
 * text is what follows "FROM:" or "TO:".  On success addr holds the internal form (a source route is dropped, RFC 5321
 * section 4.1.1.3; a domain is not required) and rest, when not NULL, points at the ESMTP parameters, blanks before them
 * skipped ("" when there are none).  -1: not an address (ERR_PERM; 501 5.1.7 or 5.1.3 is the caller's).
 */
NODISCARD int addr_path_parse(const char *text, int flags, struct strbuf *addr, const char **rest, struct err *err);

/* ---- address lists: RFC 5322 sections 3.4 and 4.4 */
struct addr_item {
	const char *addr;	/* internal form, source route dropped; "" for <> */
	size_t comma;		/* behind the comma before it; 0: there is none */
	size_t at, len;		/* the bytes of the text that are the address: what a rewriter replaces.  <> excluded */
	bool has_route;		/* a source route was dropped */
	bool has_comment;	/* a comment or blank lies within these bytes */
	bool in_group, in_angle;
	bool is_bare_next;	/* no comma before it: "a b" are two addresses, and a rewriter puts the comma in */
};
struct addr_list {
	const struct addr_item *v;
	size_t n;
	bool is_cut;		/* more addresses than the limit: the rest was left out */
};
/*
 * Every address of a list; everything belongs to pool.  Parses what it can of malformed text, as mail is: words without an
 * operator between them are two addresses, unbalanced brackets and quotes end at the end.  -1 only for comments too deep (ERR_PERM).
 */
NODISCARD int addr_list_parse(struct pool *pool, const char *text, size_t len, size_t limit, struct addr_list *out, struct err *err);
/*
 * Change addresses and leave all else as it was laid out: comments, phrases, groups, line breaks.  fn gets the internal form
 * and appends the new one to out: 1 changed, 0 leave it, -1 give up.  Result 1: out has the new text appended; 0: nothing changed,
 * out is untouched; -1.  A line that grows over 990 bytes is broken behind a comma.
 */
typedef int addr_rewrite_fn(void *arg, const char *addr, struct strbuf *out, struct err *err);
NODISCARD int addr_list_rewrite(const char *text, size_t len, size_t limit, struct strbuf *out, addr_rewrite_fn *fn, void *arg,
    struct err *err) MAY_WAIT;

/* "Full Name" as a phrase of a header: quoted where needed.  RFC 2047 encoding is mime/encode.h's. */
void addr_quote_phrase(struct strbuf *out, const char *name);

#endif
