/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keywords that look at a container's parts: JSON Schema 2020-12 Core, sections 10.3 and 11. */
#include "rpc/schema-check.h"

int check_property_names(struct check *c, const struct at *a)
{
	for (uint32_t k = tree_first(c->t, a->node); k < c->t->v[a->node].next; k = c->t->v[k + 1].next) {
		/* A key is a string of the tree. */
		int status = check_sub(c, a->k->sub, k, NULL, a->scope);
		if (status == INVALID) {
			c->key_blamed = c->blamed;
			check_blame(c, a, k + 1, BLAME_KEYWORD, 0, NULL);
			c->blamed.inner = &c->key_blamed;
			return INVALID;
		}
		if (status != VALID)
			return status;
	}
	return VALID;
}

/* A member or item that is not expected: blamed as such when nothing at all is allowed there. */
static int check_unexpected(struct check *c, const struct at *a, uint32_t sub, uint32_t node, enum blame blame)
{
	if (c->s->subs.v[sub].never)
		return check_blame(c, a, node, blame, 0, NULL);
	return check_sub(c, sub, node, NULL, a->scope);
}

/* The member with key K. *LOOKED: some keyword is about it. */
static int check_member(struct check *c, const struct at *a, const struct members *m, uint32_t k, bool *looked)
{
	struct span name = check_string(c, k);
	const struct entry *e = schema_entry(c->s, &c->work, m->properties, name, schema_name_hash(name));
	int status = VALID;

	if (!work(&c->work, 1 + name.n / 16))
		return LIMIT;
	if (e) {
		*looked = true;
		status = check_sub(c, e->to, k + 1, NULL, a->scope);
	}
	for (uint32_t i = 0; i < m->patterns.n && status == VALID; i++) {
		const struct pattern_sub *p = &c->s->pattern_subs.v[m->patterns.at + i];
		int match = check_pattern(c, p->pattern, check_string(c, k));
		if (match == LIMIT)
			return LIMIT;
		if (match == VALID) {
			*looked = true;
			status = check_sub(c, p->sub, k + 1, NULL, a->scope);
		}
	}
	if (!*looked && m->additional != SUB_NONE) {
		*looked = true;
		status = check_unexpected(c, a, m->additional, k + 1, BLAME_UNKNOWN);
	}
	return status;
}

int check_members(struct check *c, const struct at *a)
{
	const struct members *m = &c->s->members.v[a->k->at];
	uint32_t number = 0;

	for (uint32_t k = tree_first(c->t, a->node); k < c->t->v[a->node].next; k = c->t->v[k + 1].next, number++) {
		bool looked = false;
		int status = check_member(c, a, m, k, &looked);
		if (status != VALID)
			return status;
		if (looked && a->marks && !marks_set(a->marks, number))
			return check_limit(c, NULL);
	}
	return VALID;
}

int check_elements(struct check *c, const struct at *a)
{
	const struct elements *e = &c->s->elements.v[a->k->at];
	uint32_t number = 0;

	for (uint32_t i = tree_first(c->t, a->node); i < c->t->v[a->node].next; i = c->t->v[i].next, number++) {
		int status;
		if (number < e->prefix.n)
			status = check_sub(c, c->s->lists.v[e->prefix.at + number], i, NULL, a->scope);
		else if (e->rest != SUB_NONE)
			status = check_unexpected(c, a, e->rest, i, BLAME_EXTRA);
		else
			break;
		if (status != VALID)
			return status;
		if (a->marks && !marks_set(a->marks, number))
			return check_limit(c, NULL);
	}
	return VALID;
}

int check_contains(struct check *c, const struct at *a)
{
	const struct contains *k = &c->s->contains.v[a->k->at];
	uint32_t number = 0, found = 0;

	for (uint32_t i = tree_first(c->t, a->node); i < c->t->v[a->node].next; i = c->t->v[i].next, number++) {
		/* Enough is enough, unless somebody wants to know which. */
		if (!a->marks && found >= k->min && k->max == UINT64_MAX)
			break;
		int status = check_sub(c, k->sub, i, NULL, a->scope);
		if (status == LIMIT)
			return status;
		if (status == VALID) {
			found++;
			if (a->marks && !marks_set(a->marks, number))
				return check_limit(c, NULL);
		}
	}
	return found >= k->min && found <= k->max ? VALID : check_blame(c, a, a->node, BLAME_KEYWORD, found, NULL);
}

/* unevaluatedItems, unevaluatedProperties: what has no mark. */
int check_unevaluated(struct check *c, const struct at *a)
{
	bool object = a->k->id == KEY_UNEVALUATED_PROPERTIES;
	uint32_t number = 0, i = tree_first(c->t, a->node);

	while (i < c->t->v[a->node].next) {
		uint32_t value = object ? i + 1 : i;
		if (!work(&c->work, 1))
			return LIMIT;
		int status = VALID;
		if (!marks_has(a->marks, number))
			status = check_unexpected(c, a, a->k->sub, value, object ? BLAME_UNKNOWN : BLAME_EXTRA);
		if (status != VALID)
			return status;
		i = c->t->v[value].next;
		number++;
	}
	a->marks->all = true;
	return VALID;
}
