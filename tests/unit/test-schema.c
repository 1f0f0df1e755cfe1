/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The validator's own workings: what failures and errors say, limits, numbers, patterns, references, our own keywords. What each
 * keyword of the drafts means is in tests/schema.
 */
#include "rpc/schema-number.h"
#include "rpc/schema-regex.h"
#include "rpc/schema-uri.h"
#include "rpc/schema.h"
#include "tests/tap.h"

static struct schema_failure f;
static struct error err;

static const struct schema_options ours = {
	.formats = true, .policy_keywords = true, .home = "/home/u", .folder = "/srv/w",
};

/* What checking says: 0, 1, -1; -2: the schema is wrong. */
static int check_with(const char *schema, const char *instance, const struct schema_options *options)
{
	struct tree t = { 0 };
	int result = -2;

	f = (struct schema_failure){ 0 };
	if (tree_parse(&t, span_of(instance), 0) != TREE_OK)
		bail_out("no JSON: %s", instance);
	struct schema *s = schema_compile(span_of(schema), options, &err);
	if (s)
		result = schema_check(s, &t, 0, &f);
	schema_free(s);
	tree_free(&t);
	return result;
}

static int check(const char *schema, const char *instance)
{
	return check_with(schema, instance, NULL);
}

/* ---- words ------------------------------------------------------------------------------------ */

static void test_words(void)
{
	static const struct { const char *schema, *instance, *keyword, *pointer, *text; } cases[] = {
		{ "{\"properties\":{\"path\":{\"type\":\"string\"}}}", "{\"path\":1}", "type", "/path",
		  "/path: must be a string, but it is a number" },
		{ "{\"type\":[\"object\",\"null\"]}", "[]", "type", "", "must be an object or null, but it is an array" },
		{ "{\"type\":\"integer\"}", "1.5", "type", "", "must be an integer, but it is a number with a fraction" },
		{ "{\"properties\":{\"mode\":{\"enum\":[\"a\",\"b\"]}}}", "{\"mode\":\"c\"}", "enum", "/mode",
		  "/mode: must be one of \"a\", \"b\"" },
		{ "{\"const\":{\"a\":1}}", "2", "const", "", "must be {\"a\":1}" },
		{ "{\"required\":[\"b\",\"a\",\"c\"]}", "{\"a\":1}", "required", "", "required, but missing: /b, /c" },
		{ "{\"properties\":{\"a\":{},\"b\":{}},\"additionalProperties\":false}", "{\"foo\":1}", "additionalProperties",
		  "/foo", "/foo: is unknown here; known: /a, /b" },
		{ "{\"properties\":{\"a\":{}},\"unevaluatedProperties\":false}", "{\"foo\":1}", "unevaluatedProperties", "/foo",
		  "/foo: is unknown here; known: /a" },
		{ "{\"prefixItems\":[true],\"items\":false}", "[1,2]", "items", "/1", "/1: is one item too many" },
		{ "{\"minimum\":1}", "0.5", "minimum", "", "must be at least 1, but it is 0.5" },
		{ "{\"exclusiveMaximum\":3}", "3", "exclusiveMaximum", "", "must be less than 3, but it is 3" },
		{ "{\"multipleOf\":0.1}", "0.25", "multipleOf", "", "must be a multiple of 0.1, but it is 0.25" },
		{ "{\"maxLength\":1}", "\"ab\"", "maxLength", "", "must have at most 1 character, but it has 2" },
		{ "{\"minItems\":2}", "[1]", "minItems", "", "must have at least 2 items, but it has 1" },
		{ "{\"maxProperties\":0}", "{\"a\":1}", "maxProperties", "", "must have at most 0 members, but it has 1" },
		{ "{\"pattern\":\"^a\"}", "\"b\"", "pattern", "", "must match the regular expression ^a" },
		{ "{\"uniqueItems\":true}", "[1,2,1.0]", "uniqueItems", "/2", "/2: must not repeat an item of its array" },
		{ "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", "dependentRequired", "/a",
		  "/a: with /a there must also be /b" },
		{ "{\"contains\":{\"type\":\"null\"}}", "[1]", "contains", "",
		  "must contain at least 1 item of a certain kind, but it contains 0" },
		{ "{\"propertyNames\":{\"pattern\":\"^a\"}}", "{\"a\":1,\"b\":1}", "propertyNames", "/b",
		  "/b: its name must match the regular expression ^a" },
		{ "{\"propertyNames\":false}", "{\"b\":1}", "propertyNames", "/b", "/b: has a name that is not allowed" },
		{ "{\"not\":{\"type\":\"null\"}}", "null", "not", "", "must not be a value of this kind" },
		{ "{\"properties\":{\"a\":false}}", "{\"a\":1}", "", "/a", "/a: nothing is allowed here" },
		/* Alternatives: their types or values together, or the one that came nearest. */
		{ "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}", "1", "anyOf", "",
		  "must be a string or an array, but it is a number" },
		{ "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}", "[1]", "type", "/0",
		  "/0: must be a string, but it is a number" },
		{ "{\"oneOf\":[{\"const\":\"a\"},{\"const\":\"b\"}]}", "\"c\"", "oneOf", "", "must be one of \"a\", \"b\"" },
		{ "{\"oneOf\":[{\"properties\":{\"k\":{\"const\":\"a\"},\"x\":{\"type\":\"null\"}}},"
		  "{\"properties\":{\"k\":{\"const\":\"b\"}}}]}",
		  "{\"k\":\"a\",\"x\":1}", "type", "/x", "/x: must be null, but it is a number" },
		{ "{\"oneOf\":[true,{\"minimum\":0}]}", "1", "oneOf", "",
		  "must match exactly one of 2 alternatives, but it matches 2" },
		/* Pointers, and hostile text. */
		{ "{\"additionalProperties\":{\"items\":{\"type\":\"null\"}}}", "{\"a/b~\":[null,1]}", "type", "/a~1b~0/1",
		  "/a~1b~0/1: must be null, but it is a number" },
		{ "{\"enum\":[\"x\\ty\\u202e\",\"\xe2\x80\xae!\"]}", "0", "enum", "", "must be one of \"x\\ty\\u202e\", \"!\"" },
		{ "{\"pattern\":\"a\\tb\"}", "\"\"", "pattern", "", "must match the regular expression a b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		is_int(check(cases[i].schema, cases[i].instance), 1, "%s refuses %s", cases[i].schema, cases[i].instance);
		is_str(f.keyword, cases[i].keyword, "by %s", cases[i].keyword);
		is_str(f.pointer, cases[i].pointer, "at \"%s\"", cases[i].pointer);
		is_str(f.text, cases[i].text, "in these words");
		ok(!f.limit, "which is no limit");
	}
}

static void test_bounded_words(void)
{
	CLEANUP_BUF struct buf schema = BUF_INIT(0), instance = BUF_INIT(0);

	buf_puts(&schema, "{\"additionalProperties\":{\"enum\":[");
	for (int i = 0; i < 500; i++)
		buf_printf(&schema, "%s\"\xc3\xa4\xc3\xb6\xe2\x82\xac%d-%0200d\"", i ? "," : "", i, i);
	buf_puts(&schema, "]}}");
	buf_puts(&instance, "{\"");
	for (int i = 0; i < 300; i++)
		buf_puts(&instance, "\xe2\x82\xac");
	buf_puts(&instance, "\":1}");
	is_int(check(buf_str(&schema), buf_str(&instance)), 1, "long names and values fail");
	ok(strlen(f.text) < sizeof f.text && strlen(f.text) > 300, "the text is cut");
	ok(strlen(f.pointer) < sizeof f.pointer && strcmp(f.pointer + strlen(f.pointer) - 3, "...") == 0, "so is the pointer");
	ok((strlen(f.pointer) - 4) % 3 == 0, "between characters");
}

static void test_part_of_a_tree(void)
{
	struct tree t = { 0 };
	struct schema *s = schema_compile(SPAN("{\"properties\":{\"a\":{\"type\":\"null\"}}}"), NULL, &err);

	tree_parse(&t, SPAN("{\"params\":{\"arguments\":{\"a\":1}}}"), 0);
	uint32_t arguments = tree_member(&t, tree_member(&t, 0, "params"), "arguments");
	is_int(schema_check(s, &t, arguments, &f), 1, "a value within a message is checked");
	is_str(f.pointer, "/a", "and pointed at as seen from there");
	is_int(schema_check(s, &t, arguments, NULL), 1, "nobody has to want the words");
	is_int(schema_check(s, &t, 0, &f), 0, "the same schema serves again");
	is_str(f.text, "", "and says nothing when it holds");
	ok(schema_size(s) > 100, "it knows its size");
	schema_free(s);
	tree_free(&t);
}

/* ---- errors in schemas ------------------------------------------------------------------------ */

static void test_errors(void)
{
	static const struct { const char *schema, *text; } cases[] = {
		{ "{", "the schema cannot be read: it is not JSON" },
		{ "[]", "the schema is wrong at its top: must be a schema: an object or a boolean" },
		{ "{\"properties\":{\"a\":{\"type\":\"strin\"}}}", "the schema is wrong at /properties/a/type: must name a type" },
		{ "{\"allOf\":[true,{\"minLength\":-1}]}", "/allOf/1/minLength: must be a whole number that is not negative" },
		{ "{\"$defs\":{\"a/b\":{\"pattern\":\"a(\"}}}",
		  "/$defs/a~1b/pattern: is no regular expression of ECMA-262: a ( without its ) (at byte 2)" },
		{ "{\"$ref\":\"other.json\"}", "at /$ref: refers to other.json, which is not in this schema, and nothing is fetched" },
		{ "{\"$ref\":\"https://example.org/s\"}", "refers to https://example.org/s, which is not in this schema" },
		{ "{\"$ref\":\"file:///etc/passwd\"}", "refers to file:///etc/passwd" },
		{ "{\"$ref\":\"#/$defs/none\"}", "at /$ref: refers to a place that is not there" },
		{ "{\"$ref\":\"#none\"}", "at /$ref: refers to a place that is not there" },
		{ "{\"$ref\":\"#/a%2\"}", "a % is not followed by two hexadecimal digits" },
		{ "{\"items\":[{}]}", "at /items: must be a schema (an array of them is \"prefixItems\" in 2020-12)" },
		{ "{\"$schema\":\"http://example.org/mine\"}", "the dialect http://example.org/mine is none of" },
		{ "{\"$id\":\"http://e.x/#a\"}", "an $id must not have a fragment" },
		{ "{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", "another schema in it has the same anchor" },
		{ "{\"$defs\":{\"a\":{\"$id\":\"x\"},\"b\":{\"$id\":\"x\"}}}", "another schema in it has the same $id" },
		{ "{\"multipleOf\":0}", "at /multipleOf: must be greater than 0" },
		{ "{\"required\":\"a\"}", "at /required: must be an array" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		is_int(check(cases[i].schema, "1"), -2, "%s is refused", cases[i].schema);
		if (!ok(strstr(err.what, cases[i].text) != NULL, "because: %s", cases[i].text))
			diag("%s", err.what);
	}
	ok(!schema_compile(SPAN("{\"type\":1}"), NULL, NULL), "nobody has to want the error");
	struct schema_options few = { .values = 3 };
	is_int(check_with("{\"enum\":[1,2,3]}", "1", &few), -2, "a schema of more values than allowed is refused");
}

/* ---- limits ----------------------------------------------------------------------------------- */

static void repeat(struct buf *b, const char *text, int n)
{
	for (int i = 0; i < n; i++)
		buf_puts(b, text);
}

static void test_loops(void)
{
	is_int(check("{\"$ref\":\"#\"}", "1"), -1, "a reference to itself ends");
	ok(f.limit && strstr(f.text, "refers to itself"), "and says so");
	is_int(check("{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"allOf\":[{\"$ref\":\"#/$defs/a\"}]}},\"$ref\":\"#/$defs/a\"}",
		     "1"),
	       -1, "a loop over two places ends");
	is_int(check("{\"items\":{\"$ref\":\"#\"}}", "[[[[[[]]]]]]"), 0, "a recursive schema is none of that");

	CLEANUP_BUF struct buf schema = BUF_INIT(0);
	buf_puts(&schema, "{\"$defs\":{");
	for (int i = 0; i < 60; i++)
		buf_printf(&schema, "\"%d\":{\"allOf\":[{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"}]},", i, i + 1, i + 1);
	buf_puts(&schema, "\"60\":true},\"$ref\":\"#/$defs/0\"}");
	is_int(check(buf_str(&schema), "1"), -1, "two to the power of sixty is not counted to");
	ok(f.limit && f.text[0], "and it says why");

	CLEANUP_BUF struct buf deep = BUF_INIT(0);
	repeat(&deep, "[", 255);
	repeat(&deep, "]", 255);
	is_int(check("{\"items\":{\"anyOf\":[{\"$ref\":\"#\"},false]}}", buf_str(&deep)), 0, "what may be nested is checked");
}

/* What a large API has, and what nobody has. */
static void test_many_references(void)
{
	CLEANUP_BUF struct buf schema = BUF_INIT(0);

	for (int n = 500; n <= 50000; n *= 100) {
		buf_clear(&schema);
		buf_puts(&schema, "{\"$ref\":\"#/$defs/k0\",\"$defs\":{");
		for (int i = 0; i < n; i++)
			buf_printf(&schema, "%s\"k%d\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/k%d\"}}}", i ? "," : "", i,
				   (int)((i * 7919LL + 1) % n));
		buf_puts(&schema, "}}");
		struct schema_options options = { .values = 1 << 20 };
		is_int(check_with(buf_str(&schema), "{\"a\":{}}", &options), n == 500 ? 0 : -2, "%d references to as many places", n);
	}
	ok(strstr(err.what, "too much work") != NULL, "the error says which limit it was");
}

static void test_pattern_limits(void)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);

	buf_puts(&text, "\"");
	repeat(&text, "aaaaaaaaaa", 5);
	buf_puts(&text, "b\"");
	is_int(check("{\"pattern\":\"^(a+)+$\"}", buf_str(&text)), -1, "a catastrophic pattern ends");
	ok(strstr(f.text, "too long to match") != NULL, "and says why");
	is_int(check("{\"pattern\":\"^(a|aa)*$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaa\""), 0, "one that matches at once does not");

	buf_clear(&text);
	buf_puts(&text, "\"");
	repeat(&text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20000);
	buf_puts(&text, "\"");
	is_int(check("{\"pattern\":\"[a-z]+[0-9]\"}", buf_str(&text)), -1, "so does one that is quadratic without backtracking");
	is_int(check("{\"pattern\":\"^[a-z]+$\"}", buf_str(&text)), 0, "a plain one is fine with a megabyte");
	is_int(check("{\"pattern\":\"\\\\S\"}", buf_str(&text)), 0, "a search that finds is fine with it, too");
}

static void test_wide_limits(void)
{
	CLEANUP_BUF struct buf many = BUF_INIT(0), schema = BUF_INIT(0);

	buf_puts(&many, "[");
	for (int i = 0; i < 100000; i++)
		buf_printf(&many, "%s%d", i ? "," : "", i);
	is_int(buf_puts(&many, "]"), 0, "a hundred thousand items");
	is_int(check("{\"uniqueItems\":true}", buf_str(&many)), 0, "are found to be unique");
	many.n--;
	buf_puts(&many, ",7.0]");
	is_int(check("{\"uniqueItems\":true}", buf_str(&many)), 1, "until one is not");
	is_str(f.pointer, "/100000", "which is named");

	buf_puts(&schema, "{\"enum\":");
	buf_append(&schema, many.p, many.n);
	buf_puts(&schema, "}");
	struct schema_options options = { .values = 1 << 20 };
	is_int(check_with(buf_str(&schema), "99999.0", &options), 0, "an enum as large has its values");
	is_int(check_with(buf_str(&schema), "-1", &options), 1, "and no others");

	options.steps = 1000;
	is_int(check_with("{\"items\":{\"type\":\"number\"}}", buf_str(&many), &options), -1, "the work can be limited");
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static void test_compare(void)
{
	static const struct { const char *a, *b; int order; } cases[] = {
		{ "1", "1.0", 0 },       { "-0", "0.00e9", 0 }, { "1e3", "1000", 0 },      { "0.1e1", "1", 0 },
		{ "10e-1", "1", 0 },     { "1", "2", -1 },      { "-1", "-2", 1 },         { "-1", "1", -1 },
		{ "0", "-1", 1 },        { "0.30", "0.3", 0 },  { "0.1", "0.10000000000000000000000000000001", -1 },
		{ "9007199254740993", "9007199254740992", 1 },  { "1e400", "1e399", 1 },   { "1e-400", "0", 1 },
		{ "123456789012345678901234567890.1", "123456789012345678901234567890.10", 0 },
		{ "1.5e5", "15e4", 0 },  { "99", "100", -1 },   { "1e99999999999999999999", "1", 1 },
		{ "1e99999999999999999999", "1e99999999999999999998", 2 }, { "1e99999999999999999999", "1e-99999999999999999999", 1 },
		{ "0e99999999999999999999", "0", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decimal a, b;
		decimal_parse(span_of(cases[i].a), &a);
		decimal_parse(span_of(cases[i].b), &b);
		is_int(decimal_compare(&a, &b), cases[i].order, "%s to %s", cases[i].a, cases[i].b);
		if (cases[i].order != 2)
			is_int(decimal_compare(&b, &a), -cases[i].order, "and the other way round");
		if (cases[i].order == 0)
			ok(decimal_hash(&a) == decimal_hash(&b), "equal ones have one hash");
	}
}

static void test_multiple(void)
{
	static const struct { const char *a, *b; int multiple; } cases[] = {
		{ "10", "2", 1 },        { "7", "2", 0 },     { "0.0075", "0.0001", 1 }, { "0.00751", "0.0001", 0 },
		{ "4.5", "1.5", 1 },     { "35", "1.5", 0 },  { "1e308", "0.5", 1 },     { "1e308", "0.123456789", 0 },
		{ "0", "7", 1 },         { "-21", "7", 1 },   { "19.99", "0.01", 1 },    { "1", "3", 0 },
		{ "1e1000000000", "8", 1 },                   { "1e1000000000", "7", 0 },
		{ "1e1000000000", "1e-1000000000", 1 },       { "12391239123", "1e-8", 1 },
		{ "9876543210987654321098765432100000", "98765432109876543210987654321", 1 },
		{ "9876543210987654321098765432100001", "98765432109876543210987654321", 0 },
		{ "98765432109876543210987654321e50", "98765432109876543210987654321e-50", 1 },
		{ "1e100", "1267650600228229401496703205376", 1 }, /* 2^100 */
		{ "1e99", "1267650600228229401496703205376", 0 },
		{ "1e99999999999999999999", "3", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decimal a, b;
		decimal_parse(span_of(cases[i].a), &a);
		decimal_parse(span_of(cases[i].b), &b);
		is_int(decimal_multiple(&a, &b), cases[i].multiple, "%s by %s", cases[i].a, cases[i].b);
	}
	is_int(check("{\"minimum\":1e99999999999999999999}", "1e99999999999999999998"), -1, "what cannot be told is a limit");
	is_int(check("{\"type\":\"integer\"}", "1e99999999999999999999"), 0, "but that is an integer");
	is_int(check("{\"type\":\"integer\"}", "1e-99999999999999999999"), 1, "and that is none");
}

/* ---- patterns --------------------------------------------------------------------------------- */

static void test_patterns(void)
{
	static const struct { const char *pattern, *text; int result; } cases[] = {
		{ "^\\\\d$", "7", 0 },            { "^\\\\d$", "\xdf\xa0", 1 },      { "^\\\\w$", "\xc3\xa9", 1 },
		{ "^\\\\W$", "\xc3\xa9", 0 },     { "^\\\\s$", "\xef\xbb\xbf", 0 },  { "^\\\\S$", "\xe3\x80\x80", 1 },
		{ "^[^\\\\S]$", "\xe3\x80\x80", 0 },    { "^a$", "a\\n", 1 },         { "^\\\\cA$", "\\u0001", 0 },
		{ "^\\\\u{1F600}$", "\xf0\x9f\x98\x80", 0 }, { "^\\\\ud83d\\\\ude00$", "\xf0\x9f\x98\x80", 0 },
		{ "^.$", "\xf0\x9f\x98\x80", 0 }, { "^.$", "\\u2028", 1 },           { "^[^]$", "\\n", 0 },
		{ "[]", "a", 1 },                 { "^\\\\p{Lu}\\\\P{L}$", "\xc3\x84+", 0 }, { "^\\\\p{Script=Greek}+$", "\xce\xb1", 0 },
		{ "^\\\\/\\\\-$", "/-", 0 },      { "^(?<=b)a", "ba", 1 },           { "(?<=b)a$", "ba", 0 },
		{ "^(?:(a)|b)\\\\1$", "b", 0 },   { "^(?<n>.)\\\\k<n>$", "xx", 0 },  { "^[[:alpha:]]$", "a", 1 },
		{ "^[\\\\w-.]+$", "a-.", 0 },     { "^a{2}$", "aa", 0 },             { "^a{,2}$", "a{,2}", 0 },
		{ "^{}]$", "{}]", 0 },            { "^[\\\\b]$", "\\b", 0 },         { "\\\\bfoo\\\\b", "a foo b", 0 },
		{ "^\\\\0$", "\\u0000", 0 },      { "^[\\\\ud800-\\\\udfff]$", "a", 1 }, { "^[a-\\\\d]+$", "a-7", 0 },
		{ "x*", "", 0 },                  { "^$", "", 0 },                   { "#|~ ", "#", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char schema[256], instance[256];
		snprintf(schema, sizeof schema, "{\"pattern\":\"%s\"}", cases[i].pattern);
		snprintf(instance, sizeof instance, "\"%s\"", cases[i].text);
		if (!is_int(check(schema, instance), cases[i].result, "%s on %s", cases[i].pattern, cases[i].text))
			diag("%s", err.what);
	}
}

static void test_no_patterns(void)
{
	static const char *const wrong[] = {
		"(", ")", "a)", "[a", "\\", "*", "a**", "a*+", "a{2}{3}", "a{3,2}", "\\a", "\\Z", "\\A", "\\Q", "\\K", "\\x1", "\\u12",
		"\\u{110000}", "\\u{}", "\\c1", "\\p{Nope}", "\\pL", "\\p{script=Greek}", "\\1", "(a)\\2", "\\k<n>", "(?<n>a)\\k<m>",
		"(?<1>a)", "(?<n>a)(?<n>b)", "(?i)a", "(?#c)", "(?>a)", "(?R)", "(?1)", "(?P<n>a)", "(*ACCEPT)", "(?C1)a", "a|*", "^*",
		"(?=a)*", "[b-a]", "[\\B]", "a{65536}", "(?|a)", "(?&n)", "\\g{1}", "\\N{U+41}", "\\E", "\\R", "\\h", "\\01",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CLEANUP_BUF struct buf out = BUF_INIT(0);
		size_t at = 0;
		ok(regex_translate(span_of(wrong[i]), &out, &at) && at <= strlen(wrong[i]), "%s is no expression", wrong[i]);
	}
	is_int(check("{\"pattern\":\"(?<=a+)b\"}", "\"ab\""), -1, "a lookbehind that PCRE2 lacks is a limit, not an answer");
	is_int(check("{\"pattern\":\"(((((a{9000}){9000}){9000}){9}){9}){9}\"}", "\"a\""), -1, "so is one that is too large");
}

/* ---- references ------------------------------------------------------------------------------- */

static void test_uris(void)
{
	/* RFC 3986, 5.4 */
	static const struct { const char *reference, *is; } cases[] = {
		{ "g:h", "g:h" },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../..", "http://a/" },
		{ "../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ "..g", "http://a/b/c/..g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "HTTP://x/y", "http://x/y" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_BUF struct buf out = BUF_INIT(0);
		struct uri u;
		uri_split(span_of(cases[i].reference), &u);
		uri_resolve(SPAN("http://a/b/c/d;p?q"), &u, &out);
		is_span(buf_span(&out), cases[i].is, "\"%s\" seen from the base", cases[i].reference);
	}
}

static void test_references(void)
{
	is_int(check("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}", "{\"type\":\"string\",\"minLength\":2}"), 0,
	       "a schema is one by the metaschema");
	is_int(check("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}", "{\"properties\":{\"a\":{\"minLength\":-1}}}"), 1,
	       "what is none is none");
	is_str(f.pointer, "/properties/a/minLength", "by its dynamic references, too");
	is_int(check("{\"$ref\":\"http://json-schema.org/draft-07/schema#/definitions/nonNegativeInteger\"}", "-1"), 1,
	       "a part of draft-07's");
	is_int(check("{\"$ref\":\"#/x-mine/1/y\",\"x-mine\":[0,{\"y\":{\"type\":\"null\"}}]}", "1"), 1,
	       "a place that no keyword makes a schema");
	struct schema_options old = { .dialect = SCHEMA_DRAFT_07 };
	is_int(check_with("{\"items\":[true],\"additionalItems\":false}", "[1,2]", &old), 1, "the option's dialect");
	is_int(check_with("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"prefixItems\":[false]}", "[1]", &old), 1,
	       "is not asked where the schema says its own");
	is_int(check("{\"$ref\":\"x\",\"$defs\":{\"x\":{\"$id\":\"x\",\"$schema\":\"http://json-schema.org/draft-07/schema#\","
		     "\"items\":[{\"type\":\"null\"}]}}}",
		     "[1]"),
	       1, "a resource within may have its own");
}

/* ---- our own ---------------------------------------------------------------------------------- */

static void test_within(void)
{
	static const struct { const char *path; int result; } cases[] = {
		{ "/srv/data", 0 },        { "/srv/data/", 0 },        { "/srv/data/a/b", 0 },     { "//srv/./data//a", 0 },
		{ "/srv/data/../data/a", 0 }, { "/home/u/notes/x", 0 }, { "~/notes/x", 0 },        { "/srv/w/in", 0 },
		{ "in/x", 0 },             { "./in/../in", 0 },        { "/srv/database", 1 },     { "/srv", 1 },
		{ "/srv/data/../x", 1 },   { "/srv/data/../../etc/passwd", 1 }, { "../x", 1 },     { "in/../../data2", 1 },
		{ "~/other", 1 },          { "~root/notes", 1 },       { "~", 1 },                 { "", 1 },
		{ "/srv/data/a\\u0000b", 1 }, { "/srv/data/a\\nb", 1 }, { "file:///srv/data/x", 1 }, { "/srv/DATA/x", 1 },
		{ "/srv/data/...", 0 },    { "/srv/data/..a", 0 },     { "\\\\srv\\\\data", 1 },   { "in:x", 1 },
	};
	static const char schema[] = "{\"within\":[\"/srv/./data/\",\"~/notes\",\"/srv/w/in\"]}";
	struct schema_options bare = ours;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char instance[128];
		snprintf(instance, sizeof instance, "\"%s\"", cases[i].path);
		is_int(check_with(schema, instance, &ours), cases[i].result, "within: %s", cases[i].path);
	}
	is_int(check_with(schema, "\"/etc\"", &ours), 1, "a path elsewhere");
	is_str(f.text, "must be a path within /srv/data, /home/u/notes, /srv/w/in", "is told where it may be");
	is_int(check_with(schema, "7", &ours), 1, "what is no string is no path");
	is_int(check_with("{\"within\":[]}", "\"/\"", &ours), 1, "no folder allows nothing");
	is_int(check_with("{\"within\":[\"/\"]}", "\"/x\"", &ours), 0, "the root allows everything");
	is_int(check_with("{\"within\":[\"x\"]}", "\"/x\"", &ours), -2, "a folder has to be absolute");
	bare.home = bare.folder = NULL;
	is_int(check_with("{\"within\":[\"/\"]}", "\"x\"", &bare), 1, "relative to nothing known");
	is_str(f.text, "must be a path within /, but it is a relative path; name it from / on", "is refused with a reason");
	is_int(check_with("{\"within\":[\"/\"]}", "\"~/x\"", &bare), 1, "so is a home nobody knows");
	bare.policy_keywords = false;
	is_int(check_with("{\"within\":5,\"hosts\":0}", "\"/x\"", &bare), 0, "a server's schema has no such keywords");
}

static void test_hosts(void)
{
	static const struct { const char *text; int result; } cases[] = {
		{ "https://example.org/", 0 },      { "https://EXAMPLE.org:443/x?y#z", 0 }, { "example.org", 0 },
		{ "example.org:80", 0 },            { "example.org.", 0 },                  { "https://a.b.example.net", 0 },
		{ "http://192.0.2.7/x", 0 },        { "http://[2001:db8::1]:8080/", 0 },    { "wss://example.org", 0 },
		{ "https://example.net", 1 },       { "https://example.org.evil.net/", 1 }, { "https://evilexample.net", 1 },
		{ "https://user@example.org/", 1 }, { "https://example.org@evil.net/", 1 }, { "https://example.org\\\\@evil.net", 1 },
		{ "https://evil.net#@example.org", 1 }, { "https://example.org#@evil.net", 1 }, { "https://example.org?@evil.net", 1 },
		{ "https://ex%61mple.org/", 1 },    { "http://0xc0000207/", 1 },            { "http://3221225991/", 1 },
		{ "http://192.0.519/", 1 },         { "http://0300.0.2.7/", 1 },            { "http://192.0.2.007/", 1 },
		{ "http://192.0.2.7.", 0 },         { "https:example.org", 1 },             { "https:/example.org", 1 },
		{ "//example.org/", 1 },            { "https://example.org:80:81/", 1 },    { "https://example.org:99999/", 1 },
		{ "https://example.org:/", 1 },     { " https://example.org/", 1 },         { "https://example.org\\t/", 1 },
		{ "https://\xef\xbd\x85xample.org/", 1 }, { "https://example\xe3\x80\x82org", 1 }, { "", 1 },
		{ "https://", 1 },                  { "https:///x", 1 },                    { "https://[::ffff:192.0.2.7]/", 1 },
		{ "https://[example.org]/", 1 },    { "javascript:alert(1)", 1 },           { "https://*.example.net/", 1 },
		{ "https://.example.net/", 1 },     { "https://a..example.net/", 1 },       { "https://-a.example.net/", 1 },
	};
	static const char schema[] = "{\"hosts\":[\"Example.org\",\"*.example.net\",\"192.0.2.7\",\"[2001:db8::1]\"]}";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char instance[128];
		snprintf(instance, sizeof instance, "\"%s\"", cases[i].text);
		is_int(check_with(schema, instance, &ours), cases[i].result, "hosts: %s", cases[i].text);
	}
	is_int(check_with(schema, "\"https://evil.net/\"", &ours), 1, "another host");
	is_str(f.text, "must name one of the hosts example.org, *.example.net, 192.0.2.7, [2001:db8::1]", "is told which may be");
	is_int(check_with(schema, "[]", &ours), 1, "what is no string names no host");
	is_int(check_with("{\"hosts\":[\"https://x\"]}", "1", &ours), -2, "a list of hosts has names of hosts");
	is_int(check_with("{\"hosts\":[\"*\"]}", "1", &ours), -2, "and no star alone");
}

static void test_formats(void)
{
	is_int(check("{\"format\":\"date\"}", "\"x\""), 0, "formats are annotations");
	is_int(check_with("{\"format\":\"date\"}", "\"2026-02-30\"", &ours), 1, "unless they are asked for");
	is_str(f.text, "must be a date such as 2026-03-09", "with an example");
	is_int(check_with("{\"format\":\"mine\"}", "\"x\"", &ours), 0, "unknown ones say nothing");
	is_int(check_with("{\"format\":\"path\"}", "\"a\\u0000\"", &ours), 1, "a path has no NUL");
	is_int(check_with("{\"format\":\"path\"}", "\"../a b\"", &ours), 0, "but may be relative");
}

int main(void)
{
	test_words();
	test_bounded_words();
	test_part_of_a_tree();
	test_errors();
	test_loops();
	test_many_references();
	test_pattern_limits();
	test_wide_limits();
	test_compare();
	test_multiple();
	test_patterns();
	test_no_patterns();
	test_uris();
	test_references();
	test_within();
	test_hosts();
	test_formats();
	return done_testing();
}
