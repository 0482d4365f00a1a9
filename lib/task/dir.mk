lib_srcs += lib/task/fdwait.c lib/task/offload.c lib/task/stack.c lib/task/stream.c lib/task/switch.c lib/task/task.c \
	lib/task/timer.c
unit_tests += lib/task/task_test lib/task/stream_test lib/task/task_ucontext_test
