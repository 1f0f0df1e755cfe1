/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths among the server's arguments. A user who writes "server /home/me/docs" means that folder, so it
 * is granted and told; but a client's configuration is often pasted, so an argument never opens what a
 * person would not hand out without a second thought. A refusal is an error: a server that is told to use
 * a folder and cannot see it would only fail later, in words of its own.
 */
#include "policy/planner.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

/* Whether a grant that is there already shows the real PATH under its own name. */
static bool is_shown(const struct planner *p, const char *path, bool write)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct candidate *c = &p->candidates[i];
		if (c->m.kind == MOUNT_BIND && path_within(path, c->m.src) && strcmp(c->m.src, c->m.dest) == 0 &&
		    (c->m.write || !write || c->level == LEVEL_SYSTEM))
			return true;
	}
	return false;
}

/* The cage has one of its own, which does for the server. */
static const char *own_place(const struct planner *p, const char *path)
{
	if (path_within(path, "/proc"))
		return "";
	if (path_within(path, "/dev")) {
		static const char *const nodes[] = {
			"/dev", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/stdin",
			"/dev/stdout", "/dev/stderr", "/dev/fd", "/dev/shm", "/dev/pts", "/dev/ptmx",
		};
		for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
			if (strcmp(path, nodes[i]) == 0 || (i > 8 && path_within(path, nodes[i])))
				return "";
		return NULL;
	}
	if (strcmp(path, "/tmp") == 0 || strcmp(path, "/var/tmp") == 0)
		return "the server has its own, empty one";
	for (size_t i = 0; i < p->n; i++)
		if (p->candidates[i].level == LEVEL_MADE && p->candidates[i].m.kind == MOUNT_DATA &&
		    strcmp(p->candidates[i].m.dest, path) == 0)
			return "";
	return NULL;
}

static int refuse(struct planner *p, const char *path, const char *reason)
{
	error_set(p->err, 0, "cannot grant %s, which is an argument of the server: %s", path, reason);
	error_hint(p->err, "--ro or --rw grant what the server needs; --args off leaves the arguments alone");
	return error_kind(p->err, ERROR_USAGE);
}

/* Whether somebody granted FACT's object in so many words, or something inside of GUARD. */
static bool is_named(const struct planner *p, const struct path_fact *fact, const struct guard *guard, bool contains)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct candidate *c = &p->candidates[i];
		if (c->level != LEVEL_GRANT || c->m.kind != MOUNT_BIND || !path_within(fact->real, c->m.src))
			continue;
		/* What contains a guard is granted without it; what is inside has to be named itself. */
		if (contains || path_within(c->m.src, guard->asked) ||
		    (guard->real && path_within(c->m.src, guard->real)))
			return true;
	}
	return false;
}

static int check_places(struct planner *p, const struct path_fact *fact)
{
	const char *names[] = { fact->asked, fact->real };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *reason = protect_never(names[i], &p->homes);
		if (!reason)
			reason = protect_argument(names[i], &p->homes);
		if (reason)
			return refuse(p, fact->asked, reason);
	}
	return 0;
}

static int check_guards(struct planner *p, const struct path_fact *fact)
{
	const char *how = NULL;
	const struct guard *guard = planner_guard_of(p, fact, &how);
	char reason[400];

	if (!guard || is_named(p, fact, guard, how[0] == 'c'))
		return 0;
	if (check_places(p, fact) < 0) /* "it is your home folder" says more than what is in it */
		return -1;
	if (how[0] == '\0')
		snprintf(reason, sizeof reason, "it %s", protect_reason(guard->why));
	else
		snprintf(reason, sizeof reason, "it %s %.256s, which %s",
			 guard->real || how[0] == 'i' ? how : "is around", guard->asked, protect_reason(guard->why));
	return refuse(p, fact->asked, reason);
}

static int check_type(struct planner *p, const struct path_fact *fact)
{
	if (fact->type == PATH_SOCKET)
		return refuse(p, fact->asked, "it is a socket: what listens there acts outside the cage");
	if (fact->type == PATH_DEVICE)
		return refuse(p, fact->asked, "it is a device");
	return 0;
}

static int add_argument(struct planner *p, const struct path_fact *fact)
{
	bool write = p->policy->args == ARGS_RW && !p->policy->write_locked;

	if (check_type(p, fact) < 0 || check_guards(p, fact) < 0)
		return -1;
	if (is_shown(p, fact->real, write)) {
		if (strcmp(fact->asked, fact->real) == 0)
			return 0;
		return planner_add(p, LEVEL_ARGUMENT, MOUNT_SYMLINK, fact->real, fact->asked, "argument") ? 0 : -1;
	}
	if (check_places(p, fact) < 0)
		return -1;
	if (p->policy->read_locked && !is_shown(p, fact->real, false))
		return planner_note(p, "not granted: %s (argument): the administrator locked files.read", fact->asked);
	if (fact->type != PATH_DIR && fact->type != PATH_FILE)
		return planner_note(p, "not granted: %s (argument): neither a folder nor a file", fact->asked);
	if (planner_bind(p, LEVEL_ARGUMENT, fact, NULL, write, "argument") < 0)
		return -1;
	return planner_note(p, "granted %s: %s (argument; --args off to prevent)",
			    write ? "for reading and writing" : "read-only", fact->asked);
}

static int look_at(struct planner *p, const char *path)
{
	const struct path_fact *fact = planner_fact(p, path);
	const char *own = own_place(p, path);

	if (own)
		return own[0] ? planner_note(p, "not granted: %s (argument): %s", path, own) : 0;
	/* "/" and the like are refused whatever the facts say. */
	if (strcmp(path, "/") == 0)
		return refuse(p, path, protect_never(path, &p->homes));
	if (!fact || fact->type == PATH_MISSING)
		return planner_note(p, "not granted: %s (argument): it does not exist", path);
	if (fact->type == PATH_DENIED)
		return planner_note(p, "not granted: %s (argument): permission denied", path);
	return add_argument(p, fact);
}

int planner_args(struct planner *p)
{
	const struct target *target = &p->facts->target;

	if (p->policy->args == ARGS_OFF)
		return 0;
	for (size_t i = target->args_from; i < target->argv.n; i++) {
		CLEANUP_FREE char *path = plan_arg_path(target->argv.v[i]);
		bool again = false;
		if (!path)
			continue;
		for (size_t k = target->args_from; k < i && !again; k++) {
			CLEANUP_FREE char *before = plan_arg_path(target->argv.v[k]);
			again = before && strcmp(before, path) == 0;
		}
		if (!again && look_at(p, path) < 0)
			return -1;
	}
	return 0;
}
