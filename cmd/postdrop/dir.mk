programs += postdrop
postdrop_srcs := cmd/postdrop/main.c cmd/postdrop/filter.c cmd/postdrop/plain.c
postdrop_to := sbin
unit_tests += cmd/postdrop/filter_test
cmd/postdrop/filter_test_srcs := cmd/postdrop/filter.c
