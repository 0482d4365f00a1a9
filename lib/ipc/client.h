/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - standing connections to a service of the suite
 *
 * Two shapes.  ipc_pool: a connection carries one conversation at a time (cleanup, delivery agents); idle ones are kept and
 * reused.  ipc_mux: one connection carries many requests at once, each with an "rq" number of its own (resolver, anvil,
 * proxymap, bounce).  Both notice a service that was restarted and connect anew; a request that met a connection which had gone
 * stale before anything of it was answered is sent once more.
 *
 *	struct ipc_pool *p = ipc_pool_new(connect_fn, arg);
 *	struct stream *s = ipc_pool_get(p, &err);
 *	... talk ...
 *	ipc_pool_put(p, &s);		or ipc_pool_drop(p, &s) when anything went wrong
 */
#ifndef IPC_CLIENT_H
#define IPC_CLIENT_H

#include "ipc/msg.h"

/* How to get a new connection: non-blocking descriptor or -1. */
typedef int ipc_connect_fn(void *arg, struct err *err);
/* The usual one: arg is the path of a UNIX socket.  While master starts the service connecting waits in the kernel's backlog. */
int ipc_connect_path(void *arg, struct err *err);

struct ipc_pool;
NODISCARD struct ipc_pool *ipc_pool_new(ipc_connect_fn *connect, void *arg, uint64_t idle_ms, unsigned max_idle);
void ipc_pool_free(struct ipc_pool **pp);
NODISCARD struct stream *ipc_pool_get(struct ipc_pool *p, struct err *err) MAY_WAIT;
void ipc_pool_put(struct ipc_pool *p, struct stream **sp);
void ipc_pool_drop(struct ipc_pool *p, struct stream **sp);

struct ipc_mux;
NODISCARD struct ipc_mux *ipc_mux_new(ipc_connect_fn *connect, void *arg);
void ipc_mux_free(struct ipc_mux **mp);
/* Send request, wait for its reply.  The request gets the field "rq"; request and reply may be the same object. */
NODISCARD int ipc_mux_call(struct ipc_mux *m, struct msg *request, struct msg *reply, uint64_t timeout_ms, struct err *err) MAY_WAIT;
/* Send without waiting for an answer (the server must not send one). */
NODISCARD int ipc_mux_post(struct ipc_mux *m, struct msg *request, struct err *err) MAY_WAIT;

/* The server's side of a mux: reads requests, runs handler in a task for each (at most max_inflight), sends what it put
 * into reply (reply type 0: nothing is sent).  Returns when the peer has closed. */
typedef void ipc_handler_fn(void *arg, struct msg *request, struct msg *reply);
void ipc_mux_serve(struct stream *s, ipc_handler_fn *handler, void *arg, unsigned max_inflight) MAY_WAIT;

#endif
