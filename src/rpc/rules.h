/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules over texts: regular expressions (PCRE2, with its JIT compiler) that say what is worth a note, a cut or
 * a refusal in what a server shows, answers, or is sent. mcpcage-rules(5) documents them for their writers.
 *
 * A rule has literals, and its expression is only run in a window around each place where one of them stands,
 * ASCII case set aside; windows that touch become one. So most text is looked at once, quickly, for all rules
 * together. What is searched is the decoded string, and with it readings of it: folded to ASCII (rpc/fold.h),
 * and with spaced-out words closed up.
 *
 * Work is bounded: an expression that needs more steps than it may at one place is a hit by itself, of the
 * whole window, and marked as such.
 *
 * rules_compile() needs executable memory, everything else none: call it before confinement, and never free
 * after that.
 */
#pragma once

#include "base/error.h"
#include "base/span.h"
#include "base/strlist.h"
#include "policy/mediation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_where {
	RULE_DESCRIPTION = 1, /* what a server shows of itself: lists, schemas, instructions */
	RULE_RESULT = 2,      /* everything else it says */
	RULE_ARGUMENT = 4,    /* what it is sent */
};
#define RULE_PLACES 3
#define RULE_ANYWHERE (RULE_DESCRIPTION | RULE_RESULT | RULE_ARGUMENT)

#define RULE_NAME_MAX 63 /* bytes; lower case letters, digits, '.', '-', '_' */
#define RULE_PATTERN_MAX 4096
#define RULE_WINDOW 256
#define RULE_WINDOW_MAX 16384
#define RULES_MAX 1024

/* One rule as its file says it. */
struct rule {
	char *name, *description, *pattern;
	char *origin; /* file */
	unsigned where;
	bool exact; /* case matters to the expression */
	uint32_t window; /* bytes on both sides of a literal */
	enum rule_action action[RULE_PLACES]; /* rule_place() */
	struct strlist literals;
	struct strlist needs; /* one of these has to be in the window, too, as it is written; none: no matter */
	struct strlist hits, misses; /* examples, when they were asked for */
};

/* The number of a place, from its bit. */
static inline unsigned rule_place(unsigned where)
{
	return (unsigned)__builtin_ctz(where);
}

struct rule_list {
	struct rule *v;
	size_t n;
};

/* Append a new rule, empty but for defaults. NULL: out of memory. */
struct rule *rule_list_add(struct rule_list *list);
void rule_list_free(struct rule_list *list);

struct rules; /* opaque */

/*
 * Compile LIST. OVERRIDES: the first whose glob matches a rule's name says its action; rules that are off are
 * left out. Errors name file and rule. A JIT that this machine does not allow is none; then expressions are
 * interpreted, under the same limits.
 */
struct rules *rules_compile(const struct rule_list *list, const struct rule_override *overrides, size_t overrides_n,
			    struct error *err);
void rules_free(struct rules *r);

/* Interpret all expressions from here on, as where there is no JIT. For tests. */
void rules_interpret(struct rules *r);

size_t rules_count(const struct rules *r);
const char *rules_name(const struct rules *r, uint32_t rule);
enum rule_action rules_action(const struct rules *r, uint32_t rule, unsigned where);
/* Whether any rule looks there. */
bool rules_look(const struct rules *r, unsigned where);

struct rule_hit {
	uint32_t rule;
	size_t start, end; /* bytes of the text; at characters' borders */
	bool limit;        /* not a match: the search was given up here */
};

struct rule_hits {
	struct rule_hit *v;
	size_t n, cap;
};

/* More hits in one text are one of the rule that had them, to the text's end, and marked `limit`. */
#define RULE_HITS_MAX 4096

/*
 * Append to HITS what rules for WHERE (one bit) find in TEXT, decoded UTF-8, sorted by start. Hits of one rule
 * do not overlap. -1: out of memory.
 */
int rules_search(struct rules *r, unsigned where, struct span text, struct rule_hits *hits);
void rule_hits_clear(struct rule_hits *hits);
void rule_hits_free(struct rule_hits *hits);
