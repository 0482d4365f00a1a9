/* SPDX-License-Identifier: Apache-2.0 */
/* postmap -F: tables whose values are the contents of files, in base64 (RFC 4648 section 4). */
#include <openssl/evp.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "mapcmd.h"

enum { CONTENT_MAX = 16 << 20 };

int
filecontent_encode(const char *names, struct strbuf *out, const char *where)
{
	AUTO(strbuf_done) struct strbuf content = STRBUF_INIT(CONTENT_MAX);
	AUTO(strvec_done) struct strvec v = STRVEC_INIT(1000);
	struct err err = ERR_INIT;
	char *room;
	int n;

	if (strvec_split(&v, names, ", \t\r\n") < 0 || v.n == 0) {
		log_warning("%s: no file names, or too many: skipping this entry", where);
		return -1;
	}
	for (size_t i = 0; i < v.n; i++) {
		if (io_read_file(v.v[i], &content, &err) < 0) {
			log_warning("%s: %s: skipping this entry", where, err.text);
			return -1;
		}
	}
	room = strbuf_room(out, 4 * ((content.len + 2) / 3) + 1);
	if (room == NULL) {
		log_warning("%s: more than the longest value: skipping this entry", where);
		return -1;
	}
	n = EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)content.s, (int)content.len);
	strbuf_grown(out, (size_t)n);
	return 0;
}

int
filecontent_decode(const char *text, struct strbuf *out)
{
	size_t len = strlen(text), pad = 0;
	char *room;
	int n;

	if (len % 4 != 0)
		return -1;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	room = strbuf_room(out, len / 4 * 3 + 1);
	if (room == NULL)
		return -1;
	n = EVP_DecodeBlock((unsigned char *)room, (const unsigned char *)text, (int)len);
	if (n < (int)pad)
		return -1;
	strbuf_grown(out, (size_t)n - pad);
	return 0;
}
