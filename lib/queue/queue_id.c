/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue ids: their two forms, and how none is given twice within a day.
 *
 * A long id holds seconds, microseconds and inode, so it repeats only when the clock steps back; within a process the time is kept
 * rising.  A short id has 20 bits beside the inode, and ext4 hands out the inode of a message that just left at once: with microseconds
 * in these bits, as Postfix has it, busy systems repeat ids every few minutes.  So the 20 bits count: a table of the last count used, by
 * inode, is kept in a file that all processes of an instance map.  The count follows a clock that goes round once in 24 hours and runs
 * ahead of it only when an inode is reused faster than that (12 times a second).  It is scattered by an odd factor, so that the first digit,
 * which chooses the hash directory, spreads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "queue/queue_priv.h"

static const char alphabet[] = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

enum {
	SLOTS_OWN = 4096, SLOTS_SHARED = 65536,
	TICK_US = 82398,	/* 24 h / 2^20, rounded up */
	SCATTER = 0x9e375,	/* odd: a permutation of 20 bits */
	LONG_SECS = 6, LONG_USECS = 4, LONG_Z = LONG_SECS + LONG_USECS,
};

bool
queue_id_is_valid(const char *id)
{
	size_t n = 0;

	for (; id[n] != '\0'; n++)
		if (n >= QUEUE_ID_MAX || !(ascii_is_alnum((unsigned char)id[n]) || id[n] == '_'))
			return false;
	return n > 0;
}

static const char *
long_z(const char *id)
{
	const char *z = strrchr(id, 'z');

	return z != NULL && z - id >= LONG_Z ? z : NULL;
}

bool
queue_id_is_long(const char *id)
{
	return long_z(id) != NULL;
}

static int
decode(const char *s, size_t n, unsigned base, uint64_t *out)
{
	uint64_t v = 0;

	if (n == 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *p = s[i] != '\0' ? strchr(alphabet, s[i]) : NULL;

		if (p == NULL || (unsigned)(p - alphabet) >= base || v > (UINT64_MAX - base) / base)
			return -1;
		v = v * base + (uint64_t)(p - alphabet);
	}
	*out = v;
	return 0;
}

int
queue_id_time(const char *id, struct timeval *tv)
{
	const char *z = long_z(id);
	uint64_t s, us;

	if (z == NULL || decode(id, (size_t)(z - id) - LONG_USECS, 52, &s) < 0 || decode(z - LONG_USECS, LONG_USECS, 52, &us) < 0 ||
	    s > INT64_MAX || us > 999999)
		return -1;
	tv->tv_sec = (time_t)s;
	tv->tv_usec = (suseconds_t)us;
	return 0;
}

uint64_t
queue_id_inode(const char *id)
{
	const char *z = long_z(id);
	uint64_t v = 0;

	if (z != NULL)
		return decode(z + 1, strlen(z + 1), 51, &v) < 0 ? 0 : v;
	if (strlen(id) < 6 || strlen(id) > 21)
		return 0;
	for (const char *p = id + 5; *p != '\0'; p++) {
		int h = ascii_is_lower(*p) ? -1 : ascii_hexval((unsigned char)*p);

		if (h < 0)
			return 0;
		v = v << 4 | (uint64_t)h;
	}
	return v;
}

const char *
qid_hash_key(const char *id, char buf[static 8])
{
	const char *z = long_z(id);
	uint64_t us;

	if (z == NULL || decode(z - LONG_USECS, LONG_USECS, 52, &us) < 0)
		return id;
	snprintf(buf, 8, "%05X", (unsigned)us & 0xfffffff);
	return buf;
}

void
qid_gen_init(struct qid_gen *g)
{
	g->slots = mem_alloc_array(SLOTS_OWN, sizeof(*g->slots));
	g->n_slots = SLOTS_OWN;
	g->is_mapped = false;
	g->last_us = 0;
}

/* The file lies in a directory of the mail owner; root opens it too, so it must be what we think it is. */
static int
open_shared(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st, dir;
	char parent[1024];
	const char *slash = strrchr(path, '/');

	if (fd < 0)
		return -1;
	snprintf(parent, sizeof(parent), "%.*s", slash != NULL ? (int)(slash - path) : 1, slash != NULL ? path : ".");
	if (fstat(fd, &st) < 0 || stat(parent, &dir) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		goto bad;
	if (st.st_size == 0 && st.st_uid == geteuid() && dir.st_uid != st.st_uid && fchown(fd, dir.st_uid, dir.st_gid) == 0)
		st.st_uid = dir.st_uid;
	if (st.st_uid != dir.st_uid || (st.st_size != 0 && (size_t)st.st_size != bytes))
		goto bad;
	/* Blocks are reserved now: a full disk later must not kill the process with SIGBUS. */
	if (st.st_size == 0 && posix_fallocate(fd, 0, (off_t)bytes) != 0) {
		(void)!ftruncate(fd, 0);
		goto bad;
	}
	return fd;
bad:
	io_close(&fd);
	return -1;
}

void
qid_gen_share(struct qid_gen *g, const char *path)
{
	size_t bytes = SLOTS_SHARED * sizeof(*g->slots);
	AUTO(io_close) int fd = open_shared(path, bytes);
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return;
	mem_free(&g->slots);
	g->slots = p;
	g->n_slots = SLOTS_SHARED;
	g->is_mapped = true;
}

void
qid_gen_done(struct qid_gen *g)
{
	if (g->is_mapped)
		munmap(g->slots, g->n_slots * sizeof(*g->slots));
	else
		mem_free(&g->slots);
	g->slots = NULL;
	g->is_mapped = false;
}

static int64_t
wall_us(void)
{
	struct timeval tv = clock_wall();

	return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

static uint64_t
count_next(struct qid_gen *g, uint64_t inode)
{
	uint64_t *slot = &g->slots[((inode * 0x9e3779b97f4a7c15U) >> 32) & (g->n_slots - 1)];
	uint64_t now = (uint64_t)wall_us() / TICK_US, old = __atomic_load_n(slot, __ATOMIC_RELAXED), next;

	do {
		/* Far ahead of the clock is a clock set back or a torn file: both start anew. */
		next = old >= now && old - now < 1U << 20 ? old + 1 : now;
	} while (!__atomic_compare_exchange_n(slot, &old, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return next;
}

static void
encode(char *out, size_t width, uint64_t v, unsigned base)
{
	char tmp[16];
	size_t n = 0;

	do {
		tmp[n++] = alphabet[v % base];
		v /= base;
	} while (v > 0 && n < sizeof(tmp));
	while (n < width)
		tmp[n++] = '0';
	while (n > 0)
		*out++ = tmp[--n];
	*out = '\0';
}

void
qid_next(struct qid_gen *g, bool long_id, uint64_t inode, char out[static QUEUE_ID_MAX + 1])
{
	int64_t us;

	if (!long_id) {
		snprintf(out, QUEUE_ID_MAX + 1, "%05X%llX", (unsigned)(count_next(g, inode) * SCATTER & 0xfffff),
		    (unsigned long long)inode);
		return;
	}
	us = wall_us();
	/* A small step back of the clock is waited out; a large one (mended date) is believed. */
	if (us <= g->last_us && g->last_us - us < 3600 * (int64_t)1000000)
		us = g->last_us + 1;
	g->last_us = us;
	encode(out, LONG_SECS, (uint64_t)(us / 1000000), 52);
	encode(out + strlen(out), LONG_USECS, (uint64_t)(us % 1000000), 52);
	out[strlen(out) + 1] = '\0';
	out[strlen(out)] = 'z';
	encode(out + strlen(out), 1, inode, 51);
}

int
queue_id_renumber(const char *id, uint64_t inode, bool to_short, char out[static QUEUE_ID_MAX + 1])
{
	const char *z = long_z(id);
	char key[8];

	if (z == NULL || to_short) {
		const char *time = qid_hash_key(id, key);

		if (strlen(time) < 5)
			return -1;
		return snprintf(out, QUEUE_ID_MAX + 1, "%.5s%llX", time, (unsigned long long)inode) <= QUEUE_ID_MAX ? 0 : -1;
	}
	if (z + 1 - id > QUEUE_ID_MAX - 16)
		return -1;
	memcpy(out, id, (size_t)(z + 1 - id));
	encode(out + (z + 1 - id), 1, inode, 51);
	return 0;
}
