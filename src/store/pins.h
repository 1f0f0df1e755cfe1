/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pins of one server on disk: a folder of its own below the state folder's "pins", with
 *
 *	current      what is pinned
 *	N.pins       what was pinned before, generation N
 *	held         what the server offered and nobody has accepted
 *	lock         flock(2)ed while one of them changes
 *
 * All but the lock have one format (pins-format.c): lines of our own, lengths, and between them the items' contents as the filter
 * sent them, which nothing here looks into. A file is replaced at once (rename(2)) or not at all; a damaged one is an error, never
 * "nothing is pinned yet".
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/strlist.h"
#include "rpc/manifest.h"

#include <stdbool.h>
#include <stdint.h>

enum pin_state {
	PIN_SEEN,     /* pinned at first sight */
	PIN_REVIEWED, /* pinned, and a person has accepted it */
	/* in "held" only */
	PIN_NEW,
	PIN_CHANGED,
	PIN_GONE, /* no content */
	PIN_STATES
};
const char *pin_state_name(enum pin_state state);

enum pins_decided { DECIDED_FIRST_USE, DECIDED_REVIEW, DECIDED_ACCEPTED, DECIDED_ROLLBACK, DECIDED_KINDS };
const char *pins_decided_name(enum pins_decided decided);

struct pin {
	enum item_kind kind;
	enum pin_state state;
	uint8_t hash[ITEM_HASH];
	struct span name, content;
};

/* The content of a file. The spans point into `text` or at what the caller put there. */
struct pins {
	uint64_t generation; /* 0: nothing has been pinned yet */
	int64_t time;        /* seconds since 1970 */
	enum pins_decided decided;
	uint64_t from;       /* DECIDED_ROLLBACK: the generation it is a copy of */
	char command[512];   /* for people: the server's command; printable ASCII */
	bool closed[ITEM_KINDS];
	struct pin *v;
	size_t n, cap;
	struct buf text;
};

#define PINS_ITEMS MANIFEST_ITEMS
#define PINS_FILE_MAX (MANIFEST_BYTES * 2)

void pins_free(struct pins *p);
/* Append; NULL when memory ran out or there are too many. */
struct pin *pins_add(struct pins *p, const struct pin *pin);
struct pin *pins_find(const struct pins *p, enum item_kind kind, struct span name);
void pins_remove(struct pins *p, struct pin *pin);

/* ---- pins-format.c: pure ----------------------------------------------------------------------- */

/* Append P as a file. 0, or -1 when OUT is full. */
int pins_write(const struct pins *p, struct buf *out);
/*
 * Take TEXT apart, which P owns from then on, also on failure; names are decoded in its place. Checks everything, the sum over the
 * file and each item's hash included. P is zeroes. The error does not name the file.
 */
int pins_parse(struct buf *text, struct pins *p, struct error *err);

/* ---- pins.c ------------------------------------------------------------------------------------ */

/*
 * Read FOLDER's "current" into TEXT: 1; 0 when nothing has been pinned there yet; -1. Unlike pins_read() takes nothing apart: only that
 * it is ours and whole is checked.
 */
int pins_load_text(const char *folder, struct buf *text, struct error *err);
/* The error of a file that is damaged, with the remedy. Returns -1. */
int pins_damaged(const char *folder, const char *file, struct error *err);

/* Read one of the files. 1, 0 when it is not there, -1. P is zeroes. FILE: "current", "held", or by its number. */
int pins_read(const char *folder, const char *file, struct pins *p, struct error *err);
int pins_read_generation(const char *folder, uint64_t generation, struct pins *p, struct error *err);

/* The lock; made with the folder when needed. Waits two seconds at most. Returns a descriptor to close. */
int pins_lock(const char *folder, struct error *err);
/* With the lock held. Replace "current" by P under its number, without a generation of its own: something was added at first sight. */
int pins_extend(const char *folder, const struct pins *p, struct error *err);
/* With the lock held. P becomes the next generation, its number is set; the one before is kept as N.pins. */
int pins_commit(const char *folder, struct pins *p, struct error *err);
/* With the lock held. Replace "held"; remove it when P has no items. */
int pins_write_held(const char *folder, const struct pins *p, struct error *err);

/* Numbers of the generations that are kept, ascending, without the current one. The caller frees. */
int pins_history(const char *folder, uint64_t **numbers, size_t *n, struct error *err);
/* Names of the servers' folders in PINS (the state folder's "pins"), sorted. */
int pins_servers(const char *pins, struct strlist *names, struct error *err);
/* Remove all files of FOLDER that are pins': the server starts anew. */
int pins_forget(const char *folder, struct error *err);
