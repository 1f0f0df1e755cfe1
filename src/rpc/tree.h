/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An index over JSON text: for each value where it stands and what comes after it, 16 bytes a value, and nothing copied. Numbers
 * stay the tokens they were, so nothing is rounded; strings are decoded when somebody asks.
 *
 * Nodes are in the order of the text. The children of a container follow it; v[i].next is the node after I and all that is in
 * it. An object's children are key, value, key, value...; a key's `next` is its value. So:
 *
 *	for (uint32_t i = tree_first(t, array); i < t->v[array].next; i = t->v[i].next)
 *		item i
 *	for (uint32_t k = tree_first(t, object); k < t->v[object].next; k = t->v[k + 1].next)
 *		key k, value k + 1
 *
 * The grammar of RFC 8259 is checked, nesting to TREE_DEPTH; that keys are unique and text is UTF-8 is the scanner's to check (rpc/frame.h):
 * everything parsed here has been through it or was written by us. Pure.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tree_type { TREE_NULL, TREE_FALSE, TREE_TRUE, TREE_NUMBER, TREE_STRING, TREE_ARRAY, TREE_OBJECT };

#define TREE_NONE UINT32_MAX
#define TREE_DEPTH 256
/* Values in one text, unless the caller says otherwise: 16 MiB of index. */
#define TREE_NODES ((uint32_t)1 << 20)

struct tree_node {
	uint32_t start, end; /* of the token, quotes and brackets included: offsets in the text */
	uint32_t next;
	uint8_t type;    /* enum tree_type */
	bool escaped;    /* a string with a backslash in it */
	bool wide;       /* a string with bytes from 0x80 on */
	bool dropped;    /* edit_drop() */
};

struct tree {
	struct span text;
	struct tree_node *v; /* v[0] is the whole value */
	uint32_t n, cap, max;
};

enum tree_status { TREE_OK, TREE_BAD_JSON, TREE_TOO_MANY, TREE_TOO_DEEP, TREE_NO_MEMORY };
const char *tree_status_text(enum tree_status status);

/*
 * Index TEXT, one JSON value and white space around it, which T borrows. T is zeroes or was used before: its memory is used
 * again. MAX_NODES 0: TREE_NODES. After anything but TREE_OK, T has no nodes.
 */
enum tree_status tree_parse(struct tree *t, struct span text, uint32_t max_nodes);
void tree_free(struct tree *t);

static inline uint32_t tree_first(const struct tree *t, uint32_t container)
{
	(void)t;
	return container + 1;
}

static inline struct span tree_raw(const struct tree *t, uint32_t i)
{
	return (struct span){ t->text.p + t->v[i].start, t->v[i].end - t->v[i].start };
}

/* Whether I is a value of this type; TREE_NONE is none. */
static inline bool tree_is(const struct tree *t, uint32_t i, enum tree_type type)
{
	return i != TREE_NONE && t->v[i].type == type;
}

/* Items of an array, members of an object. */
uint32_t tree_count(const struct tree *t, uint32_t container);
/* The value of a member, TREE_NONE when OBJECT is none (also TREE_NONE itself) or has no such key. */
uint32_t tree_member(const struct tree *t, uint32_t object, const char *key);
uint32_t tree_member_span(const struct tree *t, uint32_t object, struct span key); /* KEY decoded */
/* Item number AT of an array, or TREE_NONE. */
uint32_t tree_item(const struct tree *t, uint32_t array, uint32_t at);

/* Append the decoded string I. A lone surrogate, which the scanner refuses, becomes U+FFFD. */
void tree_string(const struct tree *t, uint32_t i, struct buf *out);
/* The decoded string, without copying where it has no escapes; else in SCRATCH, which is cleared first. */
struct span tree_string_span(const struct tree *t, uint32_t i, struct buf *scratch);
bool tree_string_is(const struct tree *t, uint32_t i, const char *text);
/* A whole number from 0 to MAX, also written as 1.0 or 1e3. false: it is none. */
bool tree_whole(const struct tree *t, uint32_t i, uint64_t max, uint64_t *value);

/* Append the JSON Pointer (RFC 6901) of node I, as seen from the root; "" for the root. */
void tree_pointer(const struct tree *t, uint32_t i, struct buf *out);
