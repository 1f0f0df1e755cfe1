/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking again before sleeping; see spin.h. It calls nothing but the clock, which is in the vDSO, and sched_yield(2). */
#include "base/spin.h"

#include <sched.h>
#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void spin_begin(struct spin *spin)
{
	spin->since = now_ns();
}

bool spin_on(const struct spin *spin)
{
	if (!spin->pays_off || now_ns() - spin->since >= SPIN_WINDOW)
		return false;
	(void)sched_yield();
	return true;
}

void spin_end(struct spin *spin)
{
	spin->pays_off = now_ns() - spin->since < SPIN_WINDOW;
}
