/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's own judge of texts: a program outside the cage that gets the texts of each message as a line of
 * JSON and answers with one. The monitor started it; its standard streams are the filter's, so that the monitor
 * reads nothing of it. While it thinks, the message's direction stands still and the other moves.
 *
 *	{"id":1,"where":"result","subject":"read_file","method":"tools/call","texts":["...","..."]}
 *	{"id":1,"verdict":"pass"}
 *	{"id":1,"verdict":"block","reason":"..."}
 *	{"id":1,"verdict":"replace","texts":["...","..."]}
 *
 * It fails closed: without a good answer in time the message is refused, and from its end on all are. What it
 * answers is not trusted with anything but the texts. mcpcage-rules(5).
 */
#include "session/texts.h"

#include "base/json-out.h"
#include "rpc/clean.h"
#include "rpc/walk.h"
#include "session/mediate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_SLACK ((size_t)64 << 10)
#define REASON_MAX 300

enum said { SAID_NOTHING, SAID_PASS, SAID_BLOCK, SAID_REPLACE };

struct asked {
	uint64_t id; /* 0: none */
	uint64_t due;
	bool answered;
	enum said verdict;
	const char *failed; /* it was no answer: what it was */
	char reason[REASON_MAX + 4]; /* of a person's program, for a person or a model */
	struct buf answer; /* SAID_REPLACE: the line */
};

struct hook {
	struct outlet to;
	int from; /* -1: it is gone */
	uint64_t timeout, last_id;
	struct asked asked[2]; /* by enum direction */
	struct buf line; /* what it has said and is no whole line yet */
};

struct hook *hook_new(int in, int out, uint64_t timeout, size_t size)
{
	struct hook *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->to = (struct outlet){ .fd = in, .how = OUTLET_NONBLOCK, .queue = { .max = 4 * size + ANSWER_SLACK } };
	h->from = out;
	h->timeout = timeout;
	h->line.max = 4 * size + ANSWER_SLACK;
	h->asked[0].answer.max = h->asked[1].answer.max = h->line.max;
	return h;
}

void hook_fds(const struct hook *h, int *in, bool *write, int *out)
{
	*in = h ? h->to.fd : -1;
	*write = h && h->to.fd >= 0 && !outlet_idle(&h->to);
	*out = h ? h->from : -1;
}

uint64_t hook_due(const struct hook *h)
{
	uint64_t due = 0;

	for (int d = 0; h && d < 2; d++) {
		const struct asked *q = &h->asked[d];
		if (q->id && !q->answered && (due == 0 || q->due < due))
			due = q->due;
	}
	return due;
}

bool hook_has(const struct filter *f, const struct passage *p)
{
	return f->hook && f->hook->asked[p->d].id != 0;
}

/* ---- its answers ----------------------------------------------------------------------------------------- */

static void answered(struct filter *f, int d, enum said verdict, const char *failed)
{
	struct asked *q = &f->hook->asked[d];

	q->answered = true;
	q->verdict = verdict;
	q->failed = failed;
	passage_resume(&f->passage[d]);
}

/* Nothing will come any more. */
static void lost(struct filter *f, const char *why)
{
	struct hook *h = f->hook;

	outlet_close(&h->to);
	if (h->from >= 0)
		close(h->from);
	h->from = -1;
	for (int d = 0; d < 2; d++)
		if (h->asked[d].id && !h->asked[d].answered)
			answered(f, d, SAID_NOTHING, why);
}

static enum said verdict_of(const struct tree *t)
{
	uint32_t word = tree_member(t, 0, "verdict");

	if (tree_string_is(t, word, "pass"))
		return SAID_PASS;
	if (tree_string_is(t, word, "block"))
		return SAID_BLOCK;
	return tree_string_is(t, word, "replace") ? SAID_REPLACE : SAID_NOTHING;
}

/* A reason, cleaned and cut, as its answer has it. */
static void take_reason(struct asked *q, const struct tree *t)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0), clean = BUF_INIT(0);
	uint32_t node = tree_member(t, 0, "reason");
	struct clean_count count = { 0 };

	q->reason[0] = '\0';
	if (!tree_is(t, node, TREE_STRING))
		return;
	clean_text(&clean, tree_string_span(t, node, &text), &count);
	size_t n = clean.n < REASON_MAX ? clean.n : REASON_MAX;
	while (n < clean.n && n > 0 && ((uint8_t)clean.p[n] & 0xc0) == 0x80)
		n--;
	copy_text(q->reason, sizeof q->reason, clean.n ? clean.p : "", n);
}

/* false: no answer to anything that was asked. */
static bool take_line(struct filter *f, struct span line)
{
	struct hook *h = f->hook;
	CLEANUP(tree_free) struct tree t = { 0 };
	uint64_t id;

	if (tree_parse(&t, line, 0) != TREE_OK || !tree_whole(&t, tree_member(&t, 0, "id"), UINT64_MAX / 2, &id))
		return false;
	for (int d = 0; d < 2; d++) {
		struct asked *q = &h->asked[d];
		if (q->id != id || id == 0)
			continue;
		if (q->answered)
			return false;
		enum said verdict = verdict_of(&t);
		if (verdict == SAID_NOTHING)
			return false;
		take_reason(q, &t);
		buf_clear(&q->answer);
		if (verdict == SAID_REPLACE && buf_append(&q->answer, line.p, line.n) < 0)
			return false;
		answered(f, d, verdict, NULL);
		return true;
	}
	return false;
}

static void hear(struct filter *f)
{
	struct hook *h = f->hook;

	for (int turn = 0; turn < 16 && h->from >= 0; turn++) {
		if (buf_reserve(&h->line, 65536) < 0) {
			lost(f, "its answer is too long");
			return;
		}
		ssize_t n = read(h->from, h->line.p + h->line.n, 65536);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			lost(f, "it has ended");
			return;
		}
		size_t from = h->line.n;
		h->line.n += (size_t)n;
		for (;;) {
			const char *end = memchr(h->line.p + from, '\n', h->line.n - from);
			if (!end)
				break;
			struct span line = { h->line.p, (size_t)(end - h->line.p) };
			if (!take_line(f, line)) {
				lost(f, "its answer is not understood");
				return;
			}
			buf_consume(&h->line, line.n + 1);
			from = 0;
		}
	}
}

void hook_turn(struct filter *f)
{
	struct hook *h = f->hook;

	if (!h || h->from < 0)
		return;
	hear(f);
	if (h->from >= 0 && !outlet_idle(&h->to) && outlet_flush(&h->to) == OUTLET_CLOSED)
		lost(f, "it has ended");
	for (int d = 0; d < 2; d++) {
		struct asked *q = &h->asked[d];
		/* A program that is late once would answer the next question with this one's answer, or never. */
		if (h->from >= 0 && q->id && !q->answered && q->due <= f->now)
			lost(f, "it did not answer in time");
	}
}

/* ---- asking ---------------------------------------------------------------------------------------------- */

static bool is_shown(const struct walk *w, uint32_t i)
{
	return w->t->v[i].type == TREE_STRING && !w->key && !clean_leaves(w, i) && texts_is_text(w, i);
}

static bool put_question(struct passage *p, const struct tree *t, uint64_t id, unsigned where)
{
	static const char *const places[] = { "description", "result", "argument" };
	struct buf *out = &p->f->hook->to.queue;
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	struct walk w = walk_begin(t);
	const char *method = p->request.method[0] ? p->request.method : p->m.method;
	const char *subject = p->request.tool[0] ? p->request.tool : p->m.method;
	bool first = true;

	buf_putc(out, '{');
	json_member_u64(out, "id", id);
	json_member_str(out, "where", places[rule_place(where)]);
	json_member_str(out, "method", method);
	json_member_str(out, "subject", subject);
	json_key(out, "texts");
	buf_putc(out, '[');
	for (uint32_t i; (i = walk_next(&w)) != TREE_NONE;) {
		if (!is_shown(&w, i))
			continue;
		if (!first)
			buf_putc(out, ',');
		first = false;
		json_string(out, tree_string_span(t, i, &text));
	}
	buf_puts(out, "]}\n");
	return !out->full && !text.full;
}

/* The texts of its answer in the places of P's. */
static bool replace_texts(struct passage *p, struct asked *q)
{
	const struct tree *t = passage_tree(p);
	CLEANUP(tree_free) struct tree answer = { 0 };
	CLEANUP_BUF struct buf mine = BUF_INIT(0), theirs = BUF_INIT(0), clean = BUF_INIT(0), json = BUF_INIT(0);

	if (!t || tree_parse(&answer, buf_span(&q->answer), 0) != TREE_OK)
		return false;
	uint32_t list = tree_member(&answer, 0, "texts");
	if (!tree_is(&answer, list, TREE_ARRAY))
		return false;
	uint32_t next = tree_first(&answer, list), end = answer.v[list].next;
	struct walk w = walk_begin(t);
	for (uint32_t i; (i = walk_next(&w)) != TREE_NONE;) {
		struct clean_count count = { 0 };
		if (!is_shown(&w, i))
			continue;
		if (next >= end || !tree_is(&answer, next, TREE_STRING))
			return false;
		struct span text = tree_string_span(&answer, next, &theirs);
		if (!span_eq(tree_string_span(t, i, &mine), text)) {
			buf_clear(&clean);
			clean_text(&clean, text, &count);
			buf_clear(&json);
			json_string(&json, buf_span(&clean));
			edit_value(&p->edits, p->offset, t, i, buf_span(&json));
		}
		next = answer.v[next].next;
	}
	return next == end && !p->edits.failed && !mine.full && !theirs.full && !clean.full && !json.full;
}

static enum fate refuse(struct passage *p, unsigned where, const char *failed, const char *reason)
{
	struct record_text r = {
		.where = (uint8_t)rule_place(where),
		.what = TEXT_COMMAND,
		.action = RULE_BLOCK,
		.limit = failed != NULL,
	};

	copy_text(r.rule, sizeof r.rule, failed ? failed : "block", SIZE_MAX);
	copy_text(r.subject, sizeof r.subject, p->request.tool[0] ? p->request.tool : p->m.method, SIZE_MAX);
	report_record(p->f, RECORD_TEXT, &r);
	bool go = where == RULE_ARGUMENT;
	return passage_refuse(p, DROP_TEXT, go ? CODE_DENIED : CODE_REPLY_REFUSED, "text.command",
			      "mcpcage refused %s: the user's text command %s%s%s%s.", go ? "this" : "what the server said",
			      failed ? "gave no verdict: " : "stopped its text", failed ? failed : reason && reason[0] ? ": " : "",
			      failed || !reason ? "" : reason, go ? "; do not try it again with the same text" : "");
}

static enum fate ask(struct passage *p, unsigned where)
{
	struct hook *h = p->f->hook;
	const struct tree *t = passage_tree(p);

	if (h->from < 0)
		return refuse(p, where, "it has ended", NULL);
	if (!t)
		return passage_unreadable(p);
	uint64_t id = ++h->last_id;
	if (!put_question(p, t, id, where)) {
		lost(p->f, "its question is too long");
		return refuse(p, where, "its question is too long", NULL);
	}
	h->asked[p->d] = (struct asked){
		.id = id,
		.due = p->f->now + h->timeout,
		.answer = h->asked[p->d].answer,
	};
	return FATE_STALL;
}

enum fate hook_ask(struct passage *p, unsigned where)
{
	struct hook *h = p->f->hook;
	struct asked *q = &h->asked[p->d];

	if (!q->id)
		return ask(p, where);
	if (!q->answered)
		return FATE_STALL;
	q->id = 0;
	if (q->verdict == SAID_PASS)
		return FATE_NEXT;
	if (q->verdict == SAID_REPLACE) {
		if (replace_texts(p, q))
			return FATE_NEXT;
		lost(p->f, "its answer does not fit");
		return refuse(p, where, "its answer does not fit the question", NULL);
	}
	return refuse(p, where, q->failed, q->reason);
}
