lib_srcs += lib/proto/cleanup.c lib/proto/qmgr.c
