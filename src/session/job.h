/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One command in a cage without a protocol: standard input is empty, what it prints is read here as opaque bytes, bounded. Same init,
 * same mechanisms, same order as a session (session/start.c); no filter, since no message passes.
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "policy/plan.h"

struct job {
	const struct plan *plan;
	const struct log *log;
	unsigned timeout;   /* milliseconds */
	/* Called with what it printed on either stream, as it comes: hostile bytes, clean them before anybody sees them. May be NULL. */
	void (*said)(void *context, const char *bytes, size_t n);
	void *context;
};

/* 0 with *STATUS as from waitpid(2); -1 when it could not be started, was interrupted by a signal to us, or its time was over. */
int job_run(const struct job *job, int *status, struct error *err);
