/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks a value against the tables of shape-table.c. The members of an object are gone through once, in the order of the text;
 * each is looked up among the rows by length first, so that what no row names costs next to nothing. Rows that must be there
 * are counted off in a mask. The path is written only on the way out of a failure.
 *
 * Recursion goes as deep as the tables name each other, which no message can change.
 */
#include "rpc/shape-table.h"

#include <stdio.h>
#include <string.h>

struct check {
	const struct tree *t;
	struct shape_failure *out;
	uint8_t may, must; /* of this era */
};

static int check(const struct check *c, unsigned id, uint32_t node);

/* ---- failures ------------------------------------------------------------------------------------- */

/* On the way out of a failure: the value was under this step of its container. What does not fit is cut in front. Returns -1. */
static int under(const struct check *c, const char *step)
{
	char escaped[128];
	size_t n = 0;

	if (!c->out)
		return -1;
	escaped[n++] = '/';
	for (; *step && n < sizeof escaped - 2; step++) {
		escaped[n++] = *step == '/' || *step == '~' ? '~' : *step;
		if (*step == '/' || *step == '~')
			escaped[n++] = *step == '/' ? '1' : '0';
	}
	size_t have = strlen(c->out->pointer);
	if (have + n >= sizeof c->out->pointer)
		return -1;
	memmove(c->out->pointer + n, c->out->pointer, have + 1);
	memcpy(c->out->pointer, escaped, n);
	return -1;
}

static int under_item(const struct check *c, uint32_t container, uint32_t item)
{
	char step[16];
	uint32_t at = 0;

	if (!c->out)
		return -1;
	for (uint32_t i = tree_first(c->t, container); i < item; i = c->t->v[i].next)
		at++;
	snprintf(step, sizeof step, "%u", at);
	return under(c, step);
}

/* -1, so that it can be returned. */
__attribute__((format(printf, 2, 3)))
static int failed(const struct check *c, const char *format, ...)
{
	va_list ap;

	if (!c->out)
		return -1;
	c->out->pointer[0] = '\0';
	va_start(ap, format);
	vsnprintf(c->out->words, sizeof c->out->words, format, ap);
	va_end(ap);
	return -1;
}

static const char *type_words(const struct shape *s)
{
	switch (s->types) {
	case 1 << TREE_STRING:
		return "a string";
	case 1 << TREE_NUMBER:
		return s->kind == KIND_TYPE ? "a number" : s->kind == KIND_COUNT ? "an integer of at least 0" : "an integer";
	case 1 << TREE_NUMBER | 1 << TREE_NULL:
		return "an integer or null";
	case 1 << TREE_NUMBER | 1 << TREE_STRING:
		return "a string or an integer";
	case 1 << TREE_TRUE | 1 << TREE_FALSE:
		return "true or false";
	case 1 << TREE_OBJECT | 1 << TREE_TRUE | 1 << TREE_FALSE:
		return "an object, true or false";
	case 1 << TREE_OBJECT:
		return "an object";
	default:
		return "a string, a number, true or false";
	}
}

/* "a", "b" or "c": the names of the rows of this era, as many as fit. */
static void names(const struct check *c, const struct shape *s, char *out, size_t size)
{
	size_t at = 0;
	unsigned left = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < s->rows_n; i++)
		left += (s->rows[i].need & c->may) != 0;
	for (unsigned i = 0; i < s->rows_n && at < size; i++) {
		if (!(s->rows[i].need & c->may))
			continue;
		left--;
		int n = snprintf(out + at, size - at, "\"%s\"%s", s->rows[i].name, left > 1 ? ", " : left == 1 ? " or " : "");
		at += n > 0 ? (size_t)n : 0;
	}
}

static int not_among(const struct check *c, const struct shape *s)
{
	char list[128];

	if (!c->out)
		return -1;
	names(c, s, list, sizeof list);
	return failed(c, "must be %s", list);
}

/* ---- values --------------------------------------------------------------------------------------- */

/* Whether string node I is this name. Names have no character that needs an escape, but may be written with some. */
static bool is_name(const struct tree *t, uint32_t i, const struct shape_row *row)
{
	const struct tree_node *v = &t->v[i];

	if (__builtin_expect(v->escaped, 0))
		return tree_string_is(t, i, row->name);
	return v->end - v->start == row->length + 2u && memcmp(t->text.p + v->start + 1, row->name, row->length) == 0;
}

/* The row of this era with this name, or NULL. */
static const struct shape_row *row_of(const struct check *c, const struct shape *s, uint32_t key)
{
	for (const struct shape_row *row = s->rows; row < s->rows + s->rows_n; row++)
		if ((row->need & c->may) && is_name(c->t, key, row))
			return row;
	return NULL;
}

/* A byte or a sequence of TEXT at *AT as readers fold it that do not mind case, or width; -1 for what is no letter of a name. */
static int folded(struct span text, size_t *at)
{
	const uint8_t *p = (const uint8_t *)text.p + *at;
	size_t left = text.n - *at;

	if (left >= 2 && p[0] == 0xc5 && p[1] == 0xbf) { /* long s */
		*at += 2;
		return 's';
	}
	if (left >= 3 && p[0] == 0xe2 && p[1] == 0x84 && p[2] == 0xaa) { /* Kelvin */
		*at += 3;
		return 'k';
	}
	if (left >= 3 && p[0] == 0xef && (p[1] == 0xbc || p[1] == 0xbd)) { /* full width */
		*at += 3;
		int c = 0x20 + ((p[1] - 0xbc) << 6) + (p[2] - 0x80);
		return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	++*at;
	return *p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p < 0x80 ? *p : -1;
}

static bool looks_like(struct span key, const struct shape_row *row)
{
	struct span name = { row->name, row->length };
	size_t at = 0, i = 0;

	if (key.n < name.n)
		return false;
	while (at < key.n && i < name.n)
		if (folded(key, &at) != folded(name, &i))
			return false;
	/* For some readers a string ends at a NUL. */
	return i == name.n && (at == key.n || key.p[at] == '\0');
}

/*
 * KEY, which is none of the rows' names, only looks like one: clients exist that would take it for that, so that what they see is
 * another thing than what is checked here. Of params and results themselves the scanner sees to it (rpc/scan-keys.c).
 */
static bool is_lookalike(const struct check *c, const struct shape *s, uint32_t key)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	struct span text = tree_string_span(c->t, key, &scratch);

	for (const struct shape_row *row = s->rows; row < s->rows + s->rows_n; row++)
		if (looks_like(text, row) && !is_name(c->t, key, row))
			return failed(c, "has a key that only looks like \"%s\"", row->name) < 0;
	return false;
}

/* A number without a fraction, however it is written. tree_parse() has seen to the grammar. */
static bool is_whole(struct span raw)
{
	long point = -1, digits = 0, last = 0, exponent = 0;
	size_t at = raw.p[0] == '-';

	if (!memchr(raw.p, '.', raw.n) && !memchr(raw.p, 'e', raw.n) && !memchr(raw.p, 'E', raw.n))
		return true;
	for (; at < raw.n && (raw.p[at] | 0x20) != 'e'; at++) {
		if (raw.p[at] == '.') {
			point = digits;
			continue;
		}
		digits++;
		if (raw.p[at] != '0')
			last = digits; /* significant digits end here */
	}
	if (point < 0)
		point = digits;
	if (at < raw.n) {
		bool minus = raw.p[++at] == '-';
		for (at += raw.p[at] == '-' || raw.p[at] == '+'; at < raw.n; at++)
			if (exponent < 100000000)
				exponent = exponent * 10 + (raw.p[at] - '0');
		if (minus)
			exponent = -exponent;
	}
	return last == 0 || last <= point + exponent;
}

/* Below zero; -0 is not. */
static bool is_negative(struct span raw)
{
	if (raw.p[0] != '-')
		return false;
	for (size_t i = 1; i < raw.n && (raw.p[i] | 0x20) != 'e'; i++)
		if (raw.p[i] >= '1' && raw.p[i] <= '9')
			return true;
	return false;
}

static int check_type(const struct check *c, const struct shape *s, uint32_t node)
{
	if (!(s->types & 1 << c->t->v[node].type))
		return failed(c, "must be %s", type_words(s));
	if (s->kind == KIND_TYPE || c->t->v[node].type != TREE_NUMBER)
		return 0;
	struct span raw = tree_raw(c->t, node);
	if (!is_whole(raw) || (s->kind == KIND_COUNT && is_negative(raw)))
		return failed(c, "must be %s", type_words(s));
	return 0;
}

static int check_word(const struct check *c, const struct shape *s, uint32_t node)
{
	if (c->t->v[node].type != TREE_STRING || !row_of(c, s, node))
		return not_among(c, s);
	return 0;
}

/* What was found is in FOUND, a bit for each row. */
static int check_needed(const struct check *c, const struct shape *s, uint32_t found)
{
	uint32_t choices = 0;

	for (unsigned i = 0; i < s->rows_n; i++) {
		const struct shape_row *row = &s->rows[i];
		if ((row->need & ONE_OF) == ONE_OF)
			choices |= (uint32_t)1 << i;
		else if ((row->need & c->must) == c->must && !(found & (uint32_t)1 << i))
			return failed(c, "needs \"%s\"", row->name);
	}
	if (choices == 0 || (choices & found))
		return 0;
	for (unsigned i = 0; i < s->rows_n; i++)
		if (choices & (uint32_t)1 << i)
			for (unsigned k = i + 1; k < s->rows_n; k++)
				if (choices & (uint32_t)1 << k)
					return failed(c, "needs \"%s\" or \"%s\"", s->rows[i].name, s->rows[k].name);
	return 0;
}

static int check_object(const struct check *c, const struct shape *s, uint32_t node)
{
	const struct tree *t = c->t;
	uint32_t found = 0;

	for (uint32_t k = tree_first(t, node); k < t->v[node].next; k = t->v[k + 1].next) {
		const struct shape_row *row = row_of(c, s, k);
		if (!row && is_lookalike(c, s, k))
			return -1;
		if (!row)
			continue;
		if ((row->need & NEVER) == NEVER)
			return failed(c, "must not have \"%s\"", row->name);
		if (t->v[k + 1].type == TREE_NULL && (row->need & c->must) != c->must)
			continue;
		if (check(c, row->shape, k + 1) < 0)
			return under(c, row->name);
		found |= (uint32_t)1 << (row - s->rows);
	}
	return check_needed(c, s, found);
}

static int check_each(const struct check *c, const struct shape *s, uint32_t node, bool object)
{
	const struct tree *t = c->t;

	for (uint32_t i = tree_first(t, node); i < t->v[node].next; i = t->v[object ? i + 1 : i].next)
		if (check(c, s->of, object ? i + 1 : i) < 0)
			return object ? under(c, "*") : under_item(c, node, i);
	return 0;
}

static int check_switch(const struct check *c, const struct shape *s, uint32_t node)
{
	const struct tree *t = c->t;
	uint32_t member = tree_member(t, node, s->key);

	if (member == TREE_NONE && s->of == SHAPE_NONE)
		return failed(c, "needs \"%s\"", s->key);
	if (member == TREE_NONE)
		return check(c, s->of, node);
	if (t->v[member].type == TREE_STRING) {
		const struct shape_row *row = row_of(c, s, member);
		if (row)
			return check(c, row->shape, node);
	} else if (s->of != SHAPE_NONE) {
		return check(c, s->of, node);
	}
	(void)not_among(c, s);
	return under(c, s->key);
}

/* Of errors, the codes that say more than others. */
static int check_code(const struct check *c, const struct shape *s, uint32_t node)
{
	uint32_t member = tree_member(c->t, node, s->key);

	for (const struct shape_row *row = s->rows; row < s->rows + s->rows_n; row++)
		if ((row->need & c->may) && tree_is(c->t, member, TREE_NUMBER) &&
		    span_eq(tree_raw(c->t, member), (struct span){ row->name, row->length }))
			return check(c, row->shape, node);
	return check(c, s->of, node);
}

static int check_has(const struct check *c, const struct shape *s, uint32_t node)
{
	for (const struct shape_row *row = s->rows; row < s->rows + s->rows_n; row++)
		if ((row->need & c->may) && tree_member_span(c->t, node, (struct span){ row->name, row->length }) != TREE_NONE)
			return check(c, row->shape, node);
	return check(c, s->of, node);
}

static int check(const struct check *c, unsigned id, uint32_t node)
{
	const struct shape *s = &shapes[id];
	enum tree_type type = c->t->v[node].type;

	switch ((enum shape_kind)s->kind) {
	case KIND_TYPE:
	case KIND_INTEGER:
	case KIND_COUNT:
		return check_type(c, s, node);
	case KIND_WORD:
		return check_word(c, s, node);
	case KIND_ERA:
		return check(c, c->may == MAY_L ? s->of : s->or_else, node);
	case KIND_LIST:
		return check(c, type == TREE_ARRAY ? s->of : s->or_else, node);
	case KIND_ARRAY:
		return type == TREE_ARRAY ? check_each(c, s, node, false) : failed(c, "must be an array");
	case KIND_MAP:
		return type == TREE_OBJECT ? check_each(c, s, node, true) : failed(c, "must be an object");
	case KIND_OBJECT:
		return type == TREE_OBJECT ? check_object(c, s, node) : failed(c, "must be an object");
	case KIND_SWITCH:
		return type == TREE_OBJECT ? check_switch(c, s, node) : failed(c, "must be an object");
	case KIND_CODE:
		return type == TREE_OBJECT ? check_code(c, s, node) : failed(c, "must be an object");
	case KIND_HAS:
		return type == TREE_OBJECT ? check_has(c, s, node) : failed(c, "must be an object");
	}
	return -1;
}

/* Params that are not there are as good as empty ones where nothing in them is needed. */
static int check_absent(const struct check *c, const struct shape *s)
{
	if (s->kind == KIND_TYPE && s->types == 0xff)
		return 0;
	if (s->always || s->kind != KIND_OBJECT)
		return failed(c, "is missing");
	return check_needed(c, s, 0);
}

int shape_check(enum shape_id id, const struct tree *t, uint32_t node, bool modern, struct shape_failure *out)
{
	const struct check c = {
		.t = t,
		.out = out,
		.may = modern ? MAY_M : MAY_L,
		.must = modern ? MUST_M : MUST_L,
	};

	if (node == TREE_NONE)
		return check_absent(&c, &shapes[id]);
	return check(&c, id, node);
}
