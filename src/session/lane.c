/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moving bytes. A lane reads only while its outlet is empty, so a slow reader slows the writer, and no message is
 * copied: it is written from the frame's own buffer. Standard error is always read, so that a server cannot
 * deadlock on it, and is dropped past a rate.
 */
#include "session/filter.h"

#include "rpc/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Answers of our own that may wait for a client that does not read before we stop reading from it. */
#define QUEUE_HIGH ((size_t)256 << 10)
/* A read of this many bytes is a full pipe of the usual size; and the size it then gets. */
#define WIDEN_AT ((size_t)64 << 10)
#define WIDE_PIPE (256 << 10)
/* Turns of one lane before the other gets one. */
#define TURNS 64
/* Standard error: bytes at once, and bytes a second after that. */
#define STDERR_BURST ((uint64_t)256 << 10)
#define STDERR_RATE ((uint64_t)64 << 10)

static bool answers_pile_up(const struct filter *f, enum direction d)
{
	/* Messages of D make us answer the other way. */
	const struct outlet *back = d == CLIENT_TO_SERVER ? &f->to_client : &f->to_server;
	return back->queue.n - back->queue_at > QUEUE_HIGH;
}

bool lane_wants_input(const struct filter *f, enum direction d)
{
	const struct lane *lane = &f->lane[d];
	const struct outlet *out = d == CLIENT_TO_SERVER ? &f->to_server : &f->to_client;

	return lane->in >= 0 && !f->passage[d].open && !lane->eof && !lane->readable && !lane->more && outlet_idle(out) && !answers_pile_up(f, d);
}

bool lane_goes_on(const struct filter *f, enum direction d)
{
	const struct outlet *out = d == CLIENT_TO_SERVER ? &f->to_server : &f->to_client;

	return f->passage[d].open && !f->passage[d].stalled && outlet_idle(out) && !answers_pile_up(f, d) &&
	       !(d == CLIENT_TO_SERVER && f->draining);
}

static void lane_close(struct lane *lane)
{
	if (lane->in >= 0)
		close(lane->in);
	lane->in = -1;
	lane->eof = true;
	lane->readable = false;
}

static void lane_eof(struct filter *f, enum direction d)
{
	struct lane *lane = &f->lane[d];

	if (frame_partial(lane->frame)) {
		struct frame_refusal cut = { .why = REFUSE_NOT_JSON };
		snprintf(cut.detail, sizeof cut.detail, "the stream ended inside a line");
		report_refused(f, d, REFUSE_NOT_JSON, &cut, NULL, false);
	}
	lane_close(lane);
	if (d == CLIENT_TO_SERVER) {
		outlet_close(&f->to_server);
		report_event(f, EVENT_CLIENT_EOF);
	} else if (!f->server_eof_told) {
		f->server_eof_told = true;
		report_event(f, EVENT_SERVER_EOF);
	}
}

/*
 * Large messages are on their way: with larger pipes, the processes on either side are woken less often. Only then, because
 * the kernel counts pipe buffers against the user (pipe(7), pipe-user-pages-soft). Where it refuses, nothing is lost.
 */
static void lane_widen(struct filter *f, enum direction d)
{
	struct lane *lane = &f->lane[d];

	lane->wide = true;
	(void)fcntl(lane->in, F_SETPIPE_SZ, WIDE_PIPE);
	(void)fcntl(outlet_of(f, d)->fd, F_SETPIPE_SZ, WIDE_PIPE);
}

/* false: nothing to read now. */
static bool lane_read(struct filter *f, enum direction d)
{
	struct lane *lane = &f->lane[d];
	size_t room;

	if (!lane->readable)
		return false;
	char *space = frame_space(lane->frame, &room);
	if (!space)
		_exit(1); /* out of memory: fail closed */
	ssize_t n = read(lane->in, space, room);
	if (n < 0) {
		if (errno == EINTR)
			return true;
		lane->readable = false;
		if (errno == EAGAIN)
			return false;
		n = 0;
	}
	if (n == 0) {
		lane_eof(f, d);
		return false;
	}
	if ((size_t)n >= WIDEN_AT && !lane->wide)
		lane_widen(f, d);
	/*
	 * A short read has emptied the pipe: the next one would only find that out. The client's descriptor may block, so
	 * only poll(2) allows to read from it.
	 */
	if ((size_t)n < room || !lane->nonblock)
		lane->readable = false;
	frame_fill(lane->frame, (size_t)n);
	return true;
}

static void forward(struct filter *f, enum direction d)
{
	struct outlet *out = outlet_of(f, d);
	struct span line = f->passage[d].line;

	f->totals.messages[d]++;
	f->totals.bytes[d] += line.n;
	limits_bytes(f, line.n);
	f->active = f->now;
	if (d == CLIENT_TO_SERVER)
		f->asked = f->now;
	if (out->fd >= 0)
		out->pass = line;
}

static void outlet_lost(struct filter *f, enum direction d)
{
	if (d == SERVER_TO_CLIENT && !f->client_gone_told) {
		f->client_gone_told = true;
		report_event(f, EVENT_CLIENT_GONE);
	}
}

void lane_pump(struct filter *f, enum direction d)
{
	struct lane *lane = &f->lane[d];
	struct outlet *out = outlet_of(f, d);
	struct passage *passage = &f->passage[d];
	struct frame_refusal refusal;

	lane->more = false;
	if (lane->in < 0 && lane->eof && outlet_idle(out) && !passage->open)
		return;
	for (int turn = 0; turn < TURNS; turn++) {
		if (!outlet_idle(out)) {
			enum outlet_status status = outlet_flush(out);
			if (status == OUTLET_BLOCKED)
				return;
			if (status == OUTLET_CLOSED)
				outlet_lost(f, d);
		}
		if (answers_pile_up(f, d))
			return;
		if (passage->open) {
			if (passage->stalled)
				return;
			if (mediate_resume(f, d))
				forward(f, d);
			continue;
		}
		switch (frame_next(lane->frame, &passage->m, &refusal)) {
		case FRAME_MESSAGE:
			if (mediate_message(f, d))
				forward(f, d);
			break;
		case FRAME_REFUSED:
			mediate_refusal(f, d, &refusal);
			break;
		case FRAME_NOISE:
			mediate_noise(f, d, refusal.text);
			break;
		case FRAME_BLANK:
			break;
		case FRAME_MORE:
			if (!lane_read(f, d))
				return;
			break;
		}
	}
	lane->more = true;
}

/* ---- standard error --------------------------------------------------------------------------- */

static bool take_tokens(struct filter *f, size_t n)
{
	struct drain *e = &f->stderr_;
	uint64_t more = (f->now - e->refilled) * STDERR_RATE / 1000;

	if (more > 0) {
		e->refilled = f->now;
		e->tokens = e->tokens + more > STDERR_BURST ? STDERR_BURST : e->tokens + more;
	}
	if (n > e->tokens)
		return false;
	e->tokens -= n;
	return true;
}

static void tell_dropped(struct filter *f)
{
	struct drain *e = &f->stderr_;
	char text[128];

	if (e->dropped == 0)
		return;
	int n = snprintf(text, sizeof text, "mcpcage: %llu bytes of the server's standard error were left out\n",
			 (unsigned long long)e->dropped);
	if (buf_append(&f->to_stderr.queue, text, (size_t)n) == 0)
		e->dropped = 0;
}

void drain_line(struct filter *f, const char *prefix, struct span line)
{
	struct outlet *out = &f->to_stderr;

	if (out->fd < 0)
		return;
	if (!take_tokens(f, line.n + 1) || out->queue.n > out->queue.max / 2) {
		f->stderr_.dropped += line.n;
		f->totals.stderr_dropped += line.n;
		return;
	}
	tell_dropped(f);
	buf_puts(&out->queue, prefix);
	f->totals.cleaned += text_clean(&out->queue, line);
	buf_putc(&out->queue, '\n');
	out->queue.full = false;
}

/* Pass on whole lines of what is held; with ALL, the rest as well. */
static void drain_lines(struct filter *f, bool all)
{
	struct drain *e = &f->stderr_;
	size_t at = 0;

	while (at < e->n) {
		const char *end = memchr(e->line + at, '\n', e->n - at);
		size_t length = end ? (size_t)(end - (e->line + at)) : e->n - at;
		if (!end && !all && !(at == 0 && e->n == sizeof e->line))
			break;
		drain_line(f, "", (struct span){ e->line + at, length });
		at += length + (end ? 1 : 0);
	}
	memmove(e->line, e->line + at, e->n - at);
	e->n -= at;
}

void drain_finish(struct filter *f)
{
	struct drain *e = &f->stderr_;

	drain_lines(f, true);
	tell_dropped(f);
	if (e->in >= 0)
		close(e->in);
	e->in = -1;
	e->readable = false;
}

void drain_pump(struct filter *f)
{
	struct drain *e = &f->stderr_;

	for (int turn = 0; turn < TURNS && e->readable; turn++) {
		ssize_t n = read(e->in, e->line + e->n, sizeof e->line - e->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			e->readable = false;
			return;
		}
		if (n <= 0) {
			drain_finish(f);
			return;
		}
		f->totals.stderr_bytes += (uint64_t)n;
		e->n += (size_t)n;
		drain_lines(f, false);
		if (!outlet_idle(&f->to_stderr))
			(void)outlet_flush(&f->to_stderr);
	}
}
