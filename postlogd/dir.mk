programs += postlogd
postlogd_srcs := postlogd/main.c
