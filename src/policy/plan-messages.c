/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the plan says of messages, for programs: every key that fills struct mediation, in the order and by the types of the one
 * table, so that a new key is shown without a line here. Part of plan_json() and plan_print().
 */
#include "policy/show.h"

#include "base/json-out.h"
#include "policy/plan.h"
#include "policy/value.h"

#include <string.h>

/* The member that KEY fills, or NULL when it is none of struct mediation. */
static const void *member(const struct mediation *m, const struct policy_key *key)
{
	size_t from = offsetof(struct policy, mediation);

	if (!key->path || key->offset < from || key->offset >= from + sizeof *m)
		return NULL;
	return (const char *)m + (key->offset - from);
}

static bool is_limited(const struct policy_key *key, uint64_t number)
{
	return !key->unlimited || number != policy_key_no_limit(key);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void json_list(struct buf *out, const char *name, const struct strlist *list)
{
	json_key(out, name);
	buf_putc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		json_comma(out);
		json_string(out, span_of(list->v[i]));
	}
	buf_putc(out, ']');
}

static void json_number(struct buf *out, const char *name, uint64_t number)
{
	if (number)
		json_member_u64(out, name, number);
}

static void json_rules(struct buf *out, const struct mediation *m)
{
	json_key(out, "rules");
	buf_putc(out, '[');
	for (size_t i = 0; i < m->rules_n; i++) {
		const struct tool_rule *r = &m->rules[i];
		json_comma(out);
		buf_putc(out, '{');
		json_member_str(out, "tool", r->tool);
		json_member_str(out, "verdict", policy_keys[KEY_TOOLS_DEFAULT].words[r->verdict]);
		if (r->arguments) {
			json_key(out, "arguments");
			buf_puts(out, r->arguments);
		}
		json_number(out, "rate", r->rate);
		json_number(out, "concurrency", r->concurrency);
		json_number(out, "timeout", r->timeout);
		json_number(out, "result_size", r->result_size);
		if (r->reason)
			json_member_str(out, "reason", r->reason);
		json_member_u64(out, "stage", r->stage);
		json_member_str(out, "file", r->origin);
		json_member_u64(out, "number", r->number);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
	json_key(out, "stage_defaults");
	buf_putc(out, '[');
	for (size_t i = 0; i < TOOL_STAGES; i++) {
		json_comma(out);
		json_string(out, span_of(policy_keys[KEY_TOOLS_DEFAULT].words[m->stage_default[i]]));
	}
	buf_putc(out, ']');
}

static void json_actions(struct buf *out, const struct policy_key *key, const struct mediation *m)
{
	/* A list, because the order counts. */
	json_key(out, "actions");
	buf_putc(out, '[');
	for (size_t i = 0; i < m->actions_n; i++) {
		json_comma(out);
		buf_putc(out, '{');
		json_member_str(out, "rule", m->actions[i].name);
		json_member_str(out, "action", key->words[m->actions[i].action]);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
}

static void json_value(struct buf *out, const struct policy_key *key, const char *name, const struct mediation *m,
		       const void *at)
{
	switch (key->type) {
	case VALUE_BOOL:
		json_member_bool(out, name, *(const bool *)at);
		break;
	case VALUE_ENUM:
		json_member_str(out, name, key->words[*(const unsigned *)at]);
		break;
	case VALUE_STRING:
		json_member_str(out, name, *(char *const *)at);
		break;
	case VALUE_RULES:
		json_rules(out, m);
		break;
	case VALUE_ACTIONS:
		json_actions(out, key, m);
		break;
	case VALUE_GLOBS:
	case VALUE_PATHS:
	case VALUE_COMMAND:
		if (key->id == KEY_TOOLS_ALLOW && !m->tools_allow_set)
			json_member_str(out, name, NULL);
		else
			json_list(out, name, at);
		break;
	default:
		if (is_limited(key, *(const uint64_t *)at))
			json_member_u64(out, name, *(const uint64_t *)at);
		else
			json_member_str(out, name, NULL);
	}
}

void show_mediation_json(const struct mediation *m, struct buf *out)
{
	const struct policy_key *last = NULL;

	for (size_t i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		const void *at = member(m, key);
		if (!at)
			continue;
		size_t n = strcspn(key->path, ".") + 1;
		if (!last || strncmp(last->path, key->path, n) != 0) {
			char group[32];
			snprintf(group, sizeof group, "%.*s", (int)(n - 1), key->path);
			if (last)
				buf_putc(out, '}');
			json_key(out, group);
			buf_putc(out, '{');
		}
		json_value(out, key, key->path + n, m, at);
		last = key;
	}
	buf_putc(out, '}');
}

/* ---- flat ---------------------------------------------------------------------------------------- */

/* "tools.ask_first_use" as a word of the flat plan. */
static void print_name(struct buf *out, const struct policy_key *key)
{
	for (const char *p = key->path; *p; p++)
		buf_putc(out, *p == '.' || *p == '_' ? '-' : *p);
}

static void print_entry(struct buf *out, const struct policy_key *key, const char *text)
{
	print_name(out, key);
	buf_putc(out, ' ');
	show_word(out, text);
	buf_putc(out, '\n');
}

void show_rule_limits(const struct tool_rule *r, const char *before, struct buf *out)
{
	const struct policy_key like[] = {
		{ .path = " at a time", .type = VALUE_COUNT, .low = 1 },
		{ .path = "", .type = VALUE_RATE, .low = 1 },
		{ .path = " for a call", .type = VALUE_DURATION, .low = 1 },
		{ .path = " of answer", .type = VALUE_SIZE, .low = 1 },
	};
	const uint64_t numbers[] = { r->concurrency, r->rate, r->timeout, r->result_size };
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(like); i++) {
		if (numbers[i] == 0)
			continue;
		value_number_text(&like[i], numbers[i], text);
		buf_printf(out, "%s%s%s", before, text, like[i].path);
		before = ", ";
	}
}

static void print_rules(struct buf *out, const struct mediation *m)
{
	const char *const *words = policy_keys[KEY_TOOLS_DEFAULT].words;

	for (unsigned stage = 0; stage < TOOL_STAGES; stage++) {
		for (size_t i = 0; i < m->rules_n; i++) {
			const struct tool_rule *r = &m->rules[i];
			if (r->stage != stage)
				continue;
			buf_printf(out, "tools-rule stage %u %s ", stage, words[r->verdict]);
			show_word(out, r->tool);
			show_rule_limits(r, " ", out);
			if (r->arguments) {
				buf_puts(out, " arguments ");
				show_word(out, r->arguments);
			}
			buf_puts(out, "  # ");
			show_text(out, r->origin);
			buf_printf(out, ", rule %u", r->number);
			if (r->reason) {
				buf_puts(out, ": ");
				show_text(out, r->reason);
			}
			buf_putc(out, '\n');
		}
		if (m->stage_default[stage] != TOOL_ALLOW)
			buf_printf(out, "tools-rule stage %u otherwise %s\n", stage, words[m->stage_default[stage]]);
	}
}

static void print_value(struct buf *out, const struct policy_key *key, const struct mediation *m, const void *at)
{
	const struct strlist *list = at;
	char number[32];

	switch (key->type) {
	case VALUE_BOOL:
		print_entry(out, key, *(const bool *)at ? "yes" : "no");
		break;
	case VALUE_ENUM:
		print_entry(out, key, key->words[*(const unsigned *)at]);
		break;
	case VALUE_STRING:
		if (*(char *const *)at)
			print_entry(out, key, *(char *const *)at);
		break;
	case VALUE_RULES:
		print_rules(out, m);
		break;
	case VALUE_ACTIONS:
		for (size_t i = 0; i < m->actions_n; i++) {
			print_name(out, key);
			buf_putc(out, ' ');
			show_word(out, m->actions[i].name);
			buf_printf(out, " %s\n", key->words[m->actions[i].action]);
		}
		break;
	case VALUE_GLOBS:
	case VALUE_PATHS:
		if (key->id == KEY_TOOLS_ALLOW && m->tools_allow_set && list->n == 0)
			buf_puts(out, "tools-allow-none\n");
		for (size_t i = 0; i < list->n; i++)
			print_entry(out, key, list->v[i]);
		break;
	case VALUE_COMMAND:
		if (list->n == 0)
			break;
		print_name(out, key);
		for (size_t i = 0; i < list->n; i++) {
			buf_putc(out, ' ');
			show_word(out, list->v[i]);
		}
		buf_putc(out, '\n');
		break;
	default:
		value_number_text(key, *(const uint64_t *)at, number);
		print_entry(out, key, number);
	}
}

void show_mediation_print(const struct mediation *m, struct buf *out)
{
	for (size_t i = 0; i < KEYS_N; i++) {
		const void *at = member(m, &policy_keys[i]);
		if (at)
			print_value(out, &policy_keys[i], m, at);
	}
}
