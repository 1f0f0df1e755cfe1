/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleaning: of a text, that the result has no control character, does not grow and stays as it is when cleaned
 * again; of JSON text that the scanner takes, that the edited message is JSON of the same values, and that what
 * the quick look calls clean is.
 */
#include "base/json-out.h"
#include "rpc/clean.h"
#include "rpc/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void clean_twice(struct span text)
{
	CLEANUP_BUF struct buf once = BUF_INIT(0), twice = BUF_INIT(0);
	struct clean_count first = { 0 }, second = { 0 };

	clean_text(&once, text, &first);
	clean_text(&twice, buf_span(&once), &second);
	require(span_eq(buf_span(&once), buf_span(&twice)) && clean_total(&second) == 0);
	require(clean_total(&first) > 0 || span_eq(text, buf_span(&once)));
	for (size_t i = 0; i < once.n; i++) {
		uint8_t c = (uint8_t)once.p[i];
		require((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n' || (c == '\r' && i + 1 < once.n && once.p[i + 1] == '\n'));
	}
}

static void clean_message(struct span line)
{
	CLEANUP(tree_free) struct tree t = { 0 }, after = { 0 };
	CLEANUP(edit_free) struct edits e = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0), text = BUF_INIT(0);
	struct clean_count count = { 0 };

	if (tree_parse(&t, line, 0) != TREE_OK)
		return;
	require(clean_tree(&t, 0, false, &e, &count));
	require((clean_total(&count) > 0) == edit_any(&e));
	require(clean_suspect(line) || !edit_any(&e));
	require(edit_apply(&e, line, &out) == 0);
	require(tree_parse(&after, buf_span(&out), 0) == TREE_OK && after.n == t.n);
	for (uint32_t i = 0; i < t.n; i++) {
		require(after.v[i].type == t.v[i].type && after.v[i].next == t.v[i].next);
		if (t.v[i].type == TREE_STRING)
			clean_twice(tree_string_span(&t, i, &text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct frame_limits limits = { .message = 1 << 20 };
	static struct message m;
	static struct frame_refusal r;

	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	struct span line = { (const char *)data, newline ? (size_t)(newline - data) : size };
	if (frame_scan_line(&limits, line, &m, &r) == FRAME_MESSAGE)
		clean_message(m.line);
	return 0;
}
