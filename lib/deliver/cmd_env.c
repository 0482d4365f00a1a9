/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of programs that agents start. */
#include "deliver/cmd_env.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/conf.h"
#include "daemon/daemon.h"

enum { NAMES_MAX = 1000 };

void
cmd_env_add(struct strvec *env, const char *export_environment)
{
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(NAMES_MAX);

	(void)strvec_add(env, "PATH=/usr/bin:/bin");
	if (conf_split_list(export_environment, &v, NULL) < 0)
		return;
	for (size_t i = 0; i < v.n; i++) {
		const char *value = strchr(v.v[i], '=') != NULL ? NULL : getenv(v.v[i]);

		if (strchr(v.v[i], '=') != NULL)
			(void)strvec_add(env, v.v[i]);
		else if (value != NULL)
			(void)strvec_addf(env, "%s=%s", v.v[i], value);
	}
}

void
cmd_env_reset_process(void)
{
	static const int signals[] = { SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2, SIGQUIT };
	sigset_t none;

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		(void)signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	umask(077);
	daemon_restore_limits();
}
