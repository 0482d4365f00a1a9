/* SPDX-License-Identifier: Apache-2.0 */
/* What showq's socket may say to postqueue. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../cmd/postqueue/listing.h"
#include "base/io.h"
#include "tests/fuzz/fuzz.h"

static void
list_once(const uint8_t *data, size_t size, FILE *out, bool json)
{
	struct source src;
	struct err err = ERR_INIT;
	int fd = memfd_create("listing", MFD_CLOEXEC);

	if (fd < 0 || io_write_all(fd, data, size, &err) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return;
	source_init(&src, fd, 1000);
	if ((json ? listing_json(&src, out, &err) : listing_text(&src, out, size & 1, &err)) < 0)
		fputs(err.text, out);
	source_done(&src);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *out = fopen("/dev/null", "w");

	if (out == NULL)
		return 0;
	list_once(data, size, out, false);
	list_once(data, size, out, true);
	fclose(out);
	return 0;
}
