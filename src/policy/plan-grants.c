/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is shown of the host: the system, what the command needs, what somebody granted. Every refusal
 * says which path, who asked for it and why not. Names are judged twice, as they were written and without
 * symlinks.
 */
#include "policy/planner.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

/* ---- guards -------------------------------------------------------------------------------------- */

static int add_guard(struct planner *p, char *asked, enum protect_why why)
{
	if (!asked)
		return error_oom(p->err);
	if (p->guards_n % 128 == 0) {
		struct guard *grown = reallocarray(p->guards, p->guards_n + 128, sizeof *grown);
		if (!grown) {
			free(asked);
			return error_oom(p->err);
		}
		p->guards = grown;
	}
	const struct path_fact *fact = planner_fact(p, asked);
	const char *real = fact ? fact->real : NULL;
	bool plain = why != PROTECT_OWN && (!real || strcmp(real, asked) == 0);
	p->guards[p->guards_n++] = (struct guard){ asked, real, fact, why, plain };
	return 0;
}

int planner_guards(struct planner *p)
{
	const struct facts *facts = p->facts;
	const char *homes[] = { facts->home, facts->home_env };

	for (size_t h = 0; h < ARRAY_SIZE(homes); h++)
		for (size_t i = 0; homes[h] && i < protect_entries_n; i++)
			if (add_guard(p, path_join(homes[h], protect_entries[i].path), protect_entries[i].why) < 0)
				return -1;
	for (size_t i = 0; i < facts->protect.n; i++)
		if (add_guard(p, strdup(facts->protect.v[i]), PROTECT_OWN) < 0)
			return -1;
	if (p->policy->state && add_guard(p, strdup(p->policy->state), PROTECT_OWN) < 0)
		return -1;
	return 0;
}

static const char *relation(const char *path, const char *guarded)
{
	if (!path || !guarded)
		return NULL;
	if (strcmp(path, guarded) == 0)
		return "";
	if (path_within(path, guarded))
		return "is in";
	return path_within(guarded, path) ? "contains" : NULL;
}

/* FACT's object against one guard, under all their names. */
static const char *relation_to(const struct path_fact *fact, const struct guard *guard)
{
	const char *how = relation(fact->asked, guard->asked);

	if (!how)
		how = relation(fact->real, guard->asked);
	if (!how)
		how = relation(fact->asked, guard->real);
	return how ? how : relation(fact->real, guard->real);
}

const struct guard *planner_guard_of(const struct planner *p, const struct path_fact *fact, const char **how)
{
	const struct guard *found = NULL;

	/* One that exists says more than one that might. */
	for (size_t i = 0; i < p->guards_n && !(found && found->real); i++) {
		const char *relation_here = relation_to(fact, &p->guards[i]);
		if (!relation_here || (found && !p->guards[i].real))
			continue;
		found = &p->guards[i];
		*how = relation_here;
	}
	return found;
}

/* ---- showing one object -------------------------------------------------------------------------- */

int planner_bind(struct planner *p, enum level level, const struct path_fact *fact, const char *dest, bool write,
		 const char *why)
{
	/*
	 * Without a place of its own an object is shown where it really is, and the symlinks that lead to
	 * it by one that takes their place: programs that resolve a name find the same as outside.
	 */
	if (!fact->real)
		return error_set(p->err, 0, "cannot tell where %s is", fact->asked);
	struct plan_mount *m = planner_add(p, level, MOUNT_BIND, fact->real, dest ? dest : fact->real, why);
	if (!m)
		return -1;
	m->write = write;
	m->directory = fact->type == PATH_DIR;
	m->dev = fact->dev;
	m->ino = fact->ino;
	if (dest || strcmp(fact->asked, fact->real) == 0)
		return 0;
	return planner_add(p, level, MOUNT_SYMLINK, fact->real, fact->asked, why) ? 0 : -1;
}

/* ---- the system ---------------------------------------------------------------------------------- */

static int refuse(struct planner *p, const char *path, const char *origin, const char *reason)
{
	error_set(p->err, 0, "cannot grant %s (%s): %s", path, origin, reason);
	return error_kind(p->err, ERROR_USAGE);
}

/* Whether the cage has something of its own at PATH: no list of files of the system replaces that. */
static bool is_made(const struct planner *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->candidates[i].level == LEVEL_MADE && strcmp(p->candidates[i].m.dest, path) == 0)
			return true;
	return false;
}

static bool in_system(const struct planner *p, const char *path)
{
	for (size_t i = 0; i < p->policy->system.n; i++)
		if (path_within(path, p->policy->system.v[i]))
			return true;
	return false;
}

static int add_system(struct planner *p, const char *path)
{
	const struct path_fact *fact = planner_fact(p, path);
	const char *reason = protect_never(path, &p->homes);

	if (!reason && protect_is_home(path, &p->homes))
		reason = "it is the home folder";
	if (reason)
		return refuse(p, path, "files.system", reason);
	if (!fact || (fact->type != PATH_DIR && fact->type != PATH_FILE) || is_made(p, path))
		return 0;
	if (strcmp(fact->asked, fact->real) == 0)
		return planner_bind(p, LEVEL_SYSTEM, fact, NULL, false, "system");
	/* /bin -> usr/bin, /etc/localtime -> ../usr/share/zoneinfo/... */
	if (in_system(p, fact->real))
		return planner_add(p, LEVEL_SYSTEM, MOUNT_SYMLINK, fact->real, path, "system") ? 0 : -1;
	/* A link that leads out of the system shows its end, where it is looked for, if that is no secret. */
	const char *how;
	if (protect_never(fact->real, &p->homes) || planner_guard_of(p, fact, &how))
		return 0;
	return planner_bind(p, LEVEL_SYSTEM, fact, path, false, "system");
}

int planner_system(struct planner *p)
{
	for (size_t i = 0; i < p->policy->system.n; i++)
		if (add_system(p, p->policy->system.v[i]) < 0)
			return -1;
	return 0;
}

/* ---- what follows from the command --------------------------------------------------------------- */

static const char *too_broad(const struct planner *p, const struct path_fact *fact)
{
	const char *how, *reason = protect_never(fact->real, &p->homes);

	if (reason)
		return reason;
	if (protect_is_home(fact->real, &p->homes))
		return "it is your home folder";
	/* Code that lies inside such a place was named by the command itself; the place as a whole was not. */
	for (size_t i = 0; i < p->guards_n; i++) {
		how = relation_to(fact, &p->guards[i]);
		if (how && how[0] == '\0')
			return protect_reason(p->guards[i].why);
	}
	return NULL;
}

/* The server's script alone, when the folder around it is too much. */
static int bind_script(struct planner *p, const char *folder)
{
	const struct target *target = &p->facts->target;

	for (size_t i = 0; i < target->argv.n && i < target->args_from; i++) {
		const struct path_fact *fact = planner_fact(p, target->argv.v[i]);
		if (fact && fact->type == PATH_FILE && path_within(fact->real, folder) &&
		    planner_bind(p, LEVEL_TARGET, fact, NULL, false, "the server's script") < 0)
			return -1;
	}
	return 0;
}

static int add_target(struct planner *p, const struct target_grant *grant)
{
	const struct path_fact *fact = planner_fact(p, grant->path);

	if (!fact || fact->type == PATH_MISSING || fact->type == PATH_DENIED)
		return planner_note(p, "not granted: %s (%s): it does not exist or cannot be read", grant->path,
				    grant->why);
	if (fact->type != PATH_DIR && fact->type != PATH_FILE)
		return planner_note(p, "not granted: %s (%s): neither a folder nor a file", grant->path, grant->why);
	const char *reason = too_broad(p, fact);
	if (reason) {
		if (planner_note(p, "not granted: %s (%s): %s; --ro grants what the server needs of it", grant->path,
				 grant->why, reason) < 0)
			return -1;
		return bind_script(p, fact->real);
	}
	return planner_bind(p, LEVEL_TARGET, fact, grant->dest, false, grant->why);
}

int planner_target(struct planner *p)
{
	const struct target *target = &p->facts->target;

	for (size_t i = 0; i < target->grants_n; i++)
		if (add_target(p, &target->grants[i]) < 0)
			return -1;
	for (size_t i = 0; i + 1 < target->links.n; i += 2)
		if (!planner_add(p, LEVEL_TARGET, MOUNT_SYMLINK, target->links.v[i + 1], target->links.v[i],
				 "leads to the command"))
			return -1;
	return 0;
}

/* ---- what somebody granted ----------------------------------------------------------------------- */

static int check_type(struct planner *p, const struct grant *grant, const struct path_fact *fact)
{
	enum path_type type = fact ? fact->type : PATH_MISSING;

	switch (type) {
	case PATH_DIR:
	case PATH_FILE:
		return 0;
	case PATH_MISSING:
		refuse(p, grant->source, grant->origin, "it does not exist");
		return error_hint(p->err, "create it first: mcpcage creates nothing outside the cage");
	case PATH_DENIED:
		return refuse(p, grant->source, grant->origin, "permission denied");
	case PATH_SOCKET:
		refuse(p, grant->source, grant->origin, "it is a socket");
		return error_hint(p->err, "what listens there acts outside the cage, in your name");
	case PATH_DEVICE:
		return refuse(p, grant->source, grant->origin, "it is a device");
	case PATH_OTHER:
		break;
	}
	return refuse(p, grant->source, grant->origin, "it is neither a folder nor a file");
}

static int check_write(struct planner *p, const struct grant *grant, const struct path_fact *fact)
{
	static const char *const system[] = { "/usr", "/etc", "/boot" };
	const char *names[] = { fact->asked, fact->real };

	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		bool is_system = in_system(p, names[n]);
		for (size_t i = 0; i < ARRAY_SIZE(system); i++)
			is_system = is_system || path_within(names[n], system[i]);
		if (!is_system)
			continue;
		refuse(p, grant->source, grant->origin, "the system is never writable in the cage");
		return error_hint(p->err, "--ro shows it for reading");
	}
	for (size_t i = 0; i < p->guards_n; i++) {
		const char *how = p->guards[i].why == PROTECT_OWN ? relation_to(fact, &p->guards[i]) : NULL;
		if (!how)
			continue;
		/* A hidden place can be moved away with the folder around it: not enough for what decides policy. */
		if (how[0])
			error_set(p->err, 0, "cannot grant %s for writing (%s): it %s %s, which %s", grant->source,
				  grant->origin, how, p->guards[i].asked, protect_reason(PROTECT_OWN));
		else
			error_set(p->err, 0, "cannot grant %s for writing (%s): it %s", grant->source, grant->origin,
				  protect_reason(PROTECT_OWN));
		error_hint(p->err, "grant the folders in it that the server needs");
		return error_kind(p->err, ERROR_USAGE);
	}
	return 0;
}

/* A place of the user's choice must not hide what the cage consists of. */
static int check_dest(struct planner *p, const struct grant *grant)
{
	static const char *const ours[] = { "/proc", "/sys", "/dev" };
	const char *dest = grant->dest;
	const char *reason = strcmp(dest, "/") == 0 ? "the root is made by mcpcage" : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (path_within(dest, ours[i]))
			reason = "that place is the cage's own";
	for (size_t i = 0; !reason && i < p->n; i++) {
		const struct candidate *c = &p->candidates[i];
		bool same = strcmp(c->m.dest, dest) == 0;
		/* A single generated file may be replaced, and so may the private home. */
		if (same && (c->m.kind == MOUNT_DATA || strcmp(dest, p->plan->home) == 0))
			continue;
		/* Without namespaces nothing hides anything. */
		if (c->level == LEVEL_MADE && path_within(c->m.dest, dest) && !p->plan->reduced)
			reason = "that place is the cage's own";
		else if (c->level == LEVEL_SYSTEM && path_within(c->m.dest, dest) &&
			 strcmp(grant->source, dest) != 0)
			reason = "it would hide a part of the system";
	}
	if (!reason)
		return 0;
	error_set(p->err, 0, "cannot show %s at %s (%s): %s", grant->source, dest, grant->origin, reason);
	return error_kind(p->err, ERROR_USAGE);
}

static int add_grant(struct planner *p, const struct grant *grant)
{
	const struct path_fact *fact = planner_fact(p, grant->source);
	bool moved = strcmp(grant->source, grant->dest) != 0;

	const char *reason = protect_never(grant->source, &p->homes);
	if (!reason && fact && fact->real)
		reason = protect_never(fact->real, &p->homes);
	if (reason)
		return refuse(p, grant->source, grant->origin, reason);
	if (check_type(p, grant, fact) < 0 || check_dest(p, grant) < 0)
		return -1;
	if (grant->write && !grant->own && check_write(p, grant, fact) < 0)
		return -1;
	return planner_bind(p, LEVEL_GRANT, fact, moved ? grant->dest : NULL, grant->write, grant->origin);
}

static int add_tmpfs(struct planner *p, const char *path)
{
	struct grant as_grant = {
		.source = (char *)"an empty folder", .dest = (char *)path, .origin = (char *)"files.tmpfs",
	};

	if (check_dest(p, &as_grant) < 0)
		return -1;
	struct plan_mount *m = planner_add(p, LEVEL_GRANT, MOUNT_TMPFS, NULL, path, "files.tmpfs");
	if (!m)
		return -1;
	m->size = p->policy->tmp_size;
	m->write = true;
	m->directory = true;
	return 0;
}

static int add_made(struct planner *p, const struct made_file *file)
{
	struct grant as_grant = { .source = (char *)"a file", .dest = file->dest, .origin = file->origin };

	if (check_dest(p, &as_grant) < 0)
		return -1;
	struct plan_mount *m = planner_add(p, LEVEL_GRANT, MOUNT_DATA, NULL, file->dest, file->origin);
	if (!m)
		return -1;
	m->data = strdup(file->text);
	return m->data ? 0 : error_oom(p->err);
}

int planner_grants(struct planner *p)
{
	for (size_t i = 0; i < p->policy->grants_n; i++)
		if (add_grant(p, &p->policy->grants[i]) < 0)
			return -1;
	for (size_t i = 0; i < p->policy->made_n; i++)
		if (add_made(p, &p->policy->made[i]) < 0)
			return -1;
	for (size_t i = 0; i < p->policy->tmpfs.n; i++)
		if (add_tmpfs(p, p->policy->tmpfs.v[i]) < 0)
			return -1;
	return 0;
}
