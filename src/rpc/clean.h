/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleaning the strings of a message of what a person does not see and a model does: control characters and
 * escape sequences, zero-width characters, marks that turn text round, tag characters, variation selectors that
 * carry data. What honest text needs stays where it has its meaning, at most one at a place: joiners inside
 * emoji and between letters of scripts that join (Arabic, the scripts of India), variation selectors behind the
 * characters they are for, direction marks beside letters written from right to left, zero-width spaces between
 * letters of scripts without spaces, the three flags made of tags.
 *
 * Line and paragraph separators, next line, form feed, vertical tab and a carriage return by itself become a
 * newline, so that nothing can be overwritten and lines stay apart. An escape sequence goes as a whole where it
 * has an end. Pure and linear. Unicode 15; UTS #51 for emoji; RFC 5892, appendix A, for joiners.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"
#include "rpc/edit.h"
#include "rpc/tree.h"

#include <stdint.h>

/* Characters removed or replaced. */
struct clean_count {
	uint64_t control;   /* control characters, all of an escape sequence */
	uint64_t invisible; /* zero width, fillers, soft hyphens, other ignorable characters */
	uint64_t direction; /* marks, embeddings, overrides and isolates of text direction */
	uint64_t hidden_data; /* tags, variation selectors */
	uint64_t breaks;    /* replaced by a newline */
};

static inline uint64_t clean_total(const struct clean_count *c)
{
	return c->control + c->invisible + c->direction + c->hidden_data + c->breaks;
}
void clean_add(struct clean_count *to, const struct clean_count *from);

/*
 * Whether JSON text (a whole message, or one string) may have a string that needs cleaning. false is certain;
 * true is worth a closer look. This is the pass that every message of the server's goes through.
 */
bool clean_suspect(struct span json);

/* Append TEXT, decoded UTF-8, cleaned. What is removed is added to *COUNT. */
void clean_text(struct buf *out, struct span text, struct clean_count *count);

/*
 * Note edits for every key of T that needs cleaning, and unless KEYS_ONLY for every other string. OFFSET is
 * where T's text begins in the message. What the sender gets back and nobody reads stays: cursors, tokens and
 * states, right in T's root. false: memory ran out, the message must not pass. Keys may become equal, or those
 * of the protocol: scan the result again.
 */
bool clean_tree(const struct tree *t, size_t offset, bool keys_only, struct edits *edits, struct clean_count *count);

/* The value of such a string is not text. W has just come to the string I. */
struct walk;
bool clean_leaves(const struct walk *w, uint32_t i);
