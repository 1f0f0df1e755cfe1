/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is too much: the rates and concurrency of rules, which refuse, and the alarms, which tell, hold calls back or end the
 * session; and what is known of each tool's past. Part of the filter. mcpcage-policy(5), "tools.rules" and "alarms".
 */
#pragma once

#include "rpc/meter.h"
#include "rpc/route.h"
#include "session/passage.h"
#include "session/record.h"
#include "store/approvals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filter;
struct rule_meter;

/* A tool that was used, in this session or before. */
struct tool_past {
	char tool[256];
	uint32_t hash;   /* of the name */
	uint8_t pin[32]; /* its definition then */
	bool used;
	bool unsaved;
	struct baseline results;
};

struct limits {
	struct meter calls, bytes;
	uint64_t running; /* calls of tools under way */
	uint64_t denials; /* in a row */
	struct rule_meter *rules; /* by decision_index() */

	uint64_t held_until; /* milliseconds; 0: calls are not held back */
	enum alarm_kind held_by;
	uint64_t held_value, held_limit;
	uint64_t alarmed[ALARM_KINDS_]; /* when last; 0: never */
	bool lifted[ALARM_KINDS_];      /* a person said so, for this session */
	bool stopped;   /* nothing passes any more */
	bool stop_told; /* and everybody knows */

	struct tool_past *past;
	size_t past_n;
};

/* Before confinement. REMEMBERED: from earlier sessions. */
int limits_start(struct filter *f, const struct approvals *remembered, struct error *err);

/* Steps: nothing passes after a stop; limits on a call; the size of a result. */
enum fate limits_gate(struct passage *p);
enum fate limits_call(struct passage *p);
enum fate limits_result(struct passage *p);

/* N bytes were passed on. */
void limits_bytes(struct filter *f, size_t n);
/* A request of the client came to its end; report_call() says so. */
void limits_ended(struct filter *f, const struct pending *p, enum call_end end);
/* The call will not take place in the server any more: its place is free. Marks P, so that this counts once. */
void limits_release(struct filter *f, struct pending *p);
/* After the messages of a turn. */
void limits_turn(struct filter *f);
/* The end: tell the monitor what is not saved. */
void limits_finish(struct filter *f);

/* The past of TOOL, or NULL when it was never used with the definition PIN. */
const struct tool_past *limits_past(const struct filter *f, const char *tool, const uint8_t pin[32]);
/* Whether it was used with another definition. */
bool limits_changed(const struct filter *f, const char *tool, const uint8_t pin[32]);
/* A person has lifted what holds calls back. */
void limits_lift(struct filter *f, enum alarm_kind kind);
