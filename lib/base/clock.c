/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t
clock_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

struct timeval
clock_wall(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return tv;
}

int64_t
clock_wall_s(void)
{
	return clock_wall().tv_sec;
}

void
clock_init_zone(void)
{
	tzset();
}

/* English names whatever the locale. */
static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

const char *
clock_rfc5322(int64_t t, char buf[static CLOCK_RFC5322_SIZE])
{
	time_t tt = (time_t)t;
	struct tm tm;
	long off;

	if (localtime_r(&tt, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	off = tm.tm_gmtoff / 60;
	snprintf(buf, CLOCK_RFC5322_SIZE, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld (%.20s)", days[tm.tm_wday % 7], tm.tm_mday,
	    months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, off < 0 ? '-' : '+',
	    labs(off) / 60, labs(off) % 60, tm.tm_zone != NULL ? tm.tm_zone : "");
	return buf;
}

const char *
clock_syslog(int64_t t, char buf[static CLOCK_SYSLOG_SIZE])
{
	time_t tt = (time_t)t;
	struct tm tm;

	if (localtime_r(&tt, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	snprintf(buf, CLOCK_SYSLOG_SIZE, "%s %2d %02d:%02d:%02d", months[tm.tm_mon % 12], tm.tm_mday % 100, tm.tm_hour % 100,
	    tm.tm_min % 100, tm.tm_sec % 100);
	return buf;
}
