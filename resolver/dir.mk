resolver_lib := resolver/cache.c resolver/exchange.c resolver/hosts.c resolver/local.c resolver/packet.c resolver/serve.c \
	resolver/servers.c
programs += resolver
resolver_srcs := resolver/main.c $(resolver_lib)
unit_tests += resolver/resolver_test
resolver/resolver_test_srcs := $(resolver_lib)
