/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A literal of four bytes or more has, wherever it stands, one of two neighbouring triples at an even place. So
 * both are entered into the map and only even places are looked at. A triple's hash is its place in the map
 * and, cut shorter, in the table of those that have it. Little endian or big, the bytes are put together by
 * hand.
 *
 * Called by rpc/rules.c.
 */
#include "rpc/literals.h"

#include <stdlib.h>
#include <string.h>

#define MAP_BITS 16
#define TABLE_BITS 10
#define NONE UINT16_MAX

struct probe {
	uint32_t triple; /* folded */
	uint16_t literal;
	uint16_t at; /* of the triple in the literal */
	uint16_t next;
};

struct entry {
	uint32_t owner;
	uint16_t n;
	uint8_t text[LITERAL_MAX]; /* lower case */
};

struct literals {
	uint8_t map[(1 << MAP_BITS) / 8];
	uint16_t table[1 << TABLE_BITS];
	struct entry *v;
	struct probe *probes;
	size_t n;
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/*
 * Three bytes without the bit that tells upper case from lower. Other bytes lose it too, which only makes
 * the map a little less sharp.
 */
static uint32_t triple_at(const uint8_t *p)
{
	return (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16) | 0x202020;
}

static uint32_t hash(uint32_t triple)
{
	return triple * 0x9e3779b1u >> (32 - MAP_BITS);
}

/* How often a byte is met in English text and source code, roughly. */
static unsigned commonness(uint8_t c)
{
	static const char by_rank[] = " etaoinsrhldcumfpgwybvkxjqz";
	const char *at = strchr(by_rank, lower(c));

	if (c == 0 || !at)
		return c >= '0' && c <= '9' ? 6 : c >= 0x80 ? 8 : 3;
	return 30 - (unsigned)(at - by_rank);
}

static unsigned triple_cost(const uint8_t *p)
{
	static const char *const often[] = {
		"ing", "ion", "tio", "ent", "and", "the", "her", "for", "ati", "ate", "ter", "con", "com",
		"str", "est", "all", "ons", "nt ", "on ", "ed ", " in", " to", "ins", "res", "pre",
	};
	unsigned cost = commonness(p[0]) * commonness(p[1]) * commonness(p[2]);

	for (size_t i = 0; i < sizeof often / sizeof *often; i++)
		if (lower(p[0]) == (uint8_t)often[i][0] && lower(p[1]) == (uint8_t)often[i][1] &&
		    lower(p[2]) == (uint8_t)often[i][2])
			return 4 * cost;
	return cost;
}

static void add_probe(struct literals *l, size_t number, size_t literal, size_t at)
{
	struct probe *p = &l->probes[number];
	uint32_t triple = triple_at(l->v[literal].text + at), h = hash(triple);
	uint16_t *head = &l->table[h >> (MAP_BITS - TABLE_BITS)];

	*p = (struct probe){ .triple = triple, .literal = (uint16_t)literal, .at = (uint16_t)at, .next = *head };
	*head = (uint16_t)number;
	l->map[h >> 3] |= (uint8_t)(1 << (h & 7));
}

static void add(struct literals *l, size_t number, const struct literal *literal)
{
	struct entry *e = &l->v[number];
	size_t best = 0;
	unsigned cost = UINT32_MAX;

	e->owner = literal->owner;
	e->n = (uint16_t)literal->text.n;
	for (size_t i = 0; i < e->n; i++)
		e->text[i] = lower((uint8_t)literal->text.p[i]);
	for (size_t i = 0; i + 4 <= e->n; i++) {
		unsigned here = triple_cost(e->text + i) + triple_cost(e->text + i + 1);
		if (here < cost) {
			cost = here;
			best = i;
		}
	}
	add_probe(l, 2 * number, number, best);
	add_probe(l, 2 * number + 1, number, best + 1);
}

struct literals *literals_new(const struct literal *v, size_t n)
{
	struct literals *l = calloc(1, sizeof *l);

	if (!l || n >= NONE / 2)
		goto fail;
	l->v = calloc(n + 1, sizeof *l->v);
	l->probes = calloc(2 * n + 1, sizeof *l->probes);
	if (!l->v || !l->probes)
		goto fail;
	memset(l->table, 0xff, sizeof l->table);
	for (size_t i = 0; i < n; i++)
		add(l, i, &v[i]);
	l->n = n;
	return l;
fail:
	literals_free(l);
	return NULL;
}

void literals_free(struct literals *l)
{
	if (!l)
		return;
	free(l->v);
	free(l->probes);
	free(l);
}

struct search {
	const struct literals *l;
	const uint8_t *text;
	size_t n;
	literal_fn found;
	void *context;
};

static bool stands_at(const struct entry *e, const uint8_t *p)
{
	for (size_t i = 0; i < e->n; i++)
		if (lower(p[i]) != e->text[i])
			return false;
	return true;
}

/* The map has the triple at AT. */
static __attribute__((noinline)) void look(const struct search *s, size_t at, uint32_t triple)
{
	const struct literals *l = s->l;

	for (unsigned i = l->table[hash(triple) >> (MAP_BITS - TABLE_BITS)]; i != NONE; i = l->probes[i].next) {
		const struct probe *p = &l->probes[i];
		const struct entry *e = &l->v[p->literal];
		if (p->triple != triple || at < p->at || s->n - (at - p->at) < e->n)
			continue;
		if (!stands_at(e, s->text + at - p->at))
			continue;
		s->found(s->context, e->owner, at - p->at, at - p->at + e->n);
	}
}

static inline void probe(const struct search *s, size_t at)
{
	uint32_t triple = triple_at(s->text + at), h = hash(triple);

	if (__builtin_expect(s->l->map[h >> 3] >> (h & 7) & 1, 0))
		look(s, at, triple);
}

void literals_find(const struct literals *l, struct span text, literal_fn found, void *context)
{
	const struct search s = { l, (const uint8_t *)text.p, text.n, found, context };
	size_t at = 0;

	if (l->n == 0)
		return;
	for (; text.n - at >= 12 && text.n >= 12; at += 8) {
		probe(&s, at);
		probe(&s, at + 2);
		probe(&s, at + 4);
		probe(&s, at + 6);
	}
	for (; at + 3 <= text.n; at += 2)
		probe(&s, at);
}
