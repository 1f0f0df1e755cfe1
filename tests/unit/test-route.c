/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of pending requests: one answer each, by type and value; deadlines in their order; and against a plain model of it. */
#include "rpc/route.h"
#include "tests/tap.h"

static struct rpc_id integer(int64_t value)
{
	return (struct rpc_id){ .type = ID_INTEGER, .integer = value };
}

static struct rpc_id string_n(const char *text, size_t n)
{
	struct rpc_id id = { .type = ID_STRING, .length = (uint16_t)n };

	memcpy(id.text, text, n);
	return id;
}

static struct rpc_id string(const char *text)
{
	return string_n(text, strlen(text));
}

static enum route_status ask(struct route *r, struct rpc_id id, uint64_t deadline)
{
	char raw[] = "token";
	struct pending p = { .id = id, .id_raw = raw, .deadline = deadline, .tool = "tool", .bytes = 77 };
	enum route_status status = route_request(r, &p);

	/* The table copies everything. */
	memset(raw, 'x', sizeof raw - 1);
	return status;
}

static enum route_status answer(struct route *r, struct rpc_id id)
{
	struct pending out = { 0 };
	enum route_status status = route_answer(r, &id, &out);

	if (status == ROUTE_OK)
		pending_clear(&out);
	return status;
}

static enum route_status cancel(struct route *r, struct rpc_id id)
{
	return route_cancel(r, &id);
}

static void once(void)
{
	struct route *r = route_new(0);
	struct pending out;

	is_int(ask(r, integer(1), 0), ROUTE_OK, "a request");
	is_int(ask(r, integer(1), 0), ROUTE_ID_IN_USE, "its id again");
	is_int(route_waiting(r), 1, "one waits");
	is_int(route_answer(r, &(struct rpc_id){ .type = ID_INTEGER, .integer = 1 }, &out), ROUTE_OK, "its answer");
	is_str(out.id_raw, "token", "the token as it was written");
	is_str(out.tool, "tool", "the tool");
	is_int(out.bytes, 77, "the size");
	pending_clear(&out);
	ok(!out.id_raw, "cleared");
	pending_clear(&out);
	is_int(answer(r, integer(1)), ROUTE_UNKNOWN, "a second answer");
	is_int(ask(r, integer(1), 0), ROUTE_OK, "the id is free again");
	is_int(answer(r, integer(2)), ROUTE_UNKNOWN, "an answer nobody asked for");
	is_int(ask(r, (struct rpc_id){ .type = ID_NONE }, 0), ROUTE_UNKNOWN, "a request without id is none");
	is_int(answer(r, (struct rpc_id){ .type = ID_NONE }), ROUTE_UNKNOWN, "an answer without id");
	is_int(cancel(r, (struct rpc_id){ .type = ID_NONE }), ROUTE_UNKNOWN, "a cancellation without id");
	route_free(r);
	route_free(NULL);
}

/* TypeScript clients take "2", "0x2" and " 2 " for 2. */
static void types(void)
{
	static const char *const like[] = { "2", "0x2", " 2 ", "2.0", "02", "" };
	struct route *r = route_new(0);
	char longest[255];

	is_int(ask(r, integer(2), 0), ROUTE_OK, "a request 2");
	for (size_t i = 0; i < sizeof like / sizeof *like; i++)
		is_int(answer(r, string(like[i])), ROUTE_UNKNOWN, "an answer to \"%s\"", like[i]);
	is_int(ask(r, string("2"), 0), ROUTE_OK, "a request \"2\" beside it");
	is_int(cancel(r, string("2")), ROUTE_OK, "is cancelled");
	is_int(answer(r, integer(2)), ROUTE_OK, "2 is answered all the same");
	is_int(answer(r, integer(-2)), ROUTE_UNKNOWN, "-2 is another");

	memset(longest, 'x', sizeof longest);
	is_int(ask(r, string_n(longest, 255), 0), ROUTE_OK, "the longest id");
	is_int(answer(r, string_n(longest, 254)), ROUTE_UNKNOWN, "one byte shorter");
	longest[254] = 'y';
	is_int(answer(r, string_n(longest, 255)), ROUTE_UNKNOWN, "another last byte");
	longest[254] = 'x';
	is_int(answer(r, string_n(longest, 255)), ROUTE_OK, "the same");
	is_int(ask(r, string(""), 0), ROUTE_OK, "the empty id");
	is_int(answer(r, integer(0)), ROUTE_UNKNOWN, "is not 0");
	is_int(answer(r, string("")), ROUTE_OK, "but itself");
	is_int(ask(r, integer((int64_t)1 << 53), 0), ROUTE_OK, "the greatest number");
	is_int(answer(r, integer(((int64_t)1 << 53) - 1)), ROUTE_UNKNOWN, "one less");
	is_int(answer(r, integer((int64_t)1 << 53)), ROUTE_OK, "the same");
	route_free(r);
}

static void deadlines(void)
{
	static const uint64_t when[] = { 50, 10, 40, 10, 30, 0, 20 };
	struct route *r = route_new(0);
	struct pending out;

	is_int(route_next_deadline(r), 0, "no deadline");
	for (size_t i = 0; i < sizeof when / sizeof *when; i++)
		ask(r, integer((int64_t)i), when[i]);
	is_int(route_next_deadline(r), 10, "the first deadline");
	ok(!route_expire(r, 9, &out), "nothing before it");
	is_int(answer(r, integer(2)), ROUTE_OK, "one is answered in time");
	uint64_t last = 0;
	int n = 0;
	while (route_expire(r, 30, &out)) {
		ok(out.deadline >= last && out.deadline <= 30, "overdue in order, %d", (int)out.id.integer);
		is_str(out.id_raw, "token", "with its token");
		is_int(out.state, PENDING_ANSWERED_BY_US, "and its state");
		last = out.deadline;
		pending_clear(&out);
		n++;
	}
	is_int(n, 4, "four are overdue");
	is_int(route_next_deadline(r), 50, "the next deadline");
	is_int(route_waiting(r), 2, "two wait");
	is_int(ask(r, integer(1), 99), ROUTE_ID_IN_USE, "an overdue id cannot be used again");
	is_int(cancel(r, integer(1)), ROUTE_LATE, "nor cancelled");
	is_int(answer(r, integer(1)), ROUTE_LATE, "its answer is late");
	is_int(answer(r, integer(1)), ROUTE_UNKNOWN, "once");
	is_int(ask(r, integer(1), 99), ROUTE_OK, "then the id is free");
	is_int(cancel(r, integer(0)), ROUTE_OK, "one is cancelled");
	is_int(cancel(r, integer(0)), ROUTE_LATE, "once");
	is_int(route_next_deadline(r), 99, "its deadline is gone");
	is_int(ask(r, integer(0), 0), ROUTE_ID_IN_USE, "its id is not free");
	is_int(answer(r, integer(0)), ROUTE_LATE, "its answer is late");
	is_int(ask(r, integer(0), 0), ROUTE_OK, "then the id is free");

	n = 0;
	while (route_drain(r, &out)) {
		is_int(out.id.integer, n == 0 ? 5 : n == 1 ? 1 : 0, "what waits at the end, the oldest first");
		pending_clear(&out);
		n++;
	}
	is_int(n, 3, "three did");
	is_int(route_waiting(r), 0, "none waits");
	is_int(route_next_deadline(r), 0, "no deadline");
	route_free(r);
}

static void full(void)
{
	struct route *r = route_new(3);

	for (int i = 0; i < 3; i++)
		ask(r, integer(i), 0);
	is_int(ask(r, integer(3), 0), ROUTE_FULL, "a table of three is full");
	is_int(ask(r, integer(2), 0), ROUTE_ID_IN_USE, "which is told of an id in use first");
	is_int(cancel(r, integer(1)), ROUTE_OK, "one is cancelled");
	is_int(cancel(r, integer(0)), ROUTE_OK, "and another");
	is_int(ask(r, integer(3), 0), ROUTE_OK, "there is room");
	is_int(answer(r, integer(1)), ROUTE_UNKNOWN, "the one cancelled first is forgotten");
	is_int(answer(r, integer(0)), ROUTE_LATE, "the other is not");
	is_int(ask(r, integer(4), 0), ROUTE_OK, "room again");
	is_int(ask(r, integer(5), 0), ROUTE_FULL, "full again");
	is_int(route_waiting(r), 3, "three wait");
	route_free(r);

	r = route_new(0);
	int taken = 0;
	while (taken < 10000 && ask(r, integer(taken), 0) == ROUTE_OK)
		taken++;
	is_int(taken, 4096, "how many by default");
	for (int i = 0; i < taken; i++)
		taken -= answer(r, integer(i)) != ROUTE_OK;
	is_int(taken, 4096, "all of them are found");
	route_free(r);
}

/* ---- a model: an array, looked through from one end to the other ---- */

enum { IDS = 60, MAX = 40 };

static struct {
	enum { FREE, WAITING, KEPT } state;
	uint64_t deadline, since;
} model[IDS];

static struct rpc_id id_number(unsigned i)
{
	char text[40];

	if (i % 2)
		return integer((int64_t)i - 30);
	snprintf(text, sizeof text, "id %u, and so on %u", i, i * 7919);
	return string(text);
}

static unsigned count(int state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < IDS; i++)
		n += (int)model[i].state == state;
	return n;
}

static enum route_status model_ask(unsigned i, uint64_t deadline, uint64_t step)
{
	if (model[i].state != FREE)
		return ROUTE_ID_IN_USE;
	if (count(WAITING) + count(KEPT) >= MAX) {
		if (count(KEPT) == 0)
			return ROUTE_FULL;
		unsigned oldest = IDS;
		for (unsigned k = 0; k < IDS; k++)
			if (model[k].state == KEPT && (oldest == IDS || model[k].since < model[oldest].since))
				oldest = k;
		model[oldest].state = FREE;
	}
	model[i].state = WAITING;
	model[i].deadline = deadline;
	model[i].since = step;
	return ROUTE_OK;
}

static uint64_t model_deadline(void)
{
	uint64_t first = 0;

	for (unsigned i = 0; i < IDS; i++)
		if (model[i].state == WAITING && model[i].deadline && (!first || model[i].deadline < first))
			first = model[i].deadline;
	return first;
}

static bool step_of(struct route *r, unsigned what, unsigned i, uint64_t step)
{
	struct rpc_id id = id_number(i);
	struct pending out = { 0 };
	enum route_status want = model[i].state == FREE ? ROUTE_UNKNOWN : model[i].state == KEPT ? ROUTE_LATE : ROUTE_OK;

	switch (what) {
	case 0: {
		uint64_t deadline = i % 5 ? step + (i * 37 + step) % 90 : 0;
		want = model_ask(i, deadline, step);
		return ask(r, id, deadline) == want;
	}
	case 1:
		model[i].state = FREE;
		return answer(r, id) == want;
	case 2:
		if (model[i].state == WAITING) {
			model[i].state = KEPT;
			model[i].since = step;
		}
		return cancel(r, id) == want;
	default:
		if (!route_expire(r, step, &out))
			return !model_deadline() || model_deadline() > step;
		pending_clear(&out);
		for (i = 0; i < IDS; i++) {
			struct rpc_id other = id_number(i);
			if (other.type == out.id.type && other.integer == out.id.integer && strcmp(other.text, out.id.text) == 0)
				break;
		}
		if (i == IDS || model[i].state != WAITING || out.deadline != model_deadline() || out.deadline > step)
			return false;
		model[i].state = KEPT;
		model[i].since = step;
		return true;
	}
}

static void against_model(void)
{
	struct route *r = route_new(MAX);
	uint64_t random = (uint64_t)getpid() * 2654435761u;
	unsigned wrong = 0, fulls = 0;

	diag("seed %llu", (unsigned long long)random);
	for (uint64_t step = 1; step <= 200000 && !wrong; step++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		/* Times of many requests and times of few. */
		unsigned what = (unsigned)(random >> 40) % 8, many = step / 1000 % 2;
		what = what < (many ? 6 : 3) ? 0 : what - (many ? 5 : 4) > 3 ? 1 : what - (many ? 5 : 4);
		wrong += !step_of(r, what, (unsigned)(random >> 33) % IDS, step);
		wrong += route_waiting(r) != count(WAITING) || route_next_deadline(r) != model_deadline();
		fulls += count(WAITING) + count(KEPT) == MAX;
		if (wrong)
			diag("at step %llu", (unsigned long long)step);
	}
	is_int(wrong, 0, "the table does what a plain model does");
	ok(fulls > 1000, "also when it is full: %u times", fulls);
	route_free(r);
}

int main(void)
{
	once();
	types();
	deadlines();
	full();
	against_model();
	return done_testing();
}
