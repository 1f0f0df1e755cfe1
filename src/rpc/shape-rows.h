/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shapes of MCP's messages. A row says: this member, needed or not, in which era, of which shape. The names are those of
 * schema.json, in five versions: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25 (legacy, read as one) and 2026-07-28 with the
 * tasks extension.
 *
 * Where this is wider than a schema, on purpose:
 *  - a member that need not be there may be null;
 *  - the values of a form may be any number (the schema says integer where the specification's text says number);
 *  - the schemas of properties may be true or false, which JSON Schema allows in every dialect;
 *  - ranges (priorities from 0 to 1), formats (uri, byte) and lengths decide nothing here and are not looked at;
 *  - words that decide nothing (an icon's theme) are strings.
 * Where it is narrower: a result of 2026-07-28 whose resultType is none that its request may have is refused, because nobody
 * could look into it; a result that asks for input must ask something or carry a state, as the specification's text says; and
 * one that does not ask has no questions in it.
 *
 * A result without resultType is of a server that knows the legacy versions only, also when the request was modern: clients
 * must take it as complete ("Result" in schema.json), and most servers of today answer so. Then it is checked as a legacy one
 * (methods.c).
 */
#pragma once

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
