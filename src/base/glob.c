/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Globs are matched here and not by fnmatch(3), which depends on the locale and takes exponential time on some patterns: a
 * failed match goes back to the last '*' only, so that the work is bounded by pattern times name. fnmatch(3), glob(7).
 */
#include "base/glob.h"

#include <stdint.h>
#include <string.h>

static bool in_range(uint8_t c, uint8_t low, uint8_t high)
{
	return c >= low && c <= high;
}

/* A character class of POSIX, in the C locale. */
static bool in_class(uint8_t c, const char *name, size_t n)
{
	bool lower = in_range(c, 'a', 'z'), upper = in_range(c, 'A', 'Z'), digit = in_range(c, '0', '9');
	bool graph = in_range(c, 0x21, 0x7e);
	const struct {
		const char *name;
		bool in;
	} classes[] = {
		{ "alnum", lower || upper || digit },
		{ "alpha", lower || upper },
		{ "blank", c == ' ' || c == '\t' },
		{ "cntrl", c < 0x20 || c == 0x7f },
		{ "digit", digit },
		{ "graph", graph },
		{ "lower", lower },
		{ "print", graph || c == ' ' },
		{ "punct", graph && !lower && !upper && !digit },
		{ "space", c == ' ' || in_range(c, '\t', '\r') },
		{ "upper", upper },
		{ "xdigit", digit || in_range(c | 0x20, 'a', 'f') },
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) == n && memcmp(classes[i].name, name, n) == 0)
			return classes[i].in;
	}
	return false;
}

/*
 * The bracket expression at P, after its '['. Whether C is in it, and *AFTER it; *AFTER is NULL when it has no end, so
 * that '[' stands for itself.
 */
static bool bracket(const char *p, uint8_t c, const char **after)
{
	bool negated = *p == '!' || *p == '^', found = false;
	const char *first = p += negated;

	*after = NULL;
	for (; *p && (*p != ']' || p == first); p++) {
		if (p[0] == '[' && p[1] == ':') {
			const char *end = strstr(p + 2, ":]");
			if (end && strspn(p + 2, "abcdefghijklmnopqrstuvwxyz") == (size_t)(end - p - 2)) {
				found |= in_class(c, p + 2, (size_t)(end - p - 2));
				p = end + 1;
				continue;
			}
		}
		if (*p == '\\' && p[1])
			p++;
		uint8_t low = (uint8_t)*p, high = low;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			p += 2;
			if (*p == '\\' && p[1])
				p++;
			high = (uint8_t)*p;
		}
		found |= in_range(c, low, high);
	}
	if (*p != ']')
		return false;
	*after = p + 1;
	return found != negated;
}

/* Whether the element of the pattern at P (no '*') matches C; *AFTER it. */
static bool element(const char *p, uint8_t c, const char **after)
{
	*after = p + 1;
	if (*p == '?')
		return true;
	if (*p == '[') {
		const char *end;
		bool in = bracket(p + 1, c, &end);
		if (end) {
			*after = end;
			return in;
		}
	}
	if (*p == '\\') {
		if (!p[1])
			return false;
		*after = p + 2;
		p++;
	}
	return (uint8_t)*p == c;
}

bool glob_match(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
			continue;
		}
		if (*name == '\0' && *pattern == '\0')
			return true;
		const char *after;
		if (*name && *pattern && element(pattern, (uint8_t)*name, &after)) {
			pattern = after;
			name++;
			continue;
		}
		if (!star || *retry == '\0')
			return false;
		pattern = star;
		name = ++retry;
	}
}
