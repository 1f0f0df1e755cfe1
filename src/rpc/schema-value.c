/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See schema-value.h. The recursions are as deep as a tree is nested, at most TREE_DEPTH. */
#include "rpc/schema-value.h"

#include "base/sort.h"
#include "rpc/schema-number.h"

#include <stdlib.h>

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h;
}

uint64_t value_hash_bytes(struct span text)
{
	uint64_t h = 0x9ae16a3b2f90404fu ^ text.n, word = 0;
	size_t i = 0;

	for (; i + 8 <= text.n; i += 8) {
		memcpy(&word, text.p + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	if (i < text.n) {
		word = 0;
		memcpy(&word, text.p + i, text.n - i);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
	}
	return mix(h);
}

static uint64_t token_work(const struct tree *t, uint32_t i)
{
	return 1 + (t->v[i].end - t->v[i].start) / 32;
}

static struct span string_of(struct values *v, const struct tree *t, uint32_t i, struct buf *scratch)
{
	struct span text = tree_string_span(t, i, scratch);

	if (scratch->full) {
		v->work->out = true;
		v->work->left = 0;
	}
	return text;
}

uint64_t value_hash(struct values *v, const struct tree *t, uint32_t i)
{
	uint64_t h = t->v[i].type * 0x9e3779b97f4a7c15u + 1;
	struct decimal d;

	switch (t->v[i].type) {
	case TREE_NUMBER:
		if (!work(v->work, token_work(t, i)))
			return 0;
		decimal_parse(tree_raw(t, i), &d);
		return mix(h ^ decimal_hash(&d));
	case TREE_STRING:
		if (!work(v->work, token_work(t, i)))
			return 0;
		return mix(h ^ value_hash_bytes(string_of(v, t, i, &v->a)));
	case TREE_ARRAY:
		for (uint32_t k = tree_first(t, i); k < t->v[i].next && !v->work->out; k = t->v[k].next)
			h = mix(h ^ value_hash(v, t, k)) + 1;
		break;
	case TREE_OBJECT:
		for (uint32_t k = tree_first(t, i); k < t->v[i].next && !v->work->out; k = t->v[k + 1].next) {
			uint64_t key = value_hash(v, t, k);
			h += mix(key ^ (value_hash(v, t, k + 1) * 3));
		}
		break;
	default:
		break;
	}
	work(v->work, 1);
	return h;
}

static bool string_equal(struct values *v, const struct tree *t, uint32_t i, const struct tree *u, uint32_t j)
{
	if (!work(v->work, 1 + token_work(t, i) / 4))
		return false;
	if (!t->v[i].escaped && !u->v[j].escaped)
		return span_eq(tree_raw(t, i), tree_raw(u, j));
	struct span a = string_of(v, t, i, &v->a), b = string_of(v, u, j, &v->b);
	return !v->work->out && span_eq(a, b);
}

static bool number_equal(struct values *v, const struct tree *t, uint32_t i, const struct tree *u, uint32_t j)
{
	struct decimal a, b;

	if (!work(v->work, token_work(t, i) + token_work(u, j)))
		return false;
	decimal_parse(tree_raw(t, i), &a);
	decimal_parse(tree_raw(u, j), &b);
	int order = decimal_compare(&a, &b);
	if (order == 2 && span_eq(tree_raw(t, i), tree_raw(u, j)))
		return true;
	if (order == 2) {
		v->work->out = true;
		v->work->left = 0;
	}
	return order == 0;
}

/* Each member of one has its like in the other. Keys in the same order, as they mostly are, are found at once. */
static bool object_equal(struct values *v, const struct tree *t, uint32_t i, const struct tree *u, uint32_t j)
{
	uint32_t guess = tree_first(u, j), n = 0, m = 0;

	for (uint32_t k = tree_first(t, i); k < t->v[i].next; k = t->v[k + 1].next)
		n++;
	for (uint32_t k = guess; k < u->v[j].next; k = u->v[k + 1].next)
		m++;
	if (!work(v->work, 1 + n + m) || n != m)
		return false;
	for (uint32_t k = tree_first(t, i); k < t->v[i].next; k = t->v[k + 1].next) {
		if (guess >= u->v[j].next || !string_equal(v, t, k, u, guess)) {
			for (guess = tree_first(u, j); guess < u->v[j].next; guess = u->v[guess + 1].next)
				if (string_equal(v, t, k, u, guess))
					break;
		}
		if (guess >= u->v[j].next || v->work->out || !value_equal(v, t, k + 1, u, guess + 1))
			return false;
		guess = u->v[guess + 1].next;
	}
	return true;
}

bool value_equal(struct values *v, const struct tree *t, uint32_t i, const struct tree *u, uint32_t j)
{
	uint32_t k, l;

	if (t->v[i].type != u->v[j].type)
		return false;
	switch (t->v[i].type) {
	case TREE_NUMBER:
		return number_equal(v, t, i, u, j);
	case TREE_STRING:
		return string_equal(v, t, i, u, j);
	case TREE_OBJECT:
		return object_equal(v, t, i, u, j);
	case TREE_ARRAY:
		l = tree_first(u, j);
		for (k = tree_first(t, i); k < t->v[i].next; k = t->v[k].next, l = u->v[l].next)
			if (l >= u->v[j].next || !work(v->work, 1) || !value_equal(v, t, k, u, l))
				return false;
		return l >= u->v[j].next;
	default:
		return true;
	}
}

/* ---- repeated items --------------------------------------------------------------------------- */

struct hashed {
	uint64_t hash;
	uint32_t item;
};

static int by_hash(const void *a, const void *b, void *context)
{
	(void)context;
	const struct hashed *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static bool repeated_among(struct values *v, const struct tree *t, const struct hashed *items, uint32_t n, uint32_t *first,
			   uint32_t *second)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = i + 1; j < n && items[j].hash == items[i].hash; j++) {
			if (!work(v->work, 1))
				return false;
			if (value_equal(v, t, items[i].item, t, items[j].item)) {
				*first = items[i].item;
				*second = items[j].item;
				return true;
			}
		}
	}
	return false;
}

bool value_repeated(struct values *v, const struct tree *t, uint32_t array, uint32_t *first, uint32_t *second)
{
	uint32_t n = 0;

	for (uint32_t i = tree_first(t, array); i < t->v[array].next; i = t->v[i].next)
		n++;
	if (n < 2 || !work(v->work, (uint64_t)n * 8))
		return false;
	struct hashed few[16], *items = n <= ARRAY_SIZE(few) ? few : malloc(n * sizeof *items);
	if (!items) {
		v->work->out = true;
		return false;
	}
	uint32_t at = 0;
	for (uint32_t i = tree_first(t, array); i < t->v[array].next && !v->work->out; i = t->v[i].next)
		items[at++] = (struct hashed){ value_hash(v, t, i), i };
	bool found = false;
	if (!v->work->out) {
		sort_in_place(items, n, sizeof *items, by_hash, NULL);
		found = repeated_among(v, t, items, n, first, second);
	}
	if (items != few)
		free(items);
	return found;
}

void values_free(struct values *v)
{
	buf_free(&v->a);
	buf_free(&v->b);
}
