/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - monotonic time for waiting, wall-clock time for stamps, and the texts mail has for it
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

uint64_t clock_mono_ms(void);		/* never jumps; for deadlines and intervals */
uint64_t clock_mono_us(void);
struct timeval clock_wall(void);	/* may jump; for stamps only */
int64_t clock_wall_s(void);
/* Read the time zone once, before confinement; localtime is right afterwards although /etc is out of reach. */
void clock_init_zone(void);
/* RFC 5322 section 3.3 date with zone name comment: "Sat, 21 Nov 2026 21:05:43 +0000 (UTC)". */
#define CLOCK_RFC5322_SIZE 64
const char *clock_rfc5322(int64_t t, char buf[static CLOCK_RFC5322_SIZE]);
/* "Nov 21 21:05:43", the log's stamp (15 characters). */
#define CLOCK_SYSLOG_SIZE 20
const char *clock_syslog(int64_t t, char buf[static CLOCK_SYSLOG_SIZE]);

#endif
