/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON values as the data model has them: numbers equal by value, objects whatever the order of their keys. Work
 * is counted. Pure. For rpc/schema*.c.
 */
#pragma once

#include "base/buf.h"
#include "rpc/tree.h"

/* What is left of the work that may be done; at its end everything stops. */
struct work {
	uint64_t left;
	bool out; /* it was more, or memory ran out */
};

/* Take N from it. false: it is used up. */
static inline bool work(struct work *w, uint64_t n)
{
	if (w->out || w->left < n) {
		w->left = 0;
		w->out = true;
		return false;
	}
	w->left -= n;
	return true;
}

/* Two trees, and memory for strings with escapes. */
struct values {
	struct work *work;
	struct buf a, b;
};

uint64_t value_hash_bytes(struct span text);
/* Equal values have equal hashes. 0 when the work ran out (see there). */
uint64_t value_hash(struct values *v, const struct tree *t, uint32_t i);
/* false also when the work ran out: look at it. */
bool value_equal(struct values *v, const struct tree *t, uint32_t i, const struct tree *u, uint32_t j);
/* Two items of an array that are equal, in *FIRST and *SECOND. false: none, or the work ran out. */
bool value_repeated(struct values *v, const struct tree *t, uint32_t array, uint32_t *first, uint32_t *second);
void values_free(struct values *v);
