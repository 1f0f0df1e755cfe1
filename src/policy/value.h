/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One value for one key, as it was written in a policy file or on the command line, before it is merged.
 * Internal to policy/.
 */
#pragma once

#include "base/error.h"
#include "base/strlist.h"
#include "policy/keys.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_env {
	char *name;
	char *value; /* NULL: pass on */
	bool remove;
	bool home; /* `value` is a path below the private home */
};

/* Which member is used follows from the key's type. */
struct value {
	uint64_t number;     /* sizes, counts, percent, durations; index of a word; bool; bits of layers */
	char *text;          /* strings, files */
	struct strlist list; /* paths, globs, names, keys; a command */
	struct grant *grants;
	size_t grants_n;
	struct value_env *env;
	size_t env_n;
	struct made_file *made;
	size_t made_n;
	struct tool_rule *rules;
	size_t rules_n;
	struct rule_override *actions;
	size_t actions_n;
};

/* Where a value was written: decides what paths in it mean. */
struct value_source {
	const char *home;   /* "~/" */
	const char *cwd;    /* relative paths; NULL: refused */
	const char *origin; /* "--ro", or the file: kept in grants and rules */
	bool commands;      /* may it name programs that run outside the cage */
};

/* Read TEXT as KEY's value; for lists as one more entry. Errors do not say where: the caller knows. */
int value_parse(const struct policy_key *key, const char *text, const struct value_source *source,
		struct value *value, struct error *err);

/* A plain number, as it can stand in a policy file. */
int value_integer(const struct policy_key *key, int64_t number, struct value *value, struct error *err);

/* One member of the object "env": TEXT NULL passes NAME on, or takes it away with REMOVE. */
int value_env_entry(const char *name, const char *text, bool remove, struct value *value, struct error *err);

/* Likewise, for a path below the private home, wherever that will be. */
int value_env_home(const char *name, const char *path, struct value *value, struct error *err);

/* One member of the object "files.made". */
int value_made(const char *path, const char *text, const struct value_source *source, struct value *value, struct error *err);

/* One member of the object "text.actions". */
int value_action(const struct policy_key *key, const char *name, const char *word, struct value *value, struct error *err);

/* One more word of a command; the first is the program. */
int value_command_word(const char *word, const struct value_source *source, struct value *value, struct error *err);

/* Move RULE into VALUE; it is freed when memory runs out. */
int value_rule(struct value *value, struct tool_rule *rule, struct error *err);

/* TEXT as an absolute, normalized path into *OUT, which the caller frees. */
int value_path(const char *text, const struct value_source *source, char **out, struct error *err);

void value_free(struct value *value);

/* Write NUMBER the way a person would have: "2G", "5m", "unlimited". At most 32 bytes. */
void value_number_text(const struct policy_key *key, uint64_t number, char text[32]);
