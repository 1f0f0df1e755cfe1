/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/mediation.h"

#include <stdlib.h>
#include <string.h>

/* The members that are lists. */
static const size_t lists[] = {
	offsetof(struct mediation, tools_allow),  offsetof(struct mediation, tools_deny),
	offsetof(struct mediation, tools_ask),    offsetof(struct mediation, methods),
	offsetof(struct mediation, rule_folders), offsetof(struct mediation, rule_files),
	offsetof(struct mediation, text_command), offsetof(struct mediation, roots_list),
	offsetof(struct mediation, ask_with),     offsetof(struct mediation, alarm_command),
};

static struct strlist *list_of(struct mediation *m, size_t i)
{
	return (void *)((char *)m + lists[i]);
}

void mediation_defaults(struct mediation *m)
{
	*m = (struct mediation){
		.tools_default = TOOL_ALLOW,
		.pins = PINS_FIRST_USE,
		.text_clean = true,
		.text_timeout = 10 * 1000,
		.sampling_tokens = 4096,
		.tasks = true,
		.ttl = 5 * 60 * 1000,
		.ask_timeout = 50 * 1000,
		.ask_remember = (uint64_t)30 * 24 * 3600 * 1000,
		.on_breach = BREACH_NOTE,
	};
	for (size_t i = 0; i < TOOL_STAGES; i++)
		m->stage_default[i] = TOOL_ALLOW;
}

void tool_rule_free(struct tool_rule *rule)
{
	free(rule->tool);
	free(rule->arguments);
	free(rule->reason);
	free(rule->origin);
	memset(rule, 0, sizeof *rule);
}

void mediation_free(struct mediation *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strlist_free(list_of(m, i));
	for (size_t i = 0; i < m->rules_n; i++)
		tool_rule_free(&m->rules[i]);
	for (size_t i = 0; i < m->actions_n; i++)
		free(m->actions[i].name);
	free(m->rules);
	free(m->actions);
	free(m->pins_name);
	memset(m, 0, sizeof *m);
}

static int dup_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -1 : 0;
}

int tool_rule_copy(struct tool_rule *to, const struct tool_rule *from)
{
	*to = *from;
	to->tool = to->arguments = to->reason = to->origin = NULL;
	if (dup_text(&to->tool, from->tool) == 0 && dup_text(&to->arguments, from->arguments) == 0 &&
	    dup_text(&to->reason, from->reason) == 0 && dup_text(&to->origin, from->origin) == 0)
		return 0;
	tool_rule_free(to);
	return -1;
}

static int copy_rules(struct mediation *to, const struct mediation *from)
{
	to->rules = calloc(from->rules_n + 1, sizeof *to->rules);
	to->actions = calloc(from->actions_n + 1, sizeof *to->actions);
	if (!to->rules || !to->actions)
		return -1;
	for (; to->rules_n < from->rules_n; to->rules_n++)
		if (tool_rule_copy(&to->rules[to->rules_n], &from->rules[to->rules_n]) < 0)
			return -1;
	for (; to->actions_n < from->actions_n; to->actions_n++) {
		struct rule_override *t = &to->actions[to->actions_n];
		t->action = from->actions[to->actions_n].action;
		if (dup_text(&t->name, from->actions[to->actions_n].name) < 0)
			return -1;
	}
	return 0;
}

int mediation_copy(struct mediation *to, const struct mediation *from, struct error *err)
{
	struct mediation source = *from;
	int r = 0;

	*to = source;
	to->rules = NULL;
	to->actions = NULL;
	to->pins_name = NULL;
	to->rules_n = to->actions_n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		*list_of(to, i) = (struct strlist){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
		r = strlist_copy(list_of(to, i), list_of(&source, i));
	if (r == 0)
		r = copy_rules(to, from);
	if (r == 0)
		r = dup_text(&to->pins_name, from->pins_name);
	if (r < 0) {
		mediation_free(to);
		return error_oom(err);
	}
	return 0;
}
