/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One command that ends by itself, and what it prints, in three degrees of trust:
 *
 *	job_run()       in a cage without a protocol: same init, same mechanisms, same order as a session (session/start.c)
 *	job_outside()   outside, a program of the user's that is asked about its configuration
 *	job_confined()  a function of ours in a process that holds nothing but some descriptors (cage/confine.c), to read hostile bytes
 *
 * Our own standard input and output are the client's and never theirs. All of them die with us, and none of them outlives the call.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strlist.h"
#include "policy/plan.h"
#include "session/interrupt.h"

struct job {
	const struct plan *plan;
	const char *name; /* "npm", for messages */
	const struct log *log;
	const struct interrupt *interrupt;
	unsigned timeout; /* milliseconds */
	/* Called with what it printed on either stream, as it comes: hostile bytes, clean them before anybody sees them. May be NULL. */
	void (*said)(void *context, const char *bytes, size_t n);
	/* Called about once a second while it runs. -1 with ERR ends it. May be NULL. */
	int (*tick)(void *context, struct error *err);
	void *context;
};

/*
 * 0 with *STATUS as from waitpid(2); -1 when it could not be started, TICK ended it, a signal came to us (err->sys EINTR), or its time
 * was over (ETIMEDOUT).
 */
int job_run(const struct job *job, int *status, struct error *err);

/*
 * ENV is all of its environment, FOLDER its working directory; standard input is empty and standard error goes nowhere. OUT gets what it
 * prints, up to its ceiling, more is an error.
 */
int job_outside(const struct strlist *argv, char *const *env, const char *folder, unsigned timeout, const struct interrupt *interrupt,
		struct buf *out, int *status, struct error *err);

/*
 * FN(CONTEXT, FDS, OUT) in a confined process of our own. It may use the memory that is there now, FDS (FDS_N) and the pipe OUT, nothing
 * else; 0 is success. WHAT is for messages ("the lock file"). ANSWER gets what it wrote to OUT, up to its ceiling: if FN was taken over,
 * that is hostile as well.
 */
typedef int job_function(void *context, const int *fds, int out);
int job_confined(job_function *fn, void *context, const int *fds, size_t fds_n, const char *what, unsigned timeout,
		 const struct interrupt *interrupt, struct buf *answer, struct error *err);

/* The error of a time that is over: err->sys is ETIMEDOUT. Returns -1. */
int job_late(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
