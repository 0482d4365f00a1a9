/* SPDX-License-Identifier: Apache-2.0 */
/* facts - what this build can do: table types, SASL types, lock types, TLS library */
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "postconf.h"
#include "table/table.h"

static void
print_lines(const char *const *lines)
{
	for (; *lines != NULL; lines++)
		puts(*lines);
}

static int
show_tls(const char *what)
{
	static const char *const algorithms[] = { "dsa", "ecdsa", "rsa", NULL };

	if (strcmp(what, "compile-version") == 0) {
		puts(OPENSSL_VERSION_TEXT);
	} else if (strcmp(what, "run-version") == 0) {
		puts(OpenSSL_version(OPENSSL_VERSION));
	} else if (strcmp(what, "public-key-algorithms") == 0) {
		print_lines(algorithms);
	} else {
		log_warning("unknown 'postconf -T' mode: %s", what);
		return 1;
	}
	return 0;
}

int
show_facts(int letter, const char *arg)
{
	static const char *const servers[] = { "cyrus", "dovecot", NULL };
	static const char *const clients[] = { "cyrus", NULL };
	static const char *const locks[] = { "flock", "fcntl", "dotlock", NULL };

	switch (letter) {
	case 'm': print_lines(table_types()); return 0;
	case 'a': print_lines(servers); return 0;
	case 'A': print_lines(clients); return 0;
	case 'l': print_lines(locks); return 0;
	default: return show_tls(arg);
	}
}
