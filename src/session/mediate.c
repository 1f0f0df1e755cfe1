/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to a message: forwarded as it is, answered in the other side's place, or dropped. The scanner has
 * already refused everything that two parsers could read differently, so what is decided here is decided on what the
 * other side will see. (The MCP specification, "Base Protocol", "Cancellation", "Tools".)
 */
#include "session/filter.h"

#include "rpc/reply.h"

#include <stdio.h>
#include <string.h>

/* Outside -32768..-32000, as the specification wants of codes that are not its own. */
enum {
	CODE_TIMEOUT = -31001,
	CODE_SERVER_GONE = -31002,
	CODE_REPLY_REFUSED = -31003,
	CODE_INVALID_REQUEST = -32600,
	CODE_INVALID_PARAMS = -32602,
};

/* Answer the client's request P in words: as a tool result where a model waits for one. */
static void answer_call(struct filter *f, const struct pending *p, int code, const char *text)
{
	struct buf *out = &f->to_client.queue;

	if (p->is_tool_call)
		reply_tool_refused(out, span_of(p->id_raw), p->modern, text);
	else
		reply_error(out, span_of(p->id_raw), code, text);
	if (out->full)
		report_event(f, EVENT_CLIENT_STUCK);
}

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* A request of either side that cannot enter the table of waiting ones. */
static void refuse_request(struct filter *f, enum direction d, const struct message *m, enum route_status why)
{
	struct buf *back = d == CLIENT_TO_SERVER ? &f->to_client.queue : &f->to_server.queue;
	bool in_use = why == ROUTE_ID_IN_USE;

	reply_error(back, m->id_raw, CODE_INVALID_REQUEST,
		    in_use ? "mcpcage: this id belongs to a request that is still waiting for its answer"
			   : "mcpcage: too many requests are waiting for their answers");
	report_refused(f, d, in_use ? DROP_ID_IN_USE : DROP_TOO_MANY_PENDING, NULL, m, true);
}

static void pending_of(const struct filter *f, enum direction d, const struct message *m, struct pending *p,
		       char *id_raw, size_t id_size)
{
	memset(p, 0, sizeof *p);
	p->id = m->id;
	copy_text(id_raw, id_size, m->id_raw.p, m->id_raw.n);
	p->id_raw = id_raw;
	p->started = f->now;
	p->bytes = m->line.n;
	p->modern = m->modern;
	if (d == SERVER_TO_CLIENT) {
		copy_text(p->tool, sizeof p->tool, m->method, sizeof m->method);
		return;
	}
	p->is_tool_call = strcmp(m->method, "tools/call") == 0;
	copy_text(p->tool, sizeof p->tool, p->is_tool_call ? m->name : m->method, sizeof p->tool);
	/* A subscription is answered when it ends, whenever that is. */
	if (f->call_timeout && strcmp(m->method, "subscriptions/listen") != 0)
		p->deadline = f->now + f->call_timeout;
}

/* true: the call may pass. */
static bool tool_call_passes(struct filter *f, const struct message *m, const struct pending *p)
{
	const char *rule = NULL;
	char text[600];

	if (!m->has_name) {
		reply_error(&f->to_client.queue, m->id_raw, CODE_INVALID_PARAMS,
			    "mcpcage: tools/call needs params.name, a string of at most 255 bytes");
		report_refused(f, CLIENT_TO_SERVER, REFUSE_METHOD, NULL, m, true);
		return false;
	}
	if (decide_tool(&f->rules, m->name, &rule) == VERDICT_FORWARD)
		return true;
	if (rule)
		snprintf(text, sizeof text,
			 "mcpcage refused this call: the user's policy denies the tool \"%s\" (rule \"%s\"). "
			 "Do not try it again; use another tool or ask the user.", m->name, rule);
	else
		snprintf(text, sizeof text,
			 "mcpcage refused this call: the tool \"%s\" is not among the tools that the user's policy "
			 "allows. Do not try it again; use another tool or ask the user.", m->name);
	answer_call(f, p, CODE_INVALID_REQUEST, text);
	report_call(f, p, CALL_DENIED, 0, rule ? rule : "not in the allow list");
	return false;
}

/* An id is a string of at most 255 bytes, each of which may be written as \u00XX. */
#define ID_RAW_MAX (255 * 6 + 3)

static bool mediate_request(struct filter *f, enum direction d, const struct message *m)
{
	struct pending p;
	char id_raw[ID_RAW_MAX];

	pending_of(f, d, m, &p, id_raw, sizeof id_raw);
	if (d == CLIENT_TO_SERVER && p.is_tool_call && !tool_call_passes(f, m, &p))
		return false;
	if (d == CLIENT_TO_SERVER && f->to_server.fd < 0) {
		answer_call(f, &p, CODE_SERVER_GONE, "mcpcage: the server has closed its standard input");
		report_call(f, &p, CALL_NO_SERVER, 0, NULL);
		return false;
	}
	enum route_status status = route_request(d == CLIENT_TO_SERVER ? f->calls : f->reverse, &p);
	if (status == ROUTE_OK)
		return true;
	refuse_request(f, d, m, status);
	return false;
}

static bool mediate_notification(struct filter *f, enum direction d, const struct message *m)
{
	/* Without an id nobody could be told of a refusal, and a server might run it all the same. */
	if (!starts_with(m->method, "notifications/")) {
		report_refused(f, d, DROP_NO_ID, NULL, m, false);
		return false;
	}
	if (strcmp(m->method, "notifications/cancelled") == 0 && m->request_id.type != ID_NONE)
		(void)route_cancel(d == CLIENT_TO_SERVER ? f->calls : f->reverse, &m->request_id);
	return true;
}

static bool mediate_answer(struct filter *f, enum direction d, const struct message *m)
{
	struct pending p = { 0 };

	if (m->id.type == ID_NONE) {
		report_refused(f, d, DROP_ANSWER_WITHOUT_ID, NULL, m, false);
		return false;
	}
	enum route_status status = route_answer(d == SERVER_TO_CLIENT ? f->calls : f->reverse, &m->id, &p);
	if (status != ROUTE_OK) {
		report_refused(f, d, status == ROUTE_LATE ? DROP_LATE : DROP_UNSOLICITED, NULL, m, false);
		return false;
	}
	if (d == SERVER_TO_CLIENT)
		report_call(f, &p, m->kind == MESSAGE_ERROR ? CALL_ERROR : CALL_ANSWERED, m->line.n, NULL);
	pending_clear(&p);
	return true;
}

bool mediate_message(struct filter *f, enum direction d, const struct message *m)
{
	if (d == SERVER_TO_CLIENT)
		f->silent_from = 0;
	switch (m->kind) {
	case MESSAGE_REQUEST:
		return mediate_request(f, d, m);
	case MESSAGE_NOTIFICATION:
		return mediate_notification(f, d, m);
	case MESSAGE_RESULT:
	case MESSAGE_ERROR:
		return mediate_answer(f, d, m);
	}
	return false;
}

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

/*
 * One deadline may be one slow tool, and a server that honours the cancellation is rightly silent afterwards. A request made
 * after that which runs into its deadline as well, without a word in between, says that the server hangs.
 */
static void note_silence(struct filter *f, const struct pending *p)
{
	if (f->silent_from == 0) {
		f->silent_from = f->now;
	} else if (p->started >= f->silent_from && !f->unyielding_told) {
		f->unyielding_told = true;
		report_event(f, EVENT_UNYIELDING);
	}
}

void mediate_deadlines(struct filter *f)
{
	struct pending p = { 0 };
	char text[300];

	while (route_expire(f->calls, f->now, &p)) {
		if (p.cancelled) {
			report_call(f, &p, CALL_CANCELLED, 0, NULL);
			pending_clear(&p);
			continue;
		}
		snprintf(text, sizeof text,
			 "mcpcage: %s did not answer within %llu ms; the call was cancelled, and its late answer will be "
			 "dropped", p.is_tool_call ? "the tool" : "the server",
			 (unsigned long long)(f->now - p.started));
		if (f->to_server.fd >= 0)
			reply_cancelled(&f->to_server.queue, span_of(p.id_raw), "deadline exceeded");
		answer_call(f, &p, CODE_TIMEOUT, text);
		report_call(f, &p, CALL_TIMEOUT, 0, NULL);
		report_flush(f);
		note_silence(f, &p);
		pending_clear(&p);
	}
}

void mediate_server_gone(struct filter *f)
{
	struct pending p = { 0 };

	while (route_drain(f->calls, &p)) {
		if (!p.cancelled)
			answer_call(f, &p, CODE_SERVER_GONE, "mcpcage: the server ended before it answered");
		report_call(f, &p, p.cancelled ? CALL_CANCELLED : CALL_NO_SERVER, 0, NULL);
		pending_clear(&p);
	}
}
