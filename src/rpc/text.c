/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text as it may be shown: without what moves a cursor, hides, or turns round what the reader sees. Escape sequences go as a
 * whole where they have an end; where they have none only their beginning goes, so that nothing after it
 * can hide.
 *
 * Called by the session for standard error and noise. Unicode 15: general categories Cc, Cf, Zl, Zp, and
 * Default_Ignorable_Code_Point; ECMA-48 for the sequences.
 */
#include "rpc/text.h"

#include <stdint.h>

static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x00ad, 0x00ad },   /* soft hyphen */
	{ 0x034f, 0x034f },   /* combining grapheme joiner */
	{ 0x0600, 0x0605 },   /* Arabic number signs */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x06dd, 0x06dd },
	{ 0x070f, 0x070f },
	{ 0x0890, 0x0891 },
	{ 0x08e2, 0x08e2 },
	{ 0x115f, 0x1160 },   /* Hangul fillers */
	{ 0x17b4, 0x17b5 },   /* Khmer inherent vowels */
	{ 0x180b, 0x180f },   /* Mongolian variation selectors */
	{ 0x200b, 0x200f },   /* zero width, direction marks */
	{ 0x2028, 0x202e },   /* line and paragraph separators, bidirectional embedding and override */
	{ 0x2060, 0x206f },   /* word joiner, invisible operators, bidirectional isolates */
	{ 0x3164, 0x3164 },   /* Hangul filler */
	{ 0xfe00, 0xfe0f },   /* variation selectors */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xffa0, 0xffa0 },   /* half-width Hangul filler */
	{ 0xfff0, 0xfffb },   /* unassigned ignorables, interlinear annotation */
	{ 0x110bd, 0x110bd }, /* Kaithi number signs */
	{ 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f }, /* Egyptian format controls */
	{ 0x1bca0, 0x1bca3 }, /* shorthand format controls */
	{ 0x1d173, 0x1d17a }, /* musical format controls */
	{ 0xe0000, 0xe0fff }, /* tags, variation selector supplement */
};

static bool is_hidden(uint32_t code)
{
	size_t low = 0, high = sizeof(hidden) / sizeof(hidden[0]);

	if (code < 0xa0)
		return (code < 0x20 && code != '\t') || code >= 0x7f;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (code < hidden[middle].first)
			high = middle;
		else if (code > hidden[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

/* The length of the well-formed sequence at P (Unicode 15, table 3-7), or 0. */
static size_t decode(const uint8_t *p, size_t n, uint32_t *code)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t length;

	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		length = 2;
		*code = p[0] & 0x1fu;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		length = 3;
		*code = p[0] & 0x0fu;
		low = p[0] == 0xe0 ? 0xa0 : low;
		high = p[0] == 0xed ? 0x9f : high;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		length = 4;
		*code = p[0] & 0x07u;
		low = p[0] == 0xf0 ? 0x90 : low;
		high = p[0] == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (n < length || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3fu);
	}
	return length;
}

/*
 * How long a string of an OSC, DCS, SOS, PM or APC sequence goes on behind P: with its end, or 0 when it has none. Up to
 * *UNENDED it is known that none has: without that, many beginnings would each be followed to the end of the text.
 */
static size_t control_string(const uint8_t *p, size_t n, const uint8_t **unended)
{
	size_t i;

	if (p < *unended)
		return 0;
	for (i = 0; i < n && p[i] != '\n'; i++) {
		if (p[i] == 0x07)
			return i + 1;
		if (p[i] == 0xc2 && i + 1 < n && p[i + 1] == 0x9c)
			return i + 2;
		if (p[i] == 0x1b) {
			if (i + 1 < n && p[i + 1] == '\\')
				return i + 2;
			break;
		}
	}
	*unended = p + i;
	return 0;
}

static size_t take(const uint8_t *p, size_t n, uint8_t low, uint8_t high)
{
	size_t i = 0;

	while (i < n && p[i] >= low && p[i] <= high)
		i++;
	return i;
}

/* The rest of a sequence whose introducer, KIND in its seven-bit form, was just before P. */
static size_t sequence_rest(uint8_t kind, const uint8_t *p, size_t n, const uint8_t **unended)
{
	switch (kind) {
	case '[': {
		size_t i = take(p, n, 0x30, 0x3f);
		i += take(p + i, n - i, 0x20, 0x2f);
		return i + (i < n && p[i] >= 0x40 && p[i] <= 0x7e);
	}
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		return control_string(p, n, unended);
	default:
		return 0;
	}
}

/* An escape sequence at P, at least its introducer, or 0 when there is none. */
static size_t sequence(const uint8_t *p, size_t n, const uint8_t **unended)
{
	if (p[0] == 0xc2 && n > 1 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2 + sequence_rest((uint8_t)(p[1] - 0x40), p + 2, n - 2, unended);
	if (p[0] != 0x1b || n < 2)
		return 0;
	if (p[1] >= 0x20 && p[1] <= 0x2f) {
		size_t i = 1 + take(p + 1, n - 1, 0x20, 0x2f);
		return i < n && p[i] >= 0x30 && p[i] <= 0x7e ? i + 1 : i;
	}
	if (p[1] < 0x30 || p[1] > 0x7e)
		return 0;
	return 2 + sequence_rest(p[1], p + 2, n - 2, unended);
}

/* Characters, for the count; invalid bytes count one each. */
static size_t count(const uint8_t *p, size_t n)
{
	size_t characters = 0;

	while (n > 0) {
		uint32_t code;
		size_t length = decode(p, n, &code);
		length = length ? length : 1;
		p += length;
		n -= length;
		characters++;
	}
	return characters;
}

static size_t plain_run(const uint8_t *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	size_t i = 0;

	/* Below 0x20, or above 0x7e: either carries into the top bit. */
	for (; n - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, p + i, sizeof(word));
		if (((word - ones * 0x20) | (word + ones) | word) & tops)
			break;
	}
	while (i < n && p[i] >= 0x20 && p[i] < 0x7f)
		i++;
	return i;
}

size_t text_clean(struct buf *out, struct span text)
{
	const uint8_t *p = (const uint8_t *)text.p, *unended = p;
	size_t i = 0, removed = 0;

	while (i < text.n) {
		size_t run = plain_run(p + i, text.n - i);
		buf_append(out, text.p + i, run);
		i += run;
		if (i == text.n)
			break;

		size_t length = sequence(p + i, text.n - i, &unended);
		if (length) {
			removed += count(p + i, length);
			i += length;
			continue;
		}
		uint32_t code;
		length = decode(p + i, text.n - i, &code);
		if (length == 0) {
			buf_puts(out, "\xef\xbf\xbd");
			removed++;
			i++;
			continue;
		}
		if (is_hidden(code))
			removed++;
		else
			buf_append(out, text.p + i, length);
		i += length;
	}
	return removed;
}
