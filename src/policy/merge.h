/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Merging values into a policy, one after the other: later ones win, lists add up, and what an
 * administrator locked can only be tightened from then on. Internal to policy/.
 */
#pragma once

#include "base/error.h"
#include "policy/keys.h"
#include "policy/policy.h"
#include "policy/value.h"

#include <stdbool.h>

/* What a key was when it was locked: the most that later layers may make of it. */
struct merge_lock {
	char *by; /* the file; NULL: not locked */
	struct value ceiling;
	bool any;      /* tools.allow: every tool was allowed */
	bool narrowed; /* a later layer named its own list, which replaced the locked one */
};

struct merge {
	struct policy policy;
	struct merge_lock locks[KEYS_N];
	unsigned stage; /* of rules on calls that are read now */
	bool rules_locked, default_locked; /* by the file that is being read */
};

/* Rules on calls in one policy. */
#define RULES_MAX 1024

/* The defaults of the table. */
int merge_init(struct merge *merge, struct error *err);
void merge_free(struct merge *merge);

/* VALUE for KEY. Errors do not say where it came from: the caller knows. VALUE stays the caller's. */
int merge_value(struct merge *merge, const struct policy_key *key, const struct value *value, struct error *err);

/* Lock PATH, a key or the first part of keys, as it is now; BY is the file. */
int merge_lock(struct merge *merge, const char *path, const char *by, struct error *err);

/* After the last lock of a file. */
int merge_locks_done(struct merge *merge, struct error *err);

/* Check what concerns several keys, and hand the policy over. */
int merge_finish(struct merge *merge, struct policy *policy, struct error *err);

/* Between merge.c and merge-lock.c. */
void *merge_member(struct policy *policy, const struct policy_key *key);
/* Append a copy unless it is there. 0, or -1 when out of memory. */
int merge_add_grant(struct grant **grants, size_t *n, const struct grant *grant);
/* Whether VALUE only tightens what is locked. */
int merge_check_locks(const struct merge *merge, const struct policy_key *key, const struct value *value,
		      struct error *err);
