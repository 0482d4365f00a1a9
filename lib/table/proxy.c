/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy: "proxy:type:name" asks proxymap (or proxywrite, when opened for writing); types that are always looked up there do the same
 *
 * The connection is made with the first look-up, so that tables can be opened before confinement and before proxymap runs.
 */
#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "ipc/client.h"
#include "table/proxy_msg.h"
#include "table/proxy_priv.h"

enum { REQUEST_MS = 600 * 1000 };

struct proxy {
	char *path;		/* from the root */
	char *below;		/* from the queue directory, which is the working directory (or the root) of a daemon */
	struct ipc_mux *mux;
	bool takes_partial;
};

static int
proxy_connect(void *arg, struct err *err)
{
	const struct proxy *p = arg;
	int fd = io_unix_connect(p->path, err);

	if (fd < 0 && err != NULL && err->sys == ENOENT)
		fd = io_unix_connect(p->below, err);
	return fd;
}

int
proxy_open(struct table *t, bool takes_partial)
{
	bool write = (t->flags & TABLE_WRITE) != 0;
	const char *dir = t->conf != NULL ? conf_get(t->conf, "queue_directory") : NULL;
	const char *service = t->conf != NULL ? conf_get(t->conf, write ? "proxywrite_service_name" : "proxymap_service_name") : NULL;
	struct proxy *p = NEW(struct proxy);

	if (service == NULL)
		service = write ? "proxywrite" : "proxymap";
	p->path = mem_printf("%s/private/%s", dir != NULL ? dir : PN_QUEUE_DIRECTORY, service);
	p->below = mem_printf("private/%s", service);
	p->mux = ipc_mux_new(proxy_connect, p);
	p->takes_partial = takes_partial;
	t->state = p;
	return 0;
}

void
proxy_close(struct table *t)
{
	struct proxy *p = t->state;

	ipc_mux_free(&p->mux);
	mem_free(&p->path);
	mem_free(&p->below);
	mem_free(&t->state);
}

bool
proxy_takes_partial(const struct table *t)
{
	const struct proxy *p = t->state;

	return p->takes_partial;
}

static int
bad_reply(const struct table *t, const struct msg *reply, struct err *err)
{
	const char *text = msg_get(reply, "text");

	if (msg_get_num_or(reply, "status", -1) == PROXY_DENIED)
		return err_set(err, ERR_CONF, "4.3.5", "%s is unavailable. proxymap does not allow this table: see proxy_read_maps",
		    t->spec);
	return err_set(err, ERR_TEMP, "4.3.0", "%s", text != NULL && *text != '\0' ? text : "proxymap gave no proper answer");
}

/* The status, or -1; the reply is left for the caller to look into. */
static int
ask(struct table *t, unsigned type, const char *name, const char *key, const char *value, struct msg *m, struct err *err)
{
	struct proxy *p = t->state;
	int64_t status;

	msg_begin(m, type);
	msg_str(m, "table", name);
	msg_num(m, "flags", t->flags & PROXY_FLAGS);
	if (key != NULL)
		msg_str(m, "key", key);
	if (value != NULL)
		msg_str(m, "value", value);
	if (ipc_mux_call(p->mux, m, m, REQUEST_MS, err) < 0)
		return err_prefix(err, "%s: ", t->spec);
	status = m->type == PROXY_REPLY ? msg_get_num_or(m, "status", -1) : -1;
	if (status == PROXY_FOUND || status == PROXY_NOT_FOUND)
		return (int)status;
	return bad_reply(t, m, err);
}

int
proxy_lookup_name(struct table *t, const char *name, const char *key, struct strbuf *value, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	const char *found;
	int status = ask(t, PROXY_LOOKUP, name, key, NULL, &m, err);

	if (status != PROXY_FOUND)
		return status < 0 ? -1 : 0;
	if (msg_get_str(&m, "value", &found, err) < 0)
		return -1;
	strbuf_adds(value, found);
	return 1;
}

/* ---- the type proxy */
static int
proxy_type_open(struct table *t, struct err *err)
{
	const char *colon = strchr(t->name, ':');
	AUTO(mem_free) char *type = colon != NULL ? mem_strndup(t->name, (size_t)(colon - t->name)) : NULL;

	if (type == NULL || *type == '\0' || colon[1] == '\0')
		return err_set(err, ERR_CONF, NULL, "open dictionary: expecting \"type:name\" form instead of \"%s\"", t->name);
	if (!table_is_known_type(type))
		return err_set(err, ERR_CONF, NULL, "unsupported dictionary type: %s", type);
	return proxy_open(t, table_type_takes_partial(type));
}

static int
proxy_type_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	return proxy_lookup_name(t, t->name, key, value, err);
}

static int
put_name(struct table *t, const char *name, const char *key, const char *value, bool *existed, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	int status = ask(t, PROXY_PUT, name, key, value, &m, err);

	*existed = status == PROXY_FOUND && msg_get_num_or(&m, "existed", 0) == 1;
	return status < 0 ? -1 : 0;
}

static int
del_name(struct table *t, const char *name, const char *key, struct err *err)
{
	AUTO(msg_done) struct msg m = MSG_INIT;
	int status = ask(t, PROXY_DELETE, name, key, NULL, &m, err);

	return status < 0 ? -1 : status == PROXY_FOUND;
}

static int
proxy_type_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	return put_name(t, t->name, key, value, existed, err);
}

static int
proxy_type_del(struct table *t, const char *key, struct err *err)
{
	return del_name(t, t->name, key, err);
}

const struct table_driver table_proxy = {
	.type = "proxy", .open = proxy_type_open, .close = proxy_close, .lookup = proxy_type_lookup,
	.takes_partial = proxy_takes_partial, .put = proxy_type_put, .del = proxy_type_del,
};

/* ---- types that are looked up by proxymap without "proxy:" in front */
static int
proxied_open(struct table *t, struct err *err UNUSED)
{
	AUTO(mem_free) char *type = mem_strndup(t->spec, strcspn(t->spec, ":"));

	return proxy_open(t, table_type_takes_partial(type));
}

static int
proxied_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	return proxy_lookup_name(t, t->spec, key, value, err);
}

static int
proxied_put(struct table *t, const char *key, const char *value, bool *existed, struct err *err)
{
	return put_name(t, t->spec, key, value, existed, err);
}

static int
proxied_del(struct table *t, const char *key, struct err *err)
{
	return del_name(t, t->spec, key, err);
}

const struct table_driver table_proxied = {
	.type = "proxied", .open = proxied_open, .close = proxy_close, .lookup = proxied_lookup,
	.takes_partial = proxy_takes_partial, .put = proxied_put, .del = proxied_del,
};
