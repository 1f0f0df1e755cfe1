/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reduced mode: the plan for a machine without user namespaces, where policy allows to go without (confine.reduced).
 *
 * There is no root of our own then. What the mounts would show, Landlock grants on the host's own paths instead, and it knows only
 * "this folder and all below": nothing can be shown elsewhere, hidden inside of a grant, or narrowed there. What a plan would need of that is an
 * error here, never something less. The private folders are real ones below the state folder, and the environment names them.
 *
 * It is never taken by itself: facts say that namespaces cannot be had, and policy that this is wanted. cage/reduced.c enforces it.
 */
#include "policy/planner.h"
#include "policy/reduced.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

/*
 * Not /dev/shm, where other programs of the user's have their memory, nor anything of a process in /proc. getpwuid(3) is asked by
 * runtimes for the user's name; these files are the host's, because they cannot be replaced.
 */
const struct reduced_path reduced_paths[] = {
	{ "/dev/null", true, false, "a harmless device" },
	{ "/dev/zero", true, false, "a harmless device" },
	{ "/dev/full", true, false, "a harmless device" },
	{ "/dev/random", false, false, "a harmless device" },
	{ "/dev/urandom", false, false, "a harmless device" },
	{ "/etc/passwd", false, false, "system" },
	{ "/etc/group", false, false, "system" },
	{ "/etc/nsswitch.conf", false, false, "system" },
	{ "/etc/hosts", false, true, "the host's network" },
	{ "/etc/host.conf", false, true, "the host's network" },
	{ "/etc/resolv.conf", false, true, "the host's network" },
	{ "/proc/cpuinfo", false, false, "the machine's numbers" },
	{ "/proc/meminfo", false, false, "the machine's numbers" },
	{ "/proc/stat", false, false, "the machine's numbers" },
};
const size_t reduced_paths_n = ARRAY_SIZE(reduced_paths);
const char *const reduced_own[REDUCED_OWN_N] = { "maps", "stat", "statm", "status" };

/* ---- whether --------------------------------------------------------------------------------------- */

/* REASON is why it takes namespaces; INSTEAD, a hint, may be NULL. */
static int refuse(struct planner *p, const char *what, const char *reason, const char *instead)
{
	error_set(p->err, 0, "reduced mode: %s: %s", what, reason);
	if (instead)
		error_hint(p->err, "%s", instead);
	return error_kind(p->err, ERROR_USAGE);
}

int plan_reduced_package(struct error *err)
{
	error_set(err, 0, "reduced mode: a package of the store can neither be installed nor run: both take namespaces");
	error_hint(err, "install it yourself into a folder (npm install --prefix FOLDER, or a virtual environment) and name its program as "
			"the command");
	return error_kind(err, ERROR_USAGE);
}

static int check_policy(struct planner *p)
{
	if (p->facts->package)
		return plan_reduced_package(p->err);
	if (p->policy->network == NETWORK_NAMES)
		return refuse(p, "network by name (network.allow, --allow-host) cannot be had",
			      "it takes a network namespace", "see `mcpcage doctor` for how to get namespaces");
	if (p->policy->unix_sockets)
		return refuse(p, "confine.unix_sockets (--unix-sockets) cannot be had",
			      "every socket of the machine would be in reach", NULL);
	return 0;
}

static int missing(struct planner *p, const char *text)
{
	return strlist_add(&p->plan->missing, text) < 0 ? error_oom(p->err) : 0;
}

static int tell(struct planner *p)
{
	char *line = NULL;

	if (asprintf(&line, "userns: missing, and reduced mode is allowed (confine.reduced, --reduced): %s", p->facts->reduced_why) < 0 ||
	    strlist_take(&p->plan->missing, line) < 0)
		return error_oom(p->err);
	if (missing(p, "reduced mode: Landlock and the system call filter are all that keeps the server from your files and processes") < 0 ||
	    missing(p, "reduced mode: the server can find out which files exist, their size, owner and times, where symlinks lead, which processes run, and the names "
		       "of this machine and its users; what it writes is not limited by files.home_size and files.tmp_size") < 0)
		return -1;
	return missing(p, p->plan->network == NETWORK_HOST
				  ? "reduced mode: there is no /tmp, and modes, owners, times and attributes of files cannot be changed, nor "
				    "files be watched"
				  : "reduced mode: there are no sockets and no /tmp, and modes, owners, times and attributes of files cannot be "
				    "changed, nor files be watched");
}

int planner_reduced_layers(struct planner *p, unsigned *wanted, unsigned *has)
{
	const unsigned gone = LAYER_USERNS | LAYER_TIMENS;
	struct plan *plan = p->plan;

	plan->reduced = true;
	plan->require = p->policy->require | LAYER_SECCOMP | LAYER_LANDLOCK;
	*has &= ~gone;
	*wanted = (*wanted & ~gone) | plan->require;
	/* Required in so many words: the caller says so. */
	if (p->policy->require & LAYER_USERNS)
		return 0;
	if (p->facts->landlock_abi < REDUCED_LANDLOCK_ABI) {
		error_set(p->err, 0, "reduced mode needs Landlock of ABI %d, and this kernel has %s%d: without it the server could kill every "
			  "process of yours", REDUCED_LANDLOCK_ABI, p->facts->landlock_abi ? "ABI " : "none, ABI ", p->facts->landlock_abi);
		return error_hint(p->err, "Linux 6.12 or later with \"landlock\" in the boot option lsm=; or get user namespaces, see "
				  "`mcpcage doctor`");
	}
	/* Nothing can be shown, and nothing be reached, later on. */
	plan->later.longest = 0;
	return check_policy(p) < 0 ? -1 : tell(p);
}

/* ---- its own files ------------------------------------------------------------------------------------ */

static int replace(struct planner *p, char **where, char *with)
{
	if (!with)
		return error_oom(p->err);
	free(*where);
	*where = with;
	return 0;
}

static int add_folder(struct planner *p, const char *files, const char *why, struct plan_mount **m)
{
	*m = planner_add(p, LEVEL_MADE, MOUNT_BIND, files, files, why);
	if (!*m)
		return -1;
	(*m)->write = (*m)->directory = true;
	return 0;
}

/* The home, and where temporary files are. */
static int make_home(struct planner *p)
{
	struct plan *plan = p->plan;
	struct plan_mount *m;

	if (replace(p, &plan->scratch, strdup(p->facts->reduced_folder)) < 0)
		return -1;
	CLEANUP_FREE char *files = path_join(plan->scratch, "files");
	char *home = plan->home_folder ? path_join(plan->home_folder, "files") : files ? path_join(files, "home") : NULL;
	if (!files || replace(p, &plan->home, home) < 0 || replace(p, &plan->cwd, strdup(plan->home)) < 0)
		return error_oom(p->err);
	if (add_folder(p, files, plan->home_folder ? "private, gone at the end" : "private home and temporary files, gone at the end", &m) < 0)
		return -1;
	m->scratch = true;
	if (!plan->home_folder)
		return 0;
	if (add_folder(p, plan->home, "private home, kept", &m) < 0)
		return -1;
	m->kept = true;
	return 0;
}

int planner_reduced_own(struct planner *p)
{
	if (make_home(p) < 0)
		return -1;
	for (size_t i = 0; i < reduced_paths_n; i++) {
		const struct reduced_path *own = &reduced_paths[i];
		const struct path_fact *fact = planner_fact(p, own->path);
		if (!fact || !fact->real || (own->host_network && p->plan->network != NETWORK_HOST))
			continue;
		if (planner_bind(p, LEVEL_MADE, fact, NULL, own->write, own->why) < 0)
			return -1;
	}
	return 0;
}

/* ---- what Landlock can say ------------------------------------------------------------------------------ */

/* Whether the host has M's object at M's destination, so that a path leads there without a mount. */
static bool at_home(const struct planner *p, const struct plan_mount *m)
{
	const struct path_fact *fact = planner_fact(p, m->dest);

	return strcmp(m->src, m->dest) == 0 || (fact && fact->real && strcmp(fact->real, m->src) == 0);
}

static int refuse_mount(struct planner *p, const struct plan_mount *m)
{
	CLEANUP_FREE char *what = NULL;
	const char *instead = NULL, *reason = "nothing can be shown at another place than its own";
	int n;

	if (m->kind == MOUNT_MASK) {
		n = asprintf(&what, "cannot hide %s, which %s", m->dest, m->why);
		reason = "nothing can be hidden inside of what is granted";
		instead = "grant the folders around it that the server needs, one by one";
	} else if (m->kind == MOUNT_BIND) {
		n = asprintf(&what, "cannot show %s at %s (%s)", m->src, m->dest, m->why);
		instead = "grant it under its own name";
	} else {
		n = asprintf(&what, "cannot make %s (%s)", m->dest, m->why);
		instead = "leave it out";
	}
	return n < 0 ? error_oom(p->err) : refuse(p, what, reason, instead);
}

/* A rule for a folder holds for all below it, whatever other rules say. */
static int check_narrower(struct planner *p, const struct plan_mount *m)
{
	const struct plan *plan = p->plan;

	for (size_t i = 0; !m->write && i < plan->mounts_n; i++) {
		const struct plan_mount *around = &plan->mounts[i];
		if (around->kind != MOUNT_BIND || !around->write || !path_within(m->src, around->src))
			continue;
		CLEANUP_FREE char *what = NULL;
		if (asprintf(&what, "%s (%s) cannot be for reading only", m->src, m->why) < 0)
			return error_oom(p->err);
		CLEANUP_FREE char *reason = NULL;
		if (asprintf(&reason, "%s around it can be written (%s)", around->src, around->why) < 0)
			return error_oom(p->err);
		return refuse(p, what, reason, "grant the folders in it that the server may change, one by one");
	}
	return 0;
}

int planner_reduced(struct planner *p)
{
	struct plan *plan = p->plan;
	size_t kept = 0;

	for (size_t i = 0; i < plan->mounts_n; i++) {
		struct plan_mount *m = &plan->mounts[i];
		/* The host has those itself: they lead to what is granted, or nowhere. */
		bool link = m->kind == MOUNT_SYMLINK;
		if (!link && (m->kind != MOUNT_BIND || !at_home(p, m)))
			return refuse_mount(p, m);
		if (!link && replace(p, &m->dest, strdup(m->src)) < 0)
			return -1;
		struct plan_mount moved = *m;
		*m = (struct plan_mount){ 0 }; /* so that nothing is there twice after an error */
		if (link)
			planner_drop(&moved);
		else
			plan->mounts[kept++] = moved;
	}
	plan->mounts_n = kept;
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (check_narrower(p, &plan->mounts[i]) < 0)
			return -1;
	return 0;
}
