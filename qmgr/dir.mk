programs += qmgr
qmgr_srcs := qmgr/agent.c qmgr/conf.c qmgr/dest.c qmgr/feed.c qmgr/feedback.c qmgr/finish.c qmgr/heap.c qmgr/index.c qmgr/main.c \
	qmgr/message.c qmgr/plan.c qmgr/scan.c qmgr/transport.c
unit_tests += qmgr/sched_test
qmgr/sched_test_srcs := qmgr/dest.c qmgr/feedback.c qmgr/heap.c qmgr/transport.c
