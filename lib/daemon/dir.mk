lib_srcs += lib/daemon/channel.c lib/daemon/daemon.c lib/daemon/hub.c lib/daemon/layout.c lib/daemon/logconf.c lib/daemon/sandbox.c lib/daemon/serve.c
unit_tests += lib/daemon/daemon_test
