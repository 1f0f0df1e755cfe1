/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where something can be shown in a cage that stands already: a folder at its own path, where that lies in a file system of ours
 * that the server may use (its home, /tmp, files.tmpfs); a file, and what would lie in the root, in LATER_FOLDER, and a symlink at
 * its own path leads there. That is because of Landlock, whose rules are made when the server starts and hold for what is
 * mounted below a folder later: the root's own folders have no rule that lets anything be read, LATER_FOLDER has.
 */
#include "policy/later.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/keys.h"
#include "policy/network.h"
#include "policy/planner.h"
#include "policy/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- with the rest of the plan ------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

int planner_later(struct planner *p)
{
	const struct facts *facts = p->facts;
	struct plan_later *later = &p->plan->later;

	later->longest = p->policy->grants_longest;
	later->paths_locked = p->policy->read_locked;
	later->hosts_locked = p->policy->hosts_locked;
	later->home = copy(facts->home);
	later->home_other = copy(facts->home_env);
	later->home_free = p->homes.home != NULL;
	later->other_free = p->homes.other != NULL;
	later->runtime = copy(facts->runtime);
	later->no_runtime = copy(facts->no_runtime);
	if ((facts->home && !later->home) || (facts->home_env && !later->home_other) ||
	    (facts->runtime && !later->runtime) || (facts->no_runtime && !later->no_runtime) ||
	    strlist_copy(&later->protect, &facts->protect) < 0 ||
	    (p->policy->state && strlist_add(&later->protect, p->policy->state) < 0))
		return error_oom(p->err);
	return 0;
}

/* ---- whether ------------------------------------------------------------------------------------- */

static int may(const struct plan *plan, uint64_t time, struct error *err)
{
	const struct policy_key *key = &policy_keys[KEY_GRANTS_LONGEST];
	char longest[32];

	if (plan->reduced) {
		error_set(err, 0, "nothing can be granted to this session while it runs: it is in reduced mode, without namespaces");
		error_kind(err, ERROR_USAGE);
		return error_hint(err, "end it, and start it with the grant");
	}
	if (plan->later.longest == 0) {
		error_set(err, 0, "policy grants nothing to this session while it runs (%s)", key->path);
		return error_kind(err, ERROR_USAGE);
	}
	if (time > 0 && time <= plan->later.longest)
		return 0;
	value_number_text(key, plan->later.longest, longest);
	error_set(err, 0, "a grant to this session lasts %s at most (%s)", longest, key->path);
	error_hint(err, "give a shorter time with --for");
	return error_kind(err, ERROR_USAGE);
}

int later_may_path(const struct plan *plan, uint64_t time, struct error *err)
{
	if (may(plan, time, err) < 0)
		return -1;
	if (!plan->later.paths_locked)
		return 0;
	error_set(err, 0, "the administrator has locked what servers may read (%s)", policy_keys[KEY_FILES_READ].path);
	return error_kind(err, ERROR_USAGE);
}

int later_may_host(const struct plan *plan, uint64_t time, struct error *err)
{
	if (may(plan, time, err) < 0)
		return -1;
	if (plan->network != NETWORK_NAMES) {
		error_set(err, 0, "this session was started with %s, so no host can be granted to it",
			  plan->network == NETWORK_HOST ? "the host's network" : "no network");
		error_hint(err, plan->network == NETWORK_HOST
					? "it reaches whatever you reach (--network host)"
					: "start it with a host it may reach (--allow-host), or with --grant-hosts (grants.hosts)");
		return error_kind(err, ERROR_USAGE);
	}
	if (!plan->later.hosts_locked)
		return 0;
	error_set(err, 0, "the administrator has locked which hosts servers may reach (%s)", policy_keys[KEY_NETWORK_ALLOW].path);
	return error_kind(err, ERROR_USAGE);
}

int later_host(const struct plan *plan, const char *text, char rule[HOST_TEXT_SIZE], struct error *err)
{
	CLEANUP(network_needs_free) struct network_needs needs = { 0 };
	struct host_rule host;

	if (host_rule_parse(text, &host, err) < 0)
		return -1;
	host_rule_text(&host, rule);
	if (host.kind == HOST_RANGE) {
		error_set(err, 0, "cannot grant %s: a running session can be granted names, not addresses", rule);
		return error_kind(err, ERROR_USAGE);
	}
	if (network_needs(&plan->names, &needs, err) < 0)
		return -1;
	for (size_t i = 0; i < host.ports_n; i++)
		for (unsigned port = host.ports[i].low; port <= host.ports[i].high; port++) {
			if (network_port(&needs, (uint16_t)port))
				continue;
			error_set(err, 0, "cannot grant %s: the session has no socket for port %u", rule, port);
			error_hint(err, "a session has those of the hosts that it was started with, and %d", HOST_PORT_DEFAULT);
			return error_kind(err, ERROR_USAGE);
		}
	return 0;
}

static int refuse(const char *path, const char *reason, struct error *err)
{
	error_set(err, 0, "cannot grant %s: %s", path, reason);
	return error_kind(err, ERROR_USAGE);
}

static int check_type(const struct path_fact *fact, const char *asked, struct error *err)
{
	switch (fact ? fact->type : PATH_MISSING) {
	case PATH_DIR:
	case PATH_FILE:
		return 0;
	case PATH_MISSING:
		return refuse(asked, "it does not exist", err);
	case PATH_DENIED:
		return refuse(asked, "permission denied", err);
	case PATH_SOCKET:
		return refuse(asked, "it is a socket", err);
	case PATH_DEVICE:
		return refuse(asked, "it is a device", err);
	case PATH_OTHER:
		break;
	}
	return refuse(asked, "it is neither a folder nor a file", err);
}

static int check_guards(const struct planner *p, const struct path_fact *fact, struct error *err)
{
	const char *how = NULL;
	const struct guard *guard = planner_guard_of(p, fact, &how);

	/* What is in it need not exist: it may, before the grant ends. */
	if (!guard)
		return 0;
	if (how[0])
		error_set(err, 0, "cannot grant %s: it %s %s, which %s", fact->asked, how, guard->asked, protect_reason(guard->why));
	else
		error_set(err, 0, "cannot grant %s: it %s", fact->asked, protect_reason(guard->why));
	error_hint(err, how[0] == 'c' ? "grant the folders in it that the server needs"
				      : "a session has it only when it is started so, with --ro");
	return error_kind(err, ERROR_USAGE);
}

/* The server must not have had a part in where the name leads; see plan-links.c. */
static int check_links(const struct plan *plan, const struct path_fact *fact, struct error *err)
{
	for (size_t l = 0; l + 1 < fact->links.n; l += 2) {
		const char *link = fact->links.v[l];
		for (size_t i = 0; i < plan->mounts_n; i++) {
			const struct plan_mount *m = &plan->mounts[i];
			if (m->kind != MOUNT_BIND || !m->write || !path_within(link, m->src) || path_within(fact->real, m->src))
				continue;
			error_set(err, 0, "cannot grant %s: %s is a symlink in %s, where the server may write, and leads to %s",
				  fact->asked, link, m->src, fact->real);
			error_hint(err, "if you made that symlink, name %s itself; if not, the server did", fact->real);
			return error_kind(err, ERROR_USAGE);
		}
	}
	return 0;
}

int later_allows(const struct plan *plan, const struct facts *facts, const char *asked, struct error *err)
{
	const struct policy nothing = { 0 };
	const struct plan_later *later = &plan->later;
	CLEANUP(planner_free) struct planner p = {
		.policy = &nothing, .facts = facts, .err = err,
		.homes = { later->home_free ? later->home : NULL, later->other_free ? later->home_other : NULL },
	};

	if (planner_index(&p) < 0 || planner_guards(&p) < 0)
		return -1;
	const struct path_fact *fact = planner_fact(&p, asked);
	const char *reason = protect_never(asked, &p.homes);
	if (!reason && fact && fact->real)
		reason = protect_never(fact->real, &p.homes);
	if (!reason && (protect_is_home(asked, &p.homes) || (fact && fact->real && protect_is_home(fact->real, &p.homes))))
		reason = "it is your home folder";
	if (reason)
		return refuse(asked, reason, err);
	if (check_type(fact, asked, err) < 0 || !fact || check_guards(&p, fact, err) < 0)
		return -1;
	return check_links(plan, fact, err);
}

/* ---- where --------------------------------------------------------------------------------------- */

/* The innermost mount that PATH would lie in. */
static const struct plan_mount *mount_around(const struct plan *plan, const char *path)
{
	const struct plan_mount *around = NULL;

	for (size_t i = 0; i < plan->mounts_n; i++)
		if (plan->mounts[i].kind != MOUNT_DIR && path_within(path, plan->mounts[i].dest))
			around = &plan->mounts[i]; /* the innermost comes last */
	return around;
}

/* Whether M shows at REAL just what is there outside. */
static bool shows(const struct plan_mount *m, const char *real)
{
	return m->kind == MOUNT_BIND && !m->kept && strcmp(m->src, m->dest) == 0 && path_within(real, m->src);
}

int later_place(const struct plan *plan, const char *real, bool directory, uint32_t id, struct later_place *place,
		struct error *err)
{
	const struct plan_mount *around = mount_around(plan, real);

	*place = (struct later_place){ 0 };
	if (around && shows(around, real)) {
		error_set(err, 0, "the server can read %s already (%s)", real, around->why);
		return error_kind(err, ERROR_USAGE);
	}
	if (asprintf(&place->apart, LATER_FOLDER "/%" PRIu32 "/%s", id, path_base(real)) < 0) {
		place->apart = NULL;
		return error_oom(err);
	}
	bool ours = around && (around->kind == MOUNT_TMPFS || around->kept) && strcmp(real, around->dest) != 0;
	bool linked = !around || (ours && !directory);
	place->dest = strdup(ours && directory ? real : place->apart);
	place->base = ours ? strdup(around->dest) : NULL;
	place->link = linked ? strdup(real) : NULL;
	if (place->dest && (place->base || !ours) && (place->link || !linked))
		return 0;
	later_place_free(place);
	return error_oom(err);
}

void later_place_free(struct later_place *place)
{
	free(place->dest);
	free(place->apart);
	free(place->base);
	free(place->link);
	*place = (struct later_place){ 0 };
}
