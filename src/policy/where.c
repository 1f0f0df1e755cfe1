/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text was accepted by jansson before, so this walk checks only that it stays inside the text.
 */
#include "policy/where.h"

#include <jansson.h>
#include <string.h>

struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && strchr(" \t\r\n", *c->p))
		c->p++;
}

static void skip_string(struct cursor *c)
{
	for (c->p++; c->p < c->end && *c->p != '"'; c->p++)
		if (*c->p == '\\' && c->p + 1 < c->end)
			c->p++;
	if (c->p < c->end)
		c->p++;
}

static void skip_value(struct cursor *c)
{
	size_t depth = 0;

	do {
		skip_space(c);
		if (c->p >= c->end)
			return;
		switch (*c->p) {
		case '"':
			skip_string(c);
			break;
		case '{':
		case '[':
			depth++;
			c->p++;
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			c->p++;
			break;
		case ',':
		case ':':
			c->p++;
			break;
		default: /* a number or literal */
			while (c->p < c->end && !strchr(" \t\r\n,:]}", *c->p))
				c->p++;
		}
	} while (depth > 0);
}

/* Compare the quoted string FROM..TO with KEY; escapes are decoded by the parser that decoded KEY. */
static bool key_is(const char *from, const char *to, const char *key)
{
	size_t n = (size_t)(to - from);

	if (n < 2)
		return false;
	if (!memchr(from, '\\', n))
		return n - 2 == strlen(key) && memcmp(from + 1, key, n - 2) == 0;
	json_t *decoded = json_loadb(from, n, JSON_DECODE_ANY, NULL);
	bool same = decoded && strcmp(json_string_value(decoded), key) == 0;
	json_decref(decoded);
	return same;
}

/* From '{' to the member KEY: at its value, or at the key itself. */
static bool enter_member(struct cursor *c, const char *key, bool at_key)
{
	if (c->p >= c->end || *c->p != '{')
		return false;
	c->p++;
	for (;;) {
		skip_space(c);
		if (c->p >= c->end || *c->p != '"')
			return false;
		const char *from = c->p;
		skip_string(c);
		bool found = key_is(from, c->p, key);
		if (found && at_key) {
			c->p = from;
			return true;
		}
		skip_space(c);
		if (c->p < c->end)
			c->p++; /* the colon */
		skip_space(c);
		if (found)
			return true;
		skip_value(c);
		skip_space(c);
		if (c->p >= c->end || *c->p != ',')
			return false;
		c->p++;
	}
}

static bool enter_element(struct cursor *c, size_t index)
{
	if (c->p >= c->end || *c->p != '[')
		return false;
	c->p++;
	for (size_t i = 0;; i++) {
		skip_space(c);
		if (i == index)
			return true;
		skip_value(c);
		skip_space(c);
		if (c->p >= c->end || *c->p != ',')
			return false;
		c->p++;
	}
}

/* As far along STEPS as there is something. */
static struct cursor follow(const char *text, size_t n, const struct where_step *steps, size_t steps_n, bool at_key)
{
	struct cursor c = { text, text + n };

	skip_space(&c);
	for (size_t i = 0; i < steps_n; i++) {
		struct cursor next = c;
		bool found = steps[i].key ? enter_member(&next, steps[i].key, at_key && i + 1 == steps_n)
					  : enter_element(&next, steps[i].index);
		if (!found)
			break;
		c = next;
	}
	return c;
}

bool where_element(struct span *rest, struct span *element)
{
	struct cursor c = { rest->p, rest->p + rest->n };

	skip_space(&c);
	if (c.p >= c.end || (*c.p != '[' && *c.p != ','))
		return false;
	c.p++;
	skip_space(&c);
	if (c.p >= c.end || *c.p == ']')
		return false;
	element->p = c.p;
	skip_value(&c);
	element->n = (size_t)(c.p - element->p);
	*rest = (struct span){ c.p, (size_t)(c.end - c.p) };
	return true;
}

struct span where_text(const char *text, size_t n, const struct where_step *steps, size_t steps_n)
{
	struct cursor from = follow(text, n, steps, steps_n, false), to = from;

	skip_value(&to);
	return (struct span){ from.p, (size_t)(to.p - from.p) };
}

void where_find(const char *text, size_t n, const struct where_step *steps, size_t steps_n, bool at_key, size_t *line,
		size_t *column)
{
	struct cursor c = follow(text, n, steps, steps_n, at_key);

	*line = 1;
	*column = 1;
	for (const char *p = text; p < c.p; p++) {
		if (*p == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)*p & 0xc0) != 0x80) {
			++*column;
		}
	}
}
