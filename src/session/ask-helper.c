/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions on their way through the monitor. It reads nothing of them: text for the person goes escaped into the JSON object
 * that the helper reads, and back comes one of four words. Anything else, an end without a word, and silence are no permission.
 * With helpers, questions are asked side by side; the terminal has one at a time.
 */
#include "session/ask-helper.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "rpc/question.h"
#include "session/egress.h"
#include "session/monitor.h"
#include "store/approvals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* The filter ends a question; this is for one that does not. */
#define GRACE 2000
/* What a helper that has answered may still take to end. */
#define LINGER 3000

struct asking {
	struct record_ask ask;
	struct child child;
	uint64_t end; /* the monitor's own deadline */
	bool terminal;
	bool host; /* about a name: of `ask`, only `number` and `reason` are filled */
	struct record_name_ask name;
	bool over; /* answered or withdrawn: only its process is waited for */
};

static const char device[] = "/dev/tty";

static bool on_terminal(const struct session *s)
{
	return s->plan->mediation.ask_with.n == 0;
}

/* Numbers are the filter's, or egress's. */
static struct asking **slot_of(struct session *s, bool host, uint32_t number)
{
	for (size_t i = 0; i < ASKING_MAX; i++) {
		struct asking *a = s->questions.v[i];
		if (a && !a->over && a->host == host && a->ask.number == number)
			return &s->questions.v[i];
	}
	return NULL;
}

/* ---- what is recorded -------------------------------------------------------------------------- */

static void record(struct session *s, const struct approval *v, size_t n)
{
	struct error err;

	if (!s->plan->pins_folder || n == 0)
		return;
	if (approvals_add(s->plan->pins_folder, v, n, (int64_t)time(NULL), &err) == 0)
		return;
	/* Once: it is asked again in the next session, which is safe. */
	if (!s->approvals_lost)
		log_error(s->log, &err);
	s->approvals_lost = true;
}

void asking_remember(struct session *s, const char *tool, const uint8_t pin[32], const uint8_t scope[32], bool client)
{
	struct approval a;

	memset(&a, 0, sizeof a);
	(void)snprintf(a.tool, sizeof a.tool, "%s", tool);
	memcpy(a.pin, pin, sizeof a.pin);
	memcpy(a.scope, scope, sizeof a.scope);
	/* That would be the record of a tool's use. */
	if (approval_is_use(&a))
		return;
	a.since = (int64_t)time(NULL);
	a.until = a.since + (int64_t)(s->plan->mediation.ask_remember / 1000);
	a.through_client = client;
	record(s, &a, 1);
}

void asking_over(struct session *s, const struct record_asked *r)
{
	journal_asked(s, r);
	if (r->road == ROAD_CLIENT && r->answer == ANSWER_ALWAYS)
		asking_remember(s, r->tool, r->pin, r->scope, true);
}

static void write_uses(struct session *s)
{
	record(s, s->questions.uses, s->questions.uses_n);
	s->questions.uses_n = 0;
}

void asking_used(struct session *s, const struct record_used *r)
{
	struct questions *q = &s->questions;
	size_t i = 0;

	while (i < q->uses_n && strcmp(q->uses[i].tool, r->tool) != 0)
		i++;
	if (i == USES_MAX) {
		write_uses(s);
		i = 0;
	}
	if (q->uses_n == 0)
		q->uses_due = session_now() + USES_WAIT;
	if (i == q->uses_n)
		q->uses_n++;
	struct approval *a = &q->uses[i];
	memset(a, 0, sizeof *a);
	(void)snprintf(a->tool, sizeof a->tool, "%s", r->tool);
	memcpy(a->pin, r->pin, sizeof a->pin);
	a->since = (int64_t)time(NULL);
	a->largest = r->largest;
	a->mean = r->mean;
	a->results = r->results;
}

/* ---- questions ---------------------------------------------------------------------------------- */

static void answer(struct session *s, const struct record_ask *ask, enum answer said)
{
	union record r = { .answered = { .number = ask->number, .answer = (uint8_t)said } };
	struct error err;

	if (said == ANSWER_ALWAYS)
		asking_remember(s, ask->tool, ask->pin, ask->scope, false);
	if (s->filter.fd < 0 || record_try_send(s->filter.fd, RECORD_ANSWERED, &r) == 0)
		return;
	/* It asks and does not listen: no filter of ours does that. */
	error_set(&err, 0, "the filter does not take the answers to its questions");
	session_break(s, &err);
}

/* Whoever asked hears it. */
static void settle(struct session *s, const struct asking *a, enum answer said)
{
	if (a->host)
		ask_host_over(s, &a->name, said);
	else
		answer(s, &a->ask, said);
}

static void put_question(struct session *s, const struct asking *a, struct buf *out)
{
	buf_putc(out, '{');
	json_member_str(out, "session", s->audit.session);
	json_member_str(out, "server", s->label);
	if (a->host)
		json_member_str(out, "host", a->name.name);
	json_member_str(out, "tool", a->ask.tool);
	json_member_str(out, "arguments", a->ask.arguments);
	json_member_str(out, "description", a->ask.description);
	json_member_str(out, "reach", s->reach);
	json_member_str(out, "reason", a->ask.reason);
	json_member_u64(out, "timeout_ms", s->plan->mediation.ask_timeout);
	buf_puts(out, ",\"answers\":[\"once\",\"session\",\"always\",\"no\"]}\n");
}

static int start(struct session *s, struct asking *a, struct error *err)
{
	CLEANUP_BUF struct buf input = BUF_INIT(256 << 10);

	if (on_terminal(s)) {
		struct terminal_question q = { .device = device, .server = s->label, .reach = s->reach,
					       .host = a->host ? a->name.name : NULL, .ask = &a->ask };
		return child_fork(&a->child, ask_terminal, &q, err);
	}
	put_question(s, a, &input);
	if (input.full)
		return error_oom(err);
	return child_start(&a->child, &s->plan->mediation.ask_with, buf_span(&input), 0, err);
}

static bool terminal_busy(const struct session *s)
{
	for (size_t i = 0; i < ASKING_MAX; i++)
		if (s->questions.v[i] && s->questions.v[i]->terminal && s->questions.v[i]->child.pid > 0)
			return true;
	return false;
}

/* Start it, or leave it for later while the terminal is busy. */
static void try_start(struct session *s, struct asking *a)
{
	struct error err;

	if (a->terminal && terminal_busy(s))
		return;
	if (start(s, a, &err) == 0)
		return;
	log_error(s->log, &err);
	a->over = true;
	settle(s, a, ANSWER_UNAVAILABLE);
}

/* A place for one more, or NULL. */
static struct asking *new_asking(struct session *s)
{
	struct asking *a = NULL;

	for (size_t i = 0; i < ASKING_MAX && !a; i++) {
		if (s->questions.v[i] || !(a = calloc(1, sizeof *a)))
			continue;
		s->questions.v[i] = a;
		a->child = CHILD_NONE;
		a->terminal = on_terminal(s);
	}
	return a;
}

bool asking_host(struct session *s, const struct record_name_ask *r, const char *reason)
{
	struct asking *a = new_asking(s);
	uint64_t time = s->plan->mediation.ask_timeout;

	if (!a)
		return false;
	a->host = true;
	a->name = *r;
	a->ask.number = r->number;
	(void)snprintf(a->ask.reason, sizeof a->ask.reason, "%s", reason);
	/* Egress waits no longer. */
	a->end = session_now() + (time < NAME_ASK_TIME - GRACE ? time : NAME_ASK_TIME - GRACE);
	try_start(s, a);
	return true;
}

void asking_heard(struct session *s, const struct record_ask *r)
{
	uint64_t now = session_now();
	bool again = slot_of(s, false, r->number) != NULL;

	if (meter_wait(&s->questions.asked, now, 1, ASKING_A_MINUTE) > 0) {
		answer(s, r, ANSWER_UNAVAILABLE);
		return;
	}
	meter_add(&s->questions.asked, now, 1);
	struct asking *a = again ? NULL : new_asking(s);
	if (!a) {
		answer(s, r, ANSWER_UNAVAILABLE);
		return;
	}
	a->ask = *r;
	a->end = now + s->plan->mediation.ask_timeout + GRACE;
	try_start(s, a);
}

void asking_withdrawn(struct session *s, const struct record_withdraw *r)
{
	struct asking **slot = slot_of(s, false, r->number);

	if (!slot)
		return;
	(*slot)->over = true;
	child_stop(&(*slot)->child, session_now());
}

static void tell_failure(struct session *s, const struct asking *a, int status)
{
	const char *what = a->terminal ? "the terminal" : s->plan->mediation.ask_with.v[0];

	if (a->terminal)
		log_line(s->log, "nobody can be asked: there is no terminal that is free to ask on, and no --ask-with command");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		log_line(s->log, "cannot ask with %s: it cannot be run", what);
	else
		log_line(s->log, "asking with %s gave no answer", what);
}

static void hear(struct session *s, struct asking *a)
{
	enum answer said = ANSWER_UNAVAILABLE;

	switch (child_hear(&a->child)) {
	case CHILD_QUIET:
	case CHILD_ENDED: /* why is known when it has been collected */
		return;
	case CHILD_SAID:
		break;
	}
	if (!answer_by_name(span_of(a->child.line), &said))
		log_line(s->log, "the answer of %s is none of once, session, always, no: \"%s\"",
			 a->terminal ? "the terminal" : s->plan->mediation.ask_with.v[0], a->child.line);
	a->over = true;
	a->child.kill_at = session_now() + LINGER;
	settle(s, a, said);
}

static void tend(struct session *s, struct asking **slot, uint64_t now)
{
	struct asking *a = *slot;
	bool started = a->child.pid > 0;
	int status = 0;

	if (started && !a->over)
		hear(s, a);
	if (!a->over && now >= a->end) {
		a->over = true;
		child_stop(&a->child, now);
		settle(s, a, a->host ? ANSWER_TIMEOUT : ANSWER_UNAVAILABLE);
	}
	if (started && child_tend(&a->child, now, &status) && !a->over) {
		a->over = true;
		tell_failure(s, a, status);
		settle(s, a, ANSWER_UNAVAILABLE);
	}
	if (!started && !a->over)
		try_start(s, a);
	if (a->over && a->child.pid == 0) {
		free(a);
		*slot = NULL;
	}
}

void asking_tend(struct session *s)
{
	uint64_t now = session_now();

	if (s->questions.uses_n && now >= s->questions.uses_due)
		write_uses(s);
	for (size_t i = 0; i < ASKING_MAX; i++)
		if (s->questions.v[i])
			tend(s, &s->questions.v[i], now);
}

size_t asking_poll(const struct session *s, struct pollfd *p)
{
	size_t n = 0;

	for (size_t i = 0; i < ASKING_MAX; i++)
		if (s->questions.v[i] && s->questions.v[i]->child.out >= 0)
			p[n++] = (struct pollfd){ .fd = s->questions.v[i]->child.out, .events = POLLIN };
	return n;
}

uint64_t asking_due(const struct session *s)
{
	uint64_t due = s->questions.uses_n ? s->questions.uses_due : 0;

	for (size_t i = 0; i < ASKING_MAX; i++) {
		const struct asking *a = s->questions.v[i];
		uint64_t at = !a ? 0 : !a->over ? a->end : a->child.kill_at;
		if (at && (due == 0 || at < due))
			due = at;
	}
	return due;
}

void asking_end(struct session *s)
{
	write_uses(s);
	for (size_t i = 0; i < ASKING_MAX; i++) {
		if (!s->questions.v[i])
			continue;
		child_end(&s->questions.v[i]->child);
		free(s->questions.v[i]);
		s->questions.v[i] = NULL;
	}
}
