/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One direction's input: bytes in, messages out. Lines are cut at '\n' and scanned as they arrive, so that a
 * message is checked once, while it is in the processor's cache, and an overlong one is followed to its end in
 * bounded memory and can still be answered by its id.
 *
 * Pure: no system calls but memory. The caller reads into frame_space() and reports frame_fill().
 */
#pragma once

#include "base/error.h"
#include "rpc/message.h"

#include <stddef.h>
#include <stdint.h>

struct frame; /* opaque */

struct frame_limits {
	size_t message; /* bytes of one line with its '\n' */
	unsigned depth; /* nesting; 0: 128 */
	size_t keys;    /* keys of all open objects together; 0: 262144 */
};

enum frame_event {
	FRAME_MORE,    /* nothing complete: read on */
	FRAME_MESSAGE, /* *m is filled; its spans are valid until the next frame_next() or frame_space() */
	FRAME_REFUSED, /* a line that looks like JSON (starts with '{' or '[') and is not acceptable */
	FRAME_NOISE,   /* a line that is no JSON object at all (print output of a server): `text` */
	FRAME_BLANK,   /* an empty line or only white space: ignored */
};

struct frame_refusal {
	enum refusal why;
	uint64_t offset; /* byte in the line */
	uint64_t length; /* bytes of the line */
	char detail[160]; /* printable ASCII: the key's name, what was expected */
	struct span text; /* the line's first 4 KiB (16 KiB of noise), for the log; hostile bytes */
	/* What could be told of the message for certain in spite of it, so that its sender can be answered. */
	struct rpc_id id; /* ID_NONE when there was none, or more than one */
	enum message_kind kind;
	bool kind_known;
	bool modern;
	char method[128];
};

struct frame *frame_new(const struct frame_limits *limits); /* NULL: out of memory */
void frame_free(struct frame *f);

/* Where to read(2) to, and how many bytes at most (never 0). NULL: out of memory. */
char *frame_space(struct frame *f, size_t *n);
void frame_fill(struct frame *f, size_t n);
/* Call until FRAME_MORE. REFUSAL is filled for FRAME_REFUSED and, `text` only, for FRAME_NOISE. */
enum frame_event frame_next(struct frame *f, struct message *m, struct frame_refusal *refusal);
/* Whether bytes of an unfinished line are held. */
bool frame_partial(const struct frame *f);
/* Give memory of past large messages back to the system; call it when idle. Spans handed out before are void. */
void frame_trim(struct frame *f);

/*
 * Scan one complete line (without '\n') at once: for tests and fuzzing. FRAME_MESSAGE, FRAME_REFUSED,
 * FRAME_NOISE or FRAME_BLANK. Spans point into LINE.
 */
enum frame_event frame_scan_line(const struct frame_limits *limits, struct span line, struct message *m,
				 struct frame_refusal *refusal);
