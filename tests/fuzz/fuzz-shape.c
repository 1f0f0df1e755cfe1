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

/* The place of the failure, unless it goes through a key that is not named. */
static void follow(const struct tree *t, const char *pointer)
{
	uint32_t node = 0;

	while (*pointer) {
		char step[200];
		size_t n = 0;
		require(*pointer++ == '/');
		for (; *pointer && *pointer != '/'; pointer++) {
			if (pointer[0] == '~')
				step[n++] = *++pointer == '1' ? '/' : '~';
			else
				step[n++] = *pointer;
			require(n < sizeof step);
		}
		step[n] = '\0';
		if (strcmp(step, "*") == 0)
			return;
		if (t->v[node].type == TREE_ARRAY)
			node = tree_item(t, node, (uint32_t)strtoul(step, NULL, 10));
		else
			node = tree_member(t, node, step);
		require(node != TREE_NONE);
	}
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
		follow(&tree, failure.pointer);
	} else {
		require(!failure.words[0]);
	}
	return 0;
}
