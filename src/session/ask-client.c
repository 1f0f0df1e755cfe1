/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking through the client. A client of the older versions gets a request of ours, elicitation/create, under an id that no
 * server can use. A client of 2026-07-28 gets an input-required result in place of the call's, and tries again with the
 * answer; a keyed hash ties that answer to the very call, and it counts once. What is ours in the second try never reaches
 * the server. Whether the client can be asked is its own declaration, also where policy keeps the server from asking.
 */
#include "session/ask.h"

#include "rpc/reply.h"
#include "session/mediate.h"

#include <stdio.h>
#include <string.h>

#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

/* Form mode, which is also what a declaration without modes means. */
static bool declares_forms(const struct tree *t, uint32_t capabilities)
{
	uint32_t e = tree_is(t, capabilities, TREE_OBJECT) ? tree_member(t, capabilities, "elicitation") : TREE_NONE;

	if (!tree_is(t, e, TREE_OBJECT))
		return false;
	return tree_is(t, tree_member(t, e, "form"), TREE_OBJECT) || tree_member(t, e, "url") == TREE_NONE;
}

static bool declared_in_call(struct passage *p)
{
	const struct tree *t = passage_tree(p);
	uint32_t meta = t && tree_is(t, 0, TREE_OBJECT) ? tree_member(t, 0, "_meta") : TREE_NONE;

	return tree_is(t, meta, TREE_OBJECT) && declares_forms(t, tree_member(t, meta, META_CAPABILITIES));
}

enum fate ask_learn(struct passage *p)
{
	p->asks = false;
	if (p->m.modern && p->request.is_tool_call)
		p->asks = declared_in_call(p);
	if (strcmp(p->m.method, "initialize") != 0)
		return FATE_NEXT;
	const struct tree *t = passage_tree(p);
	p->f->asks.client_elicits = t && tree_is(t, 0, TREE_OBJECT) && declares_forms(t, tree_member(t, 0, "capabilities"));
	return FATE_NEXT;
}

enum ask_way ask_way(struct passage *p)
{
	if (p->d == SERVER_TO_CLIENT || !p->m.modern)
		return p->f->asks.client_elicits ? ASK_WAY_REQUEST : ASK_WAY_NONE;
	return p->asks ? ASK_WAY_RESULT : ASK_WAY_NONE;
}

static void id_of(char text[40], uint32_t number)
{
	snprintf(text, 40, ASK_ID_PREFIX "ask-%u", number);
}

static void check_room(struct filter *f)
{
	if (f->to_client.queue.full)
		report_event(f, EVENT_CLIENT_STUCK);
}

void ask_client_request(struct filter *f, const struct ask_open *o, const struct question *q)
{
	char id[40];

	id_of(id, o->number);
	question_elicit(&f->to_client.queue, id, q);
	check_room(f);
}

void ask_client_withdraw(struct filter *f, uint32_t number)
{
	char id[40], raw[44];

	id_of(id, number);
	snprintf(raw, sizeof raw, "\"%s\"", id);
	reply_cancelled(&f->to_client.queue, span_of(raw), "no answer is needed any more");
	check_room(f);
}

/* ---- 2026-07-28 ------------------------------------------------------------------------------------ */

static struct ask_issued *issue(struct filter *f)
{
	struct asks *a = &f->asks;
	struct ask_issued *place = &a->issued[0];

	for (size_t i = 0; i < ASK_ISSUED_MAX; i++) {
		if (a->issued[i].expires <= f->now) {
			place = &a->issued[i];
			break;
		}
		if (a->issued[i].expires < place->expires)
			place = &a->issued[i];
	}
	*place = (struct ask_issued){ .number = ++a->number, .expires = f->now + f->plan->mediation.ask_timeout };
	return place;
}

enum fate ask_client_result(struct passage *p, const struct ask_about *about)
{
	struct filter *f = p->f;
	const struct ask_issued *issued = issue(f);
	const struct question q = {
		.server = f->label, .tool = about->subject, .reason = about->reason, .arguments = about->arguments,
		.description = about->description, .reach = f->asks.reach,
	};
	char state[QUESTION_STATE_MAX];

	question_state(state, f->asks.key, issued->number, about->subject, about->arguments);
	question_input_required(&f->to_client.queue, p->m.id_raw, state, &q);
	check_room(f);
	report_call(f, &p->request, CALL_ASKED, 0, about->reason);
	return FATE_DONE;
}

static bool ours(const struct tree *t, uint32_t state)
{
	static const char start[] = "mcpcage.";
	struct span raw = tree_raw(t, state);

	return raw.n > sizeof start && memcmp(raw.p + 1, start, sizeof start - 1) == 0;
}

/* Nothing of ours reaches the server. */
static void strip(struct passage *p, uint32_t state, uint32_t responses, uint32_t response)
{
	struct tree *t = &p->tree;

	edit_drop(t, state);
	if (response != TREE_NONE && tree_count(t, responses) == 1) {
		edit_drop(t, responses);
	} else if (response != TREE_NONE) {
		edit_drop(t, response);
		edit_sweep(&p->edits, p->offset, t, responses);
	}
	edit_sweep(&p->edits, p->offset, t, 0);
}

static bool take_issued(struct filter *f, uint64_t number)
{
	for (size_t i = 0; i < ASK_ISSUED_MAX; i++) {
		struct ask_issued *issued = &f->asks.issued[i];
		if (issued->number != number || issued->expires <= f->now)
			continue;
		issued->expires = 0;
		return true;
	}
	return false;
}

bool ask_client_retry(struct passage *p, enum answer *answer)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(4096);
	uint64_t number;

	if (!p->m.modern || p->d != CLIENT_TO_SERVER)
		return false;
	const struct tree *t = passage_tree(p);
	if (!t || !tree_is(t, 0, TREE_OBJECT))
		return false;
	uint32_t state = tree_member(t, 0, "requestState");
	if (!tree_is(t, state, TREE_STRING) || !ours(t, state))
		return false;
	uint32_t responses = tree_member(t, 0, "inputResponses");
	uint32_t response = tree_is(t, responses, TREE_OBJECT) ? tree_member(t, responses, QUESTION_KEY) : TREE_NONE;
	bool genuine = question_state_check(tree_string_span(t, state, &scratch), p->f->asks.key, p->m.name, p->m.arguments,
					    &number) && take_issued(p->f, number);
	*answer = response == TREE_NONE ? ANSWER_NO : question_answer(t, response);
	strip(p, state, responses, response);
	return genuine;
}

/*
 * The server may want more for the same call, in rounds: each is a new request, and the answer "once" was for all of them. The
 * state with number 0, which no question has, says whether it is the same tool with the same arguments.
 */
static void round_state(const struct passage *p, char state[QUESTION_STATE_MAX])
{
	memset(state, 0, QUESTION_STATE_MAX);
	question_state(state, p->f->asks.key, 0, p->m.name, p->m.arguments);
}

void ask_round_begin(struct passage *p)
{
	struct asks *a = &p->f->asks;
	struct ask_round *r = &a->rounds[a->next_round++ % ASK_OPEN_MAX];

	if (!p->m.modern)
		return;
	*r = (struct ask_round){ .id = p->m.id };
	round_state(p, r->state);
}

bool ask_round_next(struct passage *p)
{
	char state[QUESTION_STATE_MAX];

	if (!p->m.modern || p->d != CLIENT_TO_SERVER)
		return false;
	const struct tree *t = passage_tree(p);
	if (!t || !tree_is(t, 0, TREE_OBJECT) || (tree_member(t, 0, "inputResponses") == TREE_NONE &&
						  tree_member(t, 0, "requestState") == TREE_NONE))
		return false;
	round_state(p, state);
	for (size_t i = 0; i < ASK_OPEN_MAX; i++) {
		struct ask_round *r = &p->f->asks.rounds[i];
		if (r->expires <= p->f->now || memcmp(r->state, state, sizeof state) != 0)
			continue;
		*r = (struct ask_round){ 0 };
		return true;
	}
	return false;
}

enum fate ask_result(struct passage *p)
{
	const struct tree *t;

	if (!p->request.modern || !p->request.is_tool_call)
		return FATE_NEXT;
	for (size_t i = 0; i < ASK_OPEN_MAX; i++) {
		struct ask_round *r = &p->f->asks.rounds[i];
		if (r->expires || r->id.type == ID_NONE || !rpc_id_eq(&r->id, &p->m.id))
			continue;
		t = p->m.kind == MESSAGE_RESULT ? passage_tree(p) : NULL;
		uint32_t type = t && tree_is(t, 0, TREE_OBJECT) ? tree_member(t, 0, "resultType") : TREE_NONE;
		if (tree_is(t, type, TREE_STRING) && tree_string_is(t, type, "input_required"))
			r->expires = p->f->now + p->f->plan->mediation.ask_timeout;
		else
			*r = (struct ask_round){ 0 };
		break;
	}
	return FATE_NEXT;
}
