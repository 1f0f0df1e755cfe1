/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checking an instance: what its files share. For rpc/schema-check*.c and rpc/schema-pattern.c alone. */
#pragma once

#include "rpc/schema-impl.h"

/* Subs within each other, references included: bounds the stack, and ends a schema that refers to itself at once. */
#define CHECK_DEPTH 2048

enum { VALID = 0, INVALID = 1, LIMIT = -1 };

/* Which members or items of one container some keyword has looked at: a bit each, by their order. */
struct marks {
	uint64_t few;
	uint64_t *many; /* for more than 64; made when the first is set */
	uint32_t n;
	bool all;
};

/* The resources that evaluation has come through, innermost first. */
struct scope {
	uint32_t resource;
	const struct scope *outer;
};

struct check {
	const struct schema *s;
	const struct tree *t;
	struct work work;
	struct values values;
	struct buf text, path; /* decoded strings */
	unsigned depth;
	struct blamed blamed, key_blamed;
	/* patterns: made at the first one */
	pcre2_match_data *match_data;
	pcre2_match_context *match_context;
	uint64_t match_limit;  /* of each start of the match that runs */
	size_t match_start;    /* its last start */
	size_t match_length;
};

/* One keyword on one value. */
struct at {
	uint32_t sub, node;
	const struct keyword *k;
	struct marks *marks; /* NULL: nobody asks */
	const struct scope *scope;
};

int check_sub(struct check *c, uint32_t sub, uint32_t node, struct marks *marks, const struct scope *scope);

/* Blame this keyword, with NODE or another. Returns INVALID. */
int check_blame(struct check *c, const struct at *a, uint32_t node, enum blame blame, uint32_t detail, const char *why);
/* Work or memory ran out. Returns LIMIT. */
int check_limit(struct check *c, const char *why);

/* The decoded string NODE, until the next call. */
struct span check_string(struct check *c, uint32_t node);

bool marks_set(struct marks *m, uint32_t at);
bool marks_has(const struct marks *m, uint32_t at);
/* TO gets what FROM has, and may take its memory. */
void marks_merge(struct marks *to, struct marks *from);
void marks_free(struct marks *m);

/* schema-pattern.c. Whether TEXT matches: VALID, INVALID or LIMIT; blames nothing but limits. */
int check_pattern(struct check *c, uint32_t pattern, struct span text);
void check_pattern_free(struct check *c);

/* Keywords by file. */
int check_type(struct check *c, const struct at *a);
int check_const(struct check *c, const struct at *a);
int check_enum(struct check *c, const struct at *a);
int check_number(struct check *c, const struct at *a);
int check_length(struct check *c, const struct at *a);
int check_pattern_keyword(struct check *c, const struct at *a);
int check_format(struct check *c, const struct at *a);
int check_within(struct check *c, const struct at *a);
int check_hosts(struct check *c, const struct at *a);
int check_count(struct check *c, const struct at *a);
int check_required(struct check *c, const struct at *a);
int check_unique(struct check *c, const struct at *a);

int check_dependent_required(struct check *c, const struct at *a);
int check_property_names(struct check *c, const struct at *a);
int check_members(struct check *c, const struct at *a);
int check_elements(struct check *c, const struct at *a);
int check_contains(struct check *c, const struct at *a);
int check_unevaluated(struct check *c, const struct at *a);
