/* SPDX-License-Identifier: Apache-2.0 */
/* Queue files as a stranger might leave them: envelope, then every record. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "queue/queue.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct queue *q;
	struct err err = ERR_INIT;
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	AUTO(qfile_free) struct qfile *f = NULL;
	struct qenv env;
	struct qrec r;
	int n = 0;

	if (q == NULL) {
		char sub[128];

		snprintf(sub, sizeof(sub), "%s/incoming", fuzz_dir());
		mkdir(sub, 0700);
		q = queue_open_dir(fuzz_dir(), "", 0, false, &err);
		ASSERT(q != NULL);
	}
	fuzz_file("incoming/ABCDEF1234", data, size, 0700);
	f = qfile_open(q, QUEUE_INCOMING, "ABCDEF1234", QFILE_LOCK_SHARED, &err);
	if (f == NULL)
		return 0;
	if (qenv_read(f, pool, 10, &env, &err) == 0)
		while (env.resume_at != 0 && n++ < 1000 && qenv_more(f, pool, 10, &env, &err) == 0)
			;
	qfile_seek(f, 0);
	for (n = 0; n < 100000 && qfile_next(f, &r, &err) == 1; n++)
		ASSERT(r.data[r.len] == '\0' && r.at >= 0);
	return 0;
}
