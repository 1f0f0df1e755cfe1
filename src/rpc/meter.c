/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Windows and baselines. A ring of seconds instead of a token bucket: a bucket lets twice the limit through in its first
 * minute, and cannot say how many calls there were. Called by the session's filter.
 */
#include "rpc/meter.h"

#include <string.h>

/* Forget what is older than a minute. */
static void advance(struct meter *m, uint64_t now)
{
	uint64_t second = now / 1000;

	if (second <= m->second)
		return;
	if (second - m->second >= METER_SLOTS) {
		memset(m, 0, sizeof *m);
		m->second = second;
		return;
	}
	while (m->second < second) {
		uint64_t *slot = &m->slot[++m->second % METER_SLOTS];
		m->sum -= *slot;
		*slot = 0;
	}
}

void meter_add(struct meter *m, uint64_t now, uint64_t n)
{
	advance(m, now);
	/* Sizes of messages cannot come near this in a minute; a sum that wrapped would be a limit that is gone. */
	if (n > UINT64_MAX - m->sum)
		n = UINT64_MAX - m->sum;
	m->slot[m->second % METER_SLOTS] += n;
	m->sum += n;
}

uint64_t meter_sum(struct meter *m, uint64_t now)
{
	advance(m, now);
	return m->sum;
}

uint64_t meter_wait(struct meter *m, uint64_t now, uint64_t n, uint64_t limit)
{
	uint64_t left;

	if (n > limit)
		return UINT64_MAX;
	advance(m, now);
	left = m->sum;
	if (left <= limit - n)
		return 0;
	/* The oldest second leaves the ring first. */
	for (uint64_t i = 1; i <= METER_SLOTS; i++) {
		left -= m->slot[(m->second + i) % METER_SLOTS];
		if (left <= limit - n)
			return (m->second + i) * 1000 - now;
	}
	return UINT64_MAX;
}

bool baseline_exceeded(const struct baseline *b, uint64_t bytes, uint64_t times)
{
	uint64_t past = b->largest > BASELINE_FLOOR ? b->largest : BASELINE_FLOOR;

	if (times == 0 || b->n < BASELINE_NEEDS)
		return false;
	return bytes / times > past || (bytes / times == past && bytes % times != 0);
}

void baseline_learn(struct baseline *b, uint64_t bytes)
{
	if (b->n == 0) {
		*b = (struct baseline){ .largest = bytes, .mean = bytes, .n = 1 };
		return;
	}
	if (bytes > b->mean)
		b->mean += (bytes - b->mean) / 8;
	else
		b->mean -= (b->mean - bytes) / 8;
	/* One large result of long ago must not excuse every later one. */
	if (b->largest > b->mean)
		b->largest -= (b->largest - b->mean) / 64;
	if (bytes > b->largest)
		b->largest = bytes;
	if (b->n < UINT32_MAX)
		b->n++;
}
