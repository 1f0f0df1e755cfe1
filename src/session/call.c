/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests on their way: the client's, which get a deadline and of which tool calls are decided by policy, and the
 * server's. (The MCP specification, "Base Protocol", "Tools", "Cancellation".)
 */
#include "session/mediate.h"

#include "rpc/reply.h"
#include "session/hold.h"

#include <stdio.h>
#include <string.h>

/* What is remembered of a request. Its deadline is the steps' to change. */
static void pending_of(struct passage *p)
{
	const struct message *m = &p->m;
	struct pending *r = &p->request;

	memset(r, 0, sizeof *r);
	r->id = m->id;
	copy_text(p->id_raw, sizeof p->id_raw, m->id_raw.p, m->id_raw.n);
	r->id_raw = p->id_raw;
	r->started = p->f->now;
	r->bytes = m->line.n;
	r->modern = m->modern;
	copy_text(r->method, sizeof r->method, m->method, sizeof m->method);
	r->is_tool_call = p->d == CLIENT_TO_SERVER && strcmp(m->method, "tools/call") == 0;
	copy_text(r->tool, sizeof r->tool, r->is_tool_call ? m->name : m->method, sizeof r->tool);
}

static enum fate in_use(struct passage *p)
{
	/* Never a tool result: that would look like the answer to the request that waits. */
	return passage_error(p, DROP_ID_IN_USE, CODE_INVALID_REQUEST, NULL,
			     "mcpcage: this id belongs to a request that is still waiting for its answer");
}

enum fate request_begin(struct passage *p)
{
	pending_of(p);
	return route_known(p->f->reverse, &p->m.id) ? in_use(p) : FATE_NEXT;
}

enum fate call_begin(struct passage *p)
{
	struct filter *f = p->f;

	pending_of(p);
	if (route_known(f->calls, &p->m.id))
		return in_use(p);
	if (f->to_server.fd < 0) {
		answer_call(f, &p->request, CODE_SERVER_GONE, "mcpcage: the server has closed its standard input");
		report_call(f, &p->request, CALL_NO_SERVER, 0, NULL);
		return FATE_DONE;
	}
	if (f->call_timeout)
		p->request.deadline = f->now + f->call_timeout;
	return FATE_NEXT;
}

static enum fate denied(struct passage *p)
{
	const struct decision *d = &p->decision;
	CLEANUP_BUF struct buf source = BUF_INIT(512);
	const char *rule = d->glob;

	decision_source(d, &source);
	if (d->by == DECIDED_BY_ALLOW)
		return passage_refuse(
			p, DROP_POLICY, CODE_DENIED, "not in the allow list",
			"mcpcage refused this call: the tool \"%s\" is not among the tools that the user's policy "
			"allows. Do not try it again; use another tool or ask the user.",
			p->m.name);
	if (!rule)
		rule = buf_str(&source);
	return passage_refuse(p, DROP_POLICY, CODE_DENIED, rule,
			      "mcpcage refused this call: the user's policy denies the tool \"%s\" (%s%s%s).%s%s Do "
			      "not try it again; "
			      "use another tool or ask the user.",
			      p->m.name, d->by == DECIDED_BY_DENY ? "rule \"" : "", rule ? rule : "policy",
			      d->by == DECIDED_BY_DENY ? "\"" : "", d->reason ? " " : "", d->reason ? d->reason : "");
}

enum fate call_tool(struct passage *p)
{
	struct pending *r = &p->request;

	if (!r->is_tool_call)
		return FATE_NEXT;
	if (!p->m.has_name)
		return passage_error(p, REFUSE_METHOD, CODE_INVALID_PARAMS, NULL,
				     "mcpcage: tools/call needs params.name, a string of at most 255 bytes");
	p->decision = decide_call(&p->f->plan->mediation, p->m.name);
	if (p->decision.verdict == TOOL_DENY)
		return denied(p);
	r->result_max = p->decision.result_size;
	r->timeout = p->decision.timeout;
	if (r->timeout && (!p->f->call_timeout || r->timeout < p->f->call_timeout))
		r->deadline = p->f->now + r->timeout;
	else
		r->timeout = 0;
	return FATE_NEXT;
}

/*
 * One deadline may be one slow tool, and a server that honours the cancellation is rightly silent afterwards. A
 * request made after that which runs into its deadline as well, without a word in between, says that the server
 * hangs.
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

static void expired(struct filter *f, const struct pending *p)
{
	char text[300];

	if (p->held) {
		held_forget(f, CLIENT_TO_SERVER, &p->id);
		answer_call(f, p, CODE_TIMEOUT, "mcpcage refused this call: nobody has allowed it in time");
		report_call(f, p, CALL_DENIED, 0, "not allowed in time");
		return;
	}
	snprintf(text, sizeof text,
		 "mcpcage: %s did not answer within %llu ms; the call was cancelled, and its late answer will be "
		 "dropped",
		 p->is_tool_call ? "the tool" : "the server", (unsigned long long)(f->now - p->started));
	if (f->to_server.fd >= 0)
		reply_cancelled(&f->to_server.queue, span_of(p->id_raw), "deadline exceeded");
	answer_call(f, p, CODE_TIMEOUT, text);
	report_call(f, p, CALL_TIMEOUT, 0, NULL);
	report_flush(f);
	note_silence(f, p);
}

void mediate_deadlines(struct filter *f)
{
	struct pending p = { 0 };

	while (route_expire(f->calls, f->now, &p)) {
		if (p.cancelled)
			report_call(f, &p, CALL_CANCELLED, 0, NULL);
		else
			expired(f, &p);
		pending_clear(&p);
	}
}

void mediate_server_gone(struct filter *f)
{
	struct pending p = { 0 };

	while (route_drain(f->calls, &p)) {
		if (p.held)
			held_forget(f, CLIENT_TO_SERVER, &p.id);
		/* A client that closed its end is leaving: a bare server would say nothing either, and some trip over it. */
		if (!p.cancelled && !f->lane[CLIENT_TO_SERVER].eof)
			answer_call(f, &p, CODE_SERVER_GONE,
				    f->memory_full ? "mcpcage: the server was killed before it answered, because its memory was "
						     "full (--memory)"
						   : "mcpcage: the server ended before it answered");
		report_call(f, &p, p.cancelled ? CALL_CANCELLED : CALL_NO_SERVER, 0, NULL);
		pending_clear(&p);
	}
}
