smtp_parts := smtp/cache.c smtp/content.c smtp/deliver.c smtp/dest.c smtp/outcome.c smtp/session.c smtp/tls.c smtp/transact.c
lib_srcs += lib/smtp/reply.c
programs += smtp
smtp_srcs := smtp/main.c smtp/conf.c $(smtp_parts)
unit_tests += lib/smtp/reply_test
