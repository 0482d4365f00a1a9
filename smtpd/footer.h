/* SPDX-License-Identifier: Apache-2.0 */
/*
 * footer - smtpd_reject_footer and smtpd_reject_footer_maps: lines added to each refusal, so that people can tell whom to ask
 *
 * The text is lines separated by "\n" (the two characters); with "\c" in front it goes on the last line of the reply.  Macros: $client,
 * $client_address, $client_name, $client_port, $server_name, $server_address, $server_port, $localtime, $recipient, $sender, $helo_name.
 */
#ifndef SMTPD_FOOTER_H
#define SMTPD_FOOTER_H

#include "smtpd/smtpd.h"

/* text: what the reply says so far, behind code and dsn. */
void footer_add(struct session *s, int code, const char *dsn, struct strbuf *text) MAY_WAIT;

#endif
