/* SPDX-License-Identifier: Apache-2.0 */
/* logconf - where log records go, as main.cf says */
#include "daemon/logconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/log.h"

struct log_conf {
	const char *syslog_name, *facility, *host, *file, *prefixes, *queue_dir, *service;
	bool utf8;
};

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct log_conf, syslog_name, syslog_name),
	CONF_BIND_STR(struct log_conf, facility, syslog_facility),
	CONF_BIND_STR(struct log_conf, host, myhostname),
	CONF_BIND_STR(struct log_conf, file, maillog_file),
	CONF_BIND_STR(struct log_conf, prefixes, maillog_file_prefixes),
	CONF_BIND_STR(struct log_conf, queue_dir, queue_directory),
	CONF_BIND_STR(struct log_conf, service, postlog_service_name),
	CONF_BIND_BOOL(struct log_conf, utf8, smtputf8_enable),
};

static const struct {
	const char *name;
	int value;
} facilities[] = {
	{ "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV }, { "cron", LOG_CRON }, { "daemon", LOG_DAEMON }, { "ftp", LOG_FTP },
	{ "kern", LOG_KERN }, { "lpr", LOG_LPR }, { "mail", LOG_MAIL }, { "news", LOG_NEWS }, { "security", LOG_AUTH },
	{ "syslog", LOG_SYSLOG }, { "user", LOG_USER }, { "uucp", LOG_UUCP }, { "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

int
log_facility_parse(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(facilities); i++) {
		if (ascii_casecmp(name, facilities[i].name) == 0)
			return facilities[i].value;
	}
	return -1;
}

static bool
is_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	while (n > 1 && prefix[n - 1] == '/')
		n--;
	return strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/' || n == 1);
}

static int
check_prefixes(const char *prefixes, const char *path, struct err *err)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(1000);

	if (path[0] != '/')
		return err_set(err, ERR_CONF, NULL, "maillog_file: not an absolute path: %s", path);
	if (strstr(path, "/../") != NULL)
		return err_set(err, ERR_CONF, NULL, "maillog_file: path with /../: %s", path);
	if (strvec_split(&v, prefixes, ", \t\r\n") < 0)
		return err_set(err, ERR_CONF, NULL, "maillog_file_prefixes: too many");
	for (size_t i = 0; i < v.n; i++) {
		if (is_below(path, v.v[i]))
			return 0;
	}
	return err_set(err, ERR_CONF, NULL, "maillog_file '%s' is not below a directory of maillog_file_prefixes (%s)", path, prefixes);
}

int
maillog_check(struct conf *c, const char *path, struct err *err)
{
	const char *prefixes = conf_get(c, "maillog_file_prefixes");

	return check_prefixes(prefixes != NULL ? prefixes : "/var, /dev/stdout", path, err);
}

static int
to_postlog(const struct log_conf *lc, int flags)
{
	char path[108];
	const char *service = lc->service[0] != '\0' ? lc->service : "postlog";

	if (flags & LOGCONF_IN_QUEUE_DIR)
		snprintf(path, sizeof(path), "public/%s", service);
	else if ((size_t)snprintf(path, sizeof(path), "%s/public/%s", lc->queue_dir, service) >= sizeof(path))
		log_warning("queue_directory is too long for a socket in it: %s", lc->queue_dir);
	log_set_socket_path(path);
	return LOG_TO_POSTLOG;
}

int
maillog_open(struct conf *c, struct err *err)
{
	const char *path = conf_get(c, "maillog_file"), *perm = conf_get(c, "maillog_file_permissions");
	mode_t mode = perm == NULL ? 0600 : strstr(perm, "644") != NULL ? 0644 : strstr(perm, "640") != NULL ? 0640 : 0600;
	int fd;

	if (path == NULL || maillog_check(c, path, err) < 0)
		return -1;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, mode);
	if (fd >= 0)
		(void)fchmod(fd, mode);
	else if (errno == EEXIST)
		fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 ? fd : err_sys(err, "open maillog_file %s", path);
}

/* While postlogd does not listen, who may write the file does so. */
static void
open_fallback(struct conf *c, const struct log_conf *lc)
{
	struct err err = ERR_INIT;
	int fd;

	if (strncmp(lc->file, "/dev/", 5) == 0)
		return;
	fd = maillog_open(c, &err);
	if (fd < 0) {
		log_warning("%s", err.text);
		return;
	}
	close(fd);
	(void)log_open_file(lc->file);
}

void
log_from_conf(struct conf *c, const char *program, int flags)
{
	struct log_conf lc;
	struct err err = ERR_INIT;
	char tag[128];
	int facility, to = flags & LOGCONF_STDERR ? LOG_TO_STDERR : 0;

	if (conf_bind(c, binds, COUNT_OF(binds), &lc, &err) < 0) {
		log_warning("%s", err.text);
		return;
	}
	snprintf(tag, sizeof(tag), "%s/%s", lc.syslog_name, program);
	log_init(tag, flags & LOGCONF_TAG_ON_STDERR ? tag : program, to != 0 ? to : LOG_TO_STDERR);
	log_set_host(lc.host);
	log_set_utf8(lc.utf8);
	facility = log_facility_parse(lc.facility);
	if (facility < 0) {
		log_warning("unknown syslog_facility \"%s\": mail is used", lc.facility);
		facility = LOG_MAIL;
	}
	log_set_facility(facility);
	if (lc.file[0] == '\0') {
		log_set_to(to | LOG_TO_SYSLOG);
		return;
	}
	to |= to_postlog(&lc, flags);
	if (flags & LOGCONF_FILE)
		open_fallback(c, &lc);
	log_set_to(to);
}
