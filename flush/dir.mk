programs += flush
flush_srcs := flush/main.c
