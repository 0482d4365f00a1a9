lib_srcs += lib/dns/client.c lib/dns/client_name.c lib/dns/proto.c lib/dns/name.c
