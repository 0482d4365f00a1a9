programs += pickup
pickup_srcs := pickup/main.c pickup/message.c
