/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The schema of a rule on calls as the mediator gets it. It is taken from the file's own bytes and not printed from what
 * jansson made of them, because that rounds decimal numbers and reorders members. The text was accepted by
 * jansson before, so this walk only copies tokens; where a folder is named it has to know what is a schema and what
 * is a name or data of the user's that only looks like one. JSON Schema 2020-12, "Core", 8 to 10.
 */
#include "policy/walk.h"

#include "base/cleanup.h"

#include <string.h>

/* What stands here. */
enum place {
	PLACE_SCHEMA, /* a schema, or a value of some keyword */
	PLACE_MAP,    /* names, each with a schema */
	PLACE_DATA,   /* nothing of ours */
	PLACE_WITHIN, /* the value of "within": a folder, or a list of them */
	PLACE_FOLDER, /* one of the list */
};

struct copy {
	const char *p, *end;
	const struct value_source *source;
	struct buf *out;
	struct error *err;
};

static void skip_space(struct copy *c)
{
	while (c->p < c->end && strchr(" \t\r\n", *c->p))
		c->p++;
}

static struct span take_string(struct copy *c)
{
	const char *from = c->p;

	for (c->p++; c->p < c->end && *c->p != '"'; c->p++)
		if (*c->p == '\\' && c->p + 1 < c->end)
			c->p++;
	if (c->p < c->end)
		c->p++;
	return (struct span){ from, (size_t)(c->p - from) };
}

static enum place place_of_member(enum place around, struct span raw)
{
	static const char *const maps[] = {
		"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
	};
	static const char *const data[] = { "const", "enum", "default", "examples", "example" };

	if (around == PLACE_MAP)
		return PLACE_SCHEMA;
	if (around != PLACE_SCHEMA)
		return PLACE_DATA;
	json_t *decoded = json_loadb(raw.p, raw.n, JSON_DECODE_ANY, NULL);
	const char *key = json_string_value(decoded);
	enum place place = PLACE_SCHEMA;
	for (size_t i = 0; key && i < ARRAY_SIZE(maps); i++)
		if (strcmp(key, maps[i]) == 0)
			place = PLACE_MAP;
	for (size_t i = 0; key && i < ARRAY_SIZE(data); i++)
		if (strcmp(key, data[i]) == 0)
			place = PLACE_DATA;
	if (key && strcmp(key, "within") == 0)
		place = PLACE_WITHIN;
	json_decref(decoded);
	return place;
}

/* ALONE: it becomes a list of one. */
static int copy_folder(struct copy *c, struct span raw, bool alone)
{
	CLEANUP_FREE char *path = NULL;
	json_t *decoded = json_loadb(raw.p, raw.n, JSON_DECODE_ANY, NULL);

	if (!decoded)
		return error_oom(c->err);
	int rc = value_path(json_string_value(decoded), c->source, &path, c->err);
	json_decref(decoded);
	if (rc < 0)
		return -1;
	json_t *shown = json_string(path);
	CLEANUP_FREE char *quoted = shown ? json_dumps(shown, JSON_ENCODE_ANY) : NULL;
	json_decref(shown);
	buf_puts(c->out, alone ? "[" : "");
	buf_puts(c->out, quoted ? quoted : "");
	buf_puts(c->out, alone ? "]" : "");
	return quoted ? 0 : error_oom(c->err);
}

static int copy_value(struct copy *c, enum place place);

static int copy_members(struct copy *c, enum place place)
{
	buf_putc(c->out, *c->p++);
	for (bool first = true;; first = false) {
		skip_space(c);
		if (c->p >= c->end || *c->p == '}')
			break;
		if (!first) {
			c->p++; /* the comma */
			skip_space(c);
			buf_putc(c->out, ',');
		}
		struct span key = take_string(c);
		buf_append(c->out, key.p, key.n);
		skip_space(c);
		c->p += c->p < c->end; /* the colon */
		buf_putc(c->out, ':');
		if (copy_value(c, place_of_member(place, key)) < 0)
			return -1;
	}
	c->p += c->p < c->end;
	buf_putc(c->out, '}');
	return 0;
}

static int copy_items(struct copy *c, enum place place)
{
	buf_putc(c->out, *c->p++);
	for (bool first = true;; first = false) {
		skip_space(c);
		if (c->p >= c->end || *c->p == ']')
			break;
		if (!first) {
			c->p++; /* the comma */
			buf_putc(c->out, ',');
		}
		if (copy_value(c, place) < 0)
			return -1;
	}
	c->p += c->p < c->end;
	buf_putc(c->out, ']');
	return 0;
}

static int copy_value(struct copy *c, enum place place)
{
	skip_space(c);
	if (c->p >= c->end)
		return 0;
	if (*c->p == '{')
		return copy_members(c, place >= PLACE_WITHIN ? PLACE_DATA : place);
	if (*c->p == '[')
		return copy_items(c, place == PLACE_WITHIN ? PLACE_FOLDER : place);
	if (*c->p == '"') {
		struct span raw = take_string(c);
		if (place >= PLACE_WITHIN)
			return copy_folder(c, raw, place == PLACE_WITHIN);
		buf_append(c->out, raw.p, raw.n);
		return 0;
	}
	size_t n = 0;
	while (c->p + n < c->end && !strchr(" \t\r\n,:]}", c->p[n]))
		n++;
	buf_append(c->out, c->p, n);
	c->p += n;
	return 0;
}

int schema_text(struct span text, const struct value_source *source, struct buf *out, struct error *err)
{
	struct copy c = { text.p, text.p + text.n, source, out, err };

	if (copy_value(&c, PLACE_SCHEMA) < 0)
		return -1;
	return out->full ? error_oom(err) : 0;
}
