/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keywords about a value as it stands: JSON Schema 2020-12 Validation, sections 6.1 to 6.5 and 7; and our own. */
#include "rpc/schema-check.h"

int check_type(struct check *c, const struct at *a)
{
	const struct tree_node *v = &c->t->v[a->node];

	if (a->k->at >> v->type & 1)
		return VALID;
	if (a->k->n && v->type == TREE_NUMBER) {
		struct decimal d;
		if (!work(&c->work, (v->end - v->start) / 32))
			return LIMIT;
		decimal_parse(tree_raw(c->t, a->node), &d);
		if (decimal_integer(&d))
			return VALID;
	}
	return check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

static const struct tree *schema_tree(const struct check *c, const struct at *a)
{
	return &c->s->documents.v[c->s->subs.v[a->sub].document].tree;
}

int check_const(struct check *c, const struct at *a)
{
	if (value_equal(&c->values, c->t, a->node, schema_tree(c, a), a->k->value))
		return VALID;
	return c->work.out ? LIMIT : check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

int check_enum(struct check *c, const struct at *a)
{
	const struct enum_value *v = a->k->n ? &c->s->enums.v[a->k->at] : NULL;
	const struct tree *t = schema_tree(c, a);
	uint32_t low = 0, high = a->k->n;
	uint64_t hash = 0;

	if (a->k->n > TABLE_SORTED) {
		hash = value_hash(&c->values, c->t, a->node);
		while (low < high) {
			uint32_t middle = (low + high) / 2;
			if (v[middle].hash < hash)
				low = middle + 1;
			else
				high = middle;
		}
	}
	for (; low < a->k->n && v[low].hash == hash && work(&c->work, 1); low++)
		if (value_equal(&c->values, c->t, a->node, t, v[low].node))
			return VALID;
	return c->work.out ? LIMIT : check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

int check_number(struct check *c, const struct at *a)
{
	const struct decimal *limit = &c->s->numbers.v[a->k->at];
	const struct tree_node *v = &c->t->v[a->node];
	struct decimal d;
	bool good;

	if (!work(&c->work, (v->end - v->start) / 16))
		return LIMIT;
	decimal_parse(tree_raw(c->t, a->node), &d);
	if (a->k->id == KEY_MULTIPLE_OF) {
		if (!work(&c->work, decimal_multiple_work(&d, limit) / 8))
			return LIMIT;
		int multiple = decimal_multiple(&d, limit);
		if (multiple < 0)
			return check_limit(c, "a number's exponent is too large to divide it");
		return multiple ? VALID : check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
	}
	int order = decimal_compare(&d, limit);
	if (order == 2)
		return check_limit(c, "a number's exponent is too large to compare it");
	switch (a->k->id) {
	case KEY_MAXIMUM:
		good = order <= 0;
		break;
	case KEY_EXCLUSIVE_MAXIMUM:
		good = order < 0;
		break;
	case KEY_MINIMUM:
		good = order >= 0;
		break;
	default:
		good = order > 0;
		break;
	}
	return good ? VALID : check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

int check_length(struct check *c, const struct at *a)
{
	const struct tree_node *v = &c->t->v[a->node];
	uint64_t n = v->end - v->start - 2;

	if (v->escaped || v->wide) {
		if (!work(&c->work, n / 16))
			return LIMIT;
		struct span text = check_string(c, a->node);
		n = 0;
		for (size_t i = 0; i < text.n; i++)
			n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	}
	bool good = a->k->id == KEY_MAX_LENGTH ? n <= a->k->count : n >= a->k->count;
	return good ? VALID : check_blame(c, a, a->node, BLAME_KEYWORD, n > UINT32_MAX ? UINT32_MAX : (uint32_t)n, NULL);
}

int check_pattern_keyword(struct check *c, const struct at *a)
{
	int status = check_pattern(c, a->k->at, check_string(c, a->node));

	return status == INVALID ? check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL) : status;
}

int check_format(struct check *c, const struct at *a)
{
	struct span text = check_string(c, a->node);

	if (!work(&c->work, text.n / 8))
		return LIMIT;
	if (schema_format_holds(a->k->at, text))
		return VALID;
	return check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

/* ---- policy's own ----------------------------------------------------------------------------- */

int check_within(struct check *c, const struct at *a)
{
	const struct schema_options *o = &c->s->options;
	const char *why = NULL;

	if (c->t->v[a->node].type != TREE_STRING)
		return check_blame(c, a, a->node, BLAME_KEYWORD, 0, "it is not a string");
	struct span text = check_string(c, a->node);
	buf_clear(&c->path);
	if (!work(&c->work, text.n / 4 + a->k->n))
		return LIMIT;
	if (!schema_path(text, o->home, o->folder, &c->path, &why))
		return check_blame(c, a, a->node, BLAME_KEYWORD, 0, why);
	for (uint32_t i = 0; i < a->k->n; i++) {
		const struct range *r = &c->s->ranges.v[a->k->at + i];
		if (!work(&c->work, r->n / 16))
			return LIMIT;
		if (schema_path_inside(buf_span(&c->path), schema_text(c->s, r->at, r->n)))
			return VALID;
	}
	return check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

int check_hosts(struct check *c, const struct at *a)
{
	const char *why = NULL;

	if (c->t->v[a->node].type != TREE_STRING)
		return check_blame(c, a, a->node, BLAME_KEYWORD, 0, "it is not a string");
	struct span text = check_string(c, a->node);
	buf_clear(&c->path);
	if (!work(&c->work, text.n / 4 + a->k->n))
		return LIMIT;
	if (!schema_host(text, &c->path, &why))
		return check_blame(c, a, a->node, BLAME_KEYWORD, 0, why);
	for (uint32_t i = 0; i < a->k->n; i++) {
		const struct range *r = &c->s->ranges.v[a->k->at + i];
		if (!work(&c->work, r->n / 16))
			return LIMIT;
		if (schema_host_matches(buf_span(&c->path), schema_text(c->s, r->at, r->n)))
			return VALID;
	}
	return check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

/* ---- containers, from outside ----------------------------------------------------------------- */

int check_count(struct check *c, const struct at *a)
{
	uint32_t n = tree_count(c->t, a->node);

	if (!work(&c->work, n / 4))
		return LIMIT;
	bool most = a->k->id == KEY_MAX_ITEMS || a->k->id == KEY_MAX_PROPERTIES;
	bool good = most ? n <= a->k->count : n >= a->k->count;
	return good ? VALID : check_blame(c, a, a->node, BLAME_KEYWORD, n, NULL);
}

/* Keys are unique, and so are the names of the table: all are there when as many are found. */
int check_required(struct check *c, const struct at *a)
{
	struct range table = { a->k->at, a->k->n };
	uint32_t found = 0;

	for (uint32_t k = tree_first(c->t, a->node); k < c->t->v[a->node].next && found < table.n; k = c->t->v[k + 1].next) {
		struct span name = check_string(c, k);
		found += schema_entry(c->s, &c->work, table, name, schema_name_hash(name)) != NULL;
		if (!work(&c->work, 1 + name.n / 16))
			return LIMIT;
	}
	return found == table.n ? VALID : check_blame(c, a, a->node, BLAME_KEYWORD, 0, NULL);
}

int check_dependent_required(struct check *c, const struct at *a)
{
	struct range table = { a->k->at, a->k->n };

	for (uint32_t k = tree_first(c->t, a->node); k < c->t->v[a->node].next; k = c->t->v[k + 1].next) {
		struct span name = check_string(c, k);
		const struct entry *e = schema_entry(c->s, &c->work, table, name, schema_name_hash(name));
		if (!work(&c->work, 1 + name.n / 16))
			return LIMIT;
		if (!e)
			continue;
		const struct range *names = &c->s->ranges.v[e->to];
		for (uint32_t i = 0; i < names->n; i++) {
			const struct entry *other = &c->s->entries.v[names->at + i];
			if (!work(&c->work, 1 + (c->t->v[a->node].next - a->node) / 8))
				return LIMIT;
			if (tree_member_span(c->t, a->node, schema_text(c->s, other->name, other->name_n)) == TREE_NONE)
				return check_blame(c, a, k, BLAME_KEYWORD, names->at + i, NULL);
		}
	}
	return VALID;
}

int check_unique(struct check *c, const struct at *a)
{
	uint32_t first = 0, second = 0;

	if (!value_repeated(&c->values, c->t, a->node, &first, &second))
		return c->work.out ? LIMIT : VALID;
	return check_blame(c, a, second, BLAME_KEYWORD, first, NULL);
}
