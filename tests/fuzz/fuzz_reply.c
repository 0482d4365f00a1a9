/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of SMTP servers. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "smtp/reply.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(smtp_reply_done) struct smtp_reply r = SMTP_REPLY_INIT;
	AUTO(strbuf_done) struct strbuf flat = STRBUF_INIT(1000);
	AUTO(stream_free) struct stream *s = NULL;
	struct err err = ERR_INIT;
	int fds[2];

	if (size > 100000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	if (send(fds[0], data, size, 0) != (ssize_t)size && size > 0) {
		close(fds[0]);
		close(fds[1]);
		return 0;
	}
	close(fds[0]);
	s = stream_new(fds[1], 8192, 1024);
	while (smtp_reply_read(s, &r, &err) == 0) {
		ASSERT(r.code >= 200 && r.code <= 599 && r.n_lines <= SMTP_REPLY_MAX_LINES + 1);
		ASSERT(r.dsn[0] == (r.code / 100 == 3 ? '2' : '0' + r.code / 100) && r.text.len <= SMTP_REPLY_TEXT);
		smtp_reply_flat(&r, 900, &flat);
		strbuf_reset(&flat);
	}
	return 0;
}
