/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Closeness is the number of letters to change (Levenshtein), without case and with '-', '_' and '.' as one, or that
 * one name is a part of the other. Names and their number are bounded, because both sides choose them. Called by the
 * session's filter when it refuses a call.
 */
#include "rpc/near.h"

#include <string.h>

enum { LONGEST = 64, LOOKED_AT = 1024, GIVEN = 3 };

struct candidate {
	struct span name;
	unsigned distance;
};

static char plain(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 0x20);
	return c == '-' || c == '.' || c == '/' || c == ':' ? '_' : c;
}

static bool is_plain(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = plain(name.p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return name.n > 0 && name.n <= LONGEST;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned distance(struct span a, struct span b)
{
	unsigned row[LONGEST + 1];

	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 0; i < a.n; i++) {
		unsigned before = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < b.n; j++) {
			unsigned change = before + (plain(a.p[i]) != plain(b.p[j]));
			before = row[j + 1];
			row[j + 1] = least(change, least(row[j], row[j + 1]) + 1);
		}
	}
	return row[b.n];
}

static bool is_part(struct span part, struct span whole)
{
	for (size_t at = 0; part.n >= 3 && at + part.n <= whole.n; at++) {
		size_t i = 0;
		while (i < part.n && plain(part.p[i]) == plain(whole.p[at + i]))
			i++;
		if (i == part.n)
			return true;
	}
	return false;
}

/* Keep the closest, the first of equals first. */
static void keep(struct candidate best[GIVEN], size_t *n, struct candidate c)
{
	size_t at = *n;

	while (at > 0 && best[at - 1].distance > c.distance)
		at--;
	if (at == GIVEN)
		return;
	if (*n < GIVEN)
		(*n)++;
	memmove(best + at + 1, best + at, (*n - at - 1) * sizeof *best);
	best[at] = c;
}

size_t near_names(const struct manifest *m, enum item_kind kind, struct span name, struct buf *out)
{
	struct candidate best[GIVEN];
	size_t n = 0, count = manifest_count(m);

	if (!is_plain(name))
		return 0;
	for (size_t i = 0; i < count && i < LOOKED_AT; i++) {
		const struct item *item = manifest_item(m, i);
		if (item->kind != kind || item->standing != STANDING_KNOWN || !is_plain(item->name))
			continue;
		unsigned d = distance(name, item->name);
		if (d <= 2 || d * 3 <= name.n || is_part(name, item->name) || is_part(item->name, name))
			keep(best, &n, (struct candidate){ item->name, d });
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s\"%.*s\"", i ? ", " : "", (int)best[i].name.n, best[i].name.p);
	return n;
}
