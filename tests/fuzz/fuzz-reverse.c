/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a server asks of the client, as any JSON that the scanner lets through: whatever is decided, what comes out after the edits is one
 * JSON value again, and what passes says who asks.
 */
#include "rpc/frame.h"
#include "rpc/reverse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tree tree, again;
static struct edits edits;
static struct buf out;

static void apply(struct span params)
{
	buf_clear(&out);
	if (edit_apply(&edits, params, &out) < 0 || tree_parse(&again, buf_span(&out), 0) != TREE_OK)
		abort();
}

static void ask(const struct mediation *policy, const char *method, struct span params)
{
	struct reverse r = { .policy = policy, .server = "srv", .caps = ~0u };

	edit_clear(&edits);
	if (tree_parse(&tree, params, 0) != TREE_OK)
		return;
	enum reverse_fate fate = reverse_request(&r, method, &tree, 0, 0, &edits);
	if (fate == REVERSE_REFUSED && (r.code == 0 || r.words[0] == '\0'))
		abort();
	if (fate != REVERSE_PASSES)
		return;
	apply(params);
	if (!memmem(out.p, out.n, "srv", 3))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":";
	const struct frame_limits limits = { .message = 1 << 20 };
	struct mediation policy;
	struct message m;
	struct frame_refusal refusal;
	struct buf line = BUF_INIT(1 << 20);

	/* Keys are unique, and text is UTF-8: the scanner sees to that. */
	buf_puts(&line, start);
	buf_append(&line, data, size);
	buf_puts(&line, "}");
	if (!memchr(line.p, '\n', line.n) &&
	    frame_scan_line(&limits, buf_span(&line), &m, &refusal) == FRAME_MESSAGE && m.params.n > 0) {
		mediation_defaults(&policy);
		policy.sampling = policy.elicitation = policy.elicitation_url = REVERSE_ALLOW;
		ask(&policy, "sampling/createMessage", m.params);
		ask(&policy, "elicitation/create", m.params);
		edit_clear(&edits);
		if (tree_parse(&tree, m.params, 0) == TREE_OK) {
			policy.elicitation = REVERSE_DENY;
			reverse_capabilities(&policy, &tree, 0, 0, &edits);
			apply(m.params);
		}
		mediation_free(&policy);
	}
	reverse_secret((struct span){ (const char *)data, size });
	reverse_url((struct span){ (const char *)data, size }, NULL);
	buf_free(&line);
	return 0;
}
