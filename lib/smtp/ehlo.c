/* SPDX-License-Identifier: Apache-2.0 */
/* ehlo - names of service extensions, in the order in which they are announced. */
#include "smtp/ehlo.h"

#include <string.h>

#include "base/ascii.h"

static const char *const names[] = { "PIPELINING", "SIZE", "VRFY", "ETRN", "STARTTLS", "AUTH", "XVERP", "XCLIENT", "XFORWARD",
	"ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING", "REQUIRETLS", "silent-discard" };

unsigned
smtp_ehlo_mask(const char *list, struct strbuf *unknown)
{
	unsigned mask = 0;

	for (;;) {
		size_t n, i;

		list += strspn(list, ", \t\r\n");
		n = strcspn(list, ", \t\r\n");
		if (n == 0)
			return mask;
		for (i = 0; i < COUNT_OF(names); i++)
			if (strlen(names[i]) == n && ascii_ncasecmp(list, names[i], n) == 0)
				break;
		if (i < COUNT_OF(names)) {
			mask |= 1U << i;
		} else if (unknown != NULL) {
			if (unknown->len > 0)
				(void)strbuf_adds(unknown, ", ");
			(void)strbuf_add(unknown, list, n);
		}
		list += n;
	}
}

const char *
smtp_ehlo_name(unsigned mask, unsigned *bit)
{
	for (unsigned i = 0; i < COUNT_OF(names); i++)
		if ((mask & 1U << i) != 0) {
			*bit = 1U << i;
			return names[i];
		}
	*bit = 0;
	return NULL;
}
