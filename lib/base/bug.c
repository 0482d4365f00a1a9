/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bug.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

/* Process-wide by nature: how this process ends. */
static int exit_status = 1;
static void (*exit_hook)(void);

void
bug(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write(LOG_LEVEL_PANIC, "%s", text);
	log_flush();
	abort();
}

void
fatal_status(int status)
{
	exit_status = status;
}

void
fatal_hook(void (*fn)(void))
{
	exit_hook = fn;
}

void
fatal(const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write(LOG_LEVEL_FATAL, "%s", text);
	log_flush();
	if (exit_hook != NULL)
		exit_hook();
	exit(exit_status);
}

#ifdef WITH_SANITIZER
/*
 * Asked by the sanitizer's runtime.  Commands end without freeing what lives as long as they do, and in set-gid ones the search for leaks, which
 * traces its own process, is refused by the kernel; unit tests ask for it (tests/run-units).
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif
