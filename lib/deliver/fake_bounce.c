/* SPDX-License-Identifier: Apache-2.0 */
/* a bounce service for tests: it notes what it was asked, or fails when fake_bounce_fails is set */
#include <stdio.h>

#include "deliver/fake_bounce.h"

char fake_bounce_last[1000];
bool fake_bounce_fails;

int
bounce_append(struct bounce *b, enum queue_name which, const char *id, const struct dlog_entry *e, struct err *err)
{
	(void)b;
	if (fake_bounce_fails)
		return err_set(err, ERR_TEMP, NULL, "no service");
	snprintf(fake_bounce_last, sizeof(fake_bounce_last), "%s %s %s %s %s %s", queue_name_str(which), id, e->rcpt, e->status,
	    e->action, e->reason);
	return 0;
}
