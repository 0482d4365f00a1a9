/* SPDX-License-Identifier: Apache-2.0 */
/* run - other programs of the suite, started by the control command */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/mem.h"
#include "postern.h"

bool
has_program(const char *dir, const char *name)
{
	AUTO(mem_free) char *path = mem_printf("%s/%s", dir, name);

	return access(path, X_OK) == 0;
}

void
exec_program(const struct postern *p, const char *dir, const char *name, const char *const *args)
{
	AUTO(mem_free) char *path = mem_printf("%s/%s", dir, name);
	AUTO(strvec_done) struct strvec argv = STRVEC_INIT(100);

	strvec_add(&argv, name);
	strvec_add(&argv, "-c");
	strvec_add(&argv, p->conf_dir);
	for (size_t i = 0; args != NULL && args[i] != NULL; i++)
		strvec_add(&argv, args[i]);
	log_flush();
	execv(path, strvec_argv(&argv));
	log_error("cannot run %s: %m", path);
	_exit(127);
}

int
run_program(const struct postern *p, const char *dir, const char *name, const char *const *args)
{
	int status;
	pid_t pid;

	log_flush();
	pid = fork();
	if (pid < 0)
		fatal("fork: %m");
	if (pid == 0)
		exec_program(p, dir, name, args);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			fatal("waitpid: %m");
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
