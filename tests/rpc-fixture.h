/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For what tests the framing and the scanner: an event in words, everything that was told of it, so that two readings
 * of the same bytes can be compared as text.
 */
#pragma once

#include "base/buf.h"
#include "rpc/frame.h"

static inline void put_id(struct buf *b, const char *what, const struct rpc_id *id)
{
	buf_printf(b, " %s=", what);
	if (id->type == ID_INTEGER)
		buf_printf(b, "%lld", (long long)id->integer);
	else if (id->type == ID_STRING)
		buf_printf(b, "'%.*s'", (int)id->length, id->text);
}

/* A place in the line, and what is there. */
static inline void put_span(struct buf *b, const char *what, struct span line, struct span part)
{
	if (part.n == 0)
		return;
	buf_printf(b, " %s=%zu:", what, (size_t)(part.p - line.p));
	buf_append(b, part.p, part.n);
}

static inline void put_event(struct buf *b, enum frame_event event, const struct message *m,
			     const struct frame_refusal *r)
{
	static const char *const names[] = { "more", "message", "refused", "noise", "blank" };

	buf_puts(b, names[event]);
	if (event == FRAME_MESSAGE) {
		buf_printf(b, " kind=%d method=%s name=%d,%s modern=%d", (int)m->kind, m->method, m->has_name, m->name, m->modern);
		put_id(b, "id", &m->id);
		put_id(b, "requestId", &m->request_id);
		put_span(b, "raw", m->line, m->id_raw);
		put_span(b, "params", m->line, m->params);
		put_span(b, "result", m->line, m->result);
		put_span(b, "error", m->line, m->error);
		put_span(b, "arguments", m->line, m->arguments);
	} else if (event == FRAME_REFUSED) {
		buf_printf(b, " why=%d at=%llu of=%llu method=%s modern=%d kind=%d detail=%s", (int)r->why,
			   (unsigned long long)r->offset, (unsigned long long)r->length, r->method, r->modern,
			   r->kind_known ? (int)r->kind : -1, r->detail);
		put_id(b, "id", &r->id);
	}
	buf_putc(b, '\n');
}

static inline bool span_inside(struct span outer, struct span inner)
{
	return inner.n == 0 || (inner.p >= outer.p && inner.n <= outer.n && inner.p - outer.p <= (ptrdiff_t)(outer.n - inner.n));
}

/* Every span of a message lies in its line, and arguments in params. */
static inline bool spans_inside(const struct message *m)
{
	return span_inside(m->line, m->id_raw) && span_inside(m->line, m->params) && span_inside(m->line, m->result) &&
	       span_inside(m->line, m->error) && span_inside(m->params, m->arguments);
}
