/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counting, in the filter. A rule's rate and concurrency belong to the rule, so that what a server calls its tools cannot
 * make the counters many; the past of tools is bounded in number. A call counts as running from here until its end is
 * reported, also while a person is asked about it. All counters are of this session; only the past of tools is remembered.
 */
#include "session/limits.h"

#include "session/ask.h"
#include "session/mediate.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_TIME 60000 /* milliseconds that calls are held back */
#define ALARM_AGAIN 60000 /* milliseconds between alarms about the same lasting state */

struct rule_meter {
	struct meter calls;
	uint64_t running;
};

static uint32_t hash_of(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

/* ---- the past of tools ------------------------------------------------------------------------ */

static struct tool_past *find_past(const struct limits *l, const char *tool)
{
	uint32_t hash = hash_of(tool);

	for (size_t i = 0; i < l->past_n; i++)
		if (l->past[i].hash == hash && strcmp(l->past[i].tool, tool) == 0)
			return &l->past[i];
	return NULL;
}

/* NULL: more tools than are kept. */
static struct tool_past *add_past(struct limits *l, const char *tool)
{
	if (l->past_n == APPROVALS_MAX)
		return NULL;
	struct tool_past *p = &l->past[l->past_n++];
	*p = (struct tool_past){ .hash = hash_of(tool) };
	copy_text(p->tool, sizeof p->tool, tool, SIZE_MAX);
	return p;
}

const struct tool_past *limits_past(const struct filter *f, const char *tool, const uint8_t pin[32])
{
	const struct tool_past *past = find_past(&f->limits, tool);

	return past && past->used && memcmp(past->pin, pin, sizeof past->pin) == 0 ? past : NULL;
}

bool limits_changed(const struct filter *f, const char *tool, const uint8_t pin[32])
{
	const struct tool_past *past = find_past(&f->limits, tool);

	return past && past->used && memcmp(past->pin, pin, sizeof past->pin) != 0;
}

static void tell_past(struct filter *f, struct tool_past *past)
{
	struct record_used r = {
		.largest = past->results.largest, .mean = past->results.mean, .results = past->results.n,
	};

	memcpy(r.pin, past->pin, sizeof r.pin);
	copy_text(r.tool, sizeof r.tool, past->tool, sizeof past->tool);
	past->unsaved = false;
	report_record(f, RECORD_USED, &r);
}

static bool power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

/*
 * TOOL was used, and gave a result of so many BYTES (NULL: that is still to come). Told at once when it is
 * news, rarely while it only moves a mean.
 */
static void learn(struct filter *f, const char *tool, const uint8_t pin[32], const uint64_t *bytes)
{
	struct tool_past *past = find_past(&f->limits, tool);
	bool news;

	/* It was taken away, or became another one, while it ran. */
	if (sodium_is_zero(pin, 32))
		return;
	if (!past)
		past = add_past(&f->limits, tool);
	if (!past)
		return;
	news = !past->used || memcmp(past->pin, pin, sizeof past->pin) != 0;
	past->used = true;
	memcpy(past->pin, pin, sizeof past->pin);
	if (bytes)
		baseline_learn(&past->results, *bytes);
	past->unsaved |= news || bytes;
	if (news || (bytes && power_of_two(past->results.n)))
		tell_past(f, past);
}

void limits_finish(struct filter *f)
{
	for (size_t i = 0; i < f->limits.past_n; i++)
		if (f->limits.past[i].unsaved)
			tell_past(f, &f->limits.past[i]);
}

int limits_start(struct filter *f, const struct approvals *remembered, struct error *err)
{
	struct limits *l = &f->limits;

	/* Pages of it are only there once they are used. */
	l->past = calloc(APPROVALS_MAX, sizeof *l->past);
	if (!l->past)
		return error_oom(err);
	if (f->plan->mediation.rules_n) {
		l->rules = calloc(f->plan->mediation.rules_n, sizeof *l->rules);
		if (!l->rules)
			return error_oom(err);
	}
	for (size_t i = 0; i < remembered->n; i++) {
		const struct approval *a = &remembered->v[i];
		if (!approval_is_use(a) || find_past(l, a->tool))
			continue;
		struct tool_past *past = add_past(l, a->tool);
		if (!past)
			return error_oom(err);
		past->used = true;
		memcpy(past->pin, a->pin, sizeof past->pin);
		past->results = (struct baseline){ .largest = a->largest, .mean = a->mean, .n = a->results };
	}
	return 0;
}

/* ---- alarms ------------------------------------------------------------------------------------- */

static void breach(struct filter *f, enum alarm_kind kind, const char *tool, uint64_t value, uint64_t limit)
{
	struct limits *l = &f->limits;
	enum breach_mode mode = f->plan->mediation.on_breach;
	bool lasting = kind != ALARM_DENIALS && kind != ALARM_RESULT;
	struct record_alarm r = { .kind = (uint8_t)kind, .breach = (uint8_t)mode, .value = value, .limit = limit };

	if (l->stopped || l->lifted[kind])
		return;
	if (mode == BREACH_HOLD && l->held_until && f->now < l->held_until)
		return;
	if (mode == BREACH_NOTE && lasting && l->alarmed[kind] && f->now - l->alarmed[kind] < ALARM_AGAIN)
		return;
	l->alarmed[kind] = f->now;
	copy_text(r.tool, sizeof r.tool, tool, SIZE_MAX);
	report_record(f, RECORD_ALARM, &r);
	report_flush(f);
	if (mode == BREACH_STOP)
		l->stopped = true;
	if (mode == BREACH_NOTE)
		return;
	l->held_until = f->now + HOLD_TIME;
	l->held_by = kind;
	l->held_value = value;
	l->held_limit = limit;
}

void limits_lift(struct filter *f, enum alarm_kind kind)
{
	f->limits.lifted[kind] = true;
	if (f->limits.held_by == kind)
		f->limits.held_until = 0;
}

static void stop_words(const struct limits *l, char *text, size_t size)
{
	snprintf(text, size,
		 "mcpcage ended this session: %s: %llu, where the user's policy has %llu as the limit (alarms). "
		 "Do not go on; tell the user.", alarm_name(l->held_by), (unsigned long long)l->held_value,
		 (unsigned long long)l->held_limit);
}

void limits_turn(struct filter *f)
{
	struct pending p = { 0 };
	char text[400];

	if (!f->limits.stopped || f->limits.stop_told)
		return;
	f->limits.stop_told = true;
	stop_words(&f->limits, text, sizeof text);
	while (route_drain(f->calls, &p)) {
		if (p.held)
			held_forget(f, CLIENT_TO_SERVER, &p.id);
		if (!p.cancelled)
			answer_call(f, &p, CODE_DENIED, text);
		report_call(f, &p, p.cancelled ? CALL_CANCELLED : CALL_NO_SERVER, 0, NULL);
		pending_clear(&p);
	}
	report_event(f, EVENT_ALARM);
}

enum fate limits_gate(struct passage *p)
{
	char text[400];

	if (!p->f->limits.stopped)
		return FATE_NEXT;
	if (p->d == SERVER_TO_CLIENT || p->m.kind != MESSAGE_REQUEST)
		return passage_drop(p, DROP_POLICY, "the session was ended by an alarm");
	stop_words(&p->f->limits, text, sizeof text);
	return passage_refuse(p, DROP_POLICY, CODE_DENIED, "the session was ended by an alarm", "%s", text);
}

void limits_bytes(struct filter *f, size_t n)
{
	uint64_t limit = f->plan->mediation.bytes_per_minute;

	if (limit == 0)
		return;
	meter_add(&f->limits.bytes, f->now, n);
	if (meter_sum(&f->limits.bytes, f->now) > limit)
		breach(f, ALARM_BYTES, "", meter_sum(&f->limits.bytes, f->now), limit);
}

/* ---- calls --------------------------------------------------------------------------------------- */

static enum fate over_rule(struct passage *p, const struct decision *d, const struct tool_rule *rule)
{
	const struct mediation *m = &p->f->plan->mediation;
	struct rule_meter *meter = &p->f->limits.rules[decision_index(m, rule)];
	struct decision of = *d;
	CLEANUP_BUF struct buf where = BUF_INIT(4096);

	uint64_t wait = rule->rate ? meter_wait(&meter->calls, p->f->now, 1, rule->rate) : 0;
	bool busy = rule->concurrency && meter->running >= rule->concurrency;
	if (wait == 0 && !busy)
		return FATE_NEXT;
	of.by = DECIDED_BY_RULE;
	of.rule = rule;
	decision_source(&of, &where);
	const char *source = buf_str(&where);
	if (busy)
		return passage_refuse(p, DROP_POLICY, CODE_DENIED, "too many calls at the same time",
				      "mcpcage refused this call: %llu calls of \"%s\" at the same time are as many as the user's "
				      "policy allows (%s). Wait until one has ended, then try again.",
				      (unsigned long long)rule->concurrency, rule->tool, source ? source : "");
	return passage_refuse(p, DROP_POLICY, CODE_DENIED, "too many calls a minute",
			      "mcpcage refused this call: %llu calls of \"%s\" a minute are as many as the user's policy allows "
			      "(%s). Try again in %llu seconds.", (unsigned long long)rule->rate, rule->tool,
			      source ? source : "", (unsigned long long)(wait + 999) / 1000);
}

/* It goes on: from here until its end it counts. */
static void count(struct passage *p, const struct decision *d)
{
	struct limits *l = &p->f->limits;

	p->request.metered = true;
	l->running++;
	for (size_t i = 0; i < d->rules_n; i++) {
		size_t index = decision_index(&p->f->plan->mediation, d->rules[i]);
		meter_add(&l->rules[index].calls, p->f->now, 1);
		l->rules[index].running++;
		p->request.metered_by[p->request.metered_n++] = (uint32_t)index;
	}
}

enum fate limits_call(struct passage *p)
{
	struct filter *f = p->f;
	struct limits *l = &f->limits;
	const struct mediation *m = &f->plan->mediation;

	p->held_back = false;
	if (!p->request.is_tool_call)
		return FATE_NEXT;
	const struct decision *d = &p->decision;
	for (size_t i = 0; i < d->rules_n; i++)
		if (over_rule(p, d, d->rules[i]) != FATE_NEXT)
			return FATE_DONE;
	if (m->calls_per_minute) {
		meter_add(&l->calls, f->now, 1);
		uint64_t calls = meter_sum(&l->calls, f->now);
		if (calls > m->calls_per_minute)
			breach(f, ALARM_CALLS, p->m.name, calls, m->calls_per_minute);
	}
	if (m->concurrency && l->running >= m->concurrency)
		breach(f, ALARM_CONCURRENCY, p->m.name, l->running + 1, m->concurrency);
	if (l->stopped)
		return limits_gate(p);
	if (l->held_until && f->now >= l->held_until)
		l->held_until = 0;
	p->held_back = l->held_until != 0;
	count(p, d);
	return FATE_NEXT;
}

void limits_release(struct filter *f, struct pending *p)
{
	struct limits *l = &f->limits;

	if (!p->metered)
		return;
	p->metered = false;
	l->running--;
	for (size_t i = 0; i < p->metered_n; i++)
		l->rules[p->metered_by[i]].running--;
}

void limits_ended(struct filter *f, const struct pending *p, enum call_end end)
{
	const struct mediation *m = &f->plan->mediation;
	struct limits *l = &f->limits;
	struct pending copy = *p;

	limits_release(f, &copy);
	if (!p->is_tool_call)
		return;
	if (end == CALL_ANSWERED || end == CALL_ERROR)
		l->denials = 0;
	/* What is refused because calls are held back is the consequence, not one more sign. */
	if (end != CALL_DENIED || l->held_until || l->stopped)
		return;
	l->denials++;
	if (m->denials_in_a_row && l->denials >= m->denials_in_a_row) {
		uint64_t denials = l->denials;
		l->denials = 0;
		breach(f, ALARM_DENIALS, p->tool, denials, m->denials_in_a_row);
	}
}

enum fate limits_result(struct passage *p)
{
	struct filter *f = p->f;
	const struct mediation *m = &f->plan->mediation;
	const struct tool_past *past;
	uint8_t pin[32];

	if (!p->request.is_tool_call || p->m.kind != MESSAGE_RESULT)
		return FATE_NEXT;
	const uint64_t bytes = p->m.result.n;
	ask_pin(f, p->request.tool, pin);
	if (p->promised) {
		learn(f, p->request.tool, pin, NULL);
		return FATE_NEXT;
	}
	past = m->result_growth ? limits_past(f, p->request.tool, pin) : NULL;
	if (past && !p->request.excused && !f->limits.lifted[ALARM_RESULT] &&
	    baseline_exceeded(&past->results, p->m.result.n, m->result_growth)) {
		uint64_t usual = past->results.largest;
		uint64_t limit = (usual > BASELINE_FLOOR ? usual : BASELINE_FLOOR) * m->result_growth;
		breach(f, ALARM_RESULT, p->request.tool, p->m.result.n, limit);
		if (m->on_breach != BREACH_NOTE)
			return passage_refuse(p, DROP_POLICY, CODE_REPLY_REFUSED, "much larger than this tool's results were",
					      "mcpcage held back the result of this call: it has %zu bytes, and the largest that "
					      "this tool gave before had %llu. Ask the user before you try again.",
					      p->m.result.n, (unsigned long long)usual);
	}
	learn(f, p->request.tool, pin, &bytes);
	return FATE_NEXT;
}
