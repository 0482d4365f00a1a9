/* SPDX-License-Identifier: Apache-2.0 */
/* data - finds lines and the end of data in a stream of bytes; see data.h for the rules. */
#include "smtp/data.h"

#include <string.h>

void
smtp_data_init(struct smtp_data *d, enum smtp_lf mode, size_t chunk)
{
	*d = (struct smtp_data){ .mode = mode, .chunk = chunk, .has_dots = true, .at_start = true, .after_crlf = true };
}

/* Pieces of chunk bytes while more than that is left, then the end. */
static void
put_line(const struct smtp_data *d, const char *p, size_t n, smtp_data_fn *put, void *arg)
{
	while (n >= d->chunk) {
		put(arg, false, p, d->chunk);
		p += d->chunk;
		n -= d->chunk;
	}
	put(arg, true, p, n);
}

/* One line of len bytes without its LF; true at the end of data. */
static bool
take_line(struct smtp_data *d, const char *p, size_t len, smtp_data_fn *put, void *arg)
{
	bool crlf = len > 0 && p[len - 1] == '\r';
	bool counts = (crlf && d->after_crlf) || d->mode == SMTP_LF_LAX;

	if (crlf)
		len--;
	if (d->has_dots && d->at_start && len > 0 && p[0] == '.') {
		if (len == 1 && counts)
			return true;
		if (len > 1) {		/* a lone dot that does not count stays a dot */
			p++;
			len--;
		}
	}
	put_line(d, p, len, put, arg);
	d->at_start = true;
	d->after_crlf = crlf || d->mode == SMTP_LF_LAX;
	return false;
}

/* No line end within n bytes: hand out whole pieces, keep back what may be the dot or the CR of an end. Returns bytes taken. */
static size_t
take_pieces(struct smtp_data *d, const char *p, size_t n, smtp_data_fn *put, void *arg)
{
	size_t used = 0;

	while (n - used >= d->chunk + SMTP_DATA_SLACK) {
		if (d->has_dots && d->at_start && p[used] == '.')
			used++;
		d->at_start = false;
		put(arg, false, p + used, d->chunk);
		used += d->chunk;
	}
	return used;
}

enum smtp_data_result
smtp_data_feed(struct smtp_data *d, const char *p, size_t n, size_t *used, smtp_data_fn *put, void *arg)
{
	size_t at = 0;
	const char *nl;
	enum smtp_data_result r = SMTP_DATA_MORE;

	while (r == SMTP_DATA_MORE && (nl = memchr(p + at, '\n', n - at)) != NULL) {
		size_t len = (size_t)(nl - (p + at));

		if (len == 0 || nl[-1] != '\r') {
			d->saw_bare_lf = true;
			if (d->mode == SMTP_LF_REJECT)
				r = SMTP_DATA_BARE_LF;
		}
		if (r == SMTP_DATA_MORE && take_line(d, p + at, len, put, arg))
			r = SMTP_DATA_END;
		at += len + 1;
	}
	if (r == SMTP_DATA_MORE)
		at += take_pieces(d, p + at, n - at, put, arg);
	*used = at;
	d->octets += at;
	return r;
}
