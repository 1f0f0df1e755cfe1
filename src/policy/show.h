/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Showing names that others chose to a person: nothing that is not visible, nothing that moves the
 * cursor, no secrets among a command's arguments. For policy/ and the command line.
 */
#pragma once

#include "base/buf.h"
#include "base/strlist.h"
#include "policy/plan.h"

/* TEXT; control characters, what is invisible or changes direction, and bytes that are not UTF-8 as \xNN. */
void show_text(struct buf *out, const char *text);

/* TEXT as a word that a shell would read back, quoted where needed. */
void show_word(struct buf *out, const char *text);

/*
 * A copy of argument I of ARGV without what looks like a secret: the value of an option whose name says so, a
 * password in a URL. NULL when out of memory; the caller frees.
 */
char *show_argument(const struct strlist *argv, size_t i);

/* plan-messages.c: the members "tools" to "alarms" of the plan as JSON, each an object; and as lines of the flat plan. */
void show_mediation_json(const struct mediation *m, struct buf *out);
void show_mediation_print(const struct mediation *m, struct buf *out);
/* What RULE allows of time and amount: BEFORE, then "30/min, 10s for a call"; nothing when it says nothing. */
void show_rule_limits(const struct tool_rule *rule, const char *before, struct buf *out);

/* explain-messages.c: the parts of plan_explain() about what is run outside the cage, and about messages. */
void show_outside_words(const struct plan *plan, struct buf *out);
void show_mediation_words(const struct plan *plan, struct buf *out);

/* plan-network.c: network by name, for NETWORK_NAMES only; as words, members and lines. */
void show_network_words(const struct plan *plan, struct buf *out);
void show_network_json(const struct plan *plan, struct buf *out);
void show_network_print(const struct plan *plan, struct buf *out);

/* explain.c: pieces of its layout. */
void explain_heading(struct buf *out, const char *text);
/* "  LEFT      RIGHT" */
void explain_entry(struct buf *out, const char *left, const char *right);
/* Words with commas, wrapped. */
struct flow {
	struct buf *out;
	size_t column;
};
void flow_word(struct flow *flow, const char *word);
void flow_end(struct flow *flow);
