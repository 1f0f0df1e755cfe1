/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps that hold every message against the table of methods (rpc/methods.h): whether its method may pass in this direction and
 * era, and whether its params, its result or its error has the shape that the specification requires. What other steps look into
 * has its shape already. Answers are checked as those to the request they answer, never by what they say of themselves.
 *
 * A request that does not pass is answered with -32601 or -32602 and the place; a bad answer is replaced by a refusal that says
 * where it is bad; notifications are dropped.
 */
#include "session/mediate.h"

#include "rpc/methods.h"

#include <stdio.h>
#include <string.h>

/* "params/content/0/text must be a string" */
static void words(char *text, size_t size, const char *whole, const struct shape_failure *failure)
{
	snprintf(text, size, "%s%s %s", whole, failure->pointer, failure->words);
}

/* The index over params, with no nodes when they are absent; NULL: there are some and they cannot be looked at. */
static const struct tree *params_of(struct passage *p)
{
	if (p->m.params.n > 0)
		return passage_tree(p);
	p->tree.n = 0;
	return &p->tree;
}

static enum fate bad_params(struct passage *p, const struct shape_failure *failure)
{
	char place[400], text[500];

	words(place, sizeof place, "params", failure);
	if (p->m.kind == MESSAGE_NOTIFICATION)
		return passage_drop(p, DROP_SHAPE, place);
	snprintf(text, sizeof text, "mcpcage refused this request: %s", place);
	return passage_error(p, DROP_SHAPE, CODE_INVALID_PARAMS, place, text);
}

static enum fate not_admitted(struct passage *p, enum method_status status)
{
	const char *why = method_status_text(status);
	char text[200];

	if (p->m.kind == MESSAGE_NOTIFICATION)
		return passage_drop(p, status == METHOD_WRONG_KIND ? DROP_NO_ID : DROP_METHOD, why);
	snprintf(text, sizeof text, "mcpcage refused this request: %s", why);
	return passage_error(p, DROP_METHOD, CODE_METHOD_NOT_FOUND, why, text);
}

enum fate method_check(struct passage *p)
{
	const struct method *row;
	struct shape_failure failure;
	enum method_status status = methods_admit(p->d, &p->m, &p->f->plan->mediation, &row);

	if (status == METHOD_FORWARDED)
		return FATE_NEXT;
	if (status != METHOD_KNOWN)
		return not_admitted(p, status);
	const struct tree *params = params_of(p);
	if (!params)
		return passage_unreadable(p);
	if (method_check_params(row, &p->m, params, &failure) < 0)
		return bad_params(p, &failure);
	if (row->open_ended)
		p->request.deadline = 0;
	return FATE_NEXT;
}

enum fate method_check_reply(struct passage *p)
{
	enum direction asked = p->d == SERVER_TO_CLIENT ? CLIENT_TO_SERVER : SERVER_TO_CLIENT;
	const struct method *row = methods_find(asked, p->request.method);
	struct shape_failure failure;
	char place[400];

	if (!row && p->m.kind == MESSAGE_RESULT)
		return FATE_NEXT;
	const struct tree *answer = passage_tree(p);
	if (!answer)
		return passage_unreadable(p);
	int status = row ? method_check_answer(row, p->request.modern, p->m.kind, answer, &failure)
			 : shape_check(SHAPE_ERROR, answer, 0, p->request.modern, &failure);
	if (status < 0) {
		words(place, sizeof place, p->m.kind == MESSAGE_ERROR ? "error" : "result", &failure);
		return passage_refuse(p, DROP_SHAPE, CODE_REPLY_REFUSED, place,
				      "mcpcage refused the %s answer, which breaks the protocol: %s",
				      p->d == SERVER_TO_CLIENT ? "server's" : "client's", place);
	}
	if (row && row->cacheable && p->m.kind == MESSAGE_RESULT && method_is_modern(row, p->request.modern))
		methods_clamp_ttl(answer, 0, p->f->plan->mediation.ttl, &p->edits, p->offset);
	return FATE_NEXT;
}
