/* SPDX-License-Identifier: Apache-2.0 */
/* sendmail - the command that programs send mail with; also mailq and newaliases */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/setgid.h"
#include "daemon/logconf.h"
#include "sendmail.h"

#define MAX_DATABASES 1000

static const struct conf_bind binds[] = {
	CONF_BIND_STR(struct settings, queue_dir, queue_directory),
	CONF_BIND_STR(struct settings, command_dir, command_directory),
	CONF_BIND_STR(struct settings, daemon_dir, daemon_directory),
	CONF_BIND_STR(struct settings, alias_database, alias_database),
	CONF_BIND_STR(struct settings, line_endings, sendmail_fix_line_endings),
	CONF_BIND_STR(struct settings, verp, default_verp_delimiters),
	CONF_BIND_STR(struct settings, verp_filter, verp_delimiter_filter),
	CONF_BIND_INT(struct settings, line_limit, line_length_limit),
	CONF_BIND_INT(struct settings, size_limit, message_size_limit),
};

/* Become another program of the suite. */
static NORETURN void
become(const char *dir, const char *program, const char *const *args)
{
	AUTO(strvec_done) struct strvec argv = STRVEC_INIT(MAX_DATABASES + 10);
	AUTO(mem_free) char *path = mem_printf("%s/%s", dir, program);

	strvec_add(&argv, program);
	for (; *args != NULL; args++)
		if (strvec_add(&argv, *args) < 0)
			fatal("too many arguments for %s", program);
	execv(path, strvec_argv(&argv));
	fatal("unable to run %s: %m", path);
}

static void
rebuild_aliases(const struct options *o, const struct settings *s)
{
	AUTO(strvec_done) struct strvec list = STRVEC_INIT(MAX_DATABASES);
	struct err err = ERR_INIT;

	if (conf_split_list(o->alias_file != NULL ? o->alias_file : s->alias_database, &list, &err) < 0)
		fatal("alias_database: %s", err.text);
	if (list.n == 0)
		exit(0);
	become(s->command_dir, "postalias", (const char *const *)strvec_argv(&list));
}

/* Does not return unless a message is to be read. */
static void
run_other_modes(const struct options *o, const struct settings *s)
{
	switch (o->mode) {
	case MODE_SUBMIT:
	case MODE_VERIFY: return;
	case MODE_MAILQ: become(s->command_dir, "postqueue", (const char *const[]){ "-p", NULL });
	case MODE_NEWALIASES: rebuild_aliases(o, s); return;
	case MODE_SMTP: become(s->daemon_dir, "smtpd", (const char *const[]){ "-S", NULL });
	case MODE_START: become(s->command_dir, "postern", (const char *const[]){ "start", NULL });
	case MODE_FLUSH: become(s->command_dir, "postqueue", (const char *const[]){ "-f", NULL });
	case MODE_FLUSH_ID: become(s->command_dir, "postqueue", (const char *const[]){ "-i", o->flush_what, NULL });
	case MODE_FLUSH_SITE: become(s->command_dir, "postqueue", (const char *const[]){ "-s", o->flush_what, NULL });
	}
}

/* -C may name a directory or the main.cf in it; programs that we start find the same by the environment. */
static char *
config_dir(const char *option)
{
	char *dir, *slash;
	struct err err = ERR_INIT;
	const char *found;

	if (option != NULL) {
		dir = mem_strdup(option);
		slash = strrchr(dir, '/');
		if (slash != NULL && strcmp(slash, "/main.cf") == 0)
			*slash = '\0';
		if (setenv("MAIL_CONFIG", dir, 1) < 0)
			fatal("setenv: %m");
		mem_free(&dir);
	}
	if (conf_find_dir(NULL, true, &found, &err) < 0)
		fatal("%s", err.text);
	return mem_strdup(found);
}

int
main(int argc, char **argv)
{
	struct options o = { .mode = MODE_SUBMIT };
	struct settings s;
	struct err err = ERR_INIT;

	fatal_status(EXIT_TEMPFAIL);
	if (setgid_start() < 0)
		return EXIT_TEMPFAIL;
	log_init("postfix/sendmail", "sendmail", LOG_TO_STDERR);
	parse_options(&o, argc, argv);
	AUTO(mem_free) char *dir = config_dir(o.config);
	AUTO(conf_free) struct conf *conf = conf_load(dir, &err);
	if (conf == NULL || conf_bind(conf, binds, COUNT_OF(binds), &s, &err) < 0)
		fatal("%s", err.text);
	log_from_conf(conf, "sendmail", LOGCONF_STDERR);
	if (o.verbose > 1)
		log_set_verbose(o.verbose - 1);
	run_other_modes(&o, &s);
	submit_message(&o, &s);
	return 0;
}
