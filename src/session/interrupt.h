/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals that ask us to end, while something is done step by step before there is a session: they are held back and looked at
 * between the steps, so that what was begun can be taken back. Not for a session, which has its own (start.c). signalfd(2).
 */
#pragma once

#include "base/error.h"

#include <signal.h>
#include <stdint.h>

struct interrupt {
	int fd; /* readable when one came */
	sigset_t before;
	struct sigaction child; /* of SIGCHLD: a client may have left it ignored, which would lose exit statuses */
};

#define INTERRUPT_NONE ((struct interrupt){ .fd = -1 })

int interrupt_watch(struct interrupt *interrupt, struct error *err);
/* As it was before; INTERRUPT_NONE is left alone. */
void interrupt_end(struct interrupt *interrupt);
/* -1 with err->sys EINTR when one came. */
int interrupt_check(const struct interrupt *interrupt, struct error *err);

/* Milliseconds, CLOCK_MONOTONIC. */
uint64_t interrupt_now(void);
