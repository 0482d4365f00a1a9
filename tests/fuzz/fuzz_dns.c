/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of name servers: the first byte chooses the question, the rest is the packet (its id is made to fit). */
#include <string.h>

#include "base/bug.h"
#include "resolver/resolver.h"
#include "tests/fuzz/fuzz.h"

static const struct question questions[] = {
	{ "mx.test", DNS_MX }, { "a.test", DNS_A }, { "a.test", DNS_AAAA }, { "t.test", DNS_TXT }, { "s.test", DNS_SRV },
	{ "_25._tcp.mx.test", DNS_TLSA }, { "1.2.0.192.in-addr.arpa", DNS_PTR }, { "c.test", DNS_CNAME },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(pool_free) struct pool *pool = pool_new(4096);
	uint8_t packet[2048];
	struct packet_answer a;

	if (size < 3 || size > sizeof(packet))
		return 0;
	memcpy(packet, data + 1, size - 1);
	packet[0] = packet[1] = 1;
	const struct question *q = &questions[data[0] % COUNT_OF(questions)];
	if (packet_read(packet, size - 1, q, 0x101, pool, &a) != PACKET_READ)
		return 0;
	ASSERT(a.reply.n <= DNS_MAX_RECORDS);
	ASSERT(a.reply.n > 0 || a.reply.status != DNS_OK);
	for (size_t i = 0; i < a.reply.n; i++)
		ASSERT(a.reply.rr[i].type == q->type && strlen(a.reply.rr[i].data) <= DNS_DATA_MAX);
	return 0;
}
