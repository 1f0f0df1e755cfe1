/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counting against limits: how much came in the last minute, and whether a size stands out from what was usual. Pure; time is
 * the caller's monotonic clock in milliseconds and never goes back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * A window of a minute that slides by whole seconds. What was counted stays in it for 60 s at least and less than 61 s, so that
 * no 60 s hold more than the limit.
 */
#define METER_SLOTS 61

struct meter {
	uint64_t slot[METER_SLOTS];
	uint64_t sum;
	uint64_t second; /* of the newest slot */
};

void meter_add(struct meter *m, uint64_t now, uint64_t n);
/* What came in the last minute. */
uint64_t meter_sum(struct meter *m, uint64_t now);
/* Milliseconds until N more stay within LIMIT; 0: they do now; UINT64_MAX: they never do. */
uint64_t meter_wait(struct meter *m, uint64_t now, uint64_t n, uint64_t limit);

/*
 * The sizes of the results of one tool: the largest, which is forgotten slowly, and a mean that follows the last few.
 * Zeroes are a tool that was never seen.
 */
struct baseline {
	uint64_t largest, mean;
	uint32_t n; /* results it was made of */
};

/* Results that have to be known before one can stand out; and what is too small to. */
#define BASELINE_NEEDS 3
#define BASELINE_FLOOR 4096

/* Whether BYTES is more than TIMES the largest. Never with TIMES 0. */
bool baseline_exceeded(const struct baseline *b, uint64_t bytes, uint64_t times);
void baseline_learn(struct baseline *b, uint64_t bytes);
