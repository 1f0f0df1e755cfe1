/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One form for one content: white space between tokens gone, the members of objects in the order of their keys' bytes, each string
 * escaped in the one shortest way, numbers as they were written. Two texts that differ in this form differ in something that a
 * client, a model or a schema may see; so numbers are not normalised: 1 and 1.0 are not the same to every reader.
 *
 * Pure. Recursion is bounded by TREE_DEPTH, cost by n log n in the keys of one object.
 */
#include "rpc/manifest.h"

#include "base/sort.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdlib.h>
#include <string.h>

struct member {
	size_t at, n;  /* the decoded key, in `keys` */
	uint32_t node; /* its value */
};

struct writer {
	const struct tree *t;
	struct buf *out;
	struct buf keys; /* decoded keys of the open objects */
	struct member *members;
	size_t n, cap;
	bool failed;
};

static const char hex[] = "0123456789abcdef";

static void put_byte(struct buf *out, uint8_t c)
{
	static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at) {
		buf_putc(out, '\\');
		buf_putc(out, into[at - from]);
	} else if (c < 0x20) {
		buf_puts(out, "\\u00");
		buf_putc(out, hex[c >> 4]);
		buf_putc(out, hex[c & 15]);
	} else {
		buf_putc(out, (char)c);
	}
}

static void put_string(struct buf *out, struct span text)
{
	size_t from = 0;

	buf_putc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = (uint8_t)text.p[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_append(out, text.p + from, i - from);
		put_byte(out, c);
		from = i + 1;
	}
	buf_append(out, text.p + from, text.n - from);
	buf_putc(out, '"');
}

/* A string without escapes is already in its shortest form: JSON allows nothing in it that would need one. */
static void string_value(struct writer *w, uint32_t i)
{
	struct span raw = tree_raw(w->t, i);

	if (!w->t->v[i].escaped) {
		buf_append(w->out, raw.p, raw.n);
		return;
	}
	size_t at = w->keys.n;
	tree_string(w->t, i, &w->keys);
	put_string(w->out, (struct span){ w->keys.p + at, w->keys.n - at });
	w->keys.n = at;
}

static int by_key(const void *a, const void *b, void *keys)
{
	const struct member *x = a, *y = b;
	const char *base = ((const struct buf *)keys)->p;
	int order = memcmp(base + x->at, base + y->at, x->n < y->n ? x->n : y->n);

	if (order != 0)
		return order;
	return x->n < y->n ? -1 : x->n > y->n;
}

static bool add_member(struct writer *w, uint32_t key)
{
	size_t at = w->keys.n;

	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;
		struct member *grown = reallocarray(w->members, cap, sizeof *grown);
		if (!grown)
			return false;
		w->members = grown;
		w->cap = cap;
	}
	/* One byte more, so that the buffer has memory even for an empty key. */
	buf_putc(&w->keys, ' ');
	tree_string(w->t, key, &w->keys);
	w->members[w->n++] = (struct member){ .at = at + 1, .n = w->keys.n - at - 1, .node = key + 1 };
	return !w->keys.full;
}

static void value(struct writer *w, uint32_t i);

static void object(struct writer *w, uint32_t i)
{
	size_t first = w->n, keys = w->keys.n;

	for (uint32_t k = tree_first(w->t, i); k < w->t->v[i].next && !w->failed; k = w->t->v[k + 1].next)
		w->failed = !add_member(w, k);
	if (w->n - first > 1 && !w->failed)
		sort_in_place(w->members + first, w->n - first, sizeof *w->members, by_key, &w->keys);
	size_t end = w->n;
	buf_putc(w->out, '{');
	for (size_t m = first; m < end && !w->failed; m++) {
		struct member member = w->members[m];
		if (m > first)
			buf_putc(w->out, ',');
		put_string(w->out, (struct span){ w->keys.p + member.at, member.n });
		buf_putc(w->out, ':');
		value(w, member.node);
	}
	buf_putc(w->out, '}');
	w->n = first;
	w->keys.n = keys;
}

static void array(struct writer *w, uint32_t i)
{
	buf_putc(w->out, '[');
	for (uint32_t k = tree_first(w->t, i); k < w->t->v[i].next && !w->failed; k = w->t->v[k].next) {
		if (k > tree_first(w->t, i))
			buf_putc(w->out, ',');
		value(w, k);
	}
	buf_putc(w->out, ']');
}

static void value(struct writer *w, uint32_t i)
{
	struct span raw;

	if (w->out->full || w->keys.full) {
		w->failed = true;
		return;
	}
	switch ((enum tree_type)w->t->v[i].type) {
	case TREE_OBJECT:
		object(w, i);
		break;
	case TREE_ARRAY:
		array(w, i);
		break;
	case TREE_STRING:
		string_value(w, i);
		break;
	case TREE_NULL:
	case TREE_FALSE:
	case TREE_TRUE:
	case TREE_NUMBER:
		raw = tree_raw(w->t, i);
		buf_append(w->out, raw.p, raw.n);
		break;
	}
}

int manifest_canonical(const struct tree *t, uint32_t i, struct buf *out)
{
	struct writer w = { .t = t, .out = out };

	value(&w, i);
	bool failed = w.failed || out->full || w.keys.full;
	free(w.members);
	buf_free(&w.keys);
	return failed ? -1 : 0;
}

void manifest_hash(struct span content, uint8_t hash[ITEM_HASH])
{
	_Static_assert(ITEM_HASH == crypto_hash_sha256_BYTES, "SHA-256");
	crypto_hash_sha256(hash, (const unsigned char *)content.p, content.n);
}
