/* SPDX-License-Identifier: Apache-2.0 */
/* rotate - a new maillog_file; the old one is renamed and compressed */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/logconf.h"
#include "postern.h"

/* The format is the administrator's. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t
format_time(char *out, size_t size, const char *format, const struct tm *tm)
{
	return strftime(out, size, format, tm);
}
#pragma GCC diagnostic pop

static char *
new_name(const struct postern *p)
{
	char suffix[100];
	time_t now = (time_t)clock_wall_s();
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL || format_time(suffix, sizeof(suffix), p->par.rotate_suffix, &tm) == 0)
		fatal("maillog_file_rotate_suffix: empty or too long: %s", p->par.rotate_suffix);
	return mem_printf("%s.%s", p->par.maillog_file, suffix);
}

static int
compress(const struct postern *p, const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fatal("fork: %m");
	if (pid == 0) {
		execlp(p->par.compressor, p->par.compressor, path, (char *)NULL);
		log_error("maillog_file_compressor %s: %m", p->par.compressor);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int
rotate_log(const struct postern *p, pid_t master)
{
	struct err err = ERR_INIT;
	AUTO(mem_free) char *to = NULL;
	struct stat st;

	if (p->par.maillog_file[0] == '\0')
		fatal("not logging to file: maillog_file is empty");
	if (maillog_check(p->conf, p->par.maillog_file, &err) < 0)
		fatal("%s", err.text);
	if (stat(p->par.maillog_file, &st) < 0 || !S_ISREG(st.st_mode))
		fatal("maillog_file %s is not a file that can be rotated", p->par.maillog_file);
	to = new_name(p);
	if (access(to, F_OK) == 0)
		fatal("%s is there already", to);
	if (rename(p->par.maillog_file, to) < 0)
		fatal("rename %s to %s: %m", p->par.maillog_file, to);
	if (master > 0) {
		(void)kill(master, SIGHUP);
		sleep(1);	/* what is still on its way goes to the old file */
	}
	if (p->par.compressor[0] != '\0' && compress(p, to) != 0)
		fatal("maillog_file_compressor: %s %s failed", p->par.compressor, to);
	return 0;
}
