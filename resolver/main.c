/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - the daemon: see resolver.h
 */
#include "resolver.h"

#include "daemon/daemon.h"

enum { MAX_INFLIGHT = 2000, DNS_PORT = 53 };

static struct resolver *resolver;

/* The first look at the files, while they can be reached in any case. */
static void
start(void)
{
	resolver = resolver_new("/etc/resolv.conf", "/etc/hosts", DNS_PORT);
	resolver_refresh(resolver);
}

static void
serve(struct daemon_session *s)
{
	daemon_session_is_mux(s);
	ipc_mux_serve(s->stream, resolver_handle, resolver, MAX_INFLIGHT);
}

static const struct daemon program = {
	.name = "resolver",
	.sessions = DAEMON_LOOP,
	.user = DAEMON_USER_OWN,
	.own_user = "postern-dns",
	.sandbox = "jail",
	.start = start,
	.serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&program, argc, argv);
}
