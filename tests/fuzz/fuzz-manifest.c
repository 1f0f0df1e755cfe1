/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a server shows, page after page: the first byte says the mode, then each line is an answer (the first of a list of tools, with a
 * cursor where it begins with a digit). Whatever comes, what goes on to the client is JSON, has no two tools of a name, and shows nothing
 * that may not be used; a canonical form is its own; two contents of one item can be compared.
 */
#include "rpc/change.h"
#include "rpc/manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct buf last; /* the content of the last item that was told */
};

static void must(bool what)
{
	if (!what)
		abort();
}

static void field(void *context, struct span pointer, struct span was, struct span is)
{
	(void)context;
	must((pointer.n == 0 || pointer.p[0] == '/') && (was.n > 0 || is.n > 0));
}

static void on_finding(void *context, enum finding finding, enum item_kind kind, struct span name, const struct item *item)
{
	struct run *run = context;
	unsigned changes;

	must(finding < FINDINGS_ && kind < ITEM_KINDS);
	if (finding != FINDING_FIRST && finding != FINDING_NEW && finding != FINDING_CHANGED)
		return;
	must(item && item->offered.n > 0 && item->offered.n <= ITEM_CONTENT_MAX && name.n <= ITEM_NAME_MAX);
	if (run->last.n > 0)
		must(change_compare(kind, buf_span(&run->last), item->offered, field, NULL, &changes) == 0);
	if (finding == FINDING_CHANGED) {
		must(change_compare(kind, item->content, item->offered, field, NULL, &changes) == 0);
		must(changes != 0);
	}
	buf_clear(&run->last);
	buf_append(&run->last, item->offered.p, item->offered.n);
}

static void check_canonical(const struct tree *t)
{
	CLEANUP_BUF struct buf once = BUF_INIT(0);
	CLEANUP_BUF struct buf twice = BUF_INIT(0);
	CLEANUP(tree_free) struct tree again = { 0 };

	must(manifest_canonical(t, 0, &once) == 0);
	must(tree_parse(&again, buf_span(&once), 0) == TREE_OK);
	must(manifest_canonical(&again, 0, &twice) == 0);
	must(span_eq(buf_span(&once), buf_span(&twice)));
}

/* The edited answer, as the client gets it. */
static void check_shown(const struct manifest *m, struct span text, enum item_kind kind)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP_BUF struct buf name = BUF_INIT(0);
	const char *member = kind == ITEM_TEMPLATE ? "uriTemplate" : "name";

	must(tree_parse(&t, text, 0) == TREE_OK);
	uint32_t items = manifest_items(&t, 0, kind);
	if (items == TREE_NONE)
		return;
	for (uint32_t i = tree_first(&t, items); i < t.v[items].next; i = t.v[i].next) {
		const struct item *item;
		uint32_t at = tree_member(&t, i, member);
		must(tree_is(&t, at, TREE_STRING));
		must(manifest_standing(m, kind, tree_string_span(&t, at, &name), &item) == STANDING_KNOWN);
		must(item->content.n > 0);
	}
}

static void answer(struct manifest *m, struct span line, enum item_kind kind)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP(edit_free) struct edits e = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	uint64_t cursor = 0;

	if (line.n > 0 && line.p[0] >= '0' && line.p[0] <= '9') {
		char params[] = "{\"cursor\":\"0\"}";
		CLEANUP(tree_free) struct tree p = { 0 };
		params[11] = line.p[0];
		must(tree_parse(&p, span_of(params), 0) == TREE_OK);
		cursor = manifest_cursor(&p, 0, "cursor");
		line.p++;
		line.n--;
	}
	if (tree_parse(&t, line, 1 << 16) != TREE_OK)
		return;
	check_canonical(&t);
	must(manifest_hello(m, "initialize", &t, 0, 0, &e) == 0);
	if (t.v[0].type == TREE_OBJECT)
		edit_sweep(&e, 0, &t, 0);
	must(manifest_list(m, kind, &t, 0, cursor, NULL) == 0);
	uint32_t items = manifest_items(&t, 0, kind);
	if (items != TREE_NONE)
		edit_sweep(&e, 0, &t, items);
	must(edit_apply(&e, line, &out) == 0);
	check_shown(m, buf_span(&out), kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { 0 };

	if (size == 0 || size > 65536)
		return 0;
	struct manifest *m = manifest_new((enum pins_mode)(data[0] % 3), on_finding, &run);
	must(m != NULL);
	const char *p = (const char *)data + 1, *end = (const char *)data + size;
	enum item_kind kind = (enum item_kind)(ITEM_TOOL + (data[0] >> 2) % 3);
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((newline ? newline : end) - p);
		answer(m, (struct span){ p, n }, kind);
		p += n + 1;
	}
	uint32_t *alike = calloc(manifest_count(m) + 1, sizeof *alike);
	must(alike && manifest_alike(m, alike) == 0);
	for (size_t i = 0; i < manifest_count(m); i++)
		must(alike[i] == UINT32_MAX || (alike[i] != i && alike[i] < manifest_count(m)));
	free(alike);
	manifest_free(m);
	buf_free(&run.last);
	return 0;
}
