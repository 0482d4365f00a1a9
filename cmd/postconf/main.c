/* SPDX-License-Identifier: Apache-2.0 */
/* postconf - show and change main.cf and master.cf */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "postconf.h"

#define USAGE "usage: postconf [-a (server SASL types)] [-A (client SASL types)] [-c config_dir] [-C param_class] [-d (parameter defaults)] " \
	"[-e (edit configuration)] [-f (fold lines)] [-F (master.cf fields)] [-h (no names)] [-H (no values)] [-j (JSON)] [-l (lock types)] " \
	"[-m (map types)] [-M (master.cf)] [-n (non-default parameters)] [-o name=value (override parameter value)] [-p (main.cf, default)] " \
	"[-P (master.cf parameters)] [-q (quiet)] [-T compile-version|run-version|public-key-algorithms] [-v (verbose)] " \
	"[-x (expand parameter values)] [-X (exclude)] [-# (comment-out)] [name...]"

struct conf *
load_conf(const struct options *o)
{
	struct err err = ERR_INIT;
	struct conf *c;

	/* defaults are those of an empty main.cf */
	c = o->defaults ? conf_load_text("", &err) : conf_load(o->dir, &err);
	if (c == NULL)
		fatal("%s", err.text);
	conf_show_only(c);
	for (size_t i = 0; i < o->overrides.n; i++)
		if (conf_override(c, o->overrides.v[i], &err) < 0)
			fatal("-o %s: %s", o->overrides.v[i], err.text);
	return c;
}

struct master_cf *
load_master(const struct options *o, bool must_exist)
{
	AUTO(mem_free) char *path = mem_printf("%s/master.cf", o->dir);
	struct err err = ERR_INIT;
	struct master_cf *m;

	if (!must_exist && access(path, F_OK) < 0) {
		if (!o->quiet)
			log_warning("open %s: %m", path);
		return NULL;
	}
	m = master_cf_load(path, &err);
	if (m == NULL)
		fatal("%s", err.text);
	return m;
}

static int
parse_classes(const char *arg)
{
	static const struct {
		const char *name;
		int bits;
	} classes[] = { { "builtin", CLASS_BUILTIN }, { "service", CLASS_SERVICE }, { "user", CLASS_USER }, { "all", CLASS_ALL } };
	AUTO(strvec_done) struct strvec words = STRVEC_INIT(20);
	int bits = 0;

	if (strvec_split(&words, arg, ", \t") < 0)
		fatal("unknown -C option value \"%s\"", arg);
	for (size_t i = 0; i < words.n; i++) {
		bool found = false;

		for (size_t k = 0; k < COUNT_OF(classes); k++)
			if (ascii_casecmp(words.v[i], classes[k].name) == 0) {
				bits |= classes[k].bits;
				found = true;
			}
		if (!found)
			fatal("unknown -C option value \"%s\" in \"%s\"", words.v[i], arg);
	}
	return bits;
}

static void
set_change(struct options *o, enum change change)
{
	if (o->change != CHANGE_NONE && o->change != change)
		fatal("specify one of -e -X -#");
	o->change = change;
}

static void
set_subject(struct options *o, enum subject subject)
{
	if (o->subject != SUBJECT_MAIN && o->subject != subject)
		fatal("specify one of -F -M -P");
	o->subject = subject;
}

/* Options that make no sense together. */
static void
check_options(struct options *o)
{
	if (o->defaults && o->set_only)
		fatal("specify one of -d -n");
	if (o->no_names && o->no_values)
		fatal("specify one of -h -H");
	if (o->change != CHANGE_NONE && (o->defaults || o->set_only || o->expand || o->no_names || o->no_values || o->fold || o->json))
		fatal("specify one of -e %s", o->defaults ? "-d" : o->set_only ? "-n" : o->expand ? "-x" : o->no_names ? "-h" :
		    o->no_values ? "-H" : o->fold ? "-f" : "-j");
	if (o->subject != SUBJECT_MAIN && (o->defaults || o->set_only))
		fatal("with option -%c, do not specify %s", o->subject == SUBJECT_ENTRY ? 'M' : o->subject == SUBJECT_FIELD ? 'F' : 'P',
		    o->defaults ? "-d" : "-n");
	if (o->subject == SUBJECT_ENTRY && (o->no_names || o->no_values))
		fatal("with option -M, do not specify %s", o->no_names ? "-h" : "-H");
	/* "postconf name=value" is "postconf -e name=value" */
	for (char **name = o->names; *name != NULL && o->change == CHANGE_NONE; name++)
		if (strchr(*name, '=') != NULL)
			o->change = CHANGE_SET;
}

static int
run(struct options *o, int facts, const char *facts_arg)
{
	struct err err = ERR_INIT;

	if (conf_find_dir(o->dir, false, &o->dir, &err) < 0)
		fatal("%s", err.text);
	if (facts != 0)
		return show_facts(facts, facts_arg);
	check_options(o);
	if (o->change != CHANGE_NONE)
		return o->subject == SUBJECT_MAIN ? edit_main(o) : edit_services(o);
	return o->subject == SUBJECT_MAIN ? show_main(o) : show_services(o);
}

static bool
parse_option(struct options *o, int ch, const char *arg)
{
	switch (ch) {
	case 'c': o->dir = arg; return true;
	case 'C': o->classes = parse_classes(arg); return true;
	case 'd': o->defaults = true; return true;
	case 'e': set_change(o, CHANGE_SET); return true;
	case '#': set_change(o, CHANGE_COMMENT); return true;
	case 'X': set_change(o, CHANGE_REMOVE); return true;
	case 'f': o->fold = true; return true;
	case 'F': set_subject(o, SUBJECT_FIELD); return true;
	case 'M': set_subject(o, SUBJECT_ENTRY); return true;
	case 'P': set_subject(o, SUBJECT_SETTING); return true;
	case 'p': o->subject = SUBJECT_MAIN; return true;
	case 'h': o->no_names = true; return true;
	case 'H': o->no_values = true; return true;
	case 'j': o->json = true; return true;
	case 'n': o->set_only = true; return true;
	case 'q': o->quiet = true; return true;
	case 'v': log_set_verbose(log_verbose() + 1); return true;
	case 'x': o->expand = true; return true;
	case 'o':
		if (strvec_add(&o->overrides, arg) < 0)
			fatal("more than %zu options -o", o->overrides.max);
		return true;
	default: return false;
	}
}

int
main(int argc, char **argv)
{
	struct options o = { .classes = CLASS_ALL };
	const char *facts_arg = NULL;
	int ch, facts = 0, rc;

	log_init("postfix/postconf", "postconf", LOG_TO_STDERR);
	strvec_init(&o.overrides, 1000);
	while ((ch = getopt(argc, argv, "aAbc:C:deEfFhHjlmMno:pPqtT:vxX#")) > 0) {
		if (strchr("aAlmT", ch) != NULL) {
			facts = ch;
			facts_arg = optarg;
		} else if (ch == 'b' || ch == 't') {
			fatal("option -%c (bounce templates) is not implemented in this release", ch);
		} else if (!parse_option(&o, ch, optarg)) {
			fatal("%s", USAGE);
		}
	}
	o.names = argv + optind;
	rc = run(&o, facts, facts_arg);
	if (fflush(stdout) != 0 || ferror(stdout))
		fatal("write standard output: %m");
	strvec_done(&o.overrides);
	return rc;
}
