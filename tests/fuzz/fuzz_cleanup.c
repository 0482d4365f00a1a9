/* SPDX-License-Identifier: Apache-2.0 */
/* What clients send to cleanup: a stream of queue records, through rewriting, checks and MIME, into a queue in memory. */
#include <string.h>

#include "base/bug.h"
#include "base/log.h"
#include "cleanup/cleanup.h"
#include "tests/fuzz/fuzz.h"

static const char config[] =
	"myhostname = mta.example.test\nmydomain = example.test\nmyorigin = $mydomain\nmydestination = $mydomain\n"
	"inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nrecipient_delimiter = +\nappend_dot_mydomain = yes\n"
	"canonical_maps = inline:{ {a@x=b@y} {@z=@w} }\nmasquerade_domains = example.test\nalways_bcc = bcc@x\n"
	"virtual_alias_maps = inline:{ {t@v=a@x, b@x} {l@v=l@v, m@v} {m@v=l@v} {@c=joe} }\nmessage_size_limit = 50000\nheader_size_limit = 4000\n"
	"header_checks = regexp:{ {/^X-Rep/ REPLACE X-R: 1} {/^X-Pre/ PREPEND X-P: 1} {/^X-Ign/ IGNORE} {/^X-Bcc/ BCC q@x} }\n"
	"body_checks = regexp:{ {/^rep/ REPLACE r} {/^pre/ PREPEND p} }\nmime_nesting_limit = 5\nmessage_strip_characters = \\0\n";

static struct env env;

static void
open_env(void)
{
	static struct conf *conf;
	struct err err = ERR_INIT;

	if (conf != NULL)
		return;
	log_init("fuzz", "cleanup", 0);
	conf = conf_load_text(config, &err);
	ASSERT(conf != NULL && conf_bind(conf, cleanup_binds, cleanup_n_binds, &env, &err) == 0);
	ASSERT(env_open(&env, conf, route_new_conf(conf, &err), queue_open_memory(), &err) == 0);
}

/* What was committed must be readable. */
static void
check_stored(const char *id, bool hold)
{
	struct err err = ERR_INIT;
	enum queue_name n = hold ? QUEUE_HOLD : QUEUE_INCOMING;
	struct qfile *f = qfile_open(env.queue, n, id, QFILE_LOCK_NONE, &err);
	struct pool *pool = pool_new(1000);
	struct qenv q;

	ASSERT(f != NULL);
	ASSERT(qenv_read(f, pool, 0, &q, &err) == 0);
	qfile_free(&f);
	pool_free(&pool);
	ASSERT(queue_remove(env.queue, n, id, &err) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *rec;
	struct message m;
	size_t used, len;
	int type;

	open_env();
	if (size < 1)
		return 0;
	message_init(&m, &env, qfile_create(env.queue, QUEUE_INCOMING, NULL), (*p & 0x72) | ((*p & 1) != 0 ? CLEANUP_DETECT_UTF8 : 0));
	p++, size--;
	for (; size > 0; p += used, size -= used) {
		if ((used = message_bulk(&m, p, size)) > 0)
			continue;
		if (rec_parse(p, size, &type, &rec, &len, &used) != 1)
			break;
		if (!message_record(&m, type, rec, len)) {
			message_finish(&m);
			if (m.status == 0 && !m.discard)
				check_stored(message_id_of(&m), m.hold);
			break;
		}
	}
	message_done(&m);
	return 0;
}
