/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock - the listening sockets of a service: made once, kept over reloads, inherited by its processes
 *
 * A service of type inet listens on the address in its name, else on each of inet_interfaces.  Services of type unix have a
 * name in private/ or public/; a fifo of old is a UNIX socket here, its clients are triggers.  Only names of our own services are ever unlinked.
 */
#include <errno.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "master.h"

enum { BACKLOG = 1024, INTERFACES_MAX = 1000 };

/* What a service is to listen on: compared with what it listens on already. */
struct wanted {
	struct sockaddr_storage addr;
	socklen_t len;
	char name[160];
	bool is_loopback, is_wildcard;
};
struct wanted_list {
	struct wanted v[ENDPOINTS_MAX];
	size_t n;
};

static void
addr_name(struct wanted *w)
{
	char host[INET6_ADDRSTRLEN + 32], port[8];	/* with a scope */
	const struct sockaddr_in *in = (const struct sockaddr_in *)&w->addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&w->addr;
	bool is6 = w->addr.ss_family == AF_INET6;

	if (getnameinfo((struct sockaddr *)&w->addr, w->len, host, sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	snprintf(w->name, sizeof(w->name), is6 ? "[%s]:%s" : "%s:%s", host, port);
	w->is_loopback = is6 ? IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) : (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	w->is_wildcard = is6 ? IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) : in->sin_addr.s_addr == INADDR_ANY;
}

/* inet_protocols, as the address family to ask for; 0 both. */
static int
family_wanted(void)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(10);
	bool v4, v6;

	if (strvec_split(&v, master.par.inet_protocols, ", \t\r\n") < 0 || strvec_hasi(&v, "all"))
		return AF_UNSPEC;
	v4 = strvec_hasi(&v, "ipv4");
	v6 = strvec_hasi(&v, "ipv6");
	return v4 == v6 ? AF_UNSPEC : v4 ? AF_INET : AF_INET6;
}

static int
add_wanted(struct wanted_list *l, const struct addrinfo *ai, struct err *err)
{
	struct wanted *w = &l->v[l->n];

	if (l->n >= ENDPOINTS_MAX)
		return err_set(err, ERR_CONF, NULL, "more than %d addresses to listen on", ENDPOINTS_MAX);
	*w = (struct wanted){ .len = ai->ai_addrlen };
	memcpy(&w->addr, ai->ai_addr, ai->ai_addrlen);
	addr_name(w);
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, w->name) == 0)
			return 0;
	}
	l->n++;
	return 0;
}

/* host NULL: all addresses of this machine. */
static int
add_host(struct wanted_list *l, const char *host, const char *port, struct err *err)
{
	struct addrinfo hints = { .ai_family = family_wanted(), .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *res = NULL;
	int r = getaddrinfo(host, port, &hints, &res);

	if (r != 0)
		return err_set(err, ERR_CONF, NULL, "host not found: %s (%s)", host != NULL ? host : "*", gai_strerror(r));
	r = 0;
	for (const struct addrinfo *ai = res; ai != NULL && r == 0; ai = ai->ai_next) {
		if (ai->ai_family == AF_INET || ai->ai_family == AF_INET6)
			r = add_wanted(l, ai, err);
	}
	freeaddrinfo(res);
	return r;
}

static char *
without_brackets(const char *s)
{
	size_t n = strlen(s);

	return n >= 2 && s[0] == '[' && s[n - 1] == ']' ? mem_strndup(s + 1, n - 2) : mem_strdup(s);
}

static int
add_interfaces(struct wanted_list *l, const char *port, struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(INTERFACES_MAX);
	int family = family_wanted();

	if (strvec_split(&v, master.par.inet_interfaces, ", \t\r\n") < 0)
		return err_set(err, ERR_CONF, NULL, "inet_interfaces: more than %d", INTERFACES_MAX);
	for (size_t i = 0; i < v.n; i++) {
		AUTO(mem_free) char *host = without_brackets(v.v[i]);
		int r = 0;

		if (ascii_casecmp(host, "all") == 0)
			r = add_host(l, NULL, port, err);
		else if (ascii_casecmp(host, "loopback-only") == 0)
			r = (family != AF_INET6 ? add_host(l, "127.0.0.1", port, err) : 0) < 0 ||
			    (family != AF_INET ? add_host(l, "::1", port, err) : 0) < 0 ? -1 : 0;
		else
			r = add_host(l, host, port, err);
		if (r < 0)
			return err_prefix(err, "inet_interfaces: ");
	}
	return 0;
}

/* "lmtp=24, smtp=25, smtps=submissions=465": a name, or several, and the number behind. */
static bool
known_port(const char *name, char *out, size_t size)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(100);

	if (strvec_split(&v, master.par.known_tcp_ports, ", \t\r\n") < 0)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		AUTO(strvec_done) struct strvec names = STRVEC_INIT(10);

		if (strvec_split(&names, v.v[i], "=") < 0 || names.n < 2)
			continue;
		for (size_t k = 0; k + 1 < names.n; k++) {
			if (ascii_casecmp(names.v[k], name) == 0) {
				snprintf(out, size, "%s", names.v[names.n - 1]);
				return true;
			}
		}
	}
	return false;
}

static int
find_port(const char *name, char *out, size_t size, struct err *err)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *res = NULL;
	uint64_t n;

	if (num_parse_u64(name, 1, 65535, &n) == 0) {
		snprintf(out, size, "%s", name);
		return 0;
	}
	if (known_port(name, out, size))
		return 0;
	if (getaddrinfo(NULL, name, &hints, &res) != 0)
		return err_set(err, ERR_CONF, NULL, "unknown port: %s", name);
	snprintf(out, size, "%u", (unsigned)ntohs(((const struct sockaddr_in *)res->ai_addr)->sin_port));
	freeaddrinfo(res);
	return 0;
}

static int
inet_wanted(struct service *s, struct wanted_list *l, struct err *err)
{
	const char *colon = strrchr(s->name, ':');
	char port[16];

	if (find_port(colon != NULL ? colon + 1 : s->name, port, sizeof(port), err) < 0)
		return -1;
	if (colon == NULL || colon == s->name)
		return add_interfaces(l, port, err);
	{
		AUTO(mem_free) char *part = mem_strndup(s->name, (size_t)(colon - s->name));
		AUTO(mem_free) char *host = without_brackets(part);

		return add_host(l, strcmp(host, "*") == 0 ? NULL : host, port, err);
	}
}

static int
unix_wanted(struct service *s, struct wanted_list *l, struct err *err)
{
	struct wanted *w = &l->v[0];
	struct sockaddr_un *sun = (struct sockaddr_un *)&w->addr;

	*w = (struct wanted){ .len = sizeof(*sun), .is_loopback = true };
	sun->sun_family = AF_UNIX;
	snprintf(w->name, sizeof(w->name), "%s/%s", s->is_private ? "private" : "public", s->name);
	if (strlen(w->name) >= sizeof(sun->sun_path) || strchr(s->name, '/') != NULL)
		return err_set(err, ERR_CONF, NULL, "bad name for a UNIX socket: %s", s->name);
	memcpy(sun->sun_path, w->name, strlen(w->name) + 1);
	l->n = 1;
	return 0;
}

static int
bind_unix(int fd, const struct wanted *w, struct err *err)
{
	struct stat st;

	if (lstat(w->name, &st) == 0) {
		if (!S_ISSOCK(st.st_mode) && !S_ISFIFO(st.st_mode))
			return err_set(err, ERR_CONF, NULL, "%s is there and is no socket: it is left alone", w->name);
		if (unlink(w->name) < 0)
			return err_sys(err, "remove %s", w->name);
	}
	if (bind(fd, (const struct sockaddr *)&w->addr, w->len) < 0)
		return err_sys(err, "bind %s", w->name);
	if (chmod(w->name, 0666) < 0 || (geteuid() == 0 && lchown(w->name, master.owner.uid, master.owner.gid) < 0))
		return err_sys(err, "owner and mode of %s", w->name);
	return 0;
}

static int
bind_inet(int fd, const struct wanted *w, struct err *err)
{
	int one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (w->addr.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&w->addr, w->len) < 0)
		return err_sys(err, "bind %s", w->name);
	return 0;
}

/* A kernel or machine without IPv6 is no error, unless main.cf asks for an IPv6 address by name. */
static bool
is_missing_family(const struct wanted *w, int e)
{
	return w->addr.ss_family == AF_INET6 && (e == EAFNOSUPPORT || (e == EADDRNOTAVAIL && w->is_wildcard));
}

/* 1 listening, 0 this address cannot be had and need not be, -1 */
static int
open_one(struct service *s, const struct wanted *w, int *out, struct err *err)
{
	bool is_dgram = s->type == MASTER_UNIX_DGRAM;
	int fd = socket(w->addr.ss_family, (is_dgram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return is_missing_family(w, errno) ? 0 : err_sys(err, "socket for %s", w->name);
	if ((w->addr.ss_family == AF_UNIX ? bind_unix(fd, w, err) : bind_inet(fd, w, err)) < 0) {
		int e = err->sys;

		close(fd);
		return is_missing_family(w, e) ? 0 : -1;
	}
	if (!is_dgram && listen(fd, BACKLOG) < 0) {
		err_sys(err, "listen on %s", w->name);
		close(fd);
		return -1;
	}
	*out = fd;
	return 1;
}

static void
endpoint_close(struct endpoint *e)
{
	watch_off(&e->watch);
	close(e->watch.fd);
}

static bool
is_wanted(const struct wanted_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool
has_endpoint(const struct service *s, const char *name)
{
	for (size_t i = 0; i < s->n_endpoints; i++) {
		if (strcmp(s->endpoints[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The watch moves with its endpoint: it is off then. */
static void
drop_unwanted(struct service *s, const struct wanted_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_endpoints; i++)
		watch_off(&s->endpoints[i].watch);
	for (size_t i = 0; i < s->n_endpoints; i++) {
		if (is_wanted(l, s->endpoints[i].name))
			s->endpoints[n++] = s->endpoints[i];
		else
			endpoint_close(&s->endpoints[i]);
	}
	s->n_endpoints = n;
}

int
sockets_open(struct service *s, struct err *err)
{
	struct wanted_list *l = NEW(struct wanted_list);
	int r = s->is_added ? 0 : s->type == MASTER_INET ? inet_wanted(s, l, err) : unix_wanted(s, l, err);

	if (r == 0)
		drop_unwanted(s, l);
	for (size_t i = 0; i < l->n && r >= 0; i++) {
		struct endpoint *e = &s->endpoints[s->n_endpoints];
		int fd = -1;

		if (has_endpoint(s, l->v[i].name))
			continue;
		r = open_one(s, &l->v[i], &fd, err);
		if (r <= 0)
			continue;
		watch_init(&e->watch, fd, NULL, NULL);
		snprintf(e->name, sizeof(e->name), "%s", l->v[i].name);
		e->is_loopback = l->v[i].is_loopback;
		s->n_endpoints++;
	}
	mem_free(&l);
	return r < 0 ? -1 : 0;
}

void
sockets_close(struct service *s, bool unlink_too)
{
	for (size_t i = 0; i < s->n_endpoints; i++) {
		if (unlink_too && s->type != MASTER_INET)
			(void)unlink(s->endpoints[i].name);
		endpoint_close(&s->endpoints[i]);
	}
	s->n_endpoints = 0;
}
