/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One walk over the strings of a message. A string that is plain and has none of the rules' literals costs one
 * pass over its bytes; only what is dirty or hit is written anew.
 *
 * The monitor learns which rule hit how often and where, never a byte of the text: that would put the server's
 * words, or a secret, into the log. (The MCP specification, "Tools", "Prompts", "Resources"; design: what a
 * model or a person will read.)
 */
#include "session/texts.h"

#include "base/cleanup.h"
#include "base/json-out.h"
#include "rpc/base64.h"
#include "rpc/clean.h"
#include "rpc/literals.h"
#include "rpc/manifest.h"
#include "rpc/walk.h"
#include "session/mediate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Buffers above this are given back. */
#define KEEP ((size_t)64 << 10)

struct texts {
	struct rules *rules;
	uint32_t *counts; /* hits in this message, by rule */
	bool *limits;
	struct rule_hits hits;
	struct buf decoded, cleaned, out, json;
	struct strlist hidden; /* tools and prompts that were taken out of lists: a letter for the list, the name */
};

/* One message being looked at. */
struct look {
	struct passage *p;
	struct texts *x;
	struct tree *t;
	unsigned where;
	bool clean;
	struct clean_count cleaned;
	uint32_t items;        /* the list whose items can be hidden, or TREE_NONE */
	uint32_t item, end;    /* the item that is being looked at */
	unsigned depth;        /* of its members */
	bool hidden;           /* it is to be hidden */
	char list;             /* what its name is remembered under; 0: it is not */
	bool any_hidden, any_hit;
	bool greeting;         /* refusing it would end the session: texts are cut out whole */
	uint32_t blocked;      /* the rule that refuses the message, or UINT32_MAX */
	bool no_memory;
};

/* ---- before confinement -------------------------------------------------------------------------------- */

int texts_prepare(struct filter *f, const struct rule_list *rules, int hook_in, int hook_out, struct error *err)
{
	const struct mediation *m = &f->plan->mediation;
	struct texts *x = calloc(1, sizeof *x);

	f->texts = x;
	if (!x)
		return error_oom(err);
	if (hook_in >= 0) {
		f->hook = hook_new(hook_in, hook_out, m->text_timeout, 2 * f->plan->message_size);
		if (!f->hook)
			return error_oom(err);
	}
	x->decoded.max = x->cleaned.max = x->out.max = x->json.max = 4 * f->plan->message_size + KEEP;
	x->rules = rules_compile(rules, m->actions, m->actions_n, err);
	if (!x->rules)
		return -1;
	x->counts = calloc(rules_count(x->rules) + 1, sizeof *x->counts);
	x->limits = calloc(rules_count(x->rules) + 1, sizeof *x->limits);
	return x->counts && x->limits ? 0 : error_oom(err);
}

/*
 * PCRE2's compiler takes memory that can be written and executed. What is compiled stays as it is, so that the
 * filter has no such memory while it reads what is hostile.
 */
int texts_seal(struct error *err)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int rc = 0;

	if (!maps)
		return error_set(err, errno, "cannot read the filter's own mappings");
	while (rc == 0 && fgets(line, sizeof line, maps)) {
		unsigned long from, to;
		char rights[5];
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || rights[1] != 'w' || rights[2] != 'x')
			continue;
		if (mprotect((void *)from, to - from, PROT_READ | PROT_EXEC) < 0)
			rc = error_set(err, errno, "cannot make compiled rules unchangeable");
	}
	fclose(maps);
	return rc;
}

void texts_trim(struct filter *f)
{
	struct texts *x = f->texts;
	struct buf *all[] = { &x->decoded, &x->cleaned, &x->out, &x->json };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->cap > KEEP)
			buf_free(all[i]);
	if (x->hits.cap * sizeof *x->hits.v > KEEP)
		rule_hits_free(&x->hits);
}

/* ---- what is text ---------------------------------------------------------------------------------------- */

bool texts_is_text(const struct walk *w, uint32_t i)
{
	const struct tree *t = w->t;

	if (!w->member || t->v[i].escaped || t->v[i].wide)
		return true;
	if (!tree_string_is(t, i - 1, "data") && !tree_string_is(t, i - 1, "blob"))
		return true;
	/* Images, sound and files, as the protocol carries them; anything else under these names is text. */
	struct span raw = tree_raw(t, i);
	return raw.n < 64 || !base64_is((struct span){ raw.p + 1, raw.n - 2 });
}

/* ---- rewriting ------------------------------------------------------------------------------------------- */

enum fate texts_rewrite(struct passage *p)
{
	const struct frame_limits limits = { .message = 4 * p->f->plan->message_size + KEEP };
	struct buf *to = &p->rewritten[p->rewritten_at ^= 1];
	struct frame_refusal refusal = { 0 };
	struct message m;

	buf_clear(to);
	if (edit_apply(&p->edits, p->m.line, to) < 0 || to->n < 2)
		return passage_unreadable(p);
	edit_clear(&p->edits);
	struct span line = { to->p, to->n - 1 }; /* without its newline */
	if (frame_scan_line(&limits, line, &m, &refusal) != FRAME_MESSAGE || m.kind != p->m.kind)
		return passage_refuse(p, refusal.why ? refusal.why : DROP_UNREADABLE, CODE_REPLY_REFUSED, NULL,
				      "mcpcage refused this message: without what cannot be seen in it, it is not "
				      "acceptable: %s", refusal_text(refusal.why));
	m.line.n = to->n;
	passage_message(p, &m);
	return FATE_NEXT;
}

/* ---- one string ------------------------------------------------------------------------------------------ */

/* Ways in which the string I of an item cannot be changed: the item would become another. */
static bool is_item_name(const struct look *l, const struct walk *w, uint32_t i)
{
	if (!w->member || l->item == TREE_NONE || w->depth != l->depth)
		return false;
	return tree_string_is(l->t, i - 1, "name") || tree_string_is(l->t, i - 1, "uri") ||
	       tree_string_is(l->t, i - 1, "uriTemplate");
}

static void block(struct look *l, uint32_t rule)
{
	if (l->item != TREE_NONE)
		l->hidden = true;
	else if (l->blocked == UINT32_MAX)
		l->blocked = rule;
}

enum cut { CUT_NOTHING, CUT_HITS, CUT_ALL };

/* Count the hits, and say what is cut out. FIXED: nothing can be cut here. */
static enum cut judge(struct look *l, bool fixed)
{
	struct texts *x = l->x;
	enum cut cut = CUT_NOTHING;

	for (size_t i = 0; i < x->hits.n; i++) {
		const struct rule_hit *h = &x->hits.v[i];
		enum rule_action action = rules_action(x->rules, h->rule, l->where);
		l->any_hit = true;
		if (x->counts[h->rule] < UINT32_MAX)
			x->counts[h->rule]++;
		x->limits[h->rule] |= h->limit;
		if (action == RULE_BLOCK && l->greeting && !fixed)
			cut = CUT_ALL;
		else if (action == RULE_BLOCK || (action == RULE_REDACT && fixed))
			block(l, h->rule);
		else if (action == RULE_REDACT && cut == CUT_NOTHING)
			cut = CUT_HITS;
	}
	return cut;
}

/* A mark in the place of the whole text, by the first rule that blocks. */
static struct span cut_all(struct look *l)
{
	struct texts *x = l->x;
	uint32_t rule = 0;

	for (size_t i = x->hits.n; i-- > 0;)
		if (rules_action(x->rules, x->hits.v[i].rule, l->where) == RULE_BLOCK)
			rule = x->hits.v[i].rule;
	buf_clear(&x->out);
	buf_printf(&x->out, "[removed by mcpcage: %s]", rules_name(x->rules, rule));
	return buf_span(&x->out);
}

/* TEXT with a mark in the place of each hit that cuts. */
static struct span cut_hits(struct look *l, struct span text)
{
	struct texts *x = l->x;
	size_t at = 0;

	buf_clear(&x->out);
	for (size_t i = 0; i < x->hits.n; i++) {
		const struct rule_hit *h = &x->hits.v[i];
		if (rules_action(x->rules, h->rule, l->where) != RULE_REDACT)
			continue;
		if (h->start >= at) {
			buf_append(&x->out, text.p + at, h->start - at);
			buf_printf(&x->out, "[removed by mcpcage: %s]", rules_name(x->rules, h->rule));
		}
		if (h->end > at)
			at = h->end;
	}
	buf_append(&x->out, text.p + at, text.n - at);
	return buf_span(&x->out);
}

static void look_at(struct look *l, const struct walk *w, uint32_t i)
{
	struct texts *x = l->x;
	struct span raw = tree_raw(l->t, i);
	bool suspect = l->clean && clean_suspect(raw), changed = false;
	struct clean_count count = { 0 };

	if (raw.n < LITERAL_MIN + 2 && !suspect)
		return;
	struct span text = tree_string_span(l->t, i, &x->decoded);
	if (suspect && !clean_leaves(w, i)) {
		buf_clear(&x->cleaned);
		clean_text(&x->cleaned, text, &count);
		changed = clean_total(&count) > 0;
		if (changed)
			text = buf_span(&x->cleaned);
		clean_add(&l->cleaned, &count);
	}
	bool name = is_item_name(l, w, i);
	rule_hits_clear(&x->hits);
	if (rules_search(x->rules, l->where, text, &x->hits) < 0)
		l->no_memory = true;
	enum cut cut = x->hits.n > 0 ? judge(l, w->key || name) : CUT_NOTHING;
	if (cut != CUT_NOTHING) {
		text = cut == CUT_ALL ? cut_all(l) : cut_hits(l, text);
		changed = true;
	}
	if (changed && name)
		l->hidden = true;
	if (changed) {
		buf_clear(&x->json);
		json_string(&x->json, text);
		edit_value(&l->p->edits, l->p->offset, l->t, i, buf_span(&x->json));
	}
	l->no_memory |= x->decoded.full || x->cleaned.full || x->out.full || x->json.full;
}

/* ---- a message ------------------------------------------------------------------------------------------- */

/* What is not shown cannot be used either, until it is shown again. */
static void remember_hidden(struct look *l)
{
	struct texts *x = l->x;
	uint32_t node = tree_member(l->t, l->item, "name");

	if (!l->list || !tree_is(l->t, node, TREE_STRING))
		return;
	buf_clear(&x->out);
	buf_putc(&x->out, l->list);
	tree_string(l->t, node, &x->out);
	const char *name = buf_str(&x->out);
	if (!name || memchr(name, '\0', x->out.n)) {
		l->no_memory |= !name;
		return;
	}
	for (size_t i = 0; i < x->hidden.n; i++) {
		if (strcmp(x->hidden.v[i], name) != 0)
			continue;
		if (!l->hidden) {
			free(x->hidden.v[i]);
			x->hidden.v[i] = x->hidden.v[--x->hidden.n];
			x->hidden.v[x->hidden.n] = NULL;
		}
		return;
	}
	if (l->hidden && (x->hidden.n >= MANIFEST_ITEMS || strlist_add(&x->hidden, name) < 0))
		l->no_memory = true;
}

static void item_ends(struct look *l)
{
	if (l->item != TREE_NONE && (l->hidden || l->x->hidden.n > 0))
		remember_hidden(l);
	if (l->item != TREE_NONE && l->hidden) {
		edit_drop(l->t, l->item);
		l->any_hidden = true;
	}
	l->item = TREE_NONE;
	l->hidden = false;
}

static void walk_all(struct look *l)
{
	struct walk w = walk_begin(l->t);

	for (uint32_t i; (i = walk_next(&w)) != TREE_NONE && !l->no_memory;) {
		if (l->item != TREE_NONE && i >= l->end)
			item_ends(l);
		if (l->t->v[i].dropped) {
			walk_skip(&w, i);
			continue;
		}
		if (l->items != TREE_NONE && l->item == TREE_NONE && i > l->items && i < l->t->v[l->items].next) {
			l->item = i;
			l->end = l->t->v[i].next;
			l->depth = w.depth;
		}
		if (l->t->v[i].type == TREE_STRING && (w.key || texts_is_text(&w, i)))
			look_at(l, &w, i);
	}
	item_ends(l);
}

static const char *subject(const struct passage *p)
{
	return p->request.tool[0] ? p->request.tool : p->m.method;
}

static void report(struct look *l)
{
	struct texts *x = l->x;
	uint64_t removed = clean_total(&l->cleaned);

	if (removed > 0) {
		struct record_text r = {
			.where = (uint8_t)rule_place(l->where),
			.what = TEXT_CLEANED,
			.control = l->cleaned.control,
			.invisible = l->cleaned.invisible,
			.direction = l->cleaned.direction,
			.hidden_data = l->cleaned.hidden_data,
			.breaks = l->cleaned.breaks,
		};
		copy_text(r.subject, sizeof r.subject, subject(l->p), SIZE_MAX);
		report_record(l->p->f, RECORD_TEXT, &r);
		l->p->f->totals.cleaned += removed;
	}
	for (uint32_t i = 0; l->any_hit && i < rules_count(x->rules); i++) {
		if (x->counts[i] == 0)
			continue;
		struct record_text r = {
			.where = (uint8_t)rule_place(l->where),
			.what = TEXT_HIT,
			.action = (uint8_t)rules_action(x->rules, i, l->where),
			.limit = x->limits[i],
			.count = x->counts[i],
		};
		copy_text(r.rule, sizeof r.rule, rules_name(x->rules, i), SIZE_MAX);
		copy_text(r.subject, sizeof r.subject, subject(l->p), SIZE_MAX);
		report_record(l->p->f, RECORD_TEXT, &r);
		x->counts[i] = 0;
		x->limits[i] = false;
	}
}

static enum fate blocked(struct look *l)
{
	const char *rule = rules_name(l->x->rules, l->blocked);

	if (l->where == RULE_ARGUMENT)
		return passage_refuse(l->p, DROP_TEXT, CODE_DENIED, rule,
				      "mcpcage refused this: what it would send to the server was stopped by the user's "
				      "rule \"%s\". Do not try it again with the same text; ask the user.", rule);
	return passage_refuse(l->p, DROP_TEXT, CODE_REPLY_REFUSED, rule,
			      "mcpcage refused what the server said: its text was stopped by the user's rule \"%s\".", rule);
}

static bool is_greeting(const struct passage *p)
{
	return strcmp(p->request.method, "initialize") == 0 || strcmp(p->request.method, "server/discover") == 0;
}

/* For the names of hidden things: of which list METHOD is. */
static char list_of(const char *method)
{
	if (strcmp(method, "tools/list") == 0 || strcmp(method, "tools/call") == 0)
		return 't';
	return strcmp(method, "prompts/list") == 0 || strcmp(method, "prompts/get") == 0 ? 'p' : 0;
}

/* Cleaning, rules, and the hook. */
static enum fate look_into(struct passage *p, unsigned where, bool clean, uint32_t items)
{
	struct texts *x = p->f->texts;
	struct look l = {
		.p = p,
		.x = x,
		.where = where,
		.clean = clean,
		.items = items,
		.item = TREE_NONE,
		.blocked = UINT32_MAX,
		.list = list_of(p->request.method),
		.greeting = where == RULE_DESCRIPTION && is_greeting(p),
	};

	if (hook_has(p->f, p))
		goto hook;
	if (rules_look(x->rules, where) || (clean && clean_suspect(p->body))) {
		l.t = passage_tree(p);
		if (!l.t)
			return passage_unreadable(p);
		walk_all(&l);
		report(&l);
		if (l.any_hidden)
			edit_sweep(&p->edits, p->offset, l.t, items);
		if (l.no_memory || p->edits.failed)
			return passage_unreadable(p);
		if (l.blocked != UINT32_MAX)
			return blocked(&l);
	}
	if (!p->f->hook && !edit_any(&p->edits))
		return FATE_NEXT;
	if (edit_any(&p->edits)) {
		enum fate fate = texts_rewrite(p);
		if (fate != FATE_NEXT)
			return fate;
	}
hook:
	if (!p->f->hook)
		return FATE_NEXT;
	enum fate fate = hook_ask(p, where);
	return fate == FATE_NEXT && edit_any(&p->edits) ? texts_rewrite(p) : fate;
}

/* Answers that say what the server is, to be looked at once the pins have them. */
static bool is_pinned(const struct passage *p)
{
	return p->m.kind == MESSAGE_RESULT && (is_greeting(p) || manifest_list_kind(p->request.method) != ITEM_KINDS);
}

static bool is_resource_list(const struct passage *p)
{
	return p->m.kind == MESSAGE_RESULT && strcmp(p->request.method, "resources/list") == 0;
}

enum fate texts_come(struct passage *p)
{
	bool clean = p->f->plan->mediation.text_clean;

	if (p->body.n == 0)
		return FATE_NEXT;
	if (is_pinned(p)) {
		struct clean_count count = { 0 };
		if (!clean || !clean_suspect(p->body))
			return FATE_NEXT;
		const struct tree *t = passage_tree(p);
		if (!t || !clean_tree(t, p->offset, true, &p->edits, &count))
			return passage_unreadable(p);
		return edit_any(&p->edits) ? texts_rewrite(p) : FATE_NEXT;
	}
	if (is_resource_list(p)) {
		const struct tree *t = passage_tree(p);
		uint32_t items = t ? tree_member(t, 0, "resources") : TREE_NONE;
		return look_into(p, RULE_DESCRIPTION, clean, tree_is(t, items, TREE_ARRAY) ? items : TREE_NONE);
	}
	return look_into(p, RULE_RESULT, clean, TREE_NONE);
}

enum fate texts_shown(struct passage *p)
{
	if (p->body.n == 0 || !is_pinned(p))
		return FATE_NEXT;
	const struct tree *t = passage_tree(p);
	if (!t)
		return passage_unreadable(p);
	enum item_kind kind = manifest_list_kind(p->request.method);
	return look_into(p, RULE_DESCRIPTION, p->f->plan->mediation.text_clean,
			 kind == ITEM_KINDS ? TREE_NONE : manifest_items(t, 0, kind));
}

/* Whether the request is for a tool or prompt that was hidden. */
static bool is_hidden(struct passage *p)
{
	const struct texts *x = p->f->texts;
	char list = list_of(p->m.method);

	if (!list || x->hidden.n == 0 || p->m.kind != MESSAGE_REQUEST)
		return false;
	const struct tree *t = passage_tree(p);
	uint32_t name = t ? tree_member(t, 0, "name") : TREE_NONE;
	for (size_t i = 0; tree_is(t, name, TREE_STRING) && i < x->hidden.n; i++)
		if (x->hidden.v[i][0] == list && tree_string_is(t, name, x->hidden.v[i] + 1))
			return true;
	return false;
}

enum fate texts_go(struct passage *p)
{
	if (is_hidden(p))
		return passage_refuse(p, DROP_TEXT, CODE_DENIED, "hidden by a rule on texts",
				      "mcpcage refused this: what the server says of it was stopped by a rule of the "
				      "user's, so it was not shown and may not be used. Do not try it again.");
	if (p->body.n == 0 || strcmp(p->m.method, "initialize") == 0)
		return FATE_NEXT;
	return look_into(p, RULE_ARGUMENT, false, TREE_NONE);
}
