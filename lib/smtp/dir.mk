lib_srcs += lib/smtp/answer.c lib/smtp/command.c lib/smtp/data.c lib/smtp/ehlo.c lib/smtp/reply.c
unit_tests += lib/smtp/smtp_server_test lib/smtp/reply_test
