lib_srcs += lib/deliver/cmd_env.c lib/deliver/copy.c lib/deliver/deliver_report.c lib/deliver/deliver_serve.c lib/deliver/mailbox.c lib/deliver/maildir.c \
	lib/deliver/pipe_cmd.c lib/deliver/rights.c
unit_tests += lib/deliver/deliver_test
lib/deliver/deliver_test_srcs := lib/deliver/fake_bounce.c
unit_tests += lib/deliver/deliver_serve_test
unit_tests += lib/deliver/agent_file_test
