/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/io.h"
#include "base/mem.h"

static char dir[64];

static int
unlink_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static void
clean(void)
{
	nftw(dir, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
fuzz_dir(void)
{
	if (dir[0] == '\0') {
		snprintf(dir, sizeof(dir), "%s/postern-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		ASSERT(mkdtemp(dir) != NULL);
		atexit(clean);
	}
	return dir;
}

const char *
fuzz_file(const char *name, const void *data, size_t size, unsigned mode)
{
	static char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT(fd >= 0 && io_write_all(fd, data, size, NULL) == 0 && fchmod(fd, mode) == 0);
	close(fd);
	return path;
}

char *
fuzz_str(const uint8_t *data, size_t size)
{
	char *s = mem_alloc(size + 1);

	for (size_t i = 0; i < size; i++)
		s[i] = (char)data[i];
	return s;
}
