/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The index over JSON text: what is JSON, where each value stands, and what is read from it. */
#include "rpc/tree.h"
#include "tests/tap.h"

static const struct {
	const char *text;
	enum tree_status status;
} grammar[] = {
	{ "null", TREE_OK }, { "true", TREE_OK }, { "false", TREE_OK }, { "0", TREE_OK }, { "-0", TREE_OK }, { "12", TREE_OK },
	{ "1.5", TREE_OK }, { "-1.5e+10", TREE_OK }, { "1E5", TREE_OK }, { "1e-5", TREE_OK }, { "0.0", TREE_OK }, { "0e0", TREE_OK },
	{ "1e400", TREE_OK }, { "123456789012345678901234567890", TREE_OK }, { "\"\"", TREE_OK }, { "\"a\"", TREE_OK },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFfFf\"", TREE_OK }, { "\"\\ud800\"", TREE_OK }, { "[]", TREE_OK }, { "{}", TREE_OK },
	{ " [ ] ", TREE_OK }, { "\t{\r\n}\n", TREE_OK }, { "[1]", TREE_OK }, { "[1 , 2]", TREE_OK }, { "[[],{},[{}]]", TREE_OK },
	{ "{\"a\":1}", TREE_OK }, { "{ \"a\" : 1 , \"b\" : [ ] }", TREE_OK }, { "{\"\":{\"\":[null]}}", TREE_OK }, { "\"\177\"", TREE_OK },
	{ "", TREE_BAD_JSON }, { " ", TREE_BAD_JSON }, { "nul", TREE_BAD_JSON }, { "nulll", TREE_BAD_JSON }, { "Null", TREE_BAD_JSON },
	{ "tru", TREE_BAD_JSON }, { "True", TREE_BAD_JSON }, { "NaN", TREE_BAD_JSON }, { "Infinity", TREE_BAD_JSON }, { "-", TREE_BAD_JSON },
	{ "+1", TREE_BAD_JSON }, { "01", TREE_BAD_JSON }, { "-01", TREE_BAD_JSON }, { "00", TREE_BAD_JSON }, { "1.", TREE_BAD_JSON },
	{ ".5", TREE_BAD_JSON }, { "1e", TREE_BAD_JSON }, { "1e+", TREE_BAD_JSON }, { "1.e5", TREE_BAD_JSON }, { "0x10", TREE_BAD_JSON },
	{ "1 2", TREE_BAD_JSON }, { "1,", TREE_BAD_JSON }, { "--1", TREE_BAD_JSON }, { "1a", TREE_BAD_JSON }, { "-a", TREE_BAD_JSON },
	{ "[1]]", TREE_BAD_JSON }, { "[", TREE_BAD_JSON }, { "]", TREE_BAD_JSON }, { "[1", TREE_BAD_JSON }, { "[1,", TREE_BAD_JSON },
	{ "[1,]", TREE_BAD_JSON }, { "[,1]", TREE_BAD_JSON }, { "[,]", TREE_BAD_JSON }, { "[1 2]", TREE_BAD_JSON }, { "[1}", TREE_BAD_JSON },
	{ "[1:2]", TREE_BAD_JSON }, { "[01]", TREE_BAD_JSON }, { "{", TREE_BAD_JSON }, { "}", TREE_BAD_JSON }, { "{]", TREE_BAD_JSON },
	{ "[}", TREE_BAD_JSON }, { "{\"a\"}", TREE_BAD_JSON }, { "{\"a\":}", TREE_BAD_JSON }, { "{\"a\":1,}", TREE_BAD_JSON },
	{ "{,}", TREE_BAD_JSON }, { "{a:1}", TREE_BAD_JSON }, { "{1:1}", TREE_BAD_JSON }, { "{'a':1}", TREE_BAD_JSON },
	{ "{\"a\":1 \"b\":2}", TREE_BAD_JSON }, { "{\"a\",1}", TREE_BAD_JSON }, { "{\"a\":1,2}", TREE_BAD_JSON }, { "{\"a\"::1}", TREE_BAD_JSON },
	{ "{\"a\":1]", TREE_BAD_JSON }, { "{{}}", TREE_BAD_JSON }, { "{[]:1}", TREE_BAD_JSON }, { "{null:1}", TREE_BAD_JSON },
	{ "'a'", TREE_BAD_JSON }, { "\"", TREE_BAD_JSON }, { "\"a", TREE_BAD_JSON }, { "\"\\\"", TREE_BAD_JSON }, { "\"\\x\"", TREE_BAD_JSON },
	{ "\"\\u12\"", TREE_BAD_JSON }, { "\"\\u12g4\"", TREE_BAD_JSON }, { "\"\\U1234\"", TREE_BAD_JSON }, { "\"\\", TREE_BAD_JSON },
	{ "\"\\u\"", TREE_BAD_JSON }, { "\"a\nb\"", TREE_BAD_JSON }, { "\"\t\"", TREE_BAD_JSON }, { "\"\x1f\"", TREE_BAD_JSON },
	{ "\"a\"b", TREE_BAD_JSON }, { "/**/1", TREE_BAD_JSON }, { "1 // c", TREE_BAD_JSON }, { "\v1", TREE_BAD_JSON }, { "\f1", TREE_BAD_JSON },
	{ "\302\2401", TREE_BAD_JSON }, { "\357\273\2771", TREE_BAD_JSON }, { "[1,\v2]", TREE_BAD_JSON }, { "undefined", TREE_BAD_JSON },
};

static enum tree_status status_of(struct span text)
{
	struct tree t = { 0 };
	enum tree_status status = tree_parse(&t, text, 0);

	if (status != TREE_OK && t.n != 0)
		status = (enum tree_status)-1;
	tree_free(&t);
	return status;
}

/* In memory of its own size, for a sanitizer to see what is read behind it. */
static enum tree_status status_of_copy(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	if (!copy)
		bail_out("out of memory");
	memcpy(copy, text, n);
	enum tree_status status = status_of((struct span){ copy, n });
	free(copy);
	return status;
}

static void test_grammar(void)
{
	for (size_t i = 0; i < sizeof grammar / sizeof *grammar; i++)
		is_int(status_of_copy(grammar[i].text, strlen(grammar[i].text)), grammar[i].status, "%s", grammar[i].text);
	is_int(status_of_copy("1\0", 2), TREE_BAD_JSON, "a NUL behind a number");
	is_int(status_of_copy("\"\0\"", 3), TREE_BAD_JSON, "a NUL in a string");
	is_int(status_of_copy("[1\0]", 4), TREE_BAD_JSON, "a NUL between tokens");
}

static const char example[] = "{\"name\": \"caf\\u00e9 \\ud83d\\ude00\", \"list\": [1, -2.50e3, [], {}, [true, [false, null]]],"
			      " \"a/b~c\": {\"\": {\"x\": \"\303\251\"}}, \"esc\\\"aped\" : \"\\b\\f\\n\\r\\t\\/\\\\\\\"\" }";

static void test_prefixes(void)
{
	size_t n = sizeof example - 1, wrong = 0;

	for (size_t i = 0; i < n; i++)
		if (status_of_copy(example, i) != TREE_BAD_JSON)
			wrong++;
	is_int(wrong, 0, "no prefix of a text is JSON");
	is_int(status_of_copy(example, n), TREE_OK, "the text is");
	for (size_t i = 0; i < n; i++)
		status_of_copy(example + i, n - i);
	char changed[sizeof example];
	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < 256; c++) {
			memcpy(changed, example, n);
			changed[i] = (char)c;
			status_of_copy(changed, n);
		}
	pass("nor does any suffix or change of one byte do harm");
}

/* Every node lies in its container, after the node before it, and `next` skips what is in it. */
static bool sound(const struct tree *t, uint32_t i, uint32_t end)
{
	if (i >= t->n || t->v[i].next <= i || t->v[i].next > end || t->v[i].start >= t->v[i].end || t->v[i].end > t->text.n)
		return false;
	if (t->v[i].type != TREE_ARRAY && t->v[i].type != TREE_OBJECT)
		return t->v[i].next == i + 1;
	uint32_t at = t->v[i].start + 1, k = tree_first(t, i), items = 0;
	for (; k < t->v[i].next; k = t->v[k].next, items++) {
		if (!sound(t, k, t->v[i].next) || t->v[k].start < at || t->v[k].end > t->v[i].end - 1)
			return false;
		if (t->v[i].type == TREE_OBJECT && items % 2 == 0 && t->v[k].type != TREE_STRING)
			return false;
		at = t->v[k].end;
	}
	return k == t->v[i].next && (t->v[i].type == TREE_ARRAY ? items : items / 2) == tree_count(t, i) &&
	       (t->v[i].type == TREE_ARRAY || items % 2 == 0);
}

static void test_structure(void)
{
	struct tree t = { 0 };

	is_int(tree_parse(&t, SPAN(example), 0), TREE_OK, "an example");
	ok(sound(&t, 0, t.n) && t.v[0].next == t.n, "its nodes are where they belong");
	is_int(t.n, 22, "its values and keys");
	is_int(tree_count(&t, 0), 4, "its members");
	uint32_t list = tree_member(&t, 0, "list");
	is_int(tree_count(&t, list), 5, "items of its list");
	is_span(tree_raw(&t, list), "[1, -2.50e3, [], {}, [true, [false, null]]]", "the list's text");
	is_span(tree_raw(&t, tree_item(&t, list, 1)), "-2.50e3", "a number stays the token it was");
	is_int(t.v[tree_item(&t, list, 4)].type, TREE_ARRAY, "the last item");
	is_int(tree_item(&t, list, 5), TREE_NONE, "there is none behind it");
	is_int(tree_item(&t, list, UINT32_MAX), TREE_NONE, "nor far behind it");
	is_int(tree_item(&t, 0, 0), TREE_NONE, "an object has no items");
	is_int(tree_member(&t, list, "list"), TREE_NONE, "a list has no members");
	is_int(tree_member(&t, TREE_NONE, "list"), TREE_NONE, "nor has nothing");
	is_int(tree_member(&t, 0, "nam"), TREE_NONE, "a key that begins the same");
	is_int(tree_member(&t, 0, "names"), TREE_NONE, "a key that goes on");
	is_int(tree_member(&t, 0, ""), TREE_NONE, "an empty key that is not there");
	uint32_t odd = tree_member(&t, 0, "a/b~c");
	ok(odd != TREE_NONE && tree_member(&t, odd, "") != TREE_NONE, "an empty key that is there");
	uint32_t escaped = tree_member(&t, 0, "esc\"aped");
	ok(escaped != TREE_NONE && tree_is(&t, escaped, TREE_STRING), "a key with an escape, by what it means");
	is_int(tree_member(&t, 0, "esc\\\"aped"), TREE_NONE, "and not by how it is written");
	ok(tree_string_is(&t, escaped, "\b\f\n\r\t/\\\""), "all short escapes");
	ok(!tree_string_is(&t, escaped, "\b\f\n\r\t/\\"), "a text that is shorter");
	ok(!tree_string_is(&t, escaped, "\b\f\n\r\t/\\\"x"), "a text that is longer");
	ok(!tree_string_is(&t, list, "list") && !tree_string_is(&t, TREE_NONE, ""), "what is no string is no text");
	uint32_t name = tree_member(&t, 0, "name");
	ok(t.v[name].escaped && !t.v[name].wide, "a string with escapes and no wide bytes");
	uint32_t wide = tree_member(&t, tree_member(&t, odd, ""), "x");
	ok(!t.v[wide].escaped && t.v[wide].wide, "a string with wide bytes and no escapes");
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	is_span(tree_string_span(&t, name, &scratch), "caf\303\251 \360\237\230\200", "escapes of characters");
	struct span plain = tree_string_span(&t, wide, &scratch);
	ok(plain.p > example && plain.p < example + sizeof example, "a string without escapes is not copied");
	is_int(tree_parse(&t, SPAN("[1"), 0), TREE_BAD_JSON, "used again for text that is none");
	is_int(t.n, 0, "it has no nodes then");
	is_int(tree_parse(&t, SPAN("7"), 0), TREE_OK, "and again");
	ok(t.n == 1 && t.v[0].start == 0 && t.v[0].end == 1, "for a single value");
	tree_free(&t);
	ok(!t.v && t.n == 0, "freed");
}

static const struct {
	const char *text, *decoded;
} strings[] = {
	{ "\"\"", "" }, { "\"a\"", "a" }, { "\"\\u0041\"", "A" }, { "\"\\u00e9\"", "\303\251" }, { "\"\\u20AC\"", "\342\202\254" },
	{ "\"\\ud83d\\ude00\"", "\360\237\230\200" }, { "\"\\uD83D\\uDE00!\"", "\360\237\230\200!" }, { "\"\\ud83d\"", "\357\277\275" },
	{ "\"\\ude00\"", "\357\277\275" }, { "\"\\ud83dx\"", "\357\277\275x" }, { "\"\\ud83d\\u0041\"", "\357\277\275A" },
	{ "\"\\ud83d\\ud83d\\ude00\"", "\357\277\275\360\237\230\200" }, { "\"\\ude00\\ud83d\"", "\357\277\275\357\277\275" },
	{ "\"\\uffff\\ufffe\"", "\357\277\277\357\277\276" }, { "\"\\u007f\\u0080\\u07ff\\u0800\"", "\177\302\200\337\277\340\240\200" },
	{ "\"\\udbff\\udfff\\ud800\\udc00\"", "\364\217\277\277\360\220\200\200" }, { "\"x\\\\u0041\"", "x\\u0041" },
	{ "\"\\\\\\\\\"", "\\\\" }, { "\"\\/a\\/\"", "/a/" }, { "\"a\\nb\"", "a\nb" }, { "\"\\ud83d\\\\ude00\"", "\357\277\275\\ude00" },
	{ "\"\\ud83d\\n\"", "\357\277\275\n" },
};

static void test_strings(void)
{
	struct tree t = { 0 };

	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		CLEANUP_BUF struct buf out = BUF_INIT(0), scratch = BUF_INIT(0);
		tree_parse(&t, span_of(strings[i].text), 0);
		tree_string(&t, 0, &out);
		is_span(buf_span(&out), strings[i].decoded, "%s decoded", strings[i].text);
		ok(span_is(tree_string_span(&t, 0, &scratch), strings[i].decoded) && tree_string_is(&t, 0, strings[i].decoded),
		   "%s in other ways", strings[i].text);
	}
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	tree_parse(&t, SPAN("{\"a\\u0000b\": \"\\u0000\"}"), 0);
	tree_string(&t, 2, &out);
	is_mem(out.p, out.n, "\0", 1, "a NUL by its escape");
	ok(tree_member_span(&t, 0, (struct span){ "a\0b", 3 }) == 2 && tree_member(&t, 0, "a") == TREE_NONE, "a key with a NUL");
	tree_free(&t);
}

static const struct {
	const char *text;
	uint64_t max, value;
	bool whole;
} wholes[] = {
	{ "0", 0, 0, true }, { "0", UINT64_MAX, 0, true }, { "-0", 10, 0, true }, { "-0.0", 10, 0, true }, { "0.0", 0, 0, true },
	{ "0e99999999999999999999", 0, 0, true }, { "0.000e-99999999999999999999", 5, 0, true }, { "1", 0, 0, false }, { "1", 1, 1, true },
	{ "2", 1, 0, false }, { "9", 9, 9, true }, { "9", 8, 0, false }, { "10", 9, 0, false }, { "10", 10, 10, true }, { "11", 10, 0, false },
	{ "1.0", 5, 1, true }, { "1.000", 5, 1, true }, { "1.5", 5, 0, false }, { "0.5", 5, 0, false }, { "5e-1", 5, 0, false },
	{ "50e-1", 5, 5, true }, { "1e3", 1000, 1000, true }, { "1e3", 999, 0, false }, { "1E+3", 1000, 1000, true }, { "1.5e1", 99, 15, true },
	{ "1.55e1", 99, 0, false }, { "1.55e2", 999, 155, true }, { "12.50e1", 999, 125, true }, { "0.0001e4", 9, 1, true }, { "0.001e2", 9, 0, false },
	{ "100e-2", 9, 1, true }, { "100e-3", 9, 0, false }, { "1200e-2", 99, 12, true }, { "-1", 9, 0, false }, { "-1e-400", 9, 0, false },
	{ "1e-400", 9, 0, false }, { "1e400", UINT64_MAX, 0, false }, { "1e19", UINT64_MAX, 10000000000000000000u, true }, { "1e20", UINT64_MAX, 0, false },
	{ "18446744073709551615", UINT64_MAX, UINT64_MAX, true }, { "18446744073709551616", UINT64_MAX, 0, false },
	{ "18446744073709551614", UINT64_MAX - 1, UINT64_MAX - 1, true }, { "18446744073709551615", UINT64_MAX - 1, 0, false },
	{ "18446744073709551620", UINT64_MAX, 0, false }, { "184467440737095516150", UINT64_MAX, 0, false },
	{ "1.8446744073709551615e19", UINT64_MAX, UINT64_MAX, true }, { "1844674407370955161.5e1", UINT64_MAX, UINT64_MAX, true },
	{ "9007199254740993", UINT64_MAX, 9007199254740993u, true }, { "9007199254740993.0", UINT64_MAX, 9007199254740993u, true },
	{ "1e99999999999999999999", UINT64_MAX, 0, false }, { "1e-99999999999999999999", UINT64_MAX, 0, false },
	{ "4294967296", UINT32_MAX, 0, false }, { "4294967295", UINT32_MAX, UINT32_MAX, true }, { "00", 9, 0, false },
	{ "\"1\"", 9, 0, false }, { "true", 9, 0, false }, { "null", 9, 0, false }, { "[1]", 9, 0, false },
};

static void test_whole(void)
{
	struct tree t = { 0 };

	for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
		uint64_t value = 77;
		bool parsed = tree_parse(&t, span_of(wholes[i].text), 0) == TREE_OK;
		bool whole = parsed && tree_whole(&t, 0, wholes[i].max, &value);
		ok(whole == wholes[i].whole && (!whole || value == wholes[i].value), "%s, at most %llu", wholes[i].text,
		   (unsigned long long)wholes[i].max);
	}
	is_int(tree_parse(&t, SPAN("1"), 0), TREE_OK, "a number");
	uint64_t value;
	ok(!tree_whole(&t, TREE_NONE, 9, &value), "nothing is no number");
	/* Near every power of ten: as it is written, with a point, with an exponent. */
	size_t wrong = 0;
	for (uint64_t power = 1; power; power = power > UINT64_MAX / 10 ? 0 : power * 10)
		for (uint64_t v = power - (power > 1); v <= power + 1; v++) {
			char text[3][64];
			snprintf(text[0], sizeof text[0], "%llu", (unsigned long long)v);
			snprintf(text[1], sizeof text[1], "%llu.00", (unsigned long long)v);
			snprintf(text[2], sizeof text[2], "%llu00E-2", (unsigned long long)v);
			for (int k = 0; k < 3; k++) {
				tree_parse(&t, span_of(text[k]), 0);
				wrong += !tree_whole(&t, 0, v, &value) || value != v || (v > 0 && tree_whole(&t, 0, v - 1, &value));
			}
		}
	is_int(wrong, 0, "all near the powers of ten");
	tree_free(&t);
}

static void test_limits(void)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	struct tree t = { 0 };

	for (int depth = TREE_DEPTH - 1; depth <= TREE_DEPTH + 1; depth++)
		for (int object = 0; object < 2; object++) {
			buf_clear(&text);
			for (int i = 0; i < depth; i++)
				buf_puts(&text, object ? "{\"a\":" : "[");
			buf_puts(&text, "1");
			for (int i = 0; i < depth; i++)
				buf_puts(&text, object ? "}" : "]");
			is_int(tree_parse(&t, buf_span(&text), 0), depth <= TREE_DEPTH ? TREE_OK : TREE_TOO_DEEP, "%d %s", depth,
			       object ? "objects" : "lists");
		}
	buf_clear(&text);
	for (int i = 0; i < 1000000; i++)
		buf_putc(&text, '[');
	is_int(tree_parse(&t, buf_span(&text), 0), TREE_TOO_DEEP, "a million brackets");
	for (uint32_t max = 1; max <= 8; max++)
		is_int(tree_parse(&t, SPAN("[1,{\"a\":[]},2]"), max), max < 6 ? TREE_TOO_MANY : TREE_OK, "six values, at most %u", max);
	ok(t.n == 6, "they are six");
	struct tree fresh = { 0 };
	is_int(tree_parse(&fresh, SPAN("[1,2,3]"), 3), TREE_TOO_MANY, "a limit below the first memory");
	is_int(tree_parse(&fresh, SPAN("[1,2,3]"), 0), TREE_OK, "which is no limit for the next text");
	tree_free(&fresh);
	buf_clear(&text);
	buf_putc(&text, '[');
	for (uint32_t i = 0; i < TREE_NODES - 2; i++)
		buf_puts(&text, "1,");
	buf_puts(&text, "1]");
	is_int(tree_parse(&t, buf_span(&text), 0), TREE_OK, "as many values as there may be");
	is_int(tree_count(&t, 0), TREE_NODES - 1, "they are all there");
	text.n--;
	buf_puts(&text, ",1]");
	is_int(tree_parse(&t, buf_span(&text), 0), TREE_TOO_MANY, "one more");
	tree_free(&t);
	for (int i = TREE_OK; i <= TREE_NO_MEMORY; i++)
		ok(tree_status_text((enum tree_status)i)[0] != '\0', "words for status %d", i);
}

static void test_pointers(void)
{
	static const char *const want[] = {
		"", "/name", "/name", "/list", "/list", "/list/0", "/list/1", "/list/2", "/list/3", "/list/4", "/list/4/0", "/list/4/1",
		"/list/4/1/0", "/list/4/1/1", "/a~1b~0c", "/a~1b~0c", "/a~1b~0c/", "/a~1b~0c/", "/a~1b~0c//x", "/a~1b~0c//x",
		"/esc\"aped", "/esc\"aped",
	};
	struct tree t = { 0 };

	tree_parse(&t, SPAN(example), 0);
	is_int(t.n, sizeof want / sizeof *want, "nodes of the example");
	for (uint32_t i = 0; i < t.n && i < sizeof want / sizeof *want; i++) {
		CLEANUP_BUF struct buf out = BUF_INIT(0);
		tree_pointer(&t, i, &out);
		is_span(buf_span(&out), want[i], "the pointer of value %u", i);
	}
	/* Every pointer leads to where it is from, also from the middle of long lists. */
	CLEANUP_BUF struct buf text = BUF_INIT(0), out = BUF_INIT(0);
	buf_putc(&text, '[');
	for (int i = 0; i < 150; i++)
		buf_printf(&text, "%s{\"k\":[%d,{}]}", i ? "," : "", i);
	buf_putc(&text, ']');
	tree_parse(&t, buf_span(&text), 0);
	size_t wrong = 0;
	for (uint32_t item = 0; item < 150; item++) {
		char expected[32];
		uint32_t k = tree_member(&t, tree_item(&t, 0, item), "k");
		snprintf(expected, sizeof expected, "/%u/k/1", item);
		buf_clear(&out);
		tree_pointer(&t, tree_item(&t, k, 1), &out);
		wrong += !span_is(buf_span(&out), expected);
	}
	is_int(wrong, 0, "pointers into a long list");
	tree_free(&t);
}

int main(void)
{
	test_grammar();
	test_prefixes();
	test_structure();
	test_strings();
	test_whole();
	test_limits();
	test_pointers();
	return done_testing();
}
