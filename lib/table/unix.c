/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix: users and groups of the system, as lines of passwd(5) and group(5)
 *
 * The name service may ask a network and may block, so only proxymap (and commands) ask it, inside tasks on a worker's thread; all
 * others ask proxymap.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/mem.h"
#include "table/proxy_priv.h"
#include "task/task.h"

enum { BUFFER_MAX = 16 << 20 };

static int
unix_open(struct table *t, struct err *err)
{
	if (strcmp(t->name, "passwd.byname") != 0 && strcmp(t->name, "group.byname") != 0)
		return err_set(err, ERR_CONF, NULL, "unknown table: %s", t->spec);
	return (t->flags & TABLE_NO_PROXY) != 0 ? 0 : proxy_open(t, true);
}

static void
unix_close(struct table *t)
{
	proxy_close(t);
}

struct job {
	bool is_group;
	const char *key;
	struct strbuf *out;
	int result, sys;
};

/* Both return errno of the look-up, and add the line when there is one. */
static int
get_user(struct job *j, char *buf, size_t size)
{
	struct passwd pw, *found = NULL;
	int rc = getpwnam_r(j->key, &pw, buf, size, &found);

	if (found == NULL)
		return rc;
	strbuf_addf(j->out, "%s:%s:%lu:%lu:%s:%s:%s", pw.pw_name, pw.pw_passwd, (unsigned long)pw.pw_uid,
	    (unsigned long)pw.pw_gid, pw.pw_gecos, pw.pw_dir, pw.pw_shell);
	j->result = 1;
	return 0;
}

static int
get_group(struct job *j, char *buf, size_t size)
{
	struct group gr, *found = NULL;
	int rc = getgrnam_r(j->key, &gr, buf, size, &found);

	if (found == NULL)
		return rc;
	strbuf_addf(j->out, "%s:%s:%lu:", gr.gr_name, gr.gr_passwd, (unsigned long)gr.gr_gid);
	for (char **m = gr.gr_mem; *m != NULL; m++)
		strbuf_addf(j->out, "%s%s", m == gr.gr_mem ? "" : ",", *m);
	j->result = 1;
	return 0;
}

static void
run(void *arg)
{
	struct job *j = arg;
	int rc = ERANGE;

	for (size_t size = 4096; rc == ERANGE && size <= BUFFER_MAX; size *= 4) {
		AUTO(mem_free) char *buf = mem_alloc(size);

		rc = j->is_group ? get_group(j, buf, size) : get_user(j, buf, size);
	}
	/* "no such name" comes as 0 or as one of these, depending on the source */
	if (j->result == 0 && rc != 0 && rc != ENOENT && rc != ESRCH) {
		j->result = -1;
		j->sys = rc;
	}
}

static int
unix_lookup(struct table *t, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err)
{
	struct job j = { .is_group = *t->name == 'g', .key = key, .out = value };

	if (t->state != NULL)
		return proxy_lookup_name(t, t->spec, key, value, err);
	if (task_self() != NULL)
		task_offload(run, &j);
	else
		run(&j);
	if (j.result >= 0)
		return j.result;
	errno = j.sys;
	return err_sys(err, "%s: look-up of \"%.100s\"", t->spec, key);
}

const struct table_driver table_unix = {
	.type = "unix", .traits = TABLE_T_FIXED | TABLE_T_PARTIAL | TABLE_T_PROXIED,
	.open = unix_open, .close = unix_close, .lookup = unix_lookup,
};
