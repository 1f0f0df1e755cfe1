/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See package-record.h. Read by jansson, since the file is the user's own; every member is checked, and what is missing is an error. */
#include <jansson.h> /* before json-out.h, which has a json_string() of its own */

#include "store/package-record.h"

#include "base/cleanup.h"
#include "base/json-out.h"

#include <stdlib.h>
#include <string.h>

static const char *const starts[] = { "node", "python", "binary", "script" };

static void json_freep(json_t **json)
{
	json_decref(*json);
}

void package_hash_text(const uint8_t hash[PACKAGE_HASH], char out[2 * PACKAGE_HASH + 1])
{
	for (size_t i = 0; i < PACKAGE_HASH; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int package_hash_read(const char *text, uint8_t hash[PACKAGE_HASH])
{
	if (strlen(text) != 2 * PACKAGE_HASH)
		return -1;
	for (size_t i = 0; i < PACKAGE_HASH; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		hash[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* ---- writing ---- */

static void put_hash(struct buf *out, const char *key, const uint8_t hash[PACKAGE_HASH])
{
	char text[2 * PACKAGE_HASH + 1];

	package_hash_text(hash, text);
	json_member_str(out, key, text);
}

void package_request_write(const struct package_request *r, struct buf *out)
{
	buf_putc(out, '{');
	json_member_str(out, "ecosystem", ecosystem_name(r->ecosystem));
	json_key(out, "specs");
	buf_putc(out, '[');
	for (size_t i = 0; i < r->specs.n; i++) {
		json_comma(out);
		json_string(out, span_of(r->specs.v[i]));
	}
	buf_putc(out, ']');
	json_member_str(out, "python", r->python);
	json_member_bool(out, "scripts", r->scripts);
	buf_putc(out, '}');
}

void package_record_write(const struct package *p, struct buf *out)
{
	buf_puts(out, "{\n");
	json_member_u64(out, "format", 1);
	json_key(out, "request");
	package_request_write(&p->request, out);
	put_hash(out, "tree", p->tree);
	json_member_u64(out, "files", p->files);
	json_member_u64(out, "bytes", p->bytes);
	json_member_i64(out, "time", p->time);
	json_member_str(out, "tool", p->tool);
	json_member_bool(out, "scripts_ran", p->scripts_ran);
	json_member_str(out, "interpreter", p->interpreter);
	json_member_str(out, "interpreter_version", p->interpreter_version);
	put_hash(out, "interpreter_hash", p->interpreter_hash);
	json_key(out, "commands");
	buf_putc(out, '[');
	for (size_t i = 0; i < p->commands_n; i++) {
		json_comma(out);
		buf_puts(out, "\n{");
		json_member_str(out, "name", p->commands[i].name);
		json_member_str(out, "path", p->commands[i].path);
		json_member_str(out, "start", starts[p->commands[i].start]);
		json_member_bool(out, "asked", p->commands[i].asked);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
	json_key(out, "parts");
	buf_putc(out, '[');
	for (size_t i = 0; i < p->parts_n; i++) {
		json_comma(out);
		buf_puts(out, "\n{");
		json_member_str(out, "name", p->parts[i].name);
		json_member_str(out, "version", p->parts[i].version);
		json_member_str(out, "integrity", p->parts[i].integrity);
		json_member_str(out, "path", p->parts[i].path);
		json_member_bool(out, "scripts", p->parts[i].scripts);
		json_member_bool(out, "asked", p->parts[i].asked);
		buf_putc(out, '}');
	}
	buf_puts(out, "]\n}\n");
}

/* ---- reading ---- */

/* A copy of the string KEY; NULL and *BAD when it is none. */
static char *take(const json_t *object, const char *key, bool *bad)
{
	const char *text = json_string_value(json_object_get(object, key));
	char *copy = text ? strdup(text) : NULL;

	*bad = *bad || !copy;
	return copy;
}

static bool take_bool(const json_t *object, const char *key, bool *bad)
{
	const json_t *value = json_object_get(object, key);

	*bad = *bad || !json_is_boolean(value);
	return json_is_true(value);
}

static uint64_t take_number(const json_t *object, const char *key, bool *bad)
{
	const json_t *value = json_object_get(object, key);

	*bad = *bad || !json_is_integer(value) || json_integer_value(value) < 0;
	return (uint64_t)json_integer_value(value);
}

static void take_hash(const json_t *object, const char *key, uint8_t hash[PACKAGE_HASH], bool *bad)
{
	const char *text = json_string_value(json_object_get(object, key));

	*bad = *bad || !text || package_hash_read(text, hash) < 0;
}

static void take_request(const json_t *object, struct package_request *r, bool *bad)
{
	const char *ecosystem = json_string_value(json_object_get(object, "ecosystem"));
	const json_t *specs = json_object_get(object, "specs"), *python = json_object_get(object, "python");
	const json_t *spec;
	size_t i;

	*bad = *bad || !ecosystem || (strcmp(ecosystem, "npm") != 0 && strcmp(ecosystem, "pypi") != 0) || json_array_size(specs) == 0;
	if (*bad)
		return;
	r->ecosystem = strcmp(ecosystem, "npm") == 0 ? ECOSYSTEM_NPM : ECOSYSTEM_PYPI;
	json_array_foreach(specs, i, spec)
		*bad = *bad || !json_is_string(spec) || strlist_add(&r->specs, json_string_value(spec)) < 0;
	if (json_is_string(python))
		r->python = take(object, "python", bad);
	r->scripts = take_bool(object, "scripts", bad);
}

/* A path that stays in the tree. */
static bool path_is_inside(const char *path)
{
	if (path[0] == '/')
		return false;
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && memcmp(path, "..", 2) == 0))
			return false;
		path += n + (path[n] == '/');
	}
	return true;
}

static void take_commands(const json_t *list, struct package *p, bool *bad)
{
	const json_t *item;
	size_t i;

	*bad = *bad || !json_is_array(list);
	p->commands = *bad || json_array_size(list) == 0 ? NULL : calloc(json_array_size(list), sizeof *p->commands);
	if (!p->commands) {
		*bad = *bad || json_array_size(list) > 0;
		return;
	}
	json_array_foreach(list, i, item) {
		struct package_command *c = &p->commands[p->commands_n++];
		const char *start = json_string_value(json_object_get(item, "start"));
		c->name = take(item, "name", bad);
		c->path = take(item, "path", bad);
		c->asked = take_bool(item, "asked", bad);
		c->start = PACKAGE_STARTS_;
		for (unsigned k = 0; start && k < PACKAGE_STARTS_; k++)
			if (strcmp(start, starts[k]) == 0)
				c->start = k;
		*bad = *bad || c->start == PACKAGE_STARTS_ || !c->path[0] || !path_is_inside(c->path);
	}
}

static void take_parts(const json_t *list, struct package *p, bool *bad)
{
	const json_t *item;
	size_t i;

	*bad = *bad || json_array_size(list) == 0;
	p->parts = *bad ? NULL : calloc(json_array_size(list), sizeof *p->parts);
	if (!p->parts) {
		*bad = true;
		return;
	}
	json_array_foreach(list, i, item) {
		struct package_part *part = &p->parts[p->parts_n++];
		part->name = take(item, "name", bad);
		part->version = take(item, "version", bad);
		part->integrity = take(item, "integrity", bad);
		part->path = take(item, "path", bad);
		part->scripts = take_bool(item, "scripts", bad);
		part->asked = take_bool(item, "asked", bad);
	}
}

int package_record_read(struct span text, struct package *p, struct error *err)
{
	json_error_t where;
	CLEANUP(json_freep) json_t *json = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &where);
	bool bad = !json_is_object(json);

	*p = (struct package){ 0 };
	if (!bad) {
		bad = take_number(json, "format", &bad) != 1;
		take_request(json_object_get(json, "request"), &p->request, &bad);
		take_hash(json, "tree", p->tree, &bad);
		take_hash(json, "interpreter_hash", p->interpreter_hash, &bad);
		p->files = take_number(json, "files", &bad);
		p->bytes = take_number(json, "bytes", &bad);
		p->time = (int64_t)take_number(json, "time", &bad);
		p->scripts_ran = take_bool(json, "scripts_ran", &bad);
		p->tool = take(json, "tool", &bad);
		p->interpreter = take(json, "interpreter", &bad);
		p->interpreter_version = take(json, "interpreter_version", &bad);
	}
	if (!bad)
		take_commands(json_object_get(json, "commands"), p, &bad);
	if (!bad)
		take_parts(json_object_get(json, "parts"), p, &bad);
	if (!bad)
		return 0;
	package_free(p);
	return error_set(err, 0, "the record of a package is damaged");
}
