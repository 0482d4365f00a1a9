/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmgr - tell the queue manager about new mail and ask it for things
 *
 * public/qmgr takes two kinds of connections.  Postfix's trigger: bytes (W I D A F), then close.  And Postern's own: the first byte
 * is QMGR_HELLO, then frames (ipc/msg.h), as cleanup keeps open: QMGR_NEW {id} says that incoming/id is committed, so that no directory is scanned.
 * A lost notice loses nothing: qmgr also looks when a directory's time changed.
 */
#ifndef PROTO_QMGR_H
#define PROTO_QMGR_H

#include "config/conf.h"
#include "ipc/client.h"

enum { QMGR_HELLO = 0x01, QMGR_NEW = 0x400 };
struct qmgr_client;	/* one a process; the socket's path is relative to the queue directory, where daemons live */
NODISCARD struct qmgr_client *qmgr_client_new(struct conf *conf);
void qmgr_client_free(struct qmgr_client **cp);
/* Never an error for the caller: the message is on disk. */
void qmgr_notify_new(struct qmgr_client *c, const char *id) MAY_WAIT;
/* Bytes to public/qmgr or public/pickup, without waiting for anything. */
NODISCARD int trigger_send(const char *queue_dir, const char *service, const char *bytes, struct err *err);

#endif
