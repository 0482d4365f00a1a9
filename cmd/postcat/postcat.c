/* SPDX-License-Identifier: Apache-2.0 */
/* postcat - show what is in a queue file */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "config/conf.h"
#include "queue/queue.h"
#include "queue/queue_dir.h"

enum { PIPE_MAX = 1 << 30 };

struct show {
	bool body, envelope, header;	/* -b -e -h */
	bool decimal, offset, raw, prefix;	/* -d -o -r -f */
	bool verbose;
	off_t start;			/* -s */
	const char *name;
	/* where we are */
	char segment;
	bool in_header, line_open;	/* line_open: the record before was a part of a line */
	int n_sizes;
	off_t content_end;		/* as the size record has it; 0: not known */
};

static const char usage[] = "usage: postcat [-b (body text)] [-c config_dir] [-d (decimal record type)] [-e (envelope records)] "
    "[-f (prefix file name)] [-h (header text)] [-o (record offsets)] [-q (access queue)] [-r (file order)] [-s offset] [-v] [file(s)...]";

static void
print_lead(const struct show *s, const struct qrec *r)
{
	if (s->prefix)
		printf("%s: ", s->name);
	if (s->offset)
		printf("%9lld ", (long long)r->from);
	if (s->decimal)
		printf("%3d ", r->type);
}

static void
print_text(const char *p, size_t n)
{
	fwrite(p, 1, n, stdout);
}

static void
print_banner(const struct show *s, const struct qrec *r, const char *what)
{
	if (!s->envelope)
		return;
	if (r != NULL)
		print_lead(s, r);
	else if (s->prefix)
		printf("%s: ", s->name);
	printf("*** %s %s ***\n", what, s->name);
}

static void
print_time(const struct show *s, const struct qrec *r, const char *name, const char *digits)
{
	char text[64];
	int64_t v = 0;
	bool minus;
	time_t t;
	struct tm tm;

	while (*digits == ' ')
		digits++;
	minus = *digits == '-';
	for (digits += minus; ascii_is_digit((unsigned char)*digits) && v < INT64_MAX / 100; digits++)
		v = v * 10 + (*digits - '0');
	t = (time_t)(minus ? -v : v);
	if (localtime_r(&t, &tm) == NULL || strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm) == 0)
		snprintf(text, sizeof(text), "%lld", (long long)t);
	print_lead(s, r);
	printf("%s: %s\n", name, text);
}

static void
show_size(struct show *s, const struct qrec *r)
{
	int64_t size = 0, offset = 0;
	const char *p = r->data;

	for (; *p == ' '; p++)
		;
	for (; ascii_is_digit((unsigned char)*p) && size < INT64_MAX / 100; p++)
		size = size * 10 + (*p - '0');
	for (; *p == ' '; p++)
		;
	for (; ascii_is_digit((unsigned char)*p) && offset < INT64_MAX / 100; p++)
		offset = offset * 10 + (*p - '0');
	if (++s->n_sizes > 1)
		log_warning("file contains multiple size records");
	else if (size <= 0 || offset <= 0)
		log_warning("invalid size record: %s", r->data);
	else
		s->content_end = (off_t)(size + offset);
}

static void
show_attr(const struct show *s, const struct qrec *r)
{
	const char *eq = memchr(r->data, '=', r->len);

	if (eq == NULL) {
		log_warning("%s: malformed attribute: missing '=' after attribute name: %s", s->name, r->data);
		return;
	}
	if (strncmp(r->data, "create_time=", 12) == 0) {
		print_time(s, r, "create_time", eq + 1);
		return;
	}
	print_lead(s, r);
	fputs("named_attribute: ", stdout);
	print_text(r->data, r->len);
	putchar('\n');
}

static bool
is_content(const struct show *s, int type)
{
	return type == REC_NORM || (type == REC_CONT && s->segment != 'e' && s->segment != 'x');
}

/* RFC 5322 section 2.2: a field name, then a colon; or the continuation of the line before. */
static bool
is_header_line(const struct qrec *r)
{
	size_t i = 0;

	if (r->len > 0 && ascii_is_blank((unsigned char)r->data[0]))
		return true;
	while (i < r->len && ascii_is_print((unsigned char)r->data[i]) && r->data[i] != ':' && r->data[i] != ' ')
		i++;
	if (i == 0)
		return false;
	while (i < r->len && ascii_is_blank((unsigned char)r->data[i]))
		i++;
	return i < r->len && r->data[i] == ':';
}

static void
show_content(struct show *s, const struct qrec *r)
{
	if (s->in_header && !s->line_open && !is_header_line(r))
		s->in_header = false;
	s->line_open = r->type == REC_CONT;
	if (s->in_header ? !s->header : !s->body)
		return;
	print_lead(s, r);
	if (s->verbose)
		printf("%s: ", r->type == REC_CONT ? "unterminated_text" : "regular_text");
	print_text(r->data, r->len);
	if (r->type != REC_CONT || s->offset || s->verbose)
		putchar('\n');
}

static void
show_other(struct show *s, const struct qrec *r)
{
	bool in_content = s->segment == 'c' && (r->type == REC_PTR || r->type == REC_PAD);

	if (!(in_content ? (s->in_header ? s->header : s->body) : s->envelope))
		return;
	switch (r->type) {
	case REC_TIME:
	case REC_WARN:
		print_time(s, r, rec_name(r->type), r->data);
		return;
	case REC_ATTR:
		show_attr(s, r);
		return;
	case REC_PTR:
	case REC_PAD:
		if (!s->verbose && !s->raw)
			return;
		break;
	default:
		break;
	}
	print_lead(s, r);
	printf("%s: ", rec_name(r->type));
	print_text(r->data, r->len);
	putchar('\n');
	if (r->type == REC_SIZE)
		show_size(s, r);
}

static void
show_record(struct show *s, const struct qrec *r)
{
	switch (r->type) {
	case REC_MESG:
		if (s->segment != 'e' && s->start == 0)
			log_warning("%s: out-of-order message content marker", s->name);
		s->segment = 'c';
		s->in_header = true;
		s->line_open = false;
		print_banner(s, r, "MESSAGE CONTENTS");
		return;
	case REC_XTRA:
		if (s->segment != 'c' && s->start == 0)
			log_warning("%s: out-of-order extracted segment marker", s->name);
		s->segment = 'x';
		print_banner(s, r, "HEADER EXTRACTED");
		return;
	case REC_END:
		if (s->segment != 'x' && s->start == 0)
			log_warning("%s: out-of-order message end marker", s->name);
		print_banner(s, r, "MESSAGE FILE END");
		return;
	default:
		if (is_content(s, r->type))
			show_content(s, r);
		else
			show_other(s, r);
	}
}

/* Nothing more to show of the content: on to what is behind it.  False: there is nothing to show there either. */
static bool
skip_rest(const struct show *s, struct qfile *f)
{
	if (s->raw || s->segment != 'c' || s->body || (s->in_header && s->header))
		return true;
	if (!s->envelope)
		return false;
	if (s->content_end > qfile_pos(f))
		qfile_seek(f, s->content_end);
	return true;
}

static void
show_file(struct show *s, struct qfile *f)
{
	struct err err = ERR_INIT;
	struct qrec r = { 0 };
	struct qstat st;
	off_t from = -1;
	bool first = true;
	int n;

	s->segment = 'e';
	s->in_header = s->line_open = false;
	s->n_sizes = 0;
	s->content_end = 0;
	if (qfile_stat(f, &st, &err) < 0)
		fatal("%s: %s", s->name, err.text);
	qfile_seek(f, s->start);
	for (;;) {
		/* the end of the file between two records is only missing records, which the banners show */
		if (qfile_pos(f) >= st.size)
			return;
		n = qfile_next_any(f, &r, !s->raw, &err);
		if (n <= 0)
			break;
		if (first && s->start == 0) {
			if (r.type != REC_SIZE && r.type != REC_TIME) {
				log_warning("%s: input is not a valid queue file", s->name);
				return;
			}
			print_banner(s, NULL, "ENVELOPE RECORDS");
		}
		first = false;
		/* A record's offset is where its reading began, before the pointers and padding that led to it. */
		if (from >= 0 && !s->verbose && !s->raw)
			r.from = from;
		from = r.type == REC_PTR || r.type == REC_PAD ? r.from : -1;
		show_record(s, &r);
		if (r.type == REC_END && !s->raw)
			return;
		if (!skip_rest(s, f))
			return;
		/* in file order, what lies behind the end record (edits of milters) is of interest too */
		if (r.type == REC_END)
			qfile_seek(f, r.next);
	}
	if (n < 0) {
		fflush(stdout);
		log_warning("%s: %s", s->name, err.text);
		fatal("record read error");
	}
}

/* A pipe cannot be read twice or at an offset: it is read into memory. */
static void
show_pipe(struct show *s, int fd)
{
	AUTO(queue_free) struct queue *q = queue_open_memory();
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(PIPE_MAX);
	AUTO(qfile_free) struct qfile *f = NULL;
	struct err err = ERR_INIT;

	if (io_read_fd(fd, &b, &err) < 0)
		fatal("%s: %s", s->name, err.text);
	f = qfile_create(q, QUEUE_INCOMING, &err);
	if (f == NULL)
		fatal("%s: %s", s->name, err.text);
	qfile_put_raw(f, b.s, b.len);
	strbuf_done(&b);
	if (qfile_commit(f, false, &err) < 0)
		fatal("%s: %s", s->name, err.text);
	show_file(s, f);
}

static void
show_path(struct show *s, struct queue *q, const char *path)
{
	AUTO(qfile_free) struct qfile *f = NULL;
	AUTO(io_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	s->name = path;
	if (fd < 0 || fstat(fd, &st) < 0)
		fatal("open %s: %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode)) {
		show_pipe(s, fd);
		return;
	}
	f = queue_dir_file(q, fd);
	fd = -1;
	show_file(s, f);
}

/* A message may be moved from queue to queue while we look. */
static void
show_id(struct show *s, struct queue *q, const char *id)
{
	static const enum queue_name order[] = {
		QUEUE_HOLD, QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_MAILDROP, QUEUE_CORRUPT,
	};
	char path[QUEUE_PATH_MAX];
	struct err err = ERR_INIT;

	if (!queue_id_is_valid(id))
		fatal("bad mail queue ID: %s", id);
	for (size_t i = 0; i < 2 * COUNT_OF(order); i++) {
		enum queue_name n = order[i % COUNT_OF(order)];
		AUTO(qfile_free) struct qfile *f = qfile_open(q, n, id, QFILE_LOCK_NONE, &err);

		if (f == NULL && err.sys == ENOENT)
			continue;
		if (f == NULL)
			fatal("open queue file %s: %s", id, err.text);
		queue_dir_path(q, n, id, path);
		s->name = path;
		show_file(s, f);
		return;
	}
	fatal("open queue file %s: %s", id, strerrordesc_np(ENOENT));
}

static struct queue *
open_queue(const char *option_c)
{
	struct err err = ERR_INIT;
	struct conf *conf;
	struct queue *q;
	const char *dir;

	if (conf_find_dir(option_c, false, &dir, &err) < 0)
		fatal("%s", err.text);
	conf = conf_load(dir, &err);
	if (conf == NULL)
		fatal("%s", err.text);
	q = queue_open(conf, &err);
	if (q == NULL)
		fatal("%s", err.text);
	return q;
}

static void
parse_offset(struct show *s, const char *arg)
{
	uint64_t v;

	if (num_parse_u64(arg, 0, INT64_MAX, &v) < 0)
		fatal("bad offset: %s", arg);
	s->start = (off_t)v;
}

int
main(int argc, char **argv)
{
	struct show s = { .name = "" };
	const char *dir = NULL;
	char name[] = "postcat";
	bool by_id = false;
	struct queue *q;
	struct err err = ERR_INIT;
	int c;

	log_init("postcat", "postcat", LOG_TO_STDERR);
	clock_init_zone();
	if (argc > 0)
		argv[0] = name;		/* getopt says it */
	while ((c = getopt(argc, argv, "bc:defhoqrs:v")) > 0) {
		switch (c) {
		case 'b': s.body = true; break;
		case 'c': dir = optarg; break;
		case 'd': s.decimal = true; break;
		case 'e': s.envelope = true; break;
		case 'f': s.prefix = true; break;
		case 'h': s.header = true; break;
		case 'o': s.offset = true; break;
		case 'q': by_id = true; break;
		case 'r': s.raw = true; break;
		case 's': parse_offset(&s, optarg); break;
		case 'v': s.verbose = true; break;
		default: fatal("%s", usage);
		}
	}
	if (!s.body && !s.envelope && !s.header)
		s.body = s.envelope = s.header = true;
	if (by_id && optind == argc)
		fatal("%s", usage);
	/* Files named on the command line need no configuration, only a place from which they are named. */
	q = by_id ? open_queue(dir) : queue_open_dir(".", "", 0, false, &err);
	if (q == NULL)
		fatal("%s", err.text);
	if (optind == argc) {
		s.name = "stdin";
		show_pipe(&s, STDIN_FILENO);
	}
	for (; optind < argc; optind++) {
		if (by_id)
			show_id(&s, q, argv[optind]);
		else
			show_path(&s, q, argv[optind]);
		if (fflush(stdout) != 0)
			fatal("write error: %s", strerrordesc_np(errno));
	}
	queue_free(&q);
	if (fflush(stdout) != 0 || ferror(stdout))
		fatal("write error: %s", strerrordesc_np(errno));
	return 0;
}
