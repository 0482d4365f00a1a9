programs += cleanup
cleanup_parts := cleanup/check.c cleanup/conf.c cleanup/content.c cleanup/envelope.c cleanup/finish.c cleanup/header.c cleanup/map.c \
	cleanup/message.c cleanup/rcpt.c
cleanup_srcs := cleanup/main.c $(cleanup_parts)
unit_tests += cleanup/cleanup_test
cleanup/cleanup_test_srcs := $(cleanup_parts)
