/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From candidates to the plan's list of mounts: destinations without symlinks of ours in them, masks over
 * protected places, one mount for each place and no grant lost by that, parents before children, nothing that
 * changes nothing, and nothing that would have to be created inside a folder of the host.
 */
#include "policy/planner.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

/* ---- destinations through symlinks of ours -------------------------------------------------------- */

/* Where the symlink at DEST leads. */
static char *link_target(const struct plan_mount *link)
{
	if (link->src[0] == '/')
		return path_normalize(link->src);
	CLEANUP_FREE char *above = strdup(link->dest);
	if (!above)
		return NULL;
	*strrchr(above, '/') = '\0';
	CLEANUP_FREE char *joined = path_join(above, link->src);
	return joined ? path_normalize(joined) : NULL;
}

/* The link that a mount at DEST would go through. */
static const struct plan_mount *link_around(const struct planner *p, const char *dest)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_mount *m = &p->candidates[i].m;
		size_t n = strlen(m->dest);
		if (m->kind == MOUNT_SYMLINK && strncmp(dest, m->dest, n) == 0 && dest[n] == '/')
			return m;
	}
	return NULL;
}

static int straighten(struct planner *p, struct plan_mount *m)
{
	const struct plan_mount *link;

	for (int hops = 0; (link = link_around(p, m->dest)); hops++) {
		if (hops == 16)
			return error_set(p->err, 0, "cannot place %s in the cage: symlinks lead in a circle", m->dest);
		CLEANUP_FREE char *target = link_target(link);
		char *dest = target ? path_join(target, m->dest + strlen(link->dest)) : NULL;
		if (!dest)
			return error_oom(p->err);
		free(m->dest);
		m->dest = dest;
	}
	return 0;
}

char *planner_place(const struct planner *p, const char *path)
{
	const struct plan *plan = p->plan;
	char *place = strdup(path);

	/* Destinations have no links in them any more, so one pass over each link is enough. */
	for (size_t i = 0; place && i < plan->mounts_n; i++) {
		const struct plan_mount *m = &plan->mounts[i];
		size_t n = strlen(m->dest);
		if (m->kind != MOUNT_SYMLINK || strncmp(place, m->dest, n) != 0 || place[n] != '/')
			continue;
		CLEANUP_FREE char *target = link_target(m);
		char *next = target ? path_join(target, place + n) : NULL;
		free(place);
		place = next;
	}
	return place;
}

static int straighten_all(struct planner *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++)
		if (straighten(p, &p->candidates[i].m) < 0)
			return -1;
	/* A link that another one leads through to its own end is not needed. */
	for (size_t i = 0; i < p->n; i++) {
		struct plan_mount *m = &p->candidates[i].m;
		if (m->kind == MOUNT_SYMLINK && strcmp(m->src, m->dest) == 0)
			planner_drop(m);
		else
			p->candidates[kept++] = p->candidates[i];
	}
	p->n = kept;
	return 0;
}

/* ---- masks --------------------------------------------------------------------------------------- */

/* A place that was granted in so many words is not hidden again. */
static bool is_named(const struct planner *p, const struct guard *guard)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct candidate *c = &p->candidates[i];
		if (c->level == LEVEL_GRANT && c->m.kind == MOUNT_BIND && strcmp(c->m.src, guard->real) == 0)
			return true;
	}
	return false;
}

/* Hide GUARD where the mount I shows it. */
static int mask(struct planner *p, size_t i, const struct guard *guard)
{
	const char *src = p->candidates[i].m.src;
	size_t n = strlen(src);

	/* What is not known to be absent cannot be left open. */
	if (!guard->fact && strncmp(guard->asked, src, n) == 0 && guard->asked[n] == '/')
		return error_set(p->err, 0, "cannot tell whether %s, which has to be hidden in %s, exists",
				 guard->asked, src);
	if (!guard->fact || !guard->real || strncmp(guard->real, src, n) != 0 || guard->real[n] != '/' ||
	    is_named(p, guard))
		return 0;
	CLEANUP_FREE char *dest = path_join(p->candidates[i].m.dest, guard->real + n);
	if (!dest)
		return error_oom(p->err);
	struct plan_mount *m = planner_add(p, LEVEL_MASK, MOUNT_MASK, NULL, dest, protect_reason(guard->why));
	if (!m)
		return -1;
	m->directory = guard->fact->type == PATH_DIR;
	return 0;
}

static int add_masks(struct planner *p)
{
	const char *home = p->facts->home, *home_env = p->facts->home_env;
	size_t n = p->n;

	for (size_t i = 0; i < n; i++) {
		const struct plan_mount *m = &p->candidates[i].m;
		/* In a kept home is nothing but what the server itself wrote. */
		if (m->kind != MOUNT_BIND || !m->directory || m->kept || m->scratch)
			continue;
		/* Most mounts are the system's, and most guards are in the home folder, without symlinks. */
		bool near = path_within(m->src, home) || path_within(home, m->src) ||
			    (home_env && (path_within(m->src, home_env) || path_within(home_env, m->src)));
		for (size_t g = 0; g < p->guards_n; g++)
			if ((near || !p->guards[g].plain) && mask(p, i, &p->guards[g]) < 0)
				return -1;
	}
	return 0;
}

/* ---- order --------------------------------------------------------------------------------------- */

/* Component by component, so that what is below a folder follows it at once. */
static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	int x = *a == '/' ? 1 : (unsigned char)*a + (*a != '\0');
	int y = *b == '/' ? 1 : (unsigned char)*b + (*b != '\0');
	return x - y;
}

static int compare(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int order = compare_paths(a->m.dest, b->m.dest);

	if (order)
		return order;
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

/* ---- what is around ------------------------------------------------------------------------------ */

/* Whether the mount OUTER shows at DEST the very object SRC. */
static bool shows(const struct plan_mount *outer, const char *src, const char *dest)
{
	size_t n = strlen(outer->src);

	return path_within(src, outer->src) && path_within(dest, outer->dest) &&
	       strcmp(src + n, dest + strlen(outer->dest)) == 0;
}

static int no_place(struct planner *p, const struct candidate *c, const struct plan_mount *outer)
{
	error_set(p->err, 0, "cannot show %s at %s (%s): there is no such place in %s, which is shown from the host",
		  c->m.src ? c->m.src : "an empty folder", c->m.dest, c->m.why, outer->dest);
	error_hint(p->err, "choose a destination that is not inside another grant or the system");
	return error_kind(p->err, ERROR_USAGE);
}

static int in_hidden(struct planner *p, const struct candidate *c, const struct plan_mount *outer)
{
	error_set(p->err, 0, "cannot show %s (%s): it is in %s, which is hidden because it %s", c->m.dest, c->m.why,
		  outer->dest, outer->why);
	error_hint(p->err, "grant %s by its name, or leave out the grant around it", outer->dest);
	return error_kind(p->err, ERROR_USAGE);
}

/*
 * The candidate I and those after it that have its place: of one object what is said last counts, but one granted object must not
 * hide another. Names that are two outside may be one in here, by a link of ours (/var/tmp).
 */
static int check_place(struct planner *p, size_t i)
{
	const struct candidate *c = &p->candidates[i];

	for (size_t k = i + 1; k < p->n && strcmp(p->candidates[k].m.dest, c->m.dest) == 0; k++) {
		const struct candidate *other = &p->candidates[k];
		if (c->level != LEVEL_GRANT || other->level != LEVEL_GRANT || c->m.kind != MOUNT_BIND ||
		    other->m.kind != MOUNT_BIND || strcmp(c->m.src, other->m.src) == 0)
			continue;
		error_set(p->err, 0, "cannot show both %s (%s) and %s (%s): they would have one place in the cage, %s", c->m.src,
			  c->m.why, other->m.src, other->m.why, c->m.dest);
		error_hint(p->err, "show one of them elsewhere, as PATH:DEST");
		return error_kind(p->err, ERROR_USAGE);
	}
	return 0;
}

/* Whether the candidate C, inside of OUTER, is needed: 1, 0, or -1. */
static int judge_in_bind(struct planner *p, const struct candidate *c, const struct candidate *outer)
{
	const struct path_fact *fact;

	switch (c->m.kind) {
	case MOUNT_MASK:
		return 1;
	case MOUNT_SYMLINK: /* the host's folder has it itself */
		return 0;
	case MOUNT_BIND:
		if (!shows(&outer->m, c->m.src, c->m.dest))
			return c->level == LEVEL_SYSTEM ? 0 : no_place(p, c, &outer->m);
		if (c->m.write == outer->m.write)
			return 0;
		/* What only follows from the command does not take away what somebody granted. */
		return c->m.write || c->level >= outer->level;
	case MOUNT_TMPFS:
		fact = planner_fact(p, c->m.dest);
		if (fact && fact->real && fact->type == PATH_DIR && shows(&outer->m, fact->real, c->m.dest))
			return 1;
		return no_place(p, c, &outer->m);
	default:
		return no_place(p, c, &outer->m);
	}
}

static int judge(struct planner *p, const struct candidate *c, const struct candidate *outer)
{
	if (!outer)
		return 1;
	switch (outer->m.kind) {
	case MOUNT_BIND:
		/* The kept home is as much our own as one in memory. */
		return outer->m.kept ? c->m.kind != MOUNT_MASK : judge_in_bind(p, c, outer);
	case MOUNT_MASK:
		/* What somebody granted by name inside a hidden place would have to be created there. */
		if (c->m.kind == MOUNT_BIND || c->m.kind == MOUNT_TMPFS)
			return in_hidden(p, c, &outer->m);
		return 0;
	case MOUNT_TMPFS:
	case MOUNT_DIR:
		return c->m.kind != MOUNT_MASK;
	default:
		return no_place(p, c, &outer->m);
	}
}

int planner_order(struct planner *p)
{
	struct plan *plan = p->plan;

	if (straighten_all(p) < 0 || add_masks(p) < 0)
		return -1;
	qsort(p->candidates, p->n, sizeof *p->candidates, compare);

	/* A stack of the mounts that the current place lies in, and those that are kept. */
	CLEANUP_FREE size_t *around = calloc(p->n + 1, sizeof *around);
	CLEANUP_FREE size_t *taken = calloc(p->n + 1, sizeof *taken);
	size_t depth = 0, taken_n = 0;
	plan->mounts = calloc(p->n + 1, sizeof *plan->mounts);
	if (!plan->mounts || !around || !taken)
		return error_oom(p->err);

	for (size_t i = 0; i < p->n; i++) {
		const struct candidate *c = &p->candidates[i];
		if (check_place(p, i) < 0)
			return -1;
		if (i + 1 < p->n && strcmp(p->candidates[i + 1].m.dest, c->m.dest) == 0)
			continue; /* a later one says more */
		while (depth > 0 && !path_within(c->m.dest, p->candidates[around[depth - 1]].m.dest))
			depth--;
		int rc = judge(p, c, depth > 0 ? &p->candidates[around[depth - 1]] : NULL);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		taken[taken_n++] = i;
		around[depth++] = i;
	}
	for (size_t i = 0; i < taken_n; i++) {
		plan->mounts[i] = p->candidates[taken[i]].m;
		p->candidates[taken[i]].m = (struct plan_mount){ 0 };
	}
	plan->mounts_n = taken_n;
	return 0;
}
