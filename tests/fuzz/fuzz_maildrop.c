/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a user's message on their way through postdrop. */
#include "../../cmd/postdrop/filter.h"
#include "queue/rec.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filter f;
	struct err err = ERR_INIT;
	const char *p = (const char *)data, *body;
	size_t used, len;
	int type;

	filter_init(&f, size > 0 && data[0] & 1 ? 100 : 0);
	while (f.segment != 0 && rec_parse(p, size, &type, &body, &len, &used) > 0) {
		if (filter_record(&f, type, body, len, &err) < 0)
			break;
		p += used;
		size -= used;
	}
	return 0;
}
