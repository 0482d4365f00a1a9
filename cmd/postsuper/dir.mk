programs += postsuper
postsuper_srcs := cmd/postsuper/postsuper.c cmd/postsuper/actions.c cmd/postsuper/structure.c
postsuper_to := sbin
