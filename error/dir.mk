programs += error
error_srcs := error/main.c
