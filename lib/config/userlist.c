/* SPDX-License-Identifier: Apache-2.0 */
/* userlist - authorized_submit_users and its like, for set-gid commands */
#include "config/userlist.h"

#include <string.h>

#include "base/ascii.h"
#include "base/io.h"
#include "config/conf.h"

#define MAX_FILE ((size_t)1 << 20)
#define MAX_ITEMS 20000
#define MAX_DEPTH 10		/* files that name files */

struct search {
	const char *user;
	userlist_table_fn *table;
	void *arg;
	unsigned depth;
	struct err *err;
};

/* What an item says: 1 yes, -1 no, 0 nothing; -2 cannot tell */
static int match_list(struct search *s, const char *list);

static int
match_file(struct search *s, const char *path)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(MAX_FILE);
	int rc;

	if (s->depth >= MAX_DEPTH) {
		(void)err_set(s->err, ERR_CONF, NULL, "%s: files name each other", path);
		return -2;
	}
	if (io_read_file(path, &text, s->err) < 0)
		return -2;
	s->depth++;
	rc = match_list(s, text.s);
	s->depth--;
	return rc;
}

static int
match_item(struct search *s, const char *item)
{
	int rc;

	if (*item == '/')
		return match_file(s, item);
	if (strncmp(item, "static:", 7) == 0)
		return 1;
	if (strchr(item, ':') == NULL)
		return ascii_casecmp(item, s->user) == 0;
	rc = s->table(s->arg, item, s->user, s->err);
	return rc < 0 ? -2 : rc;
}

static int
match_list(struct search *s, const char *list)
{
	AUTO(strvec_done) struct strvec items = STRVEC_INIT(MAX_ITEMS);

	if (conf_split_list(list, &items, s->err) < 0)
		return -2;
	for (size_t i = 0; i < items.n; i++) {
		const char *item = items.v[i];
		bool negated = false;
		int rc;

		for (; *item == '!'; item++)
			negated = !negated;
		rc = match_item(s, item);
		if (rc == -2)
			return rc;
		if (rc != 0)
			return negated ? -rc : rc;
	}
	return 0;
}

int
userlist_match(const char *list, const char *user, userlist_table_fn *table, void *arg, struct err *err)
{
	struct search s = { .user = user, .table = table, .arg = arg, .err = err };
	int rc = match_list(&s, list);

	return rc == -2 ? -1 : rc > 0;
}
