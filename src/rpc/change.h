/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How an item of a manifest differs from what it was: field by field, and in words. What became of a schema is told only where it
 * is certain: "wider" takes everything that it took before, "narrower" nothing that it did not; otherwise it has just changed. Pure.
 */
#pragma once

#include "rpc/manifest.h"

/* Bits; the order of the words. */
enum change {
	CHANGE_NEW = 1 << 0,
	CHANGE_REMOVED = 1 << 1,
	CHANGE_WIDER = 1 << 2,
	CHANGE_NARROWER = 1 << 3,
	CHANGE_SCHEMA = 1 << 4,
	CHANGE_TEXT = 1 << 5,  /* what a model or a person reads: title, description */
	CHANGE_OTHER = 1 << 6, /* annotations, icons, anything else */
};
#define CHANGES_ALL ((1u << 7) - 1)

/* A field that differs: its JSON Pointer, and the raw values; n == 0 where it is absent. Valid during the call. */
typedef void change_field_fn(void *context, struct span pointer, struct span was, struct span is);

/*
 * Compare two contents of an item of KIND, both canonical; n == 0: the item was or is not there. FIELD may be NULL. *CHANGES gets
 * the bits; 0 when they are equal. 0, or -1 when they are no JSON or memory ran out.
 */
int change_compare(enum item_kind kind, struct span was, struct span is, change_field_fn *field, void *context,
		   unsigned *changes);
/* "schema widened, text changed". */
void change_words(enum item_kind kind, unsigned changes, struct buf *out);
