/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of a message by spans: replacing, dropping with the right commas, inserting, and what happens where they meet. Lists
 * and objects of up to five items are swept of every subset of them, in several layouts, beside a reference that is written from the
 * items that stay.
 */
#include "rpc/edit.h"
#include "tests/tap.h"

static struct span str(const char *text)
{
	return span_of(text);
}

/* Apply and forget. The bytes are the caller's. */
static struct buf applied(struct edits *e, struct span message)
{
	struct buf out = BUF_INIT(0);

	if (edit_apply(e, message, &out) < 0)
		buf_puts(&out, "(failed)");
	edit_clear(e);
	return out;
}

static bool parses(struct span text)
{
	struct tree t = { 0 };
	bool good = tree_parse(&t, text, 0) == TREE_OK;

	tree_free(&t);
	return good;
}

/* The values without the white space around them: what both sides are compared by. */
static void squeeze(struct span text, struct buf *out)
{
	bool string = false;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			string = !string;
		if (string || !strchr(" \t\r\n", text.p[i]))
			buf_putc(out, text.p[i]);
	}
}

static const char *const layouts[][4] = {
	/* before the first, between, after the last; before the text */
	{ "", ",", "", "" },
	{ " ", " , ", " ", "" },
	{ "\n\t", ",\n\t", "\n", "{\"jsonrpc\":\"2.0\",\"result\":" },
	{ "", " ,", "  ", "xyz" },
};

static void sweep_one(bool object, unsigned n, unsigned drop, const char *const layout[4], size_t *wrong)
{
	static const char *const items[] = { "1", "\"b,]}\"", "[3,{\"x\":[]}]", "{}", "{\"k\":5,\"l\":[1,2]}" };
	CLEANUP_BUF struct buf text = BUF_INIT(0), want = BUF_INIT(0), got = BUF_INIT(0), squeezed = BUF_INIT(0);
	struct edits e = { 0 };
	struct tree t = { 0 };

	buf_puts(&text, layout[3]);
	size_t offset = text.n;
	buf_putc(&text, object ? '{' : '[');
	buf_puts(&text, layout[0]);
	buf_putc(&want, object ? '{' : '[');
	for (unsigned i = 0, kept = 0; i < n; i++) {
		if (i)
			buf_puts(&text, layout[1]);
		if (object)
			buf_printf(&text, "\"key%u\":", i);
		buf_puts(&text, items[i]);
		if (drop & 1u << i)
			continue;
		if (kept++)
			buf_putc(&want, ',');
		if (object)
			buf_printf(&want, "\"key%u\":", i);
		buf_puts(&want, items[i]);
	}
	buf_puts(&text, layout[2]);
	buf_putc(&text, object ? '}' : ']');
	buf_putc(&want, object ? '}' : ']');

	struct span inner = { text.p + offset, text.n - offset };
	if (tree_parse(&t, inner, 0) != TREE_OK)
		bail_out("the test's own text");
	uint32_t k = tree_first(&t, 0);
	for (unsigned i = 0; i < n; i++) {
		uint32_t v = object ? k + 1 : k;
		if (drop & 1u << i)
			edit_drop(&t, v);
		k = t.v[v].next;
	}
	edit_sweep(&e, offset, &t, 0);
	*wrong += edit_any(&e) != (drop != 0);
	edit_apply(&e, buf_span(&text), &got);
	struct span result = { got.p + offset, got.n - offset };
	squeeze(result, &squeezed);
	if (!span_eq(buf_span(&squeezed), buf_span(&want)) || !parses(result) || memcmp(got.p, text.p, offset) != 0 ||
	    (drop == 0 && !span_eq(buf_span(&got), buf_span(&text)))) {
		diag("%s without %x: %s", buf_str(&text), drop, buf_str(&got));
		++*wrong;
	}
	edit_free(&e);
	tree_free(&t);
}

static void test_sweeps(void)
{
	for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++)
		for (int object = 0; object < 2; object++)
			for (unsigned n = 0; n <= 5; n++) {
				size_t wrong = 0;
				for (unsigned drop = 0; drop < 1u << n; drop++)
					sweep_one(object, n, drop, layouts[l], &wrong);
				is_int(wrong, 0, "%s of %u, any of them dropped, layout %zu", object ? "an object" : "a list", n, l);
			}
}

/* Both levels at once: lists in a list, of each any subset. */
static void test_nested_sweeps(void)
{
	static const char text[] = "[ [1, 2, 3] , {\"a\":1, \"b\":2 ,\"c\":3}, 4]";
	struct span message = SPAN(text);
	size_t wrong = 0;

	for (unsigned drop = 0; drop < 1u << 9; drop++) {
		struct edits e = { 0 };
		struct tree t = { 0 };
		CLEANUP_BUF struct buf want = BUF_INIT(0), squeezed = BUF_INIT(0);
		tree_parse(&t, message, 0);
		uint32_t list = tree_item(&t, 0, 0), object = tree_item(&t, 0, 1);
		uint32_t inner[] = { tree_item(&t, list, 0), tree_item(&t, list, 1), tree_item(&t, list, 2),
				     tree_member(&t, object, "a"), tree_member(&t, object, "b"), tree_member(&t, object, "c"),
				     list, object, tree_item(&t, 0, 2) };
		for (unsigned i = 0; i < 9; i++)
			if (drop & 1u << i)
				edit_drop(&t, inner[i]);
		/* In an order that is not that of the text. */
		edit_sweep(&e, 0, &t, object);
		edit_sweep(&e, 0, &t, 0);
		edit_sweep(&e, 0, &t, list);
		struct buf got = applied(&e, message);
		const char *comma = "";
		buf_putc(&want, '[');
		if (!(drop & 1u << 6)) {
			buf_putc(&want, '[');
			for (unsigned i = 0, kept = 0; i < 3; i++)
				if (!(drop & 1u << i))
					buf_printf(&want, "%s%u", kept++ ? "," : "", i + 1);
			buf_putc(&want, ']');
			comma = ",";
		}
		if (!(drop & 1u << 7)) {
			buf_printf(&want, "%s{", comma);
			for (unsigned i = 0, kept = 0; i < 3; i++)
				if (!(drop & 8u << i))
					buf_printf(&want, "%s\"%c\":%u", kept++ ? "," : "", 'a' + i, i + 1);
			buf_putc(&want, '}');
			comma = ",";
		}
		if (!(drop & 1u << 8))
			buf_printf(&want, "%s4", comma);
		buf_putc(&want, ']');
		squeeze(buf_span(&got), &squeezed);
		wrong += !span_eq(buf_span(&squeezed), buf_span(&want));
		buf_free(&got);
		edit_free(&e);
		tree_free(&t);
	}
	is_int(wrong, 0, "what is dropped within what stays or goes");
}

static void test_replace(void)
{
	struct span message = SPAN("0123456789");
	struct edits e = { 0 };

#define GIVES(want, ...)                                          \
	do {                                                      \
		struct buf got_ = applied(&e, message);           \
		is_span(buf_span(&got_), want, __VA_ARGS__);      \
		buf_free(&got_);                                  \
	} while (0)

	ok(!edit_any(&e), "nothing changes at first");
	GIVES("0123456789", "without edits");
	edit_replace(&e, 3, 2, str("abc"));
	ok(edit_any(&e), "something changes");
	GIVES("012abc56789", "a longer text");
	ok(!edit_any(&e), "nothing changes after it was forgotten");
	edit_replace(&e, 3, 2, str(""));
	GIVES("01256789", "nothing in its place");
	edit_replace(&e, 0, 10, str("x"));
	GIVES("x", "all of it");
	edit_replace(&e, 0, 0, str("x"));
	edit_replace(&e, 10, 0, str("y"));
	GIVES("x0123456789y", "at both ends");
	edit_replace(&e, 8, 1, str("h"));
	edit_replace(&e, 2, 1, str("b"));
	edit_replace(&e, 5, 1, str("e"));
	GIVES("01b34e67h9", "in any order");
	edit_replace(&e, 2, 2, str("A"));
	edit_replace(&e, 4, 2, str("B"));
	GIVES("01AB6789", "side by side");
	edit_replace(&e, 3, 1, str("inner"));
	edit_replace(&e, 2, 4, str("outer"));
	GIVES("01outer6789", "one within another has no effect");
	edit_replace(&e, 2, 4, str("outer"));
	edit_replace(&e, 2, 1, str("inner"));
	GIVES("01outer6789", "nor one that begins where the other does");
	edit_replace(&e, 2, 4, str("outer"));
	edit_replace(&e, 5, 1, str("inner"));
	GIVES("01outer6789", "nor one that ends where the other does");
	edit_replace(&e, 2, 4, str(""));
	edit_replace(&e, 4, 0, str("lost"));
	GIVES("016789", "nor what is inserted in what goes");
	edit_replace(&e, 2, 2, str("first"));
	edit_replace(&e, 2, 2, str("second"));
	GIVES("01first456789", "of two for one place, the first");
	edit_replace(&e, 2, 0, str("a"));
	edit_replace(&e, 2, 3, str("-"));
	edit_replace(&e, 2, 0, str("b"));
	edit_replace(&e, 5, 0, str("c"));
	GIVES("01ab-c56789", "what is inserted comes in order, before what is replaced there, and after what ends there");
	edit_replace(&e, 11, 0, str("x"));
	edit_replace(&e, 9, 2, str("y"));
	edit_replace(&e, SIZE_MAX, 2, str("z"));
	edit_replace(&e, 5, SIZE_MAX, str("w"));
	GIVES("0123456789", "what lies outside has no effect");
	for (int i = 0; i < 1000; i++)
		edit_replace(&e, (size_t)(i * 7) % 10, 1, str("x"));
	GIVES("xxxxxxxxxx", "a thousand");

	CLEANUP_BUF struct buf out = BUF_INIT(12);
	buf_puts(&out, "seen");
	edit_replace(&e, 0, 1, str("0"));
	is_int(edit_apply(&e, message, &out), -1, "no room for the result");
	is_span(buf_span(&out), "seen", "leaves what was there");
	e.failed = true;
	CLEANUP_BUF struct buf other = BUF_INIT(0);
	is_int(edit_apply(&e, message, &other), -1, "memory ran out before");
	is_int(other.n, 0, "leaves nothing");
	edit_clear(&e);
	is_int(edit_apply(&e, message, &other), 0, "forgotten with the edits");
	is_span(buf_span(&other), "0123456789", "and all is as it was");
	is_int(edit_apply(&e, (struct span){ 0 }, &other), 0, "no message");
	edit_free(&e);
}

static void test_values(void)
{
	static const char text[] = "{\"id\":1,\"result\":{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"ttl\":10.50}}";
	struct span message = SPAN(text);
	struct edits e = { 0 };
	struct tree t = { 0 };
	size_t offset = 17; /* of the result */

	tree_parse(&t, (struct span){ text + offset, sizeof text - 2 - offset }, 0);
	uint32_t tools = tree_member(&t, 0, "tools");
	edit_value(&e, offset, &t, tree_member(&t, 0, "ttl"), str("5"));
	edit_value(&e, offset, &t, tree_member(&t, tree_item(&t, tools, 1), "name"), str("\"B\""));
	edit_value(&e, offset, &t, tree_member(&t, tree_item(&t, tools, 0), "name"), str("\"A\""));
	edit_drop(&t, tree_item(&t, tools, 0));
	edit_sweep(&e, offset, &t, tools);
	GIVES("{\"id\":1,\"result\":{\"tools\":[{\"name\":\"B\"}],\"ttl\":5}}", "values and a dropped item, with all that is in it");
	edit_value(&e, offset, &t, 0, str("{}"));
	edit_value(&e, offset, &t, tools, str("[]"));
	GIVES("{\"id\":1,\"result\":{}}", "the whole, and a part of it");
	edit_insert(&e, offset, &t, 0, str("\"x\":1"));
	GIVES("{\"id\":1,\"result\":{\"x\":1,\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"ttl\":10.50}}", "a member in front of others");
	edit_insert(&e, offset, &t, 0, str("\"x\":1"));
	edit_insert(&e, offset, &t, 0, str("\"y\":2"));
	edit_value(&e, offset, &t, tree_member(&t, 0, "ttl"), str("0"));
	GIVES("{\"id\":1,\"result\":{\"x\":1,\"y\":2,\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"ttl\":0}}", "two members");
	message = SPAN("[{},{ }]");
	tree_parse(&t, message, 0);
	for (uint32_t i = 0; i < 2; i++)
		edit_insert(&e, 0, &t, tree_item(&t, 0, i), str("\"x\":1"));
	GIVES("[{\"x\":1},{\"x\":1 }]", "a member of empty objects");
	for (uint32_t i = 0; i < 2; i++) {
		edit_insert(&e, 0, &t, tree_item(&t, 0, i), str("\"x\":1"));
		edit_insert(&e, 0, &t, tree_item(&t, 0, i), str("\"y\":[]"));
		edit_insert(&e, 0, &t, tree_item(&t, 0, i), str("\"z\":3"));
	}
	GIVES("[{\"x\":1,\"y\":[],\"z\":3},{\"x\":1,\"y\":[],\"z\":3 }]", "three members of empty objects");
	edit_free(&e);
	tree_free(&t);
}

int main(void)
{
	test_sweeps();
	test_nested_sweeps();
	test_replace();
	test_values();
	return done_testing();
}
