/* SPDX-License-Identifier: Apache-2.0 */
/* Logical lines of table sources, read with a buffer of our own so that a million lines cost little. */
#include "table/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"

enum { READ_SIZE = 64 << 10, LINE_MAX_BYTES = 32 << 20 };

struct source {
	int fd;
	char *name;
	char *buf;
	size_t at, end;
	bool is_eof;
	unsigned line_no;	/* of the physical line read last */
	struct strbuf line;	/* logical */
	struct strbuf next;	/* physical line read ahead */
	bool has_next;
	unsigned next_no;
};

struct source *
source_open_fd(int fd, const char *name)
{
	struct source *s = NEW(struct source);

	s->fd = fd;
	s->name = mem_strdup(name);
	s->buf = mem_alloc(READ_SIZE);
	strbuf_init(&s->line, LINE_MAX_BYTES);
	strbuf_init(&s->next, LINE_MAX_BYTES);
	return s;
}

struct source *
source_open(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		err_sys(err, "open %s", path);
		return NULL;
	}
	return source_open_fd(fd, path);
}

void
source_free(struct source **sp)
{
	struct source *s = *sp;

	if (s == NULL)
		return;
	io_close(&s->fd);
	strbuf_done(&s->line);
	strbuf_done(&s->next);
	mem_free(&s->name);
	mem_free(&s->buf);
	mem_free(sp);
}

int
source_fd(const struct source *s)
{
	return s->fd;
}

const char *
source_name(const struct source *s)
{
	return s->name;
}

static int
fill(struct source *s, struct err *err)
{
	ssize_t n;

	do
		n = read(s->fd, s->buf, READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "read %s", s->name);
	s->at = 0;
	s->end = (size_t)n;
	s->is_eof = n == 0;
	return 0;
}

/* One line of the file into s->next: 1, 0 at end, -1. */
static int
physical_line(struct source *s, struct err *err)
{
	bool any = false;

	strbuf_reset(&s->next);
	for (;;) {
		const char *nl;
		size_t n;

		if (s->at == s->end) {
			if (!s->is_eof && fill(s, err) < 0)
				return -1;
			if (s->is_eof)
				break;
		}
		any = true;
		nl = memchr(s->buf + s->at, '\n', s->end - s->at);
		n = nl != NULL ? (size_t)(nl - (s->buf + s->at)) : s->end - s->at;
		if (strbuf_add(&s->next, s->buf + s->at, n) < 0)
			return err_set(err, ERR_CONF, NULL, "%s, line %u: longer than %d bytes", s->name, s->line_no + 1,
			    LINE_MAX_BYTES);
		s->at += n;
		if (nl != NULL) {
			s->at++;
			break;
		}
	}
	if (any)
		s->line_no++;
	return any;
}

/* The next physical line that is neither empty nor a comment: 1, 0, -1. */
static int
look_ahead(struct source *s, struct err *err)
{
	int r;

	while (!s->has_next) {
		size_t i = 0;

		r = physical_line(s, err);
		if (r <= 0)
			return r;
		while (i < s->next.len && ascii_is_space((unsigned char)s->next.s[i]))
			i++;
		s->has_next = i < s->next.len && s->next.s[i] != '#';
		s->next_no = s->line_no;
	}
	return 1;
}

static void
trim_end(struct strbuf *b)
{
	size_t n = b->len;

	while (n > 0 && ascii_is_space((unsigned char)b->s[n - 1]))
		n--;
	strbuf_cut(b, n);
}

static int
logical_line(struct source *s, unsigned *line_no, struct err *err)
{
	int r = look_ahead(s, err);

	if (r <= 0)
		return r;
	strbuf_reset(&s->line);
	*line_no = s->next_no;
	do {
		s->has_next = false;
		if (strbuf_add(&s->line, s->next.s, s->next.len) < 0)
			return err_set(err, ERR_CONF, NULL, "%s, line %u: longer than %d bytes", s->name, *line_no,
			    LINE_MAX_BYTES);
		r = look_ahead(s, err);
		if (r < 0)
			return -1;
	} while (r == 1 && ascii_is_blank((unsigned char)s->next.s[0]));
	trim_end(&s->line);
	return 1;
}

int
source_line(struct source *s, char **line, unsigned *line_no, struct err *err)
{
	for (;;) {
		int r = logical_line(s, line_no, err);

		if (r <= 0)
			return r;
		if (ascii_is_space((unsigned char)s->line.s[0])) {
			log_warning("%s: logical line must not start with whitespace: \"%.30s\"", s->name, s->line.s);
		} else if (memchr(s->line.s, '\0', s->line.len) != NULL) {
			log_warning("%s, line %u: NUL byte in text: skipping this line", s->name, *line_no);
		} else {
			*line = s->line.s;
			return 1;
		}
	}
}

enum source_split
source_split(char *line, char **key, char **value)
{
	char *p = line;
	bool quoted = false;

	for (; *p != '\0' && (quoted || !ascii_is_space((unsigned char)*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && p[1] != '\0')
			p++;
	}
	if (quoted)
		return SOURCE_QUOTE;
	*key = line;
	if (*p != '\0')
		*p++ = '\0';
	while (ascii_is_space((unsigned char)*p))
		p++;
	*value = p;
	return **key == '\0' || *p == '\0' ? SOURCE_FORMAT : SOURCE_OK;
}
