/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What policy says of a call of a tool: the one decision that the mediator carries out and `mcpcage policy test` shows.
 * Pure: nothing is looked at but the arguments.
 */
#pragma once

#include "base/buf.h"
#include "base/glob.h"
#include "policy/mediation.h"

#include <stddef.h>
#include <stdint.h>

/* What made the verdict what it is. */
enum decided_by {
	DECIDED_BY_DENY,    /* tools.deny: `glob` */
	DECIDED_BY_ALLOW,   /* tools.allow names others only */
	DECIDED_BY_RULE,    /* `rule` */
	DECIDED_BY_DEFAULT, /* tools.default, or what it was when an administrator locked it */
	DECIDED_BY_ASK,     /* tools.ask: `glob` */
};

struct decision {
	enum tool_verdict verdict;
	enum decided_by by;
	const char *glob;             /* the pattern that decided, or NULL */
	const struct tool_rule *rule; /* the rule that decided, or NULL */
	const char *reason;           /* of that rule, or NULL */
	/*
	 * All rules that hold for the call, one of a stage at most, also when something else decided; none when a list denies
	 * it. The arguments have to satisfy the schema of each, and its rate and concurrency count, which are a rule's own for all
	 * the tools it matches. What belongs to a rule is kept by its place in mediation.rules: decision_index().
	 */
	const struct tool_rule *rules[TOOL_STAGES];
	size_t rules_n;
	/* The smallest of those rules; 0: none says. Never more than the session's own limits of the same kind. */
	uint64_t timeout;     /* milliseconds */
	uint64_t result_size; /* bytes of the answer */
};

/* TOOL is the decoded name; it matches case-sensitively. What is returned points into M. */
struct decision decide_call(const struct mediation *m, const char *tool);

static inline size_t decision_index(const struct mediation *m, const struct tool_rule *rule)
{
	return (size_t)(rule - m->rules);
}

/* "tools.deny", "/etc/mcpcage/policy.json, rule 2"...: where the decision comes from, in words, for records and explanations. */
void decision_source(const struct decision *d, struct buf *out);
