/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: arguments of MAIL and RCPT, header lists, and the two forms. */
#include <string.h>

#include "address/addr.h"
#include "base/bug.h"
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

static int
twice(void *arg UNUSED, const char *addr, struct strbuf *out, struct err *err UNUSED)
{
	if (addr[0] == 'x')
		return 0;
	return strbuf_addf(out, "%s.test", addr) < 0 ? -1 : 1;
}

static void
forms(const char *addr)
{
	AUTO(strbuf_done) struct strbuf ext = STRBUF_INIT(1 << 20);
	AUTO(strbuf_done) struct strbuf in = STRBUF_INIT(1 << 20);

	addr_quote(&ext, addr);
	addr_unquote(&in, ext.s);
	ASSERT(strlen(addr) == in.len && strcmp(addr, in.s) == 0);
	addr_ext_at(addr, addr_local_len(addr), "+-", true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(mem_free) char *s = fuzz_str(data, size);
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(ADDR_MAX);
	AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(4 << 20);
	struct addr_list list;
	struct err err = ERR_INIT;
	const char *rest;

	for (int flags = 0; flags < 8; flags++) {
		strbuf_reset(&b);
		if (addr_path_parse(s, flags, &b, &rest, &err) == 0) {
			ASSERT(rest >= s && rest <= s + strlen(s));
			forms(b.s);
		}
	}
	if (addr_list_parse(pool, s, strlen(s), 100, &list, &err) == 0)
		for (size_t i = 0; i < list.n; i++) {
			ASSERT(list.v[i].at + list.v[i].len <= strlen(s));
			forms(list.v[i].addr);
		}
	if (addr_list_rewrite(s, strlen(s), 100, &out, twice, NULL, &err) < 0)
		return 0;
	return 0;
}
