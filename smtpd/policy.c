/* SPDX-License-Identifier: Apache-2.0 */
/* policy - the client of policy servers: attributes of the session in lines, answered with an action. */
#include "smtpd/policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "address/host.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/attr.h"

enum { IDLE_MAX = 100, REPLY_PAIRS = 100, REPLY_BYTES = 100000 };

struct conn {
	struct stream *st;
	uint64_t born_ms, used_ms;
	uint64_t n_requests;
};
struct policy {
	char *name;		/* as in warnings: "127.0.0.1:9998", "private/policy" */
	char *host, *path;
	uint16_t port;
	char *default_action, *context;
	uint64_t timeout_ms, retry_ms, max_idle_ms, max_ttl_ms;
	uint64_t try_limit, request_limit;
	struct conn idle[IDLE_MAX];
	size_t n_idle;
};

/* ---- settings */
static int
parse_endpoint(struct policy *p, const char *spec, struct err *err)
{
	const char *colon;
	uint64_t port;

	if (strncmp(spec, "unix:", 5) == 0 && spec[5] != 0) {
		p->path = mem_strdup(spec + 5);
		p->name = mem_strdup(spec + 5);
		return 0;
	}
	colon = strrchr(spec, ':');
	if (strncmp(spec, "inet:", 5) != 0 || colon < spec + 5)
		return err_set(err, ERR_CONF, NULL, "policy server \"%s\": inet:host:port or unix:path is expected", spec);
	if (num_parse_u64(colon + 1, 1, 65535, &port) < 0)
		return err_set(err, ERR_CONF, NULL, "policy server \"%s\": a port number is expected", spec);
	p->port = (uint16_t)port;
	p->name = mem_strdup(spec + 5);
	p->host = spec[5] == '[' ? mem_strndup(spec + 6, (size_t)(colon - spec - 7)) : mem_strndup(spec + 5, (size_t)(colon - spec - 5));
	if (*p->host == 0) {
		mem_free(&p->host);
		p->host = mem_strdup("127.0.0.1");
	}
	return 0;
}

static int
set_text(char **field, const char *value)
{
	mem_free(field);
	*field = mem_strdup(value);
	return 0;
}

static int
parse_setting(struct policy *p, const char *word, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(word);
	char *text = copy, *name, *value;
	size_t n = strlen(copy);
	int rc = -1;

	if (n > 1 && copy[0] == '{' && copy[n - 1] == '}') {
		copy[n - 1] = 0;
		text++;
	}
	if (conf_split_nameval(text, &name, &value, err) < 0)
		return -1;
	if (strcmp(name, "timeout") == 0)
		rc = conf_parse_time(value, 's', &p->timeout_ms);
	else if (strcmp(name, "retry_delay") == 0)
		rc = conf_parse_time(value, 's', &p->retry_ms);
	else if (strcmp(name, "max_idle") == 0)
		rc = conf_parse_time(value, 's', &p->max_idle_ms);
	else if (strcmp(name, "max_ttl") == 0)
		rc = conf_parse_time(value, 's', &p->max_ttl_ms);
	else if (strcmp(name, "try_limit") == 0)
		rc = num_parse_u64(value, 1, 1000, &p->try_limit);
	else if (strcmp(name, "request_limit") == 0)
		rc = num_parse_u64(value, 0, UINT32_MAX, &p->request_limit);
	else if (strcmp(name, "default_action") == 0)
		rc = set_text(&p->default_action, value);
	else if (strcmp(name, "policy_context") == 0)
		rc = set_text(&p->context, value);
	return rc == 0 ? 0 : err_set(err, ERR_CONF, NULL, "policy server %s: unknown or wrong setting \"%s\"", p->name, word);
}

static int
parse(struct policy *p, const char *spec, struct err *err)
{
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(100);
	AUTO(mem_free) char *copy = mem_strdup(spec);
	char *text = copy;
	size_t n = strlen(copy);

	if (n > 1 && copy[0] == '{' && copy[n - 1] == '}') {
		copy[n - 1] = 0;
		text++;
	}
	if (conf_split_list(text, &words, err) < 0)
		return -1;
	if (words.n == 0)
		return err_set(err, ERR_CONF, NULL, "policy server: inet:host:port or unix:path is expected");
	if (parse_endpoint(p, words.v[0], err) < 0)
		return -1;
	for (size_t i = 1; i < words.n; i++)
		if (parse_setting(p, words.v[i], err) < 0)
			return -1;
	return 0;
}

struct policy *
policy_new(const char *spec, struct err *err)
{
	struct policy *p = NEW(struct policy);

	p->timeout_ms = conf.policy_timeout_ms;
	p->retry_ms = conf.policy_retry_ms;
	p->max_idle_ms = conf.policy_idle_ms;
	p->max_ttl_ms = conf.policy_ttl_ms;
	p->try_limit = (uint64_t)conf.policy_tries;
	p->request_limit = (uint64_t)conf.policy_requests;
	p->default_action = mem_strdup(conf.policy_default);
	p->context = mem_strdup(conf.policy_context);
	if (parse(p, spec, err) < 0)
		policy_free(&p);
	return p;
}

void
policy_free(struct policy **pp)
{
	struct policy *p = *pp;

	if (p == NULL)
		return;
	*pp = NULL;
	while (p->n_idle > 0)
		stream_free(&p->idle[--p->n_idle].st);
	mem_free(&p->name);
	mem_free(&p->host);
	mem_free(&p->path);
	mem_free(&p->default_action);
	mem_free(&p->context);
	mem_free(&p);
}

/* ---- connections */
static int
connect_addr(const struct policy *p, const char *addr, struct err *err)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(p->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(p->port) };
	uint64_t deadline = clock_mono_ms() + p->timeout_ms;

	if (inet_pton(AF_INET, addr, &v4.sin_addr) == 1)
		return stream_connect_tcp((const struct sockaddr *)&v4, sizeof v4, NULL, 0, deadline, err);
	if (inet_pton(AF_INET6, addr, &v6.sin6_addr) == 1)
		return stream_connect_tcp((const struct sockaddr *)&v6, sizeof v6, NULL, 0, deadline, err);
	return err_set(err, ERR_CONF, NULL, "%s is not an address", addr);
}

static int
connect_host(const struct policy *p, struct err *err)
{
	AUTO(pool_free) struct pool *pool = NULL;
	const struct dns_reply *d;
	int fd = -1;

	if (host_is_addr(p->host))
		return connect_addr(p, p->host, err);
	pool = pool_new(1024);
	d = dns_addrs(env.dns, pool, p->host, env.want_addrs, DNS_NATIVE);
	if (d->status != DNS_OK)
		return err_set(err, ERR_TEMP, NULL, "%s", d->text != NULL ? d->text : "host not found");
	for (size_t i = 0; i < d->n && fd < 0; i++)
		fd = connect_addr(p, d->rr[i].data, err);
	return fd;
}

static int
conn_open(const struct policy *p, struct conn *c, struct err *err)
{
	int fd = p->path != NULL ? io_unix_connect(p->path, err) : connect_host(p, err);

	if (fd < 0) {
		log_warning("connect to %s: %s", p->name, err->text);
		return -1;
	}
	*c = (struct conn){ .st = stream_new(fd, 4096, 8192), .born_ms = task_now_ms() };
	stream_set_timeout(c->st, p->timeout_ms);
	return 0;
}

/* An idle connection that is still good, or none. */
static bool
conn_reuse(struct policy *p, struct conn *c)
{
	uint64_t now = task_now_ms();

	while (p->n_idle > 0) {
		*c = p->idle[--p->n_idle];
		if (now - c->used_ms < p->max_idle_ms && now - c->born_ms < p->max_ttl_ms && !stream_readable(c->st))
			return true;
		stream_free(&c->st);
	}
	return false;
}

static void
conn_keep(struct policy *p, struct conn *c)
{
	c->used_ms = task_now_ms();
	c->n_requests++;
	if (p->n_idle < IDLE_MAX && (p->request_limit == 0 || c->n_requests < p->request_limit))
		p->idle[p->n_idle++] = *c;
	else
		stream_free(&c->st);
}

/* ---- the question */
static void
put(struct stream *st, const char *name, const char *value)
{
	attr_put(st, ATTR_LINE, name, value != NULL ? value : "");
}

static const char *
protocol_state(const struct session *s)
{
	return strcmp(s->where, "BDAT") == 0 ? "DATA" : s->where;
}

static void
put_client(struct stream *st, struct session *s)
{
	put(st, "client_address", s->addr);
	put(st, "client_name", s->name);
	put(st, "client_port", s->port);
	put(st, "reverse_client_name", s->reverse_name);
	put(st, "server_address", s->server_addr);
	put(st, "server_port", s->server_port);
	put(st, "helo_name", s->helo);
}

static void
put_mail(struct stream *st, struct session *s)
{
	bool all_known = s->state == ST_RCPT && s->recipient == NULL;

	put(st, "sender", s->sender);
	put(st, "recipient", s->recipient != NULL ? s->recipient : s->n_rcpts == 1 ? s->first_rcpt : NULL);
	attr_put_num(st, ATTR_LINE, "recipient_count", all_known || s->state == ST_BDAT ? s->n_rcpts : 0);
	put(st, "queue_id", s->queue_id);
	put(st, "instance", s->instance);
	attr_put_num(st, ATTR_LINE, "size", s->args.size);
	put(st, "etrn_domain", s->etrn);
}

/* What there is no TLS and no SASL for yet is there and empty, as for a session without them. */
static void
put_request(const struct policy *p, struct stream *st, struct session *s)
{
	static const char *const empty[] = { "sasl_method", "sasl_username", "sasl_sender", "ccert_subject", "ccert_issuer", "ccert_fingerprint",
		"ccert_pubkey_fingerprint", "encryption_protocol", "encryption_cipher" };

	put(st, "request", "smtpd_access_policy");
	put(st, "protocol_state", protocol_state(s));
	put(st, "protocol_name", s->is_esmtp ? "ESMTP" : "SMTP");
	put_client(st, s);
	put_mail(st, s);
	put(st, "stress", conf.stress);
	for (size_t i = 0; i < COUNT_OF(empty); i++)
		put(st, empty[i], "");
	attr_put_num(st, ATTR_LINE, "encryption_keysize", 0);
	put(st, "policy_context", p->context);
	put(st, "compatibility_level", conf.compatibility_level);
	put(st, "mail_version", conf.mail_version);
	attr_end(st, ATTR_LINE);
}

static int
ask_once(struct policy *p, struct session *s, struct strbuf *answer, struct err *err)
{
	AUTO(attr_done) struct attr_list l = ATTR_LIST_INIT;
	struct conn c = { .st = NULL };
	const char *action;

	if (!conn_reuse(p, &c) && conn_open(p, &c, err) < 0)
		return -1;
	put_request(p, c.st, s);
	if (attr_read(c.st, ATTR_LINE, &l, REPLY_PAIRS, REPLY_BYTES, err) != 1 || (action = attr_get(&l, "action")) == NULL || *action == 0) {
		if (err->text[0] == 0)
			(void)err_set(err, ERR_PROTO, NULL, "the server closed, or answered without an action");
		stream_free(&c.st);
		return -1;
	}
	(void)strbuf_adds(answer, action);
	conn_keep(p, &c);
	return 0;
}

void
policy_ask(struct policy *p, struct session *s, struct strbuf *answer)
{
	for (uint64_t i = 0; i < p->try_limit; i++) {
		struct err err = ERR_INIT;

		if (i > 0 && task_sleep(p->retry_ms, NULL) < 0)
			break;
		strbuf_reset(answer);
		if (ask_once(p, s, answer, &err) == 0 && !answer->overflow)
			return;
		log_warning("problem talking to server %s: %s", p->name, err.text);
	}
	strbuf_reset(answer);
	(void)strbuf_adds(answer, p->default_action);
}
