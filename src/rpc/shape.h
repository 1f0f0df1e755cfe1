/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shape of every message of MCP: which members its params and its result must have, of what type, down to content blocks,
 * tools and tasks. shape-rows.h and shape-table.c hold the shapes as tables; this checks a value of a tree against one of them.
 *
 * What the specification's schema of a message's own era requires must be there and be of its type. Members that no version
 * knows are let through: the specification is open. The four legacy versions count as one: a member is required where all of
 * them that know the object require it. A member that need not be there may be null, which many servers write for "none".
 * A key that only looks like one of an object's names (other letters of case, other width) is a fault.
 *
 * One pass over the members of the objects that a shape names, nothing is copied but keys with escapes; the depth is that of
 * the tables. Pure. schema.json of each version of the MCP specification.
 */
#pragma once

#include "rpc/tree.h"

#include <stdbool.h>
#include <stdint.h>

enum shape_id {
	SHAPE_NONE, /* anything, or nothing at all */
	SHAPE_ANY,  /* any value */
	/* scalars and plain containers */
	SHAPE_STRING,
	SHAPE_NUMBER,
	SHAPE_INTEGER,
	SHAPE_COUNT, /* an integer that is not negative */
	SHAPE_INTEGER_OR_NULL,
	SHAPE_BOOLEAN,
	SHAPE_ID,    /* a string or an integer: ids and progress tokens */
	SHAPE_OBJECT,
	SHAPE_STRINGS,
	/* params of requests */
	SHAPE_PARAMS, /* of a request that needs none */
	SHAPE_INITIALIZE,
	SHAPE_LIST,
	SHAPE_CALL_TOOL,
	SHAPE_READ_RESOURCE,
	SHAPE_SUBSCRIBE,
	SHAPE_GET_PROMPT,
	SHAPE_COMPLETE,
	SHAPE_SET_LEVEL,
	SHAPE_LISTEN,
	SHAPE_TASK_NAMED, /* taskId */
	SHAPE_TASK_UPDATE,
	SHAPE_CREATE_MESSAGE,
	SHAPE_LIST_ROOTS,
	SHAPE_ELICIT,
	/* params of notifications */
	SHAPE_NOTE, /* of one that needs none */
	SHAPE_CANCELLED,
	SHAPE_PROGRESS,
	SHAPE_LOG_MESSAGE,
	SHAPE_RESOURCE_UPDATED,
	SHAPE_ELICITATION_COMPLETE,
	SHAPE_TASK_STATUS, /* 2025-11-25 */
	SHAPE_TASK_STATE,  /* 2026-07-28: a task and what it holds in this state */
	SHAPE_ACKNOWLEDGED,
	/* results */
	SHAPE_RESULT, /* of a request whose answer says nothing */
	SHAPE_INITIALIZE_RESULT,
	SHAPE_DISCOVER_RESULT,
	SHAPE_LIST_TOOLS_RESULT,
	SHAPE_LIST_RESOURCES_RESULT,
	SHAPE_LIST_TEMPLATES_RESULT,
	SHAPE_LIST_PROMPTS_RESULT,
	SHAPE_LIST_TASKS_RESULT,
	SHAPE_CALL_TOOL_RESULT, /* also one that asks for input, or names a task */
	SHAPE_READ_RESOURCE_RESULT,
	SHAPE_GET_PROMPT_RESULT,
	SHAPE_COMPLETE_RESULT,
	SHAPE_LISTEN_RESULT,
	SHAPE_GET_TASK_RESULT,
	SHAPE_CANCEL_TASK_RESULT,
	SHAPE_TASK_PAYLOAD,   /* tasks/result of the server: the answer of a tool */
	SHAPE_CLIENT_PAYLOAD, /* the same of the client: of the model or the person */
	SHAPE_CREATE_MESSAGE_RESULT,
	SHAPE_LIST_ROOTS_RESULT,
	SHAPE_ELICIT_RESULT,
	/* errors */
	SHAPE_ERROR,
	/* parts, each a value of its own */
	SHAPE_TOOL,
	SHAPE_RESOURCE,
	SHAPE_TEMPLATE,
	SHAPE_PROMPT,
	SHAPE_CONTENT, /* one content block */
	SHAPE_CONTENTS,
	SHAPE_INPUT_REQUESTS,
	SHAPE_INPUT_RESPONSES,
	SHAPE_TASK,
	SHAPE_PARTS_, /* from here on: private to shape-table.c */
};

/* Where and why, in words of the tables: nothing that the peer wrote is in it, so it may be shown to anybody. */
struct shape_failure {
	/*
	 * JSON Pointer from the value that was checked: of what is wrong, or of the object that lacks a member. A key that the
	 * peer chose (in a map) is "*".
	 */
	char pointer[192];
	char words[160];   /* "needs \"name\"", "must be a string", without a full stop */
};

/*
 * 0, or -1 and *OUT. NODE may be TREE_NONE, for params that are absent. MODERN: by 2026-07-28, else by the legacy versions
 * together. OUT may be NULL.
 */
int shape_check(enum shape_id id, const struct tree *t, uint32_t node, bool modern, struct shape_failure *out);
