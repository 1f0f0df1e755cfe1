/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form of the tables of shapes. Private to shape.c, shape-table.c, shape-rows.h and their tests; everybody else uses rpc/shape.h. */
#pragma once

#include "rpc/shape.h"

#include <stddef.h>

/* Parts of shapes that nobody asks for by name. */
enum shape_part {
	SHAPE_LEGACY_META = SHAPE_PARTS_, /* of a request */
	SHAPE_MODERN_META,
	SHAPE_NOTE_META,
	SHAPE_RESULT_META,
	SHAPE_LISTEN_META,
	SHAPE_COMPLETED, /* "complete" */
	SHAPE_CACHE_SCOPE,
	SHAPE_IMPLEMENTATION,
	SHAPE_CLIENT_CAPABILITIES,
	SHAPE_SERVER_CAPABILITIES,
	SHAPE_LIST_CHANGED,
	SHAPE_SUBSCRIBABLE,
	SHAPE_ICON,
	SHAPE_ICONS,
	SHAPE_ANNOTATIONS,
	SHAPE_ROLE,
	SHAPE_ROLES,
	SHAPE_LEVEL,
	SHAPE_OBJECT_WORD, /* "object" */
	SHAPE_STRING_WORD, /* "string" */
	SHAPE_URL_WORD,    /* "url" */
	SHAPE_SCHEMA,      /* an object or a boolean */
	SHAPE_SCHEMAS,
	SHAPE_INPUT_SCHEMA,
	SHAPE_OUTPUT_SCHEMA,
	SHAPE_TOOL_ANNOTATIONS,
	SHAPE_TASK_SUPPORT,
	SHAPE_EXECUTION,
	SHAPE_TOOLS,
	SHAPE_RESOURCES,
	SHAPE_TEMPLATES,
	SHAPE_PROMPTS,
	SHAPE_PROMPT_ARGUMENT,
	SHAPE_PROMPT_ARGUMENTS,
	SHAPE_TEXT_CONTENT,
	SHAPE_DATA_CONTENT, /* image, audio */
	SHAPE_LINK_CONTENT,
	SHAPE_EMBEDDED_CONTENT,
	SHAPE_USE_CONTENT,
	SHAPE_ANSWER_CONTENT,
	SHAPE_RESOURCE_CONTENTS,
	SHAPE_RESOURCE_CONTENTS_LIST,
	SHAPE_PROMPT_MESSAGE,
	SHAPE_PROMPT_MESSAGES,
	SHAPE_SAMPLED, /* one block of sampling, or an array of them */
	SHAPE_SAMPLED_BLOCK,
	SHAPE_SAMPLED_BLOCKS,
	SHAPE_SAMPLING_MESSAGE,
	SHAPE_SAMPLING_MESSAGES,
	SHAPE_CONTEXT,
	SHAPE_MODEL_HINT,
	SHAPE_MODEL_HINTS,
	SHAPE_MODEL_PREFERENCES,
	SHAPE_TOOL_CHOICE_MODE,
	SHAPE_TOOL_CHOICE,
	SHAPE_STRING_MAP,
	SHAPE_REF,
	SHAPE_PROMPT_REF,
	SHAPE_RESOURCE_REF,
	SHAPE_ARGUMENT,
	SHAPE_COMPLETE_CONTEXT,
	SHAPE_COMPLETION,
	SHAPE_FILTER,
	SHAPE_TASK_TTL,
	SHAPE_STATUS,
	SHAPE_TASKS,
	SHAPE_TASK_WORKING, /* also cancelled */
	SHAPE_TASK_ASKING,
	SHAPE_TASK_DONE,
	SHAPE_TASK_FAILED,
	SHAPE_TASK_HANDLE, /* in place of a result: 2026-07-28 */
	SHAPE_TASK_CREATED, /* the same: 2025-11-25 */
	SHAPE_TASK_RESULT,  /* of tasks/get and tasks/cancel, 2025-11-25 */
	SHAPE_STATE_RESULT, /* of tasks/get, 2026-07-28 */
	SHAPE_STATE_ASKING_RESULT,
	SHAPE_STATE_DONE_RESULT,
	SHAPE_STATE_FAILED_RESULT,
	SHAPE_STATE_PLAIN_RESULT,
	SHAPE_INPUT_REQUIRED,
	SHAPE_INPUT_REQUEST,
	SHAPE_ASK_SAMPLING,
	SHAPE_ASK_ROOTS,
	SHAPE_ASK_ELICIT,
	SHAPE_INPUT_RESPONSE,
	SHAPE_LEGACY_TOOL_RESULT,
	SHAPE_MODERN_TOOL_RESULT,
	SHAPE_MODERN_RESOURCE_RESULT,
	SHAPE_MODERN_PROMPT_RESULT,
	SHAPE_TOOL_ANSWER,
	SHAPE_RESOURCE_ANSWER,
	SHAPE_PROMPT_ANSWER,
	SHAPE_MODEL_ANSWER,
	SHAPE_PERSON_ANSWER,
	SHAPE_ACTION,
	SHAPE_FORM_VALUE,
	SHAPE_FORM_SCALAR,
	SHAPE_FORM_VALUES,
	SHAPE_ELICIT_FORM,
	SHAPE_ELICIT_URL,
	SHAPE_ELICIT_URLS,
	SHAPE_FORM_SCHEMA,
	SHAPE_FORM_FIELD,
	SHAPE_FORM_FIELDS,
	SHAPE_FORM_STRING,
	SHAPE_FORM_NUMBER,
	SHAPE_FORM_BOOLEAN,
	SHAPE_FORM_ARRAY,
	SHAPE_FORM_FORMAT,
	SHAPE_FORM_ITEMS,
	SHAPE_FORM_PLAIN_ITEMS,
	SHAPE_FORM_TITLED_ITEMS,
	SHAPE_TITLED,
	SHAPE_TITLED_LIST,
	SHAPE_ROOT,
	SHAPE_ROOTS,
	SHAPE_PLAIN_ERROR,
	SHAPE_URL_ERROR,
	SHAPE_URL_ERROR_DATA,
	SHAPE_CAPABILITY_ERROR,
	SHAPE_CAPABILITY_ERROR_DATA,
	SHAPE_VERSION_ERROR,
	SHAPE_VERSION_ERROR_DATA,
	SHAPES_N
};

/* In which era a row is looked at, and whether the member must be there. */
enum need {
	MAY_L = 1,  /* in the legacy versions: may be there, and then has this shape */
	MUST_L = 3, /* must be there */
	MAY_M = 4,  /* the same for 2026-07-28 */
	MUST_M = 12,
	MAY = MAY_L | MAY_M,
	MUST = MUST_L | MUST_M,
	ONE_OF = 16 | MAY, /* of the rows marked so, at least one */
	NEVER = 32 | MAY,  /* must not be there */
};

enum shape_kind {
	KIND_TYPE,    /* of a type in `types` */
	KIND_INTEGER, /* of a type in `types`, and a number must be whole */
	KIND_COUNT,   /* the same, and not negative */
	KIND_WORD,    /* a string that is the name of one of `rows` */
	KIND_OBJECT,  /* an object whose members are as `rows` say */
	KIND_ARRAY,   /* an array, each item of shape `of` */
	KIND_MAP,     /* an object, each value of shape `of` */
	KIND_SWITCH,  /* an object: the string in its member `key` names the row; without it, `of` */
	KIND_CODE,    /* the same with a number; without a row for it, `of` */
	KIND_HAS,     /* an object: the first row whose member is there; without any, `of` */
	KIND_ERA,     /* `of` by the legacy versions, `or_else` by 2026-07-28 */
	KIND_LIST,    /* an array: `of`; anything else: `or_else` */
};

struct shape_row {
	const char *name;
	uint8_t length;
	uint8_t need;
	uint8_t shape;
};

struct shape {
	uint8_t kind;
	uint8_t types; /* bits 1 << enum tree_type */
	uint8_t rows_n;
	uint8_t of, or_else;
	bool always; /* params that may not be absent, even where no member is needed */
	const struct shape_row *rows;
	const char *key;
};

extern const struct shape shapes[SHAPES_N];
_Static_assert(SHAPES_N <= 256, "a shape's number is a byte");
