/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event - master's loop: descriptors to watch and the time of the next thing to do
 *
 * Master forks, so it has no threads and no tasks: a plain epoll loop, in which nothing waits.
 */
#ifndef MASTER_EVENT_H
#define MASTER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
	int fd;
	bool is_on;
	void (*fn)(void *arg);
	void *arg;
};

void event_init(void);
void event_after_fork(void);		/* in a child, before exec */
void watch_init(struct watch *w, int fd, void (*fn)(void *arg), void *arg);
void watch_on(struct watch *w);		/* call fn whenever fd is readable */
void watch_off(struct watch *w);	/* also safe from within a callback, for any watch */
/* Wait for at most timeout_ms and call what is readable. */
void event_run(uint64_t timeout_ms);

#endif
