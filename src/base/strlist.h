/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list of strings that owns its strings. Zeroes are an empty list. `v` is NULL-terminated whenever
 * n > 0, so it can serve as an argv.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct strlist {
	char **v;
	size_t n;
};

/* Append a copy. 0, or -1 when out of memory. */
int strlist_add(struct strlist *list, const char *string);
/* Append STRING itself, which the list then owns (it is freed when memory runs out). */
int strlist_take(struct strlist *list, char *string);
int strlist_copy(struct strlist *to, const struct strlist *from);
bool strlist_has(const struct strlist *list, const char *string);
void strlist_free(struct strlist *list);

#define CLEANUP_STRLIST CLEANUP(strlist_free)
