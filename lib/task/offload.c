/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offload - jobs for the worker pool
 */
#include "task/task_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"

struct job {
	uv_work_t work;
	void (*fn)(void *arg);
	void *arg;
	struct task *task;	/* NULL: the job that only starts the pool */
	int err_no;
};

static void
job_run(uv_work_t *w)
{
	struct job *j = w->data;

	errno = 0;
	if (j->fn != NULL)
		j->fn(j->arg);
	j->err_no = errno;
}

static void
job_done(uv_work_t *w, int status)
{
	struct job *j = w->data;

	(void)status;
	task_sched.jobs--;
	if (j->task != NULL)
		task_wake(j->task, WAKE_EVENT);
	else
		mem_free(&j);
}

static void
job_queue(struct job *j)
{
	j->work.data = j;
	task_sched.jobs++;
	if (uv_queue_work(task_loop(), &j->work, job_run, job_done) != 0)
		bug("worker pool: job refused");
}

void
task_pool_size(unsigned n)
{
	char text[16];

	task_sched.pool_set = true;
	task_sched.pool_size = n > 1024 ? 1024 : n;
	snprintf(text, sizeof(text), "%u", task_sched.pool_size);
	setenv("UV_THREADPOOL_SIZE", text, 1);
}

/* Threads made now share the confinement of the process; made later a system call filter might refuse them. */
void
task_pool_start(void)
{
	if (!task_sched.pool_set) {
		setenv("UV_THREADPOOL_SIZE", "16", 1);
		return;
	}
	if (task_sched.pool_size > 0)
		job_queue(NEW(struct job));
}

void
task_offload(void (*fn)(void *arg), void *arg)
{
	struct job j = { .fn = fn, .arg = arg, .task = task_self() };

	if (j.task == NULL || (task_sched.pool_set && task_sched.pool_size == 0)) {
		fn(arg);
		return;
	}
	log_flush();
	job_queue(&j);
	(void)task_suspend(TASK_FOREVER, true);
	errno = j.err_no;
}
