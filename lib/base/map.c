/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <string.h>
#include <sys/random.h>

#include "base/bug.h"
#include "base/mem.h"

/* Open addressing with linear probing; deletion moves later entries back, so that there are no tombstones. */
struct slot {
	char *key;
	void *value;
	uint64_t hash;
};

struct map {
	struct slot *slots;
	size_t n, cap;		/* cap is a power of two */
};

/* SipHash-1-3 (Aumasson, Bernstein), keyed once a process. */
static uint64_t seed[2];

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define ROUND(v0, v1, v2, v3) do { \
	v0 += v1; v1 = ROTL(v1, 13); v1 ^= v0; v0 = ROTL(v0, 32); v2 += v3; v3 = ROTL(v3, 16); v3 ^= v2; \
	v0 += v3; v3 = ROTL(v3, 21); v3 ^= v0; v2 += v1; v1 = ROTL(v1, 17); v1 ^= v2; v2 = ROTL(v2, 32); } while (0)

uint64_t
map_hash(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t v0, v1, v2, v3, m, b = (uint64_t)n << 56;

	while (seed[0] == 0)
		if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
			seed[0] = 0;
	v0 = seed[0] ^ 0x736f6d6570736575u;
	v1 = seed[1] ^ 0x646f72616e646f6du;
	v2 = seed[0] ^ 0x6c7967656e657261u;
	v3 = seed[1] ^ 0x7465646279746573u;
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&m, p, 8);
		v3 ^= m;
		ROUND(v0, v1, v2, v3);
		v0 ^= m;
	}
	for (size_t i = 0; i < n; i++)
		b |= (uint64_t)p[i] << (8 * i);
	v3 ^= b;
	ROUND(v0, v1, v2, v3);
	v0 ^= b;
	v2 ^= 0xff;
	ROUND(v0, v1, v2, v3);
	ROUND(v0, v1, v2, v3);
	ROUND(v0, v1, v2, v3);
	return v0 ^ v1 ^ v2 ^ v3;
}

struct map *
map_new(void)
{
	return NEW(struct map);
}

void
map_free(struct map **mp, void (*free_value)(void *))
{
	struct map *m = *mp;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->cap; i++) {
		if (m->slots[i].key == NULL)
			continue;
		if (free_value != NULL)
			free_value(m->slots[i].value);
		mem_free(&m->slots[i].key);
	}
	mem_free(&m->slots);
	mem_free(mp);
}

/* The slot that has the key, or the free one where it would go. */
static size_t
find(const struct map *m, const char *key, size_t n, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].key != NULL &&
	    (m->slots[i].hash != hash || strncmp(m->slots[i].key, key, n) != 0 || m->slots[i].key[n] != '\0'))
		i = (i + 1) & (m->cap - 1);
	return i;
}

void *
map_getn(const struct map *m, const char *key, size_t n)
{
	size_t i;

	if (m->n == 0)
		return NULL;
	i = find(m, key, n, map_hash(key, n));
	return m->slots[i].key != NULL ? m->slots[i].value : NULL;
}

void *
map_get(const struct map *m, const char *key)
{
	return map_getn(m, key, strlen(key));
}

static void
resize(struct map *m, size_t cap)
{
	struct slot *old = m->slots;
	size_t oldcap = m->cap;

	m->slots = mem_alloc_array(cap, sizeof(*m->slots));
	m->cap = cap;
	for (size_t i = 0; i < oldcap; i++) {
		size_t j;

		if (old[i].key == NULL)
			continue;
		for (j = old[i].hash & (cap - 1); m->slots[j].key != NULL; j = (j + 1) & (cap - 1))
			;
		m->slots[j] = old[i];
	}
	mem_free(&old);
}

void *
map_put(struct map *m, const char *key, void *value)
{
	size_t n = strlen(key), i;
	uint64_t hash = map_hash(key, n);
	void *old;

	ASSERT(value != NULL);
	if ((m->n + 1) * 4 > m->cap * 3)
		resize(m, m->cap == 0 ? 16 : m->cap * 2);
	i = find(m, key, n, hash);
	if (m->slots[i].key == NULL) {
		m->slots[i] = (struct slot){ .key = mem_strdup(key), .value = value, .hash = hash };
		m->n++;
		return NULL;
	}
	old = m->slots[i].value;
	m->slots[i].value = value;
	return old;
}

void *
map_del(struct map *m, const char *key)
{
	size_t n = strlen(key), i, j, home;
	void *old;

	if (m->n == 0)
		return NULL;
	i = find(m, key, n, map_hash(key, n));
	if (m->slots[i].key == NULL)
		return NULL;
	old = m->slots[i].value;
	mem_free(&m->slots[i].key);
	m->n--;
	for (j = (i + 1) & (m->cap - 1); m->slots[j].key != NULL; j = (j + 1) & (m->cap - 1)) {
		home = m->slots[j].hash & (m->cap - 1);
		/* may entry j move to i?  yes unless its home lies cyclically in (i, j] */
		if (((j - home) & (m->cap - 1)) >= ((j - i) & (m->cap - 1))) {
			m->slots[i] = m->slots[j];
			m->slots[j].key = NULL;
			i = j;
		}
	}
	return old;
}

size_t
map_count(const struct map *m)
{
	return m->n;
}

bool
map_next(const struct map *m, struct map_iter *it)
{
	/* When the last one was deleted another may have moved into its place. */
	if (it->key != NULL && it->slot < m->cap && m->slots[it->slot].key == it->key)
		it->slot++;
	for (; it->slot < m->cap; it->slot++) {
		if (m->slots[it->slot].key != NULL) {
			it->key = m->slots[it->slot].key;
			it->value = m->slots[it->slot].value;
			return true;
		}
	}
	return false;
}
