programs += local
local_srcs := local/main.c local/conf.c local/delivery.c local/alias.c local/items.c local/child.c local/worker.c local/user.c local/user_child.c \
	local/list_child.c local/forward.c local/pass.c
unit_tests += local/items_test
local/items_test_srcs := local/items.c
