/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decision about a call. Lists come first because they are what people write in haste: a name that is denied stays denied
 * whatever a rule says. Between stages of rules the strictest counts, so that what is added to a locked stage can
 * only tighten it.
 */
#include "rpc/decide.h"

static const char *first_match(const struct strlist *globs, const char *tool)
{
	for (size_t i = 0; i < globs->n; i++) {
		if (glob_match(globs->v[i], tool))
			return globs->v[i];
	}
	return NULL;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static const struct tool_rule *rule_of_stage(const struct mediation *m, unsigned stage, const char *tool)
{
	for (size_t i = 0; i < m->rules_n; i++)
		if (m->rules[i].stage == stage && glob_match(m->rules[i].tool, tool))
			return &m->rules[i];
	return NULL;
}

/* The first rule of each stage that matches; the first of the strictest decides. */
static void apply_rules(const struct mediation *m, const char *tool, struct decision *d)
{
	d->verdict = TOOL_ALLOW;
	for (unsigned stage = 0; stage < TOOL_STAGES; stage++) {
		const struct tool_rule *rule = rule_of_stage(m, stage, tool);
		/* A default is for what no rule matched so far. */
		enum tool_verdict verdict = rule ? rule->verdict : d->rules_n == 0 ? m->stage_default[stage] : TOOL_ALLOW;
		if (rule) {
			d->rules[d->rules_n++] = rule;
			d->timeout = smaller(d->timeout, rule->timeout);
			d->result_size = smaller(d->result_size, rule->result_size);
		}
		if (verdict < d->verdict || (rule && d->by != DECIDED_BY_RULE && verdict == d->verdict)) {
			d->verdict = verdict;
			d->rule = rule;
			d->by = rule ? DECIDED_BY_RULE : DECIDED_BY_DEFAULT;
		}
	}
	if (d->rules_n == 0 && m->tools_default < d->verdict)
		d->verdict = m->tools_default;
}

struct decision decide_call(const struct mediation *m, const char *tool)
{
	struct decision d = { .verdict = TOOL_DENY, .by = DECIDED_BY_DENY };

	d.glob = first_match(&m->tools_deny, tool);
	if (d.glob)
		return d;
	d.by = DECIDED_BY_ALLOW;
	if (m->tools_allow_set && !first_match(&m->tools_allow, tool))
		return d;
	d.by = DECIDED_BY_DEFAULT;
	apply_rules(m, tool, &d);
	if (d.rule) {
		d.glob = d.rule->tool;
		d.reason = d.rule->reason;
	}
	const char *ask = d.verdict == TOOL_ALLOW ? first_match(&m->tools_ask, tool) : NULL;
	if (ask) {
		d.verdict = TOOL_ASK;
		d.by = DECIDED_BY_ASK;
		d.glob = ask;
		d.rule = NULL;
		d.reason = NULL;
	}
	return d;
}

void decision_source(const struct decision *d, struct buf *out)
{
	switch (d->by) {
	case DECIDED_BY_DENY:
		buf_printf(out, "tools.deny: \"%s\"", d->glob);
		break;
	case DECIDED_BY_ALLOW:
		buf_puts(out, "not in tools.allow");
		break;
	case DECIDED_BY_RULE:
		buf_printf(out, "%s, rule %u: \"%s\"", d->rule->origin, d->rule->number, d->glob);
		break;
	case DECIDED_BY_DEFAULT:
		buf_puts(out, "tools.default");
		break;
	case DECIDED_BY_ASK:
		buf_printf(out, "tools.ask: \"%s\"", d->glob);
		break;
	}
}
