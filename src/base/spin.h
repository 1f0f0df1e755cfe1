/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking again for a moment before sleeping, where it has paid off: a process that stands between two others is woken twice for each
 * exchange of theirs, and where both answer at once, that is most of what it costs them. So does KVM with processors that are idle
 * (halt_poll_ns). It pays off as long as waits end within the window; one that does not, and none is looked for again until a
 * wait ends in that time by itself. Who waits for a person, a disk or another machine never looks twice.
 *
 * Between two looks the processor is anybody's who wants it (sched_yield(2)).
 *
 *	spin_begin(&spin);
 *	while (n == 0 && spin_on(&spin))
 *		n = poll(p, count, 0);
 *	if (n == 0)
 *		n = poll(p, count, timeout);
 *	spin_end(&spin);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SPIN_WINDOW ((uint64_t)60000) /* nanoseconds */

/* All zeroes is one that has not waited yet. */
struct spin {
	bool pays_off; /* the last wait ended within the window: worth the first of the looks */
	uint64_t since; /* CLOCK_MONOTONIC, nanoseconds */
};

void spin_begin(struct spin *spin);
/* Whether to look again. */
bool spin_on(const struct spin *spin);
/* After the wait, however it ended. */
void spin_end(struct spin *spin);
