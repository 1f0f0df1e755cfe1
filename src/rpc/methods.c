/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking methods up, and what follows from a row: admission, era, shapes, lifetimes. The rows are in methods-table.c. */
#include "rpc/methods.h"

#include "base/glob.h"

#include <stdio.h>
#include <string.h>

const struct method *methods_find(enum direction from, const char *name)
{
	size_t low = 0, high = methods_n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct method *row = &methods[middle];
		int order = from != row->from ? (from < row->from ? -1 : 1) : strcmp(name, row->name);
		if (order == 0)
			return row;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *method_status_text(enum method_status status)
{
	switch (status) {
	case METHOD_KNOWN:
	case METHOD_FORWARDED:
		return "the method is known";
	case METHOD_UNKNOWN:
		return "no version of MCP has this method";
	case METHOD_WRONG_WAY:
		return "this method is the other side's to send";
	case METHOD_WRONG_ERA:
		return "the version of MCP that this message is written in has no such method";
	case METHOD_WRONG_KIND:
		return "a request needs an id, and a notification has none";
	case METHOD_OFF:
		return "policy has turned this method off";
	}
	return "";
}

static enum method_status admit_unknown(enum direction from, const char *name, const struct mediation *policy)
{
	enum direction other = from == CLIENT_TO_SERVER ? SERVER_TO_CLIENT : CLIENT_TO_SERVER;

	if (methods_find(other, name))
		return METHOD_WRONG_WAY;
	if (from != CLIENT_TO_SERVER)
		return METHOD_UNKNOWN;
	for (size_t i = 0; i < policy->methods.n; i++)
		if (glob_match(policy->methods.v[i], name))
			return METHOD_FORWARDED;
	return METHOD_UNKNOWN;
}

enum method_status methods_admit(enum direction from, const struct message *m, const struct mediation *policy,
				 const struct method **row)
{
	const struct method *found = methods_find(from, m->method);

	*row = found;
	if (!found)
		return admit_unknown(from, m->method, policy);
	if (found->request != (m->kind == MESSAGE_REQUEST))
		return METHOD_WRONG_KIND;
	if (found->request && m->modern && !(found->versions & METHOD_MODERN))
		return METHOD_WRONG_ERA;
	if (found->needs == NEEDS_TASKS && !policy->tasks)
		return METHOD_OFF;
	return METHOD_KNOWN;
}

int method_check_params(const struct method *row, const struct message *m, const struct tree *params,
			struct shape_failure *out)
{
	bool absent = params->n == 0 || params->v[0].type == TREE_NULL;

	return shape_check(row->params, params, absent ? TREE_NONE : 0, method_is_modern(row, m->modern), out);
}

int method_check_answer(const struct method *row, bool request_modern, enum message_kind kind, const struct tree *answer,
			struct shape_failure *out)
{
	bool modern = method_is_modern(row, request_modern);

	if (kind == MESSAGE_ERROR)
		return shape_check(SHAPE_ERROR, answer, 0, modern, out);
	/* Of a server that knows the legacy versions only. */
	if (modern && (row->versions & METHOD_LEGACY) && tree_member(answer, 0, "resultType") == TREE_NONE)
		modern = false;
	return shape_check(row->result, answer, 0, modern, out);
}

void methods_clamp_ttl(const struct tree *t, uint32_t node, uint64_t max, struct edits *edits, size_t offset)
{
	uint32_t ttl = tree_member(t, node, "ttlMs"), scope = tree_member(t, node, "cacheScope");
	uint64_t value;
	char text[24];

	if (ttl != TREE_NONE && !tree_whole(t, ttl, max, &value)) {
		snprintf(text, sizeof text, "%llu", (unsigned long long)max);
		edit_value(edits, offset, t, ttl, span_of(text));
	}
	if (scope != TREE_NONE && !tree_string_is(t, scope, "private"))
		edit_value(edits, offset, t, scope, SPAN("\"private\""));
}
