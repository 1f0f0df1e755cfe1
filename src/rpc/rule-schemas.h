/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The schemas of the rules on calls (tools.rules, "arguments"): compiled once, and asked for each call by the mediator and by
 * `mcpcage policy test` alike. Pure.
 */
#pragma once

#include "policy/plan.h"
#include "rpc/decide.h"
#include "rpc/schema.h"

struct rule_schemas; /* opaque */

/*
 * Compile them all. PLAN has to outlive them. NULL: *ERR names file, rule and place in the schema. Paths of the client are read
 * as the server in its cage would: "~" is the private home, and that is where relative ones start.
 */
struct rule_schemas *rule_schemas_new(const struct plan *plan, struct error *err);
void rule_schemas_free(struct rule_schemas *s);
void rule_schemas_freep(struct rule_schemas **s); /* for CLEANUP() */

/*
 * Check the arguments of a call, the value NODE of T, against every rule of decision D. TREE_NONE: the call has none, which is the
 * same as an empty object. 0: all are satisfied. 1: *RULE is not, and *OUT says why. -1: so, because a limit was reached
 * before it was certain.
 */
int rule_schemas_check(const struct rule_schemas *s, const struct decision *d, const struct tree *t, uint32_t node,
		       const struct tool_rule **rule, struct schema_failure *out);
