/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr - short names for the compiler attributes used everywhere
 *
 *	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1000);	released when the scope is left by return
 *
 * AUTO runs only on a normal leaving of the scope, never when a task is dropped; tasks therefore always end by
 * returning (lib/task/task.h).
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define AUTO(fn)	__attribute__((cleanup(fn)))
#define NODISCARD	__attribute__((warn_unused_result))
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))
#define NORETURN	__attribute__((noreturn))
#define UNUSED		__attribute__((unused))
#define NONSTRING	__attribute__((nonstring))
/* A function that may suspend the calling task: no lock, cursor or shared iterator may be held across it. */
#define MAY_WAIT
#define COUNT_OF(a)	(sizeof(a) / sizeof((a)[0]))

#endif
