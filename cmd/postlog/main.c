/* SPDX-License-Identifier: Apache-2.0 */
/* postlog - writes records into the mail log for scripts */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "config/conf.h"
#include "config/setgid.h"
#include "daemon/logconf.h"

#define USAGE "usage: postlog [-c config_dir] [-i] [-p priority] [-t tag] [-v] [text...]"

static enum log_level
parse_level(const char *name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "info", LOG_LEVEL_INFO }, { "warn", LOG_LEVEL_WARNING }, { "warning", LOG_LEVEL_WARNING }, { "error", LOG_LEVEL_ERROR },
		{ "err", LOG_LEVEL_ERROR }, { "fatal", LOG_LEVEL_FATAL }, { "crit", LOG_LEVEL_FATAL }, { "panic", LOG_LEVEL_PANIC },
	};

	for (size_t i = 0; i < COUNT_OF(levels); i++)
		if (ascii_casecmp(name, levels[i].name) == 0)
			return levels[i].level;
	fatal("invalid priority: \"%s\"; info, warn, error, fatal or panic is expected", name);
}

static void
write_text(enum log_level level, char *text)
{
	ascii_printable(text, true);
	log_write(level, "%s", text);
}

static void
write_arguments(enum log_level level, char **argv)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(1 << 20);

	for (; *argv != NULL; argv++)
		strbuf_addf(&b, "%s%s", b.len > 0 ? " " : "", *argv);
	if (b.len > 0)
		write_text(level, b.s);
}

static void
write_input(enum log_level level)
{
	char line[2000];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line != '\0')
			write_text(level, line);
	}
}

static struct conf *
load(const char *dir_option)
{
	struct err err = ERR_INIT;
	const char *dir;
	struct conf *conf;

	if (conf_find_dir(dir_option, false, &dir, &err) < 0 || (conf = conf_load(dir, &err)) == NULL)
		fatal("%s", err.text);
	return conf;
}

int
main(int argc, char **argv)
{
	const char *dir = NULL, *tag = getenv("MAIL_LOGTAG");
	enum log_level level = LOG_LEVEL_INFO;
	int ch;

	if (setgid_start() < 0)
		return 1;
	log_init("postfix/postlog", "postlog", LOG_TO_STDERR);
	while ((ch = getopt(argc, argv, "c:ip:t:v")) > 0)
		switch (ch) {
		case 'c': dir = optarg; break;
		case 'i': break;	/* the process id is always there */
		case 'p': level = parse_level(optarg); break;
		case 't': tag = optarg; break;
		case 'v': log_set_verbose(log_verbose() + 1); break;
		default: fatal("%s", USAGE);
		}
	AUTO(conf_free) struct conf *conf = load(dir);
	log_from_conf(conf, "postlog", LOGCONF_STDERR | LOGCONF_FILE);
	if (tag != NULL && *tag != '\0') {
		AUTO(mem_free) char *clean = mem_strdup(tag);

		ascii_printable(clean, false);
		log_set_tag(clean);
	}
	if (optind < argc)
		write_arguments(level, argv + optind);
	else
		write_input(level);
	log_flush();
	return 0;
}
