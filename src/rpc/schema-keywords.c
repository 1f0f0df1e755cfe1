/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each keyword's value is looked at when compiling and becomes a row of a table; one that its draft does not
 * allow is an error. JSON Schema 2020-12 Core, sections 10 and 11, and Validation, section 6; draft-07
 * Validation, section 6.
 */
#include "rpc/schema-compile.h"

#include <stddef.h>

static uint32_t sub_of(struct compile *c, const struct parts *p, uint32_t node)
{
	return compile_sub(c, node, p->place);
}

/* ---- what holds other schemas ----------------------------------------------------------------- */

static bool on_definitions(struct compile *c, struct parts *p, uint32_t node)
{
	const struct tree *t = parts_tree(c, p);

	if (!parts_expect(c, p, node, TREE_OBJECT))
		return false;
	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next)
		if (sub_of(c, p, k + 1) == SUB_NONE)
			return false;
	return true;
}

static bool sub_list(struct compile *c, struct parts *p, uint32_t node, struct range *range)
{
	const struct tree *t = parts_tree(c, p);

	if (!tree_is(t, node, TREE_ARRAY) || t->v[node].next == node + 1)
		return parts_wrong(c, p, node, "must be an array of schemas that is not empty");
	uint32_t n = tree_count(t, node), at = c->s->lists.n;
	if (!TABLE_ROOM(&c->s->lists, n))
		return compile_no_memory(c);
	c->s->lists.n += n;
	*range = (struct range){ at, n };
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next) {
		uint32_t sub = sub_of(c, p, i);
		if (sub == SUB_NONE)
			return false;
		c->s->lists.v[at++] = sub;
	}
	return true;
}

static bool on_list(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	struct range range;

	if (!sub_list(c, p, node, &range))
		return false;
	struct keyword *k = parts_add(p, id, node);
	k->at = range.at;
	k->n = range.n;
	return true;
}

static bool on_sub(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	uint32_t sub = sub_of(c, p, node);

	if (sub == SUB_NONE)
		return false;
	parts_add(p, id, node)->sub = sub;
	if (id == KEY_UNEVALUATED_ITEMS || id == KEY_UNEVALUATED_PROPERTIES)
		c->s->subs.v[p->sub].unevaluated = true;
	return true;
}

static bool on_reference(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	if (!parts_expect(c, p, node, TREE_STRING))
		return false;
	if (!TABLE_ROOM(&c->pending, 1))
		return compile_no_memory(c);
	struct keyword *k = parts_add(p, id, node);
	k->sub = SUB_NONE;
	k->name = SUB_NONE;
	c->pending.v[c->pending.n++] = (struct pending){ p->sub, node, id };
	return true;
}

/* ---- keywords that work together -------------------------------------------------------------- */

static bool finish_patterns(struct compile *c, struct parts *p, struct range *range)
{
	const struct tree *t = parts_tree(c, p);
	uint32_t node = p->pattern_properties;

	if (!parts_expect(c, p, node, TREE_OBJECT))
		return false;
	uint32_t n = tree_count(t, node), at = c->s->pattern_subs.n;
	if (!TABLE_ROOM(&c->s->pattern_subs, n))
		return compile_no_memory(c);
	c->s->pattern_subs.n += n;
	*range = (struct range){ at, n };
	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next) {
		struct pattern_sub made = { 0 };
		if (!parts_pattern(c, p, k, &made.pattern))
			return false;
		made.sub = sub_of(c, p, k + 1);
		if (made.sub == SUB_NONE)
			return false;
		c->s->pattern_subs.v[at++] = made;
	}
	return true;
}

static bool finish_members(struct compile *c, struct parts *p)
{
	struct members m = { .additional = SUB_NONE };

	if (p->properties == TREE_NONE && p->pattern_properties == TREE_NONE && p->additional_properties == TREE_NONE)
		return true;
	if (p->properties != TREE_NONE && !parts_expect(c, p, p->properties, TREE_OBJECT))
		return false;
	if (p->properties != TREE_NONE && !parts_members(c, p, p->properties, false, true, &m.properties))
		return false;
	if (p->properties != TREE_NONE && m.properties.n != tree_count(parts_tree(c, p), p->properties))
		return parts_wrong(c, p, p->properties, "must hold schemas: objects or booleans");
	if (p->pattern_properties != TREE_NONE && !finish_patterns(c, p, &m.patterns))
		return false;
	if (p->additional_properties != TREE_NONE) {
		m.additional = sub_of(c, p, p->additional_properties);
		if (m.additional == SUB_NONE)
			return false;
	}
	if (!TABLE_ROOM(&c->s->members, 1))
		return compile_no_memory(c);
	parts_add(p, KEY_MEMBERS, p->properties)->at = c->s->members.n;
	c->s->members.v[c->s->members.n++] = m;
	return true;
}

static bool finish_elements(struct compile *c, struct parts *p)
{
	struct elements e = { .rest = SUB_NONE };
	bool old = p->place->dialect == SCHEMA_DRAFT_07;
	bool array = p->items != TREE_NONE && tree_is(parts_tree(c, p), p->items, TREE_ARRAY);
	uint32_t prefix = p->prefix_items, rest = p->items;

	if (array && !old)
		return parts_wrong(c, p, p->items, "must be a schema (an array of them is \"prefixItems\" in 2020-12)");
	if (old) {
		prefix = array ? p->items : TREE_NONE;
		rest = array ? p->additional_items : p->items;
		e.prefix_keyword = 1;
		e.rest_keyword = array;
		/* Without a list of items it is not looked at, but what it holds may be referred to. */
		if (!array && p->additional_items != TREE_NONE && sub_of(c, p, p->additional_items) == SUB_NONE)
			return false;
	}
	if (prefix == TREE_NONE && rest == TREE_NONE)
		return true;
	if (prefix != TREE_NONE && parts_tree(c, p)->v[prefix].next != prefix + 1 && !sub_list(c, p, prefix, &e.prefix))
		return false;
	if (prefix != TREE_NONE && !old && e.prefix.n == 0)
		return parts_wrong(c, p, prefix, "must be an array of schemas that is not empty");
	if (rest != TREE_NONE) {
		e.rest = sub_of(c, p, rest);
		if (e.rest == SUB_NONE)
			return false;
	}
	if (!TABLE_ROOM(&c->s->elements, 1))
		return compile_no_memory(c);
	parts_add(p, KEY_ELEMENTS, prefix != TREE_NONE ? prefix : rest)->at = c->s->elements.n;
	c->s->elements.v[c->s->elements.n++] = e;
	return true;
}

static bool finish_contains(struct compile *c, struct parts *p)
{
	struct contains k = { .min = 1, .max = UINT64_MAX };

	if (p->min_contains != TREE_NONE && !parts_whole(c, p, p->min_contains, &k.min))
		return false;
	if (p->max_contains != TREE_NONE && !parts_whole(c, p, p->max_contains, &k.max))
		return false;
	if (p->contains == TREE_NONE)
		return true;
	k.has_min = p->min_contains != TREE_NONE;
	k.has_max = p->max_contains != TREE_NONE;
	k.sub = sub_of(c, p, p->contains);
	if (k.sub == SUB_NONE)
		return false;
	if (!TABLE_ROOM(&c->s->contains, 1))
		return compile_no_memory(c);
	parts_add(p, KEY_CONTAINS, p->contains)->at = c->s->contains.n;
	c->s->contains.v[c->s->contains.n++] = k;
	return true;
}

static bool finish_condition(struct compile *c, struct parts *p)
{
	struct condition k = { SUB_NONE, SUB_NONE, SUB_NONE };

	if (p->test != TREE_NONE && (k.test = sub_of(c, p, p->test)) == SUB_NONE)
		return false;
	if (p->then != TREE_NONE && (k.then = sub_of(c, p, p->then)) == SUB_NONE)
		return false;
	if (p->otherwise != TREE_NONE && (k.otherwise = sub_of(c, p, p->otherwise)) == SUB_NONE)
		return false;
	if (k.test == SUB_NONE)
		return true;
	if (!TABLE_ROOM(&c->s->conditions, 1))
		return compile_no_memory(c);
	parts_add(p, KEY_IF, p->test)->at = c->s->conditions.n;
	c->s->conditions.v[c->s->conditions.n++] = k;
	return true;
}

/* ---- the table of keywords -------------------------------------------------------------------- */

enum { NEW = 1, OLD = 2, BOTH = 3 };

struct row {
	const char *name;
	uint8_t dialects;
	uint8_t id;
	parts_simple *simple;
	parts_with_id *with_id;
	size_t part; /* else: the place is kept here */
};

#define PART(field) .part = offsetof(struct parts, field)

/* Sorted by name. */
static const struct row rows[] = {
	{ "$defs", NEW, 0, on_definitions, NULL, 0 },
	{ "$dynamicRef", NEW, KEY_DYNAMIC_REF, NULL, on_reference, 0 },
	{ "$ref", BOTH, KEY_REF, NULL, on_reference, 0 },
	{ "additionalItems", OLD, PART(additional_items) },
	{ "additionalProperties", BOTH, PART(additional_properties) },
	{ "allOf", BOTH, KEY_ALL_OF, NULL, on_list, 0 },
	{ "anyOf", BOTH, KEY_ANY_OF, NULL, on_list, 0 },
	{ "const", BOTH, 0, parts_const, NULL, 0 },
	{ "contains", BOTH, PART(contains) },
	{ "definitions", BOTH, 0, on_definitions, NULL, 0 },
	{ "dependencies", BOTH, KEY_COUNT_, NULL, parts_dependencies, 0 },
	{ "dependentRequired", NEW, KEY_DEPENDENT_REQUIRED, NULL, parts_dependencies, 0 },
	{ "dependentSchemas", NEW, KEY_DEPENDENT_SCHEMAS, NULL, parts_dependencies, 0 },
	{ "else", BOTH, PART(otherwise) },
	{ "enum", BOTH, 0, parts_enum, NULL, 0 },
	{ "exclusiveMaximum", BOTH, KEY_EXCLUSIVE_MAXIMUM, NULL, parts_number, 0 },
	{ "exclusiveMinimum", BOTH, KEY_EXCLUSIVE_MINIMUM, NULL, parts_number, 0 },
	{ "format", BOTH, 0, parts_format, NULL, 0 },
	{ "hosts", BOTH, KEY_HOSTS, NULL, parts_policy, 0 },
	{ "if", BOTH, PART(test) },
	{ "items", BOTH, PART(items) },
	{ "maxContains", NEW, PART(max_contains) },
	{ "maxItems", BOTH, KEY_MAX_ITEMS, NULL, parts_count, 0 },
	{ "maxLength", BOTH, KEY_MAX_LENGTH, NULL, parts_count, 0 },
	{ "maxProperties", BOTH, KEY_MAX_PROPERTIES, NULL, parts_count, 0 },
	{ "maximum", BOTH, KEY_MAXIMUM, NULL, parts_number, 0 },
	{ "minContains", NEW, PART(min_contains) },
	{ "minItems", BOTH, KEY_MIN_ITEMS, NULL, parts_count, 0 },
	{ "minLength", BOTH, KEY_MIN_LENGTH, NULL, parts_count, 0 },
	{ "minProperties", BOTH, KEY_MIN_PROPERTIES, NULL, parts_count, 0 },
	{ "minimum", BOTH, KEY_MINIMUM, NULL, parts_number, 0 },
	{ "multipleOf", BOTH, KEY_MULTIPLE_OF, NULL, parts_number, 0 },
	{ "not", BOTH, KEY_NOT, NULL, on_sub, 0 },
	{ "oneOf", BOTH, KEY_ONE_OF, NULL, on_list, 0 },
	{ "pattern", BOTH, 0, parts_pattern_keyword, NULL, 0 },
	{ "patternProperties", BOTH, PART(pattern_properties) },
	{ "prefixItems", NEW, PART(prefix_items) },
	{ "properties", BOTH, PART(properties) },
	{ "propertyNames", BOTH, KEY_PROPERTY_NAMES, NULL, on_sub, 0 },
	{ "required", BOTH, 0, parts_required, NULL, 0 },
	{ "then", BOTH, PART(then) },
	{ "type", BOTH, 0, parts_type, NULL, 0 },
	{ "unevaluatedItems", NEW, KEY_UNEVALUATED_ITEMS, NULL, on_sub, 0 },
	{ "unevaluatedProperties", NEW, KEY_UNEVALUATED_PROPERTIES, NULL, on_sub, 0 },
	{ "uniqueItems", BOTH, 0, parts_unique, NULL, 0 },
	{ "within", BOTH, KEY_WITHIN, NULL, parts_policy, 0 },
};

static const struct row *row_of(struct span name)
{
	size_t low = 0, high = ARRAY_SIZE(rows);

	while (low < high) {
		size_t middle = (low + high) / 2, n = strlen(rows[middle].name);
		int order = memcmp(name.p, rows[middle].name, name.n < n ? name.n : n);
		if (order == 0 && name.n == n)
			return &rows[middle];
		if (order < 0 || (order == 0 && name.n < n))
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool one_member(struct compile *c, struct parts *p, const struct row *row, uint32_t value)
{
	if (row->simple)
		return row->simple(c, p, value);
	if (row->with_id)
		return row->with_id(c, p, value, row->id);
	memcpy((char *)p + row->part, &value, sizeof value);
	return true;
}

static void put_in_order(struct parts *p)
{
	for (uint32_t i = 1; i < p->n; i++) {
		struct keyword k = p->v[i];
		uint32_t j = i;
		for (; j > 0 && p->v[j - 1].id > k.id; j--)
			p->v[j] = p->v[j - 1];
		p->v[j] = k;
	}
}

bool compile_keywords(struct compile *c, uint32_t sub, uint32_t node, const struct place *place)
{
	struct parts p = {
		.sub = sub, .place = place, .properties = TREE_NONE, .pattern_properties = TREE_NONE,
		.additional_properties = TREE_NONE, .prefix_items = TREE_NONE, .items = TREE_NONE, .additional_items = TREE_NONE,
		.contains = TREE_NONE, .min_contains = TREE_NONE, .max_contains = TREE_NONE, .test = TREE_NONE,
		.then = TREE_NONE, .otherwise = TREE_NONE,
	};
	const struct tree *t = compile_tree(c, place->document);
	bool old = place->dialect == SCHEMA_DRAFT_07, alone = old && tree_member(t, node, "$ref") != TREE_NONE;

	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next) {
		const struct row *row = row_of(tree_string_span(t, k, &c->scratch));
		if (!compile_work(c, 2))
			return false;
		if (!row || !(row->dialects & (old ? OLD : NEW)))
			continue;
		/* draft-07: a reference stands alone; but what is defined beside it can be referred to. */
		if (alone && row->id != KEY_REF && row->simple != on_definitions)
			continue;
		if (!one_member(c, &p, row, k + 1))
			return false;
	}
	if (!finish_members(c, &p) || !finish_elements(c, &p) || !finish_contains(c, &p) || !finish_condition(c, &p))
		return false;
	put_in_order(&p);
	if (!TABLE_ROOM(&c->s->keywords, p.n))
		return compile_no_memory(c);
	c->s->subs.v[sub].keywords = c->s->keywords.n;
	c->s->subs.v[sub].keywords_n = (uint8_t)p.n;
	if (p.n == 0)
		return true;
	memcpy(c->s->keywords.v + c->s->keywords.n, p.v, p.n * sizeof *p.v);
	c->s->keywords.n += p.n;
	return true;
}
