/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between daemons, as a process that went bad might send them. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "ipc/msg.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	AUTO(stream_free) struct stream *s = NULL;
	struct err err = ERR_INIT;
	int64_t n;
	int fds[2];

	if (size > 100000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	if (send(fds[0], data, size, 0) != (ssize_t)size && size > 0) {
		close(fds[0]);
		close(fds[1]);
		return 0;
	}
	close(fds[0]);
	s = stream_new(fds[1], 65536, 4096);
	while (msg_recv(s, &m, &err) == 1) {
		for (size_t i = 0; i < m.n_fields; i++)
			ASSERT(m.fields[i].value[m.fields[i].len] == '\0');
		(void)msg_get(&m, "id");
		if (msg_get_num(&m, "n", -5, 1000, &n, &err) == 0)
			ASSERT(n >= -5 && n <= 1000);
	}
	return 0;
}
