/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The schemas that a call is held against: those of the rules on calls (tools.rules, "arguments"), compiled once, and those of a
 * tool's own definition. The mediator and `mcpcage policy test` ask the same functions. Pure.
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

/*
 * The schema MEMBER ("inputSchema", "outputSchema") of a tool's DEFINITION, the root of a tree. NULL: *GIVEN says whether it has
 * one, and then *ERR why it cannot be compiled.
 */
struct schema *tool_schema(const struct tree *definition, const char *member, const struct mediation *m, bool *given,
			   struct error *err);
