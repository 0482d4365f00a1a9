/* SPDX-License-Identifier: Apache-2.0 */
/* edit_file - a configuration file rewritten line by line, whole or not at all, one editor at a time */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "config/conf_file.h"
#include "postconf.h"

/* The new file is the lock: who gets it after the holder renamed it away has locked the old file's name no longer, and tries again. */
static int
open_locked(const char *path)
{
	for (;;) {
		struct stat by_fd, by_name;
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			fatal("open %s: %m", path);
		if (flock(fd, LOCK_EX) < 0)
			fatal("lock %s: %m", path);
		if (fstat(fd, &by_fd) < 0)
			fatal("%s: %m", path);
		if (stat(path, &by_name) == 0 && by_fd.st_ino == by_name.st_ino && by_fd.st_dev == by_name.st_dev)
			return fd;
		close(fd);
	}
}

/* One physical line goes out as its logical line's fate says; is_first: the one the logical line begins with. */
static void
put_line(struct strbuf *out, enum line_fate fate, const char *replacement, bool is_first, const char *line, size_t n)
{
	if (fate == LINE_REPLACE && is_first)
		strbuf_adds(out, replacement);
	if (fate == LINE_COMMENT)
		strbuf_addc(out, '#');
	if (fate == LINE_KEEP || fate == LINE_COMMENT) {
		strbuf_add(out, line, n);
		strbuf_addc(out, '\n');
	}
}

static bool
is_comment_line(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && ascii_is_space((unsigned char)s[i]))
		i++;
	return i == n || s[i] == '#';
}

static void
rewrite_lines(const char *path, const char *text, line_fate_fn *fate_of, void *arg, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf logical = STRBUF_INIT(CONF_LINE_MAX), replacement = STRBUF_INIT(CONF_LINE_MAX);
	struct conf_lines lines;
	struct err err = ERR_INIT;
	size_t index = 0;
	int number = 1, rc;

	conf_lines_init(&lines, text);
	rc = conf_lines_next(&lines, &logical, &err);
	while (*text != '\0') {
		enum line_fate fate = LINE_KEEP;
		const char *end;

		/* comments up to the next logical line stay */
		for (; *text != '\0' && (rc <= 0 || number < lines.line); number++) {
			size_t n = strcspn(text, "\n");

			put_line(out, LINE_KEEP, "", false, text, n);
			text += n + (text[n] == '\n');
		}
		if (rc <= 0)
			break;
		strbuf_reset(&replacement);
		fate = fate_of(arg, index++, logical.s, &replacement);
		end = lines.next;
		for (bool is_first = true; text < end; number++) {
			size_t n = strcspn(text, "\n");
			bool keep = is_comment_line(text, n);

			put_line(out, keep ? LINE_KEEP : fate, replacement.s, is_first, text, n);
			if (!keep)
				is_first = false;
			text += n + (text[n] == '\n');
		}
		rc = conf_lines_next(&lines, &logical, &err);
	}
	if (rc < 0)
		fatal("%s: %s", path, err.text);
}

static void
keep_rights(int fd, const struct stat *old)
{
	if (fchown(fd, old->st_uid, old->st_gid) < 0 && geteuid() == 0)
		fatal("chown: %m");
	if (fchmod(fd, old->st_mode & 07777) < 0)
		fatal("chmod: %m");
}

static void
sync_directory(const char *path)
{
	AUTO(mem_free) char *dir = mem_strdup(path);
	char *slash = strrchr(dir, '/');
	int fd;

	if (slash != NULL)
		slash[slash == dir] = '\0';
	fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

void
edit_file(const char *named, line_fate_fn *fate, void (*begin)(void *arg, const char *text), void (*append)(void *arg, struct strbuf *out),
    void *arg)
{
	/* where a symbolic link leads, so that it stays one */
	AUTO(mem_free) char *real = realpath(named, NULL);
	const char *path = real != NULL ? real : named;
	AUTO(mem_free) char *temp = mem_printf("%s.tmp", path);
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(CONF_FILE_MAX), out = STRBUF_INIT(CONF_FILE_MAX);
	struct err err = ERR_INIT;
	struct stat st;
	int fd = open_locked(temp);

	if (io_read_file(path, &text, &err) < 0 || stat(path, &st) < 0) {
		unlink(temp);
		fatal("%s", *err.text != '\0' ? err.text : path);
	}
	if (begin != NULL)
		begin(arg, text.s);
	rewrite_lines(path, text.s, fate, arg, &out);
	append(arg, &out);
	if (out.overflow)
		fatal("%s: the new file would be longer than %zu bytes", path, out.max);
	if (ftruncate(fd, 0) < 0 || io_write_all(fd, out.s, out.len, &err) < 0 || fsync(fd) < 0) {
		unlink(temp);
		fatal("write %s: %m", temp);
	}
	keep_rights(fd, &st);
	if (rename(temp, path) < 0)
		fatal("rename %s: %m", temp);
	sync_directory(path);
	close(fd);
}
