/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleaning text that a person or a model will read of what cannot be seen: C0 and C1 controls and escape
 * sequences, DEL, zero-width and bidirectional formatting characters, tag characters, variation selector
 * supplement, U+FEFF, line and paragraph separators, invalid UTF-8. (Unicode 15: general categories Cc and Cf,
 * and Default_Ignorable_Code_Point.)
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdint.h>

/*
 * Append TEXT to OUT without them; tab stays; each invalid byte becomes U+FFFD; an ANSI escape sequence goes as
 * a whole. Returns how many characters were removed or replaced.
 */
size_t text_clean(struct buf *out, struct span text);

/*
 * The length of the escape sequence at P (ECMA-48, seven-bit or C1 in UTF-8), N bytes are left: at least its
 * introducer, or 0 when none begins here. *UNENDED is P's text at first and then left alone; it keeps a text of
 * many beginnings linear.
 */
size_t text_sequence(const uint8_t *p, size_t n, const uint8_t **unended);
