/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a server shows of itself: its identity, its instructions, and each tool, prompt and resource template of every page of its
 * lists; what of it is pinned, and what of it may be shown and used now.
 *
 * An item's content is its whole JSON in one canonical form (manifest_canonical()), so that reformatting is no change and every
 * other byte is. Items are kept, not only their hashes. What is offered is compared with what is pinned:
 *
 *	pinned and offered the same, or not offered yet    known
 *	not pinned, and the kind's pins are closed         new: hidden, calls refused
 *	not pinned, and they are open (first use)          known, and reported, to be pinned
 *	pinned and offered differently                     changed: hidden, calls refused
 *	pinned, and not in a whole list of this session    gone: calls refused
 *
 * Pins of a kind are closed when a whole list has been pinned and the server has been used (manifest_settle()): some servers add to their
 * lists right after the greeting. In review mode they are closed always. Pure: no system calls but for memory, all of
 * it bounded. The filter has one manifest for its session; review, diff and tests have others.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "policy/mediation.h"
#include "rpc/edit.h"
#include "rpc/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The order is part of the records and of the pins' files. */
enum item_kind { ITEM_IDENTITY, ITEM_INSTRUCTIONS, ITEM_TOOL, ITEM_PROMPT, ITEM_TEMPLATE, ITEM_KINDS };

#define ITEM_NAME_MAX 255 /* bytes; what is longer is hidden */
#define ITEM_CONTENT_MAX ((size_t)1 << 20)
#define ITEM_HASH 32 /* SHA-256 */
#define MANIFEST_ITEMS 4096
#define MANIFEST_BYTES ((size_t)16 << 20)

/* "tool"; NULL for what is no kind. item_kind_parse(): ITEM_KINDS for an unknown word. */
const char *item_kind_name(enum item_kind kind);
enum item_kind item_kind_parse(const char *word);

enum standing {
	STANDING_KNOWN,      /* may be shown and used */
	STANDING_NEW,        /* held: not pinned */
	STANDING_CHANGED,    /* held: not what is pinned */
	STANDING_UNREVIEWED, /* held: review mode, and nobody has looked at it */
	STANDING_GONE,       /* was pinned or shown, and is in the server's list no more */
	STANDING_UNLISTED,   /* no list ever showed it */
};

struct item {
	enum item_kind kind;
	uint32_t number;     /* place in the manifest, for tables beside it; never changes */
	uint32_t edition;    /* counts up whenever `content` becomes another */
	struct span name;    /* decoded: tools[].name, prompts[].name, uriTemplate; of identity and instructions the method */
	struct span content; /* in force: the pinned one; without pins the last one shown. Canonical JSON; `null` for none */
	uint8_t hash[ITEM_HASH]; /* of `content` */
	bool pinned, reviewed;
	enum standing standing;
	/* what the server offered last, when held; for reports and `mcpcage diff` */
	struct span offered; /* only while the finding about it is told */
	uint8_t offered_hash[ITEM_HASH];
	/* internal */
	uint64_t seen_round, seen_answer, seen_page;
	struct buf memory; /* of `content`, unless that is borrowed */
	bool told;
};

/* What was found out about an item; the caller passes it on. The spans are valid until the next call. */
enum finding {
	FINDING_FIRST,     /* first sight: to be pinned */
	FINDING_NEW,       /* held */
	FINDING_CHANGED,   /* held */
	FINDING_GONE,      /* a pinned item is in the list no more */
	FINDING_AGAIN,     /* was held, gone or new, and is offered as pinned again */
	FINDING_DUPLICATE, /* a second item of the same name: hidden */
	FINDING_UNFIT,     /* no object, no name, name too long, too large, or too many: hidden */
	FINDINGS_
};
typedef void manifest_finding_fn(void *context, enum finding finding, enum item_kind kind, struct span name,
				 const struct item *item /* NULL: FINDING_UNFIT */);

struct manifest; /* opaque */

struct manifest *manifest_new(enum pins_mode mode, manifest_finding_fn *finding, void *context); /* NULL: out of memory */
void manifest_free(struct manifest *m);

/*
 * Fill in what is pinned, before anything is offered. NAME and CONTENT are borrowed for the manifest's life. Fails on a second
 * item of the same kind and name and past the limits.
 */
int manifest_pin(struct manifest *m, enum item_kind kind, struct span name, struct span content,
		 const uint8_t hash[ITEM_HASH], bool reviewed, struct error *err);
/* A whole list of KIND has been pinned: what is not among it is new. */
void manifest_close(struct manifest *m, enum item_kind kind);
bool manifest_closed(const struct manifest *m, enum item_kind kind);
/* Review mode, and nobody has looked at anything of this server yet: nothing of it is to pass. After manifest_pin(). */
bool manifest_unseen(const struct manifest *m);
/* The client uses what it was shown: lists that were seen whole are closed now, and others when they are. */
void manifest_settle(struct manifest *m);

/*
 * The result of initialize or server/discover (METHOD). RESULT is its node. Instructions that are held are dropped (edit_drop():
 * the caller sweeps RESULT), an identity that has changed is replaced by the pinned one, and one of a server that manifest_unseen() is
 * about by none. Lists are pinned one kind at a
 * time, so nothing else of the result is looked at. 0, or -1 when memory ran out: the answer must not pass.
 */
int manifest_hello(struct manifest *m, const char *method, struct tree *t, uint32_t result, size_t offset,
		   struct edits *e);
/*
 * The result of tools/list, prompts/list or resources/templates/list. CURSOR is manifest_cursor() of the request's params: the
 * page that was asked for. Items that may not be shown are dropped (edit_drop(): the caller sweeps the list, which
 * manifest_items() finds). *COMPLETE, unless NULL, tells whether this was the last page of a list seen from its start. 0, or -1 as
 * above.
 */
int manifest_list(struct manifest *m, enum item_kind kind, struct tree *t, uint32_t result, uint64_t cursor,
		  bool *complete);
/* A cursor as a number: of a params or result node (TREE_NONE allowed) and the member's name, "cursor" or "nextCursor". 0: none. */
uint64_t manifest_cursor(const struct tree *t, uint32_t object, const char *member);
/* The array of items in a list's result, or TREE_NONE. */
uint32_t manifest_items(const struct tree *t, uint32_t result, enum item_kind kind);

/* Which list a method asks for: ITEM_KINDS for none that is pinned. */
enum item_kind manifest_list_kind(const char *method);

/* O(1). NULL: no list showed it and it is not pinned. */
const struct item *manifest_find(const struct manifest *m, enum item_kind kind, struct span name);
/* Whether an item may be used, and if not, why not. *ITEM (unless NULL) as manifest_find(). */
enum standing manifest_standing(const struct manifest *m, enum item_kind kind, struct span name, const struct item **item);
/* Words for a model or a person about a NAME of KIND that may not be used; without "mcpcage", without a full stop. */
const char *standing_text(enum standing standing);

/* All items in the order of their numbers. */
size_t manifest_count(const struct manifest *m);
const struct item *manifest_item(const struct manifest *m, size_t number);

/* ---- for items that are looked at elsewhere ---------------------------------------------------- */

/* Append node I in canonical form. 0, or -1 when OUT is full or memory ran out. */
int manifest_canonical(const struct tree *t, uint32_t i, struct buf *out);
void manifest_hash(struct span content, uint8_t hash[ITEM_HASH]);
/*
 * The skeleton of a name: without what cannot be seen, letters and digits that look alike (other scripts, full width, case, 0 and
 * O, 1 and l and I) as one. Names with equal skeletons can be mistaken for each other.
 */
void manifest_skeleton(struct span name, struct buf *out);
/*
 * For each item that can be mistaken for another one of its kind: ALIKE[number] is the number of such a one; UINT32_MAX for the
 * others. ALIKE has manifest_count() places. 0, or -1 when memory ran out.
 */
int manifest_alike(const struct manifest *m, uint32_t *alike);
