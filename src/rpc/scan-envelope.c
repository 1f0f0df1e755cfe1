/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the values of the envelope mean: version, id, method, params and what of them the mediator decides by; and, at the
 * end of the line, whether they make a message of JSON-RPC 2.0 as MCP uses it.
 *
 * Part of the scanner: called by scan.c, scan-string.c and frame.c alone. JSON-RPC 2.0, sections 4 and 5; MCP, "Base
 * Protocol".
 */
#include "rpc/scan.h"

/* Ids beyond it are rounded by JavaScript. */
#define ID_MAX ((int64_t)1 << 53)

#define SEEN(key) (1u << (key))

enum scan_level scan_child_level(const struct scan *s, bool object)
{
	if (!object)
		return LEVEL_USER;
	if (s->depth == 0)
		return LEVEL_TOP;
	if (s->level == LEVEL_USER)
		return LEVEL_USER;

	enum scan_key key = (enum scan_key)s->key_at[s->depth];
	switch ((enum scan_level)s->level) {
	case LEVEL_TOP:
		return key == KEY_PARAMS ? LEVEL_PARAMS :
		       key == KEY_RESULT ? LEVEL_RESULT :
		       key == KEY_ERROR	 ? LEVEL_ERROR :
					   LEVEL_USER;
	case LEVEL_PARAMS:
		return key == KEY_META ? LEVEL_PARAMS_META : LEVEL_USER;
	case LEVEL_RESULT:
		return key == KEY_META ? LEVEL_RESULT_META : LEVEL_USER;
	default:
		return LEVEL_USER;
	}
}

static bool is_id_start(uint8_t first)
{
	return first == '"' || first == '-' || (first >= '0' && first <= '9');
}

static enum scan_slot top_value(struct scan *s, enum scan_key key, uint8_t first, uint64_t at)
{
	switch (key) {
	case KEY_JSONRPC:
		if (first == '"')
			return SLOT_JSONRPC;
		scan_refuse(s, REFUSE_NOT_JSONRPC, at, "\"jsonrpc\" is not \"2.0\"");
		return SLOT_NONE;
	case KEY_ID:
		s->id_raw.start = at;
		if (is_id_start(first))
			return SLOT_ID;
		s->id_seen = SEEN_BAD;
		scan_refuse(s, REFUSE_ID, at, "neither a string nor a number");
		return SLOT_NONE;
	case KEY_METHOD:
		if (first == '"')
			return SLOT_METHOD;
		scan_refuse(s, REFUSE_METHOD, at, "not a string");
		return SLOT_NONE;
	case KEY_PARAMS:
		s->params.start = at;
		if (first != '{' && first != 'n')
			scan_refuse(s, REFUSE_NOT_JSONRPC, at, "\"params\" is not an object");
		return SLOT_NONE;
	case KEY_RESULT:
		s->result.start = at;
		return SLOT_NONE;
	case KEY_ERROR:
		s->error.start = at;
		if (first != '{')
			scan_refuse(s, REFUSE_NOT_JSONRPC, at, "\"error\" is not an object");
		return SLOT_NONE;
	default:
		return SLOT_NONE;
	}
}

enum scan_slot scan_value_begins(struct scan *s, uint8_t first, uint64_t at)
{
	enum scan_key key = (enum scan_key)s->key_at[s->depth];

	if (s->level == LEVEL_TOP)
		return top_value(s, key, first, at);
	if (s->level != LEVEL_PARAMS)
		return SLOT_NONE;
	if (key == KEY_ARGUMENTS)
		s->arguments.start = at;
	else if (key == KEY_NAME && first == '"')
		return SLOT_NAME;
	else if (key == KEY_REQUEST_ID && is_id_start(first))
		return SLOT_REQUEST_ID;
	return SLOT_NONE;
}

void scan_value_ends(struct scan *s, uint64_t end)
{
	enum scan_key key = (enum scan_key)s->key_at[s->depth];

	if (s->level == LEVEL_PARAMS && key == KEY_ARGUMENTS)
		s->arguments.end = end;
	if (s->level != LEVEL_TOP)
		return;
	if (key == KEY_ID)
		s->id_raw.end = end;
	else if (key == KEY_PARAMS)
		s->params.end = end;
	else if (key == KEY_RESULT)
		s->result.end = end;
	else if (key == KEY_ERROR)
		s->error.end = end;
}

/* "-"? and digits without a leading zero, up to 2^53. False: not an id. */
static bool parse_integer(const char *p, size_t n, int64_t *value)
{
	bool negative = n > 0 && p[0] == '-';
	int64_t v = 0;

	if (negative) {
		p++;
		n--;
	}
	if (n == 0 || n > 16 || (negative && p[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (p[i] - '0');
	}
	if (v > ID_MAX)
		return false;
	*value = negative ? -v : v;
	return true;
}

static bool read_id(const struct scan *s, const char *text, size_t n, bool string, struct rpc_id *id)
{
	if (s->text_bad)
		return false;
	if (!string) {
		id->type = ID_INTEGER;
		return parse_integer(text, n, &id->integer);
	}
	if (n > sizeof(id->text) - 1 || memchr(text, '\0', n))
		return false;
	id->type = ID_STRING;
	id->length = (uint16_t)n;
	memcpy(id->text, text, n);
	id->text[n] = '\0';
	return true;
}

static void method_done(struct scan *s, const char *text, size_t n)
{
	s->method_seen = SEEN_BAD;
	if (n == 0 || n >= sizeof(s->method)) {
		scan_refuse(s, REFUSE_METHOD, s->token_at, "empty, or longer than %zu bytes", sizeof(s->method) - 1);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if ((uint8_t)text[i] <= 0x20 || (uint8_t)text[i] > 0x7e) {
			scan_refuse(s, REFUSE_METHOD, s->token_at, "not plain ASCII");
			return;
		}
	}
	memcpy(s->method, text, n);
	s->method[n] = '\0';
	s->method_n = (uint16_t)n;
	s->method_seen = SEEN_GOOD;
}

void scan_slot_done(struct scan *s, enum scan_slot slot, const char *text, size_t n, bool string)
{
	switch (slot) {
	case SLOT_JSONRPC:
		if (n != 3 || memcmp(text, "2.0", 3) != 0)
			scan_refuse(s, REFUSE_NOT_JSONRPC, s->token_at, "\"jsonrpc\" is not \"2.0\"");
		break;
	case SLOT_ID:
		s->id_seen = read_id(s, text, n, string, &s->id) ? SEEN_GOOD : SEEN_BAD;
		if (s->id_seen == SEEN_BAD)
			scan_refuse(s, REFUSE_ID, s->token_at,
				    string ? "longer than 255 bytes, or with a NUL" : "not an integer within 2^53");
		break;
	case SLOT_METHOD:
		method_done(s, text, n);
		break;
	case SLOT_NAME:
		s->name_seen = SEEN_BAD;
		if (n >= sizeof(s->name) || memchr(text, '\0', n))
			break;
		memcpy(s->name, text, n);
		s->name[n] = '\0';
		s->name_n = (uint16_t)n;
		s->name_seen = SEEN_GOOD;
		break;
	case SLOT_REQUEST_ID:
		if (!read_id(s, text, n, string, &s->request_id))
			s->request_id.type = ID_NONE;
		break;
	default:
		break;
	}
	s->slot = SLOT_NONE;
}

/* Which kind it is, from the keys that were seen. False: none, or more than one. */
static bool kind_of(const struct scan *s, enum message_kind *kind)
{
	switch (s->top_seen & (SEEN(KEY_METHOD) | SEEN(KEY_RESULT) | SEEN(KEY_ERROR))) {
	case SEEN(KEY_METHOD):
		*kind = s->ids ? MESSAGE_REQUEST : MESSAGE_NOTIFICATION;
		return true;
	case SEEN(KEY_RESULT):
		*kind = MESSAGE_RESULT;
		return true;
	case SEEN(KEY_ERROR):
		*kind = MESSAGE_ERROR;
		return true;
	default:
		return false;
	}
}

static void check_envelope(struct scan *s, uint64_t end)
{
	enum message_kind kind;

	if (!(s->top_seen & SEEN(KEY_JSONRPC)))
		scan_refuse(s, REFUSE_NOT_JSONRPC, end, "no \"jsonrpc\"");
	else if (!kind_of(s, &kind))
		scan_refuse(s, REFUSE_NOT_JSONRPC, end, "not exactly one of \"method\", \"result\" and \"error\"");
	else if (kind == MESSAGE_RESULT && s->ids == 0)
		scan_refuse(s, REFUSE_NOT_JSONRPC, end, "a result without an id");
	else if (kind <= MESSAGE_NOTIFICATION && s->name_seen == SEEN_BAD && strcmp(s->method, "tools/call") == 0)
		scan_refuse(s, REFUSE_METHOD, end, "the tool's name is longer than %zu bytes, or has a NUL",
			    sizeof(s->name) - 1);
}

enum frame_event scan_finish(struct scan *s, uint64_t length, bool too_long, uint64_t limit)
{
	if (s->state == SCAN_START && s->bom == 0)
		return FRAME_BLANK;
	if (s->state == SCAN_START || s->state == SCAN_NOISE)
		return FRAME_NOISE;
	if (too_long) {
		s->why = REFUSE_NONE;
		scan_refuse(s, REFUSE_TOO_LONG, limit, "%llu bytes; the limit is %llu", (unsigned long long)length + 1,
			    (unsigned long long)limit);
	}
	if (s->cr_at != UINT64_MAX && s->cr_at + 1 != length)
		scan_refuse(s, REFUSE_CONTROL, s->cr_at, "a carriage return between tokens");
	if (s->state == SCAN_END)
		check_envelope(s, length);
	else
		scan_refuse(s, REFUSE_NOT_JSON, length, "the line ends inside the object");
	return s->why == REFUSE_NONE ? FRAME_MESSAGE : FRAME_REFUSED;
}

static struct span range_span(const char *line, struct scan_range range)
{
	return (struct span){ range.end ? line + range.start : NULL, (size_t)(range.end - range.start) };
}

/* Only what is used of it: most ids are numbers. */
static void copy_id(struct rpc_id *to, const struct rpc_id *from)
{
	to->type = from->type;
	to->integer = from->type == ID_INTEGER ? from->integer : 0;
	to->length = 0;
	to->text[0] = '\0';
	if (from->type == ID_STRING) {
		to->length = from->length;
		memcpy(to->text, from->text, from->length + 1u);
	}
}

void scan_message(const struct scan *s, const char *line, struct message *m)
{
	kind_of(s, &m->kind);
	copy_id(&m->id, &s->id);
	copy_id(&m->request_id, &s->request_id);
	m->id_raw = range_span(line, s->id_raw);
	m->params = range_span(line, s->params);
	m->result = range_span(line, s->result);
	m->error = range_span(line, s->error);
	m->arguments = range_span(line, s->arguments);
	m->modern = s->modern;
	m->has_name = s->name_seen == SEEN_GOOD;
	m->name[0] = m->method[0] = '\0';
	if (m->has_name)
		memcpy(m->name, s->name, s->name_n + 1u);
	if (s->method_seen == SEEN_GOOD)
		memcpy(m->method, s->method, s->method_n + 1u);
}

void scan_refusal(const struct scan *s, struct frame_refusal *r)
{
	static const struct rpc_id none;

	r->why = s->why;
	r->offset = s->why_at;
	memcpy(r->detail, s->detail, sizeof(r->detail));
	copy_id(&r->id, s->id_seen == SEEN_GOOD && s->ids == 1 ? &s->id : &none);
	/* Where the structure was lost, what is missing may have been in the rest. */
	r->kind_known = kind_of(s, &r->kind) && (s->state == SCAN_END || r->kind != MESSAGE_NOTIFICATION);
	r->modern = s->modern;
	r->method[0] = '\0';
	if (s->method_seen == SEEN_GOOD)
		memcpy(r->method, s->method, s->method_n + 1u);
}

const char *refusal_text(enum refusal refusal)
{
	static const char *const texts[REFUSE_COUNT_] = {
		[REFUSE_NONE] = "accepted",
		[REFUSE_NOT_JSON] = "not valid JSON",
		[REFUSE_NOT_OBJECT] = "not one JSON object (batches are not accepted)",
		[REFUSE_UTF8] = "not valid UTF-8",
		[REFUSE_BOM] = "begins with a byte order mark",
		[REFUSE_CONTROL] = "holds a raw control character",
		[REFUSE_DUPLICATE_KEY] = "has the same key twice in one object",
		[REFUSE_LOOKALIKE_KEY] = "has a key that only looks like one of the protocol",
		[REFUSE_DEPTH] = "is nested too deep",
		[REFUSE_TOO_LONG] = "is too long",
		[REFUSE_TOO_MANY_KEYS] = "has too many keys",
		[REFUSE_ID] = "has an id that is neither a string of at most 255 bytes nor an integer within 2^53",
		[REFUSE_NOT_JSONRPC] = "is no JSON-RPC 2.0 message",
		[REFUSE_METHOD] = "has a method or tool name that is missing, too long or not plain text",
		[REFUSE_TRAILING] = "has bytes after the JSON object",
		[REFUSE_SURROGATE] = "has a surrogate escape without its other half",
	};

	return refusal > REFUSE_NONE && refusal < REFUSE_COUNT_ ? texts[refusal] : "refused";
}
