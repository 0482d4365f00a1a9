/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Berkeley DB hash (versions 7 to 10) and btree (8 to 10) files page by page. */
#include "table/bdb_read.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum {
	HASH_MAGIC = 0x061561, BTREE_MAGIC = 0x053162,
	PAGE_HEADER = 26, META_CHECKSUM = 1, PAGE_MIN = 512, PAGE_MAX = 65536,
	P_HASH_UNSORTED = 2, P_IBTREE = 3, P_LBTREE = 5, P_OVERFLOW = 7, P_HASH = 13,
	H_KEYDATA = 1, H_OFFPAGE = 3,
	B_KEYDATA = 1, B_OVERFLOW = 3, B_DELETED = 0x80,
	SPARES = 32, DEPTH_MAX = 50,
};

/* Offsets on the first page. */
enum { AT_MAGIC = 12, AT_VERSION = 16, AT_PAGESIZE = 20, AT_ENCRYPT = 24, AT_METAFLAGS = 26, AT_LAST_PGNO = 32,
	AT_MAX_BUCKET = 72, AT_HIGH_MASK = 76, AT_LOW_MASK = 80, AT_CHARKEY = 92, AT_SPARES = 96, AT_ROOT = 88 };

static uint32_t
get32(const struct bdb_file *f, const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return f->swapped ? __builtin_bswap32(v) : v;
}

static unsigned
get16(const struct bdb_file *f, const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return f->swapped ? __builtin_bswap16(v) : v;
}

static int
damaged(const struct bdb_file *f, const char *what, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.3.0", "%s: damaged database: %s", f->path, what);
}

static int
read_at(const struct bdb_file *f, void *buf, size_t n, uint64_t at, struct err *err)
{
	ssize_t got;

	do
		got = pread(f->fd, buf, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(err, "read %s", f->path);
	return (size_t)got == n ? 0 : damaged(f, "it ends too early", err);
}

static unsigned
page_type(const struct bdb_file *f)
{
	return f->page[25];
}

static int
read_page(struct bdb_file *f, uint32_t no, struct err *err)
{
	if (no == 0 || no > f->last_page)
		return damaged(f, "page number out of range", err);
	if (read_at(f, f->page, f->page_size, (uint64_t)no * f->page_size, err) < 0)
		return -1;
	return get32(f, f->page + 8) == no || page_type(f) == 0 ? 0 : damaged(f, "a page in the wrong place", err);
}

/* Number of items, as far as their index fits the page. */
static unsigned
page_entries(const struct bdb_file *f)
{
	unsigned n = get16(f, f->page + 20), most = (f->page_size - PAGE_HEADER) / 2;

	return n < most ? n : most;
}

static uint32_t
item_at(const struct bdb_file *f, unsigned i)
{
	return get16(f, f->page + PAGE_HEADER + 2 * i);
}

int
bdb_read_meta(struct bdb_file *f, bool is_hash, struct err *err)
{
	unsigned char *m = f->meta;
	uint32_t magic = is_hash ? HASH_MAGIC : BTREE_MAGIC, version, size;

	if (read_at(f, m, BDB_META_SIZE, 0, err) < 0)
		return -1;
	f->swapped = false;
	if (get32(f, m + AT_MAGIC) == __builtin_bswap32(magic))
		f->swapped = true;
	if (get32(f, m + AT_MAGIC) != magic)
		return err_set(err, ERR_CONF, "4.3.0", "open database %s: no Berkeley DB %s file", f->path, is_hash ? "hash" : "btree");
	version = get32(f, m + AT_VERSION);
	if (version < (is_hash ? 7 : 8) || version > 10 || m[AT_ENCRYPT] != 0 || (m[AT_METAFLAGS] & META_CHECKSUM) != 0)
		return err_set(err, ERR_CONF, "4.3.0", "open database %s: unknown version %u of the format", f->path, version);
	size = get32(f, m + AT_PAGESIZE);
	if (size < PAGE_MIN || size > PAGE_MAX || (size & (size - 1)) != 0)
		return damaged(f, "page size", err);
	if (f->page == NULL || size != f->page_size)
		f->page = mem_realloc_array(f->page, size, 1);
	f->page_size = size;
	f->last_page = get32(f, m + AT_LAST_PGNO);
	return 0;
}

void
bdb_file_done(struct bdb_file *f)
{
	mem_free(&f->page);
}

/* Contents that did not fit on a page, from its chain of overflow pages. */
static int
read_overflow(struct bdb_file *f, uint32_t no, uint32_t total, struct strbuf *out, struct err *err)
{
	for (uint32_t steps = 0; total > 0; steps++) {
		uint32_t n;

		if (steps > f->last_page)
			return damaged(f, "a chain of pages without end", err);
		if (read_page(f, no, err) < 0)
			return -1;
		n = get16(f, f->page + 22);
		if (page_type(f) != P_OVERFLOW || n == 0 || n > f->page_size - PAGE_HEADER || n > total)
			return damaged(f, "an overflow page", err);
		if (strbuf_add(out, f->page + PAGE_HEADER, n) < 0)
			return err_set(err, ERR_TEMP, "4.3.0", "%s: a value is longer than %zu bytes", f->path, out->max);
		total -= n;
		no = get32(f, f->page + 16);
	}
	return 0;
}

/* ---- hash */
/* Fowler, Noll and Vo's hash in the variant that multiplies first. */
static uint32_t
hash_of(const unsigned char *p, size_t n)
{
	uint32_t h = 0;

	for (size_t i = 0; i < n; i++)
		h = (h * 16777619u) ^ p[i];
	return h;
}

static int
bucket_page(struct bdb_file *f, uint32_t hash, uint32_t *no, struct err *err)
{
	static const char probe[] = "%$sniglet^&";
	const unsigned char *m = f->meta;
	uint32_t max = get32(f, m + AT_MAX_BUCKET), bucket = hash & get32(f, m + AT_HIGH_MASK);
	unsigned log2 = 0;

	if (get32(f, m + AT_CHARKEY) != hash_of((const unsigned char *)probe, sizeof(probe)))
		return err_set(err, ERR_CONF, "4.3.0", "open database %s: made with an unknown hash function", f->path);
	if (bucket > max)
		bucket &= get32(f, m + AT_LOW_MASK);
	while (log2 < SPARES && (1ull << log2) < (uint64_t)bucket + 1)
		log2++;
	if (bucket > max || log2 >= SPARES)
		return damaged(f, "bucket numbers", err);
	*no = bucket + get32(f, m + AT_SPARES + 4 * log2);
	return 0;
}

/* An item of a hash page: the bytes between its offset and the one before. */
static int
hash_item(const struct bdb_file *f, unsigned i, const unsigned char **p, size_t *n, struct err *err)
{
	uint32_t at = item_at(f, i), end = i == 0 ? f->page_size : item_at(f, i - 1);

	if (at < PAGE_HEADER || at >= end || end > f->page_size)
		return damaged(f, "an item outside its page", err);
	*p = f->page + at;
	*n = end - at;
	return 0;
}

/* 1 when item i is the key.  A key kept on overflow pages is longer than any key that is asked for here only when its length differs. */
static int
hash_key_is(struct bdb_file *f, unsigned i, const void *key, size_t len, struct err *err)
{
	const unsigned char *p;
	size_t n;

	if (hash_item(f, i, &p, &n, err) < 0)
		return -1;
	if (*p == H_KEYDATA)
		return n - 1 == len && memcmp(p + 1, key, len) == 0;
	if (*p == H_OFFPAGE && n >= 12 && get32(f, p + 8) == len) {
		AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(len);
		uint32_t here = get32(f, f->page + 8);

		if (read_overflow(f, get32(f, p + 4), (uint32_t)len, &b, err) < 0 || read_page(f, here, err) < 0)
			return -1;
		return memcmp(b.s, key, len) == 0;
	}
	return 0;
}

static int
hash_value(struct bdb_file *f, unsigned i, struct strbuf *value, struct err *err)
{
	const unsigned char *p;
	size_t n;

	if (hash_item(f, i, &p, &n, err) < 0)
		return -1;
	if (*p == H_KEYDATA) {
		strbuf_add(value, p + 1, n - 1);
		return 1;
	}
	if (*p != H_OFFPAGE || n < 12)
		return damaged(f, "an item of unknown type", err);
	return read_overflow(f, get32(f, p + 4), get32(f, p + 8), value, err) < 0 ? -1 : 1;
}

int
bdb_hash_get(struct bdb_file *f, const void *key, size_t len, struct strbuf *value, struct err *err)
{
	uint32_t no = 0;

	if (bucket_page(f, hash_of(key, len), &no, err) < 0)
		return -1;
	for (uint32_t steps = 0; no != 0; steps++) {
		unsigned n;

		if (steps > f->last_page)
			return damaged(f, "a chain of pages without end", err);
		if (read_page(f, no, err) < 0)
			return -1;
		/* a bucket that never held anything is a page of zeros in a hole */
		if (page_type(f) != P_HASH && page_type(f) != P_HASH_UNSORTED)
			return page_type(f) == 0 ? 0 : damaged(f, "no hash page where one should be", err);
		n = page_entries(f);
		for (unsigned i = 0; i + 1 < n; i += 2) {
			int r = hash_key_is(f, i, key, len, err);

			if (r != 0)
				return r < 0 ? -1 : hash_value(f, i + 1, value, err);
		}
		no = get32(f, f->page + 16);
	}
	return 0;
}

/* ---- btree */
static int
compare(const void *a, size_t an, const void *b, size_t bn)
{
	size_t n = an < bn ? an : bn;
	int d = n > 0 ? memcmp(a, b, n) : 0;

	return d != 0 ? d : an < bn ? -1 : an > bn;
}

/* Compare the key with item i of the page: <0, 0, >0 in *cmp. */
static int
btree_compare(struct bdb_file *f, unsigned i, const void *key, size_t len, int *cmp, struct err *err)
{
	bool internal = page_type(f) == P_IBTREE;
	uint32_t at = item_at(f, i), head = internal ? 12 : 3, n, here = get32(f, f->page + 8);
	const unsigned char *p = f->page + at;
	AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(STRBUF_HUGE);

	if (at < PAGE_HEADER || at + 12 > f->page_size + (internal ? 0 : 9))
		return damaged(f, "an item outside its page", err);
	n = get16(f, p);
	if ((p[2] & ~B_DELETED) == B_KEYDATA) {
		if (at + head + n > f->page_size)
			return damaged(f, "an item outside its page", err);
		*cmp = compare(key, len, p + head, n);
		return 0;
	}
	if ((p[2] & ~B_DELETED) != B_OVERFLOW)
		return damaged(f, "an item of unknown type", err);
	if (internal)
		p += 12;	/* the overflow reference is the data of the internal item */
	if (p + 12 > f->page + f->page_size)
		return damaged(f, "an item outside its page", err);
	if (read_overflow(f, get32(f, p + 4), get32(f, p + 8), &b, err) < 0 || read_page(f, here, err) < 0)
		return -1;
	*cmp = compare(key, len, b.s, b.len);
	return 0;
}

/* Index of the last item that is not greater than the key, in steps of two on leaves; *exact when equal.  The first item of an internal
 * page counts as smaller than every key. */
static int
btree_search(struct bdb_file *f, unsigned step, const void *key, size_t len, unsigned *index, bool *exact, struct err *err)
{
	unsigned low = 0, high = page_entries(f) / step;	/* first greater one lies in [low, high] */

	*exact = false;
	if (step == 1)
		low = 1;
	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		int cmp = 0;

		if (btree_compare(f, mid * step, key, len, &cmp, err) < 0)
			return -1;
		if (cmp == 0) {
			*exact = true;
			*index = mid * step;
			return 0;
		}
		if (cmp > 0)
			low = mid + 1;
		else
			high = mid;
	}
	*index = low > 0 ? (low - 1) * step : 0;
	return 0;
}

static int
btree_value(struct bdb_file *f, unsigned i, struct strbuf *value, struct err *err)
{
	uint32_t at, n;
	const unsigned char *p;

	if (i >= page_entries(f))
		return damaged(f, "a key without value", err);
	at = item_at(f, i);
	p = f->page + at;
	if (at < PAGE_HEADER || at + 3 > f->page_size)
		return damaged(f, "an item outside its page", err);
	if ((p[2] & B_DELETED) != 0)
		return 0;
	n = get16(f, p);
	if (p[2] == B_KEYDATA && at + 3 + n <= f->page_size) {
		strbuf_add(value, p + 3, n);
		return 1;
	}
	if (p[2] != B_OVERFLOW || at + 12 > f->page_size)
		return damaged(f, "an item outside its page", err);
	return read_overflow(f, get32(f, p + 4), get32(f, p + 8), value, err) < 0 ? -1 : 1;
}

int
bdb_btree_get(struct bdb_file *f, const void *key, size_t len, struct strbuf *value, struct err *err)
{
	uint32_t no = get32(f, f->meta + AT_ROOT);

	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		unsigned i;
		bool exact, leaf;

		if (read_page(f, no, err) < 0)
			return -1;
		leaf = page_type(f) == P_LBTREE;
		if (!leaf && page_type(f) != P_IBTREE)
			return damaged(f, "no btree page where one should be", err);
		if (page_entries(f) == 0)
			return leaf ? 0 : damaged(f, "an empty inner page", err);
		if (btree_search(f, leaf ? 2 : 1, key, len, &i, &exact, err) < 0)
			return -1;
		if (leaf)
			return exact ? btree_value(f, i + 1, value, err) : 0;
		if (item_at(f, i) + 12 > f->page_size)
			return damaged(f, "an item outside its page", err);
		no = get32(f, f->page + item_at(f, i) + 4);
	}
	return damaged(f, "the tree is too deep", err);
}
