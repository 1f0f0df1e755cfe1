/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's part of asking a person: questions that the filter sends are put by the user's helper (--ask-with) or on the
 * terminal, each in a process of its own, and the word that comes back goes to the filter. "always" is recorded here.
 */
#pragma once

#include "rpc/meter.h"
#include "session/child.h"
#include "session/record.h"
#include "store/approvals.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct asking; /* opaque */

#define ASKING_MAX 8
#define ASKING_A_MINUTE 60

/* Uses of tools that are not written yet: each write is a new file on the disk. */
enum { USES_MAX = 32, USES_WAIT = 1000 };

struct questions {
	struct asking *v[ASKING_MAX];
	struct meter asked; /* a filter in an attacker's hands must not fill the screen */
	struct approval uses[USES_MAX];
	size_t uses_n;
	uint64_t uses_due; /* milliseconds */
};

void asking_heard(struct session *s, const struct record_ask *r);
void asking_withdrawn(struct session *s, const struct record_withdraw *r);
/* How a question ended, by whatever road; through the client, "always" is recorded here. */
void asking_over(struct session *s, const struct record_asked *r);
/* A tool was used. */
void asking_used(struct session *s, const struct record_used *r);

/* Descriptors to wait for, ASKING_MAX at most. */
size_t asking_poll(const struct session *s, struct pollfd *p);
/* Called whenever the monitor wakes: hear, act on the clock, collect what ended. */
void asking_tend(struct session *s);
/* When something has to be done; 0: never. */
uint64_t asking_due(const struct session *s);
/* The session is over: no helper outlives it. */
void asking_end(struct session *s);

/*
 * ask-terminal.c: ask on the terminal DEVICE; prints the answer's word to standard output. An exit status.
 * In a process of its own.
 */
struct terminal_question {
	const char *device, *server, *reach;
	const struct record_ask *ask;
};
int ask_terminal(void *question);
