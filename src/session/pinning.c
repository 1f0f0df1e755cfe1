/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session/pinning.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "base/sort.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- items in memory --------------------------------------------------------------------------- */

static void forget(struct findings *f, struct pin *pin)
{
	f->bytes -= pin->name.n + pin->content.n;
	free((char *)pin->name.p);
	pins_remove(&f->set, pin);
}

static void findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->set.n; i++)
		free((char *)f->set.v[i].name.p);
	pins_free(&f->set);
	f->bytes = 0;
}

/* In the place of one of the same kind and name. */
static int remember(struct findings *f, const struct record_item *r, enum pin_state state, struct span content,
		    struct error *err)
{
	struct pin pin = { .kind = (enum item_kind)r->kind, .state = state };
	struct pin *old = pins_find(&f->set, pin.kind, span_of(r->name));
	size_t n = strlen(r->name);

	if (old)
		forget(f, old);
	if (f->bytes + n + content.n > MANIFEST_BYTES)
		return error_set(err, 0, "the filter reports more than the server may show");
	char *copy = malloc(n + content.n + 1);
	if (!copy)
		return error_oom(err);
	memcpy(copy, r->name, n);
	if (content.n > 0)
		memcpy(copy + n, content.p, content.n);
	pin.name = (struct span){ copy, n };
	pin.content = (struct span){ copy + n, content.n };
	memcpy(pin.hash, r->hash, sizeof pin.hash);
	if (!pins_add(&f->set, &pin)) {
		free(copy);
		return error_set(err, 0, "the filter reports more items than the server may show");
	}
	f->bytes += n + content.n;
	return 0;
}

/* ---- records ----------------------------------------------------------------------------------- */

/* 1: the content is whole and in p->content. */
static int gather(struct pinning *p, const struct record_item *r, struct error *err)
{
	const struct record_item *of = &p->item;
	uint8_t hash[ITEM_HASH];

	if (r->offset == 0) {
		if (p->item.total > 0)
			return error_set(err, 0, "the filter began an item before it had ended another");
		buf_clear(&p->content);
		p->item = *r;
	} else if (r->offset != p->content.n || r->total != of->total || r->finding != of->finding || r->kind != of->kind ||
		   memcmp(r->hash, of->hash, sizeof r->hash) != 0 || strcmp(r->name, of->name) != 0) {
		return error_set(err, 0, "the filter sent a piece of an item that does not fit the one before");
	}
	if (buf_append(&p->content, r->chunk, r->n) < 0)
		return error_oom(err);
	if (p->content.n < r->total)
		return 0;
	p->item.total = 0;
	if (r->total == 0)
		return 1;
	manifest_hash(buf_span(&p->content), hash);
	if (memcmp(hash, r->hash, sizeof hash) != 0)
		return error_set(err, 0, "the filter sent an item that its hash does not fit");
	return 1;
}

int pinning_item(struct pinning *p, const struct record_item *r, struct error *err)
{
	enum finding finding = (enum finding)r->finding;
	bool content = finding == FINDING_FIRST || finding == FINDING_NEW || finding == FINDING_CHANGED;
	struct pin *held;

	if (content != (r->total > 0) || (p->item.total > 0 && !content))
		return error_set(err, 0, "the filter sent an item that cannot be");
	int whole = gather(p, r, err);
	if (whole <= 0)
		return whole;
	switch (finding) {
	case FINDING_FIRST:
		whole = remember(&p->first, r, PIN_SEEN, buf_span(&p->content), err);
		break;
	case FINDING_NEW:
		whole = remember(&p->held, r, PIN_NEW, buf_span(&p->content), err);
		break;
	case FINDING_CHANGED:
		whole = remember(&p->held, r, PIN_CHANGED, buf_span(&p->content), err);
		break;
	case FINDING_GONE:
		held = pins_find(&p->held.set, (enum item_kind)r->kind, span_of(r->name));
		if (held && held->state == PIN_NEW)
			forget(&p->held, held);
		else
			whole = remember(&p->held, r, PIN_GONE, (struct span){ 0 }, err);
		break;
	case FINDING_AGAIN:
		held = pins_find(&p->held.set, (enum item_kind)r->kind, span_of(r->name));
		if (held)
			forget(&p->held, held);
		break;
	case FINDING_DUPLICATE:
	case FINDING_UNFIT:
	case FINDINGS_:
		break;
	}
	return whole < 0 ? -1 : 1;
}

/* ---- to disk ----------------------------------------------------------------------------------- */

static bool single(enum item_kind kind)
{
	return kind == ITEM_IDENTITY || kind == ITEM_INSTRUCTIONS;
}

/* Whether a record about KIND is about items of kind IS as well: a greeting has both kinds of which there is one. */
static bool covers(enum item_kind kind, enum item_kind is)
{
	return kind == is || (single(kind) && single(is));
}

/*
 * What was seen first goes into SET, unless another session was faster: then what it pinned counts, and what differs from it is
 * held the next time, as it is for any later session.
 */
static int add_first(struct pinning *p, struct pins *set, enum item_kind kind, size_t *added, struct error *err)
{
	for (size_t i = 0; i < p->first.set.n; i++) {
		const struct pin *pin = &p->first.set.v[i];
		bool open = !set->closed[kind] || p->mine[kind] || single(kind);
		if (!covers(kind, pin->kind) || !open || pins_find(set, pin->kind, pin->name))
			continue;
		if (!pins_add(set, pin))
			return error_set(err, 0, "there are too many pins");
		(*added)++;
	}
	return 0;
}

static int write_first(struct pinning *p, const struct record_list *r, size_t *added, struct error *err)
{
	CLEANUP(pins_free) struct pins set = { 0 };
	const char *folder = p->plan->pins_folder;
	enum item_kind kind = (enum item_kind)r->kind;

	if (pins_read(folder, "current", &set, err) < 0 || add_first(p, &set, kind, added, err) < 0)
		return -1;
	bool closes = r->whole && !set.closed[kind];
	if (*added == 0 && !closes)
		return 0;
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		if (covers(kind, (enum item_kind)k))
			set.closed[k] |= r->whole;
	p->mine[kind] |= closes;
	if (set.generation == 0) {
		set.generation = 1;
		set.time = (int64_t)time(NULL);
		set.decided = DECIDED_FIRST_USE;
		snprintf(set.command, sizeof set.command, "%s", p->plan->exe);
	}
	return pins_extend(folder, &set, err);
}

static bool same_pins(const struct pins *a, const struct pins *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct pin *x = &a->v[i], *y = pins_find(b, x->kind, x->name);
		if (!y || x->state != y->state || memcmp(x->hash, y->hash, sizeof x->hash) != 0)
			return false;
	}
	return true;
}

/* What is held of the kinds that this session has seen is what it has seen; the rest stays as it was told. */
static int write_held(struct pinning *p, struct error *err)
{
	CLEANUP(pins_free) struct pins before = { 0 };
	CLEANUP(pins_free) struct pins now = { 0 };
	const char *folder = p->plan->pins_folder;

	/* A damaged one is no loss: it is made anew. */
	if (pins_read(folder, "held", &before, NULL) < 0)
		pins_free(&before);
	for (size_t i = 0; i < before.n; i++) {
		const struct pin *pin = &before.v[i];
		if (!p->whole[pin->kind] && !pins_find(&p->held.set, pin->kind, pin->name) && !pins_add(&now, pin))
			return error_oom(err);
	}
	for (size_t i = 0; i < p->held.set.n; i++)
		if (!pins_add(&now, &p->held.set.v[i]))
			return error_set(err, 0, "too much is held");
	if (same_pins(&before, &now))
		return 0;
	now.time = (int64_t)time(NULL);
	snprintf(now.command, sizeof now.command, "%s", p->plan->exe);
	return pins_write_held(folder, &now, err);
}

static void written(struct pinning *p, enum item_kind kind)
{
	for (size_t i = p->first.set.n; i-- > 0;)
		if (covers(kind, p->first.set.v[i].kind))
			forget(&p->first, &p->first.set.v[i]);
}

int pinning_list(struct pinning *p, const struct record_list *r, size_t *added, struct error *err)
{
	*added = 0;
	if (p->plan->mediation.pins == PINS_OFF)
		return error_set(err, 0, "the filter reported a list that nobody asked it for");
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		if (covers((enum item_kind)r->kind, (enum item_kind)k))
			p->whole[k] |= r->whole;
	if (p->collecting)
		return 0;
	CLEANUP_CLOSE int lock = pins_lock(p->plan->pins_folder, err);
	if (lock < 0)
		return -1;
	/* In review mode only people pin. */
	if (p->plan->mediation.pins == PINS_FIRST_USE && write_first(p, r, added, err) < 0)
		return -1;
	written(p, (enum item_kind)r->kind);
	return write_held(p, err);
}

/* ---- before the session ------------------------------------------------------------------------ */

int pinning_open(struct pinning *p, const struct plan *plan, bool collecting, struct error *err)
{
	*p = (struct pinning){ .plan = plan, .collecting = collecting, .content = { .max = ITEM_CONTENT_MAX } };
	if (plan->mediation.pins == PINS_OFF || collecting)
		return 0;
	int there = pins_load_text(plan->pins_folder, &p->text, err);
	if (there != 0)
		return there < 0 ? -1 : 0;
	/* Nothing yet: better to know now that nothing can be written than after the first list. */
	CLEANUP_CLOSE int lock = pins_lock(plan->pins_folder, err);
	if (lock < 0)
		return error_hint(err, "what a server shows is pinned there; name another folder with --state, or use --pins off");
	return 0;
}

static int by_name(const void *a, const void *b, void *context)
{
	(void)context;
	const struct pin *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int order = memcmp(x->name.p, y->name.p, x->name.n < y->name.n ? x->name.n : y->name.n);
	return order ? order : x->name.n < y->name.n ? -1 : x->name.n > y->name.n;
}

int pinning_collected(const struct pinning *p, struct pins *out, struct error *err)
{
	CLEANUP(pins_free) struct pins copy = { 0 };
	CLEANUP_BUF struct buf text = BUF_INIT(PINS_FILE_MAX);

	for (size_t i = 0; i < p->first.set.n; i++)
		if (!pins_add(&copy, &p->first.set.v[i]))
			return error_oom(err);
	if (copy.n > 1)
		sort_in_place(copy.v, copy.n, sizeof *copy.v, by_name, NULL);
	snprintf(copy.command, sizeof copy.command, "%s", p->plan->exe);
	/* By way of the format, so that the copy owns its bytes in one piece. */
	if (pins_write(&copy, &text) < 0)
		return error_set(err, 0, "the server shows more than can be reviewed");
	return pins_parse(&text, out, err);
}

void pinning_close(struct pinning *p)
{
	buf_free(&p->text);
	buf_free(&p->content);
	findings_free(&p->first);
	findings_free(&p->held);
}
