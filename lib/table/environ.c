/* SPDX-License-Identifier: Apache-2.0 */
/* environ: the environment of the process, read only. */
#include <stdlib.h>
#include <string.h>

#include "table/table_priv.h"

extern char **environ;

static int
environ_open(struct table *t UNUSED, struct err *err UNUSED)
{
	return 0;
}

static int
environ_lookup(struct table *t UNUSED, const char *key, size_t len UNUSED, struct strbuf *value, struct err *err UNUSED)
{
	const char *v = strchr(key, '=') != NULL || *key == '\0' ? NULL : getenv(key);

	if (v == NULL)
		return 0;
	strbuf_adds(value, v);
	return 1;
}

const struct table_driver table_environ = {
	.type = "environ", .traits = TABLE_T_PARTIAL, .open = environ_open, .lookup = environ_lookup,
};
