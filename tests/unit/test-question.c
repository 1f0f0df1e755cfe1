/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person is shown, how a client is asked, and what counts as a yes. */
#include "rpc/question.h"
#include "rpc/frame.h"
#include "tests/tap.h"

static const unsigned char key[QUESTION_KEY_BYTES] = "0123456789abcdef0123456789abcde";

static const char *shown(const char *json, size_t max)
{
	static struct buf out;

	buf_clear(&out);
	question_arguments(&out, span_of(json), max);
	for (size_t i = 0; i < out.n; i++)
		if ((unsigned char)out.p[i] < 0x20 || out.p[i] == 0x7f)
			return "a control byte";
	return buf_str(&out);
}

static void arguments(void)
{
	static char text[20000];

	is_str(shown("", 999), "{}", "no arguments");
	is_str(shown("{ \"a\" : [1, 2.50,{} ,[]], \"b\":{\"c\":null,\"d\":true},\"e\":\"x\" }", 999),
	       "{\"a\": [1, 2.50, {}, []], \"b\": {\"c\": null, \"d\": true}, \"e\": \"x\"}", "the shape is kept, numbers are");
	is_str(shown("{\"a\":{\"b\":{}},\"c\":[[],[{}]]}", 999), "{\"a\": {\"b\": {}}, \"c\": [[], [{}]]}", "brackets close where they should");
	is_str(shown("{\"\\u0061\":\"\\u0072m -rf \\/\"}", 999), "{\"a\": \"rm -rf /\"}", "escapes do not disguise");
	is_str(shown("{\"a\":\"say \\\"hi\\\" \\\\ \"}", 999), "{\"a\": \"say \\\"hi\\\" \\\\ \"}", "quotes stay quoted");
	is_str(shown("{\"a\":\"x\\u202ey\\u200bz\\n\\t\\u0000\"}", 999), "{\"a\": \"x\\u202ey\\u200bz\\u000a\\u0009\\u0000\"}",
	       "what cannot be seen is shown as an escape");
	is_str(shown("{\"a\":\"\\udb40\\udc41\"}", 999), "{\"a\": \"\\udb40\\udc41\"}", "also beyond the first plane");
	is_str(shown("{\"a\":\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x99\x82\"}", 999), "{\"a\": \"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x99\x82\"}", "what can be seen stays");
	is_str(shown("{\"a\":\"\xff\"}", 999), "{\"a\": \"\xef\xbf\xbd\"}", "a byte that is no text");
	ok(strstr(shown("[1", 999), "cannot be shown"), "no JSON at all");

	strcpy(text, "{\"a\":\"");
	memset(text + 6, 'x', 5000);
	strcpy(text + 5006, "THE END\",\"path\":\"/etc/shadow\"}");
	const char *s = shown(text, 2000);
	ok(strstr(s, "bytes left out") && strstr(s, "THE END\""), "of a long string beginning and end are shown");
	ok(strstr(s, "/etc/shadow"), "and it hides nothing behind it");

	strcpy(text, "[");
	for (int i = 0; i < 3000; i++)
		strcat(text + 2 * i, i ? ",1" : "1");
	strcat(text, "]");
	s = shown(text, 500);
	ok(strlen(s) < 600 && strstr(s, "[... cut; the arguments have 6001 bytes ...]"), "what is cut says so");

	CLEANUP_BUF struct buf deep = BUF_INIT(0);
	for (int i = 0; i < 127; i++)
		buf_puts(&deep, "[");
	for (int i = 0; i < 127; i++)
		buf_puts(&deep, "]");
	is_str(shown(buf_str(&deep), 999), buf_str(&deep), "as deep as a message may be");
}

static const struct question q = {
	.server = "files", .tool = "write\u202e_file", .reason = "rule 1 of policy.json",
	.description = "Writes.", .reach = "writes /srv; no network",
	.arguments = { "{\"path\":\"/x\"}", 13 },
};

/* The value at PATH of the one message in LINE, which has to be one. */
static const char *value_at(struct buf *line, const char *const *path)
{
	static struct tree t;
	static struct buf out;
	struct message m;
	struct frame_refusal r;
	struct frame_limits limits = { .message = 1 << 20 };

	if (line->n < 2 || line->p[line->n - 1] != '\n' ||
	    frame_scan_line(&limits, (struct span){ line->p, line->n - 1 }, &m, &r) != FRAME_MESSAGE)
		return "no message";
	if (tree_parse(&t, (struct span){ line->p, line->n - 1 }, 0) != TREE_OK)
		return "no tree";
	uint32_t i = 0;
	for (; *path; path++)
		i = tree_is(&t, i, TREE_OBJECT) ? tree_member(&t, i, *path) : TREE_NONE;
	buf_clear(&out);
	if (i == TREE_NONE)
		return NULL;
	if (t.v[i].type == TREE_STRING)
		tree_string(&t, i, &out);
	else
		buf_append(&out, tree_raw(&t, i).p, tree_raw(&t, i).n);
	return buf_str(&out);
}
#define AT(line, ...) value_at((line), (const char *const[]){ __VA_ARGS__, NULL })

static void forms(void)
{
	CLEANUP_BUF struct buf line = BUF_INIT(0);

	question_elicit(&line, "mcpcage-ask-7", &q);
	is_str(AT(&line, "id"), "mcpcage-ask-7", "a request with our id");
	is_str(AT(&line, "method"), "elicitation/create", "to ask");
	const char *message = AT(&line, "params", "message");
	ok(strstr(message, "\"files\"") && strstr(message, "{\"path\": \"/x\"}") && strstr(message, "rule 1"),
	   "that says which server, which arguments and why");
	ok(strstr(message, "write\\u202e_file"), "and which tool, with nothing invisible");
	ok(strstr(message, "says of this tool: \"Writes.\"") && strstr(message, "can reach: writes /srv"), "what it says of it, and what it can reach");
	is_str(AT(&line, "params", "requestedSchema", "properties", "answer", "enum"),
	       "[\"once\",\"for this session\",\"always\",\"no\"]", "four answers");

	buf_clear(&line);
	question_input_required(&line, SPAN("\"9\""), "state", &q);
	is_str(AT(&line, "id"), "9", "an answer to the call");
	is_str(AT(&line, "result", "resultType"), "input_required", "that wants more");
	is_str(AT(&line, "result", "requestState"), "state", "with our state");
	is_str(AT(&line, "result", "inputRequests", QUESTION_KEY, "method"), "elicitation/create", "and our question");
	ok(AT(&line, "result", "inputRequests", QUESTION_KEY, "params", "message"), "with its words");
}

static enum answer answer_of(const char *json)
{
	struct tree t = { 0 };

	if (tree_parse(&t, span_of(json), 0) != TREE_OK)
		bail_out("not JSON: %s", json);
	enum answer a = question_answer(&t, 0);
	tree_free(&t);
	return a;
}

static void answers(void)
{
	static const struct {
		const char *json;
		enum answer want;
	} cases[] = {
		{ "{\"action\":\"accept\",\"content\":{\"answer\":\"once\"}}", ANSWER_ONCE },
		{ "{\"content\":{\"answer\":\"for this session\"},\"action\":\"accept\"}", ANSWER_SESSION },
		{ "{\"action\":\"accept\",\"content\":{\"answer\":\"always\"}}", ANSWER_ALWAYS },
		{ "{\"action\":\"accept\",\"content\":{\"answer\":\"\\u006fnce\"}}", ANSWER_ONCE },
		{ "{\"action\":\"accept\",\"content\":{\"answer\":\"no\"}}", ANSWER_NO },
		{ "{\"action\":\"accept\",\"content\":{\"answer\":\"yes\"}}", ANSWER_NO },
		{ "{\"action\":\"accept\",\"content\":{\"answer\":true}}", ANSWER_NO },
		{ "{\"action\":\"accept\",\"content\":{}}", ANSWER_NO },
		{ "{\"action\":\"accept\",\"content\":[\"once\"]}", ANSWER_NO },
		{ "{\"action\":\"accept\"}", ANSWER_NO },
		{ "{\"action\":\"decline\",\"content\":{\"answer\":\"once\"}}", ANSWER_NO },
		{ "{\"action\":\"cancel\",\"content\":{\"answer\":\"always\"}}", ANSWER_NO },
		{ "{\"action\":1,\"content\":{\"answer\":\"always\"}}", ANSWER_NO },
		{ "{\"content\":{\"answer\":\"always\"}}", ANSWER_NO },
		{ "{}", ANSWER_NO },
		{ "[]", ANSWER_NO },
		{ "\"once\"", ANSWER_NO },
	};
	enum answer a = ANSWERS_;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		is_int(answer_of(cases[i].json), cases[i].want, "%s: %s", cases[i].json, answer_name(cases[i].want));
	ok(answer_by_name(SPAN("session"), &a) && a == ANSWER_SESSION, "a helper's word");
	ok(!answer_by_name(SPAN("yes"), &a) && !answer_by_name(SPAN(""), &a) && !answer_by_name(SPAN("no answer"), &a),
	   "other words are none");
	ok(answer_allows(ANSWER_ONCE) && answer_allows(ANSWER_ALWAYS) && !answer_allows(ANSWER_NO) && !answer_allows(ANSWER_TIMEOUT),
	   "what allows");
}

static void state(void)
{
	static const unsigned char other[QUESTION_KEY_BYTES] = "another";
	char s[QUESTION_STATE_MAX], changed[QUESTION_STATE_MAX];
	uint64_t n = 0;

	question_state(s, key, 4000000000u, "tool", SPAN("{\"a\":[1,\"x\"]}"));
	ok(question_state_check(span_of(s), key, "tool", SPAN("{\"a\":[1,\"x\"]}"), &n) && n == 4000000000u, "its own call");
	ok(question_state_check(span_of(s), key, "tool", SPAN("{ \"\\u0061\" : [1, \"x\"] }"), &n), "written in another way");
	static const char *const others[] = {
		"{\"a\":[1,\"y\"]}", "{\"a\":[1.0,\"x\"]}", "{\"a\":[[1],\"x\"]}", "{\"a\":[\"1\",\"x\"]}", "{\"a\":[1],\"x\":1}", "{\"a\":[1,\"x\"],\"b\":1}",
		"{}", "",
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		ok(!question_state_check(span_of(s), key, "tool", span_of(others[i]), &n), "not with arguments %s", others[i]);
	ok(!question_state_check(span_of(s), key, "tool2", SPAN("{\"a\":[1,\"x\"]}"), &n), "not for another tool");
	ok(!question_state_check(span_of(s), other, "tool", SPAN("{\"a\":[1,\"x\"]}"), &n), "not in another session");
	unsigned accepted = 0;
	for (size_t i = 0; s[i]; i++) {
		memcpy(changed, s, sizeof s);
		changed[i] ^= 1;
		accepted += question_state_check(span_of(changed), key, "tool", SPAN("{\"a\":[1,\"x\"]}"), &n);
		accepted += question_state_check((struct span){ s, i }, key, "tool", SPAN("{\"a\":[1,\"x\"]}"), &n);
	}
	is_int(accepted, 0, "not with a character changed or cut off");
	ok(!question_state_check(SPAN("mcpcage.ask.99999999999999999999.00"), key, "tool", SPAN("{}"), &n), "no number");
}

int main(void)
{
	arguments();
	forms();
	answers();
	state();
	return done_testing();
}
