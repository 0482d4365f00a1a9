programs += smtpd
smtpd_srcs := smtpd/access.c smtpd/access_action.c smtpd/access_addr.c smtpd/access_client.c smtpd/access_generic.c smtpd/access_host.c smtpd/access_parse.c \
	smtpd/access_rbl.c smtpd/access_table.c smtpd/chat.c smtpd/cmd_bdat.c smtpd/cmd_data.c smtpd/cmd_helo.c smtpd/cmd_mail.c smtpd/cmd_other.c smtpd/cmd_rcpt.c \
	smtpd/conf.c smtpd/content.c smtpd/drop.c smtpd/footer.c smtpd/macro.c smtpd/main.c smtpd/message.c smtpd/peer.c smtpd/policy.c smtpd/rate.c smtpd/session.c
unit_tests += smtpd/session_test
smtpd/session_test_srcs := $(filter-out smtpd/main.c,$(smtpd_srcs))
