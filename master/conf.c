/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf - main.cf and master.cf become services
 *
 * A reload reads into new objects first: an error leaves everything as it was.  Then each entry meets the service of its name and type, whose
 * sockets and processes it keeps; what no entry names any more is marked for removal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/logconf.h"
#include "master.h"

enum { IN_USE_TRIES = 20 };

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct master_params, queue_dir, queue_directory),
	CONF_BIND_STR(struct master_params, data_dir, data_directory),
	CONF_BIND_STR(struct master_params, daemon_dir, daemon_directory),
	CONF_BIND_STR(struct master_params, mail_owner, mail_owner),
	CONF_BIND_STR(struct master_params, setgid_group, setgid_group),
	CONF_BIND_STR(struct master_params, inet_interfaces, inet_interfaces),
	CONF_BIND_STR(struct master_params, inet_protocols, inet_protocols),
	CONF_BIND_STR(struct master_params, version, mail_version),
	CONF_BIND_STR(struct master_params, service_disable, master_service_disable),
	CONF_BIND_STR(struct master_params, import_environment, import_environment),
	CONF_BIND_STR(struct master_params, known_tcp_ports, known_tcp_ports),
	CONF_BIND_STR(struct master_params, maillog_file, maillog_file),
	CONF_BIND_STR(struct master_params, syslog_name, syslog_name),
	CONF_BIND_INT(struct master_params, default_process_limit, default_process_limit),
	CONF_BIND_INT(struct master_params, default_session_limit, default_session_limit),
	CONF_BIND_INT(struct master_params, process_session_limit, process_session_limit),
	CONF_BIND_TIME(struct master_params, throttle_ms, service_throttle_time),
};

/* Services that Postern has without an entry; an entry of the same name takes their place. */
static const struct {
	const char *name, *command;
	bool is_dgram, only_with_maillog;
} added[] = {
	{ "resolver", "resolver", false, false },
	{ "postlog", "postlogd", true, true },
};

struct service *
service_find(const char *name, enum master_type type)
{
	for (struct list *l = master.services.next; l != &master.services; l = l->next) {
		struct service *s = LIST_ITEM(l, struct service, link);

		if (!s->is_removed && s->type == type && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

/* The added service itself, or the entry that overrides it: both are reached through master. */
struct service *
service_find_added(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(added); i++) {
		if (strcmp(added[i].name, name) == 0)
			return service_find(name, MASTER_UNIX);
	}
	return NULL;
}

char *
service_text(const struct service *s)
{
	return mem_printf("%s/%s", s->name, master_type_name(s->type));
}

/* ---- which entries run */

static bool
matches_disable(const char *item, const struct master_entry *e)
{
	const char *type = master_type_name(e->type), *sep = strrchr(item, '/');

	if (sep == NULL)
		sep = strrchr(item, '.');	/* "smtp.inet", the older form */
	if (strcmp(item, type) == 0)
		return true;
	return sep != NULL && strcmp(sep + 1, type) == 0 && strlen(e->name) == (size_t)(sep - item) &&
	    strncmp(item, e->name, (size_t)(sep - item)) == 0;
}

static bool
is_disabled(const struct master_entry *e)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(1000);

	if (strvec_split(&v, master.par.service_disable, ", \t\r\n") < 0)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		bool negated = v.v[i][0] == '!';

		if (matches_disable(v.v[i] + negated, e))
			return !negated;
	}
	return false;
}

/* The program's path, or NULL (said why). */
static char *
find_program(const struct master_entry *e, const char *path, const struct program **program)
{
	static const struct program unknown = { .name = "", .share = SHARE_ONE };
	AUTO(mem_free) char *exe = NULL;

	*program = program_find(e->command);
	if (*program == NULL)
		*program = &unknown;
	if ((*program)->elsewhere != NULL) {
		if (master.verbose)
			log_info("%s, line %d: service %s: the work of %s is done %s", path, e->line, e->name, e->command,
			    (*program)->elsewhere);
		return NULL;
	}
	exe = mem_printf("%s/%s", master.par.daemon_dir, (*program)->runs != NULL ? (*program)->runs : e->command);
	if (strchr(e->command, '/') != NULL || access(exe, X_OK) < 0) {
		log_warning("%s, line %d: service %s is not started: there is no program %s", path, e->line, e->name, exe);
		return NULL;
	}
	if (e->type == MASTER_PASS) {
		log_warning("%s, line %d: service %s is not started: type pass is not part of this release", path, e->line, e->name);
		return NULL;
	}
	{
		char *out = exe;

		exe = NULL;
		return out;
	}
}

/* ---- entries become services */

static void
set_args(struct service *s, const struct strvec *args)
{
	strvec_reset(&s->args);
	for (size_t i = 0; i < args->n; i++)
		(void)strvec_add(&s->args, args->v[i]);
}

static bool
same_args(const struct strvec *a, const struct strvec *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return true;
}

static struct service *
service_new(const struct master_entry *e)
{
	struct service *s = NEW(struct service);

	s->name = mem_strdup(e->name);
	s->type = e->type;
	list_init(&s->procs);
	strvec_init(&s->args, 10000);
	list_append(&master.services, &s->link);
	return s;
}

/* The processes go on when the service re-reads in place and was started the same way; else they end after their sessions. */
static void
tell_processes(struct service *s, bool is_same)
{
	for (struct list *l = s->procs.next; l != &s->procs; l = l->next) {
		struct proc *p = LIST_ITEM(l, struct proc, link);

		if (proc_is_serving(p))
			proc_send(p, is_same && (p->flags & HUB_IN_PLACE) ? HUB_RELOAD : HUB_RETIRE, 0);
	}
}

static void
service_set(const struct master_entry *e, const char *exe, const struct program *program)
{
	struct service *s = service_find(e->name, e->type);
	uint64_t wakeup_ms = e->wakeup_s > 0 ? (uint64_t)e->wakeup_s * 1000 : 0;
	bool is_same = s != NULL && strcmp(s->exe, exe) == 0 && same_args(&s->args, &e->argv) && s->is_chroot == e->chroot &&
	    s->is_unprivileged == e->unprivileged;

	if (s != NULL && s->is_private != e->is_private)
		sockets_close(s, true);
	if (s == NULL)
		s = service_new(e);
	if (s->wakeup_ms != wakeup_ms)
		s->next_wakeup = clock_mono_ms();
	mem_free(&s->exe);
	mem_free(&s->command);
	s->exe = mem_strdup(exe);
	s->command = mem_strdup(e->command);
	s->program = program;
	s->is_private = e->is_private;
	s->is_unprivileged = e->unprivileged;
	s->is_chroot = e->chroot;
	s->is_added = service_find_added(e->name) == s;
	s->line = e->line;
	s->wakeup_ms = wakeup_ms;
	s->is_wakeup_if_used = e->wakeup_if_used;
	s->throttled_until = 0;
	s->n_quick_ends = 0;
	s->limit_told_at = 0;
	s->is_stale = false;
	set_args(s, &e->argv);
	supply_limits(s, e->maxproc);
	tell_processes(s, is_same);
}

static void
add_entries(const struct master_cf *mc)
{
	for (size_t i = 0; i < mc->n; i++) {
		const struct master_entry *e = &mc->entries[i];
		const struct program *program;
		AUTO(mem_free) char *exe = NULL;

		if (is_disabled(e))
			continue;
		exe = find_program(e, mc->path, &program);
		if (exe != NULL)
			service_set(e, exe, program);
	}
}

static void
add_own(const struct master_cf *mc)
{
	for (size_t i = 0; i < COUNT_OF(added); i++) {
		AUTO(mem_free) char *name = mem_strdup(added[i].name), *command = mem_strdup(added[i].command), *exe = NULL;
		struct master_entry e = { .name = name, .command = command, .type = added[i].is_dgram ? MASTER_UNIX_DGRAM : MASTER_UNIX,
			.is_private = !added[i].is_dgram, .unprivileged = true, .maxproc = 1, .argv = STRVEC_INIT(1) };
		const struct program *program = program_find(command);
		bool has_entry = false;

		for (size_t k = 0; k < mc->n; k++)
			has_entry = has_entry || strcmp(mc->entries[k].name, name) == 0;
		exe = mem_printf("%s/%s", master.par.daemon_dir, command);
		if (!has_entry && access(exe, X_OK) == 0 && (!added[i].only_with_maillog || master.par.maillog_file[0] != '\0'))
			service_set(&e, exe, program);
	}
}

static void
remove_stale(void)
{
	for (struct list *l = master.services.next, *next; l != &master.services; l = next) {
		struct service *s = LIST_ITEM(l, struct service, link);

		next = l->next;
		if (!s->is_stale || s->is_removed)
			continue;
		s->is_removed = true;
		sockets_close(s, true);
		tell_processes(s, false);
	}
}

/* Processes of a master that was killed hold its sockets until they notice: that is a moment. */
static int
open_patiently(struct service *s, bool is_reload, struct err *err)
{
	const struct timespec nap = { .tv_nsec = 100 * 1000 * 1000 };

	for (int i = 0; sockets_open(s, err) < 0; i++) {
		if (is_reload || err->sys != EADDRINUSE || i >= IN_USE_TRIES)
			return -1;
		nanosleep(&nap, NULL);
	}
	return 0;
}

/* At start a socket that cannot be had ends us, by name; at a reload the others go on. */
static int
open_sockets(bool is_reload, struct err *err)
{
	for (struct list *l = master.services.next; l != &master.services; l = l->next) {
		struct service *s = LIST_ITEM(l, struct service, link);
		struct err local = ERR_INIT;

		if (s->is_removed || open_patiently(s, is_reload, &local) == 0)
			continue;
		err_prefix(&local, "service %s: ", s->name);
		if (!is_reload) {
			*err = local;
			return -1;
		}
		log_error("%s", local.text);
	}
	return 0;
}

/* ---- environment of the processes */

static void
env_add(const char *item)
{
	AUTO(mem_free) char *copy = mem_strdup(item);
	char *name = copy, *value = NULL;
	struct err err = ERR_INIT;

	if (strchr(item, '=') != NULL) {
		if (conf_split_nameval(copy, &name, &value, &err) < 0) {
			log_warning("import_environment: %s", err.text);
			return;
		}
	} else if ((value = getenv(name)) == NULL) {
		return;
	}
	(void)strvec_addf(&master.env, "%s=%s", name, value);
}

static void
make_env(void)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(1000);
	struct err err = ERR_INIT;
	static char nofile[40];

	if (nofile[0] == '\0')
		snprintf(nofile, sizeof(nofile), "%s=%s", HUB_ENV_NOFILE, getenv(HUB_ENV_NOFILE) != NULL ? getenv(HUB_ENV_NOFILE) : "1024");
	strvec_reset(&master.env);
	if (conf_split_list(master.par.import_environment, &v, &err) < 0)
		log_warning("import_environment: %s", err.text);
	for (size_t i = 0; i < v.n; i++) {
		if (strncmp(v.v[i], "MAIL_CONFIG", 11) != 0)
			env_add(v.v[i]);
	}
	(void)strvec_addf(&master.env, "MAIL_CONFIG=%s", master.conf_dir);
	(void)strvec_addf(&master.env, "MAIL_LOGTAG=%s", master.par.syslog_name);
	(void)strvec_add(&master.env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	(void)strvec_add(&master.env, nofile);
#ifdef WITH_SANITIZER
	env_add("ASAN_OPTIONS");
	env_add("UBSAN_OPTIONS");
	env_add("LSAN_OPTIONS");
#endif
}

static void
on_conf_warning(void *arg, const char *text)
{
	(void)arg;
	log_warning("%s", text);
}

int
conf_read(bool is_reload, struct err *err)
{
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", master.conf_dir);
	struct conf *conf = conf_load(master.conf_dir, err);
	struct master_params par;
	struct sandbox_identity owner;
	AUTO(master_cf_free) struct master_cf *mc = NULL;

	if (conf == NULL)
		return -1;
	conf_set(conf, "process_name", "master");
	if (conf_bind(conf, binds, COUNT_OF(binds), &par, err) < 0 || (mc = master_cf_load(path, err)) == NULL ||
	    sandbox_find_user(par.mail_owner, &owner, err) < 0) {
		conf_free(&conf);
		return -1;
	}
	if (is_reload && strcmp(par.queue_dir, master.par.queue_dir) != 0)
		log_warning("queue_directory was changed: that takes a stop and a start");
	conf_free(&master.conf);
	master.conf = conf;
	master.par = par;
	master.owner = owner;
	log_from_conf(conf, "master", LOGCONF_IN_QUEUE_DIR | LOGCONF_FILE | (master.is_starting ? LOGCONF_STDERR : 0));
	conf_warn(conf, on_conf_warning, NULL);
	make_env();
	for (struct list *l = master.services.next; l != &master.services; l = l->next)
		LIST_ITEM(l, struct service, link)->is_stale = true;
	add_entries(mc);
	add_own(mc);
	remove_stale();
	return open_sockets(is_reload, err);
}
