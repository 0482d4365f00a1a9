lib_srcs += lib/queue/dlog.c lib/queue/qenv.c lib/queue/qfile.c lib/queue/queue.c lib/queue/queue_conf.c \
	lib/queue/queue_dir.c lib/queue/queue_id.c lib/queue/queue_mem.c lib/queue/rec.c
unit_tests += lib/queue/queue_test
