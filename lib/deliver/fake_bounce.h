/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_bounce - a bounce service for tests
 */
#ifndef DELIVER_FAKE_BOUNCE_H
#define DELIVER_FAKE_BOUNCE_H

#include "proto/bounce.h"

extern char fake_bounce_last[1000];	/* "queue id rcpt status action reason" of the last record */
extern bool fake_bounce_fails;

#endif
