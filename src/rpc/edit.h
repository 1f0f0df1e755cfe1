/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing a message: a list of places in its text and what stands there instead. Everything else keeps its bytes, so numbers, key
 * order and white space survive. Places may be given in any order; one that lies within another that is replaced or
 * dropped has no effect. Pure; memory that runs out shows as `failed`, and the message must then not be passed on.
 */
#pragma once

#include "base/buf.h"
#include "rpc/tree.h"

struct edit {
	size_t at, n; /* bytes that go */
	size_t text_at, text_n; /* what comes: in `text` */
	size_t order;
	bool alone; /* a member of an object that had none: a comma parts it from the next of its kind */
};

struct edits {
	struct edit *v;
	size_t n, cap;
	struct buf text;
	bool failed;
};

/* Replace N bytes at offset AT of the message. */
void edit_replace(struct edits *e, size_t at, size_t n, struct span with);
/* Replace the value I. OFFSET is where the tree's text begins in the message. */
void edit_value(struct edits *e, size_t offset, const struct tree *t, uint32_t i, struct span with);

/*
 * Take items out of an array or members out of an object: mark them (a member by its value), then sweep their container
 * once, which takes care of the commas.
 */
void edit_drop(struct tree *t, uint32_t i);
void edit_sweep(struct edits *e, size_t offset, const struct tree *t, uint32_t container);

/* Add a member ("\"key\":value") in front of an object's, after those added before. The object is otherwise not swept. */
void edit_insert(struct edits *e, size_t offset, const struct tree *t, uint32_t object, struct span member);

/* Whether anything changes. */
static inline bool edit_any(const struct edits *e)
{
	return e->n > 0;
}

/* MESSAGE with the edits, appended to OUT. 0, or -1 when memory ran out. Sorts the edits. */
int edit_apply(struct edits *e, struct span message, struct buf *out);
/* Forget all edits, keep the memory. */
void edit_clear(struct edits *e);
void edit_free(struct edits *e);
