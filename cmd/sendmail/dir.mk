programs += sendmail
sendmail_srcs := cmd/sendmail/main.c cmd/sendmail/message.c cmd/sendmail/drop.c cmd/sendmail/options.c
sendmail_to := sbin
install_extra += install-sendmail-links

# mailq and newaliases are the same program by another name
install-sendmail-links: install-programs
	$(at)for n in mailq newaliases; do ln -sfn $(sbindir)/sendmail $(DESTDIR)$(bindir)/$$n; done
.PHONY: install-sendmail-links
unit_tests += cmd/sendmail/submit_test
