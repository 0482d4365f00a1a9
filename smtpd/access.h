/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access - restriction lists: what the files access*.c share (README explains the engine)
 *
 * A list is compiled once, at start, into rules; each rule has a kind (one row of the table in access_parse.c) with a function that looks
 * at the session and answers DUNNO, OK or REJECT.  A struct access is one evaluation: all lists of one command, with the
 * deferments that were asked for on the way.
 */
#ifndef SMTPD_ACCESS_H
#define SMTPD_ACCESS_H

#include "smtpd/smtpd.h"

enum access_result { ACCESS_DUNNO, ACCESS_OK, ACCESS_REJECT };
enum { ACCESS_DEPTH = 100 };		/* restriction classes in classes */

struct access;
struct rule;
typedef enum access_result access_fn(struct access *a, const struct rule *r);

enum rule_arg { ARG_NONE, ARG_TABLE, ARG_NUMBER, ARG_RBL, ARG_POLICY, ARG_WORD };
enum { RBL_ADDR, RBL_CLIENT, RBL_REVERSE, RBL_HELO, RBL_SENDER, RBL_RECIPIENT };	/* param of block lists */
enum {
	RULE_PERMITS = 1,	/* when it is not built it never permits; others that are not built stop the service */
	RULE_REFUSES = 2,	/* keeps strangers from relaying: one of these must be there */
	RULE_FINAL = 4,		/* nothing behind it is reached */
};
/* param of checks of the hosts behind a name: how it is resolved times HOST_KINDS, plus whose name. */
enum { HOST_CLIENT, HOST_REVERSE, HOST_HELO, HOST_SENDER, HOST_RECIPIENT, HOST_KINDS };
enum { HOST_BY_A, HOST_BY_MX, HOST_BY_NS };
struct rule_kind {
	const char *name;
	access_fn *fn;		/* NULL: known, not built */
	enum rule_arg arg;
	unsigned flags;
	int param;		/* for functions that serve several kinds */
};
struct rule {
	const struct rule_kind *kind;
	char *arg;
	int64_t number;
	struct table_list *tables;		/* ARG_TABLE */
	const struct access_list *class;	/* restriction class */
	struct policy *policy;			/* ARG_POLICY */
};
struct access_list {
	char *param;
	struct rule *rules;
	size_t n;
};

struct target {		/* an address and where it leads */
	const char *addr;	/* as given; NULL: not looked at yet */
	const char *canonical;
	struct route_to to;
	bool failed;
};
struct deferment {
	bool is_active;
	struct verdict v;
};
struct access {
	struct session *s;
	struct pool *pool;
	const char *name, *class;	/* what generic restrictions speak of: "<name>: class rejected: ..." */
	bool warns;			/* warn_if_reject */
	unsigned depth;
	bool unlisted_sender_done, unlisted_rcpt_done;
	struct deferment if_permit, if_reject;
	struct target sender, rcpt;
};

/* ---- access_parse.c */
NODISCARD int access_classes_open(const char *names, struct err *err);
/* NULL: err names parameter and word. */
NODISCARD struct access_list *access_list_open(const char *param, const char *value, struct err *err);
void access_list_free(struct access_list **lp);
void access_close(void);	/* classes, tables and kept results */
/* A list that came out of a table: only tables and classes that are already open.  NULL: not a list.  May be kept for the next time. */
const struct access_list *access_list_of_result(const char *value, struct err *err);
/* The check without which this would relay for everybody. */
NODISCARD int access_check_relay(struct err *err);

/* ---- access.c */
enum access_result access_eval(struct access *a, const struct access_list *l) MAY_WAIT;
/* Refuse.  The first digit of dsn follows the code; with warn_if_reject it is only logged. */
enum access_result access_reject(struct access *a, int code, const char *dsn, const char *fmt, ...) PRINTF(4, 5);
/* Refuse should everything else permit. */
enum access_result access_defer_if_permit(struct access *a, int code, const char *dsn, const char *fmt, ...) PRINTF(4, 5);
void access_defer_if_reject(struct access *a, int code, const char *dsn, const char *text);
enum access_result access_trouble(struct access *a, const char *name);	/* 451 4.3.0 Temporary lookup failure */
enum access_result access_misconfigured(struct access *a, const char *name, const char *class);	/* 451 4.3.5 */
const struct target *access_sender(struct access *a) MAY_WAIT;	/* NULL: not known yet */
const struct target *access_recipient(struct access *a) MAY_WAIT;
int access_is_authorized(struct access *a) MAY_WAIT;	/* the recipient is ours to take mail for: 1, 0, -1 a table failed */
/* "5.7.1 text": the code goes to dsn, the text is returned. */
const char *access_split_dsn(const char *text, char dsn[static 12]);
NODISCARD int access_rbl_check(const char *arg, struct err *err);	/* domain[=pattern] is well formed */

/* ---- kinds */
access_fn rule_permit, rule_reject, rule_defer, rule_defer_if, rule_warn_next, rule_sleep, rule_class, rule_pipelining, rule_plaintext,
    rule_multi_bounce, rule_policy, rule_mynetworks, rule_inet_interfaces, rule_never;
access_fn rule_unknown_client, rule_unknown_reverse, rule_unknown_forward, rule_invalid_helo, rule_non_fqdn_helo, rule_unknown_helo;
access_fn rule_auth_destination, rule_unauth_destination, rule_defer_unauth, rule_unlisted, rule_non_fqdn_addr, rule_unknown_domain,
    rule_login;
access_fn rule_rbl, rule_rhsbl, rule_dnswl;
access_fn rule_check_client, rule_check_helo, rule_check_addr, rule_check_etrn, rule_check_host;
/* access_table.c: a name and its parents, an address and its networks. 1 found, 0 not, -1. */
int access_find_domain(const struct rule *r, const char *name, struct strbuf *value, struct err *err) MAY_WAIT;
int access_find_addr(const struct rule *r, const char *addr, struct strbuf *value, struct err *err) MAY_WAIT;

/* ---- access_action.c: what a table said (access(5)) */
enum access_result access_action(struct access *a, const char *value, const char *name, const char *class) MAY_WAIT;

#endif
