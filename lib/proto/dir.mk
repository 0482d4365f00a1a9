lib_srcs += lib/proto/bounce.c lib/proto/cleanup.c lib/proto/deliver.c lib/proto/qmgr.c
