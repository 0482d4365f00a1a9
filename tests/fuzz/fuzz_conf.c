/* SPDX-License-Identifier: Apache-2.0 */
/* main.cf, its expansion, lists and times; master.cf. */
#include "base/mem.h"
#include "config/conf.h"
#include "config/master_cf.h"
#include "tests/fuzz/fuzz.h"

static void
say(void *arg UNUSED, const char *text UNUSED)
{
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "myhostname", "mydestination", "smtpd_banner", "a", "b", "mynetworks", "smtpd_timeout" };
	AUTO(mem_free) char *s = fuzz_str(data, size);
	AUTO(conf_free) struct conf *c = NULL;
	AUTO(master_cf_free) struct master_cf *m = NULL;
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(1000);
	struct err err = ERR_INIT;
	uint64_t ms;
	int64_t n;

	c = conf_load_text(s, &err);
	if (c != NULL) {
		for (size_t i = 0; i < COUNT_OF(names); i++)
			(void)conf_get(c, names[i]);
		if (conf_get_int(c, "a", 1, 0, 100, &n, &err) < 0 || conf_family_time(c, "x", "destination_rate_delay", &ms, &err) < 0)
			err.text[0] = '\0';
		conf_warn(c, say, NULL);
	}
	m = master_cf_parse("master.cf", s, &err);
	if (conf_split_list(s, &v, &err) < 0 || conf_parse_time(s, 's', &ms) < 0)
		return 0;
	return 0;
}
