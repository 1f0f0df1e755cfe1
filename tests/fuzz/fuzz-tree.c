/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a tree, and jansson as a second reader:
 *  - they agree on what is JSON. But for what the scanner checks in front of the tree (UTF-8, lone surrogates), what jansson cannot hold
 *    (numbers out of the range of its types, keys with a NUL), text with a NUL, of which jansson takes some, and depth;
 *  - values, keys and counts are those that jansson has, and every pointer leads to its value;
 *  - dropping items, chosen by the first byte, and sweeping every container leaves JSON, without those items.
 */
#include "rpc/edit.h"

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
	return json_loadb(text.p, text.n, JSON_ALLOW_NUL | JSON_DECODE_ANY, error);
}

static bool jansson_cannot(const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key || code == json_error_invalid_utf8 ||
	       (code == json_error_invalid_syntax && strstr(error->text, "invalid Unicode"));
}

static void same(const struct tree *t, uint32_t i, const json_t *value)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);

	switch ((enum tree_type)t->v[i].type) {
	case TREE_NULL:
		require(json_is_null(value));
		break;
	case TREE_FALSE:
		require(json_is_false(value));
		break;
	case TREE_TRUE:
		require(json_is_true(value));
		break;
	case TREE_NUMBER: {
		uint64_t whole;
		require(json_is_number(value));
		if (tree_whole(t, i, INT64_MAX, &whole) && json_is_integer(value))
			require((uint64_t)json_integer_value(value) == whole);
		break;
	}
	case TREE_STRING:
		require(json_is_string(value));
		tree_string(t, i, &text);
		require(text.n == json_string_length(value) && (text.n == 0 || memcmp(text.p, json_string_value(value), text.n) == 0));
		break;
	case TREE_ARRAY: {
		size_t n = 0;
		for (uint32_t k = tree_first(t, i); k < t->v[i].next; k = t->v[k].next)
			same(t, k, json_array_get(value, n++));
		require(json_is_array(value) && n == json_array_size(value) && n == tree_count(t, i));
		break;
	}
	case TREE_OBJECT:
		require(json_is_object(value));
		for (uint32_t k = tree_first(t, i); k < t->v[i].next; k = t->v[k + 1].next) {
			buf_clear(&text);
			tree_string(t, k, &text);
			const json_t *member = json_object_get(value, buf_str(&text));
			require(member && tree_member_span(t, i, buf_span(&text)) <= k + 1);
			if (tree_count(t, i) == json_object_size(value)) /* no key twice: jansson has the last of them */
				same(t, k + 1, member);
		}
		break;
	}
}

/* Follow the pointer from the root, decoding it. */
static uint32_t lead(const struct tree *t, struct span pointer)
{
	uint32_t at = 0;

	while (pointer.n > 0) {
		CLEANUP_BUF struct buf token = BUF_INIT(0);
		size_t k = 1;
		for (; k < pointer.n && pointer.p[k] != '/'; k++) {
			if (pointer.p[k] == '~')
				buf_putc(&token, pointer.p[++k] == '0' ? '~' : '/');
			else
				buf_putc(&token, pointer.p[k]);
		}
		pointer.p += k;
		pointer.n -= k;
		at = t->v[at].type == TREE_OBJECT ? tree_member_span(t, at, buf_span(&token)) :
						    tree_item(t, at, (uint32_t)strtoul(buf_str(&token), NULL, 10));
		require(at != TREE_NONE);
	}
	return at;
}

static bool keys_unique(const struct tree *t)
{
	CLEANUP_BUF struct buf key = BUF_INIT(0);

	for (uint32_t i = 0; i < t->n; i++) {
		if (t->v[i].type != TREE_OBJECT)
			continue;
		for (uint32_t k = tree_first(t, i); k < t->v[i].next; k = t->v[k + 1].next) {
			buf_clear(&key);
			tree_string(t, k, &key);
			if (tree_member_span(t, i, buf_span(&key)) != k + 1)
				return false;
		}
	}
	return true;
}

/* A key has the pointer of its value. */
static void pointers(const struct tree *t)
{
	CLEANUP_BUF struct buf pointer = BUF_INIT(0);

	if (!keys_unique(t))
		return;
	for (uint32_t i = 0; i < t->n && i < 64; i++) {
		buf_clear(&pointer);
		tree_pointer(t, i, &pointer);
		uint32_t at = lead(t, buf_span(&pointer));
		require(at == i || (at == i + 1 && t->v[i].type == TREE_STRING));
	}
}

static void drop_some(struct tree *t, uint8_t seed)
{
	struct edits e = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	struct tree after = { 0 };
	uint32_t left = 0, top = t->v[0].type >= TREE_ARRAY ? tree_count(t, 0) : 0, n = 0;
	bool object = t->v[0].type == TREE_OBJECT;

	for (uint32_t c = 0; c < t->n; c++) {
		if (t->v[c].type < TREE_ARRAY)
			continue;
		bool members = t->v[c].type == TREE_OBJECT;
		for (uint32_t k = tree_first(t, c); k < t->v[c].next; k = t->v[members ? k + 1 : k].next) {
			if ((seed >> (n++ % 8)) & 1)
				edit_drop(t, members ? k + 1 : k);
			else if (c == 0)
				left++;
		}
	}
	for (uint32_t c = t->n; c-- > 0;)
		if (t->v[c].type >= TREE_ARRAY)
			edit_sweep(&e, 0, t, c);
	require(edit_apply(&e, t->text, &out) == 0 && out.n <= t->text.n);
	require(tree_parse(&after, buf_span(&out), 0) == TREE_OK && after.v[0].type == t->v[0].type);
	if (top)
		require(tree_count(&after, 0) == left && (after.v[0].type == TREE_OBJECT) == object);
	tree_free(&after);
	edit_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tree t;
	json_error_t error;

	if (size == 0)
		return 0;
	struct span text = { (const char *)data + 1, size - 1 };
	enum tree_status status = tree_parse(&t, text, 0);
	json_t *root = load(text, &error);
	if (status != TREE_OK) {
		require(t.n == 0);
		if (root)
			require(status == TREE_TOO_DEEP || memchr(text.p, '\0', text.n));
		json_decref(root);
		return 0;
	}
	if (root)
		same(&t, 0, root);
	else
		require(jansson_cannot(&error));
	json_decref(root);
	pointers(&t);
	drop_some(&t, data[0]);
	return 0;
}
