/* SPDX-License-Identifier: Apache-2.0 */
/* postsuper - maintenance of the queue: options, privileges, the closing counts */
#include "postsuper.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "daemon/logconf.h"
#include "proto/qmgr.h"

enum { IDS_MAX = 1 << 20, PW_BUF = 16 << 10 };

static const char usage[] = "usage: postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] "
    "[-f queue_id (expire and/or un-hold)] [-h queue_id (hold)] [-H queue_id (un-hold)] [-p (purge temporary files)] "
    "[-r queue_id (requeue)] [-s (structure fix)] [-S (redundant structure fix)][-v (verbose)] [queue...]";

const char *
top_name(int top)
{
	return top == TOP_FLUSH ? "flush" : queue_name_str((enum queue_name)top);
}

static void
add_target(struct super *s, enum op op, const char *arg)
{
	s->used[op] = true;
	if (strcmp(arg, "ALL") == 0)
		s->all[op] = true;
	else if (strcmp(arg, "-") == 0)
		s->from_stdin[op] = true;
	else if (strvec_addf(&s->ids, "%d%s", (int)op, arg) < 0)
		fatal("more than %d queue ids: give them on standard input", IDS_MAX);
}

static int
parse_options(struct super *s, int argc, char **argv, const char **dir)
{
	int c, verbose = 0;

	while ((c = getopt(argc, argv, "c:d:e:f:h:H:pr:sSv")) > 0) {
		switch (c) {
		case 'c':
			if (*optarg != '/')
				fatal("-c requires absolute pathname");
			*dir = optarg;
			break;
		case 'd': add_target(s, OP_DELETE, optarg); break;
		case 'e': add_target(s, OP_EXPIRE, optarg); break;
		case 'f': add_target(s, OP_EXPIRE_RELEASE, optarg); break;
		case 'h': add_target(s, OP_HOLD, optarg); break;
		case 'H': add_target(s, OP_RELEASE, optarg); break;
		case 'r': add_target(s, OP_REQUEUE, optarg); break;
		case 'p': s->purge = true; break;
		case 'S': s->strict = true; s->structure = true; break;
		case 's': s->structure = true; break;
		case 'v': log_set_verbose(++verbose); break;
		default: fatal("%s", usage);
		}
	}
	return optind;
}

static void
name_queue(struct super *s, const char *arg)
{
	int n = strcmp(arg, "flush") == 0 ? TOP_FLUSH : queue_name_parse(arg);

	if (n < 0 || n == QUEUE_CORRUPT)
		fatal("invalid directory name: %s", arg);
	s->named[n] = s->any_named = true;
}

/* The queue is the mail owner's: what is made and moved here must be his. */
static void
become_owner(struct conf *conf)
{
	const char *owner = conf_get(conf, "mail_owner");
	char *buf = mem_alloc(PW_BUF);
	struct passwd pw, *found = NULL;

	if (owner == NULL || getpwnam_r(owner, &pw, buf, PW_BUF, &found) != 0 || found == NULL)
		fatal("mail_owner: unknown user: %s", owner != NULL ? owner : "");
	if (setgroups(0, NULL) < 0 || setgid(pw.pw_gid) < 0 || setuid(pw.pw_uid) < 0)
		fatal("become user %s: %s", owner, strerrordesc_np(errno));
	umask(077);
	mem_free(&buf);
}

static void
open_queue(struct super *s, const char *option_c)
{
	struct err err = ERR_INIT;
	struct conf *conf;
	const char *dir;

	if (conf_find_dir(option_c, false, &dir, &err) < 0)
		fatal("%s", err.text);
	conf = conf_load(dir, &err);
	if (conf == NULL)
		fatal("%s", err.text);
	log_from_conf(conf, "postsuper", LOGCONF_STDERR | LOGCONF_FILE);
	if (conf_get_bool(conf, "enable_long_queue_ids", false, &s->long_ids, &err) < 0)
		fatal("%s", err.text);
	become_owner(conf);
	s->q = queue_open(conf, &err);
	if (s->q == NULL)
		fatal("%s", err.text);
	s->queue_dir = conf_get(conf, "queue_directory");
	s->pickup = conf_get(conf, "pickup_service_name");
	if (chdir("/") < 0)
		fatal("chdir /: %s", strerrordesc_np(errno));
}

static void
count(bool show, const char *what, unsigned n)
{
	if (show)
		log_info("%s: %u message%s", what, n, n == 1 ? "" : "s");
}

static void
report(const struct super *s)
{
	count(s->renamed > 0, "Renamed to match inode number", s->renamed);
	if (s->renamed > 0)
		log_warning("QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS");
	count(s->used[OP_REQUEUE], "Requeued", s->requeued);
	count(s->used[OP_DELETE], "Deleted", s->deleted);
	count(s->used[OP_EXPIRE] || s->used[OP_EXPIRE_RELEASE], "Force-expired", s->expired);
	count(s->used[OP_HOLD], "Placed on hold", s->held);
	count(s->used[OP_RELEASE] || s->released > 0, "Released from hold", s->released);
	log_flush();
}

int
main(int argc, char **argv)
{
	struct super s = { .q = NULL };
	const char *dir = NULL;
	char name[] = "postsuper";
	bool any = false;

	log_init("postsuper", "postsuper", LOG_TO_STDERR);
	clock_init_zone();
	strvec_init(&s.ids, IDS_MAX);
	if (argc > 0)
		argv[0] = name;		/* getopt says it */
	parse_options(&s, argc, argv, &dir);
	if (getuid() != 0)
		fatal("use of this command is reserved for the superuser");
	for (int i = optind; i < argc; i++)
		name_queue(&s, argv[i]);
	for (int op = 0; op < OP_N; op++)
		any = any || s.used[op];
	if (!any && !s.purge && !s.structure)
		s.purge = s.structure = true;
	/* "all" means also what lies in a wrong place */
	for (int op = 0; op < OP_N && !s.structure; op++)
		s.only_places = s.only_places || s.all[op];
	s.structure = s.structure || s.only_places;
	open_queue(&s, dir);
	if (s.purge || s.structure)
		structure_repair(&s);
	actions_run(&s);
	report(&s);
	/* pickup looks by itself too, once a minute */
	if (s.requeued > 0 && s.queue_dir != NULL && s.pickup != NULL)
		(void)!trigger_send(s.queue_dir, s.pickup, "W", NULL);
	queue_free(&s.q);
	return 0;
}
