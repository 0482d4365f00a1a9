# Pages are made from man/*.in; parameter lists come from params.tbl.  Further names of a page are one-line files that name it.
man_sources := $(notdir $(wildcard $(srcdir)/man/*.in))
man_pages += $(man_sources:%.in=man/%)
man/%: $(srcdir)/man/%.in $(srcdir)/lib/config/params.tbl $(srcdir)/man/expand.awk
	@mkdir -p $(@D)
	$(at)$(AWK) -f $(srcdir)/man/expand.awk $(srcdir)/lib/config/params.tbl $< >$@.tmp && mv $@.tmp $@

man_names := mailq.1:sendmail.1 newaliases.1:sendmail.1 body_checks.5:header_checks.5 lmtp.8:smtp.8 main.cf.5:postconf.5 master.cf.5:master.5 \
	$(foreach t,hash btree lmdb cdb texthash regexp pcre cidr,$(t)_table.5:tables.5)
man_links := $(foreach n,$(man_names),man/$(firstword $(subst :, ,$(n))))
man_pages += $(man_links)
$(man_links): $(srcdir)/man/dir.mk
	@mkdir -p $(@D)
	@echo '.so man$(patsubst .%,%,$(suffix $@))/$(lastword $(subst :, ,$(filter $(@F):%,$(man_names))))' >$@
all: $(man_pages)
checks += tests/check-docs
