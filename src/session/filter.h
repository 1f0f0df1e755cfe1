/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filter: the process that reads every hostile byte and holds no authority. It owns the client's standard streams and the
 * server's three pipes, and tells the monitor in records what passed and what did not.
 *
 *   filter.c   confinement and the loop
 *   lane.c     moving bytes: client to server, server to client, standard error
 *   mediate.c  what happens to a message; mediate.h says which files have a part in it
 *   report.c   records to the monitor
 */
#pragma once

#include "base/span.h"
#include "base/spin.h"
#include "policy/plan.h"
#include "rpc/decide.h"
#include "rpc/frame.h"
#include "rpc/manifest.h"
#include "rpc/route.h"
#include "session/ask.h"
#include "session/hold.h"
#include "session/limits.h"
#include "session/outlet.h"
#include "session/passage.h"
#include "session/record.h"
#include "session/texts.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Descriptors the filter is given; they become its own. */
struct filter_fds {
	int hook_in, hook_out; /* of the text command; -1: there is none */
	int client_in, client_out, client_err;
	int server_in, server_out, server_err;
	int monitor;
	const struct approvals *approvals; /* from earlier sessions */
	struct buf pins; /* the file of pins as it is, or empty; parsed after confinement */
};

/* The body of the filter process. Never returns. */
_Noreturn void filter_main(const struct plan *plan, struct filter_fds *fds);

/* ---- shared by the files of the filter ------------------------------------------------------ */

struct lane {
	int in; /* -1: closed */
	bool nonblock; /* `in` is a description of our own with O_NONBLOCK */
	bool readable; /* poll(2) said so, or the last read filled the space */
	bool more;     /* stopped in the middle: come back without waiting */
	bool eof;
	bool wide; /* its pipes have been enlarged */
	struct frame *frame;
};

/* Standard error of the server, as lines. */
struct drain {
	int in;
	bool readable;
	char line[8192]; /* an unfinished line */
	size_t n;
	uint64_t tokens; /* bytes that may pass now */
	uint64_t refilled; /* milliseconds */
	uint64_t dropped;  /* bytes since the last line about it */
};

struct filter {
	const struct plan *plan;
	struct lane lane[2]; /* by enum direction: where its bytes come from */
	struct passage passage[2]; /* the message each direction is at */
	struct holds holds;
	char label[64];  /* what the user calls the server */
	struct spin spin;
	bool legacy;     /* the client said initialize */
	unsigned caps;   /* what it declared there and policy left: enum reverse_cap */
	uint8_t log_level; /* logging/setLevel, as pending.log_level */
	struct rounds *rounds;    /* reverse.c; NULL until needed, as the next */
	struct tasks *tasks;      /* tasks.c */
	struct tools *tools;      /* tools.c */
	uint64_t elicitations[32]; /* reverse.c: those that may end by a notification */
	size_t elicitations_next;
	struct texts *texts;
	struct hook *hook; /* NULL: none */
	struct pinned *pinned; /* what the server shows, and what of it may be used */
	struct asks asks;
	struct limits limits;
	struct outlet to_server, to_client, to_stderr;
	struct drain stderr_;
	struct route *calls;   /* requests of the client */
	struct route *reverse; /* requests of the server */
	uint64_t call_timeout, idle_timeout;

	uint64_t now; /* milliseconds, CLOCK_MONOTONIC; set once a turn */
	uint64_t active; /* when the last message passed */
	uint64_t asked;  /* when something was last wanted of the server: what it says by itself does not count */
	uint64_t silent_from; /* the first deadline since the server last said something; 0: none */
	bool quiet_told, idle_told, unyielding_told, client_gone_told, server_eof_told, trimmed;
	bool draining; /* the server is gone: pass on what it left, then end */
	bool memory_full; /* the kernel killed it because its group's memory was full */

	int rare;           /* epoll(7) over what is seldom ready; -1: none */
	int timer;          /* timerfd_create(2) */
	uint64_t timer_due; /* what it is set to, milliseconds; 0: nothing */

	int monitor;
	unsigned char packet[RECORD_PACKET_MAX];
	size_t packet_n;
	uint64_t packet_since;
	struct record_end totals;
};

static inline struct outlet *outlet_of(struct filter *f, enum direction d)
{
	return d == CLIENT_TO_SERVER ? &f->to_server : &f->to_client;
}

/* A bounded, terminated copy of TEXT (N bytes at most); on the hot path, where snprintf(3) would be a third of the cost. */
void copy_text(char *to, size_t size, const char *text, size_t n);

/* lane.c */
void lane_pump(struct filter *f, enum direction d);
bool lane_wants_input(const struct filter *f, enum direction d);
/* Its message is held up by nothing any more. */
bool lane_goes_on(const struct filter *f, enum direction d);
void drain_pump(struct filter *f);
/* One line of the server's for the person: cleaned, bounded. */
void drain_line(struct filter *f, const char *prefix, struct span line);
void drain_finish(struct filter *f);

/* mediate.c */
/* A new message is in f->passage[d].m. true: forward f->passage[d].line. */
bool mediate_message(struct filter *f, enum direction d);
/* The passage of D was stalled and is no longer: go on. The same result. */
bool mediate_resume(struct filter *f, enum direction d);
void mediate_refusal(struct filter *f, enum direction d, const struct frame_refusal *refusal);
void mediate_noise(struct filter *f, enum direction d, struct span text);
void mediate_deadlines(struct filter *f);
/* The server is gone: answer every request that still waits. */
void mediate_server_gone(struct filter *f);

/* reverse.c: what the person is told of who asks. While the plan still has the server's arguments. */
void reverse_name_server(struct filter *f, const struct plan *plan);
/* pinned.c: after confinement. */
int pinned_begin(struct filter *f, struct buf *pins, struct error *err);
/* The session ends. */
void pinned_end(struct filter *f);


/* tools.c: the policy's schemas, before confinement: one that cannot be compiled ends the session before it begins. */
int tools_start(struct filter *f, struct error *err);

/* report.c */
void report_call(struct filter *f, const struct pending *p, enum call_end end, uint64_t reply_bytes, const char *rule);
/* A request of the server that passed came to its end. */
void report_asked(struct filter *f, const struct pending *p, enum call_end end, uint64_t reply_bytes);
void report_refused(struct filter *f, enum direction d, unsigned why, const struct frame_refusal *at,
		    const struct message *m, bool answered);
void report_event(struct filter *f, enum session_event event);
/* R without head, total, offset, n and chunk: those are filled in here. */
void report_item(struct filter *f, struct record_item *r, struct span content);
void report_list(struct filter *f, enum item_kind kind, bool whole);
/* Any other record; its head is filled in. */
void report_record(struct filter *f, enum record_type type, void *record);
void report_end(struct filter *f);
/* Send what was collected. Exits when the monitor is gone. */
void report_flush(struct filter *f);
