/* SPDX-License-Identifier: Apache-2.0 */
/* deliver_serve - the loop of a delivery agent */
#include "deliver/deliver_serve.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/log.h"

struct agent_conf {
	bool soft_bounce;
	int64_t resolution;
};

static const struct conf_bind binds[] = {
	CONF_BIND_BOOL(struct agent_conf, soft_bounce, soft_bounce),
	CONF_BIND_INT(struct agent_conf, resolution, delay_logging_resolution_limit),
};

int
deliver_agent_init(struct deliver_agent *a, struct conf *conf, struct err *err)
{
	struct agent_conf ac;

	if (conf_bind(conf, binds, COUNT_OF(binds), &ac, err) < 0)
		return -1;
	a->soft_bounce = ac.soft_bounce;
	a->resolution = (int)ac.resolution;
	a->queue = queue_open(conf, err);
	if (a->queue == NULL)
		return -1;
	a->bounce = bounce_new(conf);
	return 0;
}

static void
deliver_one(const struct deliver_agent *a, const struct deliver_req *req, struct deliver_done *done)
{
	struct deliver_ctx c = { .req = req, .bounce = a->bounce, .soft_bounce = a->soft_bounce, .resolution = a->resolution };
	struct err err = ERR_INIT;
	int queue = queue_name_parse(req->queue);

	if (queue >= 0)
		c.file = qfile_open(a->queue, (enum queue_name)queue, req->id, QFILE_LOCK_SHARED, &err);
	else
		err_set(&err, ERR_PROTO, NULL, "no queue %s", req->queue);
	if (c.file != NULL) {
		a->fn(&c);
	} else {
		log_warning("%s: queue file: %s", req->id, err.text);
		c.done.n_deferred = (int)req->n_rcpts;
	}
	qfile_free(&c.file);
	*done = c.done;
}

void
deliver_serve(const struct deliver_agent *a, struct daemon_session *s)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	struct err err = ERR_INIT;

	while (daemon_session_next(s)) {
		struct deliver_req req;
		struct deliver_done done = { .n_deferred = 0 };
		int r = deliver_recv(s->stream, &m, &req, &err);

		if (r == 0)
			return;
		if (r > 0) {
			deliver_one(a, &req, &done);
			deliver_req_done(&req);
			r = deliver_reply(s->stream, &done, &err);
		}
		if (r < 0) {
			if (err.class != ERR_CANCEL)
				log_warning("delivery request: %s", err.text);
			return;
		}
	}
}

/* RFC 3463 section 2: class "." subject "." detail. */
static size_t
dsn_length(const char *s)
{
	size_t n = 1;

	if ((s[0] != '2' && s[0] != '4' && s[0] != '5') || s[1] != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (s[n++] != '.')
			return 0;
		while (digits < 4 && ascii_is_digit(s[n + digits]))
			digits++;
		if (digits < 1 || digits > 3)
			return 0;
		n += digits;
	}
	return s[n] == '\0' || ascii_is_space(s[n]) ? n : 0;
}

const char *
deliver_split_dsn(const char *text, const char *dflt, char dsn[static 12])
{
	size_t n;

	while (ascii_is_space(*text))
		text++;
	n = dsn_length(text);
	snprintf(dsn, 12, "%.*s", n > 0 ? (int)n : 11, n > 0 ? text : dflt);
	text += n;
	while (ascii_is_space(*text))
		text++;
	return text;
}
