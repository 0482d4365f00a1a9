programs += pipe
pipe_srcs := pipe/main.c pipe/args.c pipe/expand.c
unit_tests += pipe/args_test
pipe/args_test_srcs := pipe/args.c pipe/expand.c
