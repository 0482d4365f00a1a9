/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp - the SMTP and LMTP client: one request of qmgr at a time a connection, many of them in one process
 *
 * smtp and lmtp are one daemon (serve.c) with two sets of parameters (main.c, lmtp.c).  LMTP (RFC 2033) differs in LHLO, in where the server is
 * (UNIX sockets, no mail exchangers), and in that each recipient gets a reply of its own after the final dot.
 *
 * From top to bottom: deliver.c goes from host to host until every recipient has an outcome; dest.c says which hosts; cache.c keeps
 * sessions for reuse; session.c connects, greets and takes leave; transact.c sends one message to some recipients; content.c
 * sends the content, filter.c and generic.c change it on the way; outcome.c says what happened in the words of the log.
 *
 * A recipient that failed for now is kept, with what happened to it, as long as there may be another host; what is left in the
 * end is deferred with the last word.  What failed for good is reported at once.
 */
#ifndef SMTP_SMTP_H
#define SMTP_SMTP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/pool.h"
#include "deliver/deliver_report.h"
#include "deliver/deliver_serve.h"
#include "dns/dns.h"
#include "mime/mime.h"
#include "queue/queue.h"
#include "queue/rec.h"
#include "route/local.h"
#include "route/mail_key.h"
#include "route/route.h"
#include "smtp/reply.h"
#include "table/match.h"
#include "task/task.h"

enum {
	MAX_ADDRS = 100,	/* addresses of one destination */
	MAX_GROUP = 16,		/* hosts of one preference that are looked up */
	MAX_DESTS = 50,		/* destinations in one nexthop, and fallback relays */
	SMTP_PORT = 25,
	UNIX_PATH_MAX_SIZE = 108,	/* of a socket's name, with NUL */
};

enum check_kind { CHECK_HEADER, CHECK_MIME, CHECK_NESTED, CHECK_BODY, CHECK_N };

struct smtp_conf {
	const char *myhostname, *helo_name, *tcp_port, *inet_protocols, *address_preference, *bind_address, *bind_address6,
	    *inet_interfaces, *fallback_relay, *best_mx_transport, *host_lookup, *dns_support_level, *discard_keywords,
	    *cache_destinations, *tls_level, *tls_policy_maps, *generic_maps, *checks[CHECK_N], *delims, *propagate;
	uint64_t connect_ms, helo_ms, mail_ms, rcpt_ms, data_init_ms, data_xfer_ms, data_done_ms, quit_ms, rset_ms, cache_ms, reuse_ms, xforward_ms;
	int64_t addr_limit, session_limit, line_limit, reuse_count, token_limit, mime_depth, boundary_length, body_checks_limit;
	bool randomize, balance, bind_enforce, skip_5xx_greeting, skip_quit, never_ehlo, always_ehlo, cache_on_demand, no_dns, ignore_mx_error,
	    defer_no_mx_addr, quote_envelope, tls_enforce, tls_wrapper, sasl_enable, owner_request, send_xforward;
};

/* ---- conf.c: what is the same for all requests of the process */
struct client {
	struct smtp_conf conf;
	bool is_lmtp;
	struct dns *dns;
	struct deliver_agent agent;	/* queue, bounce service */
	struct localdom *local;
	struct match *cache_dests;
	struct table_list *tls_policy;
	struct table_list *generic, *checks[CHECK_N];	/* NULL: none */
	struct mail_key_env keys;
	struct route *route;		/* with generic */
	bool propagate_generic;
	uint16_t default_port;
	int dns_want;			/* DNS_WANT_* */
	int host_flags;			/* DNS_NATIVE ... for look-ups of hosts */
	struct sockaddr_storage bind4, bind6;	/* family 0: none */
	unsigned discard;		/* extensions not to be used */
	uint64_t random;
	struct list idle;		/* cache.c */
	unsigned n_idle;
	struct task_timer *idle_timer;
	struct map *loads;
	bool (*is_ending)(void);	/* sessions are no longer kept */
};
/* What the names of the client's parameters begin with. */
static inline const char *
client_kind(const struct client *c)
{
	return c->is_lmtp ? "lmtp" : "smtp";
}
NODISCARD int client_init(struct client *c, struct conf *conf, struct err *err);	/* before confinement */
void client_start(struct client *c);							/* in the first task */

/* ---- serve.c: main() of the programs */
struct conf_bind;
int client_main(const char *name, const struct conf_bind *binds, size_t n_binds, int argc, char **argv);

/* ---- dest.c */
struct dest {
	const char *spec;		/* as qmgr gave it */
	const char *key;		/* "host:port" or "unix:path": what sessions are kept under */
	const char *path;		/* of a UNIX socket, or NULL */
	const char *host;		/* without brackets and port; ours when there is a path */
	uint16_t port;
	bool is_host;			/* in brackets: no MX look-up */
	bool is_fallback;
};
struct smtp_addr {
	const char *host;		/* name of the mail exchanger, or the address itself */
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_storage sa;
	socklen_t sa_len;
	unsigned pref;
	bool is_best;			/* of the best preference */
};
struct host_list {
	struct smtp_addr v[MAX_ADDRS];
	size_t n;
};
/* "host", "[host]", "host:port", "[addr]:port", "inet:..."; of LMTP also "unix:path".  -1: not a destination. */
NODISCARD int dest_parse(struct client *c, struct pool *pool, const char *spec, struct dest *out, struct err *err);
/* Addresses in the order in which they are to be tried.  -1: err has dsn and reason for the log. */
NODISCARD int dest_find(struct client *c, struct pool *pool, const struct dest *d, struct host_list *out, struct err *err) MAY_WAIT;
bool dest_is_own(struct client *c, const struct smtp_addr *a);
uint32_t client_random(struct client *c, uint32_t below);

/* ---- session.c */
enum {	/* extensions that the server offers */
	EXT_PIPELINING = 1, EXT_SIZE = 2, EXT_8BITMIME = 4, EXT_DSN = 8, EXT_SMTPUTF8 = 16, EXT_STARTTLS = 32, EXT_CHUNKING = 64,
	EXT_XFORWARD = 128, EXT_AUTH = 256, EXT_ENHANCED = 512,
};
enum xforward_attr {	/* in the order in which they are sent */
	XFORWARD_NAME, XFORWARD_ADDR, XFORWARD_PORT, XFORWARD_PROTO, XFORWARD_HELO, XFORWARD_IDENT, XFORWARD_SOURCE, XFORWARD_N
};
struct session {
	struct list link;		/* in client.idle */
	struct stream *stream;
	char *dest;			/* host:port that it was opened for */
	char *host;			/* "mx.test" */
	char *namaddr;			/* "mx.test[192.0.2.1]", "my.name[private/x]" */
	char *relay;			/* "mx.test[192.0.2.1]:25", "my.name[private/x]" */
	char addr[INET6_ADDRSTRLEN];
	uint16_t port;
	unsigned ext;
	unsigned xforward;		/* bits 1 << XFORWARD_*: what the server takes */
	uint64_t size_limit;		/* 0: none */
	int n_uses;
	uint64_t opened_ms, idle_ms;
	bool is_best;			/* with a host of the best preference: serves the destination as such */
	bool is_broken;			/* no more commands */
	bool said_421;			/* the server is leaving */
	bool needs_rset;
	bool quit_sent;			/* together with the final dot */
	struct smtp_reply reply;	/* the last one */
};
struct delivery;
struct outcome;
/* Connect; a is NULL where the destination is a UNIX socket.  NULL: out tells. */
NODISCARD struct session *session_open(struct delivery *d, const struct dest *dest, const struct smtp_addr *a, const struct outcome **out)
    MAY_WAIT;
/* Greeting and EHLO or HELO, or LHLO; NULL when mail may be sent, else what happened. */
const struct outcome *session_greet(struct delivery *d, struct session *s, const struct dest *dest, bool is_best) MAY_WAIT;
NODISCARD int session_command(struct session *s, struct err *err, const char *fmt, ...) PRINTF(3, 4) MAY_WAIT;	/* buffered */
/* Send what is buffered and read one reply within timeout_ms. */
NODISCARD int session_reply(struct session *s, uint64_t timeout_ms, struct err *err) MAY_WAIT;
void session_quick_ack(struct session *s);
/* QUIT where it makes sense, close, free. */
void session_close(struct client *c, struct session **sp, bool may_linger) MAY_WAIT;
void session_drop(struct session **sp);		/* close without a word */
unsigned ext_by_name(const char *word);		/* 0: none of ours */

/* ---- cache.c */
void cache_init(struct client *c);
/* An idle session to the destination, or (addr not NULL) to the address; NULL: none. */
struct session *cache_take(struct client *c, const char *dest, const struct smtp_addr *addr, uint16_t port);
bool cache_is_wanted(struct client *c, const struct session *s) MAY_WAIT;
/* Keep the session if that makes sense, else close it. */
void cache_give(struct client *c, struct session **sp) MAY_WAIT;
void cache_close_all(struct client *c) MAY_WAIT;
/* How busy a destination is decides whether sessions are kept (smtp_connection_cache_on_demand). */
void cache_load_begin(struct client *c, const char *dest);
void cache_load_end(struct client *c, const char *dest);

/* ---- outcome.c: what happened to recipients, in the words of the log */
struct outcome {
	const char *dsn, *relay, *reason;
	const char *diag, *mta;		/* the server's own words and its name, or NULL */
	bool is_site;			/* the host failed, not the message */
	bool is_logged;			/* in the log as a line of its own already */
};
struct rcpt {
	const struct qrcpt *r;
	const char *addr;		/* what the server is told */
	const struct outcome *last;	/* failed for now */
	bool is_done;			/* reported */
	bool is_accepted;		/* in the current transaction */
	bool is_in_turn;		/* part of the current transaction */
	bool is_over_limit;		/* "too many recipients" */
};
struct delivery {
	struct client *c;
	const struct deliver_req *req;
	struct deliver_ctx *ctx;
	struct pool *pool;
	const char *sender;		/* what the server is told */
	struct rcpt *rcpts;
	size_t n_rcpts, n_left;		/* n_left: not reported yet */
	const struct session *on;	/* the session in use, for the relay= field */
	struct timeval began;
};
const struct outcome *outcome_new(struct delivery *d, const struct session *s, bool is_site, const char *dsn, const char *fmt, ...)
    PRINTF(5, 6);
/* "host H[A] said: REPLY (in reply to STAGE)", with the reply's dsn; or "refused to talk to me" when stage is NULL. */
const struct outcome *outcome_reply(struct delivery *d, const struct session *s, const char *stage, bool is_soft);
/* A conversation that broke: "lost connection with", "timed out", "protocol error", "while" stage. */
const struct outcome *outcome_broken(struct delivery *d, struct session *s, const struct err *err, const char *stage);
/* Give recipients that outcome: reported at once when it is for good, kept when it is for now. */
void outcome_rcpt(struct delivery *d, struct rcpt *r, const struct outcome *o) MAY_WAIT;
void outcome_all(struct delivery *d, const struct outcome *o) MAY_WAIT;		/* all that are left */
void outcome_turn(struct delivery *d, const struct outcome *o, bool accepted_only) MAY_WAIT;	/* of the transaction */
void outcome_sent(struct delivery *d, struct session *s, struct rcpt *r) MAY_WAIT;
/* Another host will be tried: say in the log what happened so far. */
void outcome_log_kept(struct delivery *d);
/* No other host: report what is left. */
void outcome_finish(struct delivery *d) MAY_WAIT;

/* ---- transact.c */
/* One attempt at the recipients that are left, on a session ready for MAIL.  Outcomes are given; s->is_broken says whether it can go on.
 * -1: the session had gone stale before the server answered anything (reused sessions only): nothing happened. */
NODISCARD int transact(struct delivery *d, struct session *s) MAY_WAIT;

/* ---- xforward.c */
void xforward_offered(struct session *s, const char *word);	/* a word of the XFORWARD line in the reply to EHLO */
/* Where configured and offered.  -1: the conversation broke, *o tells. */
NODISCARD int xforward_send(struct delivery *d, struct session *s, const struct outcome **o) MAY_WAIT;

/* ---- content.c */
/* CONTENT_TROUBLE: a table failed, *trouble says which. */
enum content_result { CONTENT_SENT, CONTENT_NO_PEER, CONTENT_NO_FILE, CONTENT_TROUBLE };
enum content_result content_send(struct delivery *d, struct session *s, const char **trouble, struct err *err) MAY_WAIT;
struct writer;
/* A line, or (is_end false) some of it. */
NODISCARD int content_put(struct writer *w, const char *text, size_t n, bool is_end, struct err *err) MAY_WAIT;
void content_fail(struct writer *w, const char *why);

/* ---- filter.c */
struct filter;
bool filter_is_wanted(const struct client *c);
struct filter *filter_new(struct delivery *d, struct writer *w);
void filter_free(struct filter **fp);
NODISCARD int filter_record(struct filter *f, const struct qrec *rec, struct err *err) MAY_WAIT;
NODISCARD int filter_end(struct filter *f, struct err *err) MAY_WAIT;

/* ---- generic.c: 1 mapped, 0 left as it is, -1 the look-up failed */
NODISCARD int generic_map(struct client *c, const char *addr, struct strbuf *out, struct err *err) MAY_WAIT;
NODISCARD int generic_header(struct client *c, const char *text, size_t n, struct strbuf *out, struct err *err) MAY_WAIT;
/* The addresses for MAIL and RCPT: d->sender, rcpt.addr.  0 or -1. */
NODISCARD int generic_envelope(struct delivery *d, struct err *err) MAY_WAIT;

/* ---- tls.c: this release has no TLS client: what asks for TLS waits.  NULL: may go, else the reason. */
const char *tls_obstacle(struct client *c, struct pool *pool, const char *nexthop) MAY_WAIT;
void tls_warn(struct client *c, struct conf *conf);

/* ---- deliver.c */
void deliver_request(struct client *c, struct deliver_ctx *ctx) MAY_WAIT;

#endif
