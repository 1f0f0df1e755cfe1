/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The set of items and what may be shown of it; see manifest.h. Used by the filter on what a server sends, so everything here is
 * bounded: items, bytes held, and work (a hash table under a key that the server cannot know, so that names cannot be made to
 * collide).
 *
 * A list comes in pages. A request without a cursor begins a round; pages whose cursor is the one that the page before
 * gave belong to it; when a page gives none, the list has been seen whole, and what is pinned and not in it is gone.
 */
#include "rpc/manifest.h"

#include "base/cleanup.h"

#include <sodium/crypto_shorthash_siphash24.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

struct manifest {
	enum pins_mode mode;
	manifest_finding_fn *finding;
	void *context;

	struct item **v;
	uint32_t n, cap;
	uint32_t *slots; /* number + 1, or 0: free */
	uint32_t slots_n; /* a power of two */
	uint8_t key[crypto_shorthash_siphash24_KEYBYTES];
	size_t bytes; /* names and contents held */
	bool any_reviewed;
	bool settled; /* manifest_settle() */

	struct list {
		bool closed; /* what is not pinned is new */
		bool chain;  /* every page since the first of this round has been seen */
		bool gone_told;
		uint64_t round, whole; /* the round that is being seen, and the last one that was seen whole */
		uint64_t expect; /* the cursor of its next page */
	} lists[ITEM_KINDS];
	uint64_t answers;
	struct buf canonical, name;
};

static const char *const kind_names[ITEM_KINDS] = {
	[ITEM_IDENTITY] = "identity", [ITEM_INSTRUCTIONS] = "instructions", [ITEM_TOOL] = "tool",
	[ITEM_PROMPT] = "prompt",     [ITEM_TEMPLATE] = "template",
};

const char *item_kind_name(enum item_kind kind)
{
	return (unsigned)kind < ITEM_KINDS ? kind_names[kind] : NULL;
}

enum item_kind item_kind_parse(const char *word)
{
	for (unsigned i = 0; i < ITEM_KINDS; i++)
		if (strcmp(kind_names[i], word) == 0)
			return (enum item_kind)i;
	return ITEM_KINDS;
}

enum item_kind manifest_list_kind(const char *method)
{
	static const struct {
		const char *method;
		enum item_kind kind;
	} lists[] = {
		{ "tools/list", ITEM_TOOL },
		{ "prompts/list", ITEM_PROMPT },
		{ "resources/templates/list", ITEM_TEMPLATE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(lists[i].method, method) == 0)
			return lists[i].kind;
	return ITEM_KINDS;
}

const char *standing_text(enum standing standing)
{
	switch (standing) {
	case STANDING_KNOWN:
		return "it is known";
	case STANDING_NEW:
		return "it is new since the user pinned what this server offers, and nobody has accepted it yet";
	case STANDING_CHANGED:
		return "its definition is not the one that the user pinned, and nobody has accepted the change yet";
	case STANDING_UNREVIEWED:
		return "the user has not reviewed what this server offers yet";
	case STANDING_GONE:
		return "the server does not offer it any more";
	case STANDING_UNLISTED:
		return "the server has not listed anything of this name";
	}
	return "";
}

/* ---- the table -------------------------------------------------------------------------------- */

struct manifest *manifest_new(enum pins_mode mode, manifest_finding_fn *finding, void *context)
{
	struct manifest *m = calloc(1, sizeof *m);
	const void *random = (const void *)getauxval(AT_RANDOM); /* getauxval(3): 16 bytes */

	if (!m)
		return NULL;
	m->mode = mode;
	m->finding = finding;
	m->context = context;
	m->canonical.max = ITEM_CONTENT_MAX;
	m->slots_n = 64;
	m->slots = calloc(m->slots_n, sizeof *m->slots);
	if (!m->slots) {
		free(m);
		return NULL;
	}
	if (random)
		memcpy(m->key, random, sizeof m->key);
	for (unsigned i = 0; i < ITEM_KINDS; i++)
		m->lists[i].closed = mode == PINS_REVIEW;
	return m;
}

static void item_free(struct item *item)
{
	buf_free(&item->memory);
	free(item);
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	for (uint32_t i = 0; i < m->n; i++)
		item_free(m->v[i]);
	free(m->v);
	free(m->slots);
	buf_free(&m->canonical);
	buf_free(&m->name);
	free(m);
}

static uint32_t slot_of(const struct manifest *m, enum item_kind kind, struct span name)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];
	uint64_t h;

	crypto_shorthash_siphash24(out, (const unsigned char *)name.p, name.n, m->key);
	memcpy(&h, out, sizeof h);
	return (uint32_t)(h + (unsigned)kind) & (m->slots_n - 1);
}

static struct item *find(const struct manifest *m, enum item_kind kind, struct span name)
{
	for (uint32_t at = slot_of(m, kind, name); m->slots[at]; at = (at + 1) & (m->slots_n - 1)) {
		struct item *item = m->v[m->slots[at] - 1];
		if (item->kind == kind && span_eq(item->name, name))
			return item;
	}
	return NULL;
}

static void enter(struct manifest *m, uint32_t number)
{
	uint32_t at = slot_of(m, m->v[number]->kind, m->v[number]->name);

	while (m->slots[at])
		at = (at + 1) & (m->slots_n - 1);
	m->slots[at] = number + 1;
}

static bool grow(struct manifest *m)
{
	if (m->n < m->cap)
		return true;
	uint32_t cap = m->cap ? m->cap * 2 : 32;
	struct item **v = reallocarray(m->v, cap, sizeof(struct item *));
	if (!v)
		return false;
	m->v = v;
	m->cap = cap;
	if (cap * 2 <= m->slots_n)
		return true;
	uint32_t *slots = calloc((size_t)cap * 4, sizeof *slots);
	if (!slots)
		return false;
	free(m->slots);
	m->slots = slots;
	m->slots_n = cap * 4;
	for (uint32_t i = 0; i < m->n; i++)
		enter(m, i);
	return true;
}

enum added { ADDED, ADD_FULL, ADD_NO_MEMORY };

/* NAME is copied into the item's own memory. Content comes later. */
static enum added add(struct manifest *m, enum item_kind kind, struct span name, struct item **out)
{
	if (m->n >= MANIFEST_ITEMS || m->bytes + name.n > MANIFEST_BYTES)
		return ADD_FULL;
	struct item *item = calloc(1, sizeof *item + name.n);
	if (!item || !grow(m)) {
		free(item);
		return ADD_NO_MEMORY;
	}
	char *copy = (char *)(item + 1);
	if (name.n > 0)
		memcpy(copy, name.p, name.n);
	item->kind = kind;
	item->name = (struct span){ copy, name.n };
	item->number = m->n;
	m->v[m->n] = item;
	m->bytes += name.n;
	enter(m, m->n++);
	*out = item;
	return ADDED;
}

/* CONTENT becomes the content in force. */
static enum added set_content(struct manifest *m, struct item *item, struct span content, const uint8_t *hash)
{
	struct buf copy = BUF_INIT(content.n); /* no more than it needs */
	size_t before = item->memory.n;

	if (m->bytes - before + content.n > MANIFEST_BYTES)
		return ADD_FULL;
	if (buf_append(&copy, content.p, content.n) < 0)
		return ADD_NO_MEMORY;
	buf_free(&item->memory);
	item->memory = copy;
	item->content = buf_span(&copy);
	m->bytes += content.n - before;
	item->edition++;
	memcpy(item->hash, hash, ITEM_HASH);
	return ADDED;
}

int manifest_pin(struct manifest *m, enum item_kind kind, struct span name, struct span content,
		 const uint8_t hash[ITEM_HASH], bool reviewed, struct error *err)
{
	struct item *item;

	if (find(m, kind, name))
		return error_set(err, 0, "two pins of the %s \"%.*s\"", item_kind_name(kind), (int)name.n, name.p);
	if (content.n > ITEM_CONTENT_MAX || m->bytes + content.n > MANIFEST_BYTES)
		return error_set(err, 0, "the pins are too large");
	enum added added = add(m, kind, name, &item);
	if (added != ADDED)
		return added == ADD_FULL ? error_set(err, 0, "there are too many pins") : error_oom(err);
	m->bytes += content.n;
	item->content = content;
	item->edition = 1;
	memcpy(item->hash, hash, ITEM_HASH);
	item->pinned = true;
	item->reviewed = reviewed;
	item->standing = m->mode == PINS_REVIEW && !reviewed ? STANDING_UNREVIEWED : STANDING_KNOWN;
	m->any_reviewed |= reviewed;
	return 0;
}

void manifest_close(struct manifest *m, enum item_kind kind)
{
	m->lists[kind].closed = true;
}

bool manifest_closed(const struct manifest *m, enum item_kind kind)
{
	return m->lists[kind].closed;
}

bool manifest_unseen(const struct manifest *m)
{
	return m->mode == PINS_REVIEW && !m->any_reviewed;
}

const struct item *manifest_find(const struct manifest *m, enum item_kind kind, struct span name)
{
	return find(m, kind, name);
}

enum standing manifest_standing(const struct manifest *m, enum item_kind kind, struct span name, const struct item **out)
{
	const struct item *item = find(m, kind, name);

	if (out)
		*out = item;
	return item ? item->standing : STANDING_UNLISTED;
}

size_t manifest_count(const struct manifest *m)
{
	return m->n;
}

const struct item *manifest_item(const struct manifest *m, size_t number)
{
	return number < m->n ? m->v[number] : NULL;
}

/* ---- what is offered -------------------------------------------------------------------------- */

static void tell(struct manifest *m, enum finding finding, enum item_kind kind, struct span name, const struct item *item)
{
	if (m->finding)
		m->finding(m->context, finding, kind, name, item);
}

/* Hold ITEM, which is offered as M->canonical; told once for each content. */
static void hold(struct manifest *m, struct item *item, enum standing standing, const uint8_t *hash)
{
	bool news = item->standing != standing || !item->told || memcmp(item->offered_hash, hash, ITEM_HASH) != 0;

	item->standing = standing;
	memcpy(item->offered_hash, hash, ITEM_HASH);
	if (!news)
		return;
	item->told = true;
	item->offered = buf_span(&m->canonical);
	tell(m, standing == STANDING_CHANGED ? FINDING_CHANGED : FINDING_NEW, item->kind, item->name, item);
	item->offered = (struct span){ 0 };
}

static void known(struct manifest *m, struct item *item)
{
	bool again = item->told;

	item->standing = STANDING_KNOWN;
	item->told = false;
	if (again)
		tell(m, FINDING_AGAIN, item->kind, item->name, item);
}

static enum standing unpinned(const struct manifest *m)
{
	return manifest_unseen(m) ? STANDING_UNREVIEWED : STANDING_NEW;
}

/* An item that nothing is known of, or that is not pinned. */
static enum added offer_unpinned(struct manifest *m, struct item *item, const uint8_t *hash)
{
	enum item_kind kind = item->kind;
	bool single = kind == ITEM_IDENTITY || kind == ITEM_INSTRUCTIONS;

	enum added added = ADDED;

	if (m->mode == PINS_OFF) {
		if (item->edition == 0 || memcmp(item->hash, hash, ITEM_HASH) != 0)
			added = set_content(m, item, buf_span(&m->canonical), hash);
		item->standing = added == ADDED ? STANDING_KNOWN : STANDING_NEW;
		return added;
	}
	/* Held before: only pins decide over it from now on. The two kinds of which there is one are pinned also when absent. */
	if (item->told || m->mode == PINS_REVIEW || (m->lists[kind].closed && !single)) {
		hold(m, item, unpinned(m), hash);
		return ADDED;
	}
	added = set_content(m, item, buf_span(&m->canonical), hash);
	if (added != ADDED)
		return added;
	item->pinned = true;
	item->standing = STANDING_KNOWN;
	item->offered = item->content;
	tell(m, FINDING_FIRST, kind, item->name, item);
	item->offered = (struct span){ 0 };
	return ADDED;
}

/* NAME is offered with the content in M->canonical. *OUT: the item, which stands as it stands now. */
static enum added offer(struct manifest *m, enum item_kind kind, struct span name, struct item **out)
{
	struct item *item = find(m, kind, name);
	uint8_t hash[ITEM_HASH];

	if (!item) {
		enum added added = add(m, kind, name, &item);
		if (added != ADDED)
			return added;
		item->standing = STANDING_NEW;
	}
	*out = item;
	manifest_hash(buf_span(&m->canonical), hash);
	if (!item->pinned)
		return offer_unpinned(m, item, hash);
	if (m->mode == PINS_REVIEW && !item->reviewed)
		hold(m, item, STANDING_UNREVIEWED, hash);
	else if (memcmp(item->hash, hash, ITEM_HASH) != 0)
		hold(m, item, STANDING_CHANGED, hash);
	else
		known(m, item);
	return ADDED;
}

/* ---- lists ------------------------------------------------------------------------------------ */

static const struct {
	const char *list, *name;
} members[ITEM_KINDS] = {
	[ITEM_TOOL] = { "tools", "name" },
	[ITEM_PROMPT] = { "prompts", "name" },
	[ITEM_TEMPLATE] = { "resourceTemplates", "uriTemplate" },
};

uint32_t manifest_items(const struct tree *t, uint32_t result, enum item_kind kind)
{
	if ((unsigned)kind >= ITEM_KINDS || !members[kind].list)
		return TREE_NONE;
	uint32_t list = tree_member(t, result, members[kind].list);
	return tree_is(t, list, TREE_ARRAY) ? list : TREE_NONE;
}

uint64_t manifest_cursor(const struct tree *t, uint32_t object, const char *member)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	uint32_t node = tree_member(t, object, member);
	uint8_t hash[ITEM_HASH];
	uint64_t number;

	if (!tree_is(t, node, TREE_STRING))
		return 0;
	manifest_hash(tree_string_span(t, node, &scratch), hash);
	memcpy(&number, hash, sizeof number);
	return number ? number : 1;
}

/* One item of a page. 0, or -1 when memory ran out. */
static int take_item(struct manifest *m, enum item_kind kind, struct tree *t, uint32_t node, uint64_t page, bool chain)
{
	struct list *list = &m->lists[kind];
	uint32_t name_node = tree_member(t, node, members[kind].name);
	struct span name = { 0 };
	struct item *item = NULL;

	if (tree_is(t, name_node, TREE_STRING))
		name = tree_string_span(t, name_node, &m->name);
	buf_clear(&m->canonical);
	m->canonical.full = false;
	if (name.n == 0 || name.n > ITEM_NAME_MAX || memchr(name.p, '\0', name.n) ||
	    manifest_canonical(t, node, &m->canonical) < 0) {
		edit_drop(t, node);
		tell(m, FINDING_UNFIT, kind, name, NULL);
		return 0;
	}
	item = find(m, kind, name);
	if (item && (item->seen_answer == m->answers ||
		     (chain && item->seen_round == list->round && item->seen_page != page))) {
		edit_drop(t, node);
		tell(m, FINDING_DUPLICATE, kind, name, item);
		return 0;
	}
	enum added added = offer(m, kind, name, &item);
	if (added == ADD_NO_MEMORY)
		return -1;
	if (added == ADD_FULL) {
		edit_drop(t, node);
		tell(m, FINDING_UNFIT, kind, name, NULL);
		return 0;
	}
	item->seen_answer = m->answers;
	item->seen_page = page;
	if (chain)
		item->seen_round = list->round;
	if (item->standing != STANDING_KNOWN)
		edit_drop(t, node);
	return 0;
}

/* The list has been seen whole: what was not in it is gone. */
static void whole_list(struct manifest *m, enum item_kind kind)
{
	struct list *list = &m->lists[kind];

	list->whole = list->round;
	for (uint32_t i = 0; i < m->n; i++) {
		struct item *item = m->v[i];
		if (item->kind != kind || item->seen_round == list->round || item->standing == STANDING_GONE)
			continue;
		item->standing = STANDING_GONE;
		/* What was held and is offered no more comes back as a finding of its own when it is offered again. */
		bool say = item->pinned || item->told;
		item->told = say;
		memset(item->offered_hash, 0, ITEM_HASH);
		if (say)
			tell(m, FINDING_GONE, kind, item->name, item);
	}
	if (m->mode != PINS_OFF && m->settled)
		list->closed = true;
}

void manifest_settle(struct manifest *m)
{
	if (m->settled || m->mode == PINS_OFF)
		return;
	m->settled = true;
	for (unsigned i = 0; i < ITEM_KINDS; i++)
		if (m->lists[i].whole > 0)
			m->lists[i].closed = true;
}

int manifest_list(struct manifest *m, enum item_kind kind, struct tree *t, uint32_t result, uint64_t cursor,
		  bool *complete)
{
	uint32_t items = manifest_items(t, result, kind);
	struct list *list = &m->lists[kind];
	bool chain;

	if (complete)
		*complete = false;
	if (items == TREE_NONE)
		return 0;
	m->answers++;
	if (cursor == 0) {
		list->round++;
		chain = true;
	} else {
		chain = list->chain && list->expect == cursor;
	}
	for (uint32_t i = tree_first(t, items); i < t->v[items].next; i = t->v[i].next)
		if (take_item(m, kind, t, i, cursor, chain) < 0)
			return -1;
	if (!chain)
		return 0;
	list->expect = manifest_cursor(t, result, "nextCursor");
	list->chain = list->expect != 0;
	if (list->chain)
		return 0;
	whole_list(m, kind);
	if (complete)
		*complete = true;
	return 0;
}

/* ---- identity and instructions ---------------------------------------------------------------- */

/* Where none was pinned: the protocol wants one. */
#define NO_IDENTITY "{\"name\":\"unknown\",\"version\":\"0\"}"
#define META_SERVER_INFO "io.modelcontextprotocol/serverInfo"

/* *ITEM: NULL when there is nothing to hold. */
static int offer_single(struct manifest *m, enum item_kind kind, const char *method, const struct tree *t, uint32_t node,
			struct item **item)
{
	*item = find(m, kind, span_of(method));
	if (!*item && node == TREE_NONE && m->mode == PINS_REVIEW)
		return 0;
	buf_clear(&m->canonical);
	m->canonical.full = false;
	if (node == TREE_NONE)
		buf_puts(&m->canonical, "null");
	else if (manifest_canonical(t, node, &m->canonical) < 0)
		return -1;
	return offer(m, kind, span_of(method), item) == ADDED ? 0 : -1;
}

int manifest_hello(struct manifest *m, const char *method, struct tree *t, uint32_t result, size_t offset,
		   struct edits *e)
{
	uint32_t info = tree_member(t, result, "serverInfo");
	uint32_t text = tree_member(t, result, "instructions");
	struct item *item;

	if (info == TREE_NONE)
		info = tree_member(t, tree_member(t, result, "_meta"), META_SERVER_INFO);
	if (offer_single(m, ITEM_IDENTITY, method, t, info, &item) < 0)
		return -1;
	/* A client needs an identity: one of a server that was reviewed, where only this is new, is shown. */
	if (info != TREE_NONE && manifest_unseen(m))
		edit_value(e, offset, t, info, SPAN(NO_IDENTITY));
	else if (item && item->standing == STANDING_CHANGED && info != TREE_NONE)
		edit_value(e, offset, t, info, span_is(item->content, "null") ? SPAN(NO_IDENTITY) : item->content);
	if (offer_single(m, ITEM_INSTRUCTIONS, method, t, text, &item) < 0)
		return -1;
	if (item && item->standing != STANDING_KNOWN && text != TREE_NONE)
		edit_drop(t, text);
	return 0;
}
