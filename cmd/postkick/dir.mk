programs += postkick
postkick_srcs := cmd/postkick/main.c
postkick_to := sbin
