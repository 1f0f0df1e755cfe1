/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The schemas of tools: what a call's arguments must be by the tool's own definition and by the policy's rules, and
 * what a result's structuredContent must be. A tool's schemas are taken from its definition in force (the pinned
 * one), compiled when first needed and kept until the definition changes. MCP, "Tools": inputSchema, outputSchema.
 *
 * A schema that cannot be compiled says nothing, so the call is refused, unless policy says otherwise
 * (schema_unchecked).
 */
#include "session/mediate.h"

#include "rpc/manifest.h"
#include "rpc/rule-schemas.h"
#include "rpc/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Compiled schemas of a session that are kept, in bytes. */
#define KEEP_MAX ((size_t)8 << 20)

struct compiled {
	bool tried;
	bool given; /* the definition has one */
	struct schema *schema;
	size_t size;
	char fault[200];
};

struct tool {
	uint32_t edition;
	struct compiled input, output;
};

struct tools {
	struct rule_schemas *rules;
	struct tool *v; /* by the item's number */
	size_t n;
	size_t kept; /* bytes */
	struct tree definition, nothing;
};

int tools_start(struct filter *f, struct error *err)
{
	f->tools = calloc(1, sizeof *f->tools);
	if (!f->tools || tree_parse(&f->tools->nothing, SPAN("{}"), 0) != TREE_OK)
		return error_oom(err);
	f->tools->rules = rule_schemas_new(f->plan, err);
	return f->tools->rules ? 0 : -1;
}

static void forget(struct tools *tools, struct compiled *c)
{
	schema_free(c->schema);
	tools->kept -= c->size;
	*c = (struct compiled){ 0 };
}

static void forget_all(struct tools *tools)
{
	for (size_t i = 0; i < tools->n; i++) {
		forget(tools, &tools->v[i].input);
		forget(tools, &tools->v[i].output);
	}
}

static struct tool *tool_of(struct tools *tools, const struct item *item)
{
	if (item->number >= tools->n) {
		size_t n = (size_t)item->number + 32;
		struct tool *v = reallocarray(tools->v, n, sizeof *v);
		if (!v)
			return NULL;
		memset(v + tools->n, 0, (n - tools->n) * sizeof *v);
		tools->v = v;
		tools->n = n;
	}
	struct tool *tool = &tools->v[item->number];
	if (tool->edition != item->edition) {
		forget(tools, &tool->input);
		forget(tools, &tool->output);
		tool->edition = item->edition;
	}
	return tool;
}

static void compile(struct filter *f, struct compiled *c, const struct item *item, const char *member)
{
	struct tools *tools = f->tools;
	struct error err = { 0 };

	c->tried = true;
	if (tree_parse(&tools->definition, item->content, 0) != TREE_OK) {
		c->given = true;
		copy_text(c->fault, sizeof c->fault, "the tool's definition cannot be read", SIZE_MAX);
		return;
	}
	c->schema = tool_schema(&tools->definition, member, &f->plan->mediation, &c->given, &err);
	if (!c->given)
		return;
	if (!c->schema) {
		copy_text(c->fault, sizeof c->fault, err.what, SIZE_MAX);
		return;
	}
	c->size = schema_size(c->schema);
	tools->kept += c->size;
}

/* NULL: no memory. What is kept is bounded: past that all are compiled anew as they are needed. */
static struct compiled *compiled_of(struct filter *f, const struct item *item, bool output)
{
	struct tools *tools = f->tools;

	if (tools->kept > KEEP_MAX)
		forget_all(tools);
	struct tool *tool = tool_of(tools, item);
	if (!tool)
		return NULL;
	struct compiled *c = output ? &tool->output : &tool->input;
	if (!c->tried)
		compile(f, c, item, output ? "outputSchema" : "inputSchema");
	return c;
}

/* A pattern is compiled when it is first used. */
static void weigh(struct tools *tools, struct compiled *c)
{
	size_t size = schema_size(c->schema);

	tools->kept += size - c->size;
	c->size = size;
}

static const struct item *item_of(const struct filter *f, const char *tool)
{
	return manifest_find(pinned_manifest(f), ITEM_TOOL, span_of(tool));
}

/* ---- arguments --------------------------------------------------------------------------------- */

static enum fate by_definition(struct passage *p, const struct tree *t, uint32_t arguments)
{
	const struct item *item = item_of(p->f, p->m.name);
	struct compiled *c = item ? compiled_of(p->f, item, false) : NULL;
	struct schema_failure failure;
	char rule[320];

	if (!c)
		return passage_unreadable(p);
	if (!c->schema && p->f->plan->mediation.schema_unchecked)
		return FATE_NEXT;
	if (!c->schema)
		return passage_refuse(p, DROP_SCHEMA, CODE_INVALID_PARAMS, "inputSchema cannot be checked",
				      "mcpcage refused this call: the inputSchema of the tool \"%s\" cannot be "
				      "checked (%s). Do not try "
				      "it again; use another tool or tell the user.",
				      p->m.name, c->given ? c->fault : "it has none");
	int rc = arguments == TREE_NONE ? schema_check(c->schema, &p->f->tools->nothing, 0, &failure) :
					  schema_check(c->schema, t, arguments, &failure);
	weigh(p->f->tools, c);
	if (rc == 0)
		return FATE_NEXT;
	snprintf(rule, sizeof rule, "inputSchema: %s%s%s", failure.pointer[0] ? failure.pointer : "arguments",
		 failure.keyword[0] ? " " : "", failure.keyword);
	return passage_refuse(
		p, DROP_SCHEMA, CODE_INVALID_PARAMS, rule,
		"mcpcage refused this call: the arguments are not what the tool \"%s\" takes. %s%s. Correct the "
		"arguments and call it again.",
		p->m.name, failure.pointer[0] ? "" : "arguments: ", failure.text);
}

static enum fate by_rules(struct passage *p, const struct tree *t, uint32_t arguments)
{
	const struct tool_rule *rule = NULL;
	struct schema_failure failure;
	char where[360];

	if (p->decision.rules_n == 0 ||
	    rule_schemas_check(p->f->tools->rules, &p->decision, t, arguments, &rule, &failure) == 0)
		return FATE_NEXT;
	snprintf(where, sizeof where, "%.60s, rule %u: %s", rule->origin ? rule->origin : "policy", rule->number,
		 failure.pointer[0] ? failure.pointer : "arguments");
	return passage_refuse(p, DROP_SCHEMA, CODE_DENIED, where,
			      "mcpcage refused this call: the user's policy does not allow these arguments of the "
			      "tool \"%s\". %s%s.%s%s "
			      "Call it with arguments that the policy allows, or ask the user.",
			      p->m.name, failure.pointer[0] ? "" : "arguments: ", failure.text, rule->reason ? " " : "", rule->reason ? rule->reason : "");
}

enum fate call_arguments(struct passage *p)
{
	if (!p->request.is_tool_call)
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	uint32_t arguments = tree_member(t, 0, "arguments");
	enum fate fate = by_definition(p, t, arguments);
	return fate == FATE_NEXT ? by_rules(p, t, arguments) : fate;
}

/* ---- results ----------------------------------------------------------------------------------- */

/* RESULT: a CallToolResult of TOOL. */
static enum fate check_result(struct passage *p, const struct tree *t, uint32_t result, const char *tool)
{
	const struct item *item = item_of(p->f, tool);
	struct compiled *c = item ? compiled_of(p->f, item, true) : NULL;
	uint32_t content = tree_member(t, result, "structuredContent");
	struct schema_failure failure;
	char rule[320];

	if (!c)
		return item ? passage_unreadable(p) : FATE_NEXT; /* listed no more, and its last call still runs */
	if (!c->given || (!c->schema && p->f->plan->mediation.schema_unchecked))
		return FATE_NEXT;
	if (content == TREE_NONE && tree_is(t, tree_member(t, result, "isError"), TREE_TRUE))
		return FATE_NEXT;
	if (!c->schema)
		return passage_refuse(
			p, DROP_SCHEMA, CODE_REPLY_REFUSED, "outputSchema cannot be checked",
			"mcpcage refused the result of the tool \"%s\": its outputSchema cannot be checked (%s)",
			tool, c->fault);
	if (content == TREE_NONE)
		return passage_refuse(p, DROP_SCHEMA, CODE_REPLY_REFUSED, "no structuredContent",
				      "mcpcage refused the result of the tool \"%s\": the tool declares an "
				      "outputSchema, and the result "
				      "has no structuredContent",
				      tool);
	int rc = schema_check(c->schema, t, content, &failure);
	weigh(p->f->tools, c);
	if (rc == 0)
		return FATE_NEXT;
	snprintf(rule, sizeof rule, "outputSchema: %s%s%s", failure.pointer[0] ? failure.pointer : "structuredContent",
		 failure.keyword[0] ? " " : "", failure.keyword);
	/* The place is the server's text, so no more of it than the keyword is repeated to the model. */
	return passage_refuse(
		p, DROP_SCHEMA, CODE_REPLY_REFUSED, rule,
		"mcpcage refused the result of the tool \"%s\": its structuredContent is not what the tool's "
		"outputSchema says%s%s%s",
		tool, failure.keyword[0] ? " (\"" : "", failure.keyword, failure.keyword[0] ? "\")" : "");
}

enum fate answer_structured(struct passage *p)
{
	bool payload = strcmp(p->request.method, "tasks/result") == 0,
	     state = strcmp(p->request.method, "tasks/get") == 0;

	if (p->m.kind != MESSAGE_RESULT || p->promised || (!p->request.is_tool_call && !payload && !state))
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	uint32_t result = state ? tree_member(t, 0, "result") : 0;
	return result == TREE_NONE ? FATE_NEXT : check_result(p, t, result, p->request.tool);
}

/* A task's state, told by a notification, may hold its result. */
enum fate notice_structured(struct passage *p, const struct tree *t, const char *tool)
{
	uint32_t result = tree_member(t, 0, "result");

	return result == TREE_NONE ? FATE_NEXT : check_result(p, t, result, tool);
}
