/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Symlinks that the server itself may have made. Where it can write, an earlier session of it can have
 * put a symlink in the place of what the user names, and the next session would be granted whatever that
 * leads to. So a name whose way leads over such a symlink out of the folder it lies in is refused; within
 * the folder it opens nothing new. Likewise refused is to let it write the policy files that were read, and the
 * programs that they have run outside the cage.
 */
#include "policy/planner.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <stdlib.h>

/* The writable grant that PLACE lies in and REAL does not. */
static const struct candidate *writable_around(const struct planner *p, const char *place, const char *real)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct candidate *c = &p->candidates[i];
		if (c->m.kind == MOUNT_BIND && c->m.write && path_within(place, c->m.src) && !path_within(real, c->m.src))
			return c;
	}
	return NULL;
}

static int check(struct planner *p, const char *asked, const char *origin)
{
	const struct path_fact *fact = planner_fact(p, asked);

	if (!fact || !fact->real)
		return 0;
	for (size_t i = 0; i + 1 < fact->links.n; i += 2) {
		const char *link = fact->links.v[i];
		const struct candidate *around = writable_around(p, link, fact->real);
		if (!around)
			continue;
		error_set(p->err, 0, "cannot grant %s (%s): %s is a symlink in %s, where the server may write, and leads to %s",
			  asked, origin, link, around->m.src, fact->real);
		error_hint(p->err, "if you made that symlink, name %s itself; if not, an earlier session of the server did",
			   fact->real);
		return error_kind(p->err, ERROR_USAGE);
	}
	return 0;
}

/* FILE, which WHAT is: it must not be where the server can write. */
static int check_file(struct planner *p, const char *file, const char *what)
{
	const struct path_fact *fact = planner_fact(p, file);

	for (size_t k = 0; k < p->n; k++) {
		const struct candidate *c = &p->candidates[k];
		if (c->m.kind != MOUNT_BIND || !c->m.write)
			continue;
		if (!path_within(file, c->m.src) && !(fact && fact->real && path_within(fact->real, c->m.src)))
			continue;
		error_set(p->err, 0, "cannot grant %s for writing (%s): the %s %s is in it", c->m.src, c->m.why, what, file);
		error_hint(p->err, "keep it where the server cannot write");
		return error_kind(p->err, ERROR_USAGE);
	}
	return 0;
}

/* A program that runs outside the cage, with the files that are among its arguments. */
static int check_command(struct planner *p, const struct strlist *command)
{
	for (size_t i = 0; i < command->n; i++) {
		CLEANUP_FREE char *path = plan_arg_path(command->v[i]);
		if (path && check_file(p, path, i == 0 ? "program" : "program's file") < 0)
			return -1;
	}
	return 0;
}

/* What a server can write must not be what decides about its next session, or is run outside the cage. */
static int check_policies(struct planner *p)
{
	const struct mediation *m = &p->policy->mediation;

	for (size_t i = 0; i < p->policy->layers.n; i++)
		if (check_file(p, p->policy->layers.v[i], "policy file") < 0)
			return -1;
	for (size_t i = 0; i < m->rule_files.n; i++)
		if (check_file(p, m->rule_files.v[i], "file of rules") < 0)
			return -1;
	if (check_command(p, &m->text_command) < 0 || check_command(p, &m->ask_with) < 0)
		return -1;
	return check_command(p, &m->alarm_command);
}

int planner_links(struct planner *p)
{
	const struct target *target = &p->facts->target;

	if (check_policies(p) < 0)
		return -1;
	for (size_t i = 0; i < p->policy->grants_n; i++)
		if (check(p, p->policy->grants[i].source, p->policy->grants[i].origin) < 0)
			return -1;
	for (size_t i = target->args_from; p->policy->args != ARGS_OFF && i < target->argv.n; i++) {
		CLEANUP_FREE char *path = plan_arg_path(target->argv.v[i]);
		if (path && check(p, path, "argument") < 0)
			return -1;
	}
	return 0;
}
