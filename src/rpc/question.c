/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything about asking that is text. The one thing that must not happen is that a person permits what was not shown, so a
 * string's escapes are resolved first (A and \u0041 are the same argument), what is invisible becomes visible, and what
 * is left out is counted. Called by session/ask.c. RFC 8259; MCP, "Elicitation", "Multi Round-Trip Requests".
 */
#include "rpc/question.h"

#include "base/json-out.h"
#include "rpc/unicode.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Of a string no more than this is shown: so many bytes of its beginning and end. */
enum { STRING_HEAD = 400, STRING_TAIL = 200 };
/* Arguments in a message for a client, and names. */
enum { MESSAGE_ARGUMENTS = 3000, NAME_MAX_SHOWN = 200, REASON_MAX = 400 };

const char *answer_name(enum answer answer)
{
	static const char *const names[] = {
		[ANSWER_ONCE] = "once",
		[ANSWER_SESSION] = "session",
		[ANSWER_ALWAYS] = "always",
		[ANSWER_NO] = "no",
		[ANSWER_UNAVAILABLE] = "nobody to ask",
		[ANSWER_TIMEOUT] = "no answer",
		[ANSWER_WITHDRAWN] = "withdrawn",
	};
	return (unsigned)answer < ANSWERS_ ? names[answer] : "unknown";
}

bool answer_by_name(struct span word, enum answer *answer)
{
	for (enum answer a = ANSWER_ONCE; a <= ANSWER_NO; a++) {
		if (span_is(word, answer_name(a))) {
			*answer = a;
			return true;
		}
	}
	return false;
}

/* ---- what is shown ---------------------------------------------------------------------------- */

static void put_escape(struct buf *out, uint32_t code)
{
	if (code < 0x10000) {
		buf_printf(out, "\\u%04x", code);
		return;
	}
	code -= 0x10000;
	buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
}

/* TEXT with what cannot be seen as escapes; QUOTED: as the inside of a JSON string. */
static void show_run(struct buf *out, struct span text, bool quoted)
{
	const uint8_t *p = (const uint8_t *)text.p;
	uint32_t code = 0;

	for (size_t i = 0; i < text.n;) {
		if (quoted && (p[i] == '"' || p[i] == '\\')) {
			buf_printf(out, "\\%c", p[i++]);
			continue;
		}
		if (p[i] >= 0x20 && p[i] < 0x7f) {
			buf_putc(out, (char)p[i++]);
			continue;
		}
		size_t n = unicode_decode(p + i, text.n - i, &code);
		if (n == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else if (code < 0x20 || unicode_hidden(code)) /* a tab is not hidden, but a record has none either */
			put_escape(out, code);
		else
			buf_append(out, text.p + i, n);
		i += n ? n : 1;
	}
}

/* At a boundary between characters, AT or before it. */
static size_t boundary(struct span text, size_t at)
{
	while (at > 0 && at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static void show_string(struct buf *out, struct span text)
{
	if (text.n <= STRING_HEAD + STRING_TAIL + 40) {
		show_run(out, text, true);
		return;
	}
	size_t head = boundary(text, STRING_HEAD), tail = boundary(text, text.n - STRING_TAIL);
	show_run(out, (struct span){ text.p, head }, true);
	buf_printf(out, "[... %zu bytes left out ...]", tail - head);
	show_run(out, (struct span){ text.p + tail, text.n - tail }, true);
}

void question_text(struct buf *out, const char *text, size_t max)
{
	struct span s = { text, strlen(text) };
	size_t n = boundary(s, s.n < max ? s.n : max);

	show_run(out, (struct span){ text, n }, false);
	if (n < s.n)
		buf_puts(out, "...");
}

static void show_scalar(struct buf *out, const struct tree *t, uint32_t i)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	struct span raw = tree_raw(t, i);

	if (t->v[i].type == TREE_STRING) {
		buf_putc(out, '"');
		show_string(out, tree_string_span(t, i, &scratch));
		buf_putc(out, '"');
	} else if (raw.n > STRING_HEAD) {
		/* a number with that many digits */
		buf_append(out, raw.p, STRING_HEAD);
		buf_printf(out, "[... %zu bytes left out ...]", raw.n - STRING_HEAD);
	} else {
		buf_append(out, raw.p, raw.n);
	}
}

/*
 * Nodes in the order of the text, so no recursion: brackets of the containers that end before node I are closed first. Stops
 * at MAX; returns whether everything was shown.
 */
static bool show_tree(struct buf *out, const struct tree *t, size_t max)
{
	uint32_t open[TREE_DEPTH + 1];
	unsigned depth = 0;
	bool key = false, after_key = false;

	for (uint32_t i = 0; i <= t->n; i++) {
		bool closed = false;
		while (depth > 0 && t->v[open[depth - 1]].next <= i) {
			buf_putc(out, t->v[open[--depth]].type == TREE_OBJECT ? '}' : ']');
			closed = true;
		}
		if (i == t->n)
			break;
		if (out->n > max)
			return false;
		bool in_object = depth > 0 && t->v[open[depth - 1]].type == TREE_OBJECT;
		bool first = depth > 0 && i == open[depth - 1] + 1;
		/* In an object keys and values take turns; a container's end is a value's. */
		if (closed || first)
			after_key = false;
		key = in_object && !after_key;
		if (depth > 0 && !first && !after_key)
			buf_puts(out, ", ");
		if (t->v[i].type == TREE_OBJECT || t->v[i].type == TREE_ARRAY) {
			if (depth >= TREE_DEPTH)
				return false;
			buf_putc(out, t->v[i].type == TREE_OBJECT ? '{' : '[');
			open[depth++] = i;
			after_key = false;
			continue;
		}
		show_scalar(out, t, i);
		if (key)
			buf_puts(out, ": ");
		after_key = key;
	}
	return true;
}

void question_arguments(struct buf *out, struct span json, size_t max)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP_BUF struct buf shown = BUF_INIT(0);

	if (json.n == 0) {
		buf_puts(out, "{}");
		return;
	}
	enum tree_status status = tree_parse(&t, json, 0);
	if (status != TREE_OK) {
		buf_printf(out, "(%zu bytes that cannot be shown: %s)", json.n, tree_status_text(status));
		return;
	}
	bool whole = show_tree(&shown, &t, max);
	size_t n = boundary(buf_span(&shown), shown.n < max ? shown.n : max);
	buf_append(out, shown.p, n);
	if (!whole || n < shown.n)
		buf_printf(out, " [... cut; the arguments have %zu bytes ...]", json.n);
	if (shown.full)
		out->full = true;
}

/* ---- what a client is asked --------------------------------------------------------------------- */

static void put_message(struct buf *out, const struct question *q)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);

	buf_puts(&text, "mcpcage asks: may the server \"");
	question_text(&text, q->server, NAME_MAX_SHOWN);
	buf_puts(&text, q->request ? "\" make the request \"" : "\" run the tool \"");
	question_text(&text, q->tool, NAME_MAX_SHOWN);
	buf_puts(&text, "\"?\n\nArguments: ");
	question_arguments(&text, q->arguments, MESSAGE_ARGUMENTS);
	if (q->description && q->description[0]) {
		buf_puts(&text, "\n\nThe server says of this tool: \"");
		buf_puts(&text, q->description);
		buf_putc(&text, '"');
	}
	if (q->reach) {
		buf_puts(&text, "\n\nThe server can reach: ");
		buf_puts(&text, q->reach);
	}
	buf_puts(&text, "\n\nWhy this is asked: ");
	question_text(&text, q->reason, REASON_MAX);
	if (text.full)
		out->full = true;
	json_string(out, buf_span(&text));
}

static void put_params(struct buf *out, const struct question *q)
{
	buf_puts(out, "{\"message\":");
	put_message(out, q);
	buf_puts(out, ",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"answer\":{\"type\":\"string\","
		      "\"title\":\"Allow this call\",\"enum\":[\"once\",\"for this session\",\"always\",\"no\"]}},"
		      "\"required\":[\"answer\"]}}");
}

void question_elicit(struct buf *out, const char *id, const struct question *q)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	json_string(out, span_of(id));
	buf_puts(out, ",\"method\":\"elicitation/create\",\"params\":");
	put_params(out, q);
	buf_puts(out, "}\n");
}

void question_input_required(struct buf *out, struct span id_raw, const char *state, const struct question *q)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_append(out, id_raw.p, id_raw.n);
	buf_puts(out, ",\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"" QUESTION_KEY
		      "\":{\"method\":\"elicitation/create\",\"params\":");
	put_params(out, q);
	buf_puts(out, "}},\"requestState\":");
	json_string(out, span_of(state));
	buf_puts(out, "}}\n");
}

enum answer question_answer(const struct tree *t, uint32_t result)
{
	static const struct {
		const char *word;
		enum answer answer;
	} words[] = {
		{ "once", ANSWER_ONCE },
		{ "for this session", ANSWER_SESSION },
		{ "always", ANSWER_ALWAYS },
	};

	if (!tree_is(t, result, TREE_OBJECT))
		return ANSWER_NO;
	uint32_t action = tree_member(t, result, "action");
	uint32_t content = tree_member(t, result, "content");
	if (!tree_is(t, action, TREE_STRING) || !tree_string_is(t, action, "accept") || !tree_is(t, content, TREE_OBJECT))
		return ANSWER_NO;
	uint32_t word = tree_member(t, content, "answer");
	if (!tree_is(t, word, TREE_STRING))
		return ANSWER_NO;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (tree_string_is(t, word, words[i].word))
			return words[i].answer;
	return ANSWER_NO;
}

/* ---- requestState --------------------------------------------------------------------------------- */

enum { MAC_BYTES = 32 };
static const char prefix[] = "mcpcage.ask.";

/*
 * Over what the arguments mean, not how they are written: a client may well write them anew when it tries again. Each value
 * goes in with its type and length, so that no two trees give the same bytes.
 */
static void hash_arguments(crypto_generichash_state *h, struct span json)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);

	if (json.n == 0 || tree_parse(&t, json, 0) != TREE_OK) {
		crypto_generichash_update(h, (const unsigned char *)json.p, json.n);
		return;
	}
	for (uint32_t i = 0; i < t.n; i++) {
		struct span value = { 0 };
		if (t.v[i].type == TREE_STRING)
			value = tree_string_span(&t, i, &scratch);
		else if (t.v[i].type == TREE_NUMBER)
			value = tree_raw(&t, i);
		const uint64_t head[] = { t.v[i].type, t.v[i].next, value.n };
		crypto_generichash_update(h, (const unsigned char *)head, sizeof head);
		crypto_generichash_update(h, (const unsigned char *)value.p, value.n);
	}
}

void question_state(char state[QUESTION_STATE_MAX], const unsigned char key[QUESTION_KEY_BYTES], uint64_t number,
		    const char *tool, struct span arguments)
{
	const uint64_t head[] = { number, strlen(tool) };
	unsigned char mac[MAC_BYTES];
	char hex[2 * MAC_BYTES + 1];
	crypto_generichash_state h;

	crypto_generichash_init(&h, key, QUESTION_KEY_BYTES, sizeof mac);
	crypto_generichash_update(&h, (const unsigned char *)head, sizeof head);
	crypto_generichash_update(&h, (const unsigned char *)tool, strlen(tool));
	hash_arguments(&h, arguments);
	crypto_generichash_final(&h, mac, sizeof mac);
	sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
	snprintf(state, QUESTION_STATE_MAX, "%s%llu.%s", prefix, (unsigned long long)(number & UINT32_MAX), hex);
}

bool question_state_check(struct span state, const unsigned char key[QUESTION_KEY_BYTES], const char *tool,
			  struct span arguments, uint64_t *number)
{
	char want[QUESTION_STATE_MAX] = "", got[QUESTION_STATE_MAX] = "";
	const size_t skip = sizeof prefix - 1;
	uint64_t n = 0;
	size_t i = skip;

	if (state.n >= sizeof got || state.n < skip || memcmp(state.p, prefix, skip) != 0)
		return false;
	memcpy(got, state.p, state.n);
	for (; got[i] >= '0' && got[i] <= '9' && n <= UINT32_MAX; i++)
		n = n * 10 + (uint64_t)(got[i] - '0');
	if (n > UINT32_MAX)
		return false;
	question_state(want, key, n, tool, arguments);
	if (sodium_memcmp(want, got, sizeof got) != 0)
		return false;
	*number = n;
	return true;
}
