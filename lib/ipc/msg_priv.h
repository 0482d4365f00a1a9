/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msg_priv - reading frames in steps, for the mux
 */
#ifndef IPC_MSG_PRIV_H
#define IPC_MSG_PRIV_H

#include "ipc/msg.h"

/* Go on with a frame: after a timeout or cancel what was read stays in m, and the next call takes up there.  An empty buffer
 * begins a frame. */
NODISCARD int msg_recv_more(struct stream *s, struct msg *m, struct err *err) MAY_WAIT;
/* The frame's length put in; -1 when a limit was exceeded. */
NODISCARD int msg_finish(struct msg *m, struct err *err);

#endif
