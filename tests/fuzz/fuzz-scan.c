/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line, and jansson as a second reader:
 *  - what the scanner accepts, jansson reads as an object without duplicate keys, with the same method, id and values. But for
 *    what jansson cannot hold: numbers out of the range of its types, and keys with a NUL in them;
 *  - what the scanner says is no JSON, no UTF-8, or has a key twice, jansson does not read.
 */
#include "rpc/frame.h"
#include "tests/rpc-fixture.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static json_t *load(struct span text, json_error_t *error)
{
	return json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, error);
}

static bool is_text(const json_t *value, const char *text, size_t n)
{
	return json_is_string(value) && json_string_length(value) == n && memcmp(json_string_value(value), text, n) == 0;
}

static void same_id(const json_t *value, const struct rpc_id *id)
{
	if (id->type == ID_INTEGER)
		require(json_is_integer(value) && json_integer_value(value) == id->integer);
	else if (id->type == ID_STRING)
		require(is_text(value, id->text, id->length));
	else
		require(!value);
}

/* The raw value of a member is the member. */
static void same_value(const json_t *value, struct span raw)
{
	json_error_t error;

	require((value != NULL) == (raw.n > 0));
	if (!value)
		return;
	json_t *read = load(raw, &error);
	require(read && json_equal(read, value));
	json_decref(read);
}

static void check_message(const struct message *m, const json_t *root)
{
	const json_t *params = json_object_get(root, "params"), *name = json_object_get(params, "name");
	const json_t *method = json_object_get(root, "method");

	require(json_is_object(root) && is_text(json_object_get(root, "jsonrpc"), "2.0", 3));
	require(method ? is_text(method, m->method, strlen(m->method)) : m->method[0] == '\0');
	same_id(json_object_get(root, "id"), &m->id);
	same_value(json_object_get(root, "id"), m->id_raw);
	same_value(params, m->params);
	same_value(json_object_get(root, "result"), m->result);
	same_value(json_object_get(root, "error"), m->error);
	same_value(json_object_get(params, "arguments"), m->arguments);
	require(!m->has_name || is_text(name, m->name, strlen(m->name)));
	require(strcmp(m->method, "tools/call") != 0 || m->has_name == json_is_string(name));
	require(m->modern ==
		(json_object_get(json_object_get(params, "_meta"), "io.modelcontextprotocol/protocolVersion") != NULL));
	if (m->request_id.type != ID_NONE)
		same_id(json_object_get(params, "requestId"), &m->request_id);
	switch (m->kind) {
	case MESSAGE_REQUEST:
		require(method && m->id.type != ID_NONE);
		break;
	case MESSAGE_NOTIFICATION:
		require(method && m->id.type == ID_NONE);
		break;
	case MESSAGE_RESULT:
		require(!method && m->result.n > 0 && m->id.type != ID_NONE);
		break;
	case MESSAGE_ERROR:
		require(!method && m->error.n > 0);
		break;
	}
}

static bool jansson_refuses(const struct frame_refusal *r)
{
	switch (r->why) {
	case REFUSE_NOT_JSON:
		return strncmp(r->detail, "a number of more", 16) != 0;
	case REFUSE_UTF8:
	case REFUSE_SURROGATE:
	case REFUSE_DUPLICATE_KEY:
		return true;
	default:
		return false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct frame_limits limits = { .message = 1 << 20 };
	static struct message m;
	static struct frame_refusal r;
	json_error_t error;

	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	struct span line = { (const char *)data, newline ? (size_t)(newline - data) : size };
	enum frame_event event = frame_scan_line(&limits, line, &m, &r);
	if (event == FRAME_MESSAGE) {
		json_t *root = load(line, &error);
		if (root) {
			check_message(&m, root);
		} else {
			enum json_error_code code = json_error_code(&error);
			require(code == json_error_numeric_overflow || code == json_error_null_byte_in_key);
		}
		json_decref(root);
		require(spans_inside(&m));
	} else if (event == FRAME_REFUSED && jansson_refuses(&r)) {
		require(!load(line, &error));
	}
	return 0;
}
