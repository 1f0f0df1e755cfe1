/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going over all values of an index in the order of the text, with the one thing that a node by itself does not
 * tell: whether a string is a key, and of which key something is the value.
 *
 *	struct walk w = walk_begin(t);
 *	for (uint32_t i; (i = walk_next(&w)) != TREE_NONE;)
 *		if (w.key) ...
 */
#pragma once

#include "rpc/tree.h"

struct walk {
	const struct tree *t;
	uint32_t at;
	bool key; /* the node is a key; else, of an object's values, i - 1 is */
	bool member; /* the node is a value of an object */
	unsigned depth;
	struct {
		uint32_t end;
		bool object, value; /* the next child is a value */
	} open[TREE_DEPTH + 1];
};

static inline struct walk walk_begin(const struct tree *t)
{
	struct walk w;

	w.t = t;
	w.at = 0;
	w.key = w.member = false;
	w.depth = 0;
	return w;
}

static inline uint32_t walk_next(struct walk *w)
{
	const struct tree *t = w->t;
	uint32_t i = w->at;

	while (w->depth > 0 && i >= w->open[w->depth - 1].end)
		w->depth--;
	if (i >= t->n)
		return TREE_NONE;
	w->key = w->member = false;
	if (w->depth > 0 && w->open[w->depth - 1].object) {
		w->member = w->open[w->depth - 1].value;
		w->key = !w->member;
		w->open[w->depth - 1].value = !w->member;
	}
	if (t->v[i].type >= TREE_ARRAY && w->depth <= TREE_DEPTH) {
		w->open[w->depth].end = t->v[i].next;
		w->open[w->depth].object = t->v[i].type == TREE_OBJECT;
		w->open[w->depth++].value = false;
	}
	w->at = i + 1;
	return i;
}

/* Leave out what is in I, the node that came last. */
static inline void walk_skip(struct walk *w, uint32_t i)
{
	w->at = w->t->v[i].next;
}
