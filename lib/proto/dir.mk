lib_srcs += lib/proto/cleanup.c lib/proto/deliver.c lib/proto/qmgr.c
