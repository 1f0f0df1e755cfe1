/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going through one policy file: where in it we are, so that an error can say so, and what values become of. Internal to
 * file.c and its parts:
 *
 *	read-rules.c   tools.rules
 *	schema-text.c  the schemas in them
 */
#pragma once

#include "policy/file.h"
#include "policy/where.h"

#define STEPS_MAX 8

struct walk {
	const struct policy_file *file;
	const struct value_source *source;
	struct merge *merge;
	bool may_lock;
	struct where_step steps[STEPS_MAX];
	size_t depth;
	struct span rule; /* the text of the rule on calls that is being read */
	struct error *err;
};

/* "FILE:LINE:COLUMN: " before the message: of the value, or AT_KEY of its key. Returns -1. */
int walk_blame(const struct walk *walk, bool at_key);
/* "WHAT: EXPECTED is expected here". Returns -1. */
int walk_wrong_type(const struct walk *walk, const char *what, const char *expected);

/* One value of a type that is neither a list nor an object. */
int walk_scalar(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value);

/* tools.rules. */
int walk_rules(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value);

/*
 * The JSON Schema TEXT, which is valid JSON, without white space and with the folders of "within" as a list of absolute, normalized
 * paths. Numbers and everything else keep the form they were written in.
 */
int schema_text(struct span text, const struct value_source *source, struct buf *out, struct error *err);
