programs += queue_exercise
queue_exercise_srcs := tests/fault/queue_exercise.c
queue_exercise_to := none
# linked into every program when make is called with FAULTS=yes (check-fault does it, into a folder of its own), or configured with --enable-faults
fault_srcs := tests/fault/fault.c
fault_wraps := open openat __open_2 read pread write pwrite fsync rename renameat link unlink unlinkat fork posix_spawn connect accept4 \
	sendmsg recvmsg fchmod malloc calloc realloc
