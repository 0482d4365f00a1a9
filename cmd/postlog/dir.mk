programs += postlog
postlog_srcs := cmd/postlog/main.c
postlog_to := sbin
