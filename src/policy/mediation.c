/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/mediation.h"

#include <stdlib.h>
#include <string.h>

static void lists_of(struct mediation *m, struct strlist *lists[11])
{
	lists[0] = &m->tools_allow;
	lists[1] = &m->tools_deny;
	lists[2] = &m->methods;
	lists[3] = &m->rule_files;
	lists[4] = &m->text_command;
	lists[5] = &m->roots_list;
	lists[6] = &m->ask_with;
	lists[7] = &m->alarm_command;
	lists[8] = &m->tools_ask;
	lists[9] = &m->rule_folders;
	lists[10] = NULL;
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
	struct strlist *lists[11];

	lists_of(m, lists);
	for (size_t i = 0; lists[i]; i++)
		strlist_free(lists[i]);
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
	struct strlist *mine[11], *theirs[11];
	int r = 0;

	*to = source;
	to->rules = NULL;
	to->actions = NULL;
	to->pins_name = NULL;
	to->rules_n = to->actions_n = 0;
	lists_of(to, mine);
	lists_of(&source, theirs);
	for (size_t i = 0; mine[i]; i++)
		*mine[i] = (struct strlist){ 0 };
	for (size_t i = 0; mine[i] && r == 0; i++)
		r = strlist_copy(mine[i], theirs[i]);
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
