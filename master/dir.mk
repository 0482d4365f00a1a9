programs += master
master_srcs := master/conf.c master/control.c master/event.c master/lock.c master/main.c master/notify.c master/proc.c \
	master/programs.c master/sock.c master/supply.c
