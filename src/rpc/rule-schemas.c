/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One compiled schema for each rule that has one, at the place of the rule; and those of tools. The policy's own schemas are
 * trusted, a server's and what both are asked about is not: the limits of schema.h hold. No system calls but memory.
 */
#include "rpc/rule-schemas.h"

#include "base/cleanup.h"

#include <stdlib.h>

struct rule_schemas {
	const struct mediation *m;
	struct tree nothing; /* {} */
	struct schema *v[];  /* NULL: the rule has none */
};

struct rule_schemas *rule_schemas_new(const struct plan *plan, struct error *err)
{
	const struct mediation *m = &plan->mediation;
	const struct schema_options options = {
		.dialect = SCHEMA_2020_12,
		.formats = true,
		.policy_keywords = true,
		.home = plan->home,
		.folder = plan->cwd,
	};
	CLEANUP(rule_schemas_freep) struct rule_schemas *s = calloc(1, sizeof *s + m->rules_n * sizeof(struct schema *));

	if (!s)
		return error_oom(err), NULL;
	s->m = m;
	if (tree_parse(&s->nothing, SPAN("{}"), 0) != TREE_OK)
		return error_oom(err), NULL;
	for (size_t i = 0; i < m->rules_n; i++) {
		const struct tool_rule *rule = &m->rules[i];
		if (!rule->arguments)
			continue;
		s->v[i] = schema_compile(span_of(rule->arguments), &options, err);
		if (!s->v[i]) {
			error_prefix(err, "%s: tools.rules, rule %u (\"%.64s\"): arguments", rule->origin, rule->number,
				     rule->tool);
			error_kind(err, ERROR_USAGE);
			return NULL;
		}
	}
	return TAKE_PTR(s);
}

void rule_schemas_free(struct rule_schemas *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->m->rules_n; i++)
		schema_free(s->v[i]);
	tree_free(&s->nothing);
	free(s);
}

void rule_schemas_freep(struct rule_schemas **s)
{
	rule_schemas_free(*s);
}

int rule_schemas_check(const struct rule_schemas *s, const struct decision *d, const struct tree *t, uint32_t node,
		       const struct tool_rule **rule, struct schema_failure *out)
{
	if (node == TREE_NONE) {
		t = &s->nothing;
		node = 0;
	}
	for (size_t i = 0; i < d->rules_n; i++) {
		const struct schema *schema = s->v[decision_index(s->m, d->rules[i])];
		int rc = schema ? schema_check(schema, t, node, out) : 0;
		if (rc != 0) {
			*rule = d->rules[i];
			return rc;
		}
	}
	return 0;
}

struct schema *tool_schema(const struct tree *definition, const char *member, const struct mediation *m, bool *given,
			   struct error *err)
{
	struct schema_options options = { .dialect = SCHEMA_2020_12, .formats = m->schema_formats };
	uint32_t node = tree_member(definition, 0, member);

	*given = node != TREE_NONE;
	if (!*given)
		return NULL;
	struct schema *schema = schema_compile(tree_raw(definition, node), &options, err);
	if (!schema) {
		/* Before 2025-11-25 nothing said which dialect a schema without "$schema" is of. */
		struct error older;
		options.dialect = SCHEMA_DRAFT_07;
		schema = schema_compile(tree_raw(definition, node), &options, &older);
	}
	return schema;
}
