/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tools that mcpcage itself has run: npm, node, pip, uv. Found as a command is, and followed through shims to the real program. Called
 * by session/fetch*.c; starts nothing.
 */
#include "cage/target.h"

#include "cage/cage.h"

#include "base/path.h"

#include <errno.h>
#include <string.h>

/* More than one shim behind another is a mistake of somebody's. */
#define SHIMS_MAX 4

/* Fill real and head for r->found. */
static int look_at_tool(struct resolver *r, struct error *err)
{
	free(r->real);
	r->real = target_walk(r->found, NULL);
	ssize_t n = r->real ? target_read(r->real, r->head, sizeof r->head) : -1;
	if (n < 0)
		return error_set(err, errno, "cannot read %s", r->found);
	r->head_n = (size_t)n;
	return 0;
}

char *target_tool(const char *name, const char *folder, char *const *environ_, struct facts *facts, struct error *err)
{
	struct resolver r = { .facts = facts, .environ_ = environ_, .home = facts->home_env ? facts->home_env : facts->home };
	CLEANUP_FREE char *beside = folder ? path_join(folder, name) : NULL;
	int again = 1;

	r.found = beside && target_runs(beside) ? strdup(beside) : target_find(&r, name, NULL, err);
	for (int i = 0; r.found && again > 0; i++) {
		char *next = NULL;
		again = look_at_tool(&r, err) < 0 ? -1 : target_shim(&r, &next, err);
		if (again > 0) {
			free(r.found);
			r.found = next;
		}
		if (again > 0 && i == SHIMS_MAX)
			again = error_set(err, 0, "%s leads from one shim to the next without end", r.found);
	}
	char *real = r.found && again == 0 ? TAKE_PTR(r.real) : NULL;
	free(r.found);
	free(r.real);
	return real;
}
