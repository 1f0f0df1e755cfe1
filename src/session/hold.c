/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that are held, see hold.h. The line is kept apart from the frame it came in, which goes on to other
 * messages. The list is short (HELD_MAX), so it is searched.
 */
#include "session/hold.h"

#include "rpc/reply.h"
#include "session/mediate.h"

#include <stdlib.h>
#include <string.h>

struct held {
	struct held *next;
	enum direction d;
	struct rpc_id id;
	size_t n;
	char line[];
};

static struct held *take(struct filter *f, enum direction d, const struct rpc_id *id)
{
	for (struct held **at = &f->holds.first; *at; at = &(*at)->next) {
		struct held *h = *at;
		if (h->d != d || !rpc_id_eq(&h->id, id))
			continue;
		*at = h->next;
		f->holds.n--;
		f->holds.bytes -= h->n;
		return h;
	}
	return NULL;
}

static struct route *route_of(struct filter *f, enum direction d)
{
	return d == CLIENT_TO_SERVER ? f->calls : f->reverse;
}

static struct held *copy_of(struct passage *p)
{
	struct filter *f = p->f;

	if (f->holds.n >= HELD_MAX)
		return NULL;
	buf_clear(&p->edited);
	if (edit_apply(&p->edits, p->m.line, &p->edited) < 0 || p->edited.n > HELD_BYTES_MAX - f->holds.bytes)
		return NULL;
	struct held *h = malloc(sizeof *h + p->edited.n);
	if (!h)
		return NULL;
	h->d = p->d;
	h->id = p->m.id;
	h->n = p->edited.n;
	memcpy(h->line, p->edited.p, p->edited.n);
	return h;
}

enum fate held_keep(struct passage *p)
{
	struct filter *f = p->f;
	struct held *h = copy_of(p);

	p->request.held = true;
	if (!h || route_request(route_of(f, p->d), &p->request) != ROUTE_OK) {
		free(h);
		return passage_refuse(
			p, DROP_TOO_MANY_PENDING, CODE_DENIED, "too many requests are held",
			"mcpcage refused this call: too many calls wait for a person's decision already. Wait until "
			"they are decided, then try again.");
	}
	h->next = f->holds.first;
	f->holds.first = h;
	f->holds.n++;
	f->holds.bytes += h->n;
	return FATE_DONE;
}

static bool refuse_now(struct filter *f, enum direction d, const struct rpc_id *id, const char *rule, const char *words)
{
	struct pending request = { 0 };

	if (route_forget(route_of(f, d), id, &request) != ROUTE_OK)
		return false;
	if (d == CLIENT_TO_SERVER) {
		answer_call(f, &request, CODE_DENIED, words);
		report_call(f, &request, CALL_DENIED, 0, rule);
	} else {
		struct frame_refusal at = { .length = request.bytes };
		if (f->to_server.fd >= 0)
			reply_error(&f->to_server.queue, span_of(request.id_raw), CODE_DENIED, words);
		copy_text(at.method, sizeof at.method, request.method, sizeof request.method);
		copy_text(at.detail, sizeof at.detail, rule ? rule : "", SIZE_MAX);
		report_refused(f, d, DROP_POLICY, &at, NULL, true);
	}
	pending_clear(&request);
	return true;
}

bool held_release(struct filter *f, enum direction d, const struct rpc_id *id)
{
	struct held *h = take(f, d, id);
	struct pending *request = h ? route_get(route_of(f, d), id) : NULL;
	struct outlet *out = outlet_of(f, d);
	bool there = request != NULL;

	if (there && out->fd >= 0 && buf_append(&out->queue, h->line, h->n) < 0) {
		/* The other side reads nothing, and what waits for it fills the queue. */
		free(h);
		return refuse_now(f, d, id, "the other side does not read",
				  "mcpcage: the other side does not read its input");
	}
	if (there) {
		request->held = false;
		request->started = f->now;
		if (d == CLIENT_TO_SERVER) {
			uint64_t time = request->timeout ? request->timeout : f->call_timeout;
			route_deadline(f->calls, id, time ? f->now + time : 0);
		}
		f->totals.messages[d]++;
		f->totals.bytes[d] += h->n;
		f->active = f->now;
		if (d == CLIENT_TO_SERVER)
			f->asked = f->now;
	}
	free(h);
	return there;
}

bool held_refuse(struct filter *f, enum direction d, const struct rpc_id *id, const char *rule, const char *words)
{
	struct held *h = take(f, d, id);

	if (!h)
		return false;
	free(h);
	return refuse_now(f, d, id, rule, words);
}

void held_forget(struct filter *f, enum direction d, const struct rpc_id *id)
{
	ask_forget(f, d, id);
	free(take(f, d, id));
}
