/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every method of every version of MCP, a row for each direction: who sends it, in which versions it exists, what it needs the
 * other side to have declared, which shape its params and its result have, and what becomes of it when policy says nothing.
 * methods-table.c holds the rows; mcpcage(1) lists them. Pure, const.
 *
 * Which era a message belongs to is decided by the message: a request with the modern `_meta` is of 2026-07-28, every other one
 * of the legacy versions, and where a method exists in one era only, that is its era. A request of an era that lacks its method
 * is unknown.
 */
#pragma once

#include "policy/mediation.h"
#include "rpc/edit.h"
#include "rpc/message.h"
#include "rpc/shape.h"

#include <stdbool.h>
#include <stdint.h>

enum mcp_version {
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25,
	MCP_2026_07_28, /* with the tasks extension */
	MCP_VERSIONS_
};
extern const char *const mcp_version_names[MCP_VERSIONS_];

/* What the receiving side must have declared, or policy must allow. */
enum capability {
	NEEDS_NOTHING,
	/* of the server */
	NEEDS_TOOLS,
	NEEDS_RESOURCES,
	NEEDS_PROMPTS,
	NEEDS_COMPLETIONS,
	NEEDS_LOGGING,
	/* of the client */
	NEEDS_SAMPLING,
	NEEDS_ELICITATION,
	NEEDS_ROOTS,
	/* of either */
	NEEDS_TASKS,
	CAPABILITIES_
};
extern const char *const capability_names[CAPABILITIES_];

/* What becomes of a message that has its shape when policy says nothing. */
enum method_verdict {
	METHOD_PASS,    /* looked into where there is something to look at, and passed on */
	METHOD_MEDIATE, /* the reverse channel: refused unless policy allows it and the client declared it */
	METHOD_VERDICTS_
};
extern const char *const method_verdict_names[METHOD_VERDICTS_];

struct method {
	const char *name;
	enum direction from;
	bool request;     /* else a notification */
	bool open_ended;  /* a request that is answered when it ends, whenever that is: no deadline */
	bool list;        /* its result is a page of what a server shows */
	bool cacheable;   /* its modern result has ttlMs and cacheScope */
	bool input;       /* its modern result may ask for input (resultType "input_required") */
	uint8_t versions; /* bit 1 << enum mcp_version */
	enum capability needs;
	enum shape_id params, result;
	enum method_verdict verdict;
	const char *checked; /* for people: what is checked beyond the shape */
};

extern const struct method methods[]; /* sorted by direction, then name */
extern const size_t methods_n;

#define METHOD_LEGACY ((uint8_t)(1 << MCP_2024_11_05 | 1 << MCP_2025_03_26 | 1 << MCP_2025_06_18 | 1 << MCP_2025_11_25))
#define METHOD_MODERN ((uint8_t)(1 << MCP_2026_07_28))

/* The row, or NULL. O(log n), no more than six short comparisons. */
const struct method *methods_find(enum direction from, const char *name);

enum method_status {
	METHOD_KNOWN,
	METHOD_FORWARDED, /* unknown, and a glob of policy lets it through; *ROW is NULL */
	METHOD_UNKNOWN,
	METHOD_WRONG_WAY, /* the other side's */
	METHOD_WRONG_ERA, /* a request of a version that has no such method */
	METHOD_WRONG_KIND, /* a request without id, a notification with one */
	METHOD_OFF,       /* policy turned off what it belongs to (tasks) */
};
const char *method_status_text(enum method_status status); /* in words, for an answer or the audit log */

/*
 * Whether a request or notification may be looked at further. Only METHOD_KNOWN and METHOD_FORWARDED pass. What does not is
 * answered with -32601 where it is a request, and dropped where it is none.
 */
enum method_status methods_admit(enum direction from, const struct message *m, const struct mediation *policy,
				 const struct method **row);

/* By which era's shapes to check params of this row, and the result of a request that came with modern `_meta` or not. */
static inline bool method_is_modern(const struct method *row, bool request_modern)
{
	if ((row->versions & METHOD_MODERN) == 0)
		return false;
	if ((row->versions & METHOD_LEGACY) == 0)
		return true;
	return row->request && request_modern;
}

/*
 * Whether params of such a message have their shape: 0, or -1 and *OUT, as shape_check(). PARAMS is the tree over m->params; one
 * without nodes is for params that are absent, and null says the same.
 */
int method_check_params(const struct method *row, const struct message *m, const struct tree *params,
			struct shape_failure *out);
/*
 * The same for the answer KIND (MESSAGE_RESULT, MESSAGE_ERROR) to a request of this row: ANSWER is the tree over m->result or
 * m->error. A result without resultType is checked as a legacy one: it is of a server that knows no other version.
 */
int method_check_answer(const struct method *row, bool request_modern, enum message_kind kind, const struct tree *answer,
			struct shape_failure *out);

/*
 * For modern results of rows that are `cacheable` (in the legacy versions the two members mean nothing): ttlMs of at most MAX
 * (milliseconds), and cacheScope "private", because what has passed here depends on this user's policy. NODE is the result
 * object, OFFSET where the tree's text begins in the message.
 */
void methods_clamp_ttl(const struct tree *t, uint32_t node, uint64_t max, struct edits *edits, size_t offset);
