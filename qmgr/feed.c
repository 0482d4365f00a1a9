/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed - what becomes active next: incoming and deferred by turns, within qmgr_message_active_limit
 */
#include "base/log.h"
#include "qmgr/qmgr.h"

enum {
	LOADING_MAX = 100,		/* messages that are read and resolved at once */
	DEFERRED_PERCENT = 80,		/* old mail leaves room for new mail */
};

static struct item *
next_item(void)
{
	static bool deferred_turn;
	bool deferred_may = qm.n_active * 100 < (size_t)qm.conf.active_limit * DEFERRED_PERCENT;
	struct item *i = NULL;

	deferred_turn = !deferred_turn;
	if (deferred_turn && deferred_may)
		i = index_take(true);
	if (i == NULL)
		i = index_take(false);
	if (i == NULL && deferred_may)
		i = index_take(true);
	return i;
}

void
feed(void)
{
	struct err err = ERR_INIT;
	struct item *i;

	while (qm.n_active < (size_t)qm.conf.active_limit && qm.n_loading < LOADING_MAX && (i = next_item()) != NULL) {
		if (task_start_err("load", message_load, i, &err) == NULL) {
			log_warning("%s: %s", i->id, err.text);
			index_ready(i);
			return;
		}
		i->state = ITEM_ACTIVE;
		qm.n_active++;
		qm.n_loading++;
	}
}
