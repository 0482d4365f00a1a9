programs += proxymap
proxymap_srcs := proxymap/main.c proxymap/approved.c $(table_client_srcs)
