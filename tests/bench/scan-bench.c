/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast the mediator reads, with nothing around it: the bytes are copied into the frame as read(2) would, PIECE at
 * a time. Prints the best of several rounds. Not a test; run it by hand.
 */
#include "rpc/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 25, PIECE = 65536 };

static const char *only; /* run what has this in its name */
static const struct frame_limits limits = { .message = (size_t)64 << 20 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Feed N bytes; returns the number of messages. COPY: with the copy that read(2) is; else scan alone is timed. */
static size_t feed(struct frame *f, const char *p, size_t n, double *scanning)
{
	static struct message m;
	static struct frame_refusal r;
	size_t messages = 0;

	while (n > 0) {
		size_t room;
		char *space = frame_space(f, &room);
		if (!space)
			abort();
		if (room > PIECE)
			room = PIECE;
		if (room > n)
			room = n;
		memcpy(space, p, room);
		p += room;
		n -= room;
		double begin = now();
		frame_fill(f, room);
		enum frame_event event;
		while ((event = frame_next(f, &m, &r)) != FRAME_MORE) {
			if (event != FRAME_MESSAGE) {
				fprintf(stderr, "refused: %s: %s\n", refusal_text(r.why), r.detail);
				exit(1);
			}
			messages++;
		}
		*scanning += now() - begin;
	}
	return messages;
}

static void measure(const char *what, const char *p, size_t n, int repeat)
{
	double whole[ROUNDS], scan[ROUNDS];
	size_t messages = 0;
	if (only && !strstr(what, only))
		return;
	struct frame *f = frame_new(&limits);
	if (!f)
		abort();
	for (int i = 0; i < ROUNDS; i++) {
		scan[i] = 0;
		double begin = now();
		for (int k = 0; k < repeat; k++)
			messages = feed(f, p, n, &scan[i]);
		whole[i] = (now() - begin) / repeat;
		scan[i] /= repeat;
	}
	frame_free(f);
	qsort(whole, ROUNDS, sizeof(double), by_value);
	qsort(scan, ROUNDS, sizeof(double), by_value);
	printf("%-28s %8zu bytes  scan %8.0f MB/s  with the copy %8.0f MB/s  %9.1f ns a message\n", what, n / messages,
	       (double)n / scan[0] / 1e6, (double)n / whole[0] / 1e6,
	       scan[0] / (double)messages * 1e9);
}

struct text {
	char *p;
	size_t n;
};

static void add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	memcpy(t->p + t->n, s, n);
	t->n += n;
}

static struct text begin(size_t room)
{
	struct text t = { malloc(room + 4096), 0 };

	if (!t.p)
		abort();
	return t;
}

/* A result whose text repeats FILLER. */
static void one_string(const char *what, size_t size, const char *filler)
{
	struct text t = begin(size);

	add(&t, "{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
	while (t.n < size)
		add(&t, filler);
	add(&t, "\"}]},\"jsonrpc\":\"2.0\",\"id\":1}\n");
	measure(what, t.p, t.n, 4);
	free(t.p);
}

static void mixed(void)
{
	struct text t = begin(1 << 20);
	char item[256];

	add(&t, "{\"result\":{\"content\":[],\"structuredContent\":{\"rows\":[");
	for (int i = 0; t.n < 1 << 20; i++) {
		snprintf(item, sizeof(item),
			 "%s{\"id\":%d,\"name\":\"row %d\",\"price\":%d.%02d,\"tags\":[\"a\",\"bc\",\"def\"],\"active\":%s,"
			 "\"parent\":null,\"notes\":\"line one\\nline \\u00e9 two\"}",
			 i ? "," : "", i, i, i * 7, i % 100, i % 3 ? "true" : "false");
		add(&t, item);
	}
	add(&t, "]}},\"jsonrpc\":\"2.0\",\"id\":1}\n");
	measure("1 MiB mixed JSON", t.p, t.n, 4);
	free(t.p);
}

static void many_keys(void)
{
	struct text t = begin(1 << 21);
	char item[64];

	add(&t, "{\"result\":{\"structuredContent\":{");
	for (int i = 0; i < 60000; i++) {
		snprintf(item, sizeof(item), "%s\"key-%d\":%d", i ? "," : "", i, i);
		add(&t, item);
	}
	add(&t, "}},\"jsonrpc\":\"2.0\",\"id\":1}\n");
	measure("60000 keys in one object", t.p, t.n, 4);
	free(t.p);
}

static void calls(void)
{
	struct text t = begin(1 << 20);
	char line[256];

	for (int i = 0; t.n < 1 << 20; i++) {
		snprintf(line, sizeof(line),
			 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
			 "\"arguments\":{\"message\":\"hello there, world\"}}}\n",
			 1000 + i % 1000);
		add(&t, line);
	}
	measure("small tools/call", t.p, t.n, 4);
	free(t.p);
}

int main(int argc, char **argv)
{
	only = argc > 1 ? argv[1] : NULL;
	one_string("8 MiB base64", 8 << 20, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2");
	one_string("1 MiB of lines of text", 1 << 20, "a line of a source file, as tools print it\\n\\tindented\\n");
	one_string("1 MiB of quoted JSON", 1 << 20, "{\\\"key\\\":\\\"value\\\",\\\"n\\\":1},");
	one_string("1 MiB of Chinese", 1 << 20, "\xe6\xb1\x89\xe5\xad\x97\xe6\xb5\x8b\xe8\xaf\x95\xef\xbc\x8c");
	one_string("1 MiB of French", 1 << 20, "d\xc3\xa9j\xc3\xa0 vu, \xc3\xa9t\xc3\xa9 comme hiver, sans fa\xc3\xa7on. ");
	mixed();
	many_keys();
	calls();
	return 0;
}
