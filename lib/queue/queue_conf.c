/* SPDX-License-Identifier: Apache-2.0 */
/* The queue that main.cf describes. */
#include <errno.h>
#include <stdio.h>

#include "config/conf.h"
#include "queue/queue_dir.h"
#include "queue/queue_priv.h"

struct queue *
queue_open(struct conf *conf, struct err *err)
{
	const char *dir = conf_get(conf, "queue_directory"), *hash = conf_get(conf, "hash_queue_names");
	const char *data = conf_get(conf, "data_directory");
	char path[1024];
	struct queue *q;
	struct err why = ERR_INIT;
	int64_t depth;
	bool long_ids;

	if (conf_get_int(conf, "hash_queue_depth", 1, 1, QUEUE_DEPTH_MAX, &depth, err) < 0 ||
	    conf_get_bool(conf, "enable_long_queue_ids", false, &long_ids, err) < 0)
		return NULL;
	if (dir == NULL) {
		err_set(err, ERR_CONF, NULL, "queue_directory is not set");
		return NULL;
	}
	q = queue_open_dir(dir, hash != NULL ? hash : "", (int)depth, long_ids, &why);
	/* In a chroot, where every daemon's working directory is the queue directory. */
	if (q == NULL && why.sys == ENOENT)
		q = queue_open_dir(".", hash != NULL ? hash : "", (int)depth, long_ids, &why);
	if (q == NULL && err != NULL)
		*err = why;
	if (q != NULL && data != NULL && snprintf(path, sizeof(path), "%s/queue_ids", data) < (int)sizeof(path))
		qid_gen_share(&q->gen, path);
	return q;
}
