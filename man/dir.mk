# Pages are made from man/*.in; parameter lists come from params.tbl.
man_sources := $(notdir $(wildcard $(srcdir)/man/*.in))
man_pages += $(man_sources:%.in=man/%)
man/%: $(srcdir)/man/%.in $(srcdir)/lib/config/params.tbl $(srcdir)/man/expand.awk
	@mkdir -p $(@D)
	$(at)$(AWK) -f $(srcdir)/man/expand.awk $(srcdir)/lib/config/params.tbl $< >$@.tmp && mv $@.tmp $@
all: $(man_pages)
checks += tests/check-docs
