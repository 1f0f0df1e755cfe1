/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reverse channel of a session: what the client declares, what the server asks of it, and what comes back. What
 * may pass is decided in rpc/reverse.c. Here is what has to be remembered for it: what a legacy client declared, and,
 * of the rounds of a modern request, which inputs were asked for, so that nothing else is answered. MCP, "Lifecycle",
 * "Multi Round-Trip Requests".
 */
#include "rpc/reverse.h"

#include "rpc/question.h"
#include "rpc/reply.h"
#include "session/ask.h"
#include "session/label.h"
#include "session/mediate.h"

#include <stdlib.h>
#include <string.h>

#define META "_meta"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

enum { ROUNDS = 64, ROUND_INPUTS = 32, STATE_MAX = 65536 };

/* A modern request that was answered with questions: to be made again with their answers. */
struct round {
	uint64_t request; /* of which; 0: unused */
	uint64_t state;   /* its requestState */
	size_t n;
	struct {
		uint64_t key;
		bool roots;
	} input[ROUND_INPUTS];
};

struct rounds {
	size_t next;
	struct round v[ROUNDS];
};

static struct reverse reverse_of(const struct filter *f, unsigned caps)
{
	return (struct reverse){ .policy = &f->plan->mediation, .server = f->label, .caps = caps };
}

void reverse_name_server(struct filter *f, const struct plan *plan)
{
	char name[256];

	plan_label(name, sizeof name, plan);
	reverse_label(f->label, name);
}

/* ---- what the client declares ------------------------------------------------------------------ */

enum fate reverse_declared(struct passage *p)
{
	const struct mediation *policy = &p->f->plan->mediation;
	bool hello = strcmp(p->m.method, "initialize") == 0;

	if (!hello && !p->m.modern) {
		p->request.caps = p->f->caps;
		return FATE_NEXT;
	}
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	uint32_t from = p->m.modern ? tree_member(t, 0, META) : 0;
	uint32_t i = tree_member(t, from, p->m.modern ? META_CAPABILITIES : "capabilities");
	p->request.caps = reverse_capabilities(policy, t, i, p->offset, &p->edits);
	if (hello) {
		p->f->legacy = true;
		p->f->caps = p->request.caps;
	}
	return FATE_NEXT;
}

/* What the server declares in return. */
enum fate reverse_hello(struct passage *p)
{
	const char *method = p->request.method;

	if (p->m.kind != MESSAGE_RESULT || p->f->plan->mediation.tasks ||
	    (strcmp(method, "initialize") != 0 && strcmp(method, "server/discover") != 0))
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	reverse_server_capabilities(&p->f->plan->mediation, t, tree_member(t, 0, "capabilities"), p->offset, &p->edits);
	return FATE_NEXT;
}

/* ---- requests of the server -------------------------------------------------------------------- */

static bool is_reverse(const char *method)
{
	return strcmp(method, "sampling/createMessage") == 0 || strcmp(method, "elicitation/create") == 0 ||
	       strcmp(method, "roots/list") == 0;
}

static enum fate answer_roots(struct passage *p)
{
	CLEANUP_BUF struct buf roots = BUF_INIT((size_t)1 << 20);

	reverse_roots(&roots, &p->f->plan->mediation.roots_list);
	if (roots.full)
		return passage_error(p, DROP_POLICY, CODE_INVALID_REQUEST, "too many roots",
				     "mcpcage: there are too many roots to list");
	reply_result(&p->f->to_server.queue, p->m.id_raw, buf_span(&roots));
	report_asked(p->f, &p->request, CALL_ANSWERED, roots.n);
	return FATE_DONE;
}

/* The client tells of an end of what it was sent to a URL for: remember which. */
static void remember_elicitation(struct passage *p, const struct tree *t, uint32_t params)
{
	struct filter *f = p->f;
	uint32_t i = tree_member(t, params, "elicitationId");

	if (!tree_is(t, i, TREE_STRING))
		return;
	f->elicitations[f->elicitations_next++ % ARRAY_SIZE(f->elicitations)] =
		route_key_text(f->calls, tree_string_span(t, i, &p->scratch));
	buf_clear(&p->scratch);
}

bool reverse_knows_elicitation(struct passage *p, const struct tree *t, uint32_t id)
{
	const struct filter *f = p->f;

	if (!tree_is(t, id, TREE_STRING))
		return false;
	uint64_t key = route_key_text(f->calls, tree_string_span(t, id, &p->scratch));
	buf_clear(&p->scratch);
	for (size_t i = 0; i < ARRAY_SIZE(f->elicitations); i++)
		if (f->elicitations[i] == key)
			return true;
	return false;
}

/*
 * Where policy says "ask", the person decides before the client hears of it. A request can wait for that; an answer
 * cannot, because the client's request waits for it already.
 */
static enum fate ask_first(struct passage *p, const char *question)
{
	if (p->m.kind != MESSAGE_REQUEST)
		return passage_refuse(p, DROP_REVERSE, CODE_REPLY_REFUSED, "to be asked about, and inside an answer",
				      "mcpcage refused the server's answer: %s, and the user's policy wants to be "
				      "asked about that, which is "
				      "not possible inside an answer",
				      question);
	struct ask_about about = { .subject = p->m.method, .reason = question, .arguments = p->m.params };
	ask_scope(about.scope, p->m.method);
	return ask_person(p, &about);
}

enum fate reverse_asked(struct passage *p)
{
	struct reverse r = reverse_of(p->f, p->f->caps);

	if (strncmp(p->m.method, "tasks/", 6) == 0 && !(r.caps & CAP_TASKS))
		return passage_refuse(p, DROP_POLICY, CODE_METHOD_NOT_FOUND, "the client offers no tasks",
				      "mcpcage: the client does not offer tasks");
	if (!is_reverse(p->m.method))
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t && p->body.n > 0)
		return passage_unreadable(p);
	struct tree none = { 0 };
	switch (reverse_request(&r, p->m.method, t ? t : &none, t ? 0 : TREE_NONE, p->offset, &p->edits)) {
	case REVERSE_PASSES:
		remember_elicitation(p, t ? t : &none, t ? 0 : TREE_NONE);
		return FATE_NEXT;
	case REVERSE_ROOTS:
		return answer_roots(p);
	case REVERSE_ASKS:
		remember_elicitation(p, t ? t : &none, t ? 0 : TREE_NONE);
		return ask_first(p, r.question);
	case REVERSE_REFUSED:
		break;
	}
	return passage_refuse(p, DROP_REVERSE, r.code, r.detail, "%s", r.words);
}

/* ---- questions inside answers ------------------------------------------------------------------ */

static enum fate refuse_inputs(struct passage *p, const char *detail, const char *words)
{
	return passage_refuse(
		p, DROP_REVERSE, CODE_REPLY_REFUSED, detail,
		"mcpcage refused the server's answer, because it asks for something it may not ask for: %s", words);
}

static struct round *new_round(struct filter *f)
{
	if (!f->rounds)
		f->rounds = calloc(1, sizeof *f->rounds);
	if (!f->rounds)
		return NULL;
	struct round *round = &f->rounds->v[f->rounds->next++ % ROUNDS];
	memset(round, 0, sizeof *round);
	return round;
}

/* The request's key, so that a retry can be told; of a task, the task's. */
static uint64_t round_key(struct passage *p, const char *method, struct span name)
{
	struct buf *text = &p->scratch;
	uint64_t key;

	buf_clear(text);
	buf_puts(text, method);
	buf_putc(text, ' ');
	buf_append(text, name.p, name.n);
	key = route_key_text(p->f->calls, buf_span(text));
	buf_clear(text);
	return key;
}

/* One question of the map. false: refused, and said so in R. */
static bool one_input(struct passage *p, struct tree *t, uint32_t value, struct reverse *r, bool *roots, bool *ask)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(256);
	uint32_t method = tree_member(t, value, "method"), params = tree_member(t, value, "params");

	*r = reverse_of(p->f, p->request.caps);
	copy_text(r->words, sizeof r->words, "an input that is none of sampling, elicitation and roots", SIZE_MAX);
	copy_text(r->detail, sizeof r->detail, "an unknown input", SIZE_MAX);
	if (!tree_is(t, method, TREE_STRING))
		return false;
	struct span name = tree_string_span(t, method, &scratch);
	char text[64];
	if (name.n >= sizeof text)
		return false;
	copy_text(text, sizeof text, name.p, name.n);
	if (!is_reverse(text))
		return false;
	enum reverse_fate fate = reverse_request(r, text, t, params, p->offset, &p->edits);
	*roots = fate == REVERSE_ROOTS;
	*ask |= fate == REVERSE_ASKS;
	return fate != REVERSE_REFUSED;
}

/*
 * The map INPUTS (TREE_NONE: none are asked), to be answered by a request with the key ORIGIN. STATE: its requestState.
 */
static enum fate look_at_inputs(struct passage *p, struct tree *t, uint32_t inputs, uint64_t origin, struct span state)
{
	struct round *round = new_round(p->f);
	struct reverse r;
	bool ask = false;

	if (!round)
		return passage_unreadable(p);
	if (inputs != TREE_NONE && !tree_is(t, inputs, TREE_OBJECT))
		return refuse_inputs(p, "inputRequests is no object", "what it asks for is no map of questions");
	for (uint32_t k = inputs == TREE_NONE ? 0 : tree_first(t, inputs); inputs != TREE_NONE && k < t->v[inputs].next;
	     k = t->v[k + 1].next) {
		if (round->n == ROUND_INPUTS)
			return refuse_inputs(p, "too many inputs", "it asks for too many things at once");
		bool roots = false;
		if (!one_input(p, t, k + 1, &r, &roots, &ask))
			return refuse_inputs(p, r.detail, r.words);
		round->input[round->n].key = route_key_text(p->f->calls, tree_string_span(t, k, &p->scratch));
		round->input[round->n++].roots = roots;
		buf_clear(&p->scratch);
	}
	round->request = origin;
	round->state = state.n ? route_key_text(p->f->calls, state) : 0;
	return ask ? ask_first(p, r.question) : FATE_NEXT;
}

/* A task's state, told by a notification. */
enum fate reverse_in_task(struct passage *p, struct tree *t, const struct task *task)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT((size_t)1 << 20);
	uint32_t inputs = tree_member(t, 0, "inputRequests");

	if (inputs == TREE_NONE)
		return FATE_NEXT;
	p->request.caps = task->caps;
	struct span id = tree_string_span(t, tree_member(t, 0, "taskId"), &scratch);
	return look_at_inputs(p, t, inputs, round_key(p, "tasks/get", id), (struct span){ 0 });
}

static bool may_ask(const char *method)
{
	return strcmp(method, "tools/call") == 0 || strcmp(method, "prompts/get") == 0 ||
	       strcmp(method, "resources/read") == 0;
}

static enum fate input_required(struct passage *p, struct tree *t)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT((size_t)1 << 20);
	uint32_t state = tree_member(t, 0, "requestState");
	struct span text = { 0 };

	if (!may_ask(p->request.method))
		return refuse_inputs(p, "not for this method",
				     "only tools/call, prompts/get and resources/read may ask for input");
	if (state != TREE_NONE && (!tree_is(t, state, TREE_STRING) || t->v[state].end - t->v[state].start > STATE_MAX))
		return refuse_inputs(p, "requestState", "its requestState is no string of at most 64 KiB");
	if (state != TREE_NONE)
		text = tree_string_span(t, state, &scratch);
	p->promised = true;
	return look_at_inputs(p, t, tree_member(t, 0, "inputRequests"), p->request.round, text);
}

/* An error that sends the person to URLs first (2025-11-25). */
static enum fate url_required(struct passage *p, struct tree *t)
{
	struct reverse r = reverse_of(p->f, p->request.caps);
	uint32_t list = tree_member(t, tree_member(t, 0, "data"), "elicitations");
	bool ask = false;

	if (list == TREE_NONE)
		return FATE_NEXT;
	if (!tree_is(t, list, TREE_ARRAY))
		return refuse_inputs(p, "elicitations is no array", "its list of URLs is none");
	for (uint32_t i = tree_first(t, list); i < t->v[list].next; i = t->v[i].next) {
		enum reverse_fate fate = reverse_elicit_url(&r, t, i, p->offset, &p->edits);
		if (fate == REVERSE_REFUSED)
			return refuse_inputs(p, r.detail, r.words);
		ask |= fate == REVERSE_ASKS;
		remember_elicitation(p, t, i);
	}
	return ask ? ask_first(p, r.question) : FATE_NEXT;
}

enum fate reverse_in_answer(struct passage *p)
{
	const char *method = p->request.method;

	if (p->m.kind == MESSAGE_ERROR) {
		struct tree *t = passage_tree(p);
		if (!t)
			return passage_unreadable(p);
		/* However the number is written: what has elicitations is one of these. */
		return url_required(p, t);
	}
	if (!p->request.modern || (!may_ask(method) && strcmp(method, "tasks/get") != 0))
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	if (strcmp(method, "tasks/get") == 0) {
		uint32_t inputs = tree_member(t, 0, "inputRequests");
		return inputs == TREE_NONE ? FATE_NEXT
					   : look_at_inputs(p, t, inputs, p->request.round, (struct span) { 0 });
	}
	if (tree_string_is(t, tree_member(t, 0, "resultType"), "input_required") ||
	    tree_member(t, 0, "inputRequests") != TREE_NONE)
		return input_required(p, t);
	return FATE_NEXT;
}

/* ---- answers that come with a request ---------------------------------------------------------- */

static const struct round *find_round(const struct filter *f, uint64_t request, uint64_t state)
{
	for (size_t i = 0; f->rounds && i < ROUNDS; i++)
		if (f->rounds->v[i].request == request && f->rounds->v[i].state == state)
			return &f->rounds->v[i];
	return NULL;
}

static bool only_ours(const struct tree *t, uint32_t responses)
{
	return tree_is(t, responses, TREE_OBJECT) && tree_count(t, responses) == 1 &&
	       tree_string_is(t, tree_first(t, responses), QUESTION_KEY);
}

static enum fate unasked(struct passage *p)
{
	return passage_refuse(p, DROP_REVERSE, CODE_INVALID_PARAMS, "an input that was not asked for",
			      "mcpcage refused this request: it brings inputs, or a requestState, that no answer to "
			      "this request has "
			      "asked for. Make the request again without them.");
}

/* The name that, with the method, makes a request the same as before. */
static uint32_t origin_of(const struct passage *p, const struct tree *t)
{
	const char *m = p->m.method;

	return tree_member(t, 0,
			   strcmp(m, "resources/read") == 0 ? "uri"
			   : strncmp(m, "tasks/", 6) == 0   ? "taskId"
							    : "name");
}

static uint64_t origin_key(struct passage *p, const struct tree *t)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT((size_t)1 << 20);
	uint32_t i = origin_of(p, t);
	/* tasks/update answers what tasks/get asked: one key for both. */
	const char *method = strcmp(p->m.method, "tasks/update") == 0 ? "tasks/get" : p->m.method;

	return round_key(p, method, tree_is(t, i, TREE_STRING) ? tree_string_span(t, i, &scratch) : (struct span){ 0 });
}

enum fate reverse_retry(struct passage *p)
{
	const char *method = p->m.method;

	if (!p->m.modern || (!may_ask(method) && strncmp(method, "tasks/", 6) != 0))
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	p->request.round = origin_key(p, t);
	uint32_t responses = tree_member(t, 0, "inputResponses"), state = tree_member(t, 0, "requestState");
	if ((responses == TREE_NONE && state == TREE_NONE) || only_ours(t, responses))
		return FATE_NEXT;
	CLEANUP_BUF struct buf scratch = BUF_INIT((size_t)1 << 20);
	uint64_t key = tree_is(t, state, TREE_STRING) && t->v[state].end - t->v[state].start > 2 ?
			       route_key_text(p->f->calls, tree_string_span(t, state, &scratch)) : 0;
	const struct round *round = find_round(p->f, p->request.round, key);
	if (!round || (responses != TREE_NONE && !tree_is(t, responses, TREE_OBJECT)))
		return unasked(p);
	for (uint32_t k = responses == TREE_NONE ? 0 : tree_first(t, responses);
	     responses != TREE_NONE && k < t->v[responses].next; k = t->v[k + 1].next) {
		uint64_t one = route_key_text(p->f->calls, tree_string_span(t, k, &scratch));
		size_t i = 0;
		while (i < round->n && round->input[i].key != one)
			i++;
		if (i == round->n)
			return unasked(p);
		if (!round->input[i].roots)
			continue;
		/* Whatever the client's roots are: the server gets those of the policy. */
		CLEANUP_BUF struct buf roots = BUF_INIT((size_t)1 << 20);
		reverse_roots(&roots, &p->f->plan->mediation.roots_list);
		edit_value(&p->edits, p->offset, t, k + 1, buf_span(&roots));
	}
	return FATE_NEXT;
}
