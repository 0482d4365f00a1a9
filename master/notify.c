/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify - tells the service manager that started us how we are: sd_notify(3) without its library
 *
 * One datagram of lines to the socket that NOTIFY_SOCKET names; nothing when it is not set.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "master.h"

static struct sockaddr_un manager;
static socklen_t manager_len;
static uint64_t watchdog_ms, next_beat;

void
notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC");
	size_t n = path != NULL ? strlen(path) : 0;
	uint64_t us;

	if (n == 0 || n >= sizeof(manager.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	manager.sun_family = AF_UNIX;
	memcpy(manager.sun_path, path, n);
	if (path[0] == '@')
		manager.sun_path[0] = '\0';
	manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	if (usec != NULL && num_parse_u64(usec, 1, UINT64_MAX, &us) == 0)
		watchdog_ms = us / 2000 + 1;	/* twice as often as is asked for */
}

static void
notify(const char *text)
{
	int fd;

	if (manager_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&manager, manager_len);
	close(fd);
}

void
notify_ready(void)
{
	char text[80];

	snprintf(text, sizeof(text), "READY=1\nMAINPID=%ld\n", (long)getpid());
	notify(text);
}

void
notify_reloading(void)
{
	char text[80];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu\n", (unsigned long long)clock_mono_us());
	notify(text);
}

void
notify_stopping(void)
{
	notify("STOPPING=1\n");
}

uint64_t
notify_timers(uint64_t now)
{
	if (watchdog_ms == 0 || manager_len == 0)
		return UINT64_MAX;
	if (now >= next_beat) {
		notify("WATCHDOG=1\n");
		next_beat = now + watchdog_ms;
	}
	return next_beat;
}
