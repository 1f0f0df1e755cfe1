/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What mcpcage answers itself, in the other side's place. A refusal that a model should understand is a tool result
 * with isError; all others are JSON-RPC errors. Nothing the server wrote is repeated to the client here except names
 * the client used itself.
 */
#include "session/mediate.h"

#include "rpc/reply.h"

#include <stdarg.h>
#include <stdio.h>

void answer_call(struct filter *f, const struct pending *p, int code, const char *text)
{
	struct buf *out = &f->to_client.queue;

	if (p->is_tool_call)
		reply_tool_refused(out, span_of(p->id_raw), p->modern, text);
	else
		reply_error(out, span_of(p->id_raw), code, text);
	if (out->full)
		report_event(f, EVENT_CLIENT_STUCK);
}

/* Text of a refusal, without its first words, as a record's detail. */
static struct frame_refusal detail_of(const struct passage *p, const char *text)
{
	struct frame_refusal r = { .length = p->m.line.n };

	copy_text(r.method, sizeof r.method, p->m.method[0] ? p->m.method : p->request.method, sizeof r.method);
	if (text)
		copy_text(r.detail, sizeof r.detail, text, SIZE_MAX);
	return r;
}

static void refuse_client(struct passage *p, unsigned why, int code, const char *rule, const char *text)
{
	bool answer = p->m.kind != MESSAGE_REQUEST; /* the server's, to the request */
	bool waits = !p->request.cancelled;

	if (waits)
		answer_call(p->f, &p->request, code, text);
	if (p->request.is_tool_call || answer)
		report_call(p->f, &p->request, answer ? CALL_REFUSED : CALL_DENIED, answer ? p->m.line.n : 0, rule);
	if (!p->request.is_tool_call || answer) {
		struct frame_refusal at = detail_of(p, rule);
		report_refused(p->f, p->d, why, &at, NULL, waits);
	}
}

static void refuse_server(struct passage *p, unsigned why, int code, const char *rule, const char *text)
{
	bool answer = p->m.kind != MESSAGE_REQUEST;
	const char *id = p->request.id_raw;
	struct frame_refusal at = detail_of(p, rule);

	if (p->f->to_server.fd >= 0)
		reply_error(&p->f->to_server.queue, answer ? span_of(id) : p->m.id_raw, code, text);
	report_refused(p->f, p->d, why, &at, NULL, true);
}

enum fate passage_refuse(struct passage *p, unsigned why, int code, const char *rule, const char *format, ...)
{
	bool answer = p->m.kind == MESSAGE_RESULT || p->m.kind == MESSAGE_ERROR;
	char text[2000];
	va_list ap;

	if (p->m.kind == MESSAGE_NOTIFICATION)
		return passage_drop(p, why, rule);
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if ((p->d == CLIENT_TO_SERVER) != answer)
		refuse_client(p, why, code, rule, text);
	else
		refuse_server(p, why, code, rule, text);
	return FATE_DONE;
}

enum fate passage_error(struct passage *p, unsigned why, int code, const char *detail, const char *text)
{
	struct frame_refusal at = detail_of(p, detail);

	reply_error(p->d == CLIENT_TO_SERVER ? &p->f->to_client.queue : &p->f->to_server.queue, p->m.id_raw, code,
		    text);
	report_refused(p->f, p->d, why, &at, NULL, true);
	return FATE_DONE;
}

enum fate passage_unreadable(struct passage *p)
{
	return passage_refuse(p, DROP_UNREADABLE, CODE_INVALID_REQUEST, NULL,
			      "mcpcage refused this message: it has too many values to be looked at");
}

enum fate passage_drop(struct passage *p, unsigned why, const char *detail)
{
	struct frame_refusal at = detail_of(p, detail);

	report_refused(p->f, p->d, why, &at, NULL, false);
	return FATE_DONE;
}
