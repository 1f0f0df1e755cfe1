/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Both contents are walked side by side. The role of a place says what a difference in it means: in a schema, a keyword decides;
 * where a keyword turns the meaning round ("not"), or lets several schemas decide together ("oneOf", "if"), nothing is certain.
 *
 * A further property that is not required counts as wider, and one that is gone as narrower, although JSON Schema lets unknown
 * properties pass unless told otherwise: it is what the tool offers to be given that a person wants to know. Pure; as deep
 * as TREE_DEPTH.
 */
#include "rpc/change.h"

#include "base/cleanup.h"
#include "rpc/schema-number.h"

#include <stdio.h>
#include <string.h>

enum role {
	ROLE_ITEM,    /* the item itself */
	ROLE_SCHEMA,
	ROLE_SCHEMAS, /* an object or array of schemas, each of which says more when it is wider */
	ROLE_UNSURE,  /* somewhere in a schema */
	ROLE_TEXT,
	ROLE_OTHER,
};

struct walk {
	const struct tree *was, *is;
	change_field_fn *field;
	void *context;
	struct buf pointer;
	unsigned changes;
};

static void note(struct walk *w, uint32_t was, uint32_t is, unsigned changes)
{
	const struct span none = { 0 };

	w->changes |= changes;
	if (w->field)
		w->field(w->context, buf_span(&w->pointer), was == TREE_NONE ? none : tree_raw(w->was, was),
			 is == TREE_NONE ? none : tree_raw(w->is, is));
}

static bool same(const struct walk *w, uint32_t was, uint32_t is)
{
	return span_eq(tree_raw(w->was, was), tree_raw(w->is, is));
}

static size_t push(struct walk *w, struct span token)
{
	size_t before = w->pointer.n;

	buf_putc(&w->pointer, '/');
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] == '~' || token.p[i] == '/')
			buf_puts(&w->pointer, token.p[i] == '~' ? "~0" : "~1");
		else
			buf_putc(&w->pointer, token.p[i]);
	}
	return before;
}

/* ---- keywords --------------------------------------------------------------------------------- */

enum meaning { MEANS_TEXT, MEANS_CEILING, MEANS_FLOOR, MEANS_RULE, MEANS_SET, MEANS_REQUIRED, MEANS_CLOSED, MEANS_SCHEMA, MEANS_SCHEMAS, MEANS_UNSURE };

static enum meaning meaning_of(struct span keyword)
{
	static const struct {
		const char *keyword;
		enum meaning meaning;
	} table[] = {
		{ "$comment", MEANS_TEXT },
		{ "additionalProperties", MEANS_CLOSED },
		{ "allOf", MEANS_SCHEMAS },
		{ "anyOf", MEANS_SCHEMAS },
		{ "const", MEANS_RULE },
		{ "default", MEANS_TEXT },
		{ "deprecated", MEANS_TEXT },
		{ "description", MEANS_TEXT },
		{ "enum", MEANS_SET },
		{ "examples", MEANS_TEXT },
		{ "exclusiveMaximum", MEANS_CEILING },
		{ "exclusiveMinimum", MEANS_FLOOR },
		{ "format", MEANS_RULE },
		{ "items", MEANS_SCHEMA },
		{ "maxItems", MEANS_CEILING },
		{ "maxLength", MEANS_CEILING },
		{ "maxProperties", MEANS_CEILING },
		{ "maximum", MEANS_CEILING },
		{ "minItems", MEANS_FLOOR },
		{ "minLength", MEANS_FLOOR },
		{ "minProperties", MEANS_FLOOR },
		{ "minimum", MEANS_FLOOR },
		{ "multipleOf", MEANS_RULE },
		{ "pattern", MEANS_RULE },
		{ "prefixItems", MEANS_SCHEMAS },
		{ "properties", MEANS_SCHEMAS },
		{ "required", MEANS_REQUIRED },
		{ "title", MEANS_TEXT },
		{ "type", MEANS_SET },
		{ "uniqueItems", MEANS_CLOSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (span_is(keyword, table[i].keyword))
			return table[i].meaning;
	return MEANS_UNSURE;
}

/* Whether every value of the array or single value A is among those of B. */
static bool subset(const struct tree *a, uint32_t x, const struct tree *b, uint32_t y)
{
	bool many_x = tree_is(a, x, TREE_ARRAY), many_y = tree_is(b, y, TREE_ARRAY);
	uint32_t i = many_x ? tree_first(a, x) : x, i_end = many_x ? a->v[x].next : x + 1;

	/* Hostile lists are not compared at any price. */
	if (many_x && many_y && (uint64_t)tree_count(a, x) * tree_count(b, y) > 1000000)
		return false;
	for (; i < i_end; i = a->v[i].next) {
		uint32_t k = many_y ? tree_first(b, y) : y, k_end = many_y ? b->v[y].next : y + 1;
		bool found = false;
		for (; k < k_end && !found; k = b->v[k].next)
			found = span_eq(tree_raw(a, i), tree_raw(b, k));
		if (!found)
			return false;
	}
	return true;
}

/* A set of allowed values (or, the other way round, of required names) has changed. */
static unsigned judge_set(const struct walk *w, uint32_t was, uint32_t is, bool required)
{
	bool grown, shrunk;

	if (was == TREE_NONE || is == TREE_NONE)
		return was == TREE_NONE ? CHANGE_NARROWER : CHANGE_WIDER;
	grown = subset(w->was, was, w->is, is);
	shrunk = subset(w->is, is, w->was, was);
	if (grown && shrunk)
		return CHANGE_TEXT; /* the order only */
	if (grown)
		return required ? CHANGE_NARROWER : CHANGE_WIDER;
	if (shrunk)
		return required ? CHANGE_WIDER : CHANGE_NARROWER;
	return CHANGE_SCHEMA;
}

static unsigned judge_number(const struct walk *w, uint32_t was, uint32_t is, bool ceiling)
{
	struct decimal old, new;

	if (was == TREE_NONE || is == TREE_NONE)
		return was == TREE_NONE ? CHANGE_NARROWER : CHANGE_WIDER;
	if (!tree_is(w->was, was, TREE_NUMBER) || !tree_is(w->is, is, TREE_NUMBER))
		return CHANGE_SCHEMA;
	decimal_parse(tree_raw(w->was, was), &old);
	decimal_parse(tree_raw(w->is, is), &new);
	int order = decimal_compare(&new, &old);
	if (order == 0 || order == 2)
		return CHANGE_SCHEMA;
	return (order > 0) == ceiling ? CHANGE_WIDER : CHANGE_NARROWER;
}

/* additionalProperties: false closes an object; uniqueItems: true is a rule. */
static unsigned judge_closed(const struct walk *w, uint32_t was, uint32_t is, bool additional)
{
	enum tree_type shut = additional ? TREE_FALSE : TREE_TRUE, open = additional ? TREE_TRUE : TREE_FALSE;
	bool was_shut = tree_is(w->was, was, shut), is_shut = tree_is(w->is, is, shut);
	bool was_open = was == TREE_NONE || tree_is(w->was, was, open);
	bool is_open = is == TREE_NONE || tree_is(w->is, is, open);

	if (was_open && is_open)
		return CHANGE_TEXT;
	if (was_open || is_shut)
		return CHANGE_NARROWER;
	if (is_open || was_shut)
		return CHANGE_WIDER;
	return CHANGE_SCHEMA;
}

static void differ(struct walk *w, enum role role, uint32_t was, uint32_t is);

static void keyword(struct walk *w, struct span word, uint32_t was, uint32_t is)
{
	bool both = was != TREE_NONE && is != TREE_NONE;

	switch (meaning_of(word)) {
	case MEANS_TEXT:
		note(w, was, is, CHANGE_TEXT);
		break;
	case MEANS_CEILING:
		note(w, was, is, judge_number(w, was, is, true));
		break;
	case MEANS_FLOOR:
		note(w, was, is, judge_number(w, was, is, false));
		break;
	case MEANS_RULE:
		note(w, was, is, both ? CHANGE_SCHEMA : was == TREE_NONE ? CHANGE_NARROWER : CHANGE_WIDER);
		break;
	case MEANS_SET:
		note(w, was, is, judge_set(w, was, is, false));
		break;
	case MEANS_REQUIRED:
		note(w, was, is, judge_set(w, was, is, true));
		break;
	case MEANS_CLOSED:
		if (both && tree_is(w->was, was, TREE_OBJECT) && tree_is(w->is, is, TREE_OBJECT))
			differ(w, ROLE_SCHEMA, was, is);
		else
			note(w, was, is, judge_closed(w, was, is, span_is(word, "additionalProperties")));
		break;
	case MEANS_SCHEMA:
		if (both)
			differ(w, ROLE_SCHEMA, was, is);
		else
			note(w, was, is, was == TREE_NONE ? CHANGE_NARROWER : CHANGE_WIDER);
		break;
	case MEANS_SCHEMAS:
		if (both)
			differ(w, ROLE_SCHEMAS, was, is);
		else if (span_is(word, "properties"))
			note(w, was, is, was == TREE_NONE ? CHANGE_WIDER : CHANGE_NARROWER);
		else
			note(w, was, is, CHANGE_SCHEMA);
		break;
	case MEANS_UNSURE:
		if (both)
			differ(w, ROLE_UNSURE, was, is);
		else
			note(w, was, is, CHANGE_SCHEMA);
		break;
	}
}

/* ---- containers ------------------------------------------------------------------------------- */

/* What it means that a place of this role differs as a whole. */
static unsigned whole(enum role role)
{
	switch (role) {
	case ROLE_TEXT:
		return CHANGE_TEXT;
	case ROLE_SCHEMA:
	case ROLE_SCHEMAS:
	case ROLE_UNSURE:
		return CHANGE_SCHEMA;
	case ROLE_ITEM:
	case ROLE_OTHER:
		break;
	}
	return CHANGE_OTHER;
}

static enum role item_role(struct span key)
{
	if (span_is(key, "description") || span_is(key, "title"))
		return ROLE_TEXT;
	if (span_is(key, "inputSchema") || span_is(key, "outputSchema"))
		return ROLE_SCHEMA;
	return ROLE_OTHER;
}

/* A member that differs, or that only one of the two has (the other is TREE_NONE). */
static void member(struct walk *w, enum role role, struct span key, uint32_t was, uint32_t is)
{
	size_t before = push(w, key);
	bool both = was != TREE_NONE && is != TREE_NONE;
	unsigned changes = w->changes;

	w->changes = 0;
	if (role == ROLE_SCHEMA) {
		keyword(w, key, was, is);
	} else {
		enum role inner = role == ROLE_ITEM ? item_role(key) : role == ROLE_SCHEMAS ? ROLE_SCHEMA : role;
		if (both)
			differ(w, inner, was, is);
		else if (role == ROLE_SCHEMAS)
			note(w, was, is, was == TREE_NONE ? CHANGE_WIDER : CHANGE_NARROWER);
		else
			note(w, was, is, whole(inner));
	}
	/* What a tool answers is nothing that it takes. */
	if (role == ROLE_ITEM && span_is(key, "outputSchema") && (w->changes & (CHANGE_WIDER | CHANGE_NARROWER)))
		w->changes = (w->changes & ~(unsigned)(CHANGE_WIDER | CHANGE_NARROWER)) | CHANGE_SCHEMA;
	w->changes |= changes;
	w->pointer.n = before;
}

static int compare(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order == 0 && a.n != b.n)
		order = a.n < b.n ? -1 : 1;
	return order;
}

/* Both are canonical, so their members are sorted. */
static void objects(struct walk *w, enum role role, uint32_t was, uint32_t is)
{
	const struct tree *a = w->was, *b = w->is;
	CLEANUP_BUF struct buf x = BUF_INIT(0);
	CLEANUP_BUF struct buf y = BUF_INIT(0);
	uint32_t i = tree_first(a, was), k = tree_first(b, is);

	while (i < a->v[was].next || k < b->v[is].next) {
		bool left = i < a->v[was].next, right = k < b->v[is].next;
		struct span p = left ? tree_string_span(a, i, &x) : (struct span){ 0 };
		struct span q = right ? tree_string_span(b, k, &y) : (struct span){ 0 };
		int order = left && right ? compare(p, q) : left ? -1 : 1;
		if (order < 0)
			member(w, role, p, i + 1, TREE_NONE);
		else if (order > 0)
			member(w, role, q, TREE_NONE, k + 1);
		else if (!same(w, i + 1, k + 1))
			member(w, role, p, i + 1, k + 1);
		i = order <= 0 ? a->v[i + 1].next : i;
		k = order >= 0 ? b->v[k + 1].next : k;
	}
}

static void arrays(struct walk *w, enum role role, uint32_t was, uint32_t is)
{
	uint32_t i = tree_first(w->was, was), k = tree_first(w->is, is);
	enum role inner = role == ROLE_SCHEMAS ? ROLE_SCHEMA : role;

	for (unsigned at = 0;; at++) {
		bool left = i < w->was->v[was].next, right = k < w->is->v[is].next;
		char number[16];
		if (!left && !right)
			return;
		snprintf(number, sizeof number, "%u", at);
		size_t before = push(w, span_of(number));
		if (left && right) {
			if (!same(w, i, k))
				differ(w, inner, i, k);
		} else {
			note(w, left ? i : TREE_NONE, right ? k : TREE_NONE, whole(inner));
		}
		w->pointer.n = before;
		i = left ? w->was->v[i].next : i;
		k = right ? w->is->v[k].next : k;
	}
}

static void differ(struct walk *w, enum role role, uint32_t was, uint32_t is)
{
	if (role != ROLE_TEXT && tree_is(w->was, was, TREE_OBJECT) && tree_is(w->is, is, TREE_OBJECT))
		objects(w, role, was, is);
	else if (role != ROLE_TEXT && tree_is(w->was, was, TREE_ARRAY) && tree_is(w->is, is, TREE_ARRAY))
		arrays(w, role, was, is);
	else
		note(w, was, is, whole(role));
}

int change_compare(enum item_kind kind, struct span was, struct span is, change_field_fn *field, void *context,
		   unsigned *changes)
{
	CLEANUP(tree_free) struct tree a = { 0 };
	CLEANUP(tree_free) struct tree b = { 0 };
	struct walk w = { .was = &a, .is = &b, .field = field, .context = context };
	enum role role = kind == ITEM_TOOL || kind == ITEM_PROMPT || kind == ITEM_TEMPLATE ? ROLE_ITEM
			 : kind == ITEM_INSTRUCTIONS                                       ? ROLE_TEXT
											   : ROLE_OTHER;

	*changes = 0;
	if ((was.n > 0 && tree_parse(&a, was, 0) != TREE_OK) || (is.n > 0 && tree_parse(&b, is, 0) != TREE_OK))
		return -1;
	if (was.n == 0 || is.n == 0) {
		if (was.n != is.n)
			note(&w, was.n ? 0 : TREE_NONE, is.n ? 0 : TREE_NONE, was.n ? CHANGE_REMOVED : CHANGE_NEW);
	} else if (!span_eq(was, is)) {
		differ(&w, role, 0, 0);
	}
	bool failed = w.pointer.full;
	buf_free(&w.pointer);
	/* What is wider in one place and narrower in another is neither. */
	if ((w.changes & (CHANGE_WIDER | CHANGE_NARROWER)) == (CHANGE_WIDER | CHANGE_NARROWER))
		w.changes |= CHANGE_SCHEMA;
	if (w.changes & CHANGE_SCHEMA)
		w.changes &= ~(unsigned)(CHANGE_WIDER | CHANGE_NARROWER);
	*changes = w.changes;
	return failed ? -1 : 0;
}

void change_words(enum item_kind kind, unsigned changes, struct buf *out)
{
	static const struct {
		unsigned bit;
		const char *words;
	} table[] = {
		{ CHANGE_WIDER, "schema widened" },  { CHANGE_NARROWER, "schema narrowed" },
		{ CHANGE_SCHEMA, "schema changed" }, { CHANGE_TEXT, "text changed" },
		{ CHANGE_OTHER, "other fields changed" },
	};
	bool any = false;

	if (changes & (CHANGE_NEW | CHANGE_REMOVED)) {
		buf_printf(out, "%s %s", changes & CHANGE_NEW ? "new" : "removed", item_kind_name(kind));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!(changes & table[i].bit))
			continue;
		buf_printf(out, "%s%s", any ? ", " : "", table[i].words);
		any = true;
	}
	if (!any)
		buf_puts(out, "unchanged");
}
