/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of tables: the first byte chooses the type, the first line is a key that is looked up. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "table/match.h"
#include "table/table.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "texthash", "regexp", "pcre", "cidr" };
	static struct conf *conf;
	AUTO(strbuf_done) struct strbuf v = STRBUF_INIT(100000);
	struct err err = ERR_INIT;
	AUTO(mem_free) char *key = NULL;
	AUTO(mem_free) char *spec = NULL;
	const uint8_t *nl;

	if (conf == NULL) {
		conf = conf_load_text("", &err);
		log_set_to(0);
	}
	if (size < 2 || size > 20000 || (nl = memchr(data, '\n', size)) == NULL)
		return 0;
	key = fuzz_str(data + 1, (size_t)(nl - data) - (nl > data));
	if (data[0] >= 'e') {
		AUTO(mem_free) char *text = fuzz_str(nl, size - (size_t)(nl - data));
		AUTO(match_free) struct match *m = match_open(text, MATCH_PARENT | MATCH_DOMAIN | MATCH_ADDR, conf, &err);

		if (m != NULL && match_host(m, key, "192.0.2.1", &err) < 0)
			return 0;
		return 0;
	}
	spec = mem_printf("%s:%s", types[data[0] % 4], fuzz_file("table", nl, size - (size_t)(nl - data), 0644));
	AUTO(table_free) struct table *t = table_open(spec, TABLE_FOLD, conf, &err);
	if (t != NULL && table_lookup(t, key, &v, &err) < 0)
		return 0;
	return 0;
}
