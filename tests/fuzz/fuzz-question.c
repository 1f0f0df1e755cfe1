/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments of a call, as they are put before a person, and the answer of a client. Whatever the bytes are:
 *  - what is shown has no control character, is UTF-8, and is no longer than was allowed by much;
 *  - short arguments that are shown whole are JSON again, with the same hash: nothing was left out or changed;
 *  - the state of a question is good for the call it was made for;
 *  - an answer is one of four, and a permission only where the word for it was said.
 */
#include "rpc/question.h"
#include "rpc/frame.h"
#include "rpc/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 3000 };
static const unsigned char key[QUESTION_KEY_BYTES] = "a key";

static void require(bool good)
{
	if (!good)
		abort();
}

/* What a message can have, which is what there will be: the scanner has been before. */
static bool scanned(struct span json)
{
	static struct message m;
	static struct frame_refusal r;
	const struct frame_limits limits = { .message = 1 << 20 };
	CLEANUP_BUF struct buf line = BUF_INIT(0);

	if (json.n > 0 && (json.p[json.n - 1] == '\r' || memchr(json.p, '\n', json.n)))
		return false;
	buf_puts(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":");
	buf_append(&line, json.p, json.n);
	buf_puts(&line, "}");
	return frame_scan_line(&limits, buf_span(&line), &m, &r) == FRAME_MESSAGE && m.params.n == json.n;
}

static void check_shown(struct span json)
{
	CLEANUP_BUF struct buf shown = BUF_INIT(0), clean = BUF_INIT(0);
	char state[QUESTION_STATE_MAX];
	uint64_t number = 0;

	question_arguments(&shown, json, MAX);
	require(!shown.full && shown.n <= MAX + 100);
	for (size_t i = 0; i < shown.n; i++)
		require((unsigned char)shown.p[i] >= 0x20 && shown.p[i] != 0x7f);
	require(text_clean(&clean, buf_span(&shown)) == 0);
	memset(state, 0, sizeof state);
	question_state(state, key, 7, "tool", json);
	require(question_state_check(span_of(state), key, "tool", json, &number) && number == 7);
	/* Shown whole, and without characters that are written otherwise: the same arguments. */
	if (json.n > 0 && json.n < 200 && scanned(json))
		require(question_state_check(span_of(state), key, "tool", buf_span(&shown), &number));
}

static void check_answer(struct span json)
{
	CLEANUP(tree_free) struct tree t = { 0 };

	if (!scanned(json) || tree_parse(&t, json, 0) != TREE_OK)
		return;
	enum answer a = question_answer(&t, 0);
	require(a <= ANSWER_NO);
	if (answer_allows(a))
		require(tree_string_is(&t, tree_member(&t, 0, "action"), "accept"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span all = { (const char *)data, size };

	check_shown(all);
	check_answer(all);
	return 0;
}
