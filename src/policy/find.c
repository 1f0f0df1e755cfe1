/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding rows of the table, and guessing what a mistyped word was meant to be. A linear search over some
 * forty rows costs less than the hash of the word.
 */
#include "policy/keys.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 48 /* longer words get no suggestion */

const struct policy_key *policy_key_by_path(const char *path)
{
	for (size_t i = 0; i < KEYS_N; i++)
		if (policy_keys[i].path && strcmp(policy_keys[i].path, path) == 0)
			return &policy_keys[i];
	return NULL;
}

const struct policy_key *policy_key_by_option(const char *option)
{
	for (size_t i = 0; i < KEYS_N; i++)
		if (policy_keys[i].option && strcmp(policy_keys[i].option, option) == 0)
			return &policy_keys[i];
	return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;
	return ab < c ? ab : c;
}

/* '-' and '_' are the same slip of memory, and so is case. */
static int fold(char c)
{
	return c == '-' ? '_' : tolower((unsigned char)c);
}

/* Edit distance with neighbouring letters swapped counting once (optimal string alignment). */
static unsigned distance(const char *a, size_t an, const char *b, size_t bn)
{
	unsigned row[3][WORD_MAX + 1];

	for (size_t j = 0; j <= bn; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			unsigned differs = fold(a[i - 1]) != fold(b[j - 1]);
			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + differs);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]) &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return row[an % 3][bn];
}

void policy_suggest(const char *word, const char *candidate, const char **best, unsigned *best_cost)
{
	size_t n = strlen(word), m = strlen(candidate);

	if (n == 0 || n > WORD_MAX || m > WORD_MAX)
		return;
	unsigned near = n < 4 ? 1 : n < 7 ? 2 : 3;
	unsigned cost = distance(word, n, candidate, m);
	/* What was cut short is meant as often as what was mistyped. */
	if (n > 3 && m > n && strncmp(word, candidate, n) == 0)
		cost = 1;
	if (cost <= near && (!*best || cost < *best_cost)) {
		*best = candidate;
		*best_cost = cost;
	}
}
