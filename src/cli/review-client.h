/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client of a review: it greets the server, asks for every page of every list that is pinned, and leaves. It reads what a
 * server wrote, so it is a process of its own, confined as the filter is; what it learns goes nowhere. (What the server shows is collected
 * by the filter of the session, as in every session.)
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

enum review_end {
	REVIEW_DONE,
	REVIEW_NO_ANSWER, /* past a deadline */
	REVIEW_CLOSED,    /* the server ended first */
	REVIEW_NO_MCP,    /* it answers, but greets in no known way */
	REVIEW_TOO_MUCH,  /* pages without end */
	REVIEW_BROKEN,    /* could not be confined, out of memory */
	REVIEW_ENDS
};
const char *review_end_text(enum review_end end);

/* Starts it between IN (to read) and OUT, which stay the caller's to close. Its exit status is an enum review_end. -1: ERR. */
pid_t review_client_start(int in, int out, struct error *err);
