programs += postqueue
postqueue_srcs := cmd/postqueue/main.c cmd/postqueue/listing.c cmd/postqueue/source.c
postqueue_to := sbin
unit_tests += cmd/postqueue/listing_test
cmd/postqueue/listing_test_srcs := cmd/postqueue/listing.c cmd/postqueue/source.c
