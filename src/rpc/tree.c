/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One pass over the text with a stack of open containers; see tree.h. Every byte is reached through `p < end`, so that text which no
 * scanner has seen is refused, not trusted.
 */
#include "rpc/tree.h"

#include "rpc/scan-simd.h"

#include <stdlib.h>
#include <string.h>

const char *tree_status_text(enum tree_status status)
{
	switch (status) {
	case TREE_OK:
		return "it is JSON";
	case TREE_BAD_JSON:
		return "it is not JSON";
	case TREE_TOO_MANY:
		return "it has too many values";
	case TREE_TOO_DEEP:
		return "it is nested too deeply";
	case TREE_NO_MEMORY:
		return "memory ran out";
	}
	return "";
}

void tree_free(struct tree *t)
{
	free(t->v);
	*t = (struct tree){ 0 };
}

struct parse {
	struct tree *t;
	const uint8_t *start, *p, *end;
	unsigned depth;
	uint32_t open[TREE_DEPTH];
};

static enum tree_status grow(struct tree *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;

	if (t->cap >= t->max)
		return TREE_TOO_MANY;
	if (cap > t->max)
		cap = t->max;
	struct tree_node *v = realloc(t->v, (size_t)cap * sizeof *v);
	if (!v)
		return TREE_NO_MEMORY;
	t->v = v;
	t->cap = cap;
	return TREE_OK;
}

static enum tree_status add(struct parse *p, enum tree_type type)
{
	struct tree *t = p->t;

	if (t->n == t->cap || t->n >= t->max) {
		enum tree_status status = t->n >= t->max ? TREE_TOO_MANY : grow(t);
		if (status != TREE_OK)
			return status;
	}
	t->v[t->n] = (struct tree_node){
		.start = (uint32_t)(p->p - p->start),
		.type = (uint8_t)type,
		.next = t->n + 1,
	};
	t->n++;
	return TREE_OK;
}

static void ends(struct parse *p, uint32_t i)
{
	p->t->v[i].end = (uint32_t)(p->p - p->start);
	p->t->v[i].next = p->t->n;
}

static void skip_space(struct parse *p)
{
	while (p->p < p->end && (*p->p == ' ' || *p->p == '\t' || *p->p == '\n' || *p->p == '\r'))
		p->p++;
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* At a backslash. */
static bool skip_escape(struct parse *p)
{
	if (p->end - p->p < 2)
		return false;
	if (p->p[1] != 'u') {
		if (!memchr("\"\\/bfnrt", p->p[1], 8))
			return false;
		p->p += 2;
		return true;
	}
	if (p->end - p->p < 6)
		return false;
	for (int i = 2; i < 6; i++)
		if (!is_hex(p->p[i]))
			return false;
	p->p += 6;
	return true;
}

/* As the scanner's: long strings by the block, without a detour for short ones. */
static const uint8_t *plain(const uint8_t *p, const uint8_t *end)
{
	if (end - p < 256)
		return plain_run(p, end);
	const uint8_t *q = plain_run(p, p + 64);
	if (q < p + 64)
		return q;
	return plain_run(plain_has_avx2() ? plain_blocks_avx2(q, end) : plain_blocks(q, end), end);
}

static enum tree_status string(struct parse *p)
{
	enum tree_status status = add(p, TREE_STRING);

	if (status != TREE_OK)
		return status;
	struct tree_node *node = &p->t->v[p->t->n - 1];
	p->p++;
	for (;;) {
		p->p = plain(p->p, p->end);
		if (p->p == p->end || *p->p < 0x20)
			return TREE_BAD_JSON;
		if (*p->p == '"')
			break;
		if (*p->p == '\\') {
			node->escaped = true;
			if (!skip_escape(p))
				return TREE_BAD_JSON;
			continue;
		}
		node->wide = true;
		while (p->p < p->end && *p->p >= 0x80)
			p->p++;
	}
	p->p++;
	ends(p, p->t->n - 1);
	return TREE_OK;
}

static bool digits(struct parse *p)
{
	const uint8_t *start = p->p;

	while (p->p < p->end && *p->p >= '0' && *p->p <= '9')
		p->p++;
	return p->p > start;
}

static enum tree_status number(struct parse *p)
{
	enum tree_status status = add(p, TREE_NUMBER);

	if (status != TREE_OK)
		return status;
	if (*p->p == '-')
		p->p++;
	if (p->p < p->end && *p->p == '0')
		p->p++;
	else if (!digits(p))
		return TREE_BAD_JSON;
	if (p->p < p->end && *p->p == '.') {
		p->p++;
		if (!digits(p))
			return TREE_BAD_JSON;
	}
	if (p->p < p->end && (*p->p == 'e' || *p->p == 'E')) {
		p->p++;
		if (p->p < p->end && (*p->p == '+' || *p->p == '-'))
			p->p++;
		if (!digits(p))
			return TREE_BAD_JSON;
	}
	ends(p, p->t->n - 1);
	return TREE_OK;
}

static enum tree_status word(struct parse *p, const char *text, enum tree_type type)
{
	size_t n = strlen(text);

	if ((size_t)(p->end - p->p) < n || memcmp(p->p, text, n) != 0)
		return TREE_BAD_JSON;
	enum tree_status status = add(p, type);
	if (status != TREE_OK)
		return status;
	p->p += n;
	ends(p, p->t->n - 1);
	return TREE_OK;
}

static enum tree_status open_container(struct parse *p, enum tree_type type)
{
	if (p->depth == TREE_DEPTH)
		return TREE_TOO_DEEP;
	p->open[p->depth++] = p->t->n;
	enum tree_status status = add(p, type);
	p->p++;
	return status;
}

static enum tree_status value(struct parse *p)
{
	switch (*p->p) {
	case '"':
		return string(p);
	case '{':
		return open_container(p, TREE_OBJECT);
	case '[':
		return open_container(p, TREE_ARRAY);
	case 't':
		return word(p, "true", TREE_TRUE);
	case 'f':
		return word(p, "false", TREE_FALSE);
	case 'n':
		return word(p, "null", TREE_NULL);
	default:
		return number(p);
	}
}

/* Key and colon. */
static enum tree_status key(struct parse *p)
{
	if (p->p == p->end || *p->p != '"')
		return TREE_BAD_JSON;
	enum tree_status status = string(p);
	if (status != TREE_OK)
		return status;
	skip_space(p);
	if (p->p == p->end || *p->p != ':')
		return TREE_BAD_JSON;
	p->p++;
	skip_space(p);
	return TREE_OK;
}

/* After a value: close what closes here, take a comma. *MORE: another value of the innermost container follows. */
static enum tree_status after(struct parse *p, bool *more)
{
	*more = false;
	while (p->depth > 0) {
		uint32_t container = p->open[p->depth - 1];
		uint8_t close = p->t->v[container].type == TREE_OBJECT ? '}' : ']';

		skip_space(p);
		if (p->p == p->end)
			return TREE_BAD_JSON;
		if (*p->p == ',' && p->t->n > container + 1) {
			p->p++;
			skip_space(p);
			*more = true;
			return close == '}' ? key(p) : TREE_OK;
		}
		if (*p->p != close)
			return TREE_BAD_JSON;
		p->p++;
		ends(p, container);
		p->depth--;
	}
	return TREE_OK;
}

/* A container was opened: its first value follows, or it ends at once. */
static enum tree_status enter(struct parse *p, bool *more)
{
	bool object = p->t->v[p->open[p->depth - 1]].type == TREE_OBJECT;

	skip_space(p);
	if (p->p == p->end)
		return TREE_BAD_JSON;
	if (*p->p == (object ? '}' : ']'))
		return after(p, more);
	*more = true;
	return object ? key(p) : TREE_OK;
}

static enum tree_status parse(struct parse *p)
{
	bool more = true;

	skip_space(p);
	while (more) {
		if (p->p == p->end)
			return TREE_BAD_JSON;
		unsigned depth = p->depth;
		enum tree_status status = value(p);
		if (status == TREE_OK)
			status = p->depth > depth ? enter(p, &more) : after(p, &more);
		if (status != TREE_OK)
			return status;
	}
	skip_space(p);
	return p->p == p->end ? TREE_OK : TREE_BAD_JSON;
}

enum tree_status tree_parse(struct tree *t, struct span text, uint32_t max_nodes)
{
	struct parse p = {
		.t = t,
		.start = (const uint8_t *)text.p,
		.p = (const uint8_t *)text.p,
		.end = (const uint8_t *)text.p + text.n,
	};

	t->text = text;
	t->n = 0;
	t->max = max_nodes ? max_nodes : TREE_NODES;
	enum tree_status status = text.n >= UINT32_MAX ? TREE_TOO_MANY : text.n == 0 ? TREE_BAD_JSON : parse(&p);
	if (status != TREE_OK)
		t->n = 0;
	return status;
}

/* ---- reading ---------------------------------------------------------------------------------- */

uint32_t tree_count(const struct tree *t, uint32_t container)
{
	uint32_t n = 0;
	bool object = t->v[container].type == TREE_OBJECT;

	for (uint32_t i = tree_first(t, container); i < t->v[container].next; i = t->v[object ? i + 1 : i].next)
		n++;
	return n;
}

uint32_t tree_item(const struct tree *t, uint32_t array, uint32_t at)
{
	if (!tree_is(t, array, TREE_ARRAY))
		return TREE_NONE;
	for (uint32_t i = tree_first(t, array); i < t->v[array].next; i = t->v[i].next)
		if (at-- == 0)
			return i;
	return TREE_NONE;
}

static unsigned hex4(const uint8_t *p)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		uint8_t c = p[i];
		value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

static size_t utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* At a backslash that tree_parse() has checked. Returns the bytes it is for, and how many it took. */
static size_t unescape(const uint8_t *p, const uint8_t *end, char to[4], size_t *took)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";

	if (p[1] != 'u') {
		*took = 2;
		to[0] = into[strchr(from, p[1]) - from];
		return 1;
	}
	uint32_t c = hex4(p + 2);
	*took = 6;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
		uint32_t low = hex4(p + 8);
		if (low >= 0xdc00 && low < 0xe000) {
			*took = 12;
			return utf8(to, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
		}
	}
	return utf8(to, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
}

void tree_string(const struct tree *t, uint32_t i, struct buf *out)
{
	const uint8_t *p = (const uint8_t *)t->text.p + t->v[i].start + 1;
	const uint8_t *end = (const uint8_t *)t->text.p + t->v[i].end - 1;

	/* It never becomes longer. */
	if (buf_reserve(out, (size_t)(end - p)) < 0)
		return;
	char *to = out->p + out->n;
	while (p < end) {
		/* Escapes are often near each other: a call for each would cost more than the few bytes between them. */
		const uint8_t *near = end - p > 16 ? p + 16 : end;
		while (p < near && *p != '\\')
			*to++ = (char)*p++;
		if (p < near) {
			char made[4];
			size_t took, n = unescape(p, end, made, &took);
			memcpy(to, made, n);
			to += n;
			p += took;
			continue;
		}
		const uint8_t *slash = t->v[i].escaped && p < end ? memchr(p, '\\', (size_t)(end - p)) : NULL;
		size_t n = (size_t)((slash ? slash : end) - p);
		if (n > 0)
			memcpy(to, p, n);
		to += n;
		p += n;
	}
	out->n = (size_t)(to - out->p);
}

struct span tree_string_span(const struct tree *t, uint32_t i, struct buf *scratch)
{
	if (!t->v[i].escaped)
		return (struct span){ t->text.p + t->v[i].start + 1, t->v[i].end - t->v[i].start - 2 };
	buf_clear(scratch);
	tree_string(t, i, scratch);
	return buf_span(scratch);
}

static bool string_eq(const struct tree *t, uint32_t i, struct span text)
{
	const uint8_t *p = (const uint8_t *)t->text.p + t->v[i].start + 1;
	const uint8_t *end = (const uint8_t *)t->text.p + t->v[i].end - 1;

	if (!t->v[i].escaped)
		return span_eq((struct span){ (const char *)p, (size_t)(end - p) }, text); /* TEXT may be NULL where it is empty */
	while (p < end) {
		char to[4];
		size_t took = 1, made = 1;
		if (*p == '\\')
			made = unescape(p, end, to, &took);
		else
			to[0] = (char)*p;
		if (text.n < made || memcmp(text.p, to, made) != 0)
			return false;
		text.p += made;
		text.n -= made;
		p += took;
	}
	return text.n == 0;
}

bool tree_string_is(const struct tree *t, uint32_t i, const char *text)
{
	return tree_is(t, i, TREE_STRING) && string_eq(t, i, span_of(text));
}

uint32_t tree_member_span(const struct tree *t, uint32_t object, struct span key)
{
	if (!tree_is(t, object, TREE_OBJECT))
		return TREE_NONE;
	for (uint32_t k = tree_first(t, object); k < t->v[object].next; k = t->v[k + 1].next)
		if (string_eq(t, k, key))
			return k + 1;
	return TREE_NONE;
}

uint32_t tree_member(const struct tree *t, uint32_t object, const char *key)
{
	return tree_member_span(t, object, span_of(key));
}

bool tree_whole(const struct tree *t, uint32_t i, uint64_t max, uint64_t *value)
{
	if (!tree_is(t, i, TREE_NUMBER))
		return false;
	struct span raw = tree_raw(t, i);
	uint64_t v = 0;
	long point = -1, exponent = 0, digits_n = 0;
	size_t at = 0;

	/* Digits without the point, then where the point belongs. */
	if (raw.p[0] == '-')
		at = 1;
	size_t first = at;
	for (; at < raw.n && raw.p[at] != 'e' && raw.p[at] != 'E'; at++) {
		if (raw.p[at] == '.')
			point = digits_n;
		else
			digits_n++;
	}
	if (point < 0)
		point = digits_n;
	if (at < raw.n) {
		bool minus = raw.p[at + 1] == '-';
		for (at += 1 + (raw.p[at + 1] == '-' || raw.p[at + 1] == '+'); at < raw.n; at++)
			if (exponent < 100000000)
				exponent = exponent * 10 + (raw.p[at] - '0');
		if (minus)
			exponent = -exponent;
	}
	point += exponent;
	long k = 0;
	for (at = first; at < raw.n && raw.p[at] != 'e' && raw.p[at] != 'E'; at++) {
		if (raw.p[at] == '.')
			continue;
		unsigned digit = (unsigned)(raw.p[at] - '0');
		if (k++ >= point) {
			if (digit != 0)
				return false;
			continue;
		}
		if (v > (max - (digit > max ? max : digit)) / 10 || (v == 0 && digit > max))
			return false;
		v = v * 10 + digit;
	}
	for (; v > 0 && k < point; k++) {
		if (v > max / 10)
			return false;
		v *= 10;
	}
	if (raw.p[0] == '-' && v > 0)
		return false;
	*value = v;
	return true;
}

/* ---- pointers --------------------------------------------------------------------------------- */

static void pointer_token(const struct tree *t, uint32_t key, struct buf *out)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);
	struct span text = tree_string_span(t, key, &scratch);

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '~')
			buf_puts(out, "~0");
		else if (text.p[i] == '/')
			buf_puts(out, "~1");
		else
			buf_putc(out, text.p[i]);
	}
}

void tree_pointer(const struct tree *t, uint32_t i, struct buf *out)
{
	uint32_t at = 0;

	while (at != i && at < t->n) {
		uint32_t child = tree_first(t, at), index = 0;
		bool object = t->v[at].type == TREE_OBJECT;
		for (;;) {
			uint32_t v = object ? child + 1 : child;
			if (child >= t->v[at].next)
				return;
			if (i < t->v[v].next) {
				buf_putc(out, '/');
				if (object)
					pointer_token(t, child, out);
				else
					buf_printf(out, "%u", index);
				at = i <= child && object ? i : v;
				break;
			}
			child = t->v[v].next;
			index++;
		}
	}
}
