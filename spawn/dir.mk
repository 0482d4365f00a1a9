programs += spawn
spawn_srcs := spawn/main.c
