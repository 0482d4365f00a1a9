smtp_parts := smtp/cache.c smtp/content.c smtp/deliver.c smtp/dest.c smtp/filter.c smtp/generic.c smtp/outcome.c smtp/session.c smtp/tls.c smtp/transact.c smtp/xforward.c
programs += smtp lmtp
smtp_srcs := smtp/main.c smtp/serve.c smtp/conf.c $(smtp_parts)
lmtp_srcs := smtp/lmtp.c smtp/serve.c smtp/conf.c $(smtp_parts)
unit_tests += smtp/smtp_test
smtp/smtp_test_srcs := $(smtp_parts) lib/deliver/fake_bounce.c
unit_tests += smtp/dest_test
smtp/dest_test_srcs := smtp/dest.c
