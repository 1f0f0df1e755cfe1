/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notifications. Nobody waits for them, so one that may not pass is dropped. One passes only if it belongs to
 * something: progress to a request that waits and asked for it, a cancellation to the sender's own request, a change
 * to a subscription, a task's state to a task, a log message to a level that was asked for. MCP, "Progress",
 * "Cancellation", "Logging", "Subscriptions".
 */
#include "session/mediate.h"

#include "session/hold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUBSCRIPTION_ID "io.modelcontextprotocol/subscriptionId"
#define META_LOG_LEVEL "io.modelcontextprotocol/logLevel"

enum listen { LISTEN_TOOLS = 1, LISTEN_PROMPTS = 2, LISTEN_RESOURCES = 4, LISTEN_UPDATES = 8 };

/* ---- what requests ask to be told of ------------------------------------------------------------ */

static uint8_t level_of(const struct tree *t, uint32_t i)
{
	static const char *const levels[] = {
		"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
	};

	for (uint8_t n = 0; n < ARRAY_SIZE(levels); n++)
		if (tree_string_is(t, i, levels[n]))
			return (uint8_t)(n + 1);
	return 0;
}

/* A progress token, a string or a number, as a number that is the same for the same token only; 0: none. */
static uint64_t token_key(struct passage *p, const struct tree *t, uint32_t i)
{
	struct rpc_id id = { .type = ID_INTEGER };
	uint64_t whole;

	if (tree_is(t, i, TREE_NUMBER)) {
		if (!tree_whole(t, i, (uint64_t)1 << 53, &whole))
			return route_key_text(p->f->calls, tree_raw(t, i));
		id.integer = (int64_t)whole;
		return route_key(p->f->calls, &id);
	}
	if (!tree_is(t, i, TREE_STRING))
		return 0;
	uint64_t key = route_key_text(p->f->calls, tree_string_span(t, i, &p->scratch));
	buf_clear(&p->scratch);
	return key;
}

static uint8_t listens_to(const struct tree *t, uint32_t params)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} kinds[] = {
		{ "toolsListChanged", LISTEN_TOOLS },
		{ "promptsListChanged", LISTEN_PROMPTS },
		{ "resourcesListChanged", LISTEN_RESOURCES },
	};
	uint32_t wanted = tree_member(t, params, "notifications");
	uint8_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (tree_is(t, tree_member(t, wanted, kinds[i].name), TREE_TRUE))
			bits |= kinds[i].bit;
	if (tree_is(t, tree_member(t, wanted, "resourceSubscriptions"), TREE_ARRAY))
		bits |= LISTEN_UPDATES;
	return bits;
}

enum fate notice_wanted(struct passage *p)
{
	struct pending *r = &p->request;

	r->progress = -INFINITY;
	if (p->body.n == 0 || p->body.p[0] != '{')
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	uint32_t meta = tree_member(t, 0, "_meta");
	r->progress_key = token_key(p, t, tree_member(t, meta, "progressToken"));
	if (p->d == SERVER_TO_CLIENT)
		return FATE_NEXT;
	r->log_level = level_of(t, tree_member(t, meta, META_LOG_LEVEL));
	r->task = tree_is(t, tree_member(t, 0, "task"), TREE_OBJECT);
	if (strcmp(r->method, "logging/setLevel") == 0)
		p->f->log_level = level_of(t, tree_member(t, 0, "level"));
	else if (strcmp(r->method, "subscriptions/listen") == 0)
		r->listens = listens_to(t, 0);
	return FATE_NEXT;
}

/* ---- notifications ------------------------------------------------------------------------------ */

enum fate notice_begin(struct passage *p)
{
	memset(&p->request, 0, sizeof p->request);
	/* Without an id nobody could be told of a refusal, and a server might run it all the same. */
	if (strncmp(p->m.method, "notifications/", strlen("notifications/")) != 0) {
		report_refused(p->f, p->d, DROP_NO_ID, NULL, &p->m, false);
		return FATE_DONE;
	}
	return FATE_NEXT;
}

/* The request was held: the other side never saw it, so there is nothing to cancel there, and nothing to remember. */
static enum fate forget_held(struct passage *p, struct route *route)
{
	struct filter *f = p->f;
	struct pending taken = { 0 };

	held_forget(f, p->d, &p->m.request_id);
	(void)route_forget(route, &p->m.request_id, &taken);
	if (p->d == CLIENT_TO_SERVER)
		report_call(f, &taken, CALL_CANCELLED, 0, NULL);
	pending_clear(&taken);
	return FATE_DONE;
}

static enum fate cancelled(struct passage *p)
{
	struct filter *f = p->f;
	struct route *route = p->d == CLIENT_TO_SERVER ? f->calls : f->reverse;
	struct pending *request = route_get(route, &p->m.request_id);

	if (request) {
		bool held = request->held;
		if (!held && p->d == CLIENT_TO_SERVER)
			limits_release(f, request); /* a server need not answer what was cancelled */
		(void)route_cancel(route, &p->m.request_id);
		return held ? forget_held(p, route) : FATE_NEXT;
	}
	/* In the modern era the server ends a subscription so: it names the client's request. */
	request = p->d == SERVER_TO_CLIENT ? route_get(f->calls, &p->m.request_id) : NULL;
	if (!request || strcmp(request->method, "subscriptions/listen") != 0)
		return passage_drop(p, DROP_UNASKED, "no such request of its own waits");
	(void)route_cancel(f->calls, &p->m.request_id);
	return FATE_NEXT;
}

static bool has_token(const struct pending *p, const void *key)
{
	return p->progress_key == *(const uint64_t *)key;
}

static enum fate progressed(struct passage *p, const struct tree *t)
{
	uint64_t key = token_key(p, t, tree_member(t, 0, "progressToken"));
	uint32_t i = tree_member(t, 0, "progress");
	struct route *asked = p->d == SERVER_TO_CLIENT ? p->f->calls : p->f->reverse;
	char text[64];

	struct pending *request = key ? route_find(asked, has_token, &key) : NULL;
	struct task *task = request || !key || p->d == CLIENT_TO_SERVER ? NULL : task_by_progress(p->f, key);
	if ((!request && !task) || (request && request->held))
		return passage_drop(p, DROP_UNASKED, "no request waits with this progress token");
	if (!tree_is(t, i, TREE_NUMBER) || t->v[i].end - t->v[i].start >= sizeof text)
		return passage_drop(p, DROP_UNASKED, "its progress is no number");
	copy_text(text, sizeof text, t->text.p + t->v[i].start, t->v[i].end - t->v[i].start);
	double now = strtod(text, NULL), *last = request ? &request->progress : &task->progress;
	if (!(now > *last))
		return passage_drop(p, DROP_UNASKED, "its progress does not go forward");
	*last = now;
	return FATE_NEXT;
}

static bool wants_log(const struct pending *p, const void *level)
{
	return p->log_level != 0 && p->log_level <= *(const uint8_t *)level && !p->held;
}

static enum fate logged(struct passage *p, const struct tree *t)
{
	struct filter *f = p->f;
	uint8_t level = level_of(t, tree_member(t, 0, "level"));

	if (level == 0)
		return passage_drop(p, DROP_UNASKED, "a log message of no level");
	/* Before anybody names a level, a legacy server may choose. */
	if (f->legacy && level >= f->log_level)
		return FATE_NEXT;
	if (route_find(f->calls, wants_log, &level))
		return FATE_NEXT;
	return passage_drop(p, DROP_UNASKED, "a log message below the level that was asked for");
}

/* What a client must have subscribed to, by method; 0: nothing. */
static uint8_t listen_bit(const char *method)
{
	static const struct {
		const char *method;
		uint8_t bit;
	} kinds[] = {
		{ "notifications/tools/list_changed", LISTEN_TOOLS },
		{ "notifications/prompts/list_changed", LISTEN_PROMPTS },
		{ "notifications/resources/list_changed", LISTEN_RESOURCES },
		{ "notifications/resources/updated", LISTEN_UPDATES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].method, method) == 0)
			return kinds[i].bit;
	return 0;
}

/* A token such as -17, of which the digits are a number that an id may have. */
static bool below_zero(struct span raw, uint64_t *digits)
{
	*digits = 0;
	if (raw.n < 2 || raw.n > 17 || raw.p[0] != '-')
		return false;
	for (size_t i = 1; i < raw.n; i++) {
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return false;
		*digits = *digits * 10 + (uint64_t)(raw.p[i] - '0');
	}
	return true;
}

/* The id at node I as the table of requests knows it. */
static bool id_at(struct passage *p, const struct tree *t, uint32_t i, struct rpc_id *id)
{
	uint64_t whole;

	memset(id, 0, sizeof *id);
	if (tree_is(t, i, TREE_NUMBER)) {
		struct span raw = tree_raw(t, i);
		if (!tree_whole(t, i, (uint64_t)1 << 53, &whole) && !below_zero(raw, &whole))
			return false;
		id->type = ID_INTEGER;
		id->integer = raw.p[0] == '-' ? -(int64_t)whole : (int64_t)whole;
		return raw.p[0] != '-' || whole > 0; /* no id is -0 */
	}
	if (!tree_is(t, i, TREE_STRING))
		return false;
	struct span text = tree_string_span(t, i, &p->scratch);
	bool fits = text.n < sizeof id->text;
	if (fits) {
		id->type = ID_STRING;
		id->length = (uint16_t)text.n;
		memcpy(id->text, text.p, text.n);
	}
	buf_clear(&p->scratch);
	return fits;
}

static enum fate subscribed(struct passage *p, const struct tree *t)
{
	struct filter *f = p->f;
	uint32_t i = tree_member(t, tree_member(t, 0, "_meta"), SUBSCRIPTION_ID);
	uint8_t bit = listen_bit(p->m.method);
	bool acknowledged = strcmp(p->m.method, "notifications/subscriptions/acknowledged") == 0;
	struct rpc_id id;

	if (i == TREE_NONE) {
		if (acknowledged || (bit && !f->legacy))
			return passage_drop(p, DROP_UNASKED, "it names no subscription");
		return FATE_NEXT;
	}
	struct pending *listen = id_at(p, t, i, &id) ? route_get(f->calls, &id) : NULL;
	if (!listen || strcmp(listen->method, "subscriptions/listen") != 0)
		return passage_drop(p, DROP_UNASKED, "it names no subscription that is open");
	if (bit && !(listen->listens & bit))
		return passage_drop(p, DROP_UNASKED, "the subscription is not to this");
	return FATE_NEXT;
}

static enum fate task_told(struct passage *p, struct tree *t)
{
	const struct task *task = task_find(p, t, tree_member(t, 0, "taskId"));

	if (!task)
		return passage_drop(p, DROP_UNKNOWN_TASK, NULL);
	char tool[sizeof task->tool];
	copy_text(tool, sizeof tool, task->tool, sizeof tool);
	enum fate fate = reverse_in_task(p, t, task);
	return fate == FATE_NEXT ? notice_structured(p, t, tool) : fate;
}

enum fate notice_server(struct passage *p)
{
	const char *kind = p->m.method + strlen("notifications/");
	static const struct tree nothing;

	if (strcmp(kind, "cancelled") == 0)
		return cancelled(p);
	struct tree *t = p->body.n ? passage_tree(p) : NULL;
	if (!t && p->body.n)
		return passage_unreadable(p);
	if (!t)
		return listen_bit(p->m.method) && !p->f->legacy ? subscribed(p, &nothing) : FATE_NEXT;
	if (strcmp(kind, "progress") == 0)
		return progressed(p, t);
	if (strcmp(kind, "message") == 0)
		return logged(p, t);
	if (strcmp(kind, "tasks") == 0 || strcmp(kind, "tasks/status") == 0)
		return task_told(p, t);
	if (strcmp(kind, "elicitation/complete") == 0 &&
	    !reverse_knows_elicitation(p, t, tree_member(t, 0, "elicitationId")))
		return passage_drop(p, DROP_UNASKED, "it belongs to no elicitation");
	return subscribed(p, t);
}

enum fate notice_client(struct passage *p)
{
	const char *kind = p->m.method + strlen("notifications/");

	if (strcmp(kind, "cancelled") == 0)
		return cancelled(p);
	/* The server was told that roots do not change: it is the policy that says what they are. */
	if (strcmp(kind, "roots/list_changed") == 0)
		return passage_drop(p, DROP_POLICY, "the roots are the policy's");
	if (strcmp(kind, "progress") != 0)
		return FATE_NEXT;
	struct tree *t = passage_tree(p);
	return t ? progressed(p, t) : passage_unreadable(p);
}
