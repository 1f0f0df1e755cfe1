/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which calls a person is asked about, and what the answer does. A permission is for a tool as it is defined now, and for what
 * asked (the rule, the first use): another definition or another rule asks again. While a question is open the call is held, and
 * the question lives no longer than the call: cancelled, timed out or without a server, it is taken back.
 *
 * Questions, permissions and their memory are bounded; what finds no room is refused or asked again, never let through.
 */
#include "session/ask.h"

#include "session/hold.h"
#include "session/label.h"
#include "session/mediate.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

int ask_start(struct filter *f, const struct approvals *remembered, struct error *err)
{
	f->asks.remembered = remembered;
	f->asks.grants = calloc(ASK_GRANTS_MAX, sizeof *f->asks.grants);
	if (!f->asks.grants)
		return error_oom(err);
	plan_reach(f->asks.reach, sizeof f->asks.reach, f->plan);
	if (getrandom(f->asks.key, sizeof f->asks.key, 0) != sizeof f->asks.key)
		return error_set(err, errno, "cannot draw a random number");
	return 0;
}

void ask_scope(uint8_t scope[32], const char *what)
{
	crypto_generichash(scope, 32, (const unsigned char *)what, strlen(what), NULL, 0);
}

void ask_pin(const struct filter *f, const char *tool, uint8_t pin[32])
{
	const struct item *item = NULL;

	_Static_assert(ITEM_HASH == 32, "a pin is the hash of an item");
	if (manifest_standing(pinned_manifest(f), ITEM_TOOL, span_of(tool), &item) == STANDING_KNOWN && item)
		memcpy(pin, item->hash, ITEM_HASH);
	else
		memset(pin, 0, ITEM_HASH);
}

void ask_description(const struct filter *f, const char *tool, struct buf *out)
{
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT(ITEM_CONTENT_MAX);
	const struct item *item = NULL;

	if (manifest_standing(pinned_manifest(f), ITEM_TOOL, span_of(tool), &item) != STANDING_KNOWN || !item ||
	    tree_parse(&t, item->content, 0) != TREE_OK || !tree_is(&t, 0, TREE_OBJECT))
		return;
	uint32_t i = tree_member(&t, 0, "description");
	if (!tree_is(&t, i, TREE_STRING))
		return;
	tree_string(&t, i, &text);
	const char *s = buf_str(&text);
	if (s)
		question_text(out, s, 480);
}

/* ---- what was allowed ----------------------------------------------------------------------------- */

static bool same(const struct ask_grant *g, const struct ask_about *about)
{
	return strcmp(g->subject, about->subject) == 0 && memcmp(g->pin, about->pin, sizeof g->pin) == 0 &&
	       memcmp(g->scope, about->scope, sizeof g->scope) == 0;
}

static bool granted(const struct filter *f, const struct ask_about *about)
{
	const struct asks *a = &f->asks;
	struct timespec now;

	for (size_t i = 0; i < a->grants_n; i++)
		if (same(&a->grants[i], about))
			return true;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return false;
	return approval_stands(approvals_find(a->remembered, about->subject, about->scope), about->pin, now.tv_sec);
}

void ask_grant(struct filter *f, const struct ask_about *about, enum answer answer)
{
	struct asks *a = &f->asks;

	if (answer != ANSWER_SESSION && answer != ANSWER_ALWAYS)
		return;
	if (about->lift) {
		limits_lift(f, about->lifts);
		return;
	}
	if (granted(f, about) || a->grants_n == ASK_GRANTS_MAX)
		return;
	struct ask_grant *g = &a->grants[a->grants_n++];
	copy_text(g->subject, sizeof g->subject, about->subject, SIZE_MAX);
	memcpy(g->pin, about->pin, sizeof g->pin);
	memcpy(g->scope, about->scope, sizeof g->scope);
}

/*
 * Whoever asks often enough gets a yes from somebody who is tired of it. After several refusals in a row nobody is asked for
 * a while.
 */
static void count_refusals(struct asks *a, enum answer answer, uint64_t now)
{
	if (answer_allows(answer))
		a->refusals = 0;
	if (answer != ANSWER_NO && answer != ANSWER_TIMEOUT)
		return;
	if (++a->refusals < ASK_REFUSALS)
		return;
	a->refusals = 0;
	a->quiet_until = now + ASK_QUIET;
}

/* ---- records and words ------------------------------------------------------------------------------ */

void ask_report(struct filter *f, const struct ask_about *about, enum ask_road road, enum answer answer)
{
	struct record_asked r = { .road = (uint8_t)road, .answer = (uint8_t)answer };

	count_refusals(&f->asks, answer, f->now);
	/* What holds calls back is lifted for a session, not for good. */
	if (about->lift && answer == ANSWER_ALWAYS)
		r.answer = ANSWER_SESSION;
	memcpy(r.pin, about->pin, sizeof r.pin);
	memcpy(r.scope, about->scope, sizeof r.scope);
	copy_text(r.tool, sizeof r.tool, about->subject, SIZE_MAX);
	copy_text(r.reason, sizeof r.reason, about->reason, SIZE_MAX);
	report_record(f, RECORD_ASKED, &r);
	report_flush(f);
}

void ask_refusal(const struct ask_about *about, enum answer answer, char *text, size_t size)
{
	switch (answer) {
	case ANSWER_NO:
		snprintf(text, size,
			 "mcpcage refused this call of \"%s\": the user was asked and did not allow it. Do not try it again "
			 "unless the user tells you to.", about->subject);
		break;
	case ANSWER_TIMEOUT:
		snprintf(text, size,
			 "mcpcage refused this call of \"%s\": the user was asked and has not answered in time. Ask the user "
			 "before you try it again.", about->subject);
		break;
	default:
		snprintf(text, size,
			 "mcpcage refused this call of \"%s\": it needs the user's permission (%s), and the user cannot be "
			 "asked: the client does not show questions, and there is no other program (--ask-with) or free "
			 "terminal to ask on. The user can name such a program, or allow the call in the policy.",
			 about->subject, about->reason);
		break;
	}
}

static enum fate refuse(struct passage *p, const struct ask_about *about, enum answer answer)
{
	char text[1200], rule[64];

	ask_refusal(about, answer, text, sizeof text);
	snprintf(rule, sizeof rule, "asked: %s", answer_name(answer));
	return passage_refuse(p, DROP_POLICY, CODE_DENIED, rule, "%s", text);
}

/* ---- open questions ---------------------------------------------------------------------------------- */

static struct ask_open *free_place(struct filter *f)
{
	for (size_t i = 0; i < ASK_OPEN_MAX; i++)
		if (!f->asks.open[i].used)
			return &f->asks.open[i];
	return NULL;
}

static void close_question(struct ask_open *o)
{
	free(o->shown);
	free(o->description);
	*o = (struct ask_open){ 0 };
}

static void withdraw(struct filter *f, const struct ask_open *o)
{
	struct record_withdraw r = { .number = o->number };

	if (o->road == ROAD_CLIENT) {
		ask_client_withdraw(f, o->number);
		return;
	}
	report_record(f, RECORD_WITHDRAW, &r);
	report_flush(f);
}

static void ask_monitor(struct filter *f, struct ask_open *o)
{
	struct record_ask r;

	o->road = ROAD_HELPER;
	memset(&r, 0, sizeof r);
	r.number = o->number;
	memcpy(r.pin, o->about.pin, sizeof r.pin);
	/* Zeroes: there is nothing to remember. */
	if (!o->about.lift)
		memcpy(r.scope, o->about.scope, sizeof r.scope);
	copy_text(r.tool, sizeof r.tool, o->subject, SIZE_MAX);
	copy_text(r.reason, sizeof r.reason, o->reason, SIZE_MAX);
	copy_text(r.description, sizeof r.description, o->description ? o->description : "", SIZE_MAX);
	copy_text(r.arguments, sizeof r.arguments, o->shown ? o->shown : "", SIZE_MAX);
	report_record(f, RECORD_ASK, &r);
	report_flush(f);
}

/* Whether the tool is still the one that was asked about. */
static bool unchanged(const struct filter *f, const struct ask_about *about)
{
	uint8_t pin[32];

	ask_pin(f, about->subject, pin);
	return memcmp(pin, about->pin, sizeof pin) == 0;
}

static void release(struct filter *f, const struct ask_open *o, const struct ask_about *about)
{
	struct pending *request = route_get(o->d == CLIENT_TO_SERVER ? f->calls : f->reverse, &o->id);

	if (!request)
		return;
	request->excused = about->lift;
	if (request->is_tool_call && !unchanged(f, about))
		(void)held_refuse(f, o->d, &o->id, "the tool has changed",
				  "mcpcage refused this call: while the user was asked, the tool became another one");
	else
		(void)held_release(f, o->d, &o->id);
}

/* Others that wait for the same permission need not wait any longer. */
static void release_alike(struct filter *f, const struct ask_about *about)
{
	for (size_t i = 0; i < ASK_OPEN_MAX; i++) {
		struct ask_open *o = &f->asks.open[i];
		if (!o->used || strcmp(o->subject, about->subject) != 0 || memcmp(o->about.scope, about->scope, 32) != 0 ||
		    memcmp(o->about.pin, about->pin, 32) != 0 || (o->d == CLIENT_TO_SERVER && o->about.lift))
			continue;
		withdraw(f, o);
		release(f, o, about);
		close_question(o);
	}
}

static void decided(struct filter *f, struct ask_open *at, enum answer answer)
{
	struct ask_open o = *at;
	struct ask_about about = o.about;
	char text[1200], rule[64];

	/* The place is free first: what follows may look at all of them. */
	*at = (struct ask_open){ 0 };
	about.subject = o.subject;
	about.reason = o.reason;
	ask_report(f, &about, o.road, answer);
	if (answer_allows(answer)) {
		ask_grant(f, &about, answer);
		release(f, &o, &about);
		if (answer != ANSWER_ONCE)
			release_alike(f, &about);
	} else {
		ask_refusal(&about, answer, text, sizeof text);
		snprintf(rule, sizeof rule, "asked: %s", answer_name(answer));
		(void)held_refuse(f, o.d, &o.id, rule, text);
	}
	free(o.shown);
	free(o.description);
}

static struct ask_open *by_number(struct filter *f, uint32_t number, enum ask_road road)
{
	for (size_t i = 0; i < ASK_OPEN_MAX; i++)
		if (f->asks.open[i].used && f->asks.open[i].number == number && f->asks.open[i].road == road)
			return &f->asks.open[i];
	return NULL;
}

void ask_answered(struct filter *f, const struct record_answered *r)
{
	struct ask_open *o = by_number(f, r->number, ROAD_HELPER);

	if (o)
		decided(f, o, (enum answer)r->answer);
}

void ask_forget(struct filter *f, enum direction d, const struct rpc_id *id)
{
	for (size_t i = 0; i < ASK_OPEN_MAX; i++) {
		struct ask_open *o = &f->asks.open[i];
		if (!o->used || o->d != d || !rpc_id_eq(&o->id, id))
			continue;
		o->about.subject = o->subject;
		o->about.reason = o->reason;
		withdraw(f, o);
		ask_report(f, &o->about, o->road, ANSWER_WITHDRAWN);
		close_question(o);
		return;
	}
}

uint64_t ask_due(const struct filter *f)
{
	uint64_t due = 0;

	for (size_t i = 0; i < ASK_OPEN_MAX; i++)
		if (f->asks.open[i].used && (due == 0 || f->asks.open[i].deadline < due))
			due = f->asks.open[i].deadline;
	return due;
}

void ask_clock(struct filter *f)
{
	for (size_t i = 0; i < ASK_OPEN_MAX; i++) {
		struct ask_open *o = &f->asks.open[i];
		if (!o->used || o->deadline > f->now)
			continue;
		withdraw(f, o);
		decided(f, o, ANSWER_TIMEOUT);
	}
}

/* ---- steps ------------------------------------------------------------------------------------------- */

static enum fate open_question(struct passage *p, const struct ask_about *about, struct buf *shown)
{
	struct filter *f = p->f;
	struct ask_open *o = free_place(f);
	size_t held = f->holds.n;

	if (!o)
		return passage_refuse(p, DROP_TOO_MANY_PENDING, CODE_DENIED, "too many questions",
				      "mcpcage refused this call: %d calls wait for the user's decision already. Wait until they "
				      "are decided, then try again.", ASK_OPEN_MAX);
	/* The question has its own time; that of the call begins when it is allowed. */
	p->request.deadline = 0;
	(void)held_keep(p);
	if (f->holds.n == held)
		return FATE_DONE;
	*o = (struct ask_open){
		.used = true,
		.number = ++f->asks.number,
		.d = p->d,
		.id = p->m.id,
		.deadline = f->now + f->plan->mediation.ask_timeout,
		.about = *about,
	};
	copy_text(o->subject, sizeof o->subject, about->subject, SIZE_MAX);
	copy_text(o->reason, sizeof o->reason, about->reason, SIZE_MAX);
	const char *text = buf_str(shown);
	o->shown = text ? strdup(text) : NULL;
	o->description = about->description ? strdup(about->description) : NULL;
	o->about.arguments = (struct span){ 0 };
	o->about.description = NULL;
	if (!o->shown) {
		(void)held_refuse(f, o->d, &o->id, "no memory", "mcpcage refused this call: it is out of memory");
		close_question(o);
		return FATE_DONE;
	}
	if (ask_way(p) != ASK_WAY_REQUEST) {
		ask_monitor(f, o);
		return FATE_DONE;
	}
	o->road = ROAD_CLIENT;
	ask_client_request(f, o, &(struct question){ .server = f->label, .tool = o->subject, .reason = o->reason,
						     .request = about->request, .description = about->description,
						     .reach = f->asks.reach,
						     .arguments = about->arguments });
	return FATE_DONE;
}

enum fate ask_person(struct passage *p, const struct ask_about *about)
{
	CLEANUP_BUF struct buf shown = BUF_INIT(1 << 20);
	enum answer answer;

	if (ask_client_retry(p, &answer)) {
		ask_report(p->f, about, ROAD_CLIENT, answer);
		if (!answer_allows(answer))
			return refuse(p, about, answer);
		ask_grant(p->f, about, answer);
		p->request.excused = about->lift;
		ask_round_begin(p);
		return FATE_NEXT;
	}
	if (!about->lift && granted(p->f, about))
		return FATE_NEXT;
	if (ask_round_next(p)) {
		ask_round_begin(p);
		return FATE_NEXT;
	}
	if (p->f->now < p->f->asks.quiet_until)
		return passage_refuse(p, DROP_POLICY, CODE_DENIED, "asked too often",
				      "mcpcage refused this call of \"%s\": it needs the user's permission, and the user has refused "
				      "%d times in a row. The user is not asked for another %llu seconds. Do something else.",
				      about->subject, ASK_REFUSALS,
				      (unsigned long long)(p->f->asks.quiet_until - p->f->now + 999) / 1000);
	if (ask_way(p) == ASK_WAY_RESULT)
		return ask_client_result(p, about);
	/* Less than the record holds, for what is appended when it is cut. */
	question_arguments(&shown, about->arguments, sizeof ((struct record_ask *)0)->arguments - 128);
	return open_question(p, about, &shown);
}

static void reason_of_rule(const struct decision *d, struct buf *reason)
{
	CLEANUP_BUF struct buf source = BUF_INIT(4096);

	decision_source(d, &source);
	if (d->reason) {
		question_text(reason, d->reason, 300);
		buf_puts(reason, " (");
	}
	const char *text = buf_str(&source);
	question_text(reason, text ? text : "", 180);
	if (d->reason)
		buf_putc(reason, ')');
}

static void reason_of_hold(const struct limits *l, struct buf *reason)
{
	buf_printf(reason, "calls are held back after an alarm: %s: %llu, where the limit is %llu", alarm_name(l->held_by),
		   (unsigned long long)l->held_value, (unsigned long long)l->held_limit);
}

/* A rule's scope is all that it says: another rule asks again. */
void ask_scope_of(const struct decision *d, uint8_t scope[32])
{
	const struct tool_rule *rule = d->rule;
	CLEANUP_BUF struct buf what = BUF_INIT(0);

	if (d->by == DECIDED_BY_RULE && rule)
		buf_printf(&what, "rule\n%s\n%s\n%s", rule->tool, rule->arguments ? rule->arguments : "",
			   rule->reason ? rule->reason : "");
	else
		buf_puts(&what, d->by == DECIDED_BY_ASK ? "tools.ask" : "tools.default");
	const char *text = buf_str(&what);
	ask_scope(scope, text ? text : "");
}

/* Whether a person has to allow this call, and why. */
static bool has_to_be_asked(struct passage *p, struct ask_about *about, struct buf *reason)
{
	const struct filter *f = p->f;
	const struct decision *d = &p->decision;

	if (!p->held_back && d->verdict != TOOL_ASK && !f->plan->mediation.ask_first_use)
		return false;
	ask_pin(f, p->m.name, about->pin);
	if (p->held_back) {
		about->lift = true;
		about->lifts = f->limits.held_by;
		reason_of_hold(&f->limits, reason);
		ask_scope(about->scope, "alarm");
		return true;
	}
	if (d->verdict == TOOL_ASK) {
		reason_of_rule(d, reason);
		ask_scope_of(d, about->scope);
		return true;
	}
	if (!f->plan->mediation.ask_first_use || limits_past(f, p->m.name, about->pin))
		return false;
	buf_puts(reason, limits_changed(f, p->m.name, about->pin) ? "this tool has changed since it was last used"
								  : "this tool was never used before");
	ask_scope(about->scope, ASK_FIRST_USE);
	return true;
}

enum fate ask_call(struct passage *p)
{
	CLEANUP_BUF struct buf reason = BUF_INIT(4096), description = BUF_INIT(4096);
	struct ask_about about = { .subject = p->m.name, .arguments = p->m.arguments };

	if (!p->request.is_tool_call || !has_to_be_asked(p, &about, &reason))
		return FATE_NEXT;
	about.reason = buf_str(&reason);
	if (!about.reason)
		return passage_unreadable(p);
	ask_description(p->f, p->m.name, &description);
	about.description = buf_str(&description);
	return ask_person(p, &about);
}

/* ---- the client's word ---------------------------------------------------------------------------------- */

/* mcpcage-ask-N: whether ID is one of ours, and N. */
static bool our_id(const struct rpc_id *id, uint32_t *number)
{
	static const char start[] = ASK_ID_PREFIX;
	unsigned long long n = 0;
	int end = 0;

	if (id->type != ID_STRING || id->length < sizeof start - 1 || memcmp(id->text, start, sizeof start - 1) != 0)
		return false;
	char text[sizeof id->text + 1];
	memcpy(text, id->text, id->length);
	text[id->length] = '\0';
	*number = 0;
	if (sscanf(text, ASK_ID_PREFIX "ask-%9llu%n", &n, &end) == 1 && (size_t)end == id->length)
		*number = (uint32_t)n;
	return true;
}

enum fate ask_answer(struct passage *p)
{
	struct ask_open *o;
	uint32_t number;

	if (!our_id(&p->m.id, &number))
		return FATE_NEXT;
	o = number ? by_number(p->f, number, ROAD_CLIENT) : NULL;
	if (!o)
		return FATE_DONE; /* too late; the person has been told by the withdrawal */
	if (p->m.kind == MESSAGE_ERROR) {
		/* It declared what it does not do: there may be another road. */
		ask_monitor(p->f, o);
		return FATE_DONE;
	}
	const struct tree *t = passage_tree(p);
	decided(p->f, o, t ? question_answer(t, 0) : ANSWER_NO);
	return FATE_DONE;
}

enum fate ask_guard(struct passage *p)
{
	uint32_t number;

	if (p->m.kind == MESSAGE_REQUEST && our_id(&p->m.id, &number))
		return passage_error(p, DROP_ID_IN_USE, CODE_INVALID_REQUEST, "an id of mcpcage's own",
				     "mcpcage: ids that begin with \"" ASK_ID_PREFIX "\" are mcpcage's own");
	if (p->m.kind == MESSAGE_NOTIFICATION && our_id(&p->m.request_id, &number))
		return passage_drop(p, DROP_ID_IN_USE, "about an id of mcpcage's own");
	return FATE_NEXT;
}
