/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tools.rules of a policy file. As strict as the rest of it: a member that is not known, or that has no effect where it
 * stands, is an error, because whoever wrote it believes that it restricts something. Whether a schema can be compiled is
 * found by the command line, which knows how (cli/prepare.c).
 */
#include "policy/walk.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* The members that are read like keys of their own. */
enum member {
	MEMBER_TOOL,
	MEMBER_VERDICT,
	MEMBER_RATE,
	MEMBER_CONCURRENCY,
	MEMBER_TIMEOUT,
	MEMBER_RESULT_SIZE,
	MEMBER_REASON,
	MEMBERS_N,
};

static const char *const words_verdict[] = { "deny", "ask", "allow", NULL };

static const struct policy_key members[MEMBERS_N] = {
	[MEMBER_TOOL] = { .path = "tool", .type = VALUE_STRING },
	[MEMBER_VERDICT] = { .path = "verdict", .type = VALUE_ENUM, .words = words_verdict },
	[MEMBER_RATE] = { .path = "rate", .type = VALUE_RATE, .low = 1, .high = 1000000000 },
	[MEMBER_CONCURRENCY] = { .path = "concurrency", .type = VALUE_COUNT, .low = 1, .high = 1 << 20 },
	[MEMBER_TIMEOUT] = { .path = "timeout", .type = VALUE_DURATION, .low = 1, .high = (uint64_t)366 * 24 * 3600 * 1000 },
	[MEMBER_RESULT_SIZE] = { .path = "result_size", .type = VALUE_SIZE, .low = 1, .high = (uint64_t)1 << 50 },
	[MEMBER_REASON] = { .path = "reason", .type = VALUE_STRING },
};

#define REASON_MAX 300

static int complain(const struct walk *walk, const char *what, const char *why)
{
	error_set(walk->err, 0, "tools.rules: %s%s", what, why);
	return walk_blame(walk, false);
}

static int store(struct tool_rule *rule, enum member which, struct value *value)
{
	switch (which) {
	case MEMBER_TOOL:
		rule->tool = TAKE_PTR(value->text);
		break;
	case MEMBER_VERDICT:
		rule->verdict = (enum tool_verdict)value->number;
		break;
	case MEMBER_RATE:
		rule->rate = value->number;
		break;
	case MEMBER_CONCURRENCY:
		rule->concurrency = value->number;
		break;
	case MEMBER_TIMEOUT:
		rule->timeout = value->number;
		break;
	case MEMBER_RESULT_SIZE:
		rule->result_size = value->number;
		break;
	case MEMBER_REASON:
		rule->reason = TAKE_PTR(value->text);
		break;
	case MEMBERS_N:
		break;
	}
	return 0;
}

static int read_schema(struct walk *walk, const json_t *json, struct tool_rule *rule)
{
	CLEANUP_BUF struct buf text = BUF_INIT(POLICY_FILE_MAX * 4);
	const struct where_step step = { .key = "arguments" };
	const struct span raw = where_text(walk->rule.p, walk->rule.n, &step, 1);

	if (!json_is_object(json) && !json_is_boolean(json))
		return walk_wrong_type(walk, "tools.rules: arguments", "a JSON Schema (an object, true or false)");
	if (schema_text(raw, walk->source, &text, walk->err) < 0) {
		error_prefix(walk->err, "tools.rules: arguments: within");
		return walk_blame(walk, false);
	}
	const char *copy = buf_str(&text);
	rule->arguments = copy ? strdup(copy) : NULL;
	return rule->arguments ? 0 : error_oom(walk->err);
}

static int unknown_member(struct walk *walk, const char *name)
{
	const char *best = NULL;
	unsigned cost = 0;

	for (size_t i = 0; i < MEMBERS_N; i++)
		policy_suggest(name, members[i].path, &best, &cost);
	policy_suggest(name, "arguments", &best, &cost);
	error_set(walk->err, 0, "tools.rules: unknown member \"%.64s\"", name);
	if (best)
		error_hint(walk->err, "did you mean \"%s\"?", best);
	else
		error_hint(walk->err, "mcpcage-policy(5) lists the members of a rule");
	return walk_blame(walk, true);
}

static int read_member(struct walk *walk, const char *name, const json_t *json, struct tool_rule *rule)
{
	size_t which = 0;

	if (strcmp(name, "arguments") == 0)
		return read_schema(walk, json, rule);
	while (which < MEMBERS_N && strcmp(members[which].path, name) != 0)
		which++;
	if (which == MEMBERS_N)
		return unknown_member(walk, name);
	CLEANUP(value_free) struct value value = { 0 };
	if (walk_scalar(walk, &members[which], json, &value) < 0)
		return -1;
	if (which == MEMBER_REASON && strlen(value.text) > REASON_MAX)
		return complain(walk, name, ": too long: the most is 300 bytes");
	return store(rule, (enum member)which, &value);
}

/* What is missing, and what would have no effect. */
static int check_rule(struct walk *walk, const json_t *json, const struct tool_rule *rule)
{
	static const char *const idle[] = { "arguments", "rate", "concurrency", "timeout", "result_size" };

	if (!rule->tool)
		return complain(walk, "a rule needs \"tool\"", ", a pattern of names of tools");
	if (!json_object_get(json, "verdict"))
		return complain(walk, "a rule needs \"verdict\"", ": allow, ask or deny");
	for (size_t i = 0; rule->verdict == TOOL_DENY && i < ARRAY_SIZE(idle); i++) {
		if (!json_object_get(json, idle[i]))
			continue;
		complain(walk, idle[i], " has no effect in a rule that denies");
		return error_hint(walk->err, "it denies every call; to deny some calls, allow or ask with \"arguments\"");
	}
	return 0;
}

int walk_rules(struct walk *walk, const struct policy_key *key, const json_t *json, struct value *value)
{
	size_t index;
	const json_t *entry;

	if (!json_is_array(json))
		return walk_wrong_type(walk, key->path, "a list of objects");
	if (json_array_size(json) > RULES_MAX)
		return complain(walk, "more than 1024 rules", "");
	/* The file's text is gone through beside what jansson made of it, once for all rules. */
	struct span rest = where_text(walk->file->text.p, walk->file->text.n, walk->steps, walk->depth);
	json_array_foreach(json, index, entry) {
		CLEANUP(tool_rule_free) struct tool_rule rule = { .number = (unsigned)index + 1 };
		const char *name;
		json_t *member;
		walk->steps[walk->depth++] = (struct where_step){ .index = index };
		if (!json_is_object(entry) || !where_element(&rest, &walk->rule))
			return walk_wrong_type(walk, key->path, "an object");
		json_object_foreach((json_t *)entry, name, member) {
			walk->steps[walk->depth++] = (struct where_step){ .key = name };
			if (read_member(walk, name, member, &rule) < 0)
				return -1;
			walk->depth--;
		}
		if (check_rule(walk, entry, &rule) < 0)
			return -1;
		rule.origin = strdup(walk->source->origin);
		if (!rule.origin)
			return error_oom(walk->err);
		if (value_rule(value, &rule, walk->err) < 0)
			return -1;
		walk->depth--;
	}
	return 0;
}
