lib_srcs += lib/deliver/deliver_report.c lib/deliver/deliver_serve.c
unit_tests += lib/deliver/deliver_test
lib/deliver/deliver_test_srcs := lib/deliver/fake_bounce.c
unit_tests += lib/deliver/deliver_serve_test
