/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evaluating a schema: the keywords of a sub one after the other until one fails, and those that apply other
 * subs to the same value. What unevaluated* needs to know is noted only beneath a sub that has them, and what a
 * failing branch noted is thrown away with it. JSON Schema 2020-12 Core, sections 7, 8.2.3, 10.2 and 11.
 */
#include "rpc/schema-check.h"

#include <stdlib.h>

/* ---- marks ------------------------------------------------------------------------------------ */

bool marks_set(struct marks *m, uint32_t at)
{
	if (m->all)
		return true;
	if (m->n <= 64) {
		m->few |= (uint64_t)1 << at;
		return true;
	}
	if (!m->many && !(m->many = calloc((m->n + 63) / 64, sizeof *m->many)))
		return false;
	m->many[at / 64] |= (uint64_t)1 << (at % 64);
	return true;
}

bool marks_has(const struct marks *m, uint32_t at)
{
	if (m->all)
		return true;
	if (m->n <= 64)
		return m->few >> at & 1;
	return m->many && (m->many[at / 64] >> (at % 64) & 1);
}

void marks_merge(struct marks *to, struct marks *from)
{
	to->all |= from->all;
	to->few |= from->few;
	if (to->all || !from->many)
		return;
	if (!to->many) {
		to->many = from->many;
		from->many = NULL;
		return;
	}
	for (uint32_t i = 0; i < (to->n + 63) / 64; i++)
		to->many[i] |= from->many[i];
}

void marks_free(struct marks *m)
{
	free(m->many);
	m->many = NULL;
}

/* ---- blame ------------------------------------------------------------------------------------ */

int check_blame(struct check *c, const struct at *a, uint32_t node, enum blame blame, uint32_t detail, const char *why)
{
	c->blamed = (struct blamed){
		.blame = blame,
		.instance = node,
		.sub = a->sub,
		.keyword = (uint32_t)(a->k - c->s->keywords.v),
		.detail = detail,
		.why = why,
	};
	return INVALID;
}

int check_limit(struct check *c, const char *why)
{
	if (c->blamed.blame != BLAME_LIMIT)
		c->blamed = (struct blamed){ .blame = BLAME_LIMIT, .sub = SUB_NONE, .keyword = SUB_NONE, .why = why };
	return LIMIT;
}

struct span check_string(struct check *c, uint32_t node)
{
	struct span text = tree_string_span(c->t, node, &c->text);

	if (c->text.full)
		c->work.out = true;
	return text;
}

/* ---- branches --------------------------------------------------------------------------------- */

/* Apply SUB where it may fail without everything failing: what it notes counts only if it holds. */
static int branch(struct check *c, uint32_t sub, const struct at *a)
{
	struct marks own = { .n = a->marks ? a->marks->n : 0 };

	if (!a->marks)
		return check_sub(c, sub, a->node, NULL, a->scope);
	int status = check_sub(c, sub, a->node, &own, a->scope);
	if (status == VALID) {
		marks_merge(a->marks, &own);
		if (!work(&c->work, own.n / 64))
			status = check_limit(c, NULL);
	}
	marks_free(&own);
	return status;
}

static int check_ref(struct check *c, const struct at *a)
{
	return check_sub(c, a->k->sub, a->node, a->marks, a->scope);
}

/* The sub with the dynamic anchor NAME in RESOURCE, or SUB_NONE. */
static uint32_t dynamic_in(const struct schema *s, uint32_t name, uint32_t resource)
{
	uint32_t low = 0, high = s->dynamics.n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		const struct dynamic *d = &s->dynamics.v[middle];
		if (d->name < name || (d->name == name && d->resource < resource))
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < s->dynamics.n && s->dynamics.v[low].name == name && s->dynamics.v[low].resource == resource;
	return found ? s->dynamics.v[low].sub : SUB_NONE;
}

static int check_dynamic_ref(struct check *c, const struct at *a)
{
	uint32_t to = a->k->sub;

	/* The outermost resource on the way here that has such an anchor. */
	for (const struct scope *s = a->scope; s && a->k->name != SUB_NONE; s = s->outer) {
		uint32_t found = dynamic_in(c->s, a->k->name, s->resource);
		if (found != SUB_NONE)
			to = found;
		if (!work(&c->work, 1))
			return check_limit(c, NULL);
	}
	return check_sub(c, to, a->node, a->marks, a->scope);
}

static int check_all_of(struct check *c, const struct at *a)
{
	for (uint32_t i = 0; i < a->k->n; i++) {
		int status = check_sub(c, c->s->lists.v[a->k->at + i], a->node, a->marks, a->scope);
		if (status != VALID)
			return status;
	}
	return VALID;
}

/* How much a failed branch seems to be what was meant: the type was right, the names were, it went wrong within. */
static int nearness(const struct check *c, const struct at *a, const struct blamed *b)
{
	uint8_t id = b->keyword == SUB_NONE ? KEY_COUNT_ : c->s->keywords.v[b->keyword].id;

	if (b->blame == BLAME_NEVER)
		return 0;
	if (b->instance == a->node)
		return id == KEY_TYPE ? 1 : id == KEY_CONST || id == KEY_ENUM ? 2 : id == KEY_REQUIRED ? 4 : 5;
	return id == KEY_CONST || id == KEY_ENUM ? 3 : b->blame == BLAME_UNKNOWN ? 5 : 6;
}

static int check_any_of(struct check *c, const struct at *a)
{
	struct blamed best = { 0 };
	int best_near = -1;
	uint32_t same = 0; /* branches that failed as near */
	bool good = false;

	for (uint32_t i = 0; i < a->k->n && (!good || a->marks); i++) {
		int status = branch(c, c->s->lists.v[a->k->at + i], a);
		if (status == LIMIT)
			return status;
		good |= status == VALID;
		if (status == VALID)
			continue;
		int near = nearness(c, a, &c->blamed);
		same = near > best_near ? 1 : same + (near == best_near);
		if (near > best_near) {
			best = c->blamed;
			best_near = near;
		}
	}
	if (good)
		return VALID;
	/* One branch stands out: its own fault says more. */
	if (same == 1 && best_near > 2) {
		c->blamed = best;
		return INVALID;
	}
	return check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

static int check_one_of(struct check *c, const struct at *a)
{
	struct blamed best = { 0 };
	int best_near = -1;
	uint32_t matched = 0, same = 0;

	for (uint32_t i = 0; i < a->k->n; i++) {
		int status = branch(c, c->s->lists.v[a->k->at + i], a);
		if (status == LIMIT)
			return status;
		if (status == VALID) {
			matched++;
			continue;
		}
		int near = nearness(c, a, &c->blamed);
		same = near > best_near ? 1 : same + (near == best_near);
		if (near > best_near) {
			best = c->blamed;
			best_near = near;
		}
	}
	if (matched == 1)
		return VALID;
	if (matched == 0 && same == 1 && best_near > 2) {
		c->blamed = best;
		return INVALID;
	}
	return check_blame(c, a, a->node, BLAME_KEYWORD, matched, NULL);
}

static int check_not(struct check *c, const struct at *a)
{
	int status = check_sub(c, a->k->sub, a->node, NULL, a->scope);

	if (status == VALID)
		return check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
	return status == INVALID ? VALID : status;
}

static int check_if(struct check *c, const struct at *a)
{
	const struct condition *k = &c->s->conditions.v[a->k->at];
	int status = branch(c, k->test, a);

	if (status == LIMIT)
		return status;
	uint32_t next = status == VALID ? k->then : k->otherwise;
	return next == SUB_NONE ? VALID : check_sub(c, next, a->node, a->marks, a->scope);
}

static int check_dependent_schemas(struct check *c, const struct at *a)
{
	struct range table = { a->k->at, a->k->n };

	for (uint32_t k = tree_first(c->t, a->node); k < c->t->v[a->node].next; k = c->t->v[k + 1].next) {
		struct span name = check_string(c, k);
		const struct entry *e = schema_entry(c->s, &c->work, table, name, schema_name_hash(name));
		if (!work(&c->work, 1))
			return check_limit(c, NULL);
		int status = e ? check_sub(c, e->to, a->node, a->marks, a->scope) : VALID;
		if (status != VALID)
			return status;
	}
	return VALID;
}

/* ---- a sub ------------------------------------------------------------------------------------ */

typedef int checker(struct check *c, const struct at *a);

static checker *const checkers[KEY_COUNT_] = {
	[KEY_TYPE] = check_type,
	[KEY_CONST] = check_const,
	[KEY_ENUM] = check_enum,
	[KEY_MULTIPLE_OF] = check_number,
	[KEY_MAXIMUM] = check_number,
	[KEY_EXCLUSIVE_MAXIMUM] = check_number,
	[KEY_MINIMUM] = check_number,
	[KEY_EXCLUSIVE_MINIMUM] = check_number,
	[KEY_MAX_LENGTH] = check_length,
	[KEY_MIN_LENGTH] = check_length,
	[KEY_PATTERN] = check_pattern_keyword,
	[KEY_FORMAT] = check_format,
	[KEY_WITHIN] = check_within,
	[KEY_HOSTS] = check_hosts,
	[KEY_MAX_ITEMS] = check_count,
	[KEY_MIN_ITEMS] = check_count,
	[KEY_MAX_PROPERTIES] = check_count,
	[KEY_MIN_PROPERTIES] = check_count,
	[KEY_REQUIRED] = check_required,
	[KEY_DEPENDENT_REQUIRED] = check_dependent_required,
	[KEY_PROPERTY_NAMES] = check_property_names,
	[KEY_MEMBERS] = check_members,
	[KEY_UNIQUE_ITEMS] = check_unique,
	[KEY_ELEMENTS] = check_elements,
	[KEY_CONTAINS] = check_contains,
	[KEY_REF] = check_ref,
	[KEY_DYNAMIC_REF] = check_dynamic_ref,
	[KEY_ALL_OF] = check_all_of,
	[KEY_DEPENDENT_SCHEMAS] = check_dependent_schemas,
	[KEY_IF] = check_if,
	[KEY_ANY_OF] = check_any_of,
	[KEY_ONE_OF] = check_one_of,
	[KEY_NOT] = check_not,
	[KEY_UNEVALUATED_ITEMS] = check_unevaluated,
	[KEY_UNEVALUATED_PROPERTIES] = check_unevaluated,
};

static int check_keywords(struct check *c, const struct sub *sub, struct at *a)
{
	unsigned type = 1u << c->t->v[a->node].type;

	for (uint32_t i = 0; i < sub->keywords_n; i++) {
		const struct keyword *k = &c->s->keywords.v[sub->keywords + i];
		if (!(k->types & type))
			continue;
		a->k = k;
		int status = checkers[k->id](c, a);
		if (c->work.out)
			return check_limit(c, NULL);
		if (status != VALID)
			return status;
	}
	return VALID;
}

int check_sub(struct check *c, uint32_t number, uint32_t node, struct marks *marks, const struct scope *scope)
{
	const struct sub *sub = &c->s->subs.v[number];
	struct scope inner = { sub->resource, scope };
	struct marks own = { 0 };
	struct at a = { number, node, NULL, marks, scope };

	if (sub->never) {
		c->blamed = (struct blamed){ .blame = BLAME_NEVER, .instance = node, .sub = number, .keyword = SUB_NONE };
		return INVALID;
	}
	if (!work(&c->work, 1u + sub->keywords_n))
		return check_limit(c, NULL);
	if (c->depth == CHECK_DEPTH)
		return check_limit(c, "it is nested too deeply, or its schema refers to itself without end");
	if (!scope || scope->resource != sub->resource)
		a.scope = &inner;
	bool container = c->t->v[node].type >= TREE_ARRAY;
	bool mine = sub->unevaluated && container;
	if (mine) {
		own.n = tree_count(c->t, node);
		a.marks = &own;
		if (!work(&c->work, own.n / 8))
			return check_limit(c, NULL);
	}
	c->depth++;
	int status = check_keywords(c, sub, &a);
	c->depth--;
	if (mine && marks && status == VALID)
		marks_merge(marks, &own);
	if (mine)
		marks_free(&own);
	return status;
}

int schema_check(const struct schema *s, const struct tree *instance, uint32_t node, struct schema_failure *out)
{
	uint64_t bytes = instance->v[node].end - instance->v[node].start, values = instance->v[node].next - node;
	uint64_t steps = SCHEMA_STEPS + values * SCHEMA_STEPS_A_VALUE + bytes / 2;
	struct check c = { .s = s, .t = instance, .work = { .left = s->options.steps ? s->options.steps : steps } };

	c.values.work = &c.work;
	int status = check_sub(&c, 0, node, NULL, NULL);
	if (status != VALID && out)
		schema_words(s, instance, node, &c.blamed, out);
	else if (out)
		*out = (struct schema_failure){ 0 };
	check_pattern_free(&c);
	values_free(&c.values);
	buf_free(&c.text);
	buf_free(&c.path);
	return status;
}
