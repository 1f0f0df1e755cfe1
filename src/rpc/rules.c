/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compiling and searching. Expressions see bytes, and ASCII alone has case and classes, unless a pattern itself
 * needs more (a byte above 0x7f, \p, \x{): that halves the cost of compiling at each start. Texts are UTF-8
 * that the scanner has checked.
 *
 * Called by the filter; by tests. pcre2api(3), pcre2jit(3).
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "rpc/rules.h"

#include "base/cleanup.h"
#include "base/sort.h"
#include "rpc/fold.h"
#include "rpc/literals.h"

#include <fnmatch.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* Steps at one place, and memory, that one search may take. Shipped rules need a few dozen. */
#define MATCH_LIMIT 20000
#define STEPS_A_BYTE 64 /* of the interpreter, at places where there is nothing */
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT 1024 /* KiB */
#define JIT_STACK ((size_t)128 << 10)

struct compiled {
	const char *name;
	pcre2_code *code;
	enum rule_action action[RULE_PLACES];
	unsigned where; /* where its action is not off */
	uint32_t window;
	struct strlist needs;
	bool jit;
	bool wide; /* the pattern is about characters beyond ASCII: folded text is not what it wants */
	/* while searching: the window that is being put together */
	bool open;
	size_t start, end, done; /* up to `done` it was searched */
};

struct rules {
	struct compiled *v;
	size_t n;
	bool wide; /* one of them is */
	unsigned where; /* of all of them */
	char *names;
	struct literals *literals;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack;
	pcre2_match_data *match;
	struct fold folded, closed;
	/* the search that is going on */
	struct span text;
	unsigned looking;
	struct rule_hits *hits;
	size_t base; /* hits before it are of another text */
	uint32_t *active; /* rules that have a window open */
	size_t active_n;
	bool failed;
};

/* ---- lists ----------------------------------------------------------------------------------------- */

struct rule *rule_list_add(struct rule_list *list)
{
	struct rule *v = reallocarray(list->v, list->n + 1, sizeof *v);

	if (!v)
		return NULL;
	list->v = v;
	v[list->n] = (struct rule){ .where = RULE_ANYWHERE, .window = RULE_WINDOW };
	for (size_t i = 0; i < RULE_PLACES; i++)
		v[list->n].action[i] = RULE_NOTE;
	return &v[list->n++];
}

void rule_list_free(struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct rule *r = &list->v[i];
		free(r->name);
		free(r->description);
		free(r->pattern);
		free(r->origin);
		strlist_free(&r->literals);
		strlist_free(&r->needs);
		strlist_free(&r->hits);
		strlist_free(&r->misses);
	}
	free(list->v);
	*list = (struct rule_list){ 0 };
}

void rule_hits_clear(struct rule_hits *hits)
{
	hits->n = 0;
}

void rule_hits_free(struct rule_hits *hits)
{
	free(hits->v);
	*hits = (struct rule_hits){ 0 };
}

/* ---- compiling ------------------------------------------------------------------------------------- */

/* What C is to do, and where. */
static void take_actions(struct compiled *c, const struct rule *rule, const struct rule_override *overrides, size_t n)
{
	const struct rule_override *other = NULL;

	for (size_t i = 0; i < n && !other; i++)
		if (fnmatch(overrides[i].name, rule->name, 0) == 0)
			other = &overrides[i];
	for (unsigned place = 0; place < RULE_PLACES; place++) {
		c->action[place] = other ? other->action : rule->action[place];
		if ((rule->where >> place & 1) && c->action[place] != RULE_OFF)
			c->where |= 1u << place;
	}
}

/* An escape for more than a byte: \p{...}, \P{...}, \X, \x{...}. */
static bool is_wide_escape(const char *p)
{
	return p[0] == '\\' && (p[1] == 'p' || p[1] == 'P' || p[1] == 'X' || (p[1] == 'x' && p[2] == '{'));
}

static bool is_wide(const struct rule *rule)
{
	for (const char *p = rule->pattern; *p; p++)
		if ((uint8_t)*p >= 0x80 || is_wide_escape(p))
			return true;
	for (size_t i = 0; i < rule->literals.n; i++)
		for (const char *p = rule->literals.v[i]; *p; p++)
			if ((uint8_t)*p >= 0x80)
				return true;
	return false;
}

static int compile_one(struct rules *r, const struct rule *rule, struct error *err)
{
	struct compiled *c = &r->v[r->n - 1];
	int number = 0;
	PCRE2_SIZE at = 0;

	c->window = rule->window;
	if (strlist_copy(&c->needs, &rule->needs) < 0)
		return error_oom(err);
	c->wide = is_wide(rule);
	/* No expression may look at other places than it is shown, or hand control to a callback. */
	uint32_t options = PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP | PCRE2_NO_AUTO_CAPTURE | PCRE2_DOTALL;
	if (c->wide)
		options = (options & ~(uint32_t)PCRE2_NEVER_UCP) | PCRE2_UTF | PCRE2_UCP;
	else
		options |= PCRE2_NEVER_UTF;
	if (!rule->exact)
		options |= PCRE2_CASELESS;
	c->code = pcre2_compile((PCRE2_SPTR)rule->pattern, PCRE2_ZERO_TERMINATED, options, &number, &at, NULL);
	if (!c->code) {
		char words[160];
		pcre2_get_error_message(number, (PCRE2_UCHAR *)words, sizeof words);
		error_set(err, 0, "%s: rule \"%s\": its pattern is wrong at character %zu: %s",
			  rule->origin ? rule->origin : "rules", rule->name, (size_t)at, words);
		return error_kind(err, ERROR_USAGE);
	}
	c->jit = pcre2_jit_compile(c->code, PCRE2_JIT_COMPLETE) == 0;
	r->wide |= c->wide;
	r->where |= c->where;
	return 0;
}

static size_t names_size(const struct rule_list *list)
{
	size_t n = 1;

	for (size_t i = 0; i < list->n; i++)
		n += strlen(list->v[i].name) + 1;
	return n;
}

static int gather(struct rules *r, const struct rule_list *list, const struct rule_override *overrides,
		  size_t overrides_n, struct error *err)
{
	CLEANUP_FREE struct literal *literals = NULL;
	size_t literals_n = 0, names = 0;

	for (size_t i = 0; i < list->n; i++)
		literals_n += list->v[i].literals.n;
	literals = calloc(literals_n + 1, sizeof *literals);
	if (!literals)
		return error_oom(err);
	literals_n = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct rule *rule = &list->v[i];
		r->v[r->n] = (struct compiled){ 0 };
		take_actions(&r->v[r->n], rule, overrides, overrides_n);
		if (r->v[r->n].where == 0)
			continue;
		for (size_t k = 0; k < rule->literals.n; k++)
			literals[literals_n++] = (struct literal){ span_of(rule->literals.v[k]), (uint32_t)r->n };
		r->n++;
		if (compile_one(r, rule, err) < 0)
			return -1;
		size_t n = strlen(rule->name) + 1;
		memcpy(r->names + names, rule->name, n);
		r->v[r->n - 1].name = r->names + names;
		names += n;
	}
	r->literals = literals_new(literals, literals_n);
	return r->literals ? 0 : error_oom(err);
}

struct rules *rules_compile(const struct rule_list *list, const struct rule_override *overrides, size_t overrides_n,
			    struct error *err)
{
	struct rules *r = calloc(1, sizeof *r);

	if (!r) {
		error_oom(err);
		return NULL;
	}
	r->v = calloc(list->n + 1, sizeof *r->v);
	r->active = calloc(list->n + 1, sizeof *r->active);
	r->names = malloc(names_size(list));
	r->limits = pcre2_match_context_create(NULL);
	r->stack = pcre2_jit_stack_create(16 << 10, JIT_STACK, NULL);
	r->match = pcre2_match_data_create(1, NULL);
	if (!r->v || !r->active || !r->names || !r->limits || !r->match) {
		error_oom(err);
		rules_free(r);
		return NULL;
	}
	if (gather(r, list, overrides, overrides_n, err) < 0) {
		rules_free(r);
		return NULL;
	}
	pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(r->limits, HEAP_LIMIT);
	if (r->stack)
		pcre2_jit_stack_assign(r->limits, NULL, r->stack);
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->v && i < r->n; i++) {
		pcre2_code_free(r->v[i].code);
		strlist_free(&r->v[i].needs);
	}
	free(r->v);
	free(r->active);
	free(r->names);
	literals_free(r->literals);
	pcre2_match_data_free(r->match);
	pcre2_jit_stack_free(r->stack);
	pcre2_match_context_free(r->limits);
	fold_free(&r->folded);
	fold_free(&r->closed);
	free(r);
}

void rules_interpret(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		r->v[i].jit = false;
}

size_t rules_count(const struct rules *r)
{
	return r->n;
}

const char *rules_name(const struct rules *r, uint32_t rule)
{
	return r->v[rule].name;
}

enum rule_action rules_action(const struct rules *r, uint32_t rule, unsigned where)
{
	return r->v[rule].action[rule_place(where)];
}

bool rules_look(const struct rules *r, unsigned where)
{
	return (r->where & where) != 0;
}

/* ---- one window ------------------------------------------------------------------------------------ */

static bool full(const struct rules *r)
{
	return r->hits->n - r->base >= RULE_HITS_MAX;
}

static bool has_room(struct rule_hits *h)
{
	if (h->n < h->cap)
		return true;
	size_t cap = h->cap ? h->cap * 2 : 16;
	struct rule_hit *v = realloc(h->v, cap * sizeof *v);
	if (!v)
		return false;
	h->v = v;
	h->cap = cap;
	return true;
}

static void add_hit(struct rules *r, uint32_t rule, size_t start, size_t end, bool limit)
{
	struct rule_hits *h = r->hits;

	if (!has_room(h)) {
		r->failed = true;
		return;
	}
	h->v[h->n++] = (struct rule_hit){ rule, start, end, limit };
}

static bool inside_character(struct span text, size_t at)
{
	return at < text.n && ((uint8_t)text.p[at] & 0xc0) == 0x80;
}

/* What is cheap to see, before the expression is run. */
static bool has_needs(const struct compiled *c, const char *p, size_t n)
{
	for (size_t i = 0; i < c->needs.n; i++)
		if (memmem(p, n, c->needs.v[i], strlen(c->needs.v[i])))
			return true;
	return c->needs.n == 0;
}

/* Run rule I from START to END of the text. */
static void run(struct rules *r, uint32_t i, size_t start, size_t end)
{
	const struct compiled *c = &r->v[i];
	const PCRE2_SIZE *place = pcre2_get_ovector_pointer(r->match);
	uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY | (end < r->text.n ? PCRE2_NOTEOL : 0);

	while (inside_character(r->text, start))
		start--;
	while (inside_character(r->text, end))
		end++;
	if (!has_needs(c, r->text.p + start, end - start))
		return;
	/* Compiled code counts its steps from each place anew, the interpreter all of a search. */
	if (!c->jit)
		options |= PCRE2_NO_JIT;
	uint64_t limit = c->jit ? MATCH_LIMIT : MATCH_LIMIT + STEPS_A_BYTE * (uint64_t)(end - start);
	pcre2_set_match_limit(r->limits, limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX);
	while (start < end && !r->failed) {
		int n = pcre2_match(c->code, (PCRE2_SPTR)r->text.p, end, start, options, r->match, r->limits);
		if (n == PCRE2_ERROR_NOMATCH)
			return;
		if (n < 0 || full(r)) {
			/* A limit, or memory; nothing can be said of the rest. */
			add_hit(r, i, start, n < 0 ? end : r->text.n, true);
			return;
		}
		size_t from = place[0], to = place[1];
		if (from < start) /* \K can do that */
			from = start;
		if (to <= from)
			to = from + 1;
		while (inside_character(r->text, from))
			from--;
		while (inside_character(r->text, to))
			to++;
		add_hit(r, i, from, to, false);
		start = to;
	}
}

static void close_window(struct rules *r, uint32_t i)
{
	struct compiled *c = &r->v[i];

	if (c->start < c->done)
		c->start = c->done;
	if (c->start < c->end && !full(r))
		run(r, i, c->start, c->end);
	else if (c->start < c->end)
		add_hit(r, i, c->start, r->text.n, true);
	c->done = c->end;
	c->open = false;
}

static void on_literal(void *context, uint32_t i, size_t start, size_t end)
{
	struct rules *r = context;
	struct compiled *c = &r->v[i];

	if (!(c->where & r->looking))
		return;
	size_t from = start > c->window ? start - c->window : 0;
	size_t to = r->text.n - end > c->window ? end + c->window : r->text.n;
	if (c->open && from <= c->end) {
		if (from < c->start)
			c->start = from;
		if (to > c->end)
			c->end = to;
		return;
	}
	if (c->open)
		close_window(r, i);
	else
		r->active[r->active_n++] = i;
	c->open = true;
	c->start = from;
	c->end = to;
}

/* ---- one text -------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b, void *context)
{
	(void)context;
	const struct rule_hit *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return x->end > y->end ? -1 : x->end < y->end;
}

static void search(struct rules *r, struct span text)
{
	r->text = text;
	r->active_n = 0;
	literals_find(r->literals, text, on_literal, r);
	for (size_t i = 0; i < r->active_n; i++) {
		close_window(r, r->active[i]);
		r->v[r->active[i]].done = 0;
	}
}

/* Hits from FIRST on are of a reading of TEXT: say where they are in TEXT itself. */
static void lead_back(struct rules *r, size_t first, const struct fold *reading, struct span text)
{
	for (size_t i = first; i < r->hits->n; i++) {
		struct rule_hit *h = &r->hits->v[i];
		size_t last = h->end - 1;
		h->start = fold_origin(reading, text, h->start);
		h->end = fold_origin_end(reading, text, last);
	}
}

static bool has_wide(struct span text)
{
	size_t i = 0;

	for (; text.n - i >= 32; i += 32) {
		uint64_t w[4];
		memcpy(w, text.p + i, sizeof w);
		if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u)
			return true;
	}
	for (; i < text.n; i++)
		if ((uint8_t)text.p[i] >= 0x80)
			return true;
	return false;
}

/* One hit for each rule and place: the readings find again what the text itself has. */
static void sort_and_unite(struct rules *r)
{
	struct rule_hit *v = r->hits->v + r->base;
	size_t n = r->hits->n - r->base, out = 0;

	if (n < 2)
		return;
	sort_in_place(v, n, sizeof *v, by_place, NULL);
	for (size_t i = 0; i < n; i++) {
		size_t k = out;
		bool again = false;
		/* Those that overlap are near. */
		while (k > 0 && out - k < 64 && !again) {
			k--;
			if (v[k].rule == v[i].rule && v[i].start < v[k].end) {
				if (v[i].end > v[k].end)
					v[k].end = v[i].end;
				v[k].limit |= v[i].limit;
				again = true;
			}
		}
		if (!again)
			v[out++] = v[i];
	}
	r->hits->n = r->base + out;
}

int rules_search(struct rules *r, unsigned where, struct span text, struct rule_hits *hits)
{
	bool more = false;

	r->looking = where;
	r->hits = hits;
	r->base = hits->n;
	r->failed = false;
	if (text.n < LITERAL_MIN || text.n >= UINT32_MAX || !(r->where & where))
		return text.n >= UINT32_MAX ? -1 : 0;
	struct span reading = text;
	if (has_wide(text) && fold_characters(&r->folded, text)) {
		reading = buf_span(&r->folded.text);
		search(r, reading);
		lead_back(r, r->base, &r->folded, text);
		more = r->wide;
	} else {
		search(r, text);
	}
	if (fold_spaced(&r->closed, reading)) {
		size_t first = hits->n;
		search(r, buf_span(&r->closed.text));
		lead_back(r, first, &r->closed, reading);
		if (reading.p != text.p)
			lead_back(r, first, &r->folded, text);
	}
	if (more)
		search(r, text);
	sort_and_unite(r);
	bool memory_out = r->folded.text.full || r->folded.places.full || r->closed.text.full || r->closed.places.full;
	return r->failed || memory_out ? -1 : 0;
}
