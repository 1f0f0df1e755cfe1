/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From text to tables: a walk over the schema's known keywords finds every sub, its resource ("$id") and its
 * anchors; then references are looked up (schema-refs.c). Recursion is as deep as the text is nested, at most
 * TREE_DEPTH. JSON Schema 2020-12 Core, sections 8 and 9; draft-07 Core, section 8.
 */
#include "rpc/schema-compile.h"

#include "base/sort.h"
#include "rpc/schema-uri.h"
#include "rpc/text.h"

#include <stdarg.h>
#include <stdlib.h>

#define COMPILE_STEPS ((uint64_t)1000000)
#define TEXT_MAX ((size_t)8 << 20)

void *schema_table_grow(void *v, uint32_t *cap, uint32_t used, uint32_t more, size_t each)
{
	uint64_t want = *cap ? (uint64_t)*cap * 2 : 8;

	if (want < (uint64_t)used + more)
		want = (uint64_t)used + more;
	if (want > UINT32_MAX / 64)
		return NULL;
	void *p = realloc(v, (size_t)want * each);
	if (p)
		*cap = (uint32_t)want;
	return p;
}

bool compile_wrong(struct compile *c, uint32_t document, uint32_t node, const char *format, ...)
{
	CLEANUP_BUF struct buf pointer = BUF_INIT(0), clean = BUF_INIT(0), words = BUF_INIT(0);
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&words, format, ap);
	va_end(ap);
	tree_pointer(compile_tree(c, document), node, &pointer);
	text_clean(&clean, (struct span){ pointer.p, pointer.n > 200 ? 200 : pointer.n });
	if (pointer.n == 0)
		buf_puts(&clean, "its top");
	error_set(c->err, 0, "the schema is wrong at %s: %s", buf_str(&clean) ? buf_str(&clean) : "",
		  buf_str(&words) ? buf_str(&words) : "");
	return false;
}

bool compile_no_memory(struct compile *c)
{
	error_oom(c->err);
	return false;
}

bool compile_work(struct compile *c, uint64_t n)
{
	if (work(&c->work, n))
		return true;
	error_set(c->err, 0, "the schema takes too much work or memory");
	return false;
}

/* ---- keys that were seen ---------------------------------------------------------------------- */

static struct span known_text(const struct compile *c, const struct known *k)
{
	return (struct span){ c->names.p + k->at, k->n };
}

static bool more_slots(struct compile *c)
{
	uint32_t n = c->slots_n ? c->slots_n * 2 : 64;
	uint32_t *slots = calloc(n, sizeof *slots);

	if (!slots)
		return false;
	for (uint32_t i = 0; i < c->known.n; i++) {
		uint32_t at = c->known.v[i].hash & (n - 1);
		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = i + 1;
	}
	free(c->slots);
	c->slots = slots;
	c->slots_n = n;
	return true;
}

/* The key itself is built at the end of `names`, and stays there if it is new. */
static uint32_t look_up(struct compile *c, char type, uint32_t scope, struct span text, bool add, uint32_t value)
{
	size_t start = c->names.n;

	buf_putc(&c->names, type);
	buf_append(&c->names, &scope, sizeof scope);
	buf_append(&c->names, text.p, text.n);
	if (c->names.full || !TABLE_ROOM(&c->known, 1) || !work(&c->work, 1 + text.n / 32) ||
	    (c->known.n * 2 >= c->slots_n && !more_slots(c))) {
		c->names.n = start;
		c->work.out = true;
		return VALUE_NONE;
	}
	struct span key = { c->names.p + start, c->names.n - start };
	uint32_t hash = schema_name_hash(key), at = hash & (c->slots_n - 1), found = VALUE_NONE;
	for (; c->slots[at] && found == VALUE_NONE; at = (at + 1) & (c->slots_n - 1)) {
		const struct known *k = &c->known.v[c->slots[at] - 1];
		if (!work(&c->work, 1))
			break;
		if (k->hash == hash && span_eq(known_text(c, k), key))
			found = k->value;
	}
	if (found != VALUE_NONE || !add || c->work.out) {
		c->names.n = start;
		return found;
	}
	c->known.v[c->known.n] = (struct known){ (uint32_t)start, (uint32_t)key.n, hash, value };
	c->slots[at] = ++c->known.n;
	return value;
}

uint32_t compile_learn(struct compile *c, char type, uint32_t scope, struct span text, uint32_t value)
{
	return look_up(c, type, scope, text, true, value);
}

uint32_t compile_known(struct compile *c, char type, uint32_t scope, struct span text)
{
	return look_up(c, type, scope, text, false, 0);
}

/* ---- resources and anchors -------------------------------------------------------------------- */

static bool add_resource(struct compile *c, uint32_t document, uint32_t node, struct span uri, uint32_t *resource)
{
	uint32_t number = c->resources.n;

	if (!TABLE_ROOM(&c->resources, 1))
		return compile_no_memory(c);
	if (c->late) {
		/* Its own base, but nobody can name it. */
	} else if (compile_learn(c, 'R', 0, uri, number) != number) {
		return c->work.out ? compile_work(c, 1)
				   : compile_wrong(c, document, node, "another schema in it has the same $id");
	}
	uint32_t at = (uint32_t)c->names.n;
	if (buf_append(&c->names, uri.p, uri.n) < 0)
		return compile_no_memory(c);
	c->resources.v[c->resources.n++] = (struct resource){ at, (uint32_t)uri.n, document, node };
	*resource = number;
	return true;
}

static bool add_anchor(struct compile *c, uint32_t sub, uint32_t node, struct span name, bool dynamic,
		       const struct place *place)
{
	if (c->late)
		return true;
	if (!TABLE_ROOM(&c->anchors, 1))
		return compile_no_memory(c);
	uint32_t number = compile_learn(c, 'N', 0, name, c->anchor_names);
	if (number == c->anchor_names)
		c->anchor_names++;
	uint32_t anchor = compile_learn(c, 'A', place->resource, name, c->anchors.n);
	if (c->work.out)
		return compile_work(c, 1);
	if (anchor != c->anchors.n) {
		struct anchor *known = &c->anchors.v[anchor];
		if (known->sub != sub)
			return compile_wrong(c, place->document, node, "another schema in it has the same anchor");
		known->dynamic |= dynamic;
	} else {
		c->anchors.v[c->anchors.n++] = (struct anchor){ sub, number, dynamic };
	}
	return true;
}

static bool anchor_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
			return false;
	}
	return name.n > 0;
}

static bool dialect_of(struct span name, uint8_t *dialect)
{
	static const struct { const char *name; uint8_t dialect; } known[] = {
		{ "://json-schema.org/draft/2020-12/schema", SCHEMA_2020_12 },
		{ "://json-schema.org/draft-07/schema", SCHEMA_DRAFT_07 },
	};

	if (name.n > 0 && name.p[name.n - 1] == '#')
		name.n--;
	size_t scheme = 0;
	if (name.n > 5 && memcmp(name.p, "http", 4) == 0)
		scheme = name.p[4] == 's' ? 5 : 4;
	name.p += scheme;
	name.n -= scheme;
	for (size_t i = 0; scheme && i < ARRAY_SIZE(known); i++) {
		if (span_is(name, known[i].name)) {
			*dialect = known[i].dialect;
			return true;
		}
	}
	return false;
}

/* "$schema" of a resource's root: sets the dialect. */
static bool read_dialect(struct compile *c, uint32_t node, struct place *place)
{
	const struct tree *t = compile_tree(c, place->document);
	uint32_t named = tree_member(t, node, "$schema");

	if (named == TREE_NONE)
		return true;
	if (!tree_is(t, named, TREE_STRING))
		return compile_wrong(c, place->document, named, "must be a string");
	struct span name = tree_string_span(t, named, &c->scratch);
	if (dialect_of(name, &place->dialect))
		return true;
	CLEANUP_BUF struct buf clean = BUF_INIT(0);
	text_clean(&clean, (struct span){ name.p, name.n > 100 ? 100 : name.n });
	return compile_wrong(c, place->document, named, "the dialect %s is none of 2020-12 and draft-07", buf_str(&clean));
}

/* "$id": a resource begins here, or, in draft-07, an anchor is set. */
static bool read_id(struct compile *c, uint32_t sub, uint32_t node, uint32_t id, struct place *place)
{
	const struct tree *t = compile_tree(c, place->document);
	CLEANUP_BUF struct buf text = BUF_INIT(TEXT_MAX), uri = BUF_INIT(TEXT_MAX);
	struct uri u;

	tree_string(t, id, &text);
	uri_split(buf_span(&text), &u);
	bool anchor = u.has_fragment && u.fragment.n > 0;
	if (anchor && place->dialect == SCHEMA_2020_12)
		return compile_wrong(c, place->document, id, "an $id must not have a fragment");
	bool only_anchor = anchor && text.p[0] == '#';
	if (!only_anchor) {
		const struct resource *base = place->resource == SUB_NONE ? NULL : &c->resources.v[place->resource];
		struct span base_uri = base ? (struct span){ c->names.p + base->uri, base->uri_n } : (struct span){ NULL, 0 };
		uri_resolve(base_uri, &u, &uri);
		if (!compile_work(c, (text.n + base_uri.n) / 8) || text.full || uri.full)
			return text.full || uri.full ? compile_no_memory(c) : false;
		/* draft-07: an $id that only adds an anchor to the base it has. */
		if (!(anchor && base && span_eq(base_uri, buf_span(&uri))) &&
		    !add_resource(c, place->document, node, buf_span(&uri), &place->resource))
			return false;
	}
	if (!anchor)
		return true;
	if (!TABLE_ROOM(&c->anchors, 1))
		return compile_no_memory(c);
	if (place->resource == SUB_NONE && !add_resource(c, place->document, node, SPAN(""), &place->resource))
		return false;
	return add_anchor(c, sub, id, u.fragment, false, place);
}

static bool read_anchor(struct compile *c, uint32_t sub, uint32_t node, const char *key, const struct place *place)
{
	const struct tree *t = compile_tree(c, place->document);
	uint32_t anchor = tree_member(t, node, key);
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);

	if (anchor == TREE_NONE)
		return true;
	struct span name = tree_is(t, anchor, TREE_STRING) ? tree_string_span(t, anchor, &scratch) : SPAN("");
	if (scratch.full)
		return compile_no_memory(c);
	if (!anchor_name(name))
		return compile_wrong(c, place->document, anchor, "must be a name of letters, digits, '_', '-' and '.'");
	return add_anchor(c, sub, anchor, name, key[1] == 'd', place);
}

/* Which resource NODE is in or begins, its dialect, its anchors. */
static bool identify(struct compile *c, uint32_t sub, uint32_t node, struct place *place)
{
	const struct tree *t = compile_tree(c, place->document);
	uint32_t id = tree_member(t, node, "$id");
	bool top = place->resource == SUB_NONE;

	if (!compile_work(c, 1 + (t->v[node].next - node) / 64))
		return false;
	if (id != TREE_NONE && !tree_is(t, id, TREE_STRING))
		return compile_wrong(c, place->document, id, "must be a string");
	if ((top || id != TREE_NONE) && !read_dialect(c, node, place))
		return false;
	if (place->dialect == SCHEMA_DRAFT_07 && tree_member(t, node, "$ref") != TREE_NONE)
		id = TREE_NONE; /* its siblings are ignored */
	if (id != TREE_NONE && !read_id(c, sub, node, id, place))
		return false;
	if (place->resource == SUB_NONE && !add_resource(c, place->document, node, SPAN(""), &place->resource))
		return false;
	if (place->dialect == SCHEMA_DRAFT_07)
		return true;
	return read_anchor(c, sub, node, "$anchor", place) && read_anchor(c, sub, node, "$dynamicAnchor", place);
}

uint32_t compile_sub(struct compile *c, uint32_t node, const struct place *around)
{
	const struct tree *t = compile_tree(c, around->document);
	struct place place = *around;
	uint32_t *known = &c->maps.v[around->document][node], sub = c->s->subs.n;

	if (*known)
		return *known - 1;
	if (t->v[node].type != TREE_OBJECT && t->v[node].type != TREE_TRUE && t->v[node].type != TREE_FALSE) {
		compile_wrong(c, place.document, node, "must be a schema: an object or a boolean");
		return SUB_NONE;
	}
	if (!compile_work(c, 4))
		return SUB_NONE;
	if (!TABLE_ROOM(&c->s->subs, 1)) {
		compile_no_memory(c);
		return SUB_NONE;
	}
	*known = sub + 1;
	c->s->subs.n++;
	c->s->subs.v[sub] = (struct sub){
		.node = node,
		.document = (uint16_t)place.document,
		.never = t->v[node].type == TREE_FALSE,
		.keywords = c->s->keywords.n,
		.resource = place.resource,
		.dialect = place.dialect,
	};
	if (t->v[node].type != TREE_OBJECT) {
		/* A document that is a boolean. */
		if (place.resource == SUB_NONE && !add_resource(c, place.document, node, SPAN(""), &place.resource))
			return SUB_NONE;
		c->s->subs.v[sub].resource = place.resource;
		return sub;
	}
	if (!identify(c, sub, node, &place))
		return SUB_NONE;
	c->s->subs.v[sub].resource = place.resource;
	c->s->subs.v[sub].dialect = place.dialect;
	return compile_keywords(c, sub, node, &place) ? sub : SUB_NONE;
}

/* ---- documents -------------------------------------------------------------------------------- */

uint32_t compile_document(struct compile *c, struct span text, bool own, uint32_t values)
{
	uint32_t number = c->s->documents.n;
	struct document d = { 0 };

	if (!TABLE_ROOM(&c->s->documents, 1) || !TABLE_ROOM(&c->maps, 1) || (own && !(d.own = malloc(text.n + 1)))) {
		compile_no_memory(c);
		return SUB_NONE;
	}
	if (own && text.n > 0) {
		memcpy(d.own, text.p, text.n);
		text.p = d.own;
	}
	enum tree_status status = tree_parse(&d.tree, text, values);
	c->s->documents.v[c->s->documents.n++] = d;
	if (status != TREE_OK) {
		error_set(c->err, 0, "the schema cannot be read: %s", tree_status_text(status));
		return SUB_NONE;
	}
	/* Trees grow by doubling: this one stays. */
	struct tree *t = &c->s->documents.v[number].tree;
	struct tree_node *fit = realloc(t->v, t->n * sizeof *fit);
	if (fit) {
		t->v = fit;
		t->cap = t->n;
	}
	uint32_t *map = calloc(t->n, sizeof *map);
	if (!map) {
		compile_no_memory(c);
		return SUB_NONE;
	}
	c->maps.v[c->maps.n++] = map;
	struct place place = { .document = number, .resource = SUB_NONE, .dialect = (uint8_t)c->s->options.dialect };
	bool late = c->late;
	c->late = false;
	uint32_t sub = compile_sub(c, 0, &place);
	c->late = late;
	return sub;
}

static void compile_free(struct compile *c)
{
	for (uint32_t i = 0; i < c->maps.n; i++)
		free(c->maps.v[i]);
	free(c->maps.v);
	free(c->resources.v);
	free(c->anchors.v);
	free(c->pending.v);
	free(c->known.v);
	free(c->slots);
	buf_free(&c->scratch);
	buf_free(&c->names);
	values_free(&c->values);
}

static int by_name(const void *a, const void *b, void *context)
{
	(void)context;
	const struct dynamic *x = a, *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return x->resource < y->resource ? -1 : x->resource > y->resource;
}

/* The anchors that $dynamicRef looks for while checking. */
static bool keep_dynamics(struct compile *c)
{
	struct schema *s = c->s;

	for (uint32_t i = 0; i < c->anchors.n; i++) {
		const struct anchor *a = &c->anchors.v[i];
		if (!a->dynamic)
			continue;
		if (!TABLE_ROOM(&s->dynamics, 1))
			return compile_no_memory(c);
		s->dynamics.v[s->dynamics.n++] = (struct dynamic){ a->name, s->subs.v[a->sub].resource, a->sub };
	}
	if (s->dynamics.n > 1)
		sort_in_place(s->dynamics.v, s->dynamics.n, sizeof *s->dynamics.v, by_name, NULL);
	return true;
}

static bool keep_options(struct schema *s, const struct schema_options *options)
{
	if (!options)
		return true;
	s->options = *options;
	if (options->home && !(s->home = strdup(options->home)))
		return false;
	if (options->folder && !(s->folder = strdup(options->folder)))
		return false;
	s->options.home = s->home;
	s->options.folder = s->folder;
	return true;
}

struct schema *schema_compile(struct span text, const struct schema_options *options, struct error *err)
{
	struct error unasked;
	struct compile c = { .err = err ? err : &unasked, .work = { .left = COMPILE_STEPS } };

	c.s = calloc(1, sizeof *c.s);
	if (!c.s || !keep_options(c.s, options)) {
		schema_free(c.s);
		error_oom(c.err);
		return NULL;
	}
	c.err->what[0] = '\0';
	c.values.work = &c.work;
	c.names.max = TEXT_MAX;
	c.s->text.max = TEXT_MAX;
	c.work.left += text.n * 8;
	uint32_t values = c.s->options.values ? c.s->options.values : SCHEMA_VALUES;
	bool good = compile_document(&c, text, true, values) != SUB_NONE && compile_references(&c) && keep_dynamics(&c);
	/* Nothing was read only in part. */
	if (good && (c.s->text.full || c.names.full || c.scratch.full || c.work.out))
		good = compile_no_memory(&c);
	compile_free(&c);
	if (!good) {
		schema_free(c.s);
		return NULL;
	}
	return c.s;
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->documents.n; i++) {
		tree_free(&s->documents.v[i].tree);
		free(s->documents.v[i].own);
	}
	for (uint32_t i = 0; i < s->patterns.n; i++)
		pcre2_code_free(s->patterns.v[i].code);
	free(s->documents.v);
	free(s->subs.v);
	free(s->keywords.v);
	free(s->lists.v);
	free(s->entries.v);
	free(s->ranges.v);
	free(s->members.v);
	free(s->elements.v);
	free(s->contains.v);
	free(s->conditions.v);
	free(s->patterns.v);
	free(s->pattern_subs.v);
	free(s->numbers.v);
	free(s->enums.v);
	free(s->dynamics.v);
	buf_free(&s->text);
	free(s->home);
	free(s->folder);
	free(s);
}

void schema_freep(struct schema **s)
{
	schema_free(*s);
}

size_t schema_size(const struct schema *s)
{
	size_t n = sizeof *s + s->text.cap + s->codes_size;

	for (uint32_t i = 0; i < s->documents.n; i++) {
		const struct document *d = &s->documents.v[i];
		n += sizeof *d + d->tree.cap * sizeof(struct tree_node) + (d->own ? d->tree.text.n : 0);
	}
#define SIZE_OF(table) ((size_t)s->table.cap * sizeof *s->table.v)
	return n + SIZE_OF(subs) + SIZE_OF(keywords) + SIZE_OF(lists) + SIZE_OF(entries) + SIZE_OF(ranges) + SIZE_OF(members) +
	       SIZE_OF(elements) + SIZE_OF(contains) + SIZE_OF(conditions) + SIZE_OF(patterns) + SIZE_OF(pattern_subs) +
	       SIZE_OF(numbers) + SIZE_OF(enums) + SIZE_OF(dynamics);
#undef SIZE_OF
}
