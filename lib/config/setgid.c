/* SPDX-License-Identifier: Apache-2.0 */
/* setgid - what commands do that anybody may run and that have rights their caller lacks */
#include "config/setgid.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "config/userlist.h"

#define SAFE_PATH "/bin:/usr/bin:/sbin:/usr/sbin"
#define MAX_NAMES 1000
#define PASSWD_SIZE 16384	/* one entry of the user data base */

extern char **environ;

int
setgid_start(void)
{
	/* a file opened later must not become somebody's standard output */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
			return -1;
	umask(022);
	(void)prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

static int
keep_one(struct strvec *kept, const char *item, struct err *err)
{
	AUTO(mem_free) char *copy = mem_strdup(item);
	char *name, *value;

	if (strchr(item, '=') != NULL) {
		if (conf_split_nameval(copy, &name, &value, err) < 0)
			return err_prefix(err, "import_environment: ");
		return strvec_addf(kept, "%s=%s", name, value);
	}
	value = getenv(item);
	return value != NULL ? strvec_addf(kept, "%s=%s", item, value) : 0;
}

int
setgid_clean_env(struct conf *c, struct err *err)
{
	AUTO(strvec_done) struct strvec names = STRVEC_INIT(MAX_NAMES), kept = STRVEC_INIT(MAX_NAMES);
	const char *list = conf_get(c, "import_environment");

	if (conf_split_list(list != NULL ? list : "", &names, err) < 0)
		return err_prefix(err, "import_environment: ");
	for (size_t i = 0; i < names.n; i++)
		if (keep_one(&kept, names.v[i], err) < 0)
			return -1;
	clearenv();
	for (size_t i = 0; i < kept.n; i++) {
		char *value = strchr(kept.v[i], '=');

		*value++ = '\0';
		if (setenv(kept.v[i], value, 1) < 0)
			return err_sys(err, "setenv %s", kept.v[i]);
	}
	return setenv("PATH", SAFE_PATH, 1) < 0 ? err_sys(err, "setenv PATH") : 0;
}

void
setgid_user_name(uid_t uid, char *out, size_t size)
{
	AUTO(mem_free) char *buf = mem_alloc(PASSWD_SIZE);
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, buf, PASSWD_SIZE, &found) != 0 || found == NULL)
		snprintf(out, size, "unknown");
	else
		snprintf(out, size, "%s", pw.pw_name);
}

struct postmap {
	struct conf *conf;
	const char *program;
};

static int
start_postmap(const struct postmap *p, const char *spec, const char *user, int in, int out, pid_t *pid)
{
	char *argv[] = { mem_strdup("postmap"), mem_strdup("-c"), mem_strdup(conf_dir(p->conf)), mem_strdup("-q"), mem_strdup(user),
		mem_strdup(spec), NULL };
	posix_spawn_file_actions_t fa;
	int e;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, STDERR_FILENO);
	posix_spawn_file_actions_addclose(&fa, in);
	e = posix_spawn(pid, p->program, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	for (size_t i = 0; i < COUNT_OF(argv); i++)
		mem_free(&argv[i]);
	return e;
}

/* postmap ends with 1 both when the key is not there and when it could not look; only the latter has something to say. */
static int
ask_postmap(void *arg, const char *spec, const char *user, struct err *err)
{
	const struct postmap *p = arg;
	AUTO(strbuf_done) struct strbuf said = STRBUF_INIT(4096);
	int fds[2], status = 0, e;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	e = start_postmap(p, spec, user, fds[0], fds[1], &pid);
	close(fds[1]);
	if (e != 0) {
		close(fds[0]);
		errno = e;
		return err_sys(err, "run %s", p->program);
	}
	if (io_read_fd(fds[0], &said, NULL) < 0)
		(void)kill(pid, SIGKILL);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "wait for %s", p->program);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1 || said.len > 0) {
		said.s[strcspn(said.s, "\n")] = '\0';
		return err_set(err, ERR_TEMP, NULL, "table %.100s: %.200s", spec, said.s);
	}
	return WEXITSTATUS(status) == 0;
}

int
setgid_authorize(struct conf *c, const char *list, uid_t uid, struct err *err)
{
	const char *dir = conf_get(c, "command_directory");
	AUTO(mem_free) char *program = mem_printf("%s/postmap", dir != NULL ? dir : PN_COMMAND_DIRECTORY);
	struct postmap p = { .conf = c, .program = program };
	char user[256];

	setgid_user_name(uid, user, sizeof(user));
	return userlist_match(list, user, ask_postmap, &p, err);
}
