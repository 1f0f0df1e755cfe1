/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's part in the pins: it reads the file before the filter is forked, and writes down what the filter reports. A filter in an
 * attacker's hands must not be able to change what is pinned: only what is seen first is added, only while the list of its kind is
 * open (or was closed by this very session, which saw it first), and never in the place of what is there; everything else becomes "held". What is added is counted, bounded and hashed;
 * nobody here looks into it.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "policy/plan.h"
#include "session/record.h"
#include "store/pins.h"

#include <stdbool.h>

/* Items that own their name and content, in one piece of memory that begins at name.p. */
struct findings {
	struct pins set;
	size_t bytes;
};

struct pinning {
	const struct plan *plan;
	bool collecting;      /* a review: nothing is read or written, `first` is what it is for */
	struct buf text;      /* the file, for the filter */
	struct findings first; /* seen first in this session, not written yet */
	struct findings held;  /* held now */
	bool whole[ITEM_KINDS]; /* a whole list has been seen in this session */
	bool mine[ITEM_KINDS];  /* which was the first, so it is this session's to add to it */
	struct record_item item; /* of which content is arriving */
	struct buf content;
};

/* Before the filter is forked. Fails when pins cannot be kept: then nothing may be seen first. */
int pinning_open(struct pinning *p, const struct plan *plan, bool collecting, struct error *err);
void pinning_close(struct pinning *p);

/*
 * The filter's records. 1: an item is complete, and R tells of it; 0: more has to come; -1: the record cannot be (then its sender
 * is broken), ERR says why.
 */
int pinning_item(struct pinning *p, const struct record_item *r, struct error *err);
/* A list is complete, or a page of it: to disk. *ADDED: how many items have been pinned. */
int pinning_list(struct pinning *p, const struct record_list *r, size_t *added, struct error *err);
/* What was seen first, sorted by kind and name. OUT owns a copy. */
int pinning_collected(const struct pinning *p, struct pins *out, struct error *err);
