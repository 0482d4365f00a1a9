bounce_lib := bounce/template.c bounce/text.c
programs += bounce
bounce_srcs := bounce/main.c bounce/report.c bounce/notify.c $(bounce_lib)
unit_tests += bounce/bounce_test
bounce/bounce_test_srcs := $(bounce_lib)
