lib_srcs += lib/address/addr.c lib/address/addr_list.c lib/address/addr_path.c lib/address/host.c lib/address/xtext.c
unit_tests += lib/address/addr_test lib/address/host_test
