programs += postconf
postconf_srcs := cmd/postconf/main.c cmd/postconf/print.c cmd/postconf/show.c cmd/postconf/services.c cmd/postconf/facts.c \
	cmd/postconf/edit.c cmd/postconf/edit_file.c
postconf_to := sbin
unit_tests += cmd/postconf/postconf_test
