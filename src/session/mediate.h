/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the files that decide about messages: the steps, by the kind of message they are for, and what they share.
 *
 *   mediate.c  the rows of steps, and what happens at their ends
 *   call.c     requests of the client, and their deadlines
 *   answer.c   answers, of both sides
 *   notice.c   notifications
 *   method.c   the method and the shape of every message
 *   reverse.c  what the server asks of the client
 *   tasks.c    calls that are answered by a task
 *   pinned.c   what the server shows, and what of it is pinned
 *   tools.c    arguments and results against schemas
 *   refuse.c   what we answer ourselves
 *   texts.c    cleaning of texts, and rules on them; hook.c the user's text command
 *   hold.c     calls that wait for somebody's word
 */
#pragma once

#include "session/filter.h"

#include "base/cleanup.h"

/* Outside -32768..-32000, as the specification wants of codes that are not its own. */
enum {
	CODE_TIMEOUT = -31001,
	CODE_SERVER_GONE = -31002,
	CODE_REPLY_REFUSED = -31003,
	CODE_DENIED = -31004,
	CODE_INVALID_REQUEST = -32600,
	CODE_METHOD_NOT_FOUND = -32601,
	CODE_INVALID_PARAMS = -32602,
};

/* refuse.c: answer the client's request in words: as a tool result where a model waits for one. */
void answer_call(struct filter *f, const struct pending *p, int code, const char *text);

/* call.c */
enum fate call_begin(struct passage *p);
enum fate call_tool(struct passage *p);
/* server's requests */
enum fate request_begin(struct passage *p);

/* method.c: right after the first step of requests and notifications, and of answers */
enum fate method_check(struct passage *p);
enum fate method_check_reply(struct passage *p);
/*
 * pinned.c: what the server shows of itself, and what of it may be used. pinned_request() lets calls of known tools and prompts
 * pass; pinned_answer() takes in greetings and lists, and takes out what may not be shown.
 */
struct manifest;
enum fate pinned_request(struct passage *p);
/* For all that passes between a client and a server of which nobody has seen anything yet, where policy wants a review first. */
enum fate pinned_unseen(struct passage *p);
enum fate pinned_answer(struct passage *p);
const struct manifest *pinned_manifest(const struct filter *f);

/* answer.c */
enum fate answer_begin(struct passage *p);
enum fate answer_size(struct passage *p);
/* The client's last step: what the server asked for is on its way to it. */
enum fate answer_given(struct passage *p);
/* The server's last step: the call has come to its end. */
enum fate answer_done(struct passage *p);

/* tools.c: arguments and results against the schemas of tools and rules */
enum fate call_arguments(struct passage *p);
enum fate answer_structured(struct passage *p);
enum fate notice_structured(struct passage *p, const struct tree *t, const char *tool);

/* reverse.c */
enum fate reverse_declared(struct passage *p);
enum fate reverse_hello(struct passage *p);
enum fate reverse_asked(struct passage *p);
enum fate reverse_in_answer(struct passage *p);
enum fate reverse_retry(struct passage *p);
/* Whether the string ID is the elicitationId of something that has passed. */
bool reverse_knows_elicitation(struct passage *p, const struct tree *t, uint32_t id);

/* tasks.c: a call that was answered by a task. */
struct task {
	uint64_t key; /* of its id; 0: none */
	uint64_t progress_key;
	double progress;
	uint64_t result_max, timeout;
	unsigned caps;
	char tool[256];
};
enum fate task_named(struct passage *p);
enum fate task_created(struct passage *p);
/* The task with the id at node ID, or NULL. */
const struct task *task_find(struct passage *p, const struct tree *t, uint32_t id);
struct task *task_by_progress(struct filter *f, uint64_t progress_key);
/* What a notification says of a task may ask for input, too. */
enum fate reverse_in_task(struct passage *p, struct tree *t, const struct task *task);

/* notice.c */
enum fate notice_begin(struct passage *p);
enum fate notice_client(struct passage *p);
enum fate notice_server(struct passage *p);
/* Of a request: what it asks to be told of while it runs. */
enum fate notice_wanted(struct passage *p);
