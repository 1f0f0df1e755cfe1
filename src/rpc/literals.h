/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many literals looked for at once in text, ASCII case set aside: the pass that every text goes through before
 * any regular expression is run. Of each literal four neighbouring bytes that are rare in texts are chosen; the
 * text is looked at every other byte, three bytes at a time, in a bit map. Pure; what is found is compared in
 * full.
 */
#pragma once

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LITERAL_MIN 4
#define LITERAL_MAX 64

struct literal {
	struct span text; /* LITERAL_MIN to LITERAL_MAX bytes */
	uint32_t owner;   /* what is told when it is found */
};

struct literals; /* opaque */

/* Copies what V has. NULL: out of memory. */
struct literals *literals_new(const struct literal *v, size_t n);
void literals_free(struct literals *l);

/*
 * Called with each occurrence: bytes [START, END) of the text. They come nearly in order: none begins
 * LITERAL_MAX before one that came earlier.
 */
typedef void (*literal_fn)(void *context, uint32_t owner, size_t start, size_t end);
void literals_find(const struct literals *l, struct span text, literal_fn found, void *context);
