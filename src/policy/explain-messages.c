/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `mcpcage explain`, on messages: which calls pass, and what is done to what the server says. A few lines, of which each says
 * what happens and none what a key is called: the keys are in mcpcage-policy(5).
 */
#include "policy/show.h"

#include "policy/plan.h"
#include "policy/value.h"

#include <inttypes.h>
#include <string.h>

static const char *const verdicts[] = { [TOOL_DENY] = "deny", [TOOL_ASK] = "ask", [TOOL_ALLOW] = "allow" };

/* ---- outside ------------------------------------------------------------------------------------- */

static void outside(struct buf *out, const struct strlist *command, const char *what)
{
	CLEANUP_BUF struct buf line = BUF_INIT(0);

	if (command->n == 0)
		return;
	for (size_t i = 0; i < command->n; i++) {
		if (i)
			buf_putc(&line, ' ');
		show_word(&line, command->v[i]);
	}
	const char *text = buf_str(&line);
	explain_entry(out, what, text ? text : "");
}

void show_outside_words(const struct plan *plan, struct buf *out)
{
	const struct mediation *m = &plan->mediation;

	if (m->text_command.n == 0 && m->ask_with.n == 0 && m->alarm_command.n == 0)
		return;
	explain_heading(out, "Runs OUTSIDE THE CAGE, as you");
	outside(out, &m->text_command, "to judge the server's texts");
	outside(out, &m->ask_with, "to ask you");
	outside(out, &m->alarm_command, "at each alarm");
}

/* ---- calls --------------------------------------------------------------------------------------- */

static void globs(struct buf *out, const char *title, const struct strlist *list)
{
	struct flow flow = { .out = out };

	if (list->n == 0)
		return;
	if (title)
		buf_printf(out, "  %s:\n", title);
	for (size_t i = 0; i < list->n; i++)
		flow_word(&flow, list->v[i]);
	flow_end(&flow);
}

static void rule(struct buf *out, const struct tool_rule *r)
{
	CLEANUP_BUF struct buf left = BUF_INIT(0);
	CLEANUP_BUF struct buf right = BUF_INIT(0);

	buf_printf(&left, "  %-5s %s", verdicts[r->verdict], r->tool);
	if (r->arguments)
		buf_puts(&right, "with arguments that satisfy its schema");
	show_rule_limits(r, right.n ? ", " : "", &right);
	if (r->reason)
		buf_printf(&right, "%s\"%s\"", right.n ? ": " : "", r->reason);
	buf_printf(&right, "%s(%s, rule %u)", right.n ? " " : "", r->origin, r->number);
	const char *l = buf_str(&left), *text = buf_str(&right);
	explain_entry(out, l ? l : r->tool, text);
}

static bool has_rules(const struct mediation *m)
{
	bool any = m->rules_n > 0 || m->tools_default != TOOL_ALLOW;

	for (size_t i = 0; i < TOOL_STAGES; i++)
		any = any || m->stage_default[i] != TOOL_ALLOW;
	return any;
}

static void rules(struct buf *out, const struct mediation *m)
{
	unsigned last = 0;

	if (!has_rules(m))
		return;
	for (size_t i = 0; i < m->rules_n; i++)
		last = m->rules[i].stage > last ? m->rules[i].stage : last;
	for (unsigned stage = 0; stage < TOOL_STAGES; stage++) {
		bool titled = false;
		for (size_t i = 0; i < m->rules_n; i++) {
			if (m->rules[i].stage != stage)
				continue;
			if (!titled)
				buf_puts(out, stage < last || m->stage_default[stage] != TOOL_ALLOW
						      ? "  the first of these that matches, locked:\n"
						      : "  the first of these that matches:\n");
			titled = true;
			rule(out, &m->rules[i]);
		}
		if (m->stage_default[stage] != TOOL_ALLOW)
			buf_printf(out, "    %-5s what none of them matches, locked\n", verdicts[m->stage_default[stage]]);
	}
	buf_printf(out, "    %-5s what no rule matches\n", verdicts[m->tools_default]);
	if (last > 0)
		buf_puts(out, "  where several lists say something, the strictest counts\n");
}

static void calls(struct buf *out, const struct mediation *m)
{
	explain_heading(out, "Tools that may be called");
	if (!m->tools_allow_set)
		buf_puts(out, has_rules(m) ? "  as rules say\n" : "  all\n");
	else if (m->tools_allow.n == 0)
		buf_puts(out, "  none\n");
	globs(out, NULL, &m->tools_allow);
	globs(out, "but never", &m->tools_deny);
	globs(out, "after asking", &m->tools_ask);
	rules(out, m);
	if (m->ask_first_use)
		buf_puts(out, "  the first call ever of each asks\n");
}

/* ---- everything else ----------------------------------------------------------------------------- */

static void pins(struct buf *out, const struct plan *plan)
{
	const struct mediation *m = &plan->mediation;
	static const char *const modes[] = {
		[PINS_REVIEW] = "only what was reviewed can be used (mcpcage review)",
		[PINS_FIRST_USE] = "kept when first seen; what changes later is held back until it is reviewed",
		[PINS_OFF] = "NOT PINNED: its tools may change at any time",
	};

	explain_entry(out, "tools, prompts, instructions", modes[m->pins]);
	if (m->pins != PINS_OFF && plan->pins_folder)
		explain_entry(out, "their pins", plan->pins_folder);
}

static void texts(struct buf *out, const struct mediation *m)
{
	CLEANUP_BUF struct buf line = BUF_INIT(0);

	buf_puts(&line, m->text_clean ? "cleaned of what cannot be seen" : "NOT CLEANED of what cannot be seen");
	buf_puts(&line, "; searched by rules");
	for (size_t i = 0; i < m->rule_files.n; i++)
		buf_printf(&line, "%s%s", i ? ", " : ", also those of ", m->rule_files.v[i]);
	for (size_t i = 0; i < m->actions_n; i++)
		buf_printf(&line, "%s%s %s", i ? ", " : "; ", m->actions[i].name,
			   policy_keys[KEY_TEXT_ACTIONS].words[m->actions[i].action]);
	if (m->text_command.n)
		buf_puts(&line, "; judged by a program of yours");
	const char *text = buf_str(&line);
	explain_entry(out, "texts", text ? text : "");
}

static void reverse(struct buf *out, const struct mediation *m)
{
	CLEANUP_BUF struct buf line = BUF_INIT(0);
	const struct {
		enum reverse_mode mode;
		const char *what;
	} list[] = {
		{ m->sampling, "the client's model" },
		{ m->elicitation, "answers of yours in forms" },
		{ m->elicitation_url, "to open a web page" },
		{ m->roots ? REVERSE_ALLOW : REVERSE_DENY, "its folders" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i].mode != REVERSE_DENY)
			buf_printf(&line, "%s%s%s", line.n ? ", " : "", list[i].what,
				   list[i].mode == REVERSE_ASK ? " (after asking)" : "");
	const char *text = buf_str(&line);
	explain_entry(out, "the server may ask for", text && *text ? text : "nothing");
	if (m->roots && m->roots_list.n == 0)
		explain_entry(out, "folders it is told", "none");
	for (size_t i = 0; m->roots && i < m->roots_list.n; i++)
		explain_entry(out, i ? "" : "folders it is told", m->roots_list.v[i]);
}

/* Whether anything can lead to a question. */
static bool can_ask(const struct mediation *m)
{
	bool alarms = m->on_breach == BREACH_HOLD && (m->calls_per_minute || m->bytes_per_minute || m->concurrency ||
						      m->denials_in_a_row || m->result_growth);
	bool ask = alarms || m->tools_ask.n || m->tools_default == TOOL_ASK || m->ask_first_use || m->sampling == REVERSE_ASK ||
		   m->elicitation == REVERSE_ASK || m->elicitation_url == REVERSE_ASK;

	for (size_t i = 0; i < TOOL_STAGES; i++)
		ask = ask || m->stage_default[i] == TOOL_ASK;
	for (size_t i = 0; i < m->rules_n; i++)
		ask = ask || m->rules[i].verdict == TOOL_ASK;
	return ask;
}

static void asking(struct buf *out, const struct mediation *m)
{
	char line[160], number[32];

	if (!can_ask(m))
		return;
	value_number_text(&policy_keys[KEY_ASK_TIMEOUT], m->ask_timeout, number);
	snprintf(line, sizeof line, "%s; no answer in %s is a no",
		 m->ask_with.n ? "through the client, and where it cannot, by a program of yours"
				 : "through the client, and where it cannot, on the terminal", number);
	explain_entry(out, "you are asked", line);
}

static void alarms(struct buf *out, const struct mediation *m)
{
	static const char *const what[] = {
		[BREACH_STOP] = "ends the session",
		[BREACH_HOLD] = "has you asked before each call, for a minute",
		[BREACH_NOTE] = "is recorded",
	};
	static const char *const units[] = {
		" calls a minute", " bytes a minute", " calls at a time", " refusals in a row", " times larger results",
	};
	const uint64_t numbers[] = { m->calls_per_minute, m->bytes_per_minute, m->concurrency, m->denials_in_a_row,
				     m->result_growth };
	CLEANUP_BUF struct buf line = BUF_INIT(0);
	char number[32];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (numbers[i] == 0)
			continue;
		if (i == 1)
			value_number_text(&policy_keys[KEY_ALARMS_BYTES], numbers[i], number);
		else
			snprintf(number, sizeof number, "%" PRIu64, numbers[i]);
		buf_printf(&line, "%s%s%s", line.n ? ", " : "", number, units[i]);
	}
	if (line.n == 0)
		return;
	buf_printf(&line, ": %s", what[m->on_breach]);
	const char *text = buf_str(&line);
	explain_entry(out, "more than", text ? text : "");
}

void show_mediation_words(const struct plan *plan, struct buf *out)
{
	const struct mediation *m = &plan->mediation;

	calls(out, m);
	explain_heading(out, "What the server says");
	pins(out, plan);
	explain_entry(out, "arguments and results",
		      m->schema_unchecked ? "checked by the tool's schema WHERE THAT CAN BE DONE"
					  : "checked by the tool's schema");
	texts(out, m);
	reverse(out, m);
	asking(out, m);
	alarms(out, m);
	globs(out, "unknown methods that are forwarded UNCHECKED", &m->methods);
}
