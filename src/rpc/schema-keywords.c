/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each keyword's value is looked at when compiling and becomes a row of a table; one that its draft does not allow is an error. JSON
 * Schema 2020-12 Core, sections 10 and 11, and Validation, section 6; draft-07 Validation, section 6.
 */
#include "rpc/schema-compile.h"

#include "rpc/schema-regex.h"

#include <stdlib.h>

/* A schema object's keywords while they are collected; those that work together by their places. */
struct parts {
	struct keyword v[KEY_COUNT_ + 4];
	uint32_t n;
	uint32_t sub;
	const struct place *place;
	uint32_t properties, pattern_properties, additional_properties;
	uint32_t prefix_items, items, additional_items;
	uint32_t contains, min_contains, max_contains;
	uint32_t test, then, otherwise;
};

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

static const struct tree *tree_of(const struct compile *c, const struct parts *p)
{
	return compile_tree(c, p->place->document);
}

#define wrong(c, p, node, ...) compile_wrong(c, (p)->place->document, node, __VA_ARGS__)

static bool expect(struct compile *c, const struct parts *p, uint32_t node, enum tree_type type)
{
	static const char *const words[] = { "null", "false", "true", "a number", "a string", "an array", "an object" };

	return tree_of(c, p)->v[node].type == type || wrong(c, p, node, "must be %s", words[type]);
}

static struct keyword *add(struct parts *p, uint8_t id, uint32_t value)
{
	struct keyword *k = &p->v[p->n++];

	*k = (struct keyword){ .id = id, .types = types[id], .value = value };
	return k;
}

/* Append TEXT to the schema's own text. */
static bool keep(struct compile *c, struct span text, uint32_t *at, uint32_t *n)
{
	*at = (uint32_t)c->s->text.n;
	*n = (uint32_t)text.n;
	return buf_append(&c->s->text, text.p, text.n) == 0 || compile_no_memory(c);
}

static uint32_t sub_of(struct compile *c, const struct parts *p, uint32_t node)
{
	return compile_sub(c, node, p->place);
}

/* ---- simple assertions ------------------------------------------------------------------------ */

static bool one_type(struct compile *c, struct parts *p, uint32_t node, struct keyword *k)
{
	static const struct { const char *name; unsigned types; } names[] = {
		{ "null", OF(TREE_NULL) },     { "boolean", OF(TREE_FALSE) | OF(TREE_TRUE) },
		{ "number", OF(TREE_NUMBER) }, { "string", OF(TREE_STRING) },
		{ "array", OF(TREE_ARRAY) },   { "object", OF(TREE_OBJECT) },
	};

	if (tree_string_is(tree_of(c, p), node, "integer")) {
		k->n = 1;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (tree_string_is(tree_of(c, p), node, names[i].name)) {
			k->at |= names[i].types;
			return true;
		}
	}
	return wrong(c, p, node, "must name a type: null, boolean, integer, number, string, array or object");
}

static bool on_type(struct compile *c, struct parts *p, uint32_t node)
{
	const struct tree *t = tree_of(c, p);
	struct keyword *k = add(p, KEY_TYPE, node);

	if (t->v[node].type == TREE_STRING)
		return one_type(c, p, node, k);
	if (!tree_is(t, node, TREE_ARRAY) || t->v[node].next == node + 1)
		return wrong(c, p, node, "must be the name of a type or an array of such names");
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next)
		if (!one_type(c, p, i, k))
			return false;
	return true;
}

static bool on_const(struct compile *c, struct parts *p, uint32_t node)
{
	(void)c;
	add(p, KEY_CONST, node);
	return true;
}

static int by_hash(const void *a, const void *b)
{
	const struct enum_value *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static bool on_enum(struct compile *c, struct parts *p, uint32_t node)
{
	const struct tree *t = tree_of(c, p);
	struct schema *s = c->s;

	if (!expect(c, p, node, TREE_ARRAY))
		return false;
	uint32_t n = tree_count(t, node);
	struct keyword *k = add(p, KEY_ENUM, node);
	k->at = s->enums.n;
	k->n = n;
	if (!compile_work(c, n) || !TABLE_ROOM(&s->enums, n))
		return compile_no_memory(c);
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next)
		s->enums.v[s->enums.n++] = (struct enum_value){ n > TABLE_SORTED ? value_hash(&c->values, t, i) : 0, i };
	if (n > TABLE_SORTED)
		qsort(s->enums.v + k->at, n, sizeof *s->enums.v, by_hash);
	return compile_work(c, n);
}

static bool on_number(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	struct decimal d;

	if (!expect(c, p, node, TREE_NUMBER))
		return false;
	if (!TABLE_ROOM(&c->s->numbers, 1))
		return compile_no_memory(c);
	decimal_parse(tree_raw(tree_of(c, p), node), &d);
	if (id == KEY_MULTIPLE_OF && (d.n == 0 || d.negative))
		return wrong(c, p, node, "must be greater than 0");
	if (id == KEY_MULTIPLE_OF && (d.vast || d.n > DECIMAL_DIVISOR_MAX))
		return wrong(c, p, node, "has more digits than are counted with");
	add(p, id, node)->at = c->s->numbers.n;
	c->s->numbers.v[c->s->numbers.n++] = d;
	return true;
}

static bool whole(struct compile *c, const struct parts *p, uint32_t node, uint64_t *count)
{
	struct decimal d;

	if (!tree_is(tree_of(c, p), node, TREE_NUMBER))
		return wrong(c, p, node, "must be a whole number that is not negative");
	if (tree_whole(tree_of(c, p), node, UINT64_MAX, count))
		return true;
	decimal_parse(tree_raw(tree_of(c, p), node), &d);
	if (d.negative || !decimal_integer(&d))
		return wrong(c, p, node, "must be a whole number that is not negative");
	*count = UINT64_MAX;
	return true;
}

static bool on_count(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	uint64_t count = 0;

	if (!whole(c, p, node, &count))
		return false;
	add(p, id, node)->count = count;
	return true;
}

static bool boolean(struct compile *c, struct parts *p, uint32_t node, bool *value)
{
	const struct tree *t = tree_of(c, p);

	*value = t->v[node].type == TREE_TRUE;
	return *value || t->v[node].type == TREE_FALSE || wrong(c, p, node, "must be true or false");
}

static bool on_unique(struct compile *c, struct parts *p, uint32_t node)
{
	bool value = false;

	if (!boolean(c, p, node, &value))
		return false;
	if (value)
		add(p, KEY_UNIQUE_ITEMS, node);
	return true;
}

/* NODE is the string or, of a member, the key. */
static bool add_pattern(struct compile *c, const struct parts *p, uint32_t node, uint32_t *number)
{
	CLEANUP_BUF struct buf made = BUF_INIT(0);
	struct pattern pattern = { 0 };
	size_t at = 0;

	if (!TABLE_ROOM(&c->s->patterns, 1))
		return compile_no_memory(c);
	struct span text = tree_string_span(tree_of(c, p), node, &c->scratch);
	if (!compile_work(c, text.n / 4))
		return false;
	const char *why = regex_translate(text, &made, &at);
	if (why)
		return wrong(c, p, node, "is no regular expression of ECMA-262: %s (at byte %zu)", why, at);
	if (!keep(c, text, &pattern.text, &pattern.text_n))
		return false;
	*number = c->s->patterns.n;
	c->s->patterns.v[c->s->patterns.n++] = pattern;
	return true;
}

static bool on_pattern(struct compile *c, struct parts *p, uint32_t node)
{
	uint32_t number = 0;

	if (!expect(c, p, node, TREE_STRING) || !add_pattern(c, p, node, &number))
		return false;
	add(p, KEY_PATTERN, node)->at = number;
	return true;
}

static bool on_format(struct compile *c, struct parts *p, uint32_t node)
{
	if (!expect(c, p, node, TREE_STRING))
		return false;
	uint32_t format = schema_format_find(tree_string_span(tree_of(c, p), node, &c->scratch));
	if (format != FORMAT_NONE && c->s->options.formats)
		add(p, KEY_FORMAT, node)->at = format;
	return true;
}

/* ---- our own ---------------------------------------------------------------------------------- */

static bool folder(struct compile *c, struct parts *p, uint32_t node, struct range *kept)
{
	CLEANUP_BUF struct buf made = BUF_INIT(0);
	const char *why = "";
	struct span text = tree_string_span(tree_of(c, p), node, &c->scratch);

	if (!schema_path(text, c->s->options.home, NULL, &made, &why))
		return wrong(c, p, node, "must be an absolute folder, but %s", why);
	return keep(c, buf_span(&made), &kept->at, &kept->n);
}

static bool host(struct compile *c, struct parts *p, uint32_t node, struct range *kept)
{
	struct span text = tree_string_span(tree_of(c, p), node, &c->scratch);

	if (!keep(c, text, &kept->at, &kept->n))
		return false;
	return schema_host_pattern(c->s->text.p + kept->at, kept->n) ||
	       wrong(c, p, node, "must be the name of a host, or *. and a name");
}

static bool on_policy(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	const struct tree *t = tree_of(c, p);

	if (!c->s->options.policy_keywords)
		return true;
	if (!expect(c, p, node, TREE_ARRAY))
		return false;
	struct keyword *k = add(p, id, node);
	k->at = c->s->ranges.n;
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next) {
		struct range kept = { 0 };
		if (!expect(c, p, i, TREE_STRING) || !(id == KEY_WITHIN ? folder : host)(c, p, i, &kept))
			return false;
		if (!compile_work(c, 4) || !TABLE_ROOM(&c->s->ranges, 1))
			return compile_no_memory(c);
		c->s->ranges.v[c->s->ranges.n++] = kept;
		k->n++;
	}
	return true;
}

/* ---- tables of names -------------------------------------------------------------------------- */

static int by_entry(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void sort_entries(struct schema *s, struct range range)
{
	if (range.n > TABLE_SORTED)
		qsort(s->entries.v + range.at, range.n, sizeof *s->entries.v, by_entry);
}

const struct entry *schema_entry(const struct schema *s, struct work *w, struct range range, struct span name, uint32_t hash)
{
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
	struct span name = tree_string_span(tree_of(c, p), node, &c->scratch);

	e->hash = schema_name_hash(name);
	return keep(c, name, &e->name, &e->name_n) && compile_work(c, 2 + name.n / 16);
}

/* The array of names NODE as a table, each once. */
static bool names_table(struct compile *c, struct parts *p, uint32_t node, struct range *range)
{
	const struct tree *t = tree_of(c, p);
	struct schema *s = c->s;

	if (!expect(c, p, node, TREE_ARRAY))
		return false;
	*range = (struct range){ s->entries.n, 0 };
	if (!TABLE_ROOM(&s->entries, tree_count(t, node)))
		return compile_no_memory(c);
	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[i].next) {
		struct entry e = { .to = i };
		if (!expect(c, p, i, TREE_STRING) || !make_entry(c, p, i, &e))
			return false;
		s->entries.v[s->entries.n++] = e;
		range->n++;
	}
	/* A name that is there twice counts once: sorted, it stands beside itself. */
	struct entry *v = s->entries.v + range->at;
	if (range->n > 1)
		qsort(v, range->n, sizeof *v, by_entry);
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

static bool on_required(struct compile *c, struct parts *p, uint32_t node)
{
	struct range range;

	if (!names_table(c, p, node, &range))
		return false;
	struct keyword *k = add(p, KEY_REQUIRED, node);
	k->at = range.at;
	k->n = range.n;
	return true;
}

/*
 * Members of NODE whose value is (or is not) an array as a table: of lists of names, or of subs. WHICH: arrays only, others
 * only; both are compiled the same way.
 */
static bool member_table(struct compile *c, struct parts *p, uint32_t node, bool arrays, bool others, struct range *range)
{
	const struct tree *t = tree_of(c, p);
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
			e.to = sub_of(c, p, k + 1);
			if (e.to == SUB_NONE)
				return false;
		} else {
			if (!names_table(c, p, k + 1, &names) || !TABLE_ROOM(&s->ranges, 1))
				return c->err->what[0] ? false : compile_no_memory(c);
			e.to = s->ranges.n;
			s->ranges.v[s->ranges.n++] = names;
		}
		s->entries.v[at++] = e;
	}
	sort_entries(s, *range);
	return true;
}

static bool on_dependencies(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	struct range range;
	bool both = id == KEY_COUNT_;

	if (!expect(c, p, node, TREE_OBJECT))
		return false;
	if (both || id == KEY_DEPENDENT_REQUIRED) {
		const struct tree *t = tree_of(c, p);
		for (uint32_t k = tree_first(t, node); !both && k < t->v[node].next; k = t->v[k + 1].next)
			if (!expect(c, p, k + 1, TREE_ARRAY))
				return false;
		if (!member_table(c, p, node, true, false, &range))
			return false;
		struct keyword *k = add(p, KEY_DEPENDENT_REQUIRED, node);
		k->at = range.at;
		k->n = range.n;
	}
	if (both || id == KEY_DEPENDENT_SCHEMAS) {
		if (!member_table(c, p, node, false, true, &range))
			return false;
		if (!both && range.n != tree_count(tree_of(c, p), node))
			return wrong(c, p, node, "must hold schemas");
		struct keyword *k = add(p, KEY_DEPENDENT_SCHEMAS, node);
		k->at = range.at;
		k->n = range.n;
	}
	return true;
}

/* ---- what holds other schemas ----------------------------------------------------------------- */

static bool on_definitions(struct compile *c, struct parts *p, uint32_t node)
{
	const struct tree *t = tree_of(c, p);

	if (!expect(c, p, node, TREE_OBJECT))
		return false;
	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next)
		if (sub_of(c, p, k + 1) == SUB_NONE)
			return false;
	return true;
}

static bool sub_list(struct compile *c, struct parts *p, uint32_t node, struct range *range)
{
	const struct tree *t = tree_of(c, p);

	if (!tree_is(t, node, TREE_ARRAY) || t->v[node].next == node + 1)
		return wrong(c, p, node, "must be an array of schemas that is not empty");
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
	struct keyword *k = add(p, id, node);
	k->at = range.at;
	k->n = range.n;
	return true;
}

static bool on_sub(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	uint32_t sub = sub_of(c, p, node);

	if (sub == SUB_NONE)
		return false;
	add(p, id, node)->sub = sub;
	if (id == KEY_UNEVALUATED_ITEMS || id == KEY_UNEVALUATED_PROPERTIES)
		c->s->subs.v[p->sub].unevaluated = true;
	return true;
}

static bool on_reference(struct compile *c, struct parts *p, uint32_t node, uint8_t id)
{
	if (!expect(c, p, node, TREE_STRING))
		return false;
	if (!TABLE_ROOM(&c->pending, 1))
		return compile_no_memory(c);
	struct keyword *k = add(p, id, node);
	k->sub = SUB_NONE;
	k->name = SUB_NONE;
	c->pending.v[c->pending.n++] = (struct pending){ p->sub, node, id };
	return true;
}

/* ---- keywords that work together -------------------------------------------------------------- */

static bool finish_patterns(struct compile *c, struct parts *p, struct range *range)
{
	const struct tree *t = tree_of(c, p);
	uint32_t node = p->pattern_properties;

	if (!expect(c, p, node, TREE_OBJECT))
		return false;
	uint32_t n = tree_count(t, node), at = c->s->pattern_subs.n;
	if (!TABLE_ROOM(&c->s->pattern_subs, n))
		return compile_no_memory(c);
	c->s->pattern_subs.n += n;
	*range = (struct range){ at, n };
	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next) {
		struct pattern_sub made = { 0 };
		if (!add_pattern(c, p, k, &made.pattern))
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
	if (p->properties != TREE_NONE &&
	    (!expect(c, p, p->properties, TREE_OBJECT) || !member_table(c, p, p->properties, false, true, &m.properties)))
		return false;
	if (p->properties != TREE_NONE && m.properties.n != tree_count(tree_of(c, p), p->properties))
		return wrong(c, p, p->properties, "must hold schemas: objects or booleans");
	if (p->pattern_properties != TREE_NONE && !finish_patterns(c, p, &m.patterns))
		return false;
	if (p->additional_properties != TREE_NONE) {
		m.additional = sub_of(c, p, p->additional_properties);
		if (m.additional == SUB_NONE)
			return false;
	}
	if (!TABLE_ROOM(&c->s->members, 1))
		return compile_no_memory(c);
	add(p, KEY_MEMBERS, p->properties)->at = c->s->members.n;
	c->s->members.v[c->s->members.n++] = m;
	return true;
}

static bool finish_elements(struct compile *c, struct parts *p)
{
	struct elements e = { .rest = SUB_NONE };
	bool old = p->place->dialect == SCHEMA_DRAFT_07;
	bool array = p->items != TREE_NONE && tree_is(tree_of(c, p), p->items, TREE_ARRAY);
	uint32_t prefix = p->prefix_items, rest = p->items;

	if (array && !old)
		return wrong(c, p, p->items, "must be a schema (an array of them is \"prefixItems\" in 2020-12)");
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
	if (prefix != TREE_NONE && tree_of(c, p)->v[prefix].next != prefix + 1 && !sub_list(c, p, prefix, &e.prefix))
		return false;
	if (prefix != TREE_NONE && !old && e.prefix.n == 0)
		return wrong(c, p, prefix, "must be an array of schemas that is not empty");
	if (rest != TREE_NONE) {
		e.rest = sub_of(c, p, rest);
		if (e.rest == SUB_NONE)
			return false;
	}
	if (!TABLE_ROOM(&c->s->elements, 1))
		return compile_no_memory(c);
	add(p, KEY_ELEMENTS, prefix != TREE_NONE ? prefix : rest)->at = c->s->elements.n;
	c->s->elements.v[c->s->elements.n++] = e;
	return true;
}

static bool finish_contains(struct compile *c, struct parts *p)
{
	struct contains k = { .min = 1, .max = UINT64_MAX };

	if (p->min_contains != TREE_NONE && !whole(c, p, p->min_contains, &k.min))
		return false;
	if (p->max_contains != TREE_NONE && !whole(c, p, p->max_contains, &k.max))
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
	add(p, KEY_CONTAINS, p->contains)->at = c->s->contains.n;
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
	add(p, KEY_IF, p->test)->at = c->s->conditions.n;
	c->s->conditions.v[c->s->conditions.n++] = k;
	return true;
}

/* ---- the table of keywords -------------------------------------------------------------------- */

enum { NEW = 1, OLD = 2, BOTH = 3 };

typedef bool simple(struct compile *c, struct parts *p, uint32_t node);
typedef bool with_id(struct compile *c, struct parts *p, uint32_t node, uint8_t id);

struct row {
	const char *name;
	uint8_t dialects;
	uint8_t id;
	simple *simple;
	with_id *with_id;
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
	{ "const", BOTH, 0, on_const, NULL, 0 },
	{ "contains", BOTH, PART(contains) },
	{ "definitions", BOTH, 0, on_definitions, NULL, 0 },
	{ "dependencies", BOTH, KEY_COUNT_, NULL, on_dependencies, 0 },
	{ "dependentRequired", NEW, KEY_DEPENDENT_REQUIRED, NULL, on_dependencies, 0 },
	{ "dependentSchemas", NEW, KEY_DEPENDENT_SCHEMAS, NULL, on_dependencies, 0 },
	{ "else", BOTH, PART(otherwise) },
	{ "enum", BOTH, 0, on_enum, NULL, 0 },
	{ "exclusiveMaximum", BOTH, KEY_EXCLUSIVE_MAXIMUM, NULL, on_number, 0 },
	{ "exclusiveMinimum", BOTH, KEY_EXCLUSIVE_MINIMUM, NULL, on_number, 0 },
	{ "format", BOTH, 0, on_format, NULL, 0 },
	{ "hosts", BOTH, KEY_HOSTS, NULL, on_policy, 0 },
	{ "if", BOTH, PART(test) },
	{ "items", BOTH, PART(items) },
	{ "maxContains", NEW, PART(max_contains) },
	{ "maxItems", BOTH, KEY_MAX_ITEMS, NULL, on_count, 0 },
	{ "maxLength", BOTH, KEY_MAX_LENGTH, NULL, on_count, 0 },
	{ "maxProperties", BOTH, KEY_MAX_PROPERTIES, NULL, on_count, 0 },
	{ "maximum", BOTH, KEY_MAXIMUM, NULL, on_number, 0 },
	{ "minContains", NEW, PART(min_contains) },
	{ "minItems", BOTH, KEY_MIN_ITEMS, NULL, on_count, 0 },
	{ "minLength", BOTH, KEY_MIN_LENGTH, NULL, on_count, 0 },
	{ "minProperties", BOTH, KEY_MIN_PROPERTIES, NULL, on_count, 0 },
	{ "minimum", BOTH, KEY_MINIMUM, NULL, on_number, 0 },
	{ "multipleOf", BOTH, KEY_MULTIPLE_OF, NULL, on_number, 0 },
	{ "not", BOTH, KEY_NOT, NULL, on_sub, 0 },
	{ "oneOf", BOTH, KEY_ONE_OF, NULL, on_list, 0 },
	{ "pattern", BOTH, 0, on_pattern, NULL, 0 },
	{ "patternProperties", BOTH, PART(pattern_properties) },
	{ "prefixItems", NEW, PART(prefix_items) },
	{ "properties", BOTH, PART(properties) },
	{ "propertyNames", BOTH, KEY_PROPERTY_NAMES, NULL, on_sub, 0 },
	{ "required", BOTH, 0, on_required, NULL, 0 },
	{ "then", BOTH, PART(then) },
	{ "type", BOTH, 0, on_type, NULL, 0 },
	{ "unevaluatedItems", NEW, KEY_UNEVALUATED_ITEMS, NULL, on_sub, 0 },
	{ "unevaluatedProperties", NEW, KEY_UNEVALUATED_PROPERTIES, NULL, on_sub, 0 },
	{ "uniqueItems", BOTH, 0, on_unique, NULL, 0 },
	{ "within", BOTH, KEY_WITHIN, NULL, on_policy, 0 },
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
	if (p.n > 0)
		memcpy(c->s->keywords.v + c->s->keywords.n, p.v, p.n * sizeof *p.v);
	c->s->keywords.n += p.n;
	return true;
}
