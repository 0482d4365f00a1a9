/* SPDX-License-Identifier: Apache-2.0 */
/*
 * servers - what resolv.conf(5) says of the name servers and how to ask them
 *
 * search and domain are ignored: names in mail are complete.
 */
#include "resolver.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

/* fe80::1%eth0 */
static int
parse_addr6(char *text, struct sockaddr_in6 *sin6)
{
	char *zone = strchr(text, '%');
	uint64_t n;

	if (zone != NULL) {
		*zone++ = '\0';
		sin6->sin6_scope_id = if_nametoindex(zone);
		if (sin6->sin6_scope_id == 0 && num_parse_u64(zone, 1, UINT32_MAX, &n) == 0)
			sin6->sin6_scope_id = (uint32_t)n;
	}
	return inet_pton(AF_INET6, text, &sin6->sin6_addr) == 1 ? 0 : -1;
}

static void
add_server(struct servers *s, char *text, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct server *sv = &s->v[s->n];

	if (s->n == MAX_SERVERS)
		return;
	*sv = (struct server){ .addr_len = 0 };
	if (inet_pton(AF_INET, text, &sin.sin_addr) == 1) {
		memcpy(&sv->addr, &sin, sizeof(sin));
		sv->addr_len = sizeof(sin);
	} else if (parse_addr6(text, &sin6) == 0) {
		memcpy(&sv->addr, &sin6, sizeof(sin6));
		sv->addr_len = sizeof(sin6);
	}
	if (sv->addr_len > 0)
		s->n++;
}

static void
parse_option(struct servers *s, const char *word)
{
	uint64_t n;

	if (strncmp(word, "timeout:", 8) == 0 && num_parse_u64(word + 8, 0, 1000000, &n) == 0)
		s->timeout_ms = 1000 * (n < 1 ? 1 : n > 30 ? 30 : n);
	else if (strncmp(word, "attempts:", 9) == 0 && num_parse_u64(word + 9, 0, 1000000, &n) == 0)
		s->attempts = n < 1 ? 1 : n > 5 ? 5 : (unsigned)n;
	else if (strcmp(word, "rotate") == 0)
		s->rotate = true;
	else if (strcmp(word, "trust-ad") == 0)
		s->trust_ad = true;
	else if (strcmp(word, "use-vc") == 0)
		s->use_tcp = true;
}

/* Cut the next word out of *p; NULL at the end of the line. */
static char *
next_word(char **p)
{
	char *w = *p + strspn(*p, " \t\r\f\v");
	size_t n = strcspn(w, " \t\r\f\v");

	if (n == 0)
		return NULL;
	*p = w + n;
	if (**p != '\0')
		*(*p)++ = '\0';
	return w;
}

static void
parse_line(struct servers *s, char *line, uint16_t port)
{
	char *word, *rest = line;

	if (line[0] == '#' || line[0] == ';' || (word = next_word(&rest)) == NULL)
		return;
	if (strcmp(word, "nameserver") == 0) {
		if ((word = next_word(&rest)) != NULL)
			add_server(s, word, port);
	} else if (strcmp(word, "options") == 0) {
		while ((word = next_word(&rest)) != NULL)
			parse_option(s, word);
	}
}

void
servers_parse(struct servers *s, char *text, uint16_t port)
{
	char local[] = "127.0.0.1";

	*s = (struct servers){ .timeout_ms = 5000, .attempts = 2 };
	while (*text != '\0') {
		char *end = text + strcspn(text, "\n");
		bool last = *end == '\0';

		*end = '\0';
		parse_line(s, text, port);
		text = last ? end : end + 1;
	}
	if (s->n == 0)
		add_server(s, local, port);
}

void
server_print(const struct server *s, char *out, size_t size)
{
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;
	char buf[INET6_ADDRSTRLEN] = "?";

	if (s->addr.ss_family == AF_INET) {
		memcpy(&sin, &s->addr, sizeof(sin));
		(void)inet_ntop(AF_INET, &sin.sin_addr, buf, sizeof(buf));
	} else {
		memcpy(&sin6, &s->addr, sizeof(sin6));
		(void)inet_ntop(AF_INET6, &sin6.sin6_addr, buf, sizeof(buf));
	}
	snprintf(out, size, "%s", buf);
}
