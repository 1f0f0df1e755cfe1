/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What pins cost: a list of tools is indexed, canonicalised, hashed and compared with what is pinned, and a call's tool is looked up. For 50, 200
 * and 800 tools of about 1.2 KiB, so that it shows whether the cost grows linearly. The best of many rounds, in microseconds.
 */
#include "rpc/manifest.h"
#include "store/pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 200

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void make_list(struct buf *out, unsigned tools)
{
	buf_puts(out, "{\"tools\":[");
	for (unsigned i = 0; i < tools; i++) {
		buf_printf(out, "%s{\"name\":\"tool_%u\",\"description\":\"", i ? "," : "", i);
		for (unsigned k = 0; k < 10; k++)
			buf_printf(out, "Reads the file at the given path and returns number %u.\\n", i * 7 + k);
		buf_puts(out, "\",\"inputSchema\":{\"type\":\"object\",\"properties\":{");
		for (unsigned k = 0; k < 6; k++)
			buf_printf(out, "%s\"argument_%u\":{\"type\":\"string\",\"description\":\"What argument %u is for.\"}",
				   k ? "," : "", 5 - k, k);
		buf_puts(out, "},\"required\":[\"argument_0\"]}}");
	}
	buf_puts(out, "]}");
}

static void die(const char *what)
{
	fprintf(stderr, "pins-bench: %s\n", what);
	exit(1);
}

static struct manifest *with_pins(const struct pins *pins)
{
	struct manifest *m = manifest_new(PINS_FIRST_USE, NULL, NULL);

	if (!m)
		die("out of memory");
	for (size_t i = 0; i < pins->n; i++)
		if (manifest_pin(m, pins->v[i].kind, pins->v[i].name, pins->v[i].content, pins->v[i].hash, false, NULL) < 0)
			die("cannot pin");
	manifest_close(m, ITEM_TOOL);
	return m;
}

static void take_list(struct manifest *m, struct tree *t, struct span text)
{
	bool complete;

	if (tree_parse(t, text, 0) != TREE_OK || manifest_list(m, ITEM_TOOL, t, 0, 0, &complete) < 0 || !complete)
		die("the list is not taken");
}

static void keep_best(double *best, double took)
{
	if (*best == 0 || took < *best)
		*best = took;
}

static void measure(unsigned tools)
{
	struct buf list = { 0 }, file = { 0 };
	struct pins pins = { .generation = 1 };
	struct tree t = { 0 };
	double load = 0, verify = 0, lookup = 0;

	make_list(&list, tools);
	struct manifest *first = manifest_new(PINS_OFF, NULL, NULL);
	if (!first)
		die("out of memory");
	take_list(first, &t, buf_span(&list));
	for (size_t i = 0; i < manifest_count(first); i++) {
		const struct item *item = manifest_item(first, i);
		struct pin pin = { .kind = item->kind, .name = item->name, .content = item->content };
		memcpy(pin.hash, item->hash, sizeof pin.hash);
		if (!pins_add(&pins, &pin))
			die("out of memory");
	}
	if (pins_write(&pins, &file) < 0)
		die("cannot write");
	for (int round = 0; round < ROUNDS; round++) {
		struct pins read = { 0 };
		struct buf text = { 0 };
		struct error err;
		char name[32];
		buf_append(&text, file.p, file.n);
		double from = now();
		if (pins_parse(&text, &read, &err) < 0)
			die(err.what);
		struct manifest *m = with_pins(&read);
		keep_best(&load, now() - from);
		from = now();
		take_list(m, &t, buf_span(&list));
		keep_best(&verify, now() - from);
		snprintf(name, sizeof name, "tool_%u", tools - 1);
		from = now();
		for (int k = 0; k < 1000; k++)
			if (manifest_standing(m, ITEM_TOOL, span_of(name), NULL) != STANDING_KNOWN)
				die("a pinned tool is not known");
		keep_best(&lookup, (now() - from) / 1000);
		manifest_free(m);
		pins_free(&read);
	}
	printf("%5u tools, %7zu bytes: file read %8.1f us, list verified %8.1f us, lookup %.3f us\n", tools, list.n, load, verify,
	       lookup);
	manifest_free(first);
	pins_free(&pins);
	tree_free(&t);
	buf_free(&list);
	buf_free(&file);
}

int main(void)
{
	static const unsigned sizes[] = { 50, 200, 800 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		measure(sizes[i]);
	return 0;
}
