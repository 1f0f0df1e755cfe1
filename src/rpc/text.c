/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text as it may be shown: without what moves a cursor, hides, or turns round what the reader sees. Escape sequences go as a
 * whole where they have an end; where they have none only their beginning goes, so that nothing after it
 * can hide.
 *
 * Called by the session for standard error and noise. ECMA-48 for the sequences; rpc/unicode.h for the characters.
 */
#include "rpc/text.h"

#include "rpc/unicode.h"

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

size_t text_sequence(const uint8_t *p, size_t n, const uint8_t **unended)
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
		size_t length = unicode_decode(p, n, &code);
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

		size_t length = text_sequence(p + i, text.n - i, &unended);
		if (length) {
			removed += count(p + i, length);
			i += length;
			continue;
		}
		uint32_t code;
		length = unicode_decode(p + i, text.n - i, &code);
		if (length == 0) {
			buf_puts(out, "\xef\xbf\xbd");
			removed++;
			i++;
			continue;
		}
		if (unicode_hidden(code))
			removed++;
		else
			buf_append(out, text.p + i, length);
		i += length;
	}
	return removed;
}
