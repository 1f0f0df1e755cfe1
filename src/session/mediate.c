/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to a message: it goes through the row of steps for its kind, and is then forwarded as it is or as
 * edited, answered in the other side's place, held, or dropped. The scanner has already refused everything that two
 * parsers could read differently, so what is decided here is decided on what the other side will see. (The MCP
 * specification, "Base Protocol".)
 */
#include "session/mediate.h"

#include "rpc/reply.h"
#include "session/hold.h"

#include <stdio.h>
#include <string.h>

/*
 * The order matters: what is cheap and certain first, what a person is asked last, limits before that (a call that is
 * over them asks nobody). Every row begins with the step that ties the message to the table of requests.
 */
static const step_fn client_requests[] = {
	call_begin,
	limits_gate,
	ask_learn,
	method_check,
	pinned_unseen,
	notice_wanted,
	reverse_declared,
	call_tool,
	pinned_request,
	task_named,
	call_arguments,
	reverse_retry,
	texts_go,
	limits_call,
	ask_call,
	NULL,
};
static const step_fn server_requests[] = {
	limits_gate,
	ask_guard,
	request_begin,
	texts_come,
	method_check,
	pinned_unseen,
	notice_wanted,
	reverse_asked,
	NULL,
};
static const step_fn client_notices[] = {
	notice_begin,
	method_check,
	notice_client,
	NULL,
};
static const step_fn server_notices[] = {
	limits_gate,
	ask_guard,
	notice_begin,
	texts_come,
	method_check,
	pinned_unseen,
	notice_server,
	NULL,
};
static const step_fn client_answers[] = {
	ask_answer,
	answer_begin,
	method_check_reply,
	texts_go,
	answer_given,
	NULL,
};
static const step_fn server_answers[] = {
	limits_gate,
	answer_begin,
	answer_size,
	texts_come,
	method_check_reply,
	pinned_unseen,
	pinned_answer,
	texts_shown,
	reverse_hello,
	task_created,
	reverse_in_answer,
	answer_structured,
	ask_result,
	limits_result,
	answer_done,
	NULL,
};

static const step_fn *row_of(const struct passage *p)
{
	bool client = p->d == CLIENT_TO_SERVER;

	switch (p->m.kind) {
	case MESSAGE_REQUEST:
		return client ? client_requests : server_requests;
	case MESSAGE_NOTIFICATION:
		return client ? client_notices : server_notices;
	case MESSAGE_RESULT:
	case MESSAGE_ERROR:
		break;
	}
	return client ? client_answers : server_answers;
}

static bool is_request(const struct passage *p)
{
	return p->m.kind == MESSAGE_REQUEST;
}

/* What passes is remembered when it is a request, and goes out as edited. */
static bool passes(struct passage *p)
{
	struct filter *f = p->f;

	p->line = p->m.line;
	if (edit_any(&p->edits) || p->edits.failed) {
		buf_clear(&p->edited);
		if (edit_apply(&p->edits, p->m.line, &p->edited) < 0) {
			(void)passage_unreadable(p);
			return false;
		}
		p->line = buf_span(&p->edited);
	}
	if (!is_request(p))
		return true;
	enum route_status status = route_request(p->d == CLIENT_TO_SERVER ? f->calls : f->reverse, &p->request);
	if (status == ROUTE_OK)
		return true;
	(void)passage_error(p, DROP_TOO_MANY_PENDING, CODE_INVALID_REQUEST, NULL,
			    "mcpcage: too many requests are waiting for their answers");
	limits_release(f, &p->request);
	return false;
}

static void close_passage(struct passage *p)
{
	p->open = false;
	/* Of answers it is the table's, taken out; of requests it is `id_raw` of the passage. */
	if (p->request.id_raw != p->id_raw)
		pending_clear(&p->request);
}

/* Go on with the step that has it. true: forward p->line. */
static bool walk(struct passage *p)
{
	const step_fn *row = row_of(p);

	for (; row[p->step]; p->step++) {
		enum fate fate = row[p->step](p);
		if (fate == FATE_NEXT)
			continue;
		if (fate == FATE_STALL) {
			p->stalled = true;
			return false;
		}
		if (fate == FATE_HOLD)
			(void)held_keep(p);
		close_passage(p);
		return false;
	}
	bool pass = passes(p);
	close_passage(p);
	return pass;
}

static void take_message(struct passage *p)
{
	const struct message *m = &p->m;

	p->parsed = false;
	p->body = m->params.n ? m->params : m->result.n ? m->result : m->error;
	p->offset = p->body.n ? (size_t)(p->body.p - m->line.p) : 0;
	if (edit_any(&p->edits) || p->edits.failed)
		edit_clear(&p->edits);
}

void passage_message(struct passage *p, const struct message *m)
{
	p->m = *m;
	take_message(p);
}

bool mediate_message(struct filter *f, enum direction d)
{
	struct passage *p = &f->passage[d];

	if (d == SERVER_TO_CLIENT)
		f->silent_from = 0;
	p->step = 0;
	p->open = true;
	p->stalled = p->promised = false;
	p->request.id_raw = NULL;
	take_message(p);
	return walk(p);
}

bool mediate_resume(struct filter *f, enum direction d)
{
	return walk(&f->passage[d]);
}

/* ---- what the steps share ---------------------------------------------------------------------- */

struct tree *passage_tree(struct passage *p)
{
	if (!p->parsed) {
		p->parsed = true;
		if (p->body.n == 0 || tree_parse(&p->tree, p->body, 0) != TREE_OK)
			p->tree.n = 0;
	}
	return p->tree.n ? &p->tree : NULL;
}

void passage_resume(struct passage *p)
{
	p->stalled = false;
}

/* Messages above this leave buffers that are worth giving back. */
#define KEEP ((size_t)64 << 10)

void passage_trim(struct passage *p)
{
	if (p->open)
		return;
	if (p->tree.cap * sizeof *p->tree.v > KEEP)
		tree_free(&p->tree);
	if (p->edits.text.cap + p->edits.cap * sizeof *p->edits.v > KEEP)
		edit_free(&p->edits);
	if (p->edited.cap > KEEP)
		buf_free(&p->edited);
	if (p->scratch.cap > KEEP)
		buf_free(&p->scratch);
	for (int i = 0; i < 2; i++)
		if (p->rewritten[i].cap > KEEP)
			buf_free(&p->rewritten[i]);
}

/* ---- lines that are no message ------------------------------------------------------------------ */

static void refusal_words(char *text, size_t size, const char *whose, const struct frame_refusal *r)
{
	snprintf(text, size, "mcpcage refused %s: %s%s%s (at byte %llu of %llu)", whose, refusal_text(r->why),
		 r->detail[0] ? ": " : "", r->detail, (unsigned long long)r->offset,
		 (unsigned long long)r->length);
}

/* The server's answer is not acceptable, but certain in whom it answers: the client need not wait. */
static bool refuse_answer(struct filter *f, const struct frame_refusal *r)
{
	struct pending p = { 0 };
	char text[600];

	if (route_answer(f->calls, &r->id, &p) != ROUTE_OK)
		return false;
	refusal_words(text, sizeof text, "the server's reply", r);
	if (!p.cancelled)
		answer_call(f, &p, CODE_REPLY_REFUSED, text);
	report_call(f, &p, CALL_REFUSED, r->length, NULL);
	pending_clear(&p);
	return true;
}

void mediate_refusal(struct filter *f, enum direction d, const struct frame_refusal *r)
{
	bool certain = r->id.type != ID_NONE && r->kind_known;
	bool answer = certain && (r->kind == MESSAGE_RESULT || r->kind == MESSAGE_ERROR);
	bool answered = false;

	if (d == SERVER_TO_CLIENT && answer) {
		answered = refuse_answer(f, r);
	} else if (certain && r->kind == MESSAGE_REQUEST) {
		CLEANUP_BUF struct buf id = BUF_INIT(4096);
		char text[600];
		reply_id(&id, &r->id);
		refusal_words(text, sizeof text, "this message", r);
		reply_error(d == CLIENT_TO_SERVER ? &f->to_client.queue : &f->to_server.queue, buf_span(&id),
			    CODE_INVALID_REQUEST, text);
		answered = true;
	}
	report_refused(f, d, r->why, r, NULL, answered);
	/* What a server prints that only looks like a message is shown to the person. */
	if (d == SERVER_TO_CLIENT && !certain && (r->why == REFUSE_NOT_JSON || r->why == REFUSE_NOT_OBJECT) && r->text.n > 0)
		drain_line(f, "[stdout] ", r->text);
}

void mediate_noise(struct filter *f, enum direction d, struct span text)
{
	if (d == SERVER_TO_CLIENT) {
		f->totals.noise_lines++;
		drain_line(f, "[stdout] ", text);
		return;
	}
	struct frame_refusal r = { .why = REFUSE_NOT_OBJECT, .length = text.n };
	report_refused(f, d, REFUSE_NOT_OBJECT, &r, NULL, false);
}
