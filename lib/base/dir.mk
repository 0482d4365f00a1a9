lib_srcs += lib/base/ascii.c lib/base/bug.c lib/base/clock.c lib/base/err.c lib/base/io.c lib/base/log.c lib/base/map.c \
	lib/base/mem.c lib/base/pool.c lib/base/strbuf.c lib/base/strvec.c
unit_tests += lib/base/base_test
