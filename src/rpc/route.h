/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of requests that wait for their answer, one for each direction. An answer passes once, for an id
 * of the same type and value; a cancelled or overdue id stays known until its late answer came or the table needs the
 * place, so that it cannot be mistaken for a newer request's. Bounded, pure, no system calls. Time is the caller's
 * monotonic clock in milliseconds.
 */
#pragma once

#include "policy/mediation.h"
#include "rpc/message.h"

#include <stdint.h>

struct route; /* opaque */

enum pending_state {
	PENDING_WAITING,
	PENDING_ANSWERED_BY_US, /* deadline passed: we answered; the late reply is dropped */
};

struct pending {
	struct rpc_id id;
	char *id_raw; /* the token as the requester wrote it, NUL-terminated; owned by the table */
	enum pending_state state;
	bool is_tool_call;
	bool modern;
	bool cancelled;    /* the requester cancelled it: no answer is due */
	bool held;         /* it has not been sent on yet */
	uint64_t started;  /* milliseconds */
	uint64_t deadline; /* milliseconds; 0: none */
	uint64_t bytes;    /* of the request */
	uint64_t timeout;  /* milliseconds; its own time, 0: the usual one */
	uint64_t result_max; /* bytes of its answer; 0: no limit of its own */
	uint64_t progress_key; /* route_key() of its progress token; 0: it has none */
	uint64_t cursor;   /* a list's page: manifest_cursor() of what was asked for; 0: the first */
	double progress;   /* the last that was reported */
	unsigned caps;     /* what the client declared for it and policy left: enum reverse_cap */
	uint8_t log_level; /* the least it wants to be told of, 1 to 8 as in rpc/notice.h; 0: nothing was said */
	uint8_t listens;   /* subscriptions/listen: what it wants to hear of */
	bool task;         /* it may be answered by a task */
	uint64_t round;    /* what says that another request is this one again; 0: nothing */
	bool excused;      /* allowed by a person in spite of an alarm */
	bool metered;      /* counts as running; and so it does for these rules */
	uint8_t metered_n;
	uint32_t metered_by[TOOL_STAGES];
	char tool[256];    /* tools/call: its name; else the method */
	char method[128];
};

enum route_status { ROUTE_OK, ROUTE_ID_IN_USE, ROUTE_FULL, ROUTE_UNKNOWN, ROUTE_LATE, ROUTE_NO_MEMORY };

struct route *route_new(size_t max_pending); /* 0: 4096 */
void route_free(struct route *r);
/* A request passes: remember it. The table copies everything. */
enum route_status route_request(struct route *r, const struct pending *request);
/* An answer arrives: ROUTE_OK moves the entry to *OUT (free it with pending_clear); ROUTE_LATE: drop it. */
enum route_status route_answer(struct route *r, const struct rpc_id *id, struct pending *out);
/* Whether this id is in the table, waiting or only remembered. */
bool route_known(const struct route *r, const struct rpc_id *id);
/* The entry that waits under this id, or NULL. Valid until the table changes; id, state and deadline are the table's. */
struct pending *route_get(struct route *r, const struct rpc_id *id);
/* The newest entry that waits and for which MATCH says so, or NULL. Linear. */
struct pending *route_find(struct route *r, bool (*match)(const struct pending *p, const void *context), const void *context);
/* A number, never 0, for an id or a token, or for a text; nobody outside this process can find another with the same. */
uint64_t route_key(const struct route *r, const struct rpc_id *id);
uint64_t route_key_text(const struct route *r, struct span text);
/* Another deadline (0: none) for the entry that waits under this id. */
void route_deadline(struct route *r, const struct rpc_id *id, uint64_t deadline);
/* Take it out, whatever its state: ROUTE_OK, and *OUT is the caller's to clear. */
enum route_status route_forget(struct route *r, const struct rpc_id *id, struct pending *out);
/* notifications/cancelled from the requester. */
enum route_status route_cancel(struct route *r, const struct rpc_id *id);
/* The next deadline, or 0. */
uint64_t route_next_deadline(const struct route *r);
/* One entry whose deadline has passed: it becomes PENDING_ANSWERED_BY_US and *OUT gets a copy. false: none. */
bool route_expire(struct route *r, uint64_t now, struct pending *out);
/* How many wait for an answer. */
size_t route_waiting(const struct route *r);
/* Take any entry that still waits, to answer it when the session ends. false: none. */
bool route_drain(struct route *r, struct pending *out);
void pending_clear(struct pending *p);
