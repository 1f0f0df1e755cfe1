/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a schema is compiled to. For rpc/schema*.c alone.
 *
 * A `sub` is one schema object or boolean: where it stands and its keywords, in the order in which they are
 * checked (cheap assertions, then what looks inside, then what applies other subs in place, then unevaluated*).
 * Everything refers to everything by its number in a table, so that references are edges and nothing is ever
 * expanded.
 */
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rpc/schema-number.h"
#include "rpc/schema-value.h"
#include "rpc/schema.h"

#define SUB_NONE UINT32_MAX

/* In the order of checking. */
enum keyword_id {
	KEY_TYPE,
	KEY_CONST,
	KEY_ENUM,
	KEY_MULTIPLE_OF,
	KEY_MAXIMUM,
	KEY_EXCLUSIVE_MAXIMUM,
	KEY_MINIMUM,
	KEY_EXCLUSIVE_MINIMUM,
	KEY_MAX_LENGTH,
	KEY_MIN_LENGTH,
	KEY_PATTERN,
	KEY_FORMAT,
	KEY_WITHIN,
	KEY_HOSTS,
	KEY_MAX_ITEMS,
	KEY_MIN_ITEMS,
	KEY_MAX_PROPERTIES,
	KEY_MIN_PROPERTIES,
	KEY_REQUIRED,
	KEY_DEPENDENT_REQUIRED,
	KEY_PROPERTY_NAMES,
	KEY_MEMBERS, /* properties, patternProperties, additionalProperties: one walk over the members */
	KEY_UNIQUE_ITEMS,
	KEY_ELEMENTS, /* prefixItems, items, additionalItems: one walk over the items */
	KEY_CONTAINS,
	KEY_REF,
	KEY_DYNAMIC_REF,
	KEY_ALL_OF,
	KEY_DEPENDENT_SCHEMAS,
	KEY_IF,
	KEY_ANY_OF,
	KEY_ONE_OF,
	KEY_NOT,
	KEY_UNEVALUATED_ITEMS,
	KEY_UNEVALUATED_PROPERTIES,
	KEY_COUNT_
};

/* What a keyword says, or where in a table it is said. */
struct keyword {
	uint8_t id;
	uint8_t types;  /* of instances it is about: 1 << enum tree_type */
	uint32_t value; /* its place in the schema; for a walk that of any of its keywords */
	union {
		struct { uint32_t at, n; };   /* a range of a table */
		struct { uint32_t sub, name; }; /* a reference; $dynamicRef: its name, or SUB_NONE */
		uint64_t count;
	};
};

struct sub {
	uint32_t node;     /* in its document */
	uint16_t document;
	uint8_t dialect;
	bool never;        /* the schema `false` */
	bool unevaluated;  /* it has an unevaluated*, so what its parts look at has to be noted */
	uint8_t keywords_n;
	uint32_t resource;
	uint32_t keywords; /* its first one */
};

/* A name and what belongs to it. Tables of more than TABLE_SORTED are sorted by hash. */
#define TABLE_SORTED 8
struct entry {
	uint32_t hash;
	uint32_t name, name_n; /* in `text` */
	uint32_t to;           /* a sub, or for dependentRequired a range of `ranges` */
};

struct range {
	uint32_t at, n;
};

struct members {
	struct range properties; /* of `entries` */
	struct range patterns;   /* of `pattern_subs` */
	uint32_t additional;     /* sub */
};

struct elements {
	struct range prefix; /* of `lists` */
	uint32_t rest;       /* sub */
	uint8_t prefix_keyword, rest_keyword; /* for words: 0: "prefixItems", "items"; 1: "items", "additionalItems" */
};

struct contains {
	uint32_t sub;
	uint64_t min, max;
	bool has_min, has_max; /* said in the schema */
};

struct condition {
	uint32_t test, then, otherwise;
};

struct pattern {
	uint32_t text, text_n; /* in `text` */
	pcre2_code *code;
	bool failed; /* PCRE2 does not take it */
};

struct pattern_sub {
	uint32_t pattern, sub;
};

struct enum_value {
	uint64_t hash;
	uint32_t node;
};

/* Where a $dynamicAnchor of this name is in this resource. Sorted by both. */
struct dynamic {
	uint32_t name, resource, sub;
};

struct document {
	struct tree tree;
	char *own; /* its text, when it is ours */
};

#define TABLE(type) struct { type *v; uint32_t n, cap; }

struct schema {
	struct schema_options options;
	char *home, *folder;
	TABLE(struct document) documents;
	TABLE(struct sub) subs;
	TABLE(struct keyword) keywords;
	TABLE(uint32_t) lists;
	TABLE(struct entry) entries;
	TABLE(struct range) ranges;
	TABLE(struct members) members;
	TABLE(struct elements) elements;
	TABLE(struct contains) contains;
	TABLE(struct condition) conditions;
	TABLE(struct pattern) patterns;
	TABLE(struct pattern_sub) pattern_subs;
	TABLE(struct decimal) numbers;
	TABLE(struct enum_value) enums;
	TABLE(struct dynamic) dynamics;
	struct buf text; /* names, patterns, folders: decoded */
	size_t codes_size;
};

/* A larger V, its old place void; NULL: no memory, V stays. */
void *schema_table_grow(void *v, uint32_t *cap, uint32_t used, uint32_t more, size_t each);
/* Whether there is room for MORE in the table T. */
#define TABLE_ROOM(t, more)                                                                                    \
	({                                                                                                     \
		bool room_ = (t)->n + (more) <= (t)->cap;                                                      \
		if (!room_) {                                                                                  \
			void *grown_ = schema_table_grow((t)->v, &(t)->cap, (t)->n, (more), sizeof *(t)->v);   \
			room_ = grown_ != NULL;                                                                \
			(t)->v = room_ ? grown_ : (t)->v;                                                      \
		}                                                                                              \
		room_;                                                                                         \
	})

static inline struct span schema_text(const struct schema *s, uint32_t at, uint32_t n)
{
	return (struct span){ s->text.p + at, n };
}

static inline uint32_t schema_name_hash(struct span name)
{
	return (uint32_t)value_hash_bytes(name);
}

/* The entry of NAME in the table RANGE, or NULL. */
const struct entry *schema_entry(const struct schema *s, struct work *w, struct range range, struct span name,
				 uint32_t hash);

/* ---- the metaschemas (schema-meta.c) ---- */
/* The text of the published schema with this URI, without fragment; n == 0: none. */
struct span schema_meta(struct span uri);

/* ---- formats (schema-format*.c) ---- */
#define FORMAT_NONE UINT32_MAX
/* The number of a format, or FORMAT_NONE: it asserts nothing. */
uint32_t schema_format_find(struct span name);
bool schema_format_holds(uint32_t format, struct span text);
/* "a date such as 2026-03-09" */
const char *schema_format_words(uint32_t format);

/* ---- policy's keywords (schema-policy.c) ---- */
/* Append the absolute form of PATH to OUT, without dots and doubled slashes. false: *WHY says why not. */
bool schema_path(struct span path, const char *home, const char *folder, struct buf *out, const char **why);
/* FOLDER and PATH are in that form. */
bool schema_path_inside(struct span path, struct span folder);
/* Whether a pattern of "hosts" is one; it is lower-cased in place. */
bool schema_host_pattern(char *p, size_t n);
/* Append the lower-cased host of a URL or host[:port] to OUT. false: *WHY. */
bool schema_host(struct span text, struct buf *out, const char **why);
bool schema_host_matches(struct span host, struct span pattern);

/* ---- failures (schema-words.c) ---- */
enum blame {
	BLAME_KEYWORD,  /* keyword `keyword` of `sub`, on `instance` */
	BLAME_NEVER,    /* the schema `false` */
	BLAME_UNKNOWN,  /* a member that additionalProperties or unevaluatedProperties refuses */
	BLAME_EXTRA,    /* an item that nothing allows */
	BLAME_LIMIT,
};

/* Where it failed, in numbers; made into words once, at the end. */
struct blamed {
	enum blame blame;
	uint32_t instance; /* node */
	uint32_t sub;
	uint32_t keyword;  /* in `keywords`, or SUB_NONE */
	uint32_t detail;   /* by keyword: the missing name's entry, the item repeated, how many matched */
	const struct blamed *inner; /* propertyNames: what is wrong with a key */
	const char *why;   /* of a limit, a path, a host */
};

void schema_words(const struct schema *s, const struct tree *t, uint32_t root, const struct blamed *b,
		  struct schema_failure *out);
