/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The check of shapes: any value against any shape, in either era. The first byte picks the shape, the second the era. What must hold:
 * the verdict does not depend on whether somebody wants the reason, and the reason names a place that exists, in the words of the
 * tables only.
 */
#include "rpc/shape-table.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* Takes the first step off *POINTER, into STEP without escapes. */
static void step_of(const char **pointer, char *step, size_t size)
{
	const char *p = *pointer;
	size_t n = 0;

	require(*p++ == '/');
	for (; *p && *p != '/'; p++) {
		require(n + 1 < size);
		step[n++] = *p != '~' ? *p : *++p == '1' ? '/' : '~';
	}
	step[n] = '\0';
	*pointer = p;
}

/*
 * Whether the place of the failure exists below NODE, unless it goes through a key that is not named. Of members of one name any
 * may be the one that is meant.
 */
static bool exists(const struct tree *t, uint32_t node, const char *pointer)
{
	char step[sizeof ((struct shape_failure *)NULL)->pointer];

	if (!*pointer)
		return true;
	step_of(&pointer, step, sizeof step);
	if (strcmp(step, "*") == 0)
		return t->v[node].type == TREE_OBJECT;
	if (t->v[node].type == TREE_ARRAY) {
		uint32_t item = tree_item(t, node, (uint32_t)strtoul(step, NULL, 10));
		return item != TREE_NONE && exists(t, item, pointer);
	}
	if (t->v[node].type != TREE_OBJECT)
		return false;
	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next)
		if (tree_string_is(t, k, step) && exists(t, k + 1, pointer))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tree tree;
	struct shape_failure failure = { .words = "" };

	if (size < 2)
		return 0;
	enum shape_id id = data[0] % SHAPES_N;
	bool modern = data[1] & 1;
	if (tree_parse(&tree, (struct span){ (const char *)data + 2, size - 2 }, 4096) != TREE_OK)
		return 0;
	int status = shape_check(id, &tree, 0, modern, &failure);
	require(shape_check(id, &tree, 0, modern, NULL) == status);
	require(status == 0 || status == -1);
	if (status < 0) {
		require(failure.words[0] && is_printable(failure.words) && is_printable(failure.pointer));
		require(exists(&tree, 0, failure.pointer));
	} else {
		require(!failure.words[0]);
	}
	return 0;
}
