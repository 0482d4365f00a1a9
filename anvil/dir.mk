programs += anvil
anvil_srcs := anvil/main.c anvil/table.c
unit_tests += anvil/table_test
anvil/table_test_srcs := anvil/table.c
