/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where in a JSON text a value stands. jansson tells positions only for syntax errors; a policy file that is
 * valid JSON and says something wrong deserves one as well. The text is walked again only once an error is
 * being reported, so a good file costs nothing. Internal to policy/.
 */
#pragma once

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

struct where_step {
	const char *key; /* member of an object, or NULL */
	size_t index;    /* element of an array */
};

/*
 * Line and column (from 1; columns count characters) of the value that STEPS lead to, or with AT_KEY of
 * the last step's key. TEXT has to be valid JSON. A path that is not there yields the nearest place on
 * the way.
 */
void where_find(const char *text, size_t n, const struct where_step *steps, size_t steps_n, bool at_key, size_t *line,
		size_t *column);

/* The elements of an array one after the other: *REST is its text at first. false: there are no more. */
bool where_element(struct span *rest, struct span *element);

/* The text of the value that STEPS lead to; all of them have to be there. */
struct span where_text(const char *text, size_t n, const struct where_step *steps, size_t steps_n);
