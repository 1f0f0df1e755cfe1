/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One message on its way through the filter. Each kind of message has a row of steps (mediate.c); a step looks at the
 * message and says what becomes of it. What a step changes is noted as edits, and the edited message is made once,
 * after the last step; without edits the original bytes go out.
 *
 * Steps are the files of session/ that plug in here: each takes the passage, and nothing but the passage and the
 * filter it points to. A step is cheap when it has nothing to do: the tree is only made when a step asks for it.
 */
#pragma once

#include "rpc/decide.h"
#include "rpc/edit.h"
#include "rpc/message.h"
#include "rpc/route.h"
#include "rpc/tree.h"

#include <stdbool.h>

struct filter;

enum fate {
	FATE_NEXT,  /* nothing against it: the next step; after the last one it is forwarded */
	FATE_DONE,  /* it does not pass; whoever had to be told has been told */
	FATE_HOLD,  /* a request: kept until held_release() or held_refuse(); others pass it */
	FATE_STALL, /* nothing of this direction moves until passage_resume(); then the same step is asked again */
};

struct passage {
	struct filter *f;
	enum direction d;
	struct message m; /* spans are valid until the passage ends */
	/*
	 * Requests: what will be remembered of it, and steps may fill in more. Answers: the request that is answered.
	 * All zeroes for notifications. `id_raw` is not owned for requests.
	 */
	struct pending request;
	char id_raw[255 * 6 + 3]; /* an id is a string of at most 255 bytes, each of which may be written as \u00XX */
	struct decision decision; /* tools/call of the client, after call_tool(): what policy says */
	/* params, result or error: whichever the message has; use passage_tree() */
	struct span body;
	size_t offset;  /* of the body in the line */
	bool parsed;
	struct tree tree;
	struct edits edits; /* places are offsets in the line: pass `offset` */
	struct buf edited;  /* the line with them */
	struct buf rewritten[2]; /* the line after a step has changed it for those that follow; one is the source of the other */
	unsigned rewritten_at;
	struct buf scratch; /* for a step's own use; empty when it begins */
	struct span line;   /* what is forwarded */
	unsigned step;      /* the step that has the message now */
	bool open;          /* between its first step and its last */
	bool stalled;
	bool promised;      /* server's answer to a call: a task, or questions first; not yet what the tool says */
	bool asks;      /* a modern call: the client declared that it asks people */
	bool held_back; /* a call, while calls are held back after an alarm: a person has to say so */
};

typedef enum fate (*step_fn)(struct passage *p);

/*
 * The body's index, or NULL when it has none, or could not be indexed (too many values, no memory; then the step must
 * refuse: passage_unreadable()).
 */
struct tree *passage_tree(struct passage *p);
enum fate passage_unreadable(struct passage *p);

/*
 * Refuse the message. Who waits for it is answered, in words a model or a person can act on (FORMAT; "mcpcage" should be in
 * it), and the audit log has it (WHY: enum refusal or enum drop; RULE: what decided, or NULL):
 *
 *	client's request       tools/call: a tool result with isError; else an error with CODE
 *	server's answer        the same, to the request it answers
 *	server's request       an error with CODE, to the server
 *	client's answer        an error with CODE, to the server
 *	notifications          nobody: dropped
 *
 * Always FATE_DONE.
 */
enum fate passage_refuse(struct passage *p, unsigned why, int code, const char *rule, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same for a request that is wrong as such: always an error with CODE, also to a tools/call. DETAIL is for the audit log, or NULL. */
enum fate passage_error(struct passage *p, unsigned why, int code, const char *detail, const char *text);
/* Drop it, saying nothing to anybody but the audit log. DETAIL: printable, or NULL. Always FATE_DONE. */
enum fate passage_drop(struct passage *p, unsigned why, const char *detail);

/* M takes the message's place. Nothing is left of what was indexed and edited. */
void passage_message(struct passage *p, const struct message *m);

/* What a stalled passage waited for is there. */
void passage_resume(struct passage *p);
/* Give the memory of large messages back. Not while open. */
void passage_trim(struct passage *p);
