/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A schema, a newline, an instance, in both dialects. Work is bounded, and what a failure says can be shown; a schema agrees with
 * itself within allOf, anyOf and not, where it has no references that would mean something else there.
 */
#include "rpc/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void readable(const char *text, size_t size)
{
	require(memchr(text, '\0', size) != NULL);
	for (; *text; text++)
		require((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static int check(struct span text, const struct schema_options *options, const struct tree *instance)
{
	struct error err;
	struct schema_failure f, again;

	struct schema *s = schema_compile(text, options, &err);
	if (!s) {
		require(err.what[0] != '\0');
		return -2;
	}
	int result = schema_check(s, instance, 0, &f);
	/* What was made at first use changes nothing. */
	int second = schema_check(s, instance, 0, &again);
	require(second == result || second == -1 || result == -1);
	require((result == 0) == (f.text[0] == '\0') && f.limit == (result == -1));
	readable(f.text, sizeof f.text);
	readable(f.pointer, sizeof f.pointer);
	readable(f.keyword, sizeof f.keyword);
	require(schema_size(s) < ((size_t)64 << 20));
	schema_free(s);
	return result;
}

static int wrapped(const char *before, struct span text, const char *after, const struct schema_options *options,
		   const struct tree *instance)
{
	CLEANUP_BUF struct buf all = BUF_INIT(0);

	buf_puts(&all, before);
	buf_append(&all, text.p, text.n);
	buf_puts(&all, after);
	return check(buf_span(&all), options, instance);
}

static void both(struct span text, const struct schema_options *options, const struct tree *instance)
{
	int plain = check(text, options, instance);

	if (plain < 0 || memchr(text.p, '$', text.n) || memchr(text.p, '\\', text.n))
		return;
	int all = wrapped("{\"allOf\":[", text, "]}", options, instance);
	require(all == plain || all < 0);
	int any = wrapped("{\"anyOf\":[", text, ",false]}", options, instance);
	require(any == plain || any < 0);
	int not = wrapped("{\"not\":", text, "}", options, instance);
	require(not == !plain || not < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schema_options options = {
		.formats = true, .policy_keywords = true, .home = "/home/u", .folder = "/srv", .steps = 100000,
	};
	struct tree instance = { 0 };
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;

	if (!newline)
		return 0;
	struct span text = { (const char *)data, (size_t)(newline - data) };
	struct span value = { (const char *)newline + 1, size - text.n - 1 };
	if (tree_parse(&instance, value, 0) == TREE_OK) {
		both(text, &options, &instance);
		options.dialect = SCHEMA_DRAFT_07;
		both(text, &options, &instance);
	}
	tree_free(&instance);
	return 0;
}
