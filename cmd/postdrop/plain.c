/* SPDX-License-Identifier: Apache-2.0 */
/* plain - what lib/queue needs of lib/task, for a program without a loop: it stays small, as it is set-gid and starts for each message */
#include "task/task.h"

void
task_offload(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}
