lib_srcs += lib/ipc/attr.c lib/ipc/client.c lib/ipc/msg.c lib/ipc/mux.c
unit_tests += lib/ipc/ipc_test
