/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of the user's that the monitor starts beside the session: outside the cage, in a process group of its own, with
 * none of our descriptors. What it is told stands in a file that is its standard input; what it answers is one line. It dies with
 * the monitor unless it is meant to outlive it.
 */
#pragma once

#include "base/error.h"
#include "base/span.h"
#include "base/strlist.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;        /* 0: none */
	bool group;       /* has a process group of its own */
	int out;          /* its standard output, not blocking; -1: nobody listens */
	uint64_t kill_at; /* milliseconds, CLOCK_MONOTONIC; 0: not yet */
	char line[64];
	size_t line_n;
};

#define CHILD_NONE ((struct child){ .out = -1 })

/*
 * Its standard output is read; standard error is ours. OUTLIVES (milliseconds, 0: no): its output goes to /dev/null, it may
 * outlive the session, and is ended by SIGALRM when that time is over.
 */
int child_start(struct child *c, const struct strlist *argv, struct span input, unsigned outlives, struct error *err);
/*
 * The same, but IN and OUT, of which copies are used, are its standard input and output, and another
 * process is at their other ends.
 */
int child_serve(struct child *c, const struct strlist *argv, int in, int out, struct error *err);
/*
 * The same, but FN runs in the new process, in our process group, in place of a program; its result is the exit status. FN may
 * use CONTEXT and standard output, nothing else.
 */
int child_fork(struct child *c, int (*fn)(void *context), void *context, struct error *err);

enum child_said { CHILD_QUIET, CHILD_SAID, CHILD_ENDED };
/* Read what it says. CHILD_SAID: `line` has its first line, without newline. CHILD_ENDED: it closed its output without one. */
enum child_said child_hear(struct child *c);

/* Ask it to end, and see to it by NOW and half a second. */
void child_stop(struct child *c, uint64_t now);
/* Collect it if it has ended, and kill it when its time is over. true: it is gone, and C is CHILD_NONE again. */
bool child_tend(struct child *c, uint64_t now, int *status);
/* Kill it and wait for it. */
void child_end(struct child *c);
