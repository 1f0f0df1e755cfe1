/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keywords whose values are taken as they stand, and tables of names. JSON Schema 2020-12 Validation, sections 6
 * and 7; see schema-keywords.c.
 */
#include "rpc/schema-compile.h"

#include "base/sort.h"
#include "rpc/schema-regex.h"

#include <stdlib.h>

#define OF(type) (1u << (type))
#define ANY 0x7fu

static const uint8_t types[KEY_COUNT_] = {
	[KEY_TYPE] = ANY,
	[KEY_CONST] = ANY,
	[KEY_ENUM] = ANY,
	[KEY_MULTIPLE_OF] = OF(TREE_NUMBER),
	[KEY_MAXIMUM] = OF(TREE_NUMBER),
	[KEY_EXCLUSIVE_MAXIMUM] = OF(TREE_NUMBER),
	[KEY_MINIMUM] = OF(TREE_NUMBER),
	[KEY_EXCLUSIVE_MINIMUM] = OF(TREE_NUMBER),
	[KEY_MAX_LENGTH] = OF(TREE_STRING),
	[KEY_MIN_LENGTH] = OF(TREE_STRING),
	[KEY_PATTERN] = OF(TREE_STRING),
	[KEY_FORMAT] = OF(TREE_STRING),
	[KEY_WITHIN] = ANY,
	[KEY_HOSTS] = ANY,
	[KEY_MAX_ITEMS] = OF(TREE_ARRAY),
	[KEY_MIN_ITEMS] = OF(TREE_ARRAY),
	[KEY_MAX_PROPERTIES] = OF(TREE_OBJECT),
	[KEY_MIN_PROPERTIES] = OF(TREE_OBJECT),
	[KEY_REQUIRED] = OF(TREE_OBJECT),
	[KEY_DEPENDENT_REQUIRED] = OF(TREE_OBJECT),
	[KEY_PROPERTY_NAMES] = OF(TREE_OBJECT),
	[KEY_MEMBERS] = OF(TREE_OBJECT),
	[KEY_UNIQUE_ITEMS] = OF(TREE_ARRAY),
	[KEY_ELEMENTS] = OF(TREE_ARRAY),
	[KEY_CONTAINS] = OF(TREE_ARRAY),
	[KEY_REF] = ANY,
	[KEY_DYNAMIC_REF] = ANY,
	[KEY_ALL_OF] = ANY,
	[KEY_DEPENDENT_SCHEMAS] = OF(TREE_OBJECT),
	[KEY_IF] = ANY,
	[KEY_ANY_OF] = ANY,
	[KEY_ONE_OF] = ANY,
	[KEY_NOT] = ANY,
	[KEY_UNEVALUATED_ITEMS] = OF(TREE_ARRAY),
	[KEY_UNEVALUATED_PROPERTIES] = OF(TREE_OBJECT),
};


bool parts_expect(struct compile *c, const struct parts *p, uint32_t node, enum tree_type type)
{
	static const char *const words[] = { "null", "false", "true", "a number", "a string", "an array", "an object" };

	return parts_tree(c, p)->v[node].type == type || parts_wrong(c, p, node, "must be %s", words[type]);
}

struct keyword *parts_add(struct parts *p, uint8_t id, uint32_t value)
{
	struct keyword *k = &p->v[p->n++];

	*k = (struct keyword){ .id = id, .types = types[id], .value = value };
	return k;
}

bool parts_keep(struct compile *c, struct span text, uint32_t *at, uint32_t *n)
{
	*at = (uint32_t)c->s->text.n;
	*n = (uint32_t)text.n;
	return buf_append(&c->s->text, text.p, text.n) == 0 || compile_no_memory(c);
}

/* ---- simple assertions ------------------------------------------------------------------------ */

static bool one_type(struct compile *c, struct parts *p, uint32_t node, struct keyword *k)
{
	static const struct { const char *name; unsigned types; } names[] = {
		{ "null", OF(TREE_NULL) },     { "boolean", OF(TREE_FALSE) | OF(TREE_TRUE) },
		{ "number", OF(TREE_NUMBER) }, { "string", OF(TREE_STRING) },
		{ "array", OF(TREE_ARRAY) },   { "object", OF(TREE_OBJECT) },
	};

	if (tree_string_is(parts_tree(c, p), node, "integer")) {
		k->n = 1;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (tree_string_is(parts_tree(c, p), node, names[i].name)) {
			k->at |= names[i].types;
			return true;
		}
	}
	return parts_wrong(c, p, node, "must name a type: null, boolean, integer, number, string, array or object");
}

bool parts_type(struct compile *c, struct parts *p, uint32_t node)
{
	const struct tree *t = parts_tree(c, p);
	struct keyword *k = parts_add(p, KEY_TYPE, node);

	if (t->v[node].type == TREE_STRING)
		return one_type(c, p, node, k);
	if (!tree_is(t, node, TREE_ARRAY) || t->v[node].next == node + 1)
		return parts_wrong(c, p, node, "must be the name of a type or an array of such names");
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next)
		if (!one_type(c, p, i, k))
			return false;
	return true;
}

bool parts_const(struct compile *c, struct parts *p, uint32_t node)
{
	(void)c;
	parts_add(p, KEY_CONST, node);
	return true;
}

static int by_hash(const void *a, const void *b, void *context)
{
	(void)context;
	const struct enum_value *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

bool parts_enum(struct compile *c, struct parts *p, uint32_t node)
{
	const struct tree *t = parts_tree(c, p);
	struct schema *s = c->s;

	if (!parts_expect(c, p, node, TREE_ARRAY))
		return false;
	uint32_t n = tree_count(t, node);
	struct keyword *k = parts_add(p, KEY_ENUM, node);
	k->at = s->enums.n;
	k->n = n;
	if (!compile_work(c, n) || !TABLE_ROOM(&s->enums, n))
		return compile_no_memory(c);
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next)
		s->enums.v[s->enums.n++] = (struct enum_value){ n > TABLE_SORTED ? value_hash(&c->values, t, i) : 0, i };
	if (n > TABLE_SORTED)
		sort_in_place(s->enums.v + k->at, n, sizeof *s->enums.v, by_hash, NULL);
	return compile_work(c, n);
}

bool parts_number(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	struct decimal d;

	if (!parts_expect(c, p, node, TREE_NUMBER))
		return false;
	if (!TABLE_ROOM(&c->s->numbers, 1))
		return compile_no_memory(c);
	decimal_parse(tree_raw(parts_tree(c, p), node), &d);
	if (id == KEY_MULTIPLE_OF && (d.n == 0 || d.negative))
		return parts_wrong(c, p, node, "must be greater than 0");
	if (id == KEY_MULTIPLE_OF && (d.vast || d.n > DECIMAL_DIVISOR_MAX))
		return parts_wrong(c, p, node, "has more digits than are counted with");
	parts_add(p, id, node)->at = c->s->numbers.n;
	c->s->numbers.v[c->s->numbers.n++] = d;
	return true;
}

bool parts_whole(struct compile *c, const struct parts *p, uint32_t node, uint64_t *count)
{
	struct decimal d;

	if (!tree_is(parts_tree(c, p), node, TREE_NUMBER))
		return parts_wrong(c, p, node, "must be a whole number that is not negative");
	if (tree_whole(parts_tree(c, p), node, UINT64_MAX, count))
		return true;
	decimal_parse(tree_raw(parts_tree(c, p), node), &d);
	if (d.negative || !decimal_integer(&d))
		return parts_wrong(c, p, node, "must be a whole number that is not negative");
	*count = UINT64_MAX;
	return true;
}

bool parts_count(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	uint64_t count = 0;

	if (!parts_whole(c, p, node, &count))
		return false;
	parts_add(p, id, node)->count = count;
	return true;
}

static bool boolean(struct compile *c, struct parts *p, uint32_t node, bool *value)
{
	const struct tree *t = parts_tree(c, p);

	*value = t->v[node].type == TREE_TRUE;
	return *value || t->v[node].type == TREE_FALSE || parts_wrong(c, p, node, "must be true or false");
}

bool parts_unique(struct compile *c, struct parts *p, uint32_t node)
{
	bool value = false;

	if (!boolean(c, p, node, &value))
		return false;
	if (value)
		parts_add(p, KEY_UNIQUE_ITEMS, node);
	return true;
}

bool parts_pattern(struct compile *c, const struct parts *p, uint32_t node, uint32_t *number)
{
	CLEANUP_BUF struct buf made = BUF_INIT(0);
	struct pattern pattern = { 0 };
	size_t at = 0;

	if (!TABLE_ROOM(&c->s->patterns, 1))
		return compile_no_memory(c);
	struct span text = tree_string_span(parts_tree(c, p), node, &c->scratch);
	if (!compile_work(c, text.n / 4))
		return false;
	const char *why = regex_translate(text, &made, &at);
	if (why)
		return parts_wrong(c, p, node, "is no regular expression of ECMA-262: %s (at byte %zu)", why, at);
	if (!parts_keep(c, text, &pattern.text, &pattern.text_n))
		return false;
	*number = c->s->patterns.n;
	c->s->patterns.v[c->s->patterns.n++] = pattern;
	return true;
}

bool parts_pattern_keyword(struct compile *c, struct parts *p, uint32_t node)
{
	uint32_t number = 0;

	if (!parts_expect(c, p, node, TREE_STRING) || !parts_pattern(c, p, node, &number))
		return false;
	parts_add(p, KEY_PATTERN, node)->at = number;
	return true;
}

bool parts_format(struct compile *c, struct parts *p, uint32_t node)
{
	if (!parts_expect(c, p, node, TREE_STRING))
		return false;
	uint32_t format = schema_format_find(tree_string_span(parts_tree(c, p), node, &c->scratch));
	if (format != FORMAT_NONE && c->s->options.formats)
		parts_add(p, KEY_FORMAT, node)->at = format;
	return true;
}

/* ---- our own ---------------------------------------------------------------------------------- */

static bool folder(struct compile *c, struct parts *p, uint32_t node, struct range *kept)
{
	CLEANUP_BUF struct buf made = BUF_INIT(0);
	const char *why = "";
	struct span text = tree_string_span(parts_tree(c, p), node, &c->scratch);

	if (!schema_path(text, c->s->options.home, NULL, &made, &why))
		return parts_wrong(c, p, node, "must be an absolute folder, but %s", why);
	return parts_keep(c, buf_span(&made), &kept->at, &kept->n);
}

static bool host(struct compile *c, struct parts *p, uint32_t node, struct range *kept)
{
	struct span text = tree_string_span(parts_tree(c, p), node, &c->scratch);

	if (!parts_keep(c, text, &kept->at, &kept->n))
		return false;
	return schema_host_pattern(c->s->text.p + kept->at, kept->n) ||
	       parts_wrong(c, p, node, "must be the name of a host, or *. and a name");
}

bool parts_policy(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	const struct tree *t = parts_tree(c, p);

	if (!c->s->options.policy_keywords)
		return true;
	if (!parts_expect(c, p, node, TREE_ARRAY))
		return false;
	struct keyword *k = parts_add(p, id, node);
	k->at = c->s->ranges.n;
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next) {
		struct range kept = { 0 };
		if (!parts_expect(c, p, i, TREE_STRING) || !(id == KEY_WITHIN ? folder : host)(c, p, i, &kept))
			return false;
		if (!compile_work(c, 4) || !TABLE_ROOM(&c->s->ranges, 1))
			return compile_no_memory(c);
		c->s->ranges.v[c->s->ranges.n++] = kept;
		k->n++;
	}
	return true;
}

/* ---- tables of names -------------------------------------------------------------------------- */

static int by_entry(const void *a, const void *b, void *context)
{
	(void)context;
	const struct entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void sort_entries(struct schema *s, struct range range)
{
	if (range.n > TABLE_SORTED)
		sort_in_place(s->entries.v + range.at, range.n, sizeof *s->entries.v, by_entry, NULL);
}

const struct entry *schema_entry(const struct schema *s, struct work *w, struct range range, struct span name,
				 uint32_t hash)
{
	if (range.n == 0)
		return NULL;
	const struct entry *e = s->entries.v + range.at, *end = e + range.n;
	if (range.n > TABLE_SORTED) {
		size_t low = 0, high = range.n;
		while (low < high) {
			size_t middle = (low + high) / 2;
			if (e[middle].hash < hash)
				low = middle + 1;
			else
				high = middle;
		}
		e += low;
	}
	for (; e < end; e++) {
		if (e->hash == hash && span_eq(schema_text(s, e->name, e->name_n), name))
			return e;
		if (range.n > TABLE_SORTED && (e->hash != hash || !work(w, 1)))
			break;
	}
	return NULL;
}

static bool make_entry(struct compile *c, const struct parts *p, uint32_t node, struct entry *e)
{
	struct span name = tree_string_span(parts_tree(c, p), node, &c->scratch);

	e->hash = schema_name_hash(name);
	return parts_keep(c, name, &e->name, &e->name_n) && compile_work(c, 2 + name.n / 16);
}

bool parts_names(struct compile *c, struct parts *p, uint32_t node, struct range *range)
{
	const struct tree *t = parts_tree(c, p);
	struct schema *s = c->s;

	if (!parts_expect(c, p, node, TREE_ARRAY))
		return false;
	*range = (struct range){ s->entries.n, 0 };
	if (!TABLE_ROOM(&s->entries, tree_count(t, node)))
		return compile_no_memory(c);
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next) {
		struct entry e = { .to = i };
		if (!parts_expect(c, p, i, TREE_STRING) || !make_entry(c, p, i, &e))
			return false;
		s->entries.v[s->entries.n++] = e;
		range->n++;
	}
	/* A name that is there twice counts once: sorted, it stands beside itself. */
	if (range->n < 2)
		return true;
	struct entry *v = s->entries.v + range->at;
	sort_in_place(v, range->n, sizeof *v, by_entry, NULL);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < range->n; i++) {
		bool again = false;
		for (uint32_t j = kept; j > 0 && v[j - 1].hash == v[i].hash && !again; j--) {
			again = span_eq(schema_text(s, v[j - 1].name, v[j - 1].name_n), schema_text(s, v[i].name, v[i].name_n));
			if (!compile_work(c, 1))
				return false;
		}
		if (!again)
			v[kept++] = v[i];
	}
	range->n = kept;
	return true;
}

bool parts_required(struct compile *c, struct parts *p, uint32_t node)
{
	struct range range;

	if (!parts_names(c, p, node, &range))
		return false;
	struct keyword *k = parts_add(p, KEY_REQUIRED, node);
	k->at = range.at;
	k->n = range.n;
	return true;
}

bool parts_members(struct compile *c, struct parts *p, uint32_t node, bool arrays, bool others, struct range *range)
{
	const struct tree *t = parts_tree(c, p);
	struct schema *s = c->s;

	*range = (struct range){ s->entries.n, 0 };
	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next)
		range->n += t->v[k + 1].type == TREE_ARRAY ? arrays : others;
	if (!compile_work(c, range->n) || !TABLE_ROOM(&s->entries, range->n))
		return compile_no_memory(c);
	s->entries.n += range->n;
	uint32_t at = range->at;
	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next) {
		bool array = t->v[k + 1].type == TREE_ARRAY;
		if (!(array ? arrays : others))
			continue;
		struct entry e = { 0 };
		struct range names;
		if (!make_entry(c, p, k, &e))
			return false;
		if (!array || !arrays) {
			e.to = compile_sub(c, k + 1, p->place);
			if (e.to == SUB_NONE)
				return false;
		} else {
			if (!parts_names(c, p, k + 1, &names) || !TABLE_ROOM(&s->ranges, 1))
				return c->err->what[0] ? false : compile_no_memory(c);
			e.to = s->ranges.n;
			s->ranges.v[s->ranges.n++] = names;
		}
		s->entries.v[at++] = e;
	}
	sort_entries(s, *range);
	return true;
}

bool parts_dependencies(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	struct range range;
	bool both = id == KEY_COUNT_;

	if (!parts_expect(c, p, node, TREE_OBJECT))
		return false;
	if (both || id == KEY_DEPENDENT_REQUIRED) {
		const struct tree *t = parts_tree(c, p);
		for (uint32_t k = tree_first(t, node); !both && k < t->v[node].next; k = t->v[k + 1].next)
			if (!parts_expect(c, p, k + 1, TREE_ARRAY))
				return false;
		if (!parts_members(c, p, node, true, false, &range))
			return false;
		struct keyword *k = parts_add(p, KEY_DEPENDENT_REQUIRED, node);
		k->at = range.at;
		k->n = range.n;
	}
	if (both || id == KEY_DEPENDENT_SCHEMAS) {
		if (!parts_members(c, p, node, false, true, &range))
			return false;
		if (!both && range.n != tree_count(parts_tree(c, p), node))
			return parts_wrong(c, p, node, "must hold schemas");
		struct keyword *k = parts_add(p, KEY_DEPENDENT_SCHEMAS, node);
		k->at = range.at;
		k->n = range.n;
	}
	return true;
}
