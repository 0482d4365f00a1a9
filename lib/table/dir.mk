lib_srcs += lib/table/alias_src.c lib/table/bdb.c lib/table/bdb_read.c lib/table/bdb_write.c lib/table/brace.c lib/table/cdb.c lib/table/cidr.c \
	lib/table/compound.c lib/table/debug.c lib/table/environ.c lib/table/fail.c lib/table/inline.c lib/table/internal.c \
	lib/table/list.c lib/table/lmdb.c lib/table/match.c lib/table/memtab.c lib/table/memcache.c lib/table/netconf.c lib/table/netpool.c lib/table/netquery.c lib/table/pattern.c lib/table/pcre.c \
	lib/table/pipemap.c lib/table/proxy.c lib/table/randmap.c lib/table/regexp.c lib/table/remote.c lib/table/rules.c lib/table/socketmap.c lib/table/source.c \
	lib/table/static.c lib/table/subst.c lib/table/table.c lib/table/tcp.c lib/table/texthash.c lib/table/unbuilt.c lib/table/unionmap.c \
	lib/table/unix.c
# types whose libraries are loaded only where tables are looked up for others, and by postmap: the driver is found by a weak symbol
table_client_srcs := lib/table/sqlite.c
unit_tests += lib/table/net_test
lib/table/net_test_srcs := $(table_client_srcs)
unit_tests += lib/table/table_test lib/table/match_test
