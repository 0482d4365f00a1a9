programs += discard
discard_srcs := discard/main.c
