/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cidr - networks "192.0.2.0/24", "[2001:db8::]/32" and the addresses in them
 */
#ifndef TABLE_CIDR_H
#define TABLE_CIDR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct cidr_addr {
	unsigned char b[16];	/* an IPv4 address fills the first four, the rest is zero */
	unsigned bits;		/* 32 or 128 */
};
struct cidr_net {
	struct cidr_addr addr;
	unsigned prefix;
};

/* With or without brackets; -1: no address. */
NODISCARD int cidr_parse_addr(const char *s, size_t n, struct cidr_addr *a);
void cidr_mask(struct cidr_addr *a, unsigned prefix);
/* An address or net/prefix; host bits that are not zero are an error. */
NODISCARD int cidr_parse(const char *text, struct cidr_net *out, struct err *err);
bool cidr_contains(const struct cidr_net *n, const struct cidr_addr *a);

#endif
