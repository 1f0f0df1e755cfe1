/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that are held, see hold.h. The line is kept apart from the frame it came in, which goes on to other messages. The list is
 * short (HELD_MAX), so it is searched.
 */
#include "session/hold.h"

#include "session/mediate.h"

#include <stdlib.h>
#include <string.h>

struct held {
	struct held *next;
	struct rpc_id id;
	size_t n;
	char line[];
};

static bool same_id(const struct rpc_id *a, const struct rpc_id *b)
{
	if (a->type != b->type)
		return false;
	return a->type == ID_INTEGER ? a->integer == b->integer :
				       a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static struct held *take(struct filter *f, const struct rpc_id *id)
{
	for (struct held **at = &f->holds.first; *at; at = &(*at)->next) {
		struct held *h = *at;
		if (!same_id(&h->id, id))
			continue;
		*at = h->next;
		f->holds.n--;
		f->holds.bytes -= h->n;
		return h;
	}
	return NULL;
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
	if (!h || route_request(f->calls, &p->request) != ROUTE_OK) {
		free(h);
		return passage_refuse(p, DROP_TOO_MANY_PENDING, CODE_DENIED, "too many calls are held",
				      "mcpcage refused this call: too many calls wait for a person's decision already. Wait until "
				      "they are decided, then try again.");
	}
	h->next = f->holds.first;
	f->holds.first = h;
	f->holds.n++;
	f->holds.bytes += h->n;
	return FATE_DONE;
}

static bool refuse_now(struct filter *f, const struct rpc_id *id, const char *rule, const char *words)
{
	struct pending request = { 0 };

	if (route_forget(f->calls, id, &request) != ROUTE_OK)
		return false;
	answer_call(f, &request, CODE_DENIED, words);
	report_call(f, &request, CALL_DENIED, 0, rule);
	pending_clear(&request);
	return true;
}

bool held_release(struct filter *f, const struct rpc_id *id)
{
	struct held *h = take(f, id);
	struct pending *request = h ? route_get(f->calls, id) : NULL;
	bool there = request != NULL;

	if (there && f->to_server.fd >= 0 && buf_append(&f->to_server.queue, h->line, h->n) < 0) {
		/* The server reads nothing, and what waits for it fills the queue. */
		free(h);
		return refuse_now(f, id, "the server does not read", "mcpcage: the server does not read its input");
	}
	if (there) {
		uint64_t time = request->timeout ? request->timeout : f->call_timeout;
		request->held = false;
		request->started = f->now;
		route_deadline(f->calls, id, time ? f->now + time : 0);
		f->totals.messages[CLIENT_TO_SERVER]++;
		f->totals.bytes[CLIENT_TO_SERVER] += h->n;
		f->active = f->now;
	}
	free(h);
	return there;
}

bool held_refuse(struct filter *f, const struct rpc_id *id, const char *rule, const char *words)
{
	struct held *h = take(f, id);

	if (!h)
		return false;
	free(h);
	return refuse_now(f, id, rule, words);
}

void held_forget(struct filter *f, const struct rpc_id *id)
{
	free(take(f, id));
}
