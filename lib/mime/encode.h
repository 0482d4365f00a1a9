/* SPDX-License-Identifier: Apache-2.0 */
/* encode - RFC 2047 encoded words for names in headers */
#ifndef MIME_ENCODE_H
#define MIME_ENCODE_H

#include "base/strbuf.h"

/*
 * Append a display name as a phrase: as it is or quoted when it is ASCII, else as encoded words of at most 75 bytes, folded, in the
 * charset (a text that is not valid in UTF-8 is labelled unknown-8bit).
 */
void encode_phrase(struct strbuf *out, const char *name, const char *charset);

#endif
