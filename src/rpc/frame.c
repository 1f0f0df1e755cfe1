/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The buffer around the scanner: lines begin, end, and are held while they may still become messages. A line that can
 * no longer become one (refused, too long, noise) is held by its beginning only, for the log, and the rest of it is scanned
 * and thrown away.
 *
 * The buffer is an anonymous mapping: it grows by mremap(2) without a copy, pages that are not used cost nothing, and
 * what is given back is really back with the system. Each line is moved at most once, to the front of the buffer.
 *
 * Called by the session's filter, under its system call filter: mmap, mremap and munmap are all this does.
 */
#include "rpc/frame.h"

#include "rpc/scan.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
	FIRST_CAP = 65536,
	SPACE_MIN = 32768,    /* what frame_space() hands out at least */
	KEEP_REFUSED = 4096,  /* of a refused line, for the log */
	KEEP_NOISE = 16384,   /* of a line that is no message */
};

struct frame {
	struct scan scan;
	size_t limit;
	char *buf;
	size_t cap;
	size_t line; /* where the current line begins */
	size_t pos;  /* scanned up to here */
	size_t end;  /* filled up to here */
	bool finished; /* the line was handed out; the next begins at pos */
	bool dropping; /* only the beginning of the line is held */
	size_t kept;   /* so much of it, once bytes were thrown away */
};

struct frame *frame_new(const struct frame_limits *limits)
{
	struct frame *f = calloc(1, sizeof(*f));

	if (!f || scan_init(&f->scan, limits) < 0) {
		free(f);
		return NULL;
	}
	f->limit = limits->message;
	f->kept = SIZE_MAX;
	return f;
}

static void release(struct frame *f)
{
	if (f->buf)
		munmap(f->buf, f->cap);
	f->buf = NULL;
	f->cap = 0;
}

void frame_free(struct frame *f)
{
	if (!f)
		return;
	release(f);
	scan_fini(&f->scan);
	free(f);
}

static void next_line(struct frame *f)
{
	if (!f->finished)
		return;
	f->finished = false;
	f->dropping = false;
	f->kept = SIZE_MAX;
	f->line = f->pos;
	scan_begin(&f->scan);
}

static int resize(struct frame *f, size_t cap)
{
	void *p = f->buf ? mremap(f->buf, f->cap, cap, MREMAP_MAYMOVE) :
			   mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	f->buf = p;
	f->cap = cap;
	return 0;
}

static void to_front(struct frame *f)
{
	if (f->line == 0)
		return;
	if (f->end > f->line)
		memmove(f->buf, f->buf + f->line, f->end - f->line);
	f->pos -= f->line;
	f->end -= f->line;
	f->line = 0;
}

char *frame_space(struct frame *f, size_t *n)
{
	next_line(f);
	if (f->line == f->end)
		f->line = f->pos = f->end = 0;
	if (f->cap - f->end < SPACE_MIN)
		to_front(f);
	if (f->cap - f->end < SPACE_MIN) {
		/* No line that is held is longer than the limit: past that, what is read next is dropped. */
		size_t cap = f->cap ? f->cap * 2 : FIRST_CAP;
		size_t enough = (f->limit + SPACE_MIN + 4096) / 4096 * 4096;
		if (cap > enough && enough > f->end + SPACE_MIN)
			cap = enough;
		if (resize(f, cap < FIRST_CAP ? FIRST_CAP : cap) < 0)
			return NULL;
	}
	*n = f->cap - f->end;
	return f->buf + f->end;
}

void frame_fill(struct frame *f, size_t n)
{
	f->end += n;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The line of LENGTH bytes without its '\n' is complete. At least its first KEPT bytes are at LINE, all of a message. */
static enum frame_event finish(struct scan *s, const char *line, uint64_t length, size_t kept, size_t limit,
			       struct message *m, struct frame_refusal *refusal)
{
	enum frame_event event = scan_finish(s, length, length >= limit, limit);

	if (event == FRAME_MESSAGE) {
		scan_message(s, line, m);
		return event;
	}
	if (event == FRAME_BLANK)
		return event;
	if (event == FRAME_REFUSED)
		scan_refusal(s, refusal);
	refusal->length = length;
	refusal->text.p = line;
	refusal->text.n = least(least(length, kept), event == FRAME_NOISE ? KEEP_NOISE : KEEP_REFUSED);
	return event;
}

static enum frame_event line_done(struct frame *f, struct message *m, struct frame_refusal *refusal)
{
	char *line = f->buf + f->line;
	uint64_t length = f->scan.chunk_at - 1;

	f->finished = true;
	enum frame_event event = finish(&f->scan, line, length, f->kept, f->limit, m, refusal);
	if (event == FRAME_MESSAGE) {
		m->line = (struct span){ line, length + 1 };
		/* Some clients end lines with "\r\n": servers get what the specification says. */
		if (line[length - 1] == '\r') {
			line[length - 1] = '\n';
			m->line.n--;
		}
	}
	return event;
}

enum frame_event frame_next(struct frame *f, struct message *m, struct frame_refusal *refusal)
{
	next_line(f);
	if (f->pos == f->end)
		return FRAME_MORE;
	f->pos += scan_feed(&f->scan, f->buf + f->pos, f->end - f->pos);
	if (f->scan.complete)
		return line_done(f, m, refusal);

	bool noise = f->scan.state == SCAN_NOISE;
	size_t keep = noise ? KEEP_NOISE : KEEP_REFUSED;
	if (noise || f->scan.why != REFUSE_NONE || f->scan.chunk_at >= f->limit)
		f->dropping = true;
	keep = least(keep, f->kept);
	if (f->dropping && f->end - f->line > keep) {
		f->kept = keep;
		f->pos = f->end = f->line + keep;
	}
	return FRAME_MORE;
}

bool frame_partial(const struct frame *f)
{
	return f->finished ? f->pos < f->end : f->end > f->line;
}

void frame_trim(struct frame *f)
{
	next_line(f);
	to_front(f);
	if (f->end == 0) {
		release(f);
		scan_trim(&f->scan);
	} else if (f->cap > FIRST_CAP && f->end <= FIRST_CAP / 2) {
		resize(f, FIRST_CAP);
	}
}

enum frame_event frame_scan_line(const struct frame_limits *limits, struct span line, struct message *m,
				 struct frame_refusal *refusal)
{
	struct scan s;

	if (scan_init(&s, limits) < 0) {
		*refusal = (struct frame_refusal){ .why = REFUSE_TOO_LONG, .detail = "out of memory" };
		return FRAME_REFUSED;
	}
	scan_feed(&s, line.p, line.n);
	/* A '\n' inside: two lines are not one message. The one that ends the line ends its last token, too. */
	if (!s.complete) {
		scan_feed(&s, "\n", 1);
	} else {
		scan_refuse(&s, REFUSE_CONTROL, s.chunk_at - 1, "a newline");
		s.state = s.state == SCAN_START || s.state == SCAN_NOISE ? SCAN_NOISE : SCAN_DEAD;
	}
	enum frame_event event = finish(&s, line.p, line.n, line.n, limits->message, m, refusal);
	if (event == FRAME_MESSAGE) {
		m->line = line;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			m->line.n--;
	}
	scan_fini(&s);
	return event;
}
