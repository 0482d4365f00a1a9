# What is installed besides programs and manual pages.  Nothing that an administrator may have changed is overwritten.
install_extra += install-conf install-setgid
setgid_programs := postdrop postqueue
systemd_dir = $(prefix)/lib/systemd/system
sysusers_dir = $(prefix)/lib/sysusers.d
tmpfiles_dir = $(prefix)/lib/tmpfiles.d
example_dir = $(datarootdir)/postern
conf_subst = sed -e 's|@sbindir@|$(sbindir)|g' -e 's|@bindir@|$(bindir)|g' -e 's|@libexecdir@|$(libexecdir)|g' \
	-e 's|@config_directory@|$(config_directory)|g' -e 's|@queue_directory@|$(queue_directory)|g' \
	-e 's|@data_directory@|$(data_directory)|g' -e 's|@mail_owner@|$(mail_owner)|g' -e 's|@setgid_group@|$(setgid_group)|g'

# $(call install_conf,source,target,only-if-missing)
install_conf = if [ -z "$(3)" ] || [ ! -e "$(DESTDIR)$(2)" ]; then mkdir -p "$$(dirname "$(DESTDIR)$(2)")" && \
	$(conf_subst) $(srcdir)/conf/$(1) > "$(DESTDIR)$(2).new" && chmod 0644 "$(DESTDIR)$(2).new" && \
	mv -f "$(DESTDIR)$(2).new" "$(DESTDIR)$(2)"; fi

install-conf:
	$(at)$(call install_conf,main.cf,$(config_directory)/main.cf,keep)
	$(at)$(call install_conf,master.cf,$(config_directory)/master.cf,keep)
	$(at)$(call install_conf,aliases,$(config_directory)/aliases,keep)
	$(at)$(call install_conf,postern.service,$(systemd_dir)/postern.service)
	$(at)$(call install_conf,sysusers.conf,$(sysusers_dir)/postern.conf)
	$(at)$(call install_conf,tmpfiles.conf,$(tmpfiles_dir)/postern.conf)
	$(at)$(call install_conf,logrotate,$(example_dir)/logrotate)

# set-gid needs root and the group; where these are missing, who installs the package does it (or "postern set-permissions")
install-setgid: install-programs
	$(at)for p in $(filter $(setgid_programs),$(programs)); do f="$(DESTDIR)$(sbindir)/$$p"; \
		if [ "$$(id -u)" = 0 ] && chgrp $(setgid_group) "$$f" 2>/dev/null && chmod 2755 "$$f"; then :; else \
		echo "note: $$f is not set-gid yet; as root: chgrp $(setgid_group) $$f && chmod 2755 $$f"; fi; done

.PHONY: install-conf install-setgid
