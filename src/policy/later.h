/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may be granted to a session while it runs, and where it can be shown then. Pure functions over the plan and over facts
 * about the path in question; called by the helper and the monitor of that session (session/grants.c), never with a word of
 * the server's.
 *
 * It is stricter than at the start: no protected place can be named, and nothing that has one in it, because masks cannot be laid
 * over it before it is seen.
 */
#pragma once

#include "base/error.h"
#include "policy/facts.h"
#include "policy/host.h"
#include "policy/plan.h"

#include <stdbool.h>
#include <stdint.h>

/* Where paths are shown for which there is no better place: a folder for each, with its number as name. */
#define LATER_FOLDER "/run/grants"

/* Paths that are granted at the same time to one session. */
#define LATER_MAX 64

/* Whether a grant for TIME milliseconds is within policy, of a path or of a host. */
int later_may_path(const struct plan *plan, uint64_t time, struct error *err);
int later_may_host(const struct plan *plan, uint64_t time, struct error *err);
/*
 * TEXT as a rule that can be granted, in its one spelling: names only, and ports that the session has sockets for, because neither
 * routes nor sockets can be made in a cage that stands.
 */
int later_host(const struct plan *plan, const char *text, char rule[HOST_TEXT_SIZE], struct error *err);

/*
 * FACTS has home, home_env and protect as PLAN has them, and has looked at ASKED and at all protected places. 0: ASKED can be
 * granted for reading.
 */
int later_allows(const struct plan *plan, const struct facts *facts, const char *asked, struct error *err);

struct later_place {
	char *dest;  /* where it is mounted: its own path, or APART */
	char *apart; /* the place in LATER_FOLDER */
	char *base;  /* the mount of ours that DEST or LINK lies in; NULL: the root, or none */
	char *link;  /* a symlink there leads to APART; NULL: none can be made */
};
/* Where the object REAL (without symlinks) is shown as grant number ID. -1 also when the server sees it anyway. */
int later_place(const struct plan *plan, const char *real, bool directory, uint32_t id, struct later_place *place,
		struct error *err);
void later_place_free(struct later_place *place);
