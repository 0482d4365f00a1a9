/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bug - broken invariants end the process with a core; assertions stay on in production
 *
 * Input from outside is never asserted: it gets an error.  fatal() is for start-up only.
 */
#ifndef BASE_BUG_H
#define BASE_BUG_H

#include "base/attr.h"

NORETURN void bug(const char *fmt, ...) PRINTF(1, 2);
#define ASSERT(x) ((x) ? (void)0 : bug("%s:%d: assertion failed: %s", __FILE__, __LINE__, #x))

/* Log with severity fatal and end with status 1.  Start-up and commands only, never while serving. */
NORETURN void fatal(const char *fmt, ...) PRINTF(1, 2);
/* The status fatal() ends with; commands such as sendmail and postqueue set a sysexits code. */
void fatal_status(int status);
/* Called by fatal() just before it ends (a daemon's one second pause, a command's cleaning up); NULL for none. */
void fatal_hook(void (*fn)(void));

#endif
