lib_srcs += lib/deliver/deliver_report.c
unit_tests += lib/deliver/deliver_test
lib/deliver/deliver_test_srcs := lib/deliver/fake_bounce.c
