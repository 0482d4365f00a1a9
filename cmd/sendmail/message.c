/* SPDX-License-Identifier: Apache-2.0 */
/* message - standard input as records of a maildrop file: envelope, lines, and recipients found in the header */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address/addr.h"
#include "base/ascii.h"
#include "base/mem.h"
#include "base/pool.h"
#include "mime/header.h"
#include "queue/rec.h"
#include "sendmail.h"

enum { READ_SIZE = 65536, PASSWD_SIZE = 16384, FULL_NAME_MAX = 500 };
#define MAX_HEADER ((size_t)64 << 20)		/* one header with recipients; they are not cut off in silence */
#define MAX_RCPTS 1000000

struct input {
	char *buf;
	size_t at, end;
	bool is_eof;
};

struct message {
	const struct options *o;
	const struct settings *s;
	struct drop *drop;
	struct input in;
	struct strvec rcpts, resent_rcpts;	/* from the header */
	bool has_resent;
	struct strbuf header;			/* the logical header line being collected, for -t */
	bool in_header, skip_from, strip_cr, is_first;
	int64_t size;
	size_t n_args;				/* recipients of the command line */
};

static struct passwd *
caller(void)
{
	static struct passwd pw, *found;

	if (found == NULL) {
		char *buf = mem_alloc(PASSWD_SIZE);	/* for as long as the program runs */

		if (getpwuid_r(getuid(), &pw, buf, PASSWD_SIZE, &found) != 0 || found == NULL)
			mem_free(&buf);
	}
	return found;
}

const char *
caller_name(void)
{
	struct passwd *pw = caller();

	return pw != NULL ? pw->pw_name : "unknown";
}

const char *
caller_text(void)
{
	static char text[300];

	snprintf(text, sizeof(text), "%.250s(%ld)", caller_name(), (long)getuid());
	return text;
}

/* ---- envelope */

static char *
parse_sender(const char *arg)
{
	struct pool *pool = pool_new(4096);
	struct addr_list list;
	struct err err = ERR_INIT;
	char *sender;

	if (addr_list_parse(pool, arg, strlen(arg), 100, &list, &err) < 0)
		fatal("-f: %s", err.text);
	sender = mem_strdup(list.n > 0 ? list.v[0].addr : "");
	ascii_printable(sender, true);
	pool_free(&pool);
	return sender;
}

/* GECOS: the first field, with & standing for the capitalised login name */
static void
add_gecos_name(struct strbuf *out)
{
	struct passwd *pw = caller();

	for (const char *p = pw != NULL ? pw->pw_gecos : ""; *p != '\0' && *p != ',' && *p != ';' && *p != '%'; p++)
		if (*p != '&')
			strbuf_addc(out, *p);
		else if (*pw->pw_name != '\0')
			strbuf_addf(out, "%c%s", ascii_upper((unsigned char)*pw->pw_name), pw->pw_name + 1);
}

static void
put_full_name(struct message *m)
{
	AUTO(strbuf_done) struct strbuf name = STRBUF_INIT(FULL_NAME_MAX);
	const char *env = getenv("NAME");

	if (m->o->full_name != NULL)
		strbuf_adds(&name, m->o->full_name);
	else if (env != NULL && *env != '\0')
		strbuf_adds(&name, env);
	else
		add_gecos_name(&name);
	for (size_t i = 0; i < name.len; i++)
		if (ascii_is_cntrl((unsigned char)name.s[i]))
			name.s[i] = ' ';
	if (name.len > 0)
		drop_put(m->drop, REC_FULLNAME, name.s, name.len);
}

static void
put_verp(struct message *m)
{
	const char *delims = *m->o->verp != '\0' ? m->o->verp : m->s->verp;

	if (strlen(delims) != 2 || strchr(m->s->verp_filter, delims[0]) == NULL || strchr(m->s->verp_filter, delims[1]) == NULL)
		fatal("bad -XV delimiters: \"%s\"; two characters of \"%s\" are expected", delims, m->s->verp_filter);
	drop_put(m->drop, REC_VERP, delims, 2);
}

static void
put_recipients(struct message *m, const char *arg)
{
	struct pool *pool = pool_new(4096);
	struct addr_list list;
	struct err err = ERR_INIT;

	if (addr_list_parse(pool, arg, strlen(arg), MAX_RCPTS, &list, &err) < 0)
		fatal("%s: recipient \"%.100s\": %s", caller_text(), arg, err.text);
	for (size_t i = 0; i < list.n; i++) {
		if (*list.v[i].addr == '\0')
			continue;
		if (m->o->notify != 0)
			drop_putf(m->drop, REC_ATTR, "notify_flags=%d", m->o->notify);
		drop_put(m->drop, REC_RCPT, list.v[i].addr, strlen(list.v[i].addr));
		m->n_args++;
	}
	pool_free(&pool);
}

static void
put_envelope(struct message *m)
{
	const struct options *o = m->o;
	AUTO(mem_free) char *sender = o->sender != NULL ? parse_sender(o->sender) : mem_strdup(caller_name());
	int trace = (o->mode == MODE_VERIFY ? TRACE_VERIFY : 0) | (o->verbose == 1 ? TRACE_REPORT : 0);

	if (o->sender == NULL && caller() == NULL)
		fatal("unable to find out who you are: there is no user with id %ld", (long)getuid());
	if (o->envid != NULL)
		drop_putf(m->drop, REC_ATTR, "envelope_id=%s", o->envid);
	if (o->ret != 0)
		drop_putf(m->drop, REC_ATTR, "ret_flags=%d", o->ret);
	drop_putf(m->drop, REC_ATTR, "rewrite_context=%s", o->is_gateway ? "remote" : "local");
	put_full_name(m);
	drop_put(m->drop, REC_FROM, sender, strlen(sender));
	if (o->encoding != NULL)
		drop_putf(m->drop, REC_ATTR, "encoding=%s", o->encoding);
	if (trace != 0)
		drop_putf(m->drop, REC_ATTR, "trace_flags=%d", trace);
	if (o->verp != NULL)
		put_verp(m);
	for (char **rcpt = o->recipients; *rcpt != NULL; rcpt++)
		put_recipients(m, *rcpt);
	if (m->n_args == 0 && !o->from_headers)
		fatal("%s: Recipient addresses must be specified on the command line or via the -t option", caller_text());
	drop_put(m->drop, REC_MESG, "", 0);
	if (trace != 0)
		printf("Mail Delivery Status Report will be mailed to <%s>.\n", sender);
}

/* ---- header */

/* A whole header line with its continuations: recipients of To, Cc, Bcc and their Resent- forms. */
static void
take_header(struct message *m)
{
	struct strbuf *h = &m->header;
	size_t body = 0, n = header_name_len(h->s, h->len, &body);
	const struct header_def *def;
	struct addr_list list;
	struct err err = ERR_INIT;
	struct pool *pool;

	if (h->overflow)
		fatal("%s: a header is longer than %zu bytes", caller_text(), h->max);
	if (n == 0)
		return;
	def = header_find(h->s, n);
	if (!(def->flags & HEADER_F_EXTRACT))
		return;
	pool = pool_new(4096);
	if (addr_list_parse(pool, h->s + body, h->len - body, MAX_RCPTS, &list, &err) < 0)
		fatal("%s: header %s: %s", caller_text(), def->name, err.text);
	if (def->flags & HEADER_F_RESENT)
		m->has_resent = true;
	for (size_t i = 0; i < list.n; i++)
		if (*list.v[i].addr != '\0' && strvec_add(def->flags & HEADER_F_RESENT ? &m->resent_rcpts : &m->rcpts, list.v[i].addr) < 0)
			fatal("%s: more than %d recipients", caller_text(), MAX_RCPTS);
	pool_free(&pool);
}

static const struct strvec *
header_rcpts(const struct message *m)
{
	return m->has_resent ? &m->resent_rcpts : &m->rcpts;
}

static void
end_header(struct message *m)
{
	take_header(m);
	strbuf_reset(&m->header);
	m->in_header = false;
	if (header_rcpts(m)->n == 0 && m->n_args == 0)
		fatal("%s: No recipient addresses found in message header", caller_text());
}

/* A piece of a line while the header lasts; begins: it is the first of its line. */
static void
watch_header(struct message *m, const char *data, size_t n, bool begins, bool ends)
{
	if (begins && (n == 0 || !ascii_is_blank((unsigned char)*data))) {
		if (m->header.len > 0)
			take_header(m);
		strbuf_reset(&m->header);
		if ((n == 0 && ends) || (ends && header_name_len(data, n, NULL) == 0)) {
			end_header(m);
			return;
		}
	} else if (begins) {
		strbuf_addc(&m->header, '\n');
	}
	strbuf_add(&m->header, data, n);
}

/* ---- content */

static bool
fill(struct input *in)
{
	ssize_t n;

	if (in->is_eof)
		return false;
	if (in->buf == NULL)
		in->buf = mem_alloc(READ_SIZE);
	do
		n = read(STDIN_FILENO, in->buf, READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		fatal("%s: error reading input: %m", caller_text());
	in->at = 0;
	in->end = (size_t)n;
	in->is_eof = n == 0;
	return n > 0;
}

/* Up to limit bytes of a line into out; 1 the line ends here, 0 it goes on, -1 no more input. */
static int
read_piece(struct input *in, struct strbuf *out, size_t limit)
{
	bool any = false;

	strbuf_reset(out);
	while (in->at < in->end || fill(in)) {
		size_t n = in->end - in->at, room = limit - out->len;
		const char *p = in->buf + in->at, *nl;

		any = true;
		if (n > room)
			n = room;
		nl = memchr(p, '\n', n);
		if (nl != NULL)
			n = (size_t)(nl - p);
		strbuf_add(out, p, n);
		in->at += n + (nl != NULL);
		if (nl != NULL)
			return 1;
		if (out->len == limit)
			return 0;
	}
	return any ? 1 : -1;
}

static bool
is_from_line(const struct strbuf *line)
{
	size_t n = strspn(line->s, ">");

	return strncmp(line->s + n, "From ", 5) == 0;
}

/* How line ends come in: sendmail_fix_line_endings always, strict (as the first line has it), never */
static void
fix_line_end(struct message *m, struct strbuf *line)
{
	bool has_cr = line->len > 0 && line->s[line->len - 1] == '\r';

	if (m->is_first)
		m->strip_cr = ascii_casecmp(m->s->line_endings, "always") == 0 || (ascii_casecmp(m->s->line_endings, "strict") == 0 && has_cr);
	m->is_first = false;
	if (has_cr && m->strip_cr)
		strbuf_cut(line, line->len - 1);
}

static void
put_piece(struct message *m, const struct strbuf *piece, bool begins, bool ends)
{
	if (m->in_header)
		watch_header(m, piece->s, piece->len, begins, ends);
	m->size += (int64_t)piece->len + ends;
	if (m->s->size_limit > 0 && m->size > m->s->size_limit)
		fatal("%s: message file too big", caller_text());
	drop_put(m->drop, ends ? REC_NORM : REC_CONT, piece->s, piece->len);
}

static void
put_content(struct message *m)
{
	AUTO(strbuf_done) struct strbuf piece = STRBUF_INIT((size_t)m->s->line_limit);
	bool begins = true;
	int rc;

	while ((rc = read_piece(&m->in, &piece, (size_t)m->s->line_limit)) >= 0) {
		if (rc > 0)
			fix_line_end(m, &piece);
		if (begins && rc > 0 && !m->o->keep_dots && piece.len == 1 && *piece.s == '.')
			break;
		if (begins && rc > 0 && m->skip_from && is_from_line(&piece))
			continue;
		m->skip_from = false;
		put_piece(m, &piece, begins, rc > 0);
		begins = rc > 0;
	}
	if (!begins)
		put_piece(m, &(struct strbuf)STRBUF_INIT(1), false, true);
	if (m->in_header)
		end_header(m);
}

static void
put_extracted(struct message *m)
{
	const struct strvec *rcpts = header_rcpts(m);

	drop_put(m->drop, REC_XTRA, "", 0);
	for (size_t i = 0; i < rcpts->n; i++) {
		if (m->o->notify != 0)
			drop_putf(m->drop, REC_ATTR, "notify_flags=%d", m->o->notify);
		drop_put(m->drop, REC_RCPT, rcpts->v[i], strlen(rcpts->v[i]));
	}
	drop_put(m->drop, REC_END, "", 0);
}

void
submit_message(const struct options *o, const struct settings *s)
{
	AUTO(mem_free) char *program = mem_printf("%s/postdrop", s->command_dir);
	struct message m = { .o = o, .s = s, .in_header = o->from_headers, .skip_from = true, .is_first = true };

	m.drop = drop_new(program);
	strvec_init(&m.rcpts, MAX_RCPTS);
	strvec_init(&m.resent_rcpts, MAX_RCPTS);
	strbuf_init(&m.header, MAX_HEADER);
	put_envelope(&m);
	if (o->mode != MODE_VERIFY)
		put_content(&m);
	put_extracted(&m);
	drop_finish(&m.drop);
	strvec_done(&m.rcpts);
	strvec_done(&m.resent_rcpts);
	strbuf_done(&m.header);
	mem_free(&m.in.buf);
}
