/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of reports: built in, or from bounce_template_file (grammar of bounce(5)):
 *
 *	name_template = <<WORD
 *	Subject: and other headers, an empty line, text with $parameters
 *	WORD
 */
#include <string.h>

#include "base/ascii.h"
#include "base/pool.h"
#include "bounce.h"

#define FROM "MAILER-DAEMON (Mail Delivery System)"
#define CLOSING "\nThe postmaster of this system can be asked for help. Please send this report\n" \
	"along; the text of your own message, where it is attached, is not needed.\n" \
	"\n                   The mail system\n"

const struct template template_builtin[TEMPLATE_N] = {
	[TEMPLATE_FAILURE] = {
		.charset = "utf-8", .from = FROM, .subject = "Undelivered Mail Returned to Sender",
		.postmaster_subject = "Postmaster Copy: Undelivered Mail",
		.text = "This is the mail system at host $myhostname.\n"
		    "\nYour message could not be delivered to the recipients listed below.\n"
		    "It is attached to this report.\n" CLOSING,
	},
	[TEMPLATE_DELAY] = {
		.charset = "utf-8", .from = FROM, .subject = "Delayed Mail (still being retried)",
		.postmaster_subject = "Postmaster Warning: Delayed Mail",
		.text = "This is the mail system at host $myhostname.\n"
		    "\n*** This is only a warning. There is no need to send your message again. ***\n"
		    "\nYour message has been waiting for more than $delay_warning_time_hours hour(s).\n"
		    "More attempts will be made until it is $maximal_queue_lifetime_days day(s) old.\n" CLOSING,
	},
	[TEMPLATE_SUCCESS] = {
		.charset = "utf-8", .from = FROM, .subject = "Successful Mail Delivery Report", .postmaster_subject = "",
		.text = "This is the mail system at host $myhostname.\n"
		    "\nYour message reached the destinations listed below. Where that is a mailbox,\n"
		    "you will hear nothing more of it. Where it is another mail system, that one may\n"
		    "still send you a report of its own.\n"
		    "\n                   The mail system\n",
	},
	[TEMPLATE_VERIFY] = {
		.charset = "utf-8", .from = FROM, .subject = "Mail Delivery Status Report", .postmaster_subject = "",
		.text = "This is the mail system at host $myhostname.\n"
		    "\nHere is the delivery report that you asked for.\n"
		    "\n                   The mail system\n",
	},
};

static const char *const names[TEMPLATE_N] = {
	[TEMPLATE_FAILURE] = "failure_template", [TEMPLATE_DELAY] = "delay_template", [TEMPLATE_SUCCESS] = "success_template",
	[TEMPLATE_VERIFY] = "verify_template",
};

struct parse {
	const char *path, *at;		/* at: what is left */
	int line;
	struct pool *pool;
};

/* The next line, trimmed of nothing; its end is not part of it. False at the end. */
static bool
next_line(struct parse *p, const char **line, size_t *len)
{
	if (*p->at == '\0')
		return false;
	*line = p->at;
	*len = strcspn(p->at, "\n");
	p->at += *len + (p->at[*len] == '\n');
	p->line++;
	return true;
}

static bool
is_blank(const char *s, size_t n)
{
	while (n > 0 && ascii_is_space((unsigned char)*s))
		s++, n--;
	return n == 0;
}

static int
bad(const struct parse *p, struct err *err, const char *what)
{
	return err_set(err, ERR_CONF, NULL, "%s, line %d: %s", p->path, p->line, what);
}

/* "failure_template = <<EOF": which one, and the word that ends it. */
static int
parse_open(const struct parse *p, const char *line, size_t len, int *kind, const char **word, struct err *err)
{
	char *copy = pool_strndup(p->pool, line, len), *eq = strchr(copy, '='), *name, *value;

	if (eq == NULL)
		return bad(p, err, "expected \"name_template = <<WORD\"");
	*eq = '\0';
	name = ascii_trim(copy);
	value = ascii_trim(eq + 1);
	if (strncmp(value, "<<", 2) != 0 || value[2] == '\0')
		return bad(p, err, "expected \"<<WORD\" behind the \"=\"");
	for (*kind = 0; *kind < TEMPLATE_N; ++*kind)
		if (strcmp(names[*kind], name) == 0) {
			*word = ascii_trim(value + 2);
			return 0;
		}
	return bad(p, err, "no template of that name (failure_template, delay_template, success_template, verify_template)");
}

static int
take_header(const struct parse *p, struct template *t, const char *line, size_t len, struct err *err)
{
	const struct {
		const char *name, **to;
	} known[] = {
		{ "charset", &t->charset }, { "from", &t->from }, { "subject", &t->subject },
		{ "postmaster-subject", &t->postmaster_subject },
	};
	const char *colon = memchr(line, ':', len);

	if (!ascii_is_all(line, len))
		return bad(p, err, "a template header must be ASCII");
	for (size_t i = 0; colon != NULL && i < COUNT_OF(known); i++)
		if ((size_t)(colon - line) == strlen(known[i].name) &&
		    ascii_ncasecmp(line, known[i].name, strlen(known[i].name)) == 0) {
			*known[i].to = ascii_trim(pool_strndup(p->pool, colon + 1, len - (size_t)(colon + 1 - line)));
			return 0;
		}
	return bad(p, err, "unknown template header (Charset, From, Subject, Postmaster-Subject)");
}

static int
parse_template(struct parse *p, struct template *t, const char *word, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(1 << 20);
	bool in_header = true;
	const char *line;
	size_t len;

	while (next_line(p, &line, &len)) {
		if (len == strlen(word) && memcmp(line, word, len) == 0) {
			if (ascii_casecmp(t->charset, "us-ascii") == 0 && !ascii_is_all(text.s, text.len))
				return bad(p, err, "the text is not us-ascii: say which charset it is in");
			t->text = pool_strdup(p->pool, text.s);
			return 0;
		}
		if (in_header && is_blank(line, len)) {
			in_header = false;
			continue;
		}
		if (in_header && memchr(line, ':', len) != NULL) {
			if (take_header(p, t, line, len, err) < 0)
				return -1;
			continue;
		}
		in_header = false;
		strbuf_add(&text, line, len);
		if (strbuf_addc(&text, '\n') < 0)
			return bad(p, err, "template is too long");
	}
	return err_set(err, ERR_CONF, NULL, "%s: end of file before \"%s\"", p->path, word);
}

int
template_parse(const char *path, const char *text, struct pool *pool, struct template set[static TEMPLATE_N], struct err *err)
{
	struct parse p = { .path = path, .at = text, .pool = pool };
	const char *line;
	size_t len;

	while (next_line(&p, &line, &len)) {
		const char *word;
		struct template t;
		int kind;

		if (*line == '#' || is_blank(line, len))
			continue;
		if (parse_open(&p, line, len, &kind, &word, err) < 0)
			return -1;
		t = template_builtin[kind];
		t.charset = "us-ascii";
		if (parse_template(&p, &t, word, err) < 0)
			return -1;
		set[kind] = t;
	}
	return 0;
}
