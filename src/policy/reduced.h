/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every server gets of the host's own in reduced mode, beside files.system. Data only; for the gatherer of facts and the planner. */
#pragma once

#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

struct reduced_path {
	const char *path;
	bool write;
	bool host_network; /* only with network.mode host */
	const char *why;
};
extern const struct reduced_path reduced_paths[];
extern const size_t reduced_paths_n;

/*
 * What the server's first process may read of its own in /proc/self. Runtimes report memory by these; all of /proc/self is too much, as net in it is the
 * host's.
 */
#define REDUCED_OWN_N 4
extern const char *const reduced_own[REDUCED_OWN_N];

/* Landlock's scope of signals, without which a server could kill every process of the user's. landlock(7). */
#define REDUCED_LANDLOCK_ABI 6
