/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stream of lines, fed in pieces. The first byte chooses the limits, the next eight how large the pieces are and whether memory is
 * given back between them. Whatever the pieces are:
 *  - each line is one event, the same that the line scanned at once is;
 *  - the spans of a message lie in its line, and the line is what came, without a CR at its end;
 *  - what is accepted is accepted again and read the same;
 *  - of what is refused no more than its beginning is handed out.
 */
#include "rpc/frame.h"
#include "tests/rpc-fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 9 };

static const struct frame_limits choices[] = {
	{ .message = 1 << 20 }, { .message = 100 }, { .message = 1 << 20, .depth = 4 }, { .message = 200, .depth = 3, .keys = 6 },
};

static void require(bool good)
{
	if (!good)
		abort();
}

static struct span next_expected(struct span *rest)
{
	const char *newline = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	require(newline);
	struct span line = { rest->p, (size_t)(newline - rest->p) };
	rest->p += line.n + 1;
	rest->n -= line.n + 1;
	return line;
}

static void check(const struct frame_limits *limits, struct span line, enum frame_event event, const struct message *m,
		  const struct frame_refusal *r)
{
	static struct message again;
	static struct frame_refusal refused;
	CLEANUP_BUF struct buf got = BUF_INIT(0), want = BUF_INIT(0);

	put_event(&got, event, m, r);
	put_event(&want, frame_scan_line(limits, line, &again, &refused), &again, &refused);
	require(span_eq(buf_span(&got), buf_span(&want)));

	if (event == FRAME_MESSAGE) {
		struct span sent = line;
		if (sent.p[sent.n - 1] == '\r')
			sent.n--;
		require(m->line.n == sent.n + 1 && memcmp(m->line.p, sent.p, sent.n) == 0 && m->line.p[sent.n] == '\n');
		require(spans_inside(m) && again.line.n == sent.n);
		buf_clear(&want);
		put_event(&want, frame_scan_line(limits, (struct span){ m->line.p, sent.n }, &again, &refused), &again, &refused);
		require(span_eq(buf_span(&got), buf_span(&want)));
	} else if (event != FRAME_BLANK) {
		require(r->text.n <= (event == FRAME_NOISE ? 16384 : 4096) && r->text.n <= line.n);
		require(r->length == line.n && memcmp(r->text.p, line.p, r->text.n) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message m;
	static struct frame_refusal r;

	if (size < HEAD || size > INT32_MAX)
		return 0;
	const struct frame_limits *limits = &choices[data[0] % (sizeof choices / sizeof *choices)];
	const struct span all = { (const char *)data + HEAD, size - HEAD };
	struct span rest = all, lines = all;
	struct frame *f = frame_new(limits);
	require(f);
	for (unsigned turn = 0; rest.n > 0; turn++) {
		uint8_t piece = data[1 + turn % (HEAD - 1)];
		size_t n, want = piece & 0x40 ? (size_t)(piece & 0x3f) * 1024 : piece & 0x3f;
		if (piece & 0x80)
			frame_trim(f);
		char *space = frame_space(f, &n);
		require(space && n > 0);
		want = want ? want : SIZE_MAX;
		n = n < want ? n : want;
		n = n < rest.n ? n : rest.n;
		memcpy(space, rest.p, n);
		frame_fill(f, n);
		rest.p += n;
		rest.n -= n;
		enum frame_event event;
		while ((event = frame_next(f, &m, &r)) != FRAME_MORE)
			check(limits, next_expected(&lines), event, &m, &r);
	}
	/* What is left is an unfinished line. */
	require(!lines.n || !memchr(lines.p, '\n', lines.n));
	require(frame_partial(f) == (lines.n > 0));
	frame_free(f);
	return 0;
}
