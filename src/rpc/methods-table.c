/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of methods, from schema.json of the five versions and, for 2026-07-28, of the tasks extension. Sampling,
 * elicitation and roots of 2026-07-28 are no methods: they come inside results and are checked there (shape-rows.h). Const
 * data only, because src/tools/gen-methods.c makes the manual's list out of it.
 *
 * tests/mcp-schema/test-messages.py compares it with the schemas: every method, and only those.
 */
#include "rpc/methods.h"

const char *const mcp_version_names[MCP_VERSIONS_] = {
	"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28",
};

const char *const capability_names[CAPABILITIES_] = {
	[NEEDS_NOTHING] = "",
	[NEEDS_TOOLS] = "tools",
	[NEEDS_RESOURCES] = "resources",
	[NEEDS_PROMPTS] = "prompts",
	[NEEDS_COMPLETIONS] = "completions",
	[NEEDS_LOGGING] = "logging",
	[NEEDS_SAMPLING] = "sampling",
	[NEEDS_ELICITATION] = "elicitation",
	[NEEDS_ROOTS] = "roots",
	[NEEDS_TASKS] = "tasks",
};

const char *const method_verdict_names[METHOD_VERDICTS_] = {
	[METHOD_PASS] = "pass",
	[METHOD_MEDIATE] = "refuse",
};

#define V(year, month, day) (1 << MCP_##year##_##month##_##day)
#define ALL (METHOD_LEGACY | METHOD_MODERN)
#define LEGACY METHOD_LEGACY
#define MODERN METHOD_MODERN
#define FROM_2025_06_18 (V(2025, 06, 18) | V(2025, 11, 25))
#define ONLY_2025_11_25 V(2025, 11, 25)
#define SINCE_2025_11_25 (V(2025, 11, 25) | V(2026, 07, 28))

#define REQUEST(method, in, capability, shape, answer, decides) \
	.name = (method), .request = true, .versions = (in), .needs = NEEDS_##capability, \
	.params = SHAPE_##shape, .result = SHAPE_##answer, .verdict = METHOD_##decides
#define NOTE(method, in, capability, shape, decides) \
	.name = (method), .versions = (in), .needs = NEEDS_##capability, .params = SHAPE_##shape, \
	.verdict = METHOD_##decides
#define CLIENT .from = CLIENT_TO_SERVER
#define SERVER .from = SERVER_TO_CLIENT

/* Direction, method, versions, capability, shape of params, shape of the result, default verdict; what else is checked. */
const struct method methods[] = {
	{ CLIENT, REQUEST("completion/complete", ALL, COMPLETIONS, COMPLETE, COMPLETE_RESULT, PASS),
	  .checked = "The texts of the answer are cleaned." },
	{ CLIENT, REQUEST("initialize", LEGACY, NOTHING, INITIALIZE, INITIALIZE_RESULT, PASS),
	  .checked = "Capabilities that policy turns off are removed on both sides; instructions and the server's identity are pinned." },
	{ CLIENT, REQUEST("logging/setLevel", LEGACY, LOGGING, SET_LEVEL, RESULT, PASS) },
	{ CLIENT, NOTE("notifications/cancelled", ALL, NOTHING, CANCELLED, PASS),
	  .checked = "The request it names is answered no more." },
	{ CLIENT, NOTE("notifications/initialized", LEGACY, NOTHING, NOTE, PASS) },
	{ CLIENT, NOTE("notifications/progress", LEGACY, NOTHING, PROGRESS, PASS) },
	{ CLIENT, NOTE("notifications/roots/list_changed", LEGACY, ROOTS, NOTE, PASS) },
	{ CLIENT, NOTE("notifications/tasks/status", ONLY_2025_11_25, TASKS, TASK_STATUS, PASS) },
	{ CLIENT, REQUEST("ping", LEGACY, NOTHING, PARAMS, RESULT, PASS) },
	{ CLIENT, REQUEST("prompts/get", ALL, PROMPTS, GET_PROMPT, GET_PROMPT_RESULT, PASS), .input = true,
	  .checked = "The texts of the answer are cleaned and looked through by the rules; questions in it go by the reverse channel." },
	{ CLIENT, REQUEST("prompts/list", ALL, PROMPTS, LIST, LIST_PROMPTS_RESULT, PASS), .list = true, .cacheable = true,
	  .checked = "Prompts are pinned; changed ones are hidden." },
	{ CLIENT, REQUEST("resources/list", ALL, RESOURCES, LIST, LIST_RESOURCES_RESULT, PASS), .list = true, .cacheable = true,
	  .checked = "Texts are cleaned." },
	{ CLIENT, REQUEST("resources/read", ALL, RESOURCES, READ_RESOURCE, READ_RESOURCE_RESULT, PASS), .cacheable = true, .input = true,
	  .checked = "The texts of the answer are cleaned and looked through by the rules; questions in it go by the reverse channel." },
	{ CLIENT, REQUEST("resources/subscribe", LEGACY, RESOURCES, SUBSCRIBE, RESULT, PASS) },
	{ CLIENT, REQUEST("resources/templates/list", ALL, RESOURCES, LIST, LIST_TEMPLATES_RESULT, PASS), .list = true, .cacheable = true,
	  .checked = "Resource templates are pinned; changed ones are hidden." },
	{ CLIENT, REQUEST("resources/unsubscribe", LEGACY, RESOURCES, SUBSCRIBE, RESULT, PASS) },
	{ CLIENT, REQUEST("server/discover", MODERN, NOTHING, PARAMS, DISCOVER_RESULT, PASS), .cacheable = true,
	  .checked = "Capabilities that policy turns off are removed on both sides; instructions are pinned." },
	{ CLIENT, REQUEST("subscriptions/listen", MODERN, NOTHING, LISTEN, LISTEN_RESULT, PASS), .open_ended = true,
	  .checked = "Answered when it ends: it has no deadline." },
	{ CLIENT, REQUEST("tasks/cancel", SINCE_2025_11_25, TASKS, TASK_NAMED, CANCEL_TASK_RESULT, PASS) },
	{ CLIENT, REQUEST("tasks/get", SINCE_2025_11_25, TASKS, TASK_NAMED, GET_TASK_RESULT, PASS),
	  .checked = "A result, an error and questions in it are treated as the call's own." },
	{ CLIENT, REQUEST("tasks/list", ONLY_2025_11_25, TASKS, LIST, LIST_TASKS_RESULT, PASS) },
	{ CLIENT, REQUEST("tasks/result", ONLY_2025_11_25, TASKS, TASK_NAMED, TASK_PAYLOAD, PASS),
	  .checked = "The result is treated as the call's own." },
	{ CLIENT, REQUEST("tasks/update", MODERN, TASKS, TASK_UPDATE, RESULT, PASS) },
	{ CLIENT, REQUEST("tools/call", ALL, TOOLS, CALL_TOOL, CALL_TOOL_RESULT, PASS), .input = true,
	  .checked = "The tool is listed, pinned and allowed; arguments satisfy its inputSchema and policy's schema; structuredContent "
		     "satisfies outputSchema; texts are cleaned and looked through by the rules; questions in the answer go by the "
		     "reverse channel." },
	{ CLIENT, REQUEST("tools/list", ALL, TOOLS, LIST, LIST_TOOLS_RESULT, PASS), .list = true, .cacheable = true,
	  .checked = "Tools are pinned; changed ones are hidden." },

	{ SERVER, REQUEST("elicitation/create", FROM_2025_06_18, ELICITATION, ELICIT, ELICIT_RESULT, MEDIATE),
	  .checked = "Labelled with the server's name; URLs are https; forms ask for no secrets." },
	{ SERVER, NOTE("notifications/cancelled", ALL, NOTHING, CANCELLED, PASS),
	  .checked = "The request it names is answered no more." },
	{ SERVER, NOTE("notifications/elicitation/complete", ONLY_2025_11_25, ELICITATION, ELICITATION_COMPLETE, MEDIATE) },
	{ SERVER, NOTE("notifications/message", ALL, NOTHING, LOG_MESSAGE, PASS),
	  .checked = "Texts are cleaned." },
	{ SERVER, NOTE("notifications/progress", ALL, NOTHING, PROGRESS, PASS),
	  .checked = "Texts are cleaned." },
	{ SERVER, NOTE("notifications/prompts/list_changed", ALL, NOTHING, NOTE, PASS) },
	{ SERVER, NOTE("notifications/resources/list_changed", ALL, NOTHING, NOTE, PASS) },
	{ SERVER, NOTE("notifications/resources/updated", ALL, NOTHING, RESOURCE_UPDATED, PASS) },
	{ SERVER, NOTE("notifications/subscriptions/acknowledged", MODERN, NOTHING, ACKNOWLEDGED, PASS) },
	{ SERVER, NOTE("notifications/tasks", MODERN, TASKS, TASK_STATE, PASS),
	  .checked = "A result, an error and questions in it are treated as the call's own." },
	{ SERVER, NOTE("notifications/tasks/status", ONLY_2025_11_25, TASKS, TASK_STATUS, PASS),
	  .checked = "Texts are cleaned." },
	{ SERVER, NOTE("notifications/tools/list_changed", ALL, NOTHING, NOTE, PASS),
	  .checked = "Tools that no list has shown since are held." },
	{ SERVER, REQUEST("ping", LEGACY, NOTHING, PARAMS, RESULT, PASS) },
	{ SERVER, REQUEST("roots/list", LEGACY, ROOTS, LIST_ROOTS, LIST_ROOTS_RESULT, MEDIATE),
	  .checked = "Answered from policy." },
	{ SERVER, REQUEST("sampling/createMessage", LEGACY, SAMPLING, CREATE_MESSAGE, CREATE_MESSAGE_RESULT, MEDIATE),
	  .checked = "Labelled with the server's name; tokens are capped; includeContext is none." },
	{ SERVER, REQUEST("tasks/cancel", ONLY_2025_11_25, TASKS, TASK_NAMED, CANCEL_TASK_RESULT, MEDIATE) },
	{ SERVER, REQUEST("tasks/get", ONLY_2025_11_25, TASKS, TASK_NAMED, GET_TASK_RESULT, MEDIATE) },
	{ SERVER, REQUEST("tasks/list", ONLY_2025_11_25, TASKS, LIST, LIST_TASKS_RESULT, MEDIATE) },
	{ SERVER, REQUEST("tasks/result", ONLY_2025_11_25, TASKS, TASK_NAMED, CLIENT_PAYLOAD, MEDIATE) },
};
const size_t methods_n = sizeof methods / sizeof methods[0];
