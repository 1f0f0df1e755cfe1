/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text as the rules read it: with ASCII in the place of what is read as ASCII. Full-width, mathematical,
 * circled and accented letters, Cyrillic and Greek ones that look like Latin ones, typographic quotes, dashes
 * and spaces become what they stand for; accents by themselves and characters that cannot be seen are left out.
 * Words spaced out letter by letter are closed up. Places in it lead back to the text it was made of. Pure and
 * linear.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From AT on, the reading is of the text from FROM on. */
struct fold_place {
	uint32_t at, from;
};

struct fold {
	struct buf text;
	struct buf places; /* struct fold_place */
};

/*
 * TEXT with its characters folded. false: there is none to fold, or memory ran out (`text.full`). TEXT is below
 * 4 GiB.
 */
bool fold_characters(struct fold *f, struct span text);

/* TEXT, ASCII where it matters, with what is spaced out closed up. false: nothing is. */
bool fold_spaced(struct fold *f, struct span text);

/*
 * Where the byte AT of the reading comes from: the beginning of its character. For an end, ask for the last
 * byte's and go on behind it.
 */
size_t fold_origin(const struct fold *f, struct span text, size_t at);
/* Where the character that byte AT of the reading comes from ends. */
size_t fold_origin_end(const struct fold *f, struct span text, size_t at);

void fold_free(struct fold *f);
