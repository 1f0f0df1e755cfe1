/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking a person about a call: the words, the forms in which a client is asked, and reading its answer. Pure; the session's
 * filter uses it. MCP, "Elicitation" (2025-06-18 on), and "Multi Round-Trip Requests" (2026-07-28).
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"
#include "rpc/tree.h"

#include <stdbool.h>
#include <stdint.h>

enum answer {
	ANSWER_ONCE,
	ANSWER_SESSION,
	ANSWER_ALWAYS,
	ANSWER_NO,
	ANSWER_UNAVAILABLE, /* nobody could be asked */
	ANSWER_TIMEOUT,     /* nobody answered in time */
	ANSWER_WITHDRAWN,   /* the call was cancelled, or the session ended, before an answer came */
	ANSWERS_
};
/* "once", "session", "always", "no"; the rest in words, for the audit log. */
const char *answer_name(enum answer answer);
/* One of the first four by its name, as a helper prints it; false: it is none. */
bool answer_by_name(struct span word, enum answer *answer);
static inline bool answer_allows(enum answer answer)
{
	return answer <= ANSWER_ALWAYS;
}

struct question {
	const char *server;    /* what the user calls the server */
	const char *tool;
	bool request;          /* `tool` is the method of a request that the server makes */
	const char *reason;    /* why this is asked */
	const char *description; /* what the server says of the tool, as question_text() shows it; NULL or "": nothing */
	const char *reach;       /* what the server can reach; NULL: not told */
	struct span arguments; /* JSON as the client wrote it; may be empty */
};

/*
 * Append JSON text so that a person sees all of it that matters: strings decoded and written anew with every character
 * that cannot be seen as \uXXXX; the middle of long strings left out, with how much that was; cut at about MAX bytes, and
 * saying so. No byte below 0x20 and no 0x7f.
 */
void question_arguments(struct buf *out, struct span json, size_t max);
/* The same for a bare text such as a tool's name, without quotes. */
void question_text(struct buf *out, const char *text, size_t max);

/* The request elicitation/create with id ID (a string), one line. */
void question_elicit(struct buf *out, const char *id, const struct question *q);
/* The result of the call ID_RAW by which a modern client is asked: one line. STATE comes back with the answer. */
void question_input_required(struct buf *out, struct span id_raw, const char *state, const struct question *q);
/* The key of our question in inputRequests and inputResponses. */
#define QUESTION_KEY "mcpcage-ask"

/* What an ElicitResult (node RESULT) says. ANSWER_NO for everything that is no clear permission. */
enum answer question_answer(const struct tree *t, uint32_t result);

/*
 * The requestState of a question: its NUMBER and a keyed hash over number, tool and arguments, so that the answer to one
 * question permits this call and no other.
 */
#define QUESTION_STATE_MAX 96
#define QUESTION_KEY_BYTES 32
void question_state(char state[QUESTION_STATE_MAX], const unsigned char key[QUESTION_KEY_BYTES], uint64_t number,
		    const char *tool, struct span arguments);
/* The number of the question that STATE belongs to; false when it is not ours, or not this call's. */
bool question_state_check(struct span state, const unsigned char key[QUESTION_KEY_BYTES], const char *tool,
			  struct span arguments, uint64_t *number);
