programs += postmap postalias
postmap_common := cmd/postmap/mapcmd.c cmd/postmap/build.c cmd/postmap/filecontent.c cmd/postmap/message.c
postmap_srcs = cmd/postmap/postmap.c $(postmap_common) $(table_client_srcs)
postmap_to := sbin
postalias_srcs = cmd/postmap/postalias.c $(postmap_common) $(table_client_srcs)
postalias_to := sbin
