/* SPDX-License-Identifier: Apache-2.0 */
/* listing_test - what showq says, as mailq and JSON print it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "listing.h"

/* Text with '|' for NUL, through a pipe, to a listing; NULL on an error. */
static char *
print(const char *stream, bool json, bool long_ids)
{
	AUTO(mem_free) char *bytes = mem_strdup(stream);
	size_t n = strlen(bytes), size = 0;
	struct source src;
	struct err err = ERR_INIT;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	int fds[2], rc;

	for (size_t i = 0; i < n; i++)
		if (bytes[i] == '|')
			bytes[i] = '\0';
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(io_write_all(fds[1], bytes, n, &err), 0);
	close(fds[1]);
	source_init(&src, fds[0], 1000);
	rc = json ? listing_json(&src, out, &err) : listing_text(&src, out, long_ids, &err);
	source_done(&src);
	fclose(out);
	if (rc < 0) {
		free(text);
		return NULL;
	}
	return text;
}

#define PROTOCOL "protocol|mail_queue_list_protocol||"
#define FIRST "queue_name|deferred|queue_id|EFB0FAAE080|time|1795294922|size|307|forced_expire|0|sender|a@c.test|"
#define REFUSED "connect to 127.0.0.1[127.0.0.1]:2699: Connection refused"

static void
expect(const char *stream, bool json, bool long_ids, const char *expected)
{
	char *got = print(stream, json, long_ids);

	if (expected == NULL)
		assert_null(got);
	else
		assert_string_equal(got, expected);
	free(got);
}

static void
test_text(void **state)
{
	(void)state;
	expect(PROTOCOL "|", false, false, "Mail queue is empty\n");
	expect(PROTOCOL FIRST "recipient|x@down.test|reason|" REFUSED "|recipient|y@down.test|reason|" REFUSED "||"
	    "queue_name|hold|queue_id|15C21AAE094|time|1795294923|size|3720|forced_expire|0|sender|MAILER-DAEMON|original_recipient|b|recipient|bob@sink.test|log_class||reason|||" "|",
	    false, false,
	    "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
	    "EFB0FAAE080     307 Sat Nov 21 21:02:02  a@c.test\n"
	    "                    (" REFUSED ")\n"
	    "                                         x@down.test\n"
	    "                                         y@down.test\n\n"
	    "15C21AAE094!    3720 Sat Nov 21 21:02:03  MAILER-DAEMON\n"
	    "                                         bob@sink.test\n\n"
	    "-- 3 Kbytes in 2 Requests.\n");
	expect(PROTOCOL "queue_name|active|queue_id|4jX4S23tkCz1dPYg|time|1795295010|size|308|forced_expire|0|sender|a@c.test|"
	    "recipient|u@lm.test|reason|||" "|", false, true,
	    "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
	    "4jX4S23tkCz1dPYg*      308 Sat Nov 21 21:03:30 a@c.test\n"
	    "                                               u@lm.test\n\n"
	    "-- 0 Kbytes in 1 Request.\n");
}

static void
test_json(void **state)
{
	(void)state;
	expect(PROTOCOL "|", true, false, "");
	expect(PROTOCOL FIRST "recipient|x@down.test|reason|" REFUSED "||" "|", true, false,
	    "{\"queue_name\": \"deferred\", \"queue_id\": \"EFB0FAAE080\", \"arrival_time\": 1795294922, \"message_size\": 307, "
	    "\"forced_expire\": false, \"sender\": \"a@c.test\", \"recipients\": [{\"address\": \"x@down.test\", \"delay_reason\": \"" REFUSED "\"}]}\n");
	expect(PROTOCOL "queue_name|active|queue_id|A1|time|1|size|2|forced_expire|1|sender|\"a\\b\"@c|original_recipient|\t|recipient|\xff|log_class|bounce|reason|no|new|thing||" "|",
	    true, false, "{\"queue_name\": \"active\", \"queue_id\": \"A1\", \"arrival_time\": 1, \"message_size\": 2, \"forced_expire\": true, "
	    "\"sender\": \"\\\"a\\\\b\\\"@c\", \"recipients\": [{\"orig_address\": \"\\t\", \"address\": \"?\", \"bounce_reason\": \"no\"}]}\n");
}

static void
test_broken(void **state)
{
	(void)state;
	expect("", false, false, NULL);
	expect("protocol|other||", false, false, NULL);
	expect(PROTOCOL, false, false, NULL);
	expect(PROTOCOL FIRST, false, false, NULL);
	expect(PROTOCOL "recipient|x|reason|y||" "|", false, false, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text), cmocka_unit_test(test_json), cmocka_unit_test(test_broken) };

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
