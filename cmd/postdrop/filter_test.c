/* SPDX-License-Identifier: Apache-2.0 */
/* filter_test - records that users may and may not put into maildrop */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/strbuf.h"
#include "filter.h"

/* What is kept of a row of "Tdata|Tdata|..." records, or NULL when it is refused or without its end */
static const char *
run(const char *records, int64_t limit, struct strbuf *kept)
{
	struct filter f;
	struct err err = ERR_INIT;

	filter_init(&f, limit);
	strbuf_reset(kept);
	while (*records != '\0') {
		size_t n = strcspn(records, "|");
		int rc = filter_record(&f, *records, records + 1, n - 1, &err);

		if (rc < 0)
			return NULL;
		if (rc > 0)
			strbuf_addf(kept, "%s%.*s", kept->len > 0 ? "|" : "", (int)n, records);
		records += n + (records[n] == '|');
	}
	return f.segment == 0 ? kept->s : NULL;
}

static void
test_records(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "Sa@b|Rc@d|M|NSubject: x|N|X|E", "Sa@b|Rc@d|M|NSubject: x|N|X|E" },
		{ "T1 2|C1|FMe|S|Rx|M|Nx|Lpart|N|w00|X|Rz|E", "FMe|S|Rx|M|Nx|Lpart|N|X|Rz|E" },
		{ "Aencoding=8bit|Aencoding=binary|Alog_client_name=x|Sx|Atrace_flags=1536|Atrace_flags=256|M|X|E", "Aencoding=8bit|Sx|Atrace_flags=1536|M|X|E" },
		{ "Arewrite_context=local|Arewrite_context=inherit|Aret_flags=3|Aret_flags=1|Sx|Anotify_flags=16|Anotify_flags=10|Asasl_username=x|Rx|M|X|E",
		    "Arewrite_context=local|Aret_flags=1|Sx|Anotify_flags=10|Rx|M|X|E" },
		{ "Sx|V+=|V+|M|X|E", "Sx|V+=|M|X|E" },
		{ "M|X|E", NULL },
		{ "Sx|Sy|M|X|E", NULL },
		{ "Sx|M|Nx|X", NULL },
		{ "Sx|M|Rx|X|E", NULL },
		{ "Sx|Lfilter:x|M|X|E", NULL },
		{ "Sx|M|X|Lfilter:x|E", NULL },
		{ "Sx|M|X|>a@b|E", NULL },
		{ "Sx|p00000|M|X|E", NULL },
		{ "Sx|Da@b|M|X|E", NULL },
		{ "Sx\ny|M|X|E", NULL },
		{ "Sx|Ra\r|M|X|E", NULL },
		{ "Sx|M|X|E|E", NULL },
		{ "garbage", NULL },
		{ "Sx|M|N123456789|X|E", NULL },	/* limit is 9: nine bytes and the line end */
		{ "Sx|M|N12345678|X|E", "Sx|M|N12345678|X|E" },
	};
	AUTO(strbuf_done) struct strbuf kept = STRBUF_INIT(10000);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = run(cases[i].in, i + 2 >= sizeof(cases) / sizeof(cases[0]) ? 9 : 0, &kept);

		if ((got == NULL) != (cases[i].out == NULL) || (got != NULL && strcmp(got, cases[i].out) != 0))
			fail_msg("%s: \"%s\"", cases[i].in, got != NULL ? got : "refused");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_records) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
