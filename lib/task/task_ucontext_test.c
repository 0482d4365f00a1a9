/* SPDX-License-Identifier: Apache-2.0 */
/* the same tests over the portable switch: the folder's files are compiled anew with it, and hide those of the library */
#define TASK_UCONTEXT 1
#include "task/fdwait.c"
#include "task/offload.c"
#include "task/stack.c"
#include "task/stream.c"
#include "task/switch.c"
#include "task/timer.c"
#define job test_job
#include "task/task_test.c"
#undef S
#undef job
#include "task/task.c"
