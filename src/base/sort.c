/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Heapsort; few elements, as there mostly are, by insertion. See sort.h. */
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#define FEW 12

struct sort {
	char *v;
	size_t size;
	sort_compare *compare;
	void *context;
};

static void insertion(const struct sort *s, size_t n)
{
	char held[SORT_SIZE_MAX];

	for (size_t i = 1; i < n; i++) {
		size_t to = i;
		while (to > 0 && s->compare(s->v + (to - 1) * s->size, s->v + i * s->size, s->context) > 0)
			to--;
		if (to == i)
			continue;
		memcpy(held, s->v + i * s->size, s->size);
		memmove(s->v + (to + 1) * s->size, s->v + to * s->size, (i - to) * s->size);
		memcpy(s->v + to * s->size, held, s->size);
	}
}

/* HELD belongs at AT or below it in a heap of N: move larger ones up until its place is found. */
static void sift(const struct sort *s, size_t at, size_t n, const char *held)
{
	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		char *p = s->v + child * s->size;
		if (child + 1 < n && s->compare(p, p + s->size, s->context) < 0) {
			child++;
			p += s->size;
		}
		if (s->compare(held, p, s->context) >= 0)
			break;
		memcpy(s->v + at * s->size, p, s->size);
	}
	memcpy(s->v + at * s->size, held, s->size);
}

void sort_in_place(void *v, size_t n, size_t size, sort_compare *compare, void *context)
{
	const struct sort s = { v, size, compare, context };
	char held[SORT_SIZE_MAX];

	if (size > SORT_SIZE_MAX)
		abort(); /* a mistake of ours */
	if (n <= FEW) {
		insertion(&s, n);
		return;
	}
	/* Much is in order already. */
	size_t sorted = 1;
	while (sorted < n && compare(s.v + (sorted - 1) * size, s.v + sorted * size, context) <= 0)
		sorted++;
	if (sorted == n)
		return;
	for (size_t i = n / 2; i > 0; i--) {
		memcpy(held, s.v + (i - 1) * size, size);
		sift(&s, i - 1, n, held);
	}
	for (size_t end = n - 1; end > 0; end--) {
		memcpy(held, s.v + end * size, size);
		memcpy(s.v + end * size, s.v, size);
		sift(&s, 0, end, held);
	}
}
