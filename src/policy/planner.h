/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a plan: the state that the steps of plan_make() share. Internal to policy/.
 *
 * Each step adds candidates; plan-order.c makes the plan's list of mounts out of them.
 */
#pragma once

#include "base/error.h"
#include "policy/facts.h"
#include "policy/plan.h"
#include "policy/policy.h"
#include "policy/protect.h"

#include <stdbool.h>
#include <stddef.h>

/* Who asked for a mount: at the same place the higher one wins. */
enum level {
	LEVEL_MADE,     /* what every cage has */
	LEVEL_SYSTEM,   /* files.system */
	LEVEL_TARGET,   /* follows from the command */
	LEVEL_ARGUMENT, /* follows from an argument of the server */
	LEVEL_GRANT,    /* somebody wrote it: files.read, files.write, files.tmpfs */
	LEVEL_MASK,
};

struct candidate {
	struct plan_mount m;
	enum level level;
	size_t number; /* order of arrival */
};

/* A protected place of this user. */
struct guard {
	char *asked;
	const char *real; /* without symlinks; NULL: does not exist, or nobody looked */
	const struct path_fact *fact;
	enum protect_why why;
	bool plain; /* in the home folder, not by a symlink, not mcpcage's own */
};

struct planner {
	const struct policy *policy;
	const struct facts *facts;
	struct plan *plan;
	struct error *err;
	struct protect_homes homes; /* those that are nothing else as well, such as a service's "/" */

	struct candidate *candidates;
	size_t n;
	struct guard *guards;
	size_t guards_n;
	size_t *index; /* hash table over facts->paths: position + 1 */
	size_t index_n;
};

/* plan.c */
/* Make planner_fact() quick: after facts, and before anything else. */
int planner_index(struct planner *p);
const struct path_fact *planner_fact(const struct planner *p, const char *asked);
/* Append to warnings. */
int planner_warn(struct planner *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Append to notes. */
int planner_note(struct planner *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Add a candidate; all strings are copied. The result is valid until the next one. NULL: out of memory, and ERR is
 * filled.
 */
struct plan_mount *planner_add(struct planner *p, enum level level, enum mount_kind kind, const char *src,
			       const char *dest, const char *why);

/* Release what P owns. */
void planner_free(struct planner *p);
/* Release what M owns. */
void planner_drop(struct plan_mount *m);

/* plan-made.c: what every cage has, and the environment. */
int planner_made(struct planner *p);
int planner_env(struct planner *p);

/* plan-reduced.c: without namespaces. */
/* Whether it can be done on this machine; what is wanted and had of the layers then. */
int planner_reduced_layers(struct planner *p, unsigned *wanted, unsigned *has);
/* In the place of planner_made(): what the server has of its own. */
int planner_reduced_own(struct planner *p);
/* After planner_order(): what Landlock can say, and an error for anything else. */
int planner_reduced(struct planner *p);

/* plan-network.c: the network. */
int planner_network(struct planner *p);

/* plan-grants.c: what is shown of the host. */
int planner_guards(struct planner *p);
int planner_system(struct planner *p);
int planner_target(struct planner *p);
int planner_grants(struct planner *p);

/* plan-args.c: paths among the server's arguments; after the others. */
int planner_args(struct planner *p);

/* plan-links.c: after all that: nothing that a server can make or write decides what is granted next time. */
int planner_links(struct planner *p);

/*
 * The guard that FACT's object is, is inside of, or contains; NULL: none. *HOW says which, as a
 * preposition for messages.
 */
const struct guard *planner_guard_of(const struct planner *p, const struct path_fact *fact, const char **how);
/* Show FACT's object, at DEST or (NULL) under its own name. */
int planner_bind(struct planner *p, enum level level, const struct path_fact *fact, const char *dest, bool write,
		 const char *why);

/* later.c: what may be granted while the session runs. */
int planner_later(struct planner *p);

/* plan-order.c: masks, order, what is needless, what is impossible; fills plan->mounts. */
int planner_order(struct planner *p);
/* Where PATH is found in the cage when it leads through one of the links that are made there (/var/tmp). The caller frees; NULL: no memory. */
char *planner_place(const struct planner *p, const char *path);
