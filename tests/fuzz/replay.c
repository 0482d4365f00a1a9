/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once for each file named, or found in the folders named: how a stored corpus is replayed by any compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/io.h"
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

static unsigned ran;

static void
run_file(const char *path)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(16 << 20);
	struct err err = ERR_INIT;

	if (io_read_file(path, &b, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)b.s, b.len);
	ran++;
}

static void
run_dir(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		AUTO(mem_free) char *file = mem_printf("%s/%s", path, e->d_name);

		if (e->d_name[0] != '.')
			run_file(file);
	}
	closedir(d);
}

int
main(int argc, char **argv)
{
	struct stat st;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			run_dir(argv[i]);
		else
			run_file(argv[i]);
	printf("%s: %u inputs\n", argv[0], ran);
	return 0;
}
