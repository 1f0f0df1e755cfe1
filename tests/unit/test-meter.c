/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The window of a minute against a list of every event, and what stands out from a tool's past. */
#include "rpc/meter.h"
#include "tests/tap.h"

static void window(void)
{
	struct meter m = { 0 };
	uint64_t t = 1000000;

	is_int(meter_sum(&m, t), 0, "nothing yet");
	is_int(meter_wait(&m, t, 1, 0), -1, "a limit of 0 never lets one through");
	for (int i = 0; i < 10; i++)
		meter_add(&m, t + (uint64_t)i * 1000, 1);
	t += 9000;
	is_int(meter_sum(&m, t), 10, "ten in ten seconds");
	is_int(meter_wait(&m, t, 1, 11), 0, "an eleventh fits in eleven");
	is_int(meter_wait(&m, t, 1, 10), 52000, "and in ten when the first is a minute old");
	is_int(meter_wait(&m, t, 2, 10), 53000, "two need the second to go as well");
	is_int(meter_wait(&m, t, 11, 10), -1, "eleven never fit in ten");
	is_int(meter_sum(&m, t + 51999), 10, "all are there just before");
	is_int(meter_sum(&m, t + 52000), 9, "and one less then");
	is_int(meter_sum(&m, t + 500000), 0, "much later none is");
	meter_add(&m, t + 500000, UINT64_MAX);
	meter_add(&m, t + 500000, 5);
	ok(meter_sum(&m, t + 500000) == UINT64_MAX, "the sum does not wrap");
}

/* Against the obvious: a list of events. Whatever comes when, no 60 s hold more than the limit if meter_wait() is heeded. */
static void property(void)
{
	enum { EVENTS = 3000 };
	static uint64_t at[EVENTS], size[EVENTS];
	struct meter m = { 0 };
	uint64_t now = 12345, seed = 88172645463325252ULL;
	size_t n = 0, wrong_sum = 0, over = 0, early = 0;

	for (int step = 0; step < 20000 && n < EVENTS; step++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		now += seed % 17 == 0 ? seed % 70000 : seed % 700;
		const uint64_t want = seed >> 40 & 0xf, limit = 60;
		uint64_t held = 0, recent = 0;
		for (size_t i = 0; i < n; i++) {
			held += at[i] / 1000 + METER_SLOTS > now / 1000 ? size[i] : 0;
			recent += at[i] + 60000 > now ? size[i] : 0;
		}
		wrong_sum += meter_sum(&m, now) != held;
		over += recent > limit;
		uint64_t wait = meter_wait(&m, now, want, limit);
		if (wait > 0) {
			struct meter then = m, before = m;
			early += held + want <= limit || meter_sum(&then, now + wait) + want > limit ||
				 meter_sum(&before, now + wait - 1) + want <= limit;
			continue;
		}
		meter_add(&m, now, want);
		at[n] = now;
		size[n++] = want;
	}
	is_int(wrong_sum, 0, "the sum is that of the events of the last 60 whole seconds and this one");
	is_int(over, 0, "no 60 s held more than the limit");
	ok(n > 500, "and events passed all the while (%zu)", n);
	is_int(early, 0, "what has to wait waits as long as needed and no longer");
}

static void past(void)
{
	struct baseline b = { 0 };

	ok(!baseline_exceeded(&b, 1 << 30, 2), "the first result of a tool cannot stand out");
	for (int i = 0; i < BASELINE_NEEDS; i++)
		baseline_learn(&b, 10000);
	is_int(b.largest, 10000, "the largest");
	ok(!baseline_exceeded(&b, 100000, 10), "ten times is not more than ten times");
	ok(baseline_exceeded(&b, 100001, 10), "a byte more is");
	ok(!baseline_exceeded(&b, UINT64_MAX, 0), "0 watches nothing");
	ok(!baseline_exceeded(&b, 9999, UINT64_MAX), "no overflow");

	baseline_learn(&b, 1000000);
	is_int(b.largest, 1000000, "what came is learnt");
	ok(!baseline_exceeded(&b, 1000001, 2), "and then no more than usual");
	for (int i = 0; i < 400; i++)
		baseline_learn(&b, 10000);
	ok(b.largest < 20000, "the largest is forgotten in time (%llu)", (unsigned long long)b.largest);
	ok(b.mean >= 10000 && b.mean < 10100, "the mean follows (%llu)", (unsigned long long)b.mean);

	struct baseline small = { 0 };
	for (int i = 0; i < 5; i++)
		baseline_learn(&small, 10);
	ok(!baseline_exceeded(&small, 3 * BASELINE_FLOOR, 3), "what is small cannot stand out from what is tiny");
	ok(baseline_exceeded(&small, 3 * BASELINE_FLOOR + 1, 3), "what is not can");
}

int main(void)
{
	window();
	property();
	past();
	return done_testing();
}
