/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - policy servers (check_policy_service): where they are, standing connections, one question and its answer
 *
 * Endpoints are "inet:host:port" and "unix:path" (below the queue directory unless absolute), alone or with settings of their own,
 * "{ inet:127.0.0.1:9998, timeout=10s, default_action=DUNNO }".
 */
#ifndef SMTPD_POLICY_H
#define SMTPD_POLICY_H

#include "smtpd/smtpd.h"

struct policy;
/* NULL: the endpoint or a setting is wrong. */
NODISCARD struct policy *policy_new(const char *spec, struct err *err);
void policy_free(struct policy **pp);
/* The action into answer: the server's, or the default one when it cannot be had (logged). */
void policy_ask(struct policy *p, struct session *s, struct strbuf *answer) MAY_WAIT;

#endif
