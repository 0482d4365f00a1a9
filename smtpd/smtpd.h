/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtpd - the SMTP server: one session, its state, and what the files of this folder ask of each other
 *
 * A session is a task.  session.c reads commands and finds them in one table of command x state; each cmd_*.c carries out what the
 * table lets through.  access.c decides (README); message.c hands what was accepted to cleanup.
 */
#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pool.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "config/conf.h"
#include "daemon/daemon.h"
#include "dns/dns.h"
#include "proto/cleanup.h"
#include "route/rcpt.h"
#include "route/resolve.h"
#include "route/rewrite.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "smtp/ehlo.h"
#include "table/match.h"
#include "table/table.h"
#include "task/stream.h"

struct access_list;

/* ---- configuration (conf.c) */
struct smtpd_conf {
	const char *banner, *myhostname, *mail_name, *stress, *mynetworks, *inet_protocols, *discard_keywords, *forbidden_commands,
	    *noop_commands;
	const char *client_restrictions, *helo_restrictions, *sender_restrictions, *relay_restrictions, *recipient_restrictions,
	    *data_restrictions, *eod_restrictions, *etrn_restrictions, *restriction_classes;
	const char *null_access_key, *parent_matches, *event_exceptions, *bare_lf, *bare_lf_exclusions, *tls_level, *content_filter,
	    *receive_override, *rewrite_clients, *footer, *footer_maps, *unknown_address_tempfail, *unknown_helo_tempfail, *delimiter,
	    *proxy_filter, *milters, *upstream_proxy, *log_address_format, *ehlo_maps, *etrn_domains, *rbl_reply, *rbl_reply_maps, *expansion_filter,
	    *policy_default, *policy_context, *compatibility_level, *mail_version, *milter_maps, *login_maps;
	uint64_t timeout_ms, error_sleep_ms, policy_timeout_ms, policy_retry_ms, policy_idle_ms, policy_ttl_ms;
	int64_t soft_limit, hard_limit, junk_limit, rcpt_limit, rcpt_overshoot, size_limit, queue_minfree, line_limit, min_data_rate,
	    conn_count_limit, conn_rate_limit, message_rate_limit, rcpt_rate_limit, prefix4, prefix6, bare_lf_code;
	int64_t reject_code, defer_code, relay_code, map_reject_code, map_defer_code, invalid_host_code, non_fqdn_code,
	    unknown_host_code, unknown_addr_code, unknown_client_code, multi_bounce_code, plaintext_code, rbl_code, policy_tries, policy_requests;
	bool delay_reject, delay_open, helo_required, disable_vrfy, strict_paths, smtputf8, strict_smtputf8, soft_bounce, peer_lookup,
	    port_logging, unlisted_rcpt, unlisted_sender, relay_first, untrusted_routing, forbid_pipelining, request_deadline,
	    hide_client, sasl_enable, tls_wrapper, tls_use, tls_enforce;
};
extern struct smtpd_conf conf;
extern const struct conf_bind smtpd_binds[];
extern const size_t smtpd_n_binds;

enum access_where {	/* the restriction lists */
	LIST_CLIENT, LIST_HELO, LIST_SENDER, LIST_RELAY, LIST_RECIPIENT, LIST_DATA, LIST_EOD, LIST_ETRN, LIST_N
};
/* What the process opened before confinement. */
struct smtpd_env {
	struct route *route;
	struct rcpt_check *rcpt;
	struct dns *dns;
	struct ipc_pool *cleanup;
	struct match *mynetworks, *event_exceptions, *bare_lf_exclusions, *forbidden, *noops;
	struct access_list *lists[LIST_N];
	struct access_list *rewrite_clients;
	struct table_list *footer_maps, *ehlo_maps, *rbl_reply_maps, *login_maps;
	unsigned offered;	/* extensions that may be announced */
	unsigned discard;
	int cleanup_flags;
	int want_addrs;		/* DNS_WANT_* by inet_protocols */
	enum smtp_lf bare_lf;
	bool note_bare_lf;
	bool tls_needed;	/* TLS is asked for and not there: nothing but EHLO, NOOP, QUIT is served */
	bool check_rcpts;	/* receive_override_options lacks no_unknown_recipient_checks */
	bool stand_alone;	/* -S */
};
extern struct smtpd_env env;
NODISCARD int smtpd_open(struct err *err);	/* pre_jail: fills env from conf */
void smtpd_close(void);

/* ---- a session */
enum state {
	ST_START,	/* no HELO yet */
	ST_READY,
	ST_MAIL,	/* sender known */
	ST_RCPT,	/* at least one recipient accepted */
	ST_BDAT,	/* content has begun to come in chunks */
	ST_N
};
enum { CMDS_MAX = 24 };

struct verdict {	/* why something is refused */
	int code;
	char dsn[12];
	struct strbuf text;
};
struct saved_actions {	/* what access tables asked to be done with the message */
	int flags;	/* CLEANUP_HOLD, CLEANUP_DISCARD */
	const char *filter, *redirect;
	struct strvec bcc, prepend;
};

struct session {
	struct stream *st;
	struct pool *pool;		/* lives as long as the session */
	struct pool *mail;		/* as long as the transaction; NULL outside one */
	enum state state;
	bool is_esmtp, is_closing, stand_alone, is_lost, is_local, note_bare_lf;
	bool bad_pipelining;		/* input came before its time */
	bool counts_events;		/* anvil counts this client */
	bool is_counted;		/* anvil holds a connection of ours */
	bool in_content;		/* the log says "DATA (N bytes)" */
	bool bdat_failed;		/* further chunks of this message are read over */
	enum smtp_lf lf;
	const char *where;		/* last command, for the log */
	unsigned errors, junk, n_bare_lf;
	unsigned n_ok[CMDS_MAX], n_all[CMDS_MAX];
	unsigned discard;		/* extensions not announced to this client */
	uint64_t deadline_ms;		/* of the request, with smtpd_per_request_deadline */

	/* the client */
	const char *addr;		/* "192.0.2.1" */
	const char *addr_literal;	/* "IPv6:2001:db8::1" for IPv6 */
	const char *name, *reverse_name;
	const char *who;		/* "name[addr]", with ":port" when asked for */
	const char *port, *server_addr, *server_port;
	const char *rate_key;		/* the client as anvil counts it: "service:address" */
	int family, name_status, reverse_status;
	char *helo;			/* NULL before HELO; harmless characters only */
	char *denied;			/* smtpd_delay_reject = no: refused at connect or HELO; further commands get this */
	int denied_code;
	char denied_dsn[12];

	/* the transaction */
	const char *sender;		/* internal form; NULL: no MAIL yet */
	struct smtp_mail_args args;
	const char *recipient;		/* the one being judged, or NULL */
	const char *etrn;
	const char *first_rcpt;		/* for Received: */
	unsigned n_rcpts, n_overshoot;
	struct cleanup *cleanup;
	struct drop *drop;		/* stand-alone: postdrop */
	const char *instance;		/* the same in all policy requests of a message */
	unsigned n_mails;
	const char *queue_id;		/* NULL: NOQUEUE */
	struct saved_actions saved;
	struct verdict verdict;

	/* its content */
	struct smtp_data data;
	struct strbuf tail;		/* BDAT: end of a chunk that is not a whole line yet */
	int64_t content_size;		/* as counted against message_size_limit */
	uint64_t content_octets;	/* as received */
	bool is_too_big;
};

void session_serve(struct daemon_session *ds) MAY_WAIT;
void session_reset_mail(struct session *s);		/* end of the transaction, whatever became of it */

/* One command; 0, or -1 when it counts as an error of the client.  args: the rest of the line. */
typedef int command_fn(struct session *s, char *args);
int cmd_helo(struct session *s, char *args) MAY_WAIT;
int cmd_ehlo(struct session *s, char *args) MAY_WAIT;
int cmd_mail(struct session *s, char *args) MAY_WAIT;
int cmd_rcpt(struct session *s, char *args) MAY_WAIT;
int cmd_data(struct session *s, char *args) MAY_WAIT;
int cmd_rset(struct session *s, char *args) MAY_WAIT;
int cmd_noop(struct session *s, char *args) MAY_WAIT;
int cmd_vrfy(struct session *s, char *args) MAY_WAIT;
int cmd_etrn(struct session *s, char *args) MAY_WAIT;
int cmd_quit(struct session *s, char *args) MAY_WAIT;
int cmd_help(struct session *s, char *args) MAY_WAIT;
int cmd_auth(struct session *s, char *args) MAY_WAIT;
int cmd_bdat(struct session *s, char *args) MAY_WAIT;
int cmd_starttls(struct session *s, char *args) MAY_WAIT;
int cmd_xclient(struct session *s, char *args) MAY_WAIT;

/* ---- talking and logging (chat.c) */
/* Buffered; slowed down when the client makes errors; 421 and 521 end the session.  Returns -1 for codes from 400 on, else 0. */
int reply(struct session *s, int code, const char *dsn, const char *fmt, ...) PRINTF(4, 5) MAY_WAIT;
int reply_verdict(struct session *s) MAY_WAIT;
int reply_fault(struct session *s, const struct smtp_fault *f) MAY_WAIT;
/* "NOQUEUE: reject: RCPT from CLIENT: TEXT; from=<> to=<> proto=SMTP helo=<>" */
void log_action(struct session *s, const char *action, const char *text);
const char *log_id(const struct session *s);		/* queue id or NOQUEUE */
void log_address(struct strbuf *out, const char *addr);	/* as info_log_address_format says */
/* "too many errors after RCPT from ...", "lost connection after DATA (12 bytes) from ..." */
void log_end(struct session *s, const char *what);

/* ---- access control (access*.c).  0: may go on; -1: refused, s->verdict says how (already logged). */
int access_client(struct session *s) MAY_WAIT;		/* at connect; nothing when delayed */
int access_helo(struct session *s) MAY_WAIT;
int access_mail(struct session *s) MAY_WAIT;
int access_rcpt(struct session *s) MAY_WAIT;		/* s->recipient */
int access_data(struct session *s) MAY_WAIT;
int access_eod(struct session *s) MAY_WAIT;
int access_etrn(struct session *s) MAY_WAIT;
int access_vrfy(struct session *s) MAY_WAIT;
bool access_is_local_client(struct session *s) MAY_WAIT;	/* local_header_rewrite_clients */

/* ---- the message on its way to cleanup, or to postdrop (message.c, drop.c) */
NODISCARD int message_open(struct session *s, struct err *err) MAY_WAIT;
void message_rcpt(struct session *s, const char *addr, const struct smtp_rcpt_args *a) MAY_WAIT;
void message_begin(struct session *s) MAY_WAIT;		/* end of the envelope; Received: */
void message_put(struct session *s, int type, const char *data, size_t n) MAY_WAIT;
bool message_failed(const struct session *s);
/* Commit.  0 and the outcome; -1 with err: try later. */
NODISCARD int message_end(struct session *s, struct cleanup_result *r, struct err *err) MAY_WAIT;
void message_drop(struct session *s);

/* Content from the stream (content.c). */
void content_begin(struct session *s, bool has_dots) MAY_WAIT;	/* end of the envelope too */
smtp_data_fn content_piece;		/* arg is the session */
void content_time(struct session *s, size_t used);	/* used bytes came in: more time, with smtpd_per_request_deadline */
void content_lost(struct session *s, const struct err *err) MAY_WAIT;	/* no more input: the session is over */
void content_bare_lf(struct session *s) MAY_WAIT;		/* refused: the session is over */
int content_end(struct session *s) MAY_WAIT;		/* commits and answers; 0 or -1 as commands do */

struct drop;
NODISCARD struct drop *drop_open(struct err *err);
void drop_put(struct drop *d, int type, const void *data, size_t n);
bool drop_failed(const struct drop *d);
NODISCARD int drop_end(struct drop *d, struct cleanup_result *r, struct err *err);
void drop_free(struct drop **dp);

/* ---- the client (peer.c) and its share (rate.c) */
void peer_init(struct session *s, const struct daemon_session *ds) MAY_WAIT;
enum rate_event { RATE_CONNECT, RATE_MESSAGE, RATE_RECIPIENT };
/* Counts; false: over the limit (logged), and the caller refuses. */
bool rate_allows(struct session *s, enum rate_event e) MAY_WAIT;
void rate_disconnect(struct session *s) MAY_WAIT;

#endif
