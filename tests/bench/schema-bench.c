/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What schemas cost: a check of calls of several sizes, and compiling the schemas of two hundred tools. Prints numbers for a person;
 * judged by nobody.
 */
#include "rpc/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static const char edit_tool[] =
	"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"properties\":{"
	"\"path\":{\"type\":\"string\",\"minLength\":1,\"description\":\"The file to edit, relative to the project or absolute\"},"
	"\"edits\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"oldText\":{\"type\":\"string\",\"description\":\"Text to search for - must match exactly\"},"
	"\"newText\":{\"type\":\"string\",\"description\":\"Text to replace with\"}},"
	"\"required\":[\"oldText\",\"newText\"],\"additionalProperties\":false}},"
	"\"dryRun\":{\"type\":\"boolean\",\"default\":false,\"description\":\"Preview changes using git-style diff format\"},"
	"\"mode\":{\"enum\":[\"replace\",\"insert\",\"append\"]},"
	"\"count\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000}},"
	"\"required\":[\"path\",\"edits\"],\"additionalProperties\":false}";
static const char edit_call[] =
	"{\"path\":\"/srv/project/src/main.c\",\"edits\":[{\"oldText\":\"int main(void)\",\"newText\":\"int main(int argc, char "
	"**argv)\"}],\"dryRun\":true,\"mode\":\"replace\",\"count\":10}";

static const char pattern_tool[] =
	"{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9_-]{0,62}$\"}},"
	"\"required\":[\"name\"]}";
static const char pattern_call[] = "{\"name\":\"build-and-test_2\"}";

static const char branch_tool[] =
	"{\"type\":\"object\",\"properties\":{\"op\":{\"oneOf\":[{\"$ref\":\"#/$defs/add\"},{\"$ref\":\"#/$defs/move\"}]}},"
	"\"$defs\":{\"add\":{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"add\"},\"at\":{\"type\":\"number\"}},"
	"\"required\":[\"kind\",\"at\"],\"unevaluatedProperties\":false},"
	"\"move\":{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"move\"},\"to\":{\"type\":\"string\"}},"
	"\"required\":[\"kind\",\"to\"],\"unevaluatedProperties\":false}}}";
static const char branch_call[] = "{\"op\":{\"kind\":\"move\",\"to\":\"there\"}}";

static const char policy_tool[] =
	"{\"properties\":{\"path\":{\"within\":[\"/srv/project\",\"/tmp/work\"]},\"url\":{\"hosts\":[\"example.org\",\"*.example.net\"]}}}";
static const char policy_call[] = "{\"path\":\"/srv/project/src/../README\",\"url\":\"https://www.example.net/x\"}";

static void checks(const char *name, const char *schema, struct span instance, long times)
{
	struct schema_options options = { .formats = true, .policy_keywords = true };
	struct schema_failure f;
	struct tree t = { 0 };
	struct error err;
	struct schema *s = schema_compile(span_of(schema), &options, &err);

	if (!s || tree_parse(&t, instance, 0) != TREE_OK || schema_check(s, &t, 0, &f) != 0) {
		fprintf(stderr, "%s: %s\n", name, s ? f.text : err.what);
		exit(1);
	}
	double start = now();
	for (long i = 0; i < times; i++)
		tree_parse(&t, instance, 0);
	double index = (now() - start) / (double)times;
	start = now();
	for (long i = 0; i < times; i++)
		schema_check(s, &t, 0, &f);
	double check = (now() - start) / (double)times;
	printf("%-28s %9zu bytes  index %10.0f ns  check %10.0f ns  schema %6zu bytes\n", name, instance.n, index, check,
	       schema_size(s));
	schema_free(s);
	tree_free(&t);
}

static void list(const char *name, int n, long times)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);

	buf_puts(&text, "{\"path\":\"/x\",\"edits\":[");
	for (int i = 0; i < n; i++)
		buf_printf(&text, "%s{\"oldText\":\"line %d\",\"newText\":\"other %d\"}", i ? "," : "", i, i);
	buf_puts(&text, "]}");
	checks(name, edit_tool, buf_span(&text), times);
}

static void compiles(int n, int times)
{
	struct schema **s = calloc((size_t)n, sizeof(struct schema *));
	struct error err;
	double best = 1e18;
	size_t bytes = 0;

	for (int k = 0; s && k < times; k++) {
		double start = now();
		for (int i = 0; i < n; i++)
			s[i] = schema_compile(i % 2 ? SPAN(branch_tool) : SPAN(edit_tool), NULL, &err);
		double took = now() - start;
		best = took < best ? took : best;
		bytes = 0;
		for (int i = 0; i < n; i++) {
			bytes += schema_size(s[i]);
			schema_free(s[i]);
		}
	}
	free(s);
	printf("compile %4d schemas          %9.3f ms  %zu bytes\n", n, best / 1e6, bytes);
}

int main(void)
{
	checks("a small call", edit_tool, SPAN(edit_call), 200000);
	checks("with a pattern", pattern_tool, SPAN(pattern_call), 200000);
	checks("with branches", branch_tool, SPAN(branch_call), 200000);
	checks("within and hosts", policy_tool, SPAN(policy_call), 200000);
	list("a list of 100", 100, 2000);
	list("a list of 1000", 1000, 200);
	list("a list of 10000", 10000, 20);
	compiles(50, 50);
	compiles(100, 50);
	compiles(200, 50);
	return 0;
}
