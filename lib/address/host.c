/* SPDX-License-Identifier: Apache-2.0 */
/* host - validity of host names and addresses, address literals, international names */
#include "address/host.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "base/ascii.h"

static bool
say_no(const char **why, const char *text)
{
	if (why != NULL)
		*why = text;
	return false;
}

static bool
label_is_valid(const char *label, size_t n, const char **why)
{
	if (n == 0)
		return say_no(why, "empty label");
	if (n > HOST_LABEL_LEN)
		return say_no(why, "label longer than 63 bytes");
	if (label[0] == '-' || label[n - 1] == '-')
		return say_no(why, "label begins or ends with '-'");
	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_alnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
			return say_no(why, "character that no host name has");
	}
	return true;
}

bool
host_is_name(const char *name, const char **why)
{
	size_t n = strlen(name), at = 0;

	if (n == 0)
		return say_no(why, "empty name");
	if (n > HOST_NAME_LEN)
		return say_no(why, "name longer than 255 bytes");
	if (strspn(name, "0123456789.") == n)
		return say_no(why, "numbers only");
	while (at <= n) {
		size_t len = strcspn(name + at, ".");

		if (!label_is_valid(name + at, len, why))
			return false;
		at += len + 1;
	}
	return true;
}

bool
host_is_ipv4(const char *s)
{
	for (int field = 0; field < 4; field++) {
		int value = 0, digits = 0;

		for (; ascii_is_digit((unsigned char)*s) && digits < 4; s++, digits++)
			value = value * 10 + (*s - '0');
		if (digits == 0 || digits > 3 || value > 255 || (field == 0 && value == 0))
			return false;
		if (*s++ != (field < 3 ? '.' : '\0'))
			return false;
	}
	return true;
}

bool
host_is_ipv6(const char *s)
{
	struct in6_addr a;

	return strchr(s, ':') != NULL && inet_pton(AF_INET6, s, &a) == 1;
}

bool
host_is_addr(const char *s)
{
	return host_is_ipv4(s) || host_is_ipv6(s);
}

int
host_literal_parse(const char *literal, char out[static HOST_ADDR_SIZE])
{
	char addr[HOST_ADDR_SIZE + 8];
	size_t n = strlen(literal);
	struct in6_addr a;

	if (n < 4 || n - 2 >= sizeof addr || literal[0] != '[' || literal[n - 1] != ']')
		return -1;
	memcpy(addr, literal + 1, n - 2);
	addr[n - 2] = '\0';
	if (ascii_ncasecmp(addr, "IPv6:", 5) == 0) {
		if (inet_pton(AF_INET6, addr + 5, &a) != 1)
			return -1;
		return inet_ntop(AF_INET6, &a, out, HOST_ADDR_SIZE) != NULL ? 0 : -1;
	}
	if (!host_is_ipv4(addr))
		return -1;
	memcpy(out, addr, strlen(addr) + 1);
	return 0;
}

void
host_literal_add(struct strbuf *out, const char *addr)
{
	strbuf_addf(out, strchr(addr, ':') != NULL ? "[IPv6:%s]" : "[%s]", addr);
}

int
host_to_ascii(const char *name, struct strbuf *out, struct err *err)
{
	size_t n = strlen(name), at = out->len;
	uint8_t *ascii = NULL;
	int r;

	if (n > 4 * HOST_NAME_LEN)
		return err_set(err, ERR_PERM, "5.1.2", "domain name too long");
	if (ascii_is_all(name, n)) {
		if (strbuf_adds(out, name) < 0)
			return err_set(err, ERR_PERM, "5.1.2", "domain name too long");
		ascii_lower_str(out->s + at);
		return 0;
	}
	r = idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (r != IDN2_OK)
		return err_set(err, ERR_PERM, "5.1.2", "not an international domain name: %s", idn2_strerror(r));
	r = strbuf_adds(out, (const char *)ascii);
	idn2_free(ascii);
	return r < 0 ? err_set(err, ERR_PERM, "5.1.2", "domain name too long") : 0;
}

void
host_to_utf8(const char *name, struct strbuf *out)
{
	char *utf8 = NULL;

	if (strlen(name) <= HOST_NAME_LEN && idn2_to_unicode_8z8z(name, &utf8, 0) == IDN2_OK)
		strbuf_adds(out, utf8);
	else
		strbuf_adds(out, name);
	idn2_free(utf8);
}
