/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiling a schema: what its files share. For rpc/schema-{compile,keywords,refs}.c alone. */
#pragma once

#include "rpc/schema-impl.h"

#define VALUE_NONE UINT32_MAX

struct resource {
	uint32_t uri, uri_n; /* in `names` */
	uint32_t document, node;
};

struct anchor {
	uint32_t sub;
	uint32_t name; /* its number among the names of anchors */
	bool dynamic;
};

/* A reference whose target is not known yet: the keyword ID of SUB. */
struct pending {
	uint32_t sub, node;
	uint8_t id;
};

/* A key that was seen and what it stands for. */
struct known {
	uint32_t at, n; /* in `names` */
	uint32_t hash, value;
};

struct compile {
	struct schema *s;
	struct error *err;
	struct values values;
	struct work work;
	struct buf scratch, names;
	bool late;            /* compiling what a reference points at where no schema was expected: it names nothing */
	TABLE(uint32_t *) maps; /* of each document: a node's sub + 1 */
	TABLE(struct resource) resources;
	TABLE(struct anchor) anchors;
	TABLE(struct pending) pending;
	TABLE(struct known) known;
	uint32_t *slots, slots_n; /* hash table over `known`: index + 1 */
	uint32_t anchor_names;
};

/* Where a sub is: what the one around it hands on. */
struct place {
	uint32_t document;
	uint32_t resource;
	uint8_t dialect;
};

/* Says that NODE of DOCUMENT is wrong. Returns false. */
bool compile_wrong(struct compile *c, uint32_t document, uint32_t node, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool compile_no_memory(struct compile *c);
bool compile_work(struct compile *c, uint64_t n);

/* The number of the key TYPE TEXT; it gets VALUE if it is new. VALUE_NONE: memory ran out. */
uint32_t compile_learn(struct compile *c, char type, uint32_t scope, struct span text, uint32_t value);
uint32_t compile_known(struct compile *c, char type, uint32_t scope, struct span text);

/* The sub of NODE, compiled if it is not yet. SUB_NONE: it cannot be. */
uint32_t compile_sub(struct compile *c, uint32_t node, const struct place *around);
/* A document of its own. The sub of its root, or SUB_NONE. */
uint32_t compile_document(struct compile *c, struct span text, bool own, uint32_t values);
/* All keywords of the schema object NODE. */
bool compile_keywords(struct compile *c, uint32_t sub, uint32_t node, const struct place *place);
/* Find what every reference points at. */
bool compile_references(struct compile *c);

/* ---- keywords: schema-keywords*.c ---- */

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

static inline const struct tree *compile_tree(const struct compile *c, uint32_t document)
{
	return &c->s->documents.v[document].tree;
}

static inline const struct tree *parts_tree(const struct compile *c, const struct parts *p)
{
	return compile_tree(c, p->place->document);
}

#define parts_wrong(c, p, node, ...) compile_wrong(c, (p)->place->document, node, __VA_ARGS__)

/* Whether NODE has this type; says so if not. */
bool parts_expect(struct compile *c, const struct parts *p, uint32_t node, enum tree_type type);
struct keyword *parts_add(struct parts *p, uint8_t id, uint32_t value);
/* Append TEXT to the schema's own text. */
bool parts_keep(struct compile *c, struct span text, uint32_t *at, uint32_t *n);
/* A number that counts; UINT64_MAX where it is larger. */
bool parts_whole(struct compile *c, const struct parts *p, uint32_t node, uint64_t *count);
/* The pattern that is the string NODE: its number. */
bool parts_pattern(struct compile *c, const struct parts *p, uint32_t node, uint32_t *number);
/* The array of names NODE as a table, each once. */
bool parts_names(struct compile *c, struct parts *p, uint32_t node, struct range *range);
/* Members of NODE whose value is an array (of names), and those whose value is none (but a schema), as a table. */
bool parts_members(struct compile *c, struct parts *p, uint32_t node, bool arrays, bool others, struct range *range);

typedef bool parts_simple(struct compile *c, struct parts *p, uint32_t node);
typedef bool parts_with_id(struct compile *c, struct parts *p, uint32_t node, uint8_t id);
parts_simple parts_type, parts_const, parts_enum, parts_unique, parts_pattern_keyword, parts_format, parts_required;
parts_with_id parts_number, parts_count, parts_policy, parts_dependencies;
