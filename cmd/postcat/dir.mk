programs += postcat
postcat_srcs := cmd/postcat/postcat.c
postcat_to := sbin
