/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The monitor's part of asking a person: questions that the filter sends are put by the user's helper (--ask-with) or on the
 * terminal, each in a process of its own, and the word that comes back goes to the filter. "always" is recorded here.
 */
#pragma once

#include "rpc/meter.h"
#include "rpc/question.h"
#include "session/child.h"
#include "session/record.h"
#include "store/approvals.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct asking; /* opaque */

/*
 * ask-host.c: the verdict "ask" on names (network.default). Egress holds the DNS answer; the person is asked by a helper or on the
 * terminal, never through the client, where a server or a model might answer.
 */
#define ASK_HOSTS_MAX 64
/* What "once" lasts, in milliseconds: the server looks a name up, connects, and may do so again. */
#define ASK_HOST_ONCE (10 * 60 * 1000)
/* Questions about hosts a minute, and how long nobody is asked after a row of them that nobody allowed. */
enum { ASK_HOSTS_A_MINUTE = 10, ASK_HOST_REFUSALS = 5, ASK_HOST_QUIET = 60000 };

struct host_asks {
	char denied[ASK_HOSTS_MAX][HOST_NAME_SIZE]; /* somebody said no, for this session */
	size_t denied_n;
	unsigned refusals; /* in a row */
	uint64_t quiet_until; /* milliseconds */
	struct meter asked;
};

/* Egress asks. */
void ask_host(struct session *s, const struct record_name_ask *r);
/* The person's answer, or why there is none. */
void ask_host_over(struct session *s, const struct record_name_ask *r, enum answer said);

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
	struct host_asks hosts;
};

void asking_heard(struct session *s, const struct record_ask *r);
void asking_withdrawn(struct session *s, const struct record_withdraw *r);
/* Ask about a host: false when nobody can be asked now. It ends with ask_host_over(). */
bool asking_host(struct session *s, const struct record_name_ask *r, const char *reason);
/* "always", of TOOL, or of a host in its place; recorded with an end. */
void asking_remember(struct session *s, const char *tool, const uint8_t pin[32], const uint8_t scope[32], bool client);
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
	const char *host; /* what is asked about, or NULL: a tool */
	const struct record_ask *ask;
};
int ask_terminal(void *question);
