/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rpc/edit.h"

#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

void edit_replace(struct edits *e, size_t at, size_t n, struct span with)
{
	if (e->n == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 32;
		struct edit *v = realloc(e->v, cap * sizeof *v);
		if (!v) {
			e->failed = true;
			return;
		}
		e->v = v;
		e->cap = cap;
	}
	e->v[e->n] = (struct edit){ .at = at, .n = n, .text_at = e->text.n, .text_n = with.n, .order = e->n };
	if (with.n > 0 && buf_append(&e->text, with.p, with.n) < 0)
		e->failed = true;
	else
		e->n++;
}

void edit_value(struct edits *e, size_t offset, const struct tree *t, uint32_t i, struct span with)
{
	edit_replace(e, offset + t->v[i].start, t->v[i].end - t->v[i].start, with);
}

void edit_drop(struct tree *t, uint32_t i)
{
	t->v[i].dropped = true;
}

/*
 * What stays is a row of items. Before the first that stays everything goes from the container's start on; after
 * each that stays, what is dropped goes together with the comma before it.
 */
void edit_sweep(struct edits *e, size_t offset, const struct tree *t, uint32_t container)
{
	bool object = t->v[container].type == TREE_OBJECT;
	uint32_t from = t->v[container].start + 1; /* end of the last that stays */
	bool any = false, kept = false;

	for (uint32_t i = tree_first(t, container); i < t->v[container].next; i = t->v[object ? i + 1 : i].next) {
		uint32_t v = object ? i + 1 : i;
		if (t->v[v].dropped) {
			any = true;
			if (kept)
				edit_replace(e, offset + from, t->v[v].end - from, (struct span){ 0 });
		} else if (!kept) {
			if (any)
				edit_replace(e, offset + from, t->v[i].start - from, (struct span){ 0 });
			kept = true;
		}
		if (kept)
			from = t->v[v].end;
	}
	if (any && !kept)
		edit_replace(e, offset + from, t->v[container].end - 1 - from, (struct span){ 0 });
}

void edit_insert(struct edits *e, size_t offset, const struct tree *t, uint32_t object, struct span member)
{
	bool empty = tree_first(t, object) == t->v[object].next;
	char comma = ',';
	size_t before = e->n;

	edit_replace(e, offset + t->v[object].start + 1, 0, member);
	if (e->n > before && empty)
		e->v[before].alone = true;
	else if (e->n > before) {
		if (buf_append(&e->text, &comma, 1) < 0)
			e->failed = true;
		else
			e->v[before].text_n++;
	}
}

static int by_place(const void *a, const void *b, void *context)
{
	(void)context;
	const struct edit *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	/* What is inserted at a place comes before what is replaced there; of two replacements, the longer one counts. */
	if ((x->n == 0) != (y->n == 0))
		return x->n == 0 ? -1 : 1;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int edit_apply(struct edits *e, struct span message, struct buf *out)
{
	size_t at = 0;
	size_t first = out->n;

	if (e->failed)
		return -1;
	if (e->n > 1)
		sort_in_place(e->v, e->n, sizeof *e->v, by_place, NULL);
	for (size_t i = 0; i < e->n; i++) {
		const struct edit *v = &e->v[i];
		if (v->at < at || v->at > message.n || v->n > message.n - v->at)
			continue;
		buf_append(out, message.p + at, v->at - at);
		if (v->text_n > 0)
			buf_append(out, e->text.p + v->text_at, v->text_n);
		if (v->alone && i + 1 < e->n && v[1].alone && v[1].at == v->at)
			buf_putc(out, ',');
		at = v->at + v->n;
	}
	buf_append(out, message.p + at, message.n - at);
	if (!out->full)
		return 0;
	out->n = first;
	return -1;
}

void edit_clear(struct edits *e)
{
	e->n = 0;
	e->failed = false;
	buf_clear(&e->text);
}

void edit_free(struct edits *e)
{
	free(e->v);
	buf_free(&e->text);
	*e = (struct edits){ 0 };
}
