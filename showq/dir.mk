programs += showq
showq_srcs := showq/main.c
