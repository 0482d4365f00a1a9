programs += postern
postern_srcs := cmd/postern/check.c cmd/postern/main.c cmd/postern/rotate.c cmd/postern/run.c cmd/postern/values.c
postern_to := sbin
