/* SPDX-License-Identifier: Apache-2.0 */
/* options - Sendmail's command line: what is acted on, what is taken and ignored, what is refused */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/log.h"
#include "sendmail.h"

#define USAGE "usage: sendmail [options] [recipient ...]"
#define ENVID_MAX 100		/* RFC 3461 section 4.4 */

static void
set_mode(struct options *o, const char *arg)
{
	static const struct {
		char letter;
		enum mode mode;
	} modes[] = {
		{ 'd', MODE_START }, { 'l', MODE_START }, { 'i', MODE_NEWALIASES }, { 'm', MODE_SUBMIT }, { 'p', MODE_MAILQ },
		{ 's', MODE_SMTP }, { 'v', MODE_VERIFY },
	};

	if (*arg == 'h' || *arg == 'H')
		return;
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (modes[i].letter == *arg) {
			o->mode = modes[i].mode;
			return;
		}
	fatal("unsupported: -b%c", *arg);
}

static void
set_encoding(struct options *o, const char *arg)
{
	if (ascii_casecmp(arg, "8BITMIME") == 0)
		o->encoding = "8bit";
	else if (ascii_casecmp(arg, "7BIT") == 0)
		o->encoding = "7bit";
	else
		fatal("-B option needs 8BITMIME or 7BIT");
}

static void
set_notify(struct options *o, const char *arg)
{
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(10);
	int flags = 0;

	if (strvec_split(&words, arg, ", \t") < 0)
		flags = -1;
	for (size_t i = 0; i < words.n && flags >= 0; i++) {
		const char *w = words.v[i];
		int bit = ascii_casecmp(w, "never") == 0 ? NOTIFY_NEVER : ascii_casecmp(w, "success") == 0 ? NOTIFY_SUCCESS :
		    ascii_casecmp(w, "failure") == 0 ? NOTIFY_FAILURE : ascii_casecmp(w, "delay") == 0 ? NOTIFY_DELAY : -1;

		flags = bit < 0 ? -1 : flags | bit;
	}
	if (flags <= 0 || (flags > NOTIFY_NEVER && flags & NOTIFY_NEVER))
		log_warning("bad -N option value -- ignored");
	else
		o->notify = flags;
}

static void
set_ret(struct options *o, const char *arg)
{
	if (ascii_casecmp(arg, "full") == 0)
		o->ret = RET_FULL;
	else if (ascii_casecmp(arg, "hdrs") == 0)
		o->ret = RET_HDRS;
	else
		log_warning("bad -R option value -- ignored");
}

static void
set_envid(struct options *o, const char *arg)
{
	bool is_good = *arg != '\0' && strlen(arg) <= ENVID_MAX;

	for (const char *p = arg; *p != '\0' && is_good; p++)
		is_good = ascii_is_print((unsigned char)*p);
	if (is_good)
		o->envid = arg;
	else
		log_warning("bad -V option value -- ignored");
}

static void
set_queue_run(struct options *o, const char *arg)
{
	if (arg == NULL || *arg == '\0') {
		o->mode = MODE_FLUSH;
		return;
	}
	if (ascii_is_digit((unsigned char)*arg))
		return;
	if (*arg == 'I')
		o->mode = MODE_FLUSH_ID;
	else if (*arg == 'R' || *arg == 'S')
		o->mode = MODE_FLUSH_SITE;
	else
		fatal("-q%c is not implemented", *arg);
	o->flush_what = arg + 1;
	if (*o->flush_what == '\0')
		fatal("-q%c: an argument is missing", *arg);
}

/* -o of old: -oi, -oA, others */
static void
set_old_option(struct options *o, const char *arg)
{
	if (*arg == 'A') {
		if (arg[1] == '\0')
			fatal("-oA requires pathname");
		o->alias_file = arg + 1;
	} else if (*arg == 'i') {
		o->keep_dots = true;
	}
}

/* -O of Sendmail 8, and requests of Postfix's own: what would be promised without being done is refused. */
static void
set_new_option(const char *arg)
{
	if (ascii_ncasecmp(arg, "requiretls=", 11) == 0 && ascii_casecmp(arg + 11, "no") != 0)
		fatal("-O requiretls is not implemented in this release");
}

static void
parse_one(struct options *o, int ch, const char *arg)
{
	switch (ch) {
	case 'b': set_mode(o, arg); break;
	case 'B': set_encoding(o, arg); break;
	case 'C': o->config = arg; break;
	case 'f':
	case 'r': o->sender = arg; break;
	case 'F': o->full_name = arg; break;
	case 'G': o->is_gateway = true; break;
	case 'i': o->keep_dots = true; break;
	case 'I': o->mode = MODE_NEWALIASES; break;
	case 'N': set_notify(o, arg); break;
	case 'o': set_old_option(o, arg); break;
	case 'O': set_new_option(arg); break;
	case 'q': set_queue_run(o, arg); break;
	case 'R': set_ret(o, arg); break;
	case 't': o->from_headers = true; break;
	case 'v': o->verbose++; break;
	case 'V': set_envid(o, arg); break;
	case 'X':
		if (*arg == 'V')
			o->verp = arg + 1;
		break;
	case 'A':
		if (*arg != 'c' && *arg != 'm')
			fatal("%s", USAGE);
		break;
	/* taken and ignored: -c -d -e -h -L -m -n -p -s -U -x */
	case 'c': case 'd': case 'e': case 'h': case 'L': case 'm': case 'n': case 'p': case 's': case 'U': case 'x': break;
	default: fatal("%s", USAGE);
	}
}

static void
check(const struct options *o)
{
	if (o->mode == MODE_VERIFY && o->from_headers)
		fatal("-t option cannot be used with -bv");
	if (o->mode == MODE_VERIFY && o->notify != 0)
		fatal("-N option cannot be used with -bv");
}

void
parse_options(struct options *o, int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	int ch;

	name = name != NULL ? name + 1 : argv[0];
	o->mode = strcmp(name, "mailq") == 0 ? MODE_MAILQ : strcmp(name, "newaliases") == 0 ? MODE_NEWALIASES : MODE_SUBMIT;
	while ((ch = getopt(argc, argv, "A:B:C:F:GIL:N:O:R:UV:X:b:cd::e:f:h:imno:p:q::r:stvx")) > 0)
		parse_one(o, ch, optarg);
	o->recipients = argv + optind;
	check(o);
}
