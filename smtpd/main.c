/* SPDX-License-Identifier: Apache-2.0 */
/* smtpd - the SMTP server. */
#include "smtpd/smtpd.h"

#include "base/bug.h"

static int
option(int opt, const char *arg)
{
	(void)arg;
	if (opt != 'S')
		return -1;
	env.stand_alone = true;
	return 0;
}

static void
start(void)
{
	struct err err = ERR_INIT;

	if (env.stand_alone)
		return;
	env.dns = dns_new(daemon_connect, (void *)(uintptr_t)"resolver");
	env.cleanup = cleanup_pool_new(daemon_conf());
	if (env.dns == NULL || env.cleanup == NULL)
		fatal("%s", err.text);
}

static const struct daemon smtpd = {
	.name = "smtpd",
	.sessions = DAEMON_MANY,
	.sandbox = "net",
	.binds = smtpd_binds,
	.conf = &conf,
	.stand_alone = true,
	.options = "S",
	.option = option,
	.pre_jail = smtpd_open,
	.start = start,
	.serve = session_serve,
};

int
main(int argc, char **argv)
{
	struct daemon d = smtpd;

	d.n_binds = smtpd_n_binds;
	return daemon_main(&d, argc, argv);
}
