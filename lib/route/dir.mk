lib_srcs += lib/route/local.c lib/route/mail_key.c lib/route/rcpt.c lib/route/resolve.c lib/route/rewrite.c lib/route/route.c
unit_tests += lib/route/route_test
