/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shapes of MCP's messages. A row says: this member, needed or not, in which era, of which shape. The names are those of schema.json, in
 * five versions: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25 (legacy, read as one) and 2026-07-28 with the tasks extension.
 *
 * Where this is wider than a schema, on purpose:
 *  - a member that need not be there may be null;
 *  - the values of a form may be any number (the schema says integer where the specification's text says number);
 *  - the schemas of properties may be true or false, which JSON Schema allows in every dialect;
 *  - ranges (priorities from 0 to 1), formats (uri, byte) and lengths decide nothing here and are not looked at;
 *  - words that decide nothing (an icon's theme) are strings.
 * Where it is narrower: a result of 2026-07-28 whose resultType is none that its request may have is refused, because nobody could
 * look into it; a result that asks for input must ask something or carry a state, as the specification's text says; and one that
 * does not ask has no questions in it.
 *
 * A result without resultType is of a server that knows the legacy versions only, also when the request was modern: clients must take
 * it as complete ("Result" in schema.json), and most servers of today answer so. Then it is checked as a legacy one (methods.c).
 */
#include "rpc/shape-table.h"

#define ROW(name, need, shape) { name, sizeof(name) - 1, need, SHAPE_##shape }
#define CASE(name, need, shape) ROW(name, need, shape)
#define WORD(name) { name, sizeof(name) - 1, MAY, SHAPE_NONE }
#define ROWS(table) .rows_n = sizeof(table) / sizeof((table)[0]), .rows = (table)
#define TABLE(name) static const struct shape_row name[]

/* ---- what many have in common --------------------------------------------------------------------- */

#define REQUEST_ROWS ROW("_meta", MAY_L, LEGACY_META), ROW("_meta", MUST_M, MODERN_META)
#define NOTE_ROWS ROW("_meta", MAY, NOTE_META)
#define RESULT_ROWS ROW("_meta", MAY, RESULT_META), ROW("resultType", MUST_M, COMPLETED)
#define CACHE_ROWS ROW("ttlMs", MUST_M, COUNT), ROW("cacheScope", MUST_M, CACHE_SCOPE)
#define PAGE_ROWS RESULT_ROWS, CACHE_ROWS, ROW("nextCursor", MAY, STRING)
#define RETRY_ROWS ROW("inputResponses", MAY_M, INPUT_RESPONSES), ROW("requestState", MAY_M, STRING)
#define NAMED_ROWS ROW("name", MUST, STRING), ROW("title", MAY, STRING), ROW("description", MAY, STRING)
#define SHOWN_ROWS ROW("icons", MAY, ICONS), ROW("_meta", MAY, OBJECT)

TABLE(legacy_meta) = { ROW("progressToken", MAY, ID) };
TABLE(modern_meta) = {
	ROW("io.modelcontextprotocol/protocolVersion", MUST, STRING),
	ROW("io.modelcontextprotocol/clientCapabilities", MUST, CLIENT_CAPABILITIES),
	ROW("io.modelcontextprotocol/clientInfo", MAY, IMPLEMENTATION),
	ROW("io.modelcontextprotocol/logLevel", MAY, LEVEL),
	ROW("progressToken", MAY, ID),
};
TABLE(note_meta) = { ROW("io.modelcontextprotocol/subscriptionId", MAY, ID) };
TABLE(result_meta) = { ROW("io.modelcontextprotocol/serverInfo", MAY_M, IMPLEMENTATION) };
TABLE(listen_meta) = {
	ROW("io.modelcontextprotocol/subscriptionId", MUST, ID),
	ROW("io.modelcontextprotocol/serverInfo", MAY, IMPLEMENTATION),
};
TABLE(completed) = { WORD("complete") };
TABLE(cache_scope) = { WORD("private"), WORD("public") };
TABLE(object_word) = { WORD("object") };
TABLE(string_word) = { WORD("string") };
TABLE(url_word) = { WORD("url") };
TABLE(role) = { WORD("user"), WORD("assistant") };
TABLE(level) = {
	WORD("debug"), WORD("info"), WORD("notice"), WORD("warning"),
	WORD("error"), WORD("critical"), WORD("alert"), WORD("emergency"),
};

TABLE(implementation) = {
	ROW("name", MUST, STRING),        ROW("version", MUST, STRING), ROW("title", MAY, STRING),
	ROW("description", MAY, STRING),  ROW("icons", MAY, ICONS),     ROW("websiteUrl", MAY, STRING),
};
TABLE(list_changed) = { ROW("listChanged", MAY, BOOLEAN) };
TABLE(subscribable) = { ROW("listChanged", MAY, BOOLEAN), ROW("subscribe", MAY, BOOLEAN) };
TABLE(client_capabilities) = {
	ROW("roots", MAY, LIST_CHANGED),    ROW("sampling", MAY, OBJECT),   ROW("elicitation", MAY, OBJECT),
	ROW("tasks", MAY_L, OBJECT),        ROW("extensions", MAY, OBJECT), ROW("experimental", MAY, OBJECT),
};
TABLE(server_capabilities) = {
	ROW("tools", MAY, LIST_CHANGED),    ROW("resources", MAY, SUBSCRIBABLE), ROW("prompts", MAY, LIST_CHANGED),
	ROW("completions", MAY, OBJECT),    ROW("logging", MAY, OBJECT),         ROW("tasks", MAY_L, OBJECT),
	ROW("extensions", MAY, OBJECT),     ROW("experimental", MAY, OBJECT),
};
TABLE(icon) = {
	ROW("src", MUST, STRING),
	ROW("mimeType", MAY, STRING),
	ROW("sizes", MAY, STRINGS),
	ROW("theme", MAY, STRING),
};
TABLE(annotations) = {
	ROW("audience", MAY, ROLES),
	ROW("priority", MAY, NUMBER),
	ROW("lastModified", MAY, STRING),
};

/* ---- requests of the client ----------------------------------------------------------------------- */

TABLE(params) = { REQUEST_ROWS };
TABLE(initialize) = {
	REQUEST_ROWS,
	ROW("protocolVersion", MUST, STRING),
	ROW("capabilities", MUST, CLIENT_CAPABILITIES),
	ROW("clientInfo", MUST, IMPLEMENTATION),
};
TABLE(list) = { REQUEST_ROWS, ROW("cursor", MAY, STRING) };
TABLE(call_tool) = {
	REQUEST_ROWS,
	ROW("name", MUST, STRING),
	ROW("arguments", MAY, OBJECT),
	ROW("task", MAY_L, TASK_TTL),
	RETRY_ROWS,
};
TABLE(read_resource) = { REQUEST_ROWS, ROW("uri", MUST, STRING), RETRY_ROWS };
TABLE(subscribe) = { REQUEST_ROWS, ROW("uri", MUST, STRING) };
TABLE(get_prompt) = {
	REQUEST_ROWS,
	ROW("name", MUST, STRING),
	ROW("arguments", MAY, STRING_MAP),
	RETRY_ROWS,
};
TABLE(complete) = {
	REQUEST_ROWS,
	ROW("ref", MUST, REF),
	ROW("argument", MUST, ARGUMENT),
	ROW("context", MAY, COMPLETE_CONTEXT),
};
TABLE(ref) = { CASE("ref/prompt", MAY, PROMPT_REF), CASE("ref/resource", MAY, RESOURCE_REF) };
TABLE(prompt_ref) = { ROW("type", MUST, STRING), ROW("name", MUST, STRING), ROW("title", MAY, STRING) };
TABLE(resource_ref) = { ROW("type", MUST, STRING), ROW("uri", MUST, STRING) };
TABLE(argument) = { ROW("name", MUST, STRING), ROW("value", MUST, STRING) };
TABLE(complete_context) = { ROW("arguments", MAY, STRING_MAP) };
TABLE(set_level) = { REQUEST_ROWS, ROW("level", MUST, LEVEL) };
TABLE(listen) = { REQUEST_ROWS, ROW("notifications", MUST, FILTER) };
TABLE(filter) = {
	ROW("toolsListChanged", MAY, BOOLEAN),     ROW("promptsListChanged", MAY, BOOLEAN),
	ROW("resourcesListChanged", MAY, BOOLEAN), ROW("resourceSubscriptions", MAY, STRINGS),
	ROW("taskIds", MAY, STRINGS), /* the tasks extension */
};
TABLE(task_named) = { REQUEST_ROWS, ROW("taskId", MUST, STRING) };
TABLE(task_update) = {
	REQUEST_ROWS,
	ROW("taskId", MUST, STRING),
	ROW("inputResponses", MUST, INPUT_RESPONSES),
};
TABLE(task_ttl) = { ROW("ttl", MAY, INTEGER) };

/* ---- requests of the server; in 2026-07-28 they come inside results and have no _meta of a request --- */

TABLE(create_message) = {
	ROW("_meta", MAY, LEGACY_META),
	ROW("messages", MUST, SAMPLING_MESSAGES),
	ROW("maxTokens", MUST, INTEGER),
	ROW("systemPrompt", MAY, STRING),
	ROW("includeContext", MAY, CONTEXT),
	ROW("modelPreferences", MAY, MODEL_PREFERENCES),
	ROW("temperature", MAY, NUMBER),
	ROW("stopSequences", MAY, STRINGS),
	ROW("metadata", MAY, OBJECT),
	ROW("tools", MAY, TOOLS),
	ROW("toolChoice", MAY, TOOL_CHOICE),
	ROW("task", MAY_L, TASK_TTL),
};
TABLE(sampling_message) = {
	ROW("role", MUST, ROLE),
	ROW("content", MUST, SAMPLED),
	ROW("_meta", MAY, OBJECT),
};
TABLE(context) = { WORD("none"), WORD("thisServer"), WORD("allServers") };
TABLE(model_preferences) = {
	ROW("hints", MAY, MODEL_HINTS),
	ROW("costPriority", MAY, NUMBER),
	ROW("speedPriority", MAY, NUMBER),
	ROW("intelligencePriority", MAY, NUMBER),
};
TABLE(model_hint) = { ROW("name", MAY, STRING) };
TABLE(tool_choice) = { ROW("mode", MAY, TOOL_CHOICE_MODE) };
TABLE(tool_choice_mode) = { WORD("auto"), WORD("required"), WORD("none") };
TABLE(list_roots) = { ROW("_meta", MAY, LEGACY_META) };

TABLE(elicit) = { CASE("form", MAY, ELICIT_FORM), CASE("url", MAY, ELICIT_URL) };
TABLE(elicit_form) = {
	ROW("_meta", MAY, LEGACY_META),
	ROW("mode", MAY, STRING),
	ROW("message", MUST, STRING),
	ROW("requestedSchema", MUST, FORM_SCHEMA),
	ROW("task", MAY_L, TASK_TTL),
};
TABLE(elicit_url) = {
	ROW("_meta", MAY, LEGACY_META),
	ROW("mode", MUST, URL_WORD),
	ROW("message", MUST, STRING),
	ROW("url", MUST, STRING),
	ROW("elicitationId", MUST_L, STRING),
	ROW("task", MAY_L, TASK_TTL),
};
TABLE(form_schema) = {
	ROW("type", MUST, OBJECT_WORD),
	ROW("properties", MUST, FORM_FIELDS),
	ROW("required", MAY, STRINGS),
	ROW("$schema", MAY, STRING),
};
#define FIELD_ROWS ROW("type", MUST, STRING), ROW("title", MAY, STRING), ROW("description", MAY, STRING)
TABLE(form_field) = {
	CASE("string", MAY, FORM_STRING),   CASE("number", MAY, FORM_NUMBER), CASE("integer", MAY, FORM_NUMBER),
	CASE("boolean", MAY, FORM_BOOLEAN), CASE("array", MAY, FORM_ARRAY),
};
TABLE(form_string) = {
	FIELD_ROWS,
	ROW("format", MAY, FORM_FORMAT),
	ROW("minLength", MAY, INTEGER),
	ROW("maxLength", MAY, INTEGER),
	ROW("default", MAY, STRING),
	ROW("enum", MAY, STRINGS),
	ROW("enumNames", MAY, STRINGS),
	ROW("oneOf", MAY, TITLED_LIST),
};
TABLE(form_format) = { WORD("email"), WORD("uri"), WORD("date"), WORD("date-time") };
TABLE(form_number) = {
	FIELD_ROWS,
	ROW("minimum", MAY, NUMBER),
	ROW("maximum", MAY, NUMBER),
	ROW("default", MAY, NUMBER),
};
TABLE(form_boolean) = { FIELD_ROWS, ROW("default", MAY, BOOLEAN) };
TABLE(form_array) = {
	FIELD_ROWS,
	ROW("items", MUST, FORM_ITEMS),
	ROW("minItems", MAY, INTEGER),
	ROW("maxItems", MAY, INTEGER),
	ROW("default", MAY, STRINGS),
};
TABLE(form_items) = { CASE("anyOf", MAY, FORM_TITLED_ITEMS) };
TABLE(form_titled_items) = { ROW("anyOf", MUST, TITLED_LIST) };
TABLE(form_plain_items) = { ROW("type", MUST, STRING_WORD), ROW("enum", MUST, STRINGS) };
TABLE(titled) = { ROW("const", MUST, STRING), ROW("title", MUST, STRING) };

/* ---- notifications -------------------------------------------------------------------------------- */

TABLE(note) = { NOTE_ROWS };
/* 2025-11-25 lets a notification about a task go without requestId. */
TABLE(cancelled) = { NOTE_ROWS, ROW("requestId", MAY_L | MUST_M, ID), ROW("reason", MAY, STRING) };
TABLE(progress) = {
	NOTE_ROWS,
	ROW("progressToken", MUST, ID),
	ROW("progress", MUST, NUMBER),
	ROW("total", MAY, NUMBER),
	ROW("message", MAY, STRING),
};
TABLE(log_message) = {
	NOTE_ROWS,
	ROW("level", MUST, LEVEL),
	ROW("data", MUST, ANY),
	ROW("logger", MAY, STRING),
};
TABLE(resource_updated) = { NOTE_ROWS, ROW("uri", MUST, STRING) };
TABLE(elicitation_complete) = { NOTE_ROWS, ROW("elicitationId", MUST, STRING) };
TABLE(acknowledged) = { NOTE_ROWS, ROW("notifications", MUST, FILTER) };

/* ---- tasks ---------------------------------------------------------------------------------------- */

#define TASK_ROWS                                                                              \
	ROW("taskId", MUST, STRING), ROW("status", MUST, STATUS), ROW("statusMessage", MAY, STRING),   \
	ROW("createdAt", MUST, STRING), ROW("lastUpdatedAt", MUST, STRING),                            \
	ROW("ttl", MUST_L, INTEGER_OR_NULL), ROW("ttlMs", MUST_M, INTEGER_OR_NULL),                    \
	ROW("pollInterval", MAY_L, INTEGER), ROW("pollIntervalMs", MAY_M, INTEGER)

TABLE(status) = {
	WORD("working"), WORD("input_required"), WORD("completed"), WORD("failed"), WORD("cancelled"),
};
TABLE(task) = { TASK_ROWS, ROW("_meta", MAY, OBJECT) };
TABLE(task_status) = { NOTE_ROWS, TASK_ROWS };
TABLE(task_state) = {
	CASE("working", MAY, TASK_WORKING), CASE("cancelled", MAY, TASK_WORKING),
	CASE("input_required", MAY, TASK_ASKING), CASE("completed", MAY, TASK_DONE),
	CASE("failed", MAY, TASK_FAILED),
};
TABLE(task_working) = { NOTE_ROWS, TASK_ROWS };
TABLE(task_asking) = { NOTE_ROWS, TASK_ROWS, ROW("inputRequests", MUST, INPUT_REQUESTS) };
TABLE(task_done) = { NOTE_ROWS, TASK_ROWS, ROW("result", MUST, TASK_PAYLOAD) };
TABLE(task_failed) = { NOTE_ROWS, TASK_ROWS, ROW("error", MUST, ERROR) };
TABLE(state_result) = {
	CASE("working", MAY, STATE_PLAIN_RESULT), CASE("cancelled", MAY, STATE_PLAIN_RESULT),
	CASE("input_required", MAY, STATE_ASKING_RESULT), CASE("completed", MAY, STATE_DONE_RESULT),
	CASE("failed", MAY, STATE_FAILED_RESULT),
};
TABLE(state_plain_result) = { RESULT_ROWS, TASK_ROWS };
TABLE(state_asking_result) = { RESULT_ROWS, TASK_ROWS, ROW("inputRequests", MUST, INPUT_REQUESTS) };
TABLE(state_done_result) = { RESULT_ROWS, TASK_ROWS, ROW("result", MUST, TASK_PAYLOAD) };
TABLE(state_failed_result) = { RESULT_ROWS, TASK_ROWS, ROW("error", MUST, ERROR) };
TABLE(task_result) = { RESULT_ROWS, TASK_ROWS };
TABLE(task_handle) = { ROW("_meta", MAY, RESULT_META), ROW("resultType", MUST, STRING), TASK_ROWS };
TABLE(task_created) = { ROW("_meta", MAY, RESULT_META), ROW("task", MUST, TASK) };

/* ---- what a server shows -------------------------------------------------------------------------- */

TABLE(tool) = {
	NAMED_ROWS,
	ROW("inputSchema", MUST, INPUT_SCHEMA),
	ROW("outputSchema", MAY, OUTPUT_SCHEMA),
	ROW("annotations", MAY, TOOL_ANNOTATIONS),
	ROW("execution", MAY_L, EXECUTION),
	SHOWN_ROWS,
};
TABLE(input_schema) = {
	ROW("type", MUST, OBJECT_WORD),
	ROW("properties", MAY_L, SCHEMAS),
	ROW("required", MAY_L, STRINGS),
	ROW("$schema", MAY, STRING),
};
TABLE(output_schema) = {
	ROW("type", MUST_L, OBJECT_WORD),
	ROW("properties", MAY_L, SCHEMAS),
	ROW("required", MAY_L, STRINGS),
	ROW("$schema", MAY, STRING),
};
TABLE(tool_annotations) = {
	ROW("title", MAY, STRING),
	ROW("readOnlyHint", MAY, BOOLEAN),
	ROW("destructiveHint", MAY, BOOLEAN),
	ROW("idempotentHint", MAY, BOOLEAN),
	ROW("openWorldHint", MAY, BOOLEAN),
};
TABLE(execution) = { ROW("taskSupport", MAY, TASK_SUPPORT) };
TABLE(task_support) = { WORD("forbidden"), WORD("optional"), WORD("required") };
#define RESOURCE_ROWS \
	NAMED_ROWS, ROW("mimeType", MAY, STRING), ROW("annotations", MAY, ANNOTATIONS), SHOWN_ROWS
TABLE(resource) = { RESOURCE_ROWS, ROW("uri", MUST, STRING), ROW("size", MAY, INTEGER) };
TABLE(template) = { RESOURCE_ROWS, ROW("uriTemplate", MUST, STRING) };
TABLE(prompt) = { NAMED_ROWS, ROW("arguments", MAY, PROMPT_ARGUMENTS), SHOWN_ROWS };
TABLE(prompt_argument) = { NAMED_ROWS, ROW("required", MAY, BOOLEAN) };

/* ---- content -------------------------------------------------------------------------------------- */

#define BLOCK_ROWS ROW("type", MUST, STRING), ROW("annotations", MAY, ANNOTATIONS), ROW("_meta", MAY, OBJECT)

TABLE(content) = {
	CASE("text", MAY, TEXT_CONTENT),          CASE("image", MAY, DATA_CONTENT), CASE("audio", MAY, DATA_CONTENT),
	CASE("resource_link", MAY, LINK_CONTENT), CASE("resource", MAY, EMBEDDED_CONTENT),
};
TABLE(sampled_block) = {
	CASE("text", MAY, TEXT_CONTENT),    CASE("image", MAY, DATA_CONTENT), CASE("audio", MAY, DATA_CONTENT),
	CASE("tool_use", MAY, USE_CONTENT), CASE("tool_result", MAY, ANSWER_CONTENT),
};
TABLE(text_content) = { BLOCK_ROWS, ROW("text", MUST, STRING) };
TABLE(data_content) = { BLOCK_ROWS, ROW("data", MUST, STRING), ROW("mimeType", MUST, STRING) };
TABLE(link_content) = {
	ROW("type", MUST, STRING), RESOURCE_ROWS, ROW("uri", MUST, STRING), ROW("size", MAY, INTEGER),
};
TABLE(embedded_content) = { BLOCK_ROWS, ROW("resource", MUST, RESOURCE_CONTENTS) };
TABLE(use_content) = {
	BLOCK_ROWS,
	ROW("id", MUST, STRING),
	ROW("name", MUST, STRING),
	ROW("input", MUST, OBJECT),
};
TABLE(answer_content) = {
	BLOCK_ROWS,
	ROW("toolUseId", MUST, STRING),
	ROW("content", MUST, CONTENTS),
	ROW("structuredContent", MAY_L, OBJECT),
	ROW("isError", MAY, BOOLEAN),
};
TABLE(resource_contents) = {
	ROW("uri", MUST, STRING),
	ROW("mimeType", MAY, STRING),
	ROW("text", ONE_OF, STRING),
	ROW("blob", ONE_OF, STRING),
	ROW("_meta", MAY, OBJECT),
};
TABLE(prompt_message) = { ROW("role", MUST, ROLE), ROW("content", MUST, CONTENT) };

/* ---- results -------------------------------------------------------------------------------------- */

TABLE(result) = { RESULT_ROWS };
TABLE(initialize_result) = {
	RESULT_ROWS,
	ROW("protocolVersion", MUST, STRING),
	ROW("capabilities", MUST, SERVER_CAPABILITIES),
	ROW("serverInfo", MUST, IMPLEMENTATION),
	ROW("instructions", MAY, STRING),
};
TABLE(discover_result) = {
	RESULT_ROWS,
	CACHE_ROWS,
	ROW("supportedVersions", MUST, STRINGS),
	ROW("capabilities", MUST, SERVER_CAPABILITIES),
	ROW("instructions", MAY, STRING),
};
TABLE(list_tools_result) = { PAGE_ROWS, ROW("tools", MUST, TOOLS) };
TABLE(list_resources_result) = { PAGE_ROWS, ROW("resources", MUST, RESOURCES) };
TABLE(list_templates_result) = { PAGE_ROWS, ROW("resourceTemplates", MUST, TEMPLATES) };
TABLE(list_prompts_result) = { PAGE_ROWS, ROW("prompts", MUST, PROMPTS) };
TABLE(list_tasks_result) = { RESULT_ROWS, ROW("nextCursor", MAY, STRING), ROW("tasks", MUST, TASKS) };
TABLE(complete_result) = { RESULT_ROWS, ROW("completion", MUST, COMPLETION) };
TABLE(completion) = {
	ROW("values", MUST, STRINGS),
	ROW("total", MAY, INTEGER),
	ROW("hasMore", MAY, BOOLEAN),
};
TABLE(listen_result) = { ROW("_meta", MUST, LISTEN_META), ROW("resultType", MUST, COMPLETED) };

/* A result of 2026-07-28 is what its resultType says; a legacy one, an answer or a task. */
TABLE(legacy_tool_result) = { CASE("content", MAY, TOOL_ANSWER), CASE("task", MAY, TASK_CREATED) };
TABLE(modern_tool_result) = {
	CASE("complete", MAY, TOOL_ANSWER),
	CASE("input_required", MAY, INPUT_REQUIRED),
	CASE("task", MAY, TASK_HANDLE),
};
TABLE(modern_resource_result) = {
	CASE("complete", MAY, RESOURCE_ANSWER), CASE("input_required", MAY, INPUT_REQUIRED),
};
TABLE(modern_prompt_result) = {
	CASE("complete", MAY, PROMPT_ANSWER), CASE("input_required", MAY, INPUT_REQUIRED),
};
#define ANSWER_ROWS ROW("_meta", MAY, RESULT_META), ROW("resultType", MUST_M, STRING)
/* What has an answer asks no questions: nobody would look for them there. */
#define NO_QUESTIONS ROW("inputRequests", NEVER, ANY), ROW("requestState", NEVER, ANY)
#define FINAL_ROWS ANSWER_ROWS, NO_QUESTIONS
TABLE(tool_answer) = {
	FINAL_ROWS,
	ROW("content", MUST, CONTENTS),
	ROW("isError", MAY, BOOLEAN),
	ROW("structuredContent", MAY_L, OBJECT), /* any value in 2026-07-28 */
	ROW("task", MAY_L, TASK),
};
TABLE(resource_answer) = { FINAL_ROWS, CACHE_ROWS, ROW("contents", MUST, RESOURCE_CONTENTS_LIST) };
TABLE(prompt_answer) = {
	FINAL_ROWS, ROW("description", MAY, STRING), ROW("messages", MUST, PROMPT_MESSAGES),
};
TABLE(task_payload) = {
	ROW("_meta", MAY, OBJECT),
	NO_QUESTIONS,
	ROW("content", MAY, CONTENTS),
	ROW("isError", MAY, BOOLEAN),
	ROW("structuredContent", MAY_L, OBJECT),
};
TABLE(client_payload) = { CASE("action", MAY, PERSON_ANSWER), CASE("role", MAY, MODEL_ANSWER) };
TABLE(input_required) = {
	ANSWER_ROWS,
	ROW("inputRequests", ONE_OF, INPUT_REQUESTS),
	ROW("requestState", ONE_OF, STRING),
};
TABLE(input_request) = {
	CASE("sampling/createMessage", MAY, ASK_SAMPLING),
	CASE("roots/list", MAY, ASK_ROOTS),
	CASE("elicitation/create", MAY, ASK_ELICIT),
};
TABLE(ask_sampling) = { ROW("method", MUST, STRING), ROW("params", MUST, CREATE_MESSAGE) };
TABLE(ask_roots) = { ROW("method", MUST, STRING), ROW("params", MAY, LIST_ROOTS) };
TABLE(ask_elicit) = { ROW("method", MUST, STRING), ROW("params", MUST, ELICIT) };

/* Results of the client. In 2026-07-28 they come inside requests and have no resultType. */
TABLE(input_response) = { CASE("roots", MAY, LIST_ROOTS_RESULT), CASE("action", MAY, PERSON_ANSWER) };
TABLE(create_message_result) = { CASE("content", MAY, MODEL_ANSWER), CASE("task", MAY_L, TASK_CREATED) };
TABLE(elicit_result) = { CASE("action", MAY, PERSON_ANSWER), CASE("task", MAY_L, TASK_CREATED) };
TABLE(model_answer) = {
	ROW("_meta", MAY, OBJECT),
	ROW("role", MUST, ROLE),
	ROW("content", MUST, SAMPLED),
	ROW("model", MUST, STRING),
	ROW("stopReason", MAY, STRING),
};
TABLE(person_answer) = {
	ROW("_meta", MAY, OBJECT),
	ROW("action", MUST, ACTION),
	ROW("content", MAY, FORM_VALUES),
};
TABLE(action) = { WORD("accept"), WORD("decline"), WORD("cancel") };
TABLE(list_roots_result) = { ROW("_meta", MAY, OBJECT), ROW("roots", MUST, ROOTS) };
TABLE(root) = { ROW("uri", MUST, STRING), ROW("name", MAY, STRING), ROW("_meta", MAY, OBJECT) };

/* ---- errors --------------------------------------------------------------------------------------- */

#define ERROR_ROWS ROW("code", MUST, INTEGER), ROW("message", MUST, STRING)
TABLE(error) = {
	CASE("-32042", MAY, URL_ERROR), /* no modern server sends it, but somebody might act on it */
	CASE("-32021", MAY_M, CAPABILITY_ERROR),
	CASE("-32022", MAY_M, VERSION_ERROR),
};
TABLE(plain_error) = { ERROR_ROWS };
TABLE(url_error) = { ERROR_ROWS, ROW("data", MUST, URL_ERROR_DATA) };
TABLE(url_error_data) = { ROW("elicitations", MUST, ELICIT_URLS) };
TABLE(capability_error) = { ERROR_ROWS, ROW("data", MUST, CAPABILITY_ERROR_DATA) };
TABLE(capability_error_data) = { ROW("requiredCapabilities", MUST, CLIENT_CAPABILITIES) };
TABLE(version_error) = { ERROR_ROWS, ROW("data", MUST, VERSION_ERROR_DATA) };
TABLE(version_error_data) = { ROW("supported", MUST, STRINGS), ROW("requested", MUST, STRING) };

/* ---- the shapes ----------------------------------------------------------------------------------- */

#define T(type) (uint8_t)(1 << TREE_##type)
#define TYPE(mask) { .kind = KIND_TYPE, .types = (mask) }
#define OBJECT_OF(table) { .kind = KIND_OBJECT, ROWS(table) }
#define PARAMS_OF(table) { .kind = KIND_OBJECT, .always = true, ROWS(table) }
#define WORDS_OF(table) { .kind = KIND_WORD, ROWS(table) }
#define ARRAY_OF(shape) { .kind = KIND_ARRAY, .of = SHAPE_##shape }
#define MAP_OF(shape) { .kind = KIND_MAP, .of = SHAPE_##shape }
#define SWITCH_OF(member, table, otherwise) \
	{ .kind = KIND_SWITCH, .key = (member), .of = SHAPE_##otherwise, ROWS(table) }
#define HAS_OF(table, otherwise) { .kind = KIND_HAS, .of = SHAPE_##otherwise, ROWS(table) }
#define BY_ERA(legacy, modern) { .kind = KIND_ERA, .of = SHAPE_##legacy, .or_else = SHAPE_##modern }
#define LIST_OR(list, other) { .kind = KIND_LIST, .of = SHAPE_##list, .or_else = SHAPE_##other }

#define BOOLEANS (T(TRUE) | T(FALSE))

const struct shape shapes[SHAPES_N] = {
	[SHAPE_NONE] = TYPE(0xff),
	[SHAPE_ANY] = TYPE(0xff),
	[SHAPE_STRING] = TYPE(T(STRING)),
	[SHAPE_NUMBER] = TYPE(T(NUMBER)),
	[SHAPE_INTEGER] = { .kind = KIND_INTEGER, .types = T(NUMBER) },
	[SHAPE_COUNT] = { .kind = KIND_COUNT, .types = T(NUMBER) },
	[SHAPE_INTEGER_OR_NULL] = { .kind = KIND_INTEGER, .types = T(NUMBER) | T(NULL) },
	[SHAPE_BOOLEAN] = TYPE(BOOLEANS),
	[SHAPE_ID] = { .kind = KIND_INTEGER, .types = T(NUMBER) | T(STRING) },
	[SHAPE_OBJECT] = TYPE(T(OBJECT)),
	[SHAPE_SCHEMA] = TYPE(T(OBJECT) | BOOLEANS),
	[SHAPE_FORM_VALUE] = LIST_OR(STRINGS, FORM_SCALAR),
	[SHAPE_FORM_SCALAR] = TYPE(T(STRING) | T(NUMBER) | BOOLEANS),

	[SHAPE_COMPLETED] = WORDS_OF(completed),
	[SHAPE_CACHE_SCOPE] = WORDS_OF(cache_scope),
	[SHAPE_OBJECT_WORD] = WORDS_OF(object_word),
	[SHAPE_STRING_WORD] = WORDS_OF(string_word),
	[SHAPE_URL_WORD] = WORDS_OF(url_word),
	[SHAPE_ROLE] = WORDS_OF(role),
	[SHAPE_LEVEL] = WORDS_OF(level),
	[SHAPE_CONTEXT] = WORDS_OF(context),
	[SHAPE_TOOL_CHOICE_MODE] = WORDS_OF(tool_choice_mode),
	[SHAPE_TASK_SUPPORT] = WORDS_OF(task_support),
	[SHAPE_STATUS] = WORDS_OF(status),
	[SHAPE_ACTION] = WORDS_OF(action),
	[SHAPE_FORM_FORMAT] = WORDS_OF(form_format),

	[SHAPE_STRINGS] = ARRAY_OF(STRING),
	[SHAPE_ICONS] = ARRAY_OF(ICON),
	[SHAPE_ROLES] = ARRAY_OF(ROLE),
	[SHAPE_TOOLS] = ARRAY_OF(TOOL),
	[SHAPE_RESOURCES] = ARRAY_OF(RESOURCE),
	[SHAPE_TEMPLATES] = ARRAY_OF(TEMPLATE),
	[SHAPE_PROMPTS] = ARRAY_OF(PROMPT),
	[SHAPE_PROMPT_ARGUMENTS] = ARRAY_OF(PROMPT_ARGUMENT),
	[SHAPE_CONTENTS] = ARRAY_OF(CONTENT),
	[SHAPE_RESOURCE_CONTENTS_LIST] = ARRAY_OF(RESOURCE_CONTENTS),
	[SHAPE_PROMPT_MESSAGES] = ARRAY_OF(PROMPT_MESSAGE),
	[SHAPE_SAMPLED_BLOCKS] = ARRAY_OF(SAMPLED_BLOCK),
	[SHAPE_SAMPLING_MESSAGES] = ARRAY_OF(SAMPLING_MESSAGE),
	[SHAPE_MODEL_HINTS] = ARRAY_OF(MODEL_HINT),
	[SHAPE_TASKS] = ARRAY_OF(TASK),
	[SHAPE_ELICIT_URLS] = ARRAY_OF(ELICIT_URL),
	[SHAPE_TITLED_LIST] = ARRAY_OF(TITLED),
	[SHAPE_ROOTS] = ARRAY_OF(ROOT),
	[SHAPE_STRING_MAP] = MAP_OF(STRING),
	[SHAPE_SCHEMAS] = MAP_OF(SCHEMA),
	[SHAPE_INPUT_REQUESTS] = MAP_OF(INPUT_REQUEST),
	[SHAPE_INPUT_RESPONSES] = MAP_OF(INPUT_RESPONSE),
	[SHAPE_FORM_VALUES] = MAP_OF(FORM_VALUE),
	[SHAPE_FORM_FIELDS] = MAP_OF(FORM_FIELD),

	[SHAPE_LEGACY_META] = OBJECT_OF(legacy_meta),
	[SHAPE_MODERN_META] = OBJECT_OF(modern_meta),
	[SHAPE_NOTE_META] = OBJECT_OF(note_meta),
	[SHAPE_RESULT_META] = OBJECT_OF(result_meta),
	[SHAPE_LISTEN_META] = OBJECT_OF(listen_meta),
	[SHAPE_IMPLEMENTATION] = OBJECT_OF(implementation),
	[SHAPE_CLIENT_CAPABILITIES] = OBJECT_OF(client_capabilities),
	[SHAPE_SERVER_CAPABILITIES] = OBJECT_OF(server_capabilities),
	[SHAPE_LIST_CHANGED] = OBJECT_OF(list_changed),
	[SHAPE_SUBSCRIBABLE] = OBJECT_OF(subscribable),
	[SHAPE_ICON] = OBJECT_OF(icon),
	[SHAPE_ANNOTATIONS] = OBJECT_OF(annotations),

	[SHAPE_PARAMS] = OBJECT_OF(params),
	[SHAPE_INITIALIZE] = PARAMS_OF(initialize),
	[SHAPE_LIST] = OBJECT_OF(list),
	[SHAPE_CALL_TOOL] = PARAMS_OF(call_tool),
	[SHAPE_READ_RESOURCE] = PARAMS_OF(read_resource),
	[SHAPE_SUBSCRIBE] = PARAMS_OF(subscribe),
	[SHAPE_GET_PROMPT] = PARAMS_OF(get_prompt),
	[SHAPE_COMPLETE] = PARAMS_OF(complete),
	[SHAPE_REF] = SWITCH_OF("type", ref, NONE),
	[SHAPE_PROMPT_REF] = OBJECT_OF(prompt_ref),
	[SHAPE_RESOURCE_REF] = OBJECT_OF(resource_ref),
	[SHAPE_ARGUMENT] = OBJECT_OF(argument),
	[SHAPE_COMPLETE_CONTEXT] = OBJECT_OF(complete_context),
	[SHAPE_SET_LEVEL] = PARAMS_OF(set_level),
	[SHAPE_LISTEN] = PARAMS_OF(listen),
	[SHAPE_FILTER] = OBJECT_OF(filter),
	[SHAPE_TASK_NAMED] = PARAMS_OF(task_named),
	[SHAPE_TASK_UPDATE] = PARAMS_OF(task_update),
	[SHAPE_TASK_TTL] = OBJECT_OF(task_ttl),

	[SHAPE_CREATE_MESSAGE] = PARAMS_OF(create_message),
	[SHAPE_SAMPLING_MESSAGE] = OBJECT_OF(sampling_message),
	[SHAPE_MODEL_PREFERENCES] = OBJECT_OF(model_preferences),
	[SHAPE_MODEL_HINT] = OBJECT_OF(model_hint),
	[SHAPE_TOOL_CHOICE] = OBJECT_OF(tool_choice),
	[SHAPE_LIST_ROOTS] = OBJECT_OF(list_roots),
	[SHAPE_ELICIT] = SWITCH_OF("mode", elicit, ELICIT_FORM),
	[SHAPE_ELICIT_FORM] = PARAMS_OF(elicit_form),
	[SHAPE_ELICIT_URL] = OBJECT_OF(elicit_url),
	[SHAPE_FORM_SCHEMA] = OBJECT_OF(form_schema),
	[SHAPE_FORM_FIELD] = SWITCH_OF("type", form_field, NONE),
	[SHAPE_FORM_STRING] = OBJECT_OF(form_string),
	[SHAPE_FORM_NUMBER] = OBJECT_OF(form_number),
	[SHAPE_FORM_BOOLEAN] = OBJECT_OF(form_boolean),
	[SHAPE_FORM_ARRAY] = OBJECT_OF(form_array),
	[SHAPE_FORM_ITEMS] = HAS_OF(form_items, FORM_PLAIN_ITEMS),
	[SHAPE_FORM_TITLED_ITEMS] = OBJECT_OF(form_titled_items),
	[SHAPE_FORM_PLAIN_ITEMS] = OBJECT_OF(form_plain_items),
	[SHAPE_TITLED] = OBJECT_OF(titled),

	[SHAPE_NOTE] = OBJECT_OF(note),
	[SHAPE_CANCELLED] = PARAMS_OF(cancelled),
	[SHAPE_PROGRESS] = PARAMS_OF(progress),
	[SHAPE_LOG_MESSAGE] = PARAMS_OF(log_message),
	[SHAPE_RESOURCE_UPDATED] = PARAMS_OF(resource_updated),
	[SHAPE_ELICITATION_COMPLETE] = PARAMS_OF(elicitation_complete),
	[SHAPE_ACKNOWLEDGED] = PARAMS_OF(acknowledged),

	[SHAPE_TASK] = OBJECT_OF(task),
	[SHAPE_TASK_STATUS] = PARAMS_OF(task_status),
	[SHAPE_TASK_STATE] = SWITCH_OF("status", task_state, NONE),
	[SHAPE_TASK_WORKING] = OBJECT_OF(task_working),
	[SHAPE_TASK_ASKING] = OBJECT_OF(task_asking),
	[SHAPE_TASK_DONE] = OBJECT_OF(task_done),
	[SHAPE_TASK_FAILED] = OBJECT_OF(task_failed),
	[SHAPE_TASK_HANDLE] = OBJECT_OF(task_handle),
	[SHAPE_TASK_CREATED] = OBJECT_OF(task_created),
	[SHAPE_TASK_RESULT] = OBJECT_OF(task_result),
	[SHAPE_STATE_RESULT] = SWITCH_OF("status", state_result, NONE),
	[SHAPE_STATE_PLAIN_RESULT] = OBJECT_OF(state_plain_result),
	[SHAPE_STATE_ASKING_RESULT] = OBJECT_OF(state_asking_result),
	[SHAPE_STATE_DONE_RESULT] = OBJECT_OF(state_done_result),
	[SHAPE_STATE_FAILED_RESULT] = OBJECT_OF(state_failed_result),
	[SHAPE_GET_TASK_RESULT] = BY_ERA(TASK_RESULT, STATE_RESULT),
	[SHAPE_CANCEL_TASK_RESULT] = BY_ERA(TASK_RESULT, RESULT),
	[SHAPE_TASK_PAYLOAD] = OBJECT_OF(task_payload),
	[SHAPE_CLIENT_PAYLOAD] = HAS_OF(client_payload, OBJECT),

	[SHAPE_TOOL] = OBJECT_OF(tool),
	[SHAPE_INPUT_SCHEMA] = OBJECT_OF(input_schema),
	[SHAPE_OUTPUT_SCHEMA] = OBJECT_OF(output_schema),
	[SHAPE_TOOL_ANNOTATIONS] = OBJECT_OF(tool_annotations),
	[SHAPE_EXECUTION] = OBJECT_OF(execution),
	[SHAPE_RESOURCE] = OBJECT_OF(resource),
	[SHAPE_TEMPLATE] = OBJECT_OF(template),
	[SHAPE_PROMPT] = OBJECT_OF(prompt),
	[SHAPE_PROMPT_ARGUMENT] = OBJECT_OF(prompt_argument),

	[SHAPE_CONTENT] = SWITCH_OF("type", content, NONE),
	[SHAPE_TEXT_CONTENT] = OBJECT_OF(text_content),
	[SHAPE_DATA_CONTENT] = OBJECT_OF(data_content),
	[SHAPE_LINK_CONTENT] = OBJECT_OF(link_content),
	[SHAPE_EMBEDDED_CONTENT] = OBJECT_OF(embedded_content),
	[SHAPE_USE_CONTENT] = OBJECT_OF(use_content),
	[SHAPE_ANSWER_CONTENT] = OBJECT_OF(answer_content),
	[SHAPE_RESOURCE_CONTENTS] = OBJECT_OF(resource_contents),
	[SHAPE_PROMPT_MESSAGE] = OBJECT_OF(prompt_message),
	[SHAPE_SAMPLED] = LIST_OR(SAMPLED_BLOCKS, SAMPLED_BLOCK),
	[SHAPE_SAMPLED_BLOCK] = SWITCH_OF("type", sampled_block, NONE),

	[SHAPE_RESULT] = OBJECT_OF(result),
	[SHAPE_INITIALIZE_RESULT] = OBJECT_OF(initialize_result),
	[SHAPE_DISCOVER_RESULT] = OBJECT_OF(discover_result),
	[SHAPE_LIST_TOOLS_RESULT] = OBJECT_OF(list_tools_result),
	[SHAPE_LIST_RESOURCES_RESULT] = OBJECT_OF(list_resources_result),
	[SHAPE_LIST_TEMPLATES_RESULT] = OBJECT_OF(list_templates_result),
	[SHAPE_LIST_PROMPTS_RESULT] = OBJECT_OF(list_prompts_result),
	[SHAPE_LIST_TASKS_RESULT] = OBJECT_OF(list_tasks_result),
	[SHAPE_COMPLETE_RESULT] = OBJECT_OF(complete_result),
	[SHAPE_COMPLETION] = OBJECT_OF(completion),
	[SHAPE_LISTEN_RESULT] = OBJECT_OF(listen_result),
	[SHAPE_CALL_TOOL_RESULT] = BY_ERA(LEGACY_TOOL_RESULT, MODERN_TOOL_RESULT),
	[SHAPE_LEGACY_TOOL_RESULT] = HAS_OF(legacy_tool_result, TOOL_ANSWER),
	[SHAPE_MODERN_TOOL_RESULT] = SWITCH_OF("resultType", modern_tool_result, NONE),
	[SHAPE_TOOL_ANSWER] = OBJECT_OF(tool_answer),
	[SHAPE_READ_RESOURCE_RESULT] = BY_ERA(RESOURCE_ANSWER, MODERN_RESOURCE_RESULT),
	[SHAPE_MODERN_RESOURCE_RESULT] = SWITCH_OF("resultType", modern_resource_result, NONE),
	[SHAPE_RESOURCE_ANSWER] = OBJECT_OF(resource_answer),
	[SHAPE_GET_PROMPT_RESULT] = BY_ERA(PROMPT_ANSWER, MODERN_PROMPT_RESULT),
	[SHAPE_MODERN_PROMPT_RESULT] = SWITCH_OF("resultType", modern_prompt_result, NONE),
	[SHAPE_PROMPT_ANSWER] = OBJECT_OF(prompt_answer),
	[SHAPE_INPUT_REQUIRED] = OBJECT_OF(input_required),
	[SHAPE_INPUT_REQUEST] = SWITCH_OF("method", input_request, NONE),
	[SHAPE_ASK_SAMPLING] = OBJECT_OF(ask_sampling),
	[SHAPE_ASK_ROOTS] = OBJECT_OF(ask_roots),
	[SHAPE_ASK_ELICIT] = OBJECT_OF(ask_elicit),
	[SHAPE_INPUT_RESPONSE] = HAS_OF(input_response, MODEL_ANSWER),
	[SHAPE_CREATE_MESSAGE_RESULT] = HAS_OF(create_message_result, MODEL_ANSWER),
	[SHAPE_MODEL_ANSWER] = OBJECT_OF(model_answer),
	[SHAPE_ELICIT_RESULT] = HAS_OF(elicit_result, PERSON_ANSWER),
	[SHAPE_PERSON_ANSWER] = OBJECT_OF(person_answer),
	[SHAPE_LIST_ROOTS_RESULT] = OBJECT_OF(list_roots_result),
	[SHAPE_ROOT] = OBJECT_OF(root),

	[SHAPE_ERROR] = { .kind = KIND_CODE, .key = "code", .of = SHAPE_PLAIN_ERROR, ROWS(error) },
	[SHAPE_PLAIN_ERROR] = OBJECT_OF(plain_error),
	[SHAPE_URL_ERROR] = OBJECT_OF(url_error),
	[SHAPE_URL_ERROR_DATA] = OBJECT_OF(url_error_data),
	[SHAPE_CAPABILITY_ERROR] = OBJECT_OF(capability_error),
	[SHAPE_CAPABILITY_ERROR_DATA] = OBJECT_OF(capability_error_data),
	[SHAPE_VERSION_ERROR] = OBJECT_OF(version_error),
	[SHAPE_VERSION_ERROR_DATA] = OBJECT_OF(version_error_data),
};
