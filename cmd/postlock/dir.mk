programs += postlock
postlock_srcs := cmd/postlock/main.c
postlock_to := sbin
