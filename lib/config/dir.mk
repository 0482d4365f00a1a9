lib_srcs += lib/config/param.c lib/config/params_tbl.c lib/config/conf.c lib/config/conf_file.c lib/config/conf_bind.c \
	lib/config/conf_computed.c lib/config/conf_list.c lib/config/conf_names.c lib/config/conf_warn.c \
	lib/config/expand.c lib/config/master_cf.c lib/config/setgid.c lib/config/userlist.c
unit_tests += lib/config/conf_test
checks += tests/check-params
gen_srcs += lib/config/params.h lib/config/params_tbl.c lib/config/params.stamp

# the two are written only when they change: a new text for the reader compiles nothing again
lib/config/params.stamp: $(srcdir)/lib/config/params.awk $(srcdir)/lib/config/params.tbl
	$(call quiet,GEN,lib/config/params.h)
	$(at)mkdir -p lib/config
	$(at)for o in h c; do $(AWK) -v out=$$o -f $^ >lib/config/params.$$o.new || exit 1; done
	$(at)cmp -s lib/config/params.h.new lib/config/params.h || mv lib/config/params.h.new lib/config/params.h
	$(at)cmp -s lib/config/params.c.new lib/config/params_tbl.c || mv lib/config/params.c.new lib/config/params_tbl.c
	$(at)rm -f lib/config/params.?.new && touch $@
lib/config/params.h lib/config/params_tbl.c: lib/config/params.stamp
	@test -f $@ || { rm -f $<; echo "$@ is gone: run make again" >&2; exit 1; }
