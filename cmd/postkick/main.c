/* SPDX-License-Identifier: Apache-2.0 */
/* postkick - wakes a service up: sends it a trigger */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/setgid.h"
#include "daemon/logconf.h"

#define USAGE "usage: postkick [-c config_dir] [-v] class service request"

/* The request goes with its NUL, as master's own wake-up does. */
static bool
send_request(const char *queue_dir, const char *class, const char *service, const char *request)
{
	AUTO(mem_free) char *path = mem_printf("%s/%s/%s", queue_dir, class, service);
	struct err err = ERR_INIT;
	AUTO(io_close) int fd = io_unix_connect(path, &err);
	size_t n = strlen(request) + 1;

	return fd >= 0 && send(fd, request, n, MSG_NOSIGNAL) == (ssize_t)n;
}

int
main(int argc, char **argv)
{
	const char *dir_option = NULL, *dir, *queue_dir;
	struct err err = ERR_INIT;
	int ch;

	if (setgid_start() < 0)
		return 1;
	log_init("postfix/postkick", "postkick", LOG_TO_STDERR);
	while ((ch = getopt(argc, argv, "c:v")) > 0)
		switch (ch) {
		case 'c': dir_option = optarg; break;
		case 'v': log_set_verbose(log_verbose() + 1); break;
		default: fatal("%s", USAGE);
		}
	if (argc - optind != 3)
		fatal("%s", USAGE);
	argv += optind;
	if (strcmp(argv[0], "public") != 0 && strcmp(argv[0], "private") != 0)
		fatal("service class \"%s\" is not supported: public or private", argv[0]);
	if (strchr(argv[1], '/') != NULL)
		fatal("a service name has no '/': \"%s\"", argv[1]);
	if (conf_find_dir(dir_option, false, &dir, &err) < 0)
		fatal("%s", err.text);
	AUTO(conf_free) struct conf *conf = conf_load(dir, &err);
	if (conf == NULL)
		fatal("%s", err.text);
	log_from_conf(conf, "postkick", LOGCONF_STDERR | LOGCONF_FILE);
	queue_dir = conf_get(conf, "queue_directory");
	if (queue_dir != NULL && send_request(queue_dir, argv[0], argv[1], argv[2]))
		return 0;
	log_warning("Cannot contact class %s service %s - perhaps the mail system is down", argv[0], argv[1]);
	return 1;
}
