/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server shows: its canonical form, what of it may be shown and used, how it differs from what is pinned. */
#include "rpc/change.h"
#include "rpc/manifest.h"
#include "tests/tap.h"

#include <stdlib.h>

static void canonical_of(const char *text, struct buf *out)
{
	struct tree t = { 0 };

	buf_clear(out);
	if (tree_parse(&t, span_of(text), 0) != TREE_OK || manifest_canonical(&t, 0, out) < 0)
		buf_puts(out, "?");
	tree_free(&t);
}

static void is_canonical(const char *text, const char *want)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0);

	canonical_of(text, &out);
	is_mem(out.p, out.n, want, strlen(want), "%s", text);
}

static void canonical(void)
{
	is_canonical(" { \"b\" : 1 ,\t\"a\":[ true , null ] } ", "{\"a\":[true,null],\"b\":1}");
	is_canonical("{\"\\u0061\":\"\\u00e9\\/\\n\\u0007\\\"\"}", "{\"a\":\"\303\251/\\n\\u0007\\\"\"}");
	is_canonical("{\"a\":1,\"aa\":2,\"\":0,\"Z\":3}", "{\"\":0,\"Z\":3,\"a\":1,\"aa\":2}");
	is_canonical("[1.0,1,1e3,-0,123456789012345678901234567890]", "[1.0,1,1e3,-0,123456789012345678901234567890]");
	is_canonical("{}", "{}");
	is_canonical("[]", "[]");
	is_canonical("\"\\ud83d\\ude00\"", "\"\360\237\230\200\"");
	is_canonical("{\"b\":{\"d\":1,\"c\":{\"f\":[],\"e\":{}}},\"a\":0}", "{\"a\":0,\"b\":{\"c\":{\"e\":{},\"f\":[]},\"d\":1}}");
}

/* A random value, written twice: in one style each. Reformatting never changes the form, and the form is its own form. */
static void spaces(struct buf *b, bool plain)
{
	static const char white[] = " \t\r\n";

	while (!plain && random() % 3 == 0)
		buf_putc(b, white[random() % 4]);
}

static void random_string(struct buf *a, struct buf *b, unsigned salt)
{
	static const char *const pieces[][2] = {
		{ "a", "\\u0061" }, { "\303\251", "\\u00e9" }, { "\\n", "\\u000a" }, { "/", "\\/" }, { "\\\"", "\\u0022" },
		{ "\360\237\230\200", "\\uD83D\\ude00" }, { "z", "z" }, { "\\u0000", "\\u0000" },
	};
	buf_putc(a, '"');
	buf_putc(b, '"');
	for (long n = random() % 6; n > 0; n--) {
		size_t i = (size_t)random() % (sizeof pieces / sizeof pieces[0]);
		buf_puts(a, pieces[i][random() % 2]);
		buf_puts(b, pieces[i][random() % 2]);
	}
	buf_printf(a, "%u\"", salt);
	buf_printf(b, "%u\"", salt);
}

static void random_value(struct buf *a, struct buf *b, int depth)
{
	static const char *const scalars[] = { "null", "true", "false", "0", "-1.50", "1e+9" };
	long kind = random() % (depth > 0 ? 4 : 2);
	unsigned n = (unsigned)random() % 5;

	if (kind == 0) {
		const char *s = scalars[random() % 6];
		buf_puts(a, s);
		buf_puts(b, s);
	} else if (kind == 1) {
		random_string(a, b, 0);
	} else if (kind == 2) {
		buf_putc(a, '[');
		buf_putc(b, '[');
		for (unsigned i = 0; i < n; i++) {
			if (i > 0) {
				buf_putc(a, ',');
				buf_putc(b, ',');
			}
			spaces(a, true);
			spaces(b, false);
			random_value(a, b, depth - 1);
			spaces(b, false);
		}
		buf_putc(a, ']');
		buf_putc(b, ']');
	} else {
		struct buf x[5] = { { 0 } }, y[5] = { { 0 } };
		for (unsigned i = 0; i < n; i++) {
			random_string(&x[i], &y[i], i);
			buf_putc(&x[i], ':');
			spaces(&y[i], false);
			buf_putc(&y[i], ':');
			spaces(&y[i], false);
			random_value(&x[i], &y[i], depth - 1);
		}
		buf_putc(a, '{');
		buf_putc(b, '{');
		for (unsigned i = 0; i < n; i++) {
			buf_append(a, x[i].p, x[i].n);
			buf_append(b, y[n - 1 - i].p, y[n - 1 - i].n);
			if (i + 1 < n) {
				buf_putc(a, ',');
				spaces(b, false);
				buf_putc(b, ',');
			}
		}
		buf_putc(a, '}');
		buf_putc(b, '}');
		for (unsigned i = 0; i < 5; i++) {
			buf_free(&x[i]);
			buf_free(&y[i]);
		}
	}
}

static void canonical_properties(void)
{
	int bad = 0;

	srandom(7);
	for (int i = 0; i < 3000 && bad < 3; i++) {
		struct buf a = { 0 }, b = { 0 }, x = { 0 }, y = { 0 }, z = { 0 };
		random_value(&a, &b, 4);
		canonical_of(buf_str(&a), &x);
		canonical_of(buf_str(&b), &y);
		canonical_of(buf_str(&x), &z);
		if (x.n == 0 || !span_eq(buf_span(&x), buf_span(&y)) || !span_eq(buf_span(&x), buf_span(&z)) ||
		    span_is(buf_span(&x), "?")) {
			bad++;
			diag("%s\n%s\n%s\n%s", buf_str(&a), buf_str(&b), buf_str(&x), buf_str(&y));
		}
		buf_free(&a);
		buf_free(&b);
		buf_free(&x);
		buf_free(&y);
		buf_free(&z);
	}
	is_int(bad, 0, "however a value is written, its form is one, and stays so");
}

/* ---- a session ---- */

struct told {
	char text[4096];
};

static void on_finding(void *context, enum finding finding, enum item_kind kind, struct span name, const struct item *item)
{
	static const char *const words[FINDINGS_] = { "first", "new", "changed", "gone", "again", "duplicate", "unfit" };
	struct told *t = context;
	size_t n = strlen(t->text);

	(void)item;
	snprintf(t->text + n, sizeof t->text - n, "%s%s %s %.*s", n ? ", " : "", words[finding], item_kind_name(kind),
		 (int)name.n, name.p ? name.p : "");
}

#define TOLD(want, what)                        \
	do {                                    \
		is_str(told.text, want, what);  \
		told.text[0] = '\0';            \
	} while (0)

/* The result of a list as it goes on to the client. */
static const char *listed(struct manifest *m, enum item_kind kind, const char *result, const char *cursor, bool *complete)
{
	static char out[4096];
	struct tree t = { 0 }, params = { 0 };
	struct edits e = { 0 };
	struct buf b = { 0 };
	char text[200];

	snprintf(text, sizeof text, cursor ? "{\"cursor\":\"%s\"}" : "{}", cursor);
	if (tree_parse(&t, span_of(result), 0) != TREE_OK || tree_parse(&params, span_of(text), 0) != TREE_OK ||
	    manifest_list(m, kind, &t, 0, manifest_cursor(&params, 0, "cursor"), complete) < 0)
		return "failed";
	edit_sweep(&e, 0, &t, manifest_items(&t, 0, kind));
	edit_apply(&e, span_of(result), &b);
	snprintf(out, sizeof out, "%s", buf_str(&b));
	buf_free(&b);
	edit_free(&e);
	tree_free(&t);
	tree_free(&params);
	return out;
}

static enum standing stands(const struct manifest *m, const char *tool)
{
	return manifest_standing(m, ITEM_TOOL, span_of(tool), NULL);
}

static void pin(struct manifest *m, enum item_kind kind, const char *name, const char *content, bool reviewed)
{
	uint8_t hash[ITEM_HASH];

	manifest_hash(span_of(content), hash);
	is_int(manifest_pin(m, kind, span_of(name), span_of(content), hash, reviewed, NULL), 0, "pin %s", name);
}

#define A "{\"description\":\"A\",\"name\":\"a\"}"
#define B "{\"description\":\"B\",\"name\":\"b\"}"

static void first_use(void)
{
	struct told told = { "" };
	struct manifest *m = manifest_new(PINS_FIRST_USE, on_finding, &told);
	bool complete;

	is_int(stands(m, "a"), STANDING_UNLISTED, "before any list no tool may be called");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A "],\"nextCursor\":\"2\"}", NULL, &complete),
	       "{\"tools\":[" A "],\"nextCursor\":\"2\"}", "the first page passes as it is");
	ok(!complete && !manifest_closed(m, ITEM_TOOL), "and is not the whole list");
	TOLD("first tool a", "its tool is pinned");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" B "]}", "2", &complete), "{\"tools\":[" B "]}", "so does the second");
	ok(complete && !manifest_closed(m, ITEM_TOOL), "which ends the list");
	TOLD("first tool b", "its tool is pinned as well");
	listed(m, ITEM_TOOL, "{\"tools\":[" A "," B ",{\"name\":\"late\"}]}", NULL, &complete);
	TOLD("first tool late", "and one that is added before anything was used");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A "," B ",{\"name\":\"late\",\"x\":1}]}", NULL, &complete), "{\"tools\":[" A "," B "]}",
	       "but what is changed by then is held");
	TOLD("changed tool late", "and told");
	listed(m, ITEM_TOOL, "{\"tools\":[" A "," B "]}", NULL, &complete);
	told.text[0] = '\0';
	manifest_settle(m);
	ok(manifest_closed(m, ITEM_TOOL) && !manifest_closed(m, ITEM_PROMPT), "the first use closes what has been seen whole");
	is_int(stands(m, "a"), STANDING_KNOWN, "both may be called");

	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A ",{\"name\":\"b\",\"description\":\"B!\"},{\"name\":\"c\"}]}", NULL, &complete),
	       "{\"tools\":[" A "]}", "later, the changed and the new one are hidden, and nothing else");
	TOLD("changed tool b, new tool c", "and told");
	is_int(stands(m, "b"), STANDING_CHANGED, "the changed one may not be called");
	is_int(stands(m, "c"), STANDING_NEW, "nor the new one");
	is_span(manifest_find(m, ITEM_TOOL, SPAN("b"))->content, B, "in force is what was pinned");
	listed(m, ITEM_TOOL, "{\"tools\":[" A ",{\"name\":\"b\",\"description\":\"B!\"},{\"name\":\"c\"}]}", NULL, &complete);
	TOLD("", "the same again is not told again");
	listed(m, ITEM_TOOL, "{\"tools\":[ { \"name\" : \"b\", \"description\":\"\\u0042\" } ]}", NULL, &complete);
	TOLD("again tool b, gone tool a, gone tool c", "what is pinned comes back however it is written; what is gone is told");
	is_int(stands(m, "a"), STANDING_GONE, "what is gone may not be called");
	is_int(stands(m, "b"), STANDING_KNOWN, "what came back may");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A ",{\"name\":\"c\"}," B "]}", NULL, &complete), "{\"tools\":[" A "," B "]}",
	       "a hidden item between others leaves valid JSON");
	manifest_free(m);
}

static void pages(void)
{
	struct told told = { "" };
	struct manifest *m = manifest_new(PINS_FIRST_USE, on_finding, &told);
	bool complete;

	listed(m, ITEM_TOOL, "{\"tools\":[" A "],\"nextCursor\":\"2\"}", NULL, &complete);
	listed(m, ITEM_TOOL, "{\"tools\":[" B "]}", "other", &complete);
	ok(!complete, "a page that nobody pointed to does not end the list");
	is_int(stands(m, "a"), STANDING_KNOWN, "and takes nothing away");
	listed(m, ITEM_TOOL, "{\"tools\":[" A "],\"nextCursor\":\"2\"}", NULL, &complete);
	told.text[0] = '\0';
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[{\"name\":\"a\",\"description\":\"evil\"}," B "]}", "2", &complete),
	       "{\"tools\":[" B "]}", "a second tool of a name on a later page is hidden");
	TOLD("duplicate tool a", "and told");
	is_int(stands(m, "a"), STANDING_KNOWN, "the first one may still be called");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A "," A "]}", NULL, &complete), "{\"tools\":[" A "]}", "so it is on one page");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[{\"name\":\"b\",\"x\":1}," B "]}", NULL, &complete), "{\"tools\":[]}",
	       "the pinned one behind a changed one does not help it");
	is_int(stands(m, "b"), STANDING_CHANGED, "nor make it callable");
	manifest_free(m);
}

static void unfit(void)
{
	struct told told = { "" };
	struct manifest *m = manifest_new(PINS_OFF, on_finding, &told);
	char *big = malloc(ITEM_CONTENT_MAX + 200);
	char name[700];

	is_str(listed(m, ITEM_TOOL, "{\"tools\":[1,{},{\"name\":5},{\"name\":\"\"},{\"name\":\"x\\u0000y\"},{\"name\":\"k\"}]}", NULL, NULL),
	       "{\"tools\":[{\"name\":\"k\"}]}", "what has no name cannot be pinned and is hidden");
	snprintf(name, sizeof name, "{\"tools\":[{\"name\":\"%0256d\"},{\"name\":\"%0255d\"}]}", 1, 2);
	listed(m, ITEM_TOOL, name, NULL, NULL);
	snprintf(name, sizeof name, "%0255d", 2);
	is_int(stands(m, name), STANDING_KNOWN, "a name of 255 bytes is taken");
	snprintf(name, sizeof name, "%0256d", 1);
	is_int(stands(m, name), STANDING_UNLISTED, "one of 256 is not");
	int n = sprintf(big, "{\"tools\":[{\"name\":\"big\",\"description\":\"");
	memset(big + n, 'x', ITEM_CONTENT_MAX);
	strcpy(big + n + ITEM_CONTENT_MAX, "\"}]}");
	listed(m, ITEM_TOOL, big, NULL, NULL);
	is_int(stands(m, "big"), STANDING_UNLISTED, "a tool of more than a megabyte is not taken");
	free(big);
	manifest_free(m);
}

static void too_many(void)
{
	struct manifest *m = manifest_new(PINS_FIRST_USE, NULL, NULL);
	struct buf b = { 0 };

	buf_puts(&b, "{\"tools\":[");
	for (int i = 0; i < MANIFEST_ITEMS + 10; i++)
		buf_printf(&b, "%s{\"name\":\"t%d\"}", i ? "," : "", i);
	buf_puts(&b, "]}");
	listed(m, ITEM_TOOL, buf_str(&b), NULL, NULL);
	is_int(manifest_count(m), MANIFEST_ITEMS, "no more items than the limit");
	is_int(stands(m, "t0"), STANDING_KNOWN, "the first is known");
	is_int(stands(m, "t4095"), STANDING_KNOWN, "and the last");
	is_int(stands(m, "t4096"), STANDING_UNLISTED, "the next is not");
	buf_free(&b);
	manifest_free(m);
}

static void with_pins(void)
{
	struct told told = { "" };
	struct manifest *m = manifest_new(PINS_FIRST_USE, on_finding, &told);
	bool complete;

	pin(m, ITEM_TOOL, "a", A, false);
	pin(m, ITEM_TOOL, "b", B, false);
	is_int(manifest_pin(m, ITEM_TOOL, SPAN("b"), SPAN(B), (uint8_t[ITEM_HASH]){ 0 }, false, NULL), -1, "no second pin of a name");
	manifest_close(m, ITEM_TOOL);
	is_int(stands(m, "a"), STANDING_KNOWN, "before the list a pinned tool may be called");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A ",{\"name\":\"z\"}]}", NULL, &complete), "{\"tools\":[" A "]}", "a new tool is hidden");
	TOLD("new tool z, gone tool b", "new and gone are told");
	is_str(listed(m, ITEM_PROMPT, "{\"prompts\":[{\"name\":\"a\"}]}", NULL, &complete), "{\"prompts\":[{\"name\":\"a\"}]}",
	       "prompts that nobody had asked for yet are taken at first sight");
	is_str(listed(m, ITEM_TEMPLATE, "{\"resourceTemplates\":[{\"uriTemplate\":\"f:{x}\"}]}", NULL, &complete),
	       "{\"resourceTemplates\":[{\"uriTemplate\":\"f:{x}\"}]}", "and templates");
	TOLD("first prompt a, first template f:{x}", "each of its own kind");
	manifest_free(m);
}

static void review(void)
{
	struct told told = { "" };
	struct manifest *m = manifest_new(PINS_REVIEW, on_finding, &told);

	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A "]}", NULL, NULL), "{\"tools\":[]}", "nothing passes before the review");
	is_int(stands(m, "a"), STANDING_UNREVIEWED, "nor may be called");
	manifest_free(m);

	m = manifest_new(PINS_REVIEW, on_finding, &told);
	pin(m, ITEM_TOOL, "a", A, true);
	pin(m, ITEM_TOOL, "b", B, false);
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[" A "," B ",{\"name\":\"c\"}]}", NULL, NULL), "{\"tools\":[" A "]}",
	       "then what was reviewed, not what was only seen");
	is_int(stands(m, "b"), STANDING_UNREVIEWED, "that is said");
	is_int(stands(m, "c"), STANDING_NEW, "and that another is new");
	manifest_free(m);
}

static void off(void)
{
	struct manifest *m = manifest_new(PINS_OFF, NULL, NULL);
	const struct item *item;

	listed(m, ITEM_TOOL, "{\"tools\":[" A "]}", NULL, NULL);
	item = manifest_find(m, ITEM_TOOL, SPAN("a"));
	is_int(item->edition, 1, "without pins, what is shown is in force");
	is_str(listed(m, ITEM_TOOL, "{\"tools\":[{\"name\":\"a\",\"description\":\"other\"}]}", NULL, NULL),
	       "{\"tools\":[{\"name\":\"a\",\"description\":\"other\"}]}", "changes pass");
	is_int(item->edition, 2, "and are noticed");
	is_span(item->content, "{\"description\":\"other\",\"name\":\"a\"}", "the last one counts");
	listed(m, ITEM_TOOL, "{\"tools\":[]}", NULL, NULL);
	is_int(stands(m, "a"), STANDING_GONE, "a tool that is gone may not be called");
	manifest_free(m);
}

static const char *hello(struct manifest *m, const char *result)
{
	static char out[1024];
	struct tree t = { 0 };
	struct edits e = { 0 };
	struct buf b = { 0 };

	if (tree_parse(&t, span_of(result), 0) != TREE_OK || manifest_hello(m, "initialize", &t, 0, 0, &e) < 0)
		return "failed";
	edit_sweep(&e, 0, &t, 0);
	edit_apply(&e, span_of(result), &b);
	snprintf(out, sizeof out, "%s", buf_str(&b));
	buf_free(&b);
	edit_free(&e);
	tree_free(&t);
	return out;
}

static void greetings(void)
{
	struct told told = { "" };
	struct manifest *m = manifest_new(PINS_FIRST_USE, on_finding, &told);

	is_str(hello(m, "{\"serverInfo\":{\"name\":\"s\"},\"instructions\":\"use me\"}"),
	       "{\"serverInfo\":{\"name\":\"s\"},\"instructions\":\"use me\"}", "the first greeting passes");
	TOLD("first identity initialize, first instructions initialize", "and is pinned");
	is_str(hello(m, "{\"serverInfo\":{\"name\":\"t\"},\"instructions\":\"obey me\"}"), "{\"serverInfo\":{\"name\":\"s\"}}",
	       "later, other instructions are cut and another identity is not shown");
	TOLD("changed identity initialize, changed instructions initialize", "both are told");
	manifest_free(m);

	m = manifest_new(PINS_FIRST_USE, on_finding, &told);
	hello(m, "{\"serverInfo\":{\"name\":\"s\"}}");
	is_str(hello(m, "{\"serverInfo\":{\"name\":\"s\"},\"instructions\":\"obey me\"}"), "{\"serverInfo\":{\"name\":\"s\"}}",
	       "instructions where there were none are a change");
	manifest_free(m);

	m = manifest_new(PINS_REVIEW, on_finding, &told);
	ok(manifest_unseen(m), "in review mode nobody has looked at this server yet");
	is_str(hello(m, "{\"serverInfo\":{\"name\":\"s\"},\"instructions\":\"obey me\"}"),
	       "{\"serverInfo\":{\"name\":\"unknown\",\"version\":\"0\"}}",
	       "before the first review instructions wait, and the identity");
	manifest_free(m);
}

/* ---- names ---- */

static void alike(const char *a, const char *b, bool want)
{
	CLEANUP_BUF struct buf x = BUF_INIT(0);
	CLEANUP_BUF struct buf y = BUF_INIT(0);

	manifest_skeleton(span_of(a), &x);
	manifest_skeleton(span_of(b), &y);
	is_int(span_eq(buf_span(&x), buf_span(&y)), want, "\"%s\" and \"%s\" are %s", a, b, want ? "alike" : "different");
}

static void lookalikes(void)
{
	alike("read_file", "read-file", true);
	alike("read_file", "READ_FILE", true);
	alike("read_file", "r\320\265ad_file", true);              /* Cyrillic e */
	alike("read_file", "read\342\200\213_file", true);         /* zero width space */
	alike("read_file", "\357\275\222ead_file", true);          /* full width r */
	alike("list", "1ist", true);
	alike("list", "L\304\260st", true);
	alike("open", "\316\277pen", true);                        /* Greek omicron */
	alike("modem", "modern", true);
	alike("exec", "\360\235\220\236xec", true);                /* mathematical bold e */
	alike("read_file", "write_file", false);
	alike("a", "b", false);
	alike("\344\270\255", "\346\226\207", false);
	alike("get2", "get3", false);

	struct manifest *m = manifest_new(PINS_OFF, NULL, NULL);
	uint32_t other[4];
	listed(m, ITEM_TOOL, "{\"tools\":[{\"name\":\"send\"},{\"name\":\"s\320\265nd\"},{\"name\":\"stop\"}]}", NULL, NULL);
	listed(m, ITEM_PROMPT, "{\"prompts\":[{\"name\":\"send\"}]}", NULL, NULL);
	is_int(manifest_alike(m, other), 0, "names are compared");
	is_int(other[0], 1, "the first can be mistaken for the second");
	is_int(other[1], 0, "and the other way round");
	ok(other[2] == UINT32_MAX && other[3] == UINT32_MAX, "the rest for none; a prompt is no tool");
	manifest_free(m);
}

/* ---- changes ---- */

static void fields(void *context, struct span pointer, struct span was, struct span is)
{
	struct buf *out = context;

	buf_printf(out, "%s%.*s: %.*s -> %.*s", out->n ? "; " : "", (int)pointer.n, pointer.p ? pointer.p : "",
		   was.n ? (int)was.n : 1, was.n ? was.p : "-", is.n ? (int)is.n : 1, is.n ? is.p : "-");
}

static void changed(const char *was, const char *is, const char *words, const char *where)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	CLEANUP_BUF struct buf list = BUF_INIT(0);
	CLEANUP_BUF struct buf a = BUF_INIT(0);
	CLEANUP_BUF struct buf b = BUF_INIT(0);
	unsigned changes = 0;

	canonical_of(was, &a);
	canonical_of(is, &b);
	is_int(change_compare(ITEM_TOOL, buf_span(&a), buf_span(&b), fields, &list, &changes), 0, "%s", is);
	change_words(ITEM_TOOL, changes, &text);
	is_str(buf_str(&text), words, "%s", words);
	if (where)
		is_str(buf_str(&list), where, "the fields");
}

#define IN(schema) "{\"inputSchema\":" schema "}"

static void changes(void)
{
	changed("{\"description\":\"a\"}", "{\"description\":\"b\"}", "text changed", "/description: \"a\" -> \"b\"");
	changed("{}", "{\"annotations\":{\"readOnlyHint\":true}}", "other fields changed", "/annotations: - -> {\"readOnlyHint\":true}");
	changed(IN("{\"properties\":{\"a\":{\"type\":\"string\"}}}"), IN("{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{}}}"),
		"schema widened", "/inputSchema/properties/b: - -> {}");
	changed(IN("{\"properties\":{\"a\":{},\"b\":{}}}"), IN("{\"properties\":{\"a\":{}}}"), "schema narrowed", NULL);
	changed(IN("{\"required\":[\"a\",\"b\"]}"), IN("{\"required\":[\"a\"]}"), "schema widened", NULL);
	changed(IN("{\"required\":[\"a\"]}"), IN("{\"required\":[\"a\",\"b\"]}"), "schema narrowed",
		"/inputSchema/required: [\"a\"] -> [\"a\",\"b\"]");
	changed(IN("{\"required\":[\"a\"]}"), IN("{\"required\":[\"b\"]}"), "schema changed", NULL);
	changed(IN("{\"required\":[\"a\",\"b\"]}"), IN("{\"required\":[\"b\",\"a\"]}"), "text changed", NULL);
	changed(IN("{\"properties\":{\"a\":{\"enum\":[1,2]}}}"), IN("{\"properties\":{\"a\":{\"enum\":[1,2,3]}}}"), "schema widened", NULL);
	changed(IN("{\"properties\":{\"a\":{\"maxLength\":5}}}"), IN("{\"properties\":{\"a\":{\"maxLength\":6}}}"), "schema widened", NULL);
	changed(IN("{\"properties\":{\"a\":{\"minimum\":5}}}"), IN("{\"properties\":{\"a\":{\"minimum\":6}}}"), "schema narrowed", NULL);
	changed(IN("{\"properties\":{\"a\":{\"minimum\":0.5}}}"), IN("{\"properties\":{\"a\":{\"minimum\":0.6}}}"), "schema narrowed", NULL);
	changed(IN("{\"properties\":{\"a\":{\"pattern\":\"x\"}}}"), IN("{\"properties\":{\"a\":{}}}"), "schema widened", NULL);
	changed(IN("{\"properties\":{\"a\":{\"type\":\"string\"}}}"), IN("{\"properties\":{\"a\":{\"type\":[\"string\",\"null\"]}}}"),
		"schema widened", NULL);
	changed(IN("{\"additionalProperties\":false}"), IN("{}"), "schema widened", NULL);
	changed(IN("{}"), IN("{\"additionalProperties\":false}"), "schema narrowed", NULL);
	changed(IN("{\"not\":{\"type\":\"string\"}}"), IN("{\"not\":{\"type\":[\"string\",\"null\"]}}"), "schema changed",
		"/inputSchema/not/type: \"string\" -> [\"string\",\"null\"]");
	changed(IN("{\"maxLength\":5,\"minLength\":1}"), IN("{\"maxLength\":6,\"minLength\":2}"), "schema changed", NULL);
	changed(IN("{\"properties\":{\"a\":{\"description\":\"x\"}}}"),
		IN("{\"properties\":{\"a\":{\"description\":\"y\"},\"b\":{}}}"), "schema widened, text changed", NULL);
	changed(IN("{\"items\":{\"maximum\":1}}"), IN("{\"items\":{\"maximum\":2}}"), "schema widened", NULL);
	changed("{\"inputSchema\":{\"minimum\":0}}", "{\"inputSchema\":{\"minimum\":-5}}", "schema widened", NULL);
	changed("{\"inputSchema\":{\"maximum\":0.5}}", "{\"inputSchema\":{\"maximum\":0.25}}", "schema narrowed", NULL);
	changed("{\"inputSchema\":{\"maximum\":9007199254740993}}", "{\"inputSchema\":{\"maximum\":9007199254740994}}",
		"schema widened", NULL);
	changed("{\"inputSchema\":{\"maximum\":100}}", "{\"inputSchema\":{\"maximum\":1e2}}", "schema changed", NULL);
	changed("{\"outputSchema\":{\"maxLength\":5}}", "{\"outputSchema\":{\"maxLength\":6}}", "schema changed", NULL);
	changed("{\"inputSchema\":{\"maxLength\":5},\"outputSchema\":{\"title\":\"a\"}}",
		"{\"inputSchema\":{\"maxLength\":6},\"outputSchema\":{\"title\":\"b\"}}", "schema widened, text changed", NULL);
	changed("{\"inputSchema\":{\"maxLength\":5},\"outputSchema\":{\"maxLength\":5}}",
		"{\"inputSchema\":{\"maxLength\":6},\"outputSchema\":{\"maxLength\":6}}", "schema changed", NULL);
	changed(IN("{\"properties\":{\"a/b~c\":{\"title\":\"x\"}}}"), IN("{\"properties\":{\"a/b~c\":{\"title\":\"y\"}}}"), "text changed",
		"/inputSchema/properties/a~1b~0c/title: \"x\" -> \"y\"");

	unsigned bits = 0;
	is_int(change_compare(ITEM_TOOL, (struct span){ 0 }, SPAN("{}"), NULL, NULL, &bits), 0, "an item that was not there");
	is_int(bits, CHANGE_NEW, "is new");
	is_int(change_compare(ITEM_TOOL, SPAN("{}"), (struct span){ 0 }, NULL, NULL, &bits), 0, "one that is not there");
	is_int(bits, CHANGE_REMOVED, "was removed");
	is_int(change_compare(ITEM_INSTRUCTIONS, SPAN("null"), SPAN("\"do\""), NULL, NULL, &bits), 0, "instructions");
	is_int(bits, CHANGE_TEXT, "are text");
	is_int(change_compare(ITEM_TOOL, SPAN("{"), SPAN("{}"), NULL, NULL, &bits), -1, "no JSON is an error");
}

int main(void)
{
	canonical();
	canonical_properties();
	first_use();
	pages();
	unfit();
	too_many();
	with_pins();
	review();
	off();
	greetings();
	lookalikes();
	changes();
	return done_testing();
}
