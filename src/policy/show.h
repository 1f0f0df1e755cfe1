/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Showing names that others chose to a person: nothing that is not visible, nothing that moves the
 * cursor, no secrets among a command's arguments. Internal to policy/.
 */
#pragma once

#include "base/buf.h"
#include "base/strlist.h"

/* TEXT; control characters, what is invisible or changes direction, and bytes that are not UTF-8 as \xNN. */
void show_text(struct buf *out, const char *text);

/* TEXT as a word that a shell would read back, quoted where needed. */
void show_word(struct buf *out, const char *text);

/*
 * A copy of argument I of ARGV without what looks like a secret: the value of an option whose name says so, a
 * password in a URL. NULL when out of memory; the caller frees.
 */
char *show_argument(const struct strlist *argv, size_t i);
