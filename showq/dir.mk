programs += showq
showq_srcs := showq/main.c showq/batch.c showq/text.c
