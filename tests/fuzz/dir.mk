# Each target is a program that replays files; "sh tests/fuzz/run" builds them with libFuzzer and lets them search.
fuzz_names := qfile dlog addr conf msg table dns reply smtp cleanup maildrop listing
fuzzers += $(fuzz_names:%=tests/fuzz/fuzz_%)
$(foreach f,$(fuzz_names),$(eval tests/fuzz/fuzz_$(f)_srcs := tests/fuzz/fuzz.c))
tests/fuzz/fuzz_dns_srcs += resolver/packet.c resolver/local.c resolver/hosts.c
tests/fuzz/fuzz_cleanup_srcs += $(addprefix cleanup/,check.c conf.c content.c envelope.c finish.c header.c map.c message.c rcpt.c)
tests/fuzz/fuzz_maildrop_srcs += cmd/postdrop/filter.c
tests/fuzz/fuzz_listing_srcs += cmd/postqueue/listing.c cmd/postqueue/source.c
