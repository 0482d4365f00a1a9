/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the bounce service. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "queue/dlog.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct queue *q;
	struct err err = ERR_INIT;
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	struct dlog_entry *e;
	size_t n;

	if (q == NULL) {
		char sub[128];

		snprintf(sub, sizeof(sub), "%s/bounce", fuzz_dir());
		mkdir(sub, 0700);
		q = queue_open_dir(fuzz_dir(), "", 0, false, &err);
		ASSERT(q != NULL);
	}
	fuzz_file("bounce/ABCDEF1234", data, size, 0600);
	if (dlog_read(q, QUEUE_BOUNCE, "ABCDEF1234", pool, &e, &n, 1000, &err) == 0)
		for (size_t i = 0; i < n; i++)
			ASSERT(e[i].rcpt != NULL && e[i].status != NULL && e[i].action != NULL && e[i].reason != NULL);
	return 0;
}
