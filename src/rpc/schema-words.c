/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A failure in words: the place, the rule, and what would do instead. What came from a schema or an instance is
 * hostile: it is cleaned of what cannot be seen and cut.
 */
#include "rpc/schema-check.h"

#include "rpc/text.h"

#include <stdarg.h>
#include <stdio.h>

#define VALUE_MAX 60 /* bytes of a value or name that are shown */
#define LIST_MAX 12  /* values of a list that are shown */
#define LOOKS_MAX 200000 /* comparisons of names, to find those that are missing */

/* A place to write to that never holds more than its size, and cuts between characters. */
struct words {
	struct buf text;
	const struct schema *s;
	const struct tree *t;
};

static size_t cut(struct span text, size_t most)
{
	size_t n = text.n < most ? text.n : most;

	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void shown(struct buf *out, struct span text, size_t most)
{
	size_t n = cut(text, most), start = out->n;

	text_clean(out, (struct span){ text.p, n });
	for (size_t i = start; i < out->n; i++)
		if (out->p[i] == '\t')
			out->p[i] = ' ';
	if (n < text.n)
		buf_puts(out, "...");
}

/* A value as JSON. */
static void value(struct words *w, const struct tree *t, uint32_t node)
{
	shown(&w->text, tree_raw(t, node), VALUE_MAX);
}

static void name(struct words *w, struct span text)
{
	buf_putc(&w->text, '/');
	shown(&w->text, text, VALUE_MAX);
}

static const struct tree *tree_of_schema(const struct words *w, const struct blamed *b)
{
	return &w->s->documents.v[w->s->subs.v[b->sub].document].tree;
}

static const char *what_it_is(const struct tree *t, uint32_t node)
{
	static const char *const words[] = { "null", "a boolean", "a boolean", "a number", "a string", "an array", "an object" };

	return words[t->v[node].type];
}

/* "a string or null" */
static void type_names(struct words *w, uint32_t types, bool integer)
{
	static const struct { unsigned types; const char *name; } names[] = {
		{ 1u << TREE_STRING, "a string" }, { 1u << TREE_NUMBER, "a number" },
		{ 1u << TREE_TRUE, "a boolean" },  { 1u << TREE_OBJECT, "an object" },
		{ 1u << TREE_ARRAY, "an array" },  { 1u << TREE_NULL, "null" },
	};
	unsigned n = 0;

	if (integer && !(types & 1u << TREE_NUMBER)) {
		buf_puts(&w->text, "an integer");
		n++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (types & names[i].types)
			buf_printf(&w->text, "%s%s", n++ ? " or " : "", names[i].name);
}

static void value_list(struct words *w, const struct tree *t, uint32_t array)
{
	unsigned n = 0;

	for (uint32_t i = tree_first(t, array); i < t->v[array].next; i = t->v[i].next) {
		if (n == LIST_MAX) {
			buf_puts(&w->text, ", ...");
			return;
		}
		buf_puts(&w->text, n++ ? ", " : "");
		value(w, t, i);
	}
}

/* Names of a table that the instance lacks, as the schema orders them. */
static void missing(struct words *w, const struct tree *t, uint32_t array, uint32_t node)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	uint32_t n = 0, each = tree_count(w->t, node) + 1, looked = 0;

	for (uint32_t i = tree_first(t, array); i < t->v[array].next; i = t->v[i].next, looked++) {
		struct span key = tree_string_span(t, i, &scratch);
		bool enough = n == LIST_MAX || looked > LOOKS_MAX / each;
		if (!enough && tree_member_span(w->t, node, key) != TREE_NONE)
			continue;
		if (enough) {
			buf_puts(&w->text, n ? ", ..." : "...");
			break;
		}
		buf_puts(&w->text, n++ ? ", " : "");
		name(w, key);
	}
}

/* Names that a sub's `properties` have. */
static void known_names(struct words *w, const struct blamed *b)
{
	const struct tree *t = tree_of_schema(w, b);
	uint32_t properties = tree_member(t, w->s->subs.v[b->sub].node, "properties");
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	unsigned n = 0;

	if (!tree_is(t, properties, TREE_OBJECT))
		return;
	for (uint32_t k = tree_first(t, properties); k < t->v[properties].next; k = t->v[k + 1].next) {
		if (n == LIST_MAX) {
			buf_puts(&w->text, ", ...");
			return;
		}
		buf_puts(&w->text, n++ ? ", " : "; known: ");
		name(w, tree_string_span(t, k, &scratch));
	}
}

static void counted(struct words *w, const char *before, uint64_t n, const char *one, const char *many)
{
	buf_printf(&w->text, "%s%llu %s", before, (unsigned long long)n, n == 1 ? one : many);
}

static void count_words(struct words *w, const struct keyword *k, const struct blamed *b)
{
	bool most = k->id == KEY_MAX_LENGTH || k->id == KEY_MAX_ITEMS || k->id == KEY_MAX_PROPERTIES;
	const char *before = most ? "must have at most " : "must have at least ";

	if (k->id == KEY_MAX_LENGTH || k->id == KEY_MIN_LENGTH)
		counted(w, before, k->count, "character", "characters");
	else if (k->id == KEY_MAX_ITEMS || k->id == KEY_MIN_ITEMS)
		counted(w, before, k->count, "item", "items");
	else
		counted(w, before, k->count, "member", "members");
	buf_printf(&w->text, ", but it has %u", b->detail);
}

static void number_words(struct words *w, const struct keyword *k, const struct blamed *b)
{
	static const char *const rules[KEY_COUNT_] = {
		[KEY_MULTIPLE_OF] = "must be a multiple of ",
		[KEY_MAXIMUM] = "must be at most ",
		[KEY_EXCLUSIVE_MAXIMUM] = "must be less than ",
		[KEY_MINIMUM] = "must be at least ",
		[KEY_EXCLUSIVE_MINIMUM] = "must be greater than ",
	};

	buf_puts(&w->text, rules[k->id]);
	value(w, tree_of_schema(w, b), k->value);
	buf_puts(&w->text, ", but it is ");
	value(w, w->t, b->instance);
}

static void policy_words(struct words *w, const struct keyword *k, const struct blamed *b)
{
	bool within = k->id == KEY_WITHIN;

	buf_puts(&w->text, within ? "must be a path within " : "must name one of the hosts ");
	for (uint32_t i = 0; i < k->n && i < LIST_MAX; i++) {
		const struct range *r = &w->s->ranges.v[k->at + i];
		buf_puts(&w->text, i ? ", " : "");
		shown(&w->text, schema_text(w->s, r->at, r->n), 2 * VALUE_MAX);
	}
	if (k->n > LIST_MAX)
		buf_puts(&w->text, ", ...");
	if (k->n == 0)
		buf_puts(&w->text, "(none is allowed)");
	if (b->why)
		buf_printf(&w->text, ", but %s", b->why);
}

/* The alternatives of anyOf and oneOf, where all of them ask for a type or for a value. */
static bool alternatives(struct words *w, const struct keyword *k, const struct blamed *b)
{
	uint32_t types = 0;
	bool integer = false, all = true;

	for (uint32_t i = 0; i < k->n && all; i++) {
		const struct sub *sub = &w->s->subs.v[w->s->lists.v[k->at + i]];
		const struct keyword *first = sub->keywords_n ? &w->s->keywords.v[sub->keywords] : NULL;
		all = first && first->id == KEY_TYPE;
		if (all) {
			types |= first->at;
			integer |= first->n;
		}
	}
	if (all && !(types >> w->t->v[b->instance].type & 1) && !(integer && w->t->v[b->instance].type == TREE_NUMBER)) {
		buf_puts(&w->text, "must be ");
		type_names(w, types, integer);
		buf_printf(&w->text, ", but it is %s", what_it_is(w->t, b->instance));
		return true;
	}
	all = true;
	for (uint32_t i = 0; i < k->n && all; i++) {
		const struct sub *sub = &w->s->subs.v[w->s->lists.v[k->at + i]];
		uint8_t last = sub->keywords_n ? w->s->keywords.v[sub->keywords + sub->keywords_n - 1].id : KEY_COUNT_;
		all = last == KEY_CONST || last == KEY_ENUM;
	}
	if (!all)
		return false;
	buf_puts(&w->text, "must be one of ");
	for (uint32_t i = 0; i < k->n && i < LIST_MAX; i++) {
		const struct sub *sub = &w->s->subs.v[w->s->lists.v[k->at + i]];
		const struct keyword *last = &w->s->keywords.v[sub->keywords + sub->keywords_n - 1];
		const struct tree *t = &w->s->documents.v[sub->document].tree;
		buf_puts(&w->text, i ? ", " : "");
		if (last->id == KEY_CONST)
			value(w, t, last->value);
		else
			value_list(w, t, last->value);
	}
	if (k->n > LIST_MAX)
		buf_puts(&w->text, ", ...");
	return true;
}

static void combined_words(struct words *w, const struct keyword *k, const struct blamed *b)
{
	if (k->id == KEY_ONE_OF && b->detail > 1)
		buf_printf(&w->text, "must match exactly one of %u alternatives, but it matches %u", k->n, b->detail);
	else if (!alternatives(w, k, b))
		buf_printf(&w->text, "matches none of the %u alternatives that are allowed", k->n);
}

static void contains_words(struct words *w, const struct keyword *k, const struct blamed *b)
{
	const struct contains *n = &w->s->contains.v[k->at];

	if (b->detail < n->min)
		counted(w, "must contain at least ", n->min, "item", "items");
	else
		counted(w, "must contain at most ", n->max, "item", "items");
	buf_printf(&w->text, " of a certain kind, but it contains %u", b->detail);
}

static void required_words(struct words *w, const struct keyword *k, const struct blamed *b)
{
	buf_puts(&w->text, "required, but missing: ");
	missing(w, tree_of_schema(w, b), k->value, b->instance);
}

static void dependent_words(struct words *w, const struct blamed *b)
{
	const struct entry *other = &w->s->entries.v[b->detail];
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);

	buf_puts(&w->text, "with ");
	name(w, tree_string_span(w->t, b->instance, &scratch));
	buf_puts(&w->text, " there must also be ");
	name(w, schema_text(w->s, other->name, other->name_n));
}

static void pattern_words(struct words *w, const struct pattern *p)
{
	buf_puts(&w->text, "must match the regular expression ");
	shown(&w->text, schema_text(w->s, p->text, p->text_n), 3 * VALUE_MAX);
}

static void all_words(struct words *w, const struct blamed *b);

/* Another key may have been blamed since, in another branch. */
static void name_words(struct words *w, const struct blamed *b)
{
	bool known = b->inner && b->inner->instance + 1 == b->instance && b->inner->blame == BLAME_KEYWORD && !b->inner->inner;

	buf_puts(&w->text, known ? "its name " : "has a name that is not allowed");
	if (known)
		all_words(w, b->inner);
}

static void keyword_words(struct words *w, const struct keyword *k, const struct blamed *b)
{
	const struct tree *t = tree_of_schema(w, b);

	switch (k->id) {
	case KEY_TYPE:
		buf_puts(&w->text, "must be ");
		type_names(w, k->at, k->n);
		buf_printf(&w->text, ", but it is %s", what_it_is(w->t, b->instance));
		if (k->n && w->t->v[b->instance].type == TREE_NUMBER)
			buf_puts(&w->text, " with a fraction");
		break;
	case KEY_CONST:
		buf_puts(&w->text, "must be ");
		value(w, t, k->value);
		break;
	case KEY_ENUM:
		buf_puts(&w->text, "must be one of ");
		value_list(w, t, k->value);
		break;
	case KEY_MULTIPLE_OF ... KEY_EXCLUSIVE_MINIMUM:
		number_words(w, k, b);
		break;
	case KEY_MAX_LENGTH:
	case KEY_MIN_LENGTH:
	case KEY_MAX_ITEMS ... KEY_MIN_PROPERTIES:
		count_words(w, k, b);
		break;
	case KEY_PATTERN:
		pattern_words(w, &w->s->patterns.v[k->at]);
		break;
	case KEY_FORMAT:
		buf_printf(&w->text, "must be %s", schema_format_words(k->at));
		break;
	case KEY_WITHIN:
	case KEY_HOSTS:
		policy_words(w, k, b);
		break;
	case KEY_REQUIRED:
		required_words(w, k, b);
		break;
	case KEY_DEPENDENT_REQUIRED:
		dependent_words(w, b);
		break;
	case KEY_PROPERTY_NAMES:
		name_words(w, b);
		break;
	case KEY_UNIQUE_ITEMS:
		buf_puts(&w->text, "must not repeat an item of its array");
		break;
	case KEY_CONTAINS:
		contains_words(w, k, b);
		break;
	case KEY_NOT:
		buf_puts(&w->text, "must not be a value of this kind");
		break;
	default:
		combined_words(w, k, b);
		break;
	}
}

/* The name of the keyword as the schema has it: the key in front of its value. */
static void keyword_name(const struct words *w, const struct blamed *b, char *to, size_t size)
{
	static const char *const names[KEY_COUNT_] = {
		[KEY_TYPE] = "type", [KEY_CONST] = "const", [KEY_ENUM] = "enum", [KEY_MULTIPLE_OF] = "multipleOf",
		[KEY_MAXIMUM] = "maximum", [KEY_EXCLUSIVE_MAXIMUM] = "exclusiveMaximum", [KEY_MINIMUM] = "minimum",
		[KEY_EXCLUSIVE_MINIMUM] = "exclusiveMinimum", [KEY_MAX_LENGTH] = "maxLength", [KEY_MIN_LENGTH] = "minLength",
		[KEY_PATTERN] = "pattern", [KEY_FORMAT] = "format", [KEY_WITHIN] = "within", [KEY_HOSTS] = "hosts",
		[KEY_MAX_ITEMS] = "maxItems", [KEY_MIN_ITEMS] = "minItems", [KEY_MAX_PROPERTIES] = "maxProperties",
		[KEY_MIN_PROPERTIES] = "minProperties", [KEY_REQUIRED] = "required",
		[KEY_DEPENDENT_REQUIRED] = "dependentRequired", [KEY_PROPERTY_NAMES] = "propertyNames",
		[KEY_MEMBERS] = "additionalProperties", [KEY_UNIQUE_ITEMS] = "uniqueItems", [KEY_ELEMENTS] = "items",
		[KEY_CONTAINS] = "contains", [KEY_ALL_OF] = "allOf", [KEY_IF] = "if", [KEY_ANY_OF] = "anyOf",
		[KEY_ONE_OF] = "oneOf", [KEY_NOT] = "not", [KEY_UNEVALUATED_ITEMS] = "unevaluatedItems",
		[KEY_UNEVALUATED_PROPERTIES] = "unevaluatedProperties",
	};

	if (b->keyword == SUB_NONE)
		return;
	const struct keyword *k = &w->s->keywords.v[b->keyword];
	const char *found = names[k->id] ? names[k->id] : "";
	if (k->id == KEY_ELEMENTS && w->s->elements.v[k->at].rest_keyword)
		found = "additionalItems";
	if (k->id == KEY_CONTAINS) {
		const struct contains *n = &w->s->contains.v[k->at];
		found = b->detail > n->max ? "maxContains" : n->has_min ? "minContains" : found;
	}
	if (k->id == KEY_DEPENDENT_REQUIRED && w->s->subs.v[b->sub].dialect == SCHEMA_DRAFT_07)
		found = "dependencies";
	snprintf(to, size, "%s", found);
}

static void all_words(struct words *w, const struct blamed *b)
{
	switch (b->blame) {
	case BLAME_NEVER:
		buf_puts(&w->text, "nothing is allowed here");
		break;
	case BLAME_UNKNOWN:
		buf_puts(&w->text, "is unknown here");
		known_names(w, b);
		break;
	case BLAME_EXTRA:
		buf_puts(&w->text, "is one item too many");
		break;
	default:
		keyword_words(w, &w->s->keywords.v[b->keyword], b);
		break;
	}
}

static void put_cut(char *to, size_t size, struct span text)
{
	bool whole = text.n < size;
	size_t n = whole ? text.n : cut(text, size - 4);

	if (n)
		memcpy(to, text.p, n);
	memcpy(to + n, whole ? "" : "...", whole ? 1 : 4);
}

void schema_words(const struct schema *s, const struct tree *t, uint32_t root, const struct blamed *b,
		  struct schema_failure *out)
{
	CLEANUP_BUF struct buf pointer = BUF_INIT(0), above = BUF_INIT(0), clean = BUF_INIT(0);
	struct words w = { .text = BUF_INIT(16384), .s = s, .t = t };

	*out = (struct schema_failure){ .limit = b->blame == BLAME_LIMIT };
	if (out->limit) {
		snprintf(out->text, sizeof out->text, "could not be checked: %s",
			 b->why ? b->why : "it takes too much work or memory");
		return;
	}
	/* As seen from ROOT: what the pointers have in common goes. A key is pointed at by its member. */
	tree_pointer(t, root, &above);
	tree_pointer(t, b->instance, &pointer);
	if (pointer.n > above.n)
		shown(&clean, (struct span){ pointer.p + above.n, pointer.n - above.n }, sizeof out->pointer - 8);
	put_cut(out->pointer, sizeof out->pointer, buf_span(&clean));
	keyword_name(&w, b, out->keyword, sizeof out->keyword);
	if (clean.n > 0)
		buf_printf(&w.text, "%s: ", out->pointer);
	all_words(&w, b);
	put_cut(out->text, sizeof out->text, buf_span(&w.text));
	buf_free(&w.text);
}
