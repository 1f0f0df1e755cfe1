/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running one session: monitor, filter, init and the server. Called by the command line only. */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "policy/plan.h"
#include "store/pins.h"

/*
 * Start PLAN's server in its cage between this process's standard streams and stay until it is gone. Returns 0 with *STATUS the
 * exit status to use (the server's own, 128+n for a signal), or -1 with ERR filled when the session could not be started.
 * Takes over signals and standard streams: the caller exits afterwards.
 */
int session_run(const struct plan *plan, const struct log *log, int *status, struct error *err);

/*
 * The same for a review: nothing is pinned, held or compared, and *OUT (zeroes before) gets all that the server showed, sorted. PLAN's mode has
 * to be PINS_FIRST_USE.
 */
int session_collect(const struct plan *plan, const struct log *log, struct pins *out, int *status, struct error *err);
