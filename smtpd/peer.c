/* SPDX-License-Identifier: Apache-2.0 */
/* peer - who the client is: address, names, and what follows from them alone. */
#include "smtpd/smtpd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"

/* An IPv4 address in IPv6 clothes is IPv4. */
static void
plain_addr(const struct sockaddr_storage *in, struct sockaddr_storage *out)
{
	const struct sockaddr_in6 *v6 = (const void *)in;
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	*out = *in;
	if (in->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return;
	v4.sin_port = v6->sin6_port;
	memcpy(&v4.sin_addr, v6->sin6_addr.s6_addr + 12, 4);
	memset(out, 0, sizeof *out);
	memcpy(out, &v4, sizeof v4);
}

static void
addr_text(struct pool *pool, const struct sockaddr_storage *sa, const char **addr, const char **port)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;
	char text[INET6_ADDRSTRLEN] = "";

	if (sa->ss_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
	else
		(void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
	*addr = pool_strdup(pool, text);
	*port = pool_printf(pool, "%u", ntohs(sa->ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port));
}

static void
set_names(struct session *s, const struct sockaddr_storage *sa)
{
	struct dns_client c;

	s->name = s->reverse_name = "unknown";
	s->name_status = s->reverse_status = 5;
	if (!conf.peer_lookup || env.dns == NULL)
		return;
	dns_client_name(env.dns, (const struct sockaddr *)sa, true, env.want_addrs, &c);
	if (c.warning[0] != 0)
		log_warning("%s", c.warning);
	s->name = pool_strdup(s->pool, c.name);
	s->reverse_name = pool_strdup(s->pool, c.reverse_name);
	s->name_status = c.name_status;
	s->reverse_status = c.reverse_status;
}

/* smtpd_client_ipv4_prefix_length, _ipv6_: clients of one network share the limits. */
static const char *
rate_addr(struct session *s, const struct sockaddr_storage *sa)
{
	struct sockaddr_in6 v6;
	char text[INET6_ADDRSTRLEN] = "";
	uint32_t v4;

	if (sa->ss_family == AF_INET && conf.prefix4 < 32) {
		memcpy(&v4, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, sizeof v4);
		v4 = conf.prefix4 > 0 ? htonl(ntohl(v4) & (UINT32_MAX << (32 - conf.prefix4))) : 0;
		(void)inet_ntop(AF_INET, &v4, text, sizeof text);
		return pool_printf(s->pool, "%s/%d", text, (int)conf.prefix4);
	}
	if (sa->ss_family != AF_INET6 || conf.prefix6 >= 128)
		return s->addr;
	memcpy(&v6, sa, sizeof v6);
	for (int bit = (int)conf.prefix6; bit < 128; bit++)
		v6.sin6_addr.s6_addr[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	(void)inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
	return pool_printf(s->pool, "%s/%d", text, (int)conf.prefix6);
}

static void
local_client(struct session *s)
{
	s->family = AF_INET;
	s->addr = s->addr_literal = s->server_addr = "127.0.0.1";
	s->port = "0";
	s->server_port = "25";
	s->name = s->reverse_name = "localhost";
	s->name_status = s->reverse_status = 2;
	s->who = "localhost[127.0.0.1]";
}

void
peer_init(struct session *s, const struct daemon_session *ds)
{
	struct sockaddr_storage peer, local;
	const char *addr;

	s->lf = env.bare_lf;
	s->note_bare_lf = env.note_bare_lf;
	if (!ds->is_inet || s->stand_alone) {
		local_client(s);
		s->lf = SMTP_LF_LAX;
		return;
	}
	plain_addr(&ds->peer, &peer);
	plain_addr(&ds->local, &local);
	s->family = peer.ss_family;
	addr_text(s->pool, &peer, &s->addr, &s->port);
	addr_text(s->pool, &local, &s->server_addr, &s->server_port);
	addr = s->addr;
	s->addr_literal = s->family == AF_INET6 ? pool_printf(s->pool, "IPv6:%s", addr) : addr;
	task_set_name("smtpd %s", addr);
	set_names(s, &peer);
	s->who = conf.port_logging ? pool_printf(s->pool, "%s[%s]:%s", s->name, addr, s->port) : pool_printf(s->pool, "%s[%s]", s->name, addr);
	if (env.bare_lf_exclusions != NULL && match_host(env.bare_lf_exclusions, s->name, addr, NULL) == 1) {
		s->lf = SMTP_LF_LAX;
		s->note_bare_lf = false;
	}
	s->counts_events = match_host(env.event_exceptions, s->name, addr, NULL) != 1;
	if (s->counts_events)
		s->rate_key = pool_printf(s->pool, "%s:%s", daemon_service(), rate_addr(s, &peer));
}
