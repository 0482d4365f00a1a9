/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxymap - looks tables up on behalf of the other daemons: those that need rights, passwords or a network, or may block
 *
 * As service "proxywrite" it also changes tables.  Only tables that are named in proxy_read_maps (proxy_write_maps) are touched.
 */
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "ipc/client.h"
#include "proxymap.h"
#include "table/proxy_msg.h"

enum { INFLIGHT_MAX = 200, VALUE_MAX = 3 << 20 };

struct proxymap_conf {
	const char *read_maps, *write_maps, *write_service;
};
static struct proxymap_conf conf;
static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct proxymap_conf, read_maps, proxy_read_maps),
	CONF_BIND_STR(struct proxymap_conf, write_maps, proxy_write_maps),
	CONF_BIND_STR(struct proxymap_conf, write_service, proxywrite_service_name),
};

static struct approved *approved;
static bool is_writer;

static int
open_tables(struct err *err)
{
	struct err local = ERR_INIT;

	is_writer = strcmp(daemon_service(), conf.write_service) == 0;
	approved = approved_new(is_writer ? conf.write_maps : conf.read_maps, err);
	if (approved == NULL)
		return err_prefix(err, "%s: ", is_writer ? "proxy_write_maps" : "proxy_read_maps");
	if (!is_writer && approved_add_implied(approved, daemon_conf(), &local) < 0)
		log_warning("tables that only master.cf names are not looked up: %s", local.text);
	if (!is_writer)
		approved_open_all(approved, daemon_conf(), daemon_watch_table);
	return 0;
}

static void
answer(struct msg *reply, int status)
{
	msg_begin(reply, PROXY_REPLY);
	msg_num(reply, "status", status);
}

static void
answer_error(struct msg *reply, const struct err *err)
{
	answer(reply, PROXY_ERROR);
	msg_str(reply, "text", err->text);
}

static void
lookup(const char *spec, int flags, const char *key, struct msg *reply)
{
	AUTO(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
	struct err err = ERR_INIT;
	struct table *t = approved_table(approved, spec, flags, daemon_conf(), &err);
	int r = t == NULL ? -1 : table_lookup(t, key, &value, &err);

	if (r < 0) {
		answer_error(reply, &err);
		return;
	}
	answer(reply, r == 1 ? PROXY_FOUND : PROXY_NOT_FOUND);
	if (r == 1)
		msg_str(reply, "value", value.s);
}

/* The table is open for writing, and locked, only for this one change. */
static void
change(const char *spec, int flags, const struct msg *m, const char *key, struct msg *reply)
{
	const char *value = msg_get(m, "value");
	struct err err = ERR_INIT;
	struct table *t = table_open(spec, flags | TABLE_WRITE | TABLE_REPLACE | TABLE_NO_PROXY | TABLE_QUIET, daemon_conf(), &err);
	bool existed = false;
	int r = -1;

	if (t != NULL && m->type == PROXY_DELETE)
		r = table_delete(t, key, &err);
	else if (t != NULL && value != NULL)
		r = table_put(t, key, value, &existed, &err) < 0 ? -1 : 1;
	if (r >= 0 && table_sync(t, &err) < 0)
		r = -1;
	table_free(&t);
	if (r < 0) {
		answer_error(reply, &err);
		return;
	}
	answer(reply, r == 1 ? PROXY_FOUND : PROXY_NOT_FOUND);
	msg_num(reply, "existed", existed);
}

static void
deny(const char *spec, struct msg *reply)
{
	const char *list = is_writer ? "proxy_write_maps" : "proxy_read_maps";

	log_warning("request for unapproved table: \"%s\"", spec);
	log_warning("to approve this table for %s access, list proxy:%s in %s:%s", is_writer ? "read-write" : "read-only", spec, "main.cf",
	    list);
	answer(reply, PROXY_DENIED);
}

static void
handle(void *arg, struct msg *request, struct msg *reply)
{
	struct err err = ERR_INIT;
	const char *spec, *key;
	int64_t flags;

	(void)arg;
	if (msg_get_str(request, "table", &spec, &err) < 0 || msg_get_str(request, "key", &key, &err) < 0 ||
	    msg_get_num(request, "flags", 0, PROXY_FLAGS, &flags, &err) < 0) {
		answer_error(reply, &err);
		return;
	}
	flags &= PROXY_FLAGS;
	if (!approved_has(approved, spec))
		deny(spec, reply);
	else if (request->type == PROXY_LOOKUP)
		lookup(spec, (int)flags, key, reply);
	else if (is_writer && (request->type == PROXY_PUT || request->type == PROXY_DELETE))
		change(spec, (int)flags, request, key, reply);
	else
		answer(reply, PROXY_DENIED);
}

static void
serve(struct daemon_session *s)
{
	daemon_session_is_mux(s);
	ipc_mux_serve(s->stream, handle, NULL, INFLIGHT_MAX);
}

static const struct daemon proxymap = {
	.name = "proxymap", .sessions = DAEMON_MANY, .sandbox = "maps", .binds = binds, .n_binds = COUNT_OF(binds), .conf = &conf,
	.pre_jail = open_tables, .serve = serve,
};

int
main(int argc, char **argv)
{
	return daemon_main(&proxymap, argc, argv);
}
