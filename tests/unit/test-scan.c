/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line: every rule by a line that breaks it and a twin, as near as can be, that is accepted; what is read in a message; and
 * what can still be told of a refused one. The differentials between real servers' parsers are among them.
 */
#include "rpc/frame.h"
#include "tests/rpc-fixture.h"
#include "tests/tap.h"

static const struct frame_limits limits = { .message = 1 << 20 };
static struct message m;
static struct frame_refusal r;

static enum frame_event scan_span(struct span line)
{
	memset(&m, 0x5a, sizeof m);
	memset(&r, 0x5a, sizeof r);
	return frame_scan_line(&limits, line, &m, &r);
}

static enum frame_event scan(const char *line)
{
	return scan_span(span_of(line));
}

/* Literals, so that a NUL inside counts. */
#define S(text) { (text), sizeof(text) - 1 }
#define CALL(params) "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":" params "}"
#define PING(rest) "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"" rest "}"
#define WITH(value) PING(",\"params\":{\"x\":" value "}")
#define ID(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define ANSWER(rest) "{\"jsonrpc\":\"2.0\",\"id\":7," rest "}"
#define TEN(x) x x x x x x x x x x

static const struct rule {
	const char *what;
	enum refusal why;
	struct span bad, good;
} rules[] = {
	/* ---- what some server reads in another way (protocol.md, the differential table) ---- */
	{ "a tool's name in other case", REFUSE_LOOKALIKE_KEY, S(CALL("{\"name\":\"safe\",\"Name\":\"evil\"}")),
	  S(CALL("{\"name\":\"safe\",\"Nome\":\"evil\"}")) },
	{ "a method in other case", REFUSE_LOOKALIKE_KEY, S(PING(",\"METHOD\":\"tools/call\"")), S(PING(",\"MOTHOD\":\"tools/call\"")) },
	{ "long s for s", REFUSE_LOOKALIKE_KEY, S(PING(",\"param\305\277\":{}")), S(PING(",\"params\":{}")) },
	{ "Kelvin sign for k", REFUSE_LOOKALIKE_KEY, S(CALL("{\"tas\342\204\252\":{}}")), S(CALL("{\"task\":{}}")) },
	{ "Kelvin sign as an escape", REFUSE_LOOKALIKE_KEY, S(CALL("{\"tas\\u212a\":{}}")), S(CALL("{\"tas\\u006b\":{}}")) },
	{ "a NUL behind a key", REFUSE_LOOKALIKE_KEY, S(PING(",\"method\\u0000\":\"tools/call\"")), S(PING(",\"method0000\":\"x\"")) },
	{ "DEL in a key", REFUSE_LOOKALIKE_KEY, S(PING(",\"method\177\":1")), S(WITH("{\"method\177\":1}")) },
	{ "full-width letters", REFUSE_LOOKALIKE_KEY, S(CALL("{\"\357\275\216ame\":\"evil\"}")), S(CALL("{\"name\":\"good\"}")) },
	{ "a lookalike in result", REFUSE_LOOKALIKE_KEY, S(ANSWER("\"result\":{\"Content\":[]}")), S(ANSWER("\"result\":{\"content\":[]}")) },
	{ "a lookalike in error", REFUSE_LOOKALIKE_KEY, S(ANSWER("\"error\":{\"Code\":1}")), S(ANSWER("\"error\":{\"code\":1}")) },
	{ "a lookalike in _meta", REFUSE_LOOKALIKE_KEY, S(CALL("{\"_meta\":{\"ProgressToken\":1}}")), S(CALL("{\"_meta\":{\"progressToken\":1}}")) },
	{ "a lookalike by an escape", REFUSE_LOOKALIKE_KEY, S(PING(",\"\\u0050arams\":{}")), S(PING(",\"\\u0070arams\":{}")) },
	{ "what is another level's key is free in arguments", REFUSE_LOOKALIKE_KEY, S(CALL("{\"Name\":1,\"arguments\":{}}")),
	  S(CALL("{\"name\":\"a\",\"arguments\":{\"Name\":1,\"name\":2,\"n\303\244me\":3,\"name\\u0000\":4}}")) },
	{ "a long key of the envelope", REFUSE_LOOKALIKE_KEY,
	  S(PING(",\"" TEN(TEN("x")) TEN(TEN("x")) TEN("12345") "123456\":1")), S(PING(",\"" TEN(TEN("x")) TEN(TEN("x")) TEN("12345") "12345\":1")) },
	{ "a key twice", REFUSE_DUPLICATE_KEY, S(PING(",\"method\":\"tools/call\"")), S(PING(",\"methods\":\"tools/call\"")) },
	{ "a key twice, once escaped", REFUSE_DUPLICATE_KEY, S(PING(",\"m\\u0065thod\":\"tools/call\"")), S(PING(",\"m\\u0066thod\":\"x\"")) },
	{ "a key twice in arguments", REFUSE_DUPLICATE_KEY, S(CALL("{\"name\":\"a\",\"arguments\":{\"p\":1,\"p\":2}}")),
	  S(CALL("{\"name\":\"a\",\"arguments\":{\"p\":1,\"P\":2}}")) },
	{ "a key twice, deep", REFUSE_DUPLICATE_KEY, S(WITH("[[{\"a\":{\"b\":1,\"c\":{},\"b\":2}}]]")), S(WITH("[[{\"a\":{\"b\":1,\"c\":{\"b\":2}}}]]")) },
	{ "the empty key twice", REFUSE_DUPLICATE_KEY, S(WITH("{\"\":1,\"\":2}")), S(WITH("{\"\":1,\"\\u0000\":2}")) },
	{ "the id twice", REFUSE_DUPLICATE_KEY, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"a\"}"), S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}") },
	{ "a CR between tokens", REFUSE_CONTROL, S("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"x\":\r{\"id\":1}\r}}"),
	  S("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"x\":\t{\"id\":1}\t}}") },
	{ "a CR before the object", REFUSE_CONTROL, S("\r" PING("")), S("\t" PING("")) },
	{ "a CR and a space behind the object", REFUSE_CONTROL, S(PING("") "\r "), S(PING("") " \r") },
	{ "two CR behind the object", REFUSE_CONTROL, S(PING("") "\r\r"), S(PING("") "\r") },
	{ "a CR in a string", REFUSE_CONTROL, S(WITH("\"\r\"")), S(WITH("\"\\r\"")) },
	{ "id: a fraction", REFUSE_ID, S(ID("16.5")), S(ID("16")) },
	{ "id: a whole number with a fraction", REFUSE_ID, S(ID("16.0")), S(ID("160")) },
	{ "id: an exponent", REFUSE_ID, S(ID("1e1")), S(ID("11")) },
	{ "id: beyond 2^53", REFUSE_ID, S(ID("9007199254740993")), S(ID("9007199254740992")) },
	{ "id: below -2^53", REFUSE_ID, S(ID("-9007199254740993")), S(ID("-9007199254740992")) },
	{ "id: beyond 2^64", REFUSE_ID, S(ID("18446744073709551617")), S(ID("1844674407370955")) },
	{ "id: minus zero", REFUSE_ID, S(ID("-0")), S(ID("0")) },
	{ "id: true", REFUSE_ID, S(ID("true")), S(ID("\"true\"")) },
	{ "id: null", REFUSE_ID, S(ID("null")), S(ID("\"null\"")) },
	{ "id: an object", REFUSE_ID, S(ID("{}")), S(ID("\"{}\"")) },
	{ "id: an array", REFUSE_ID, S(ID("[1]")), S(ID("\"[1]\"")) },
	{ "id: 256 bytes", REFUSE_ID, S(ID("\"" TEN(TEN("x")) TEN(TEN("x")) TEN("12345") "123456\"")),
	  S(ID("\"" TEN(TEN("x")) TEN(TEN("x")) TEN("12345") "12345\"")) },
	{ "id: a NUL", REFUSE_ID, S(ID("\"a\\u0000\"")), S(ID("\"a\\u0001\"")) },
	{ "a byte order mark", REFUSE_BOM, S("\357\273\277" PING("")), S(" " PING("")) },
	{ "a byte order mark and a space", REFUSE_BOM, S("\357\273\277 " PING("")), S(WITH("\"\357\273\277\"")) },
	{ "a batch", REFUSE_NOT_OBJECT, S("[" PING("") "]"), S(PING("")) },
	{ "an empty batch", REFUSE_NOT_OBJECT, S("[]"), S(PING("")) },
	{ "a second object", REFUSE_TRAILING, S(PING("") PING("")), S(PING("") " \t") },
	{ "a comma behind", REFUSE_TRAILING, S(PING("") ","), S(PING("") " ") },
	{ "a bracket behind", REFUSE_TRAILING, S(PING("") "}"), S(PING("") "\t") },
	{ "a comment behind", REFUSE_TRAILING, S(PING("") "// x"), S(PING("")) },
	{ "a NUL behind", REFUSE_CONTROL, S(PING("") "\0"), S(PING("") " ") },
	{ "a NUL behind a number", REFUSE_CONTROL, S("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1\0}"), S("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1 }") },
	/* ---- RFC 8259 ---- */
	{ "a NUL in a string", REFUSE_CONTROL, S(WITH("\"a\0b\"")), S(WITH("\"a\\u0000b\"")) },
	{ "a tab in a string", REFUSE_CONTROL, S(WITH("\"a\tb\"")), S(WITH("\"a\\tb\"")) },
	{ "0x1f in a string", REFUSE_CONTROL, S(WITH("\"a\037b\"")), S(WITH("\"a\177b\"")) },
	{ "a vertical tab between tokens", REFUSE_CONTROL, S(WITH("\v1")), S(WITH(" 1")) },
	{ "a no-break space between tokens", REFUSE_NOT_JSON, S(WITH("\302\2401")), S(WITH(" 1")) },
	{ "a newline inside", REFUSE_CONTROL, S(WITH("\n1")), S(WITH(" 1")) },
	{ "single quotes", REFUSE_NOT_JSON, S(WITH("'a'")), S(WITH("\"'a'\"")) },
	{ "a bare key", REFUSE_NOT_JSON, S(WITH("{a:1}")), S(WITH("{\"a\":1}")) },
	{ "a number as key", REFUSE_NOT_JSON, S(WITH("{1:1}")), S(WITH("{\"1\":1}")) },
	{ "a comma too many in an object", REFUSE_NOT_JSON, S(WITH("{\"a\":1,}")), S(WITH("{\"a\":1}")) },
	{ "a comma too many in an array", REFUSE_NOT_JSON, S(WITH("[1,]")), S(WITH("[1,1]")) },
	{ "a comma first", REFUSE_NOT_JSON, S(WITH("[,1]")), S(WITH("[1]")) },
	{ "no comma", REFUSE_NOT_JSON, S(WITH("[1 1]")), S(WITH("[1 ,1]")) },
	{ "no colon", REFUSE_NOT_JSON, S(WITH("{\"a\" 1}")), S(WITH("{\"a\" :1}")) },
	{ "no value", REFUSE_NOT_JSON, S(WITH("{\"a\":}")), S(WITH("{\"a\":{}}")) },
	{ "the wrong bracket", REFUSE_NOT_JSON, S(WITH("[1}")), S(WITH("[1]")) },
	{ "the wrong bracket for an empty one", REFUSE_NOT_JSON, S(WITH("{]")), S(WITH("{}")) },
	{ "a comment", REFUSE_NOT_JSON, S(WITH("/**/1")), S(WITH("\"/**/1\"")) },
	{ "NaN", REFUSE_NOT_JSON, S(WITH("NaN")), S(WITH("null")) },
	{ "Infinity", REFUSE_NOT_JSON, S(WITH("-Infinity")), S(WITH("-1e999")) },
	{ "True", REFUSE_NOT_JSON, S(WITH("True")), S(WITH("true")) },
	{ "a word cut", REFUSE_NOT_JSON, S(WITH("fals")), S(WITH("false")) },
	{ "a word too long", REFUSE_NOT_JSON, S(WITH("nulll")), S(WITH("null")) },
	{ "a leading zero", REFUSE_NOT_JSON, S(WITH("01")), S(WITH("10")) },
	{ "a minus and a leading zero", REFUSE_NOT_JSON, S(WITH("-01")), S(WITH("-0.1")) },
	{ "a plus", REFUSE_NOT_JSON, S(WITH("+1")), S(WITH("1e+1")) },
	{ "a bare minus", REFUSE_NOT_JSON, S(WITH("-")), S(WITH("-1")) },
	{ "no digit before the point", REFUSE_NOT_JSON, S(WITH(".5")), S(WITH("0.5")) },
	{ "no digit behind the point", REFUSE_NOT_JSON, S(WITH("5.")), S(WITH("5.0E-7")) },
	{ "no digit in the exponent", REFUSE_NOT_JSON, S(WITH("5e+")), S(WITH("5e+0")) },
	{ "hexadecimal", REFUSE_NOT_JSON, S(WITH("0x10")), S(WITH("\"0x10\"")) },
	{ "an unknown escape", REFUSE_NOT_JSON, S(WITH("\"\\x41\"")), S(WITH("\"\\u0041\"")) },
	{ "an escaped single quote", REFUSE_NOT_JSON, S(WITH("\"\\'\"")), S(WITH("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")) },
	{ "three hexadecimal digits", REFUSE_NOT_JSON, S(WITH("\"\\u004\"")), S(WITH("\"\\u004f\"")) },
	{ "a letter that is none", REFUSE_NOT_JSON, S(WITH("\"\\u004g\"")), S(WITH("\"\\u004F\"")) },
	{ "an open string", REFUSE_NOT_JSON, S(PING(",\"a")), S(PING(",\"a\":1")) },
	{ "an open object", REFUSE_NOT_JSON, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\""), S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}") },
	{ "only a bracket", REFUSE_NOT_JSON, S("{"), S(PING("")) },
	{ "a number of 1025 characters", REFUSE_NOT_JSON, S(WITH(TEN(TEN(TEN("1"))) TEN("11") "11111")), S(WITH(TEN(TEN(TEN("1"))) TEN("11") "1111")) },
	/* ---- UTF-8 and surrogates ---- */
	{ "a lone continuation byte", REFUSE_UTF8, S(WITH("\"\200\"")), S(WITH("\"\302\200\"")) },
	{ "a sequence cut by the quote", REFUSE_UTF8, S(WITH("\"\342\202\"")), S(WITH("\"\342\202\254\"")) },
	{ "overlong, two bytes", REFUSE_UTF8, S(WITH("\"\300\257\"")), S(WITH("\"\302\257\"")) },
	{ "overlong, three bytes", REFUSE_UTF8, S(WITH("\"\340\237\277\"")), S(WITH("\"\340\240\200\"")) },
	{ "overlong, four bytes", REFUSE_UTF8, S(WITH("\"\360\217\277\277\"")), S(WITH("\"\360\220\200\200\"")) },
	{ "a surrogate in UTF-8", REFUSE_UTF8, S(WITH("\"\355\240\200\"")), S(WITH("\"\355\237\277\"")) },
	{ "beyond U+10FFFF", REFUSE_UTF8, S(WITH("\"\364\220\200\200\"")), S(WITH("\"\364\217\277\277\"")) },
	{ "0xf5", REFUSE_UTF8, S(WITH("\"\365\200\200\200\"")), S(WITH("\"\363\200\200\200\"")) },
	{ "0xff", REFUSE_UTF8, S(WITH("\"\377\"")), S(WITH("\"\303\277\"")) },
	{ "bad UTF-8 in a key", REFUSE_UTF8, S(WITH("{\"\377\":1}")), S(WITH("{\"\303\277\":1}")) },
	{ "bad UTF-8 behind a backslash", REFUSE_NOT_JSON, S(WITH("\"\\\303\251\"")), S(WITH("\"\303\251\"")) },
	{ "a high surrogate alone", REFUSE_SURROGATE, S(WITH("\"\\ud83d\"")), S(WITH("\"\\ud83d\\ude00\"")) },
	{ "a low surrogate alone", REFUSE_SURROGATE, S(WITH("\"\\ude00\"")), S(WITH("\"\\ue000\"")) },
	{ "a high surrogate twice", REFUSE_SURROGATE, S(WITH("\"\\ud83d\\ud83d\\ude00\"")), S(WITH("\"\\ud83d\\ude00\\ud83d\\ude00\"")) },
	{ "a high surrogate and another escape", REFUSE_SURROGATE, S(WITH("\"\\ud83d\\n\\ude00\"")), S(WITH("\"\\ud83d\\ude00\\n\"")) },
	{ "a high surrogate and text", REFUSE_SURROGATE, S(WITH("\"\\ud83dx\\ude00\"")), S(WITH("\"x\\ud83d\\ude00\"")) },
	{ "surrogates the wrong way round", REFUSE_SURROGATE, S(WITH("\"\\ude00\\ud83d\"")), S(WITH("\"\\uDBFF\\uDFFF\"")) },
	{ "a surrogate in a key", REFUSE_SURROGATE, S(WITH("{\"\\ud83d\":1}")), S(WITH("{\"\\ud83d\\ude00\":1}")) },
	/* ---- JSON-RPC ---- */
	{ "no version", REFUSE_NOT_JSONRPC, S("{\"id\":7,\"method\":\"a\"}"), S("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\"}") },
	{ "version 1.0", REFUSE_NOT_JSONRPC, S("{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"a\"}"), S("{\"jsonrpc\":\"\\u0032.0\",\"id\":7,\"method\":\"a\"}") },
	{ "the version as a number", REFUSE_NOT_JSONRPC, S("{\"jsonrpc\":2.0,\"id\":7,\"method\":\"a\"}"), S("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\"}") },
	{ "no method, result or error", REFUSE_NOT_JSONRPC, S(ANSWER("\"x\":1")), S(ANSWER("\"result\":1")) },
	{ "an empty object", REFUSE_NOT_JSONRPC, S("{}"), S(PING("")) },
	{ "method and result", REFUSE_NOT_JSONRPC, S(PING(",\"result\":{}")), S(PING(",\"rezult\":{}")) },
	{ "method and error", REFUSE_NOT_JSONRPC, S(PING(",\"error\":{}")), S(PING(",\"errors\":{}")) },
	{ "result and error", REFUSE_NOT_JSONRPC, S(ANSWER("\"result\":1,\"error\":{}")), S(ANSWER("\"result\":{\"error\":{}}")) },
	{ "a result without id", REFUSE_NOT_JSONRPC, S("{\"jsonrpc\":\"2.0\",\"result\":1}"), S("{\"jsonrpc\":\"2.0\",\"error\":{}}") },
	{ "an error that is no object", REFUSE_NOT_JSONRPC, S(ANSWER("\"error\":\"no\"")), S(ANSWER("\"error\":{}")) },
	{ "parameters by place", REFUSE_NOT_JSONRPC, S(PING(",\"params\":[1]")), S(PING(",\"params\":null")) },
	{ "parameters that are a string", REFUSE_NOT_JSONRPC, S(PING(",\"params\":\"{}\"")), S(PING(",\"params\":{}")) },
	{ "a method that is no string", REFUSE_METHOD, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}"), S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"1\"}") },
	{ "an empty method", REFUSE_METHOD, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}"), S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"/\"}") },
	{ "a method with a space", REFUSE_METHOD, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call \"}"), S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}") },
	{ "a method with a NUL", REFUSE_METHOD, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000\"}"), S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a0\"}") },
	{ "a method beyond ASCII", REFUSE_METHOD, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\303\251\"}"), S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"~\"}") },
	{ "a method of 128 bytes", REFUSE_METHOD, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" TEN(TEN("x")) TEN("ab") "12345678\"}"),
	  S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" TEN(TEN("x")) TEN("ab") "1234567\"}") },
	{ "a tool's name of 256 bytes", REFUSE_METHOD, S(CALL("{\"name\":\"" TEN(TEN("x")) TEN(TEN("x")) TEN("12345") "123456\"}")),
	  S(CALL("{\"name\":\"" TEN(TEN("x")) TEN(TEN("x")) TEN("12345") "12345\"}")) },
	{ "a tool's name with a NUL", REFUSE_METHOD, S(CALL("{\"name\":\"safe\\u0000\"}")), S(PING(",\"params\":{\"name\":\"safe\\u0000\"}")) },
};

static void every_rule(void)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const struct rule *rule = &rules[i];
		enum frame_event event = scan_span(rule->bad);
		if (!ok(event == FRAME_REFUSED && r.why == rule->why, "refused: %s", rule->what))
			diag("event %d, why %d, should be %d: %s", (int)event, event == FRAME_REFUSED ? (int)r.why : -1,
			     (int)rule->why, event == FRAME_REFUSED ? r.detail : "");
		event = scan_span(rule->good);
		if (!ok(event == FRAME_MESSAGE, "its twin is accepted: %s", rule->what))
			diag("event %d: %s", (int)event, event == FRAME_REFUSED ? r.detail : "");
	}
}

static void not_messages(void)
{
	static const struct span noise[] = {
		S("Server running on stdio"), S("\"text\""), S("17"), S("null"), S("\0" PING("")), S("\x1b[1m{}"), S("\357\273\277"),
		S("\357\273"), S("\357\273{}"), S("\357\273\277\357\273\277" PING("")), S("\376\377{}"), S("\302\240" PING("")),
		S("<" PING("")), S("data: " PING("")), S("\v{}"),
	};
	static const struct span blank[] = { S(""), S(" "), S("\t \t"), S("\r"), S(" \r\r ") };

	for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
		is_int(scan_span(noise[i]), FRAME_NOISE, "no JSON object at all, %zu", i);
		is_mem(r.text.p, r.text.n, noise[i].p, noise[i].n, "its text, %zu", i);
	}
	for (size_t i = 0; i < sizeof blank / sizeof *blank; i++)
		is_int(scan_span(blank[i]), FRAME_BLANK, "blank, %zu", i);
}

/* Lines as deep, and of as many keys, as the limits say; and one more. */
static void limits_hold(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);
	struct frame_limits small = { .message = 1 << 20, .depth = 5, .keys = 20 };

	for (unsigned depth = 127; depth <= 128; depth++) {
		buf_clear(&b);
		buf_puts(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"x\":");
		for (unsigned i = 0; i < depth; i++)
			buf_putc(&b, '[');
		buf_puts(&b, "\"]\\\"}\"");
		for (unsigned i = 0; i < depth; i++)
			buf_putc(&b, ']');
		buf_puts(&b, ",\"id\":9}");
		is_int(scan(buf_str(&b)), depth == 127 ? FRAME_MESSAGE : FRAME_REFUSED, "%u levels by default", depth + 1);
		if (depth == 128) {
			is_int(r.why, REFUSE_DEPTH, "one level too many");
			is_int(r.id.integer, 9, "the id behind what is too deep");
			ok(r.kind_known && r.kind == MESSAGE_REQUEST, "and the kind");
		}
	}
	is_int(frame_scan_line(&small, SPAN(WITH("[[[]]]")), &m, &r), FRAME_MESSAGE, "5 levels of 5");
	is_int(frame_scan_line(&small, SPAN(WITH("[[[[]]]]")), &m, &r), FRAME_REFUSED, "6 levels of 5");
	is_int(r.why, REFUSE_DEPTH, "too deep");

	for (int n = 16; n <= 17; n++) {
		buf_clear(&b);
		buf_puts(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":9,\"x\":{");
		for (int i = 0; i < n; i++)
			buf_printf(&b, "%s\"k%d\":{}", i ? "," : "", i);
		/* Keys of objects that are closed do not count. */
		buf_puts(&b, "},\"y\":[{\"a\":1},{\"a\":1},{\"a\":1,\"b\":1}]}");
		is_int(frame_scan_line(&small, buf_span(&b), &m, &r), n == 16 ? FRAME_MESSAGE : FRAME_REFUSED,
		       "%d open keys of 20", n + 4);
	}
	is_int(r.why, REFUSE_TOO_MANY_KEYS, "too many keys");
}

/* Few keys are compared in pairs, many are sorted: a duplicate at every distance, in objects of every size. */
static void duplicates_everywhere(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);
	static const int sizes[] = { 2, 3, 15, 16, 17, 18, 33, 64, 300 };
	int missed = 0, wrong = 0, tried = 0;

	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		int n = sizes[s];
		for (int first = -1; first < n - 1; first += n > 20 ? 7 : 1) {
			for (int second = first + 1; second < n; second += n > 20 ? 5 : 1) {
				buf_clear(&b);
				buf_puts(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"x\":{");
				for (int i = 0; i < n; i++) {
					bool twice = first >= 0 && i == second;
					buf_printf(&b, "%s\"%s%d\":[{}]", i ? "," : "", twice ? "\\u006b" : "k", twice ? first : i);
				}
				buf_puts(&b, "}}");
				enum frame_event event = scan_span(buf_span(&b));
				tried++;
				if (first < 0)
					wrong += event != FRAME_MESSAGE;
				else
					missed += event != FRAME_REFUSED || r.why != REFUSE_DUPLICATE_KEY;
			}
		}
	}
	diag("%d objects", tried);
	is_int(missed, 0, "no duplicate is missed");
	is_int(wrong, 0, "no object without one is refused");
}

static void kinds(void)
{
	is_int(scan(PING("")), FRAME_MESSAGE, "a request");
	is_int(m.kind, MESSAGE_REQUEST, "its kind");
	is_str(m.method, "ping", "its method");
	is_int(m.id.type, ID_INTEGER, "its id's type");
	is_int(m.id.integer, 7, "its id");
	is_span(m.id_raw, "7", "its id's token");
	ok(m.params.n == 0 && m.result.n == 0 && m.error.n == 0 && m.arguments.n == 0, "nothing else");
	ok(!m.has_name && !m.modern && m.name[0] == '\0' && m.request_id.type == ID_NONE, "no tool");

	is_int(scan("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"\\u0061b\",\"reason\":\"x\"}}"),
	       FRAME_MESSAGE, "a notification");
	is_int(m.kind, MESSAGE_NOTIFICATION, "its kind");
	is_int(m.id.type, ID_NONE, "no id");
	is_int(m.request_id.type, ID_STRING, "whose request");
	is_str(m.request_id.text, "ab", "the request's id, decoded");
	is_span(m.params, "{\"requestId\":\"\\u0061b\",\"reason\":\"x\"}", "its parameters");

	is_int(scan("{ \"id\" : \"\\u0031\\ud83d\\ude00\" , \"result\" : [ 1 ] , \"jsonrpc\" : \"2.0\" }"), FRAME_MESSAGE, "a result");
	is_int(m.kind, MESSAGE_RESULT, "its kind");
	is_int(m.id.type, ID_STRING, "an id that is a string");
	is_str(m.id.text, "1\360\237\230\200", "decoded");
	is_int(m.id.length, 5, "its length");
	is_span(m.id_raw, "\"\\u0031\\ud83d\\ude00\"", "as it was written");
	is_span(m.result, "[ 1 ]", "the result");
	is_str(m.method, "", "no method");

	is_int(scan("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-1,\"message\":\"no\"}}"), FRAME_MESSAGE, "an error without an id");
	is_int(m.kind, MESSAGE_ERROR, "its kind");
	is_span(m.error, "{\"code\":-1,\"message\":\"no\"}", "the error");
	is_int(m.id.type, ID_NONE, "no id");

	is_int(scan("{\"jsonrpc\":\"2.0\",\"id\":-3,\"result\":null}"), FRAME_MESSAGE, "a result that is null");
	is_span(m.result, "null", "its value");
	is_int(m.id.integer, -3, "a negative id");
}

static void calls(void)
{
	is_int(scan(CALL("{\"name\":\"\\u0072ead_\\u00e9\",\"arguments\":{\"a\":[1,{\"name\":\"no\"}],\"method\":\"x\"},\"_meta\":{"
			 "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}")),
	       FRAME_MESSAGE, "a call");
	ok(m.has_name, "with a name");
	is_str(m.name, "read_\303\251", "the name, decoded");
	is_span(m.arguments, "{\"a\":[1,{\"name\":\"no\"}],\"method\":\"x\"}", "the arguments");
	ok(m.modern, "of the modern era");
	ok(spans_inside(&m), "spans inside the line");
	is_span(m.line, CALL("{\"name\":\"\\u0072ead_\\u00e9\",\"arguments\":{\"a\":[1,{\"name\":\"no\"}],\"method\":\"x\"},\"_meta\":{"
			     "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}"), "the line, as it was");

	is_int(scan(CALL("{\"arguments\":{\"name\":\"x\"}}")), FRAME_MESSAGE, "a call without a name");
	ok(!m.has_name && m.name[0] == '\0', "has none, though its arguments have");
	is_int(scan(CALL("{\"name\":17}")), FRAME_MESSAGE, "a name that is a number");
	ok(!m.has_name, "is none");
	is_int(scan(CALL("{\"name\":\"a\",\"arguments\":null}")), FRAME_MESSAGE, "arguments that are null");
	is_span(m.arguments, "null", "their value");
	is_int(scan(CALL("{\"name\":\"a\",\"arguments\":{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":1}}}")),
	       FRAME_MESSAGE, "a version in the arguments");
	ok(!m.modern, "does not make it modern");
	is_int(scan(PING(",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":1}")), FRAME_MESSAGE, "a version at the top");
	ok(!m.modern, "neither");
	is_int(scan("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{\"requestId\":1.5}}"), FRAME_MESSAGE, "a requestId that is none");
	is_int(m.request_id.type, ID_NONE, "is not taken");
}

static void id_of(const char *line, const char *want, int kind, const char *what)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);

	is_int(scan(line), FRAME_REFUSED, "refused: %s", what);
	put_id(&b, "id", &r.id);
	is_str(buf_str(&b), want, "the id of: %s", what);
	is_int(r.kind_known ? (int)r.kind : -1, kind, "the kind of: %s", what);
}

/* What can be told of a refused message, so that its sender can be answered. */
static void recovered(void)
{
	id_of("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"a\",\"params\":{\"x\":\"\377\"}}", " id=5", MESSAGE_REQUEST, "bad text behind the id");
	is_str(r.method, "a", "the method, too");
	id_of("{\"params\":{\"x\":\"\377\"},\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"a\"}", " id=5", MESSAGE_REQUEST, "bad text before the id");
	id_of("{\"params\":{\"x\":1,\"x\":2},\"method\":\"a\",\"id\":\"q\"}", " id='q'", MESSAGE_REQUEST, "a duplicate before the id");
	id_of("{\"id\":5,\"method\":\"a\",\"x\":tru}", " id=5", MESSAGE_REQUEST, "lost structure behind the id");
	id_of("{\"x\":tru,\"id\":5,\"method\":\"a\"}", " id=", -1, "lost structure before the id");
	id_of("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"x\":tru", " id=", -1, "lost structure, where an id may have followed");
	id_of("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":[]}", " id=", MESSAGE_NOTIFICATION, "a notification");
	id_of("{\"id\":5,\"id\":6,\"method\":\"a\"}", " id=", MESSAGE_REQUEST, "two ids");
	id_of("{\"id\":5,\"i\\u0064\":5,\"method\":\"a\"}", " id=", MESSAGE_REQUEST, "two ids, one escaped");
	id_of("{\"id\":null,\"method\":\"a\"}", " id=", MESSAGE_REQUEST, "an id that is none");
	id_of("{\"id\":1.5,\"jsonrpc\":\"2.0\",\"result\":{}}", " id=", MESSAGE_RESULT, "a reply with an id that is none");
	id_of("{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"x\":\"\\ud800\"}}", " id=5", MESSAGE_RESULT, "a reply with bad text");
	id_of("{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"a\":1,\"a\":1}}", " id=5", MESSAGE_ERROR, "an error with a duplicate");
	id_of("{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":5", " id=5", MESSAGE_RESULT, "an open object, its id the last");
	id_of("{\"jsonrpc\":\"2.0\",\"x\":{\"id\":5,\"method\":\"a\"},\"y\":\t\v", " id=", -1, "an id that is another object's");
	id_of("{\"id\":5,\"method\":\"a\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"x\"},\"a\":1,\"a\":1}}", " id=5",
	      MESSAGE_REQUEST, "one of the modern era");
	ok(r.modern, "which is known");

	is_int(scan("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"b\\u001b[1m\":1,\"b\\u001b[1m\":2}"), FRAME_REFUSED, "a key with an escape sequence");
	ok(!strchr(r.detail, 0x1b) && strstr(r.detail, "x1b"), "is shown as plain text: %s", r.detail);
	is_int(scan(PING(",\"Params\":1")), FRAME_REFUSED, "a lookalike");
	is_str(r.detail, "\"Params\" is not \"params\"", "is told by name");
	is_int(r.offset, sizeof PING(",") - 2, "and by its place");
	is_int(r.length, sizeof PING(",\"Params\":1") - 1, "the length of the line");

	for (int why = REFUSE_NONE + 1; why < REFUSE_COUNT_; why++)
		ok(strcmp(refusal_text((enum refusal)why), "refused") != 0, "refusal %d has words of its own", why);
	is_str(refusal_text(REFUSE_COUNT_), "refused", "words for what is no refusal");
}

int main(void)
{
	every_rule();
	not_messages();
	limits_hold();
	duplicates_everywhere();
	kinds();
	calls();
	recovered();
	return done_testing();
}
