/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor: the process that the client started. It holds the authority (policy, audit log, cgroup, signals) and reads
 * no byte that a server wrote, only records.
 *
 *   monitor.c  the loop, teardown, the session's end
 *   start.c    making the other processes
 *   journal.c  what goes into the audit log and onto standard error
 *   ask-helper.c, ask-terminal.c  asking a person
 *   alarm.c    the user's command for alarms
 *   control.c, grants.c  "mcpcage grant" and "revoke" while it runs
 *   freeze.c   stopping the server while nobody asks for anything
 *   child.c    programs of the user's, outside the cage
 */
#pragma once

#include "base/buf.h"
#include "base/log.h"
#include "cage/cage.h"
#include "policy/plan.h"
#include "session/pinning.h"
#include "session/alarm.h"
#include "session/ask-helper.h"
#include "session/child.h"
#include "session/control.h"
#include "session/grants.h"
#include "session/record.h"
#include "store/approvals.h"
#include "store/audit.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peer {
	enum record_peer who;
	enum peer_state state;
	pid_t pid;
	int fd; /* its socket, -1 when closed */
	bool reaped;
	struct record_ready ready;
};

/* Whether the server is frozen between calls, and how often and long it was. */
struct freeze {
	bool on;
	bool by_signals; /* there is no group, or it could not be frozen */
	uint64_t since, times, total_ms;
};

struct session {
	const struct plan *plan;
	const struct log *log;
	struct audit audit;
	struct buf line; /* for audit lines */
	struct approvals approvals; /* as they were at the start: the filter's */
	bool approvals_lost;        /* one could not be recorded, and that was said */
	struct questions questions;
	struct alarms alarms;
	bool stopped; /* by an alarm */
	char label[256];  /* the server's name for people */
	char reach[1024]; /* and what it can reach */
	struct peer filter, init, egress;
	int init_pidfd;
	int signal_fd;
	struct cgroup cgroup;
	struct freeze freeze;

	uint64_t started; /* milliseconds, CLOCK_MONOTONIC, like all times here; 0: not set */
	uint64_t session_end, term_at, kill_at, init_kill_at, filter_kill_at, egress_kill_at;
	const char *ending; /* why the session is being ended, a phrase for the audit log */
	bool client_gone;
	bool input_ended;    /* before anything else ended the session */
	uint64_t unanswered; /* requests of the client that the server's end came before */
	bool killed;
	bool server_exited;
	int server_status;
	bool broken; /* a process of ours misbehaved or died */
	struct error error; /* RECORD_FAILED, or why it is broken */
	struct record_end totals;
	struct record_traffic traffic;
	uint64_t names_told, connections_written;
	struct pinning pinning;
	uint64_t items_told; /* lines about the pins on standard error */
	uint64_t items_written; /* and in the audit log */
	uint64_t memory_peak, cpu_us, oom_kills; /* of the cgroup, while it was there to ask */
	uint64_t call_cpu_us, call_oom_kills; /* likewise, at the last call */
	uint64_t refusals;
	uint64_t asked; /* requests of the server that were written down */
	uint64_t texts_written; /* records about texts */
	struct child text_command;
	int places[RECORD_FDS]; /* the cage's user and mount namespace; -1 */
	struct control control;
	bool control_refused; /* somebody was, and that is written */
	struct grants grants;
	unsigned char packet[RECORD_PACKET_MAX];
};

uint64_t session_now(void);

/* start.c: everything up to the server's first instruction. On -1 the caller kills what was started. */
int session_start(struct session *s, struct error *err);

/* monitor.c: read one packet of PEER and act on it. Used while starting and while running. */
void session_hear(struct session *s, struct peer *peer);
/* Something of ours is not as it must be: the session is over. */
void session_break(struct session *s, const struct error *err);

/* Send a signal to the server's process group, or to every process of the cage but its init. */
void session_signal(struct session *s, int signal, bool everyone);

/* freeze.c: no change when it is so already, or when the session is ending. */
void session_freeze(struct session *s);
/* Before anything the server has to act upon: a message, a signal, the end of its input. */
void session_thaw(struct session *s);

/* journal.c */
void journal_start(struct session *s);
void journal_call(struct session *s, const struct record_call *r);
void journal_refused(struct session *s, const struct record_refused *r);
void journal_text(struct session *s, const struct record_text *r);
void journal_item(struct session *s, const struct record_item *r);
void journal_asked_host(struct session *s, const char *name, enum answer answer);
void journal_asked(struct session *s, const struct record_asked *r);
void journal_alarm(struct session *s, const struct record_alarm *r);
/* What an alarm says, as members of an object. */
void journal_alarm_members(struct buf *b, const struct record_alarm *r);
void journal_name_refused(struct session *s, const struct record_name_refused *r);
void journal_connection(struct session *s, const struct record_connection *r);
/* Write the line that was begun in `line`. */
void journal_write(struct session *s);
/* journal-grants.c */
void journal_grant(struct session *s, const struct grant_entry *e, bool prolonged);
void journal_grant_ended(struct session *s, const struct grant_entry *e);
void journal_grant_refused(struct session *s, const char *what, pid_t by, const char *why);
void journal_note(struct session *s, const char *event, const char *text);
void journal_end(struct session *s, int status);
