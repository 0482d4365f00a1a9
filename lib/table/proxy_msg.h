/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_msg - what tables of type proxy: say to proxymap over a mux (ipc/client.h), and what it answers
 *
 *	PROXY_LOOKUP {table, flags, key}		PROXY_PUT {table, flags, key, value}		PROXY_DELETE {table, flags, key}
 *	PROXY_REPLY {status, value, existed, text}
 */
#ifndef TABLE_PROXY_MSG_H
#define TABLE_PROXY_MSG_H

#include "table/table.h"

enum { PROXY_LOOKUP = 0x600, PROXY_PUT, PROXY_DELETE, PROXY_REPLY };
enum proxy_status {
	PROXY_FOUND,		/* also: done */
	PROXY_NOT_FOUND,
	PROXY_ERROR,		/* text says why; temporary */
	PROXY_DENIED,		/* the table is not listed in proxy_read_maps or proxy_write_maps */
};
/* Flags that mean something to the other side. */
enum { PROXY_FLAGS = TABLE_FOLD | TABLE_NO_SUBST | TABLE_REPLACE };

#endif
