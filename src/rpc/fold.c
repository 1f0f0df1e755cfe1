/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table is of single characters: what a reader takes for a letter, whatever it is. That is coarser than
 * Unicode's confusables and needs no data files; the reading is only searched, never shown.
 *
 * Called by rpc/rules.c. Unicode 14 for the table.
 */
#include "rpc/fold.h"

#include "rpc/fold-table.h"
#include "rpc/unicode.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Every so many bytes of the reading, at a character's beginning, the place is noted. */
#define NOTE_EVERY 256
/* So many single letters with one and the same sign between them are a spaced-out word. */
#define SPACED_MIN 5

static const char *letter_of(uint32_t code, char to[2])
{
	static const char *const ligatures[] = { "ff", "fi", "fl", "ffi", "ffl", "st", "st" };
	uint8_t c = 0;

	if (code < 0x600)
		c = fold_low[code - FOLD_LOW];
	else if (code >= FOLD_PHONETIC && code < FOLD_PHONETIC + sizeof fold_phonetic)
		c = fold_phonetic[code - FOLD_PHONETIC];
	else if (code >= FOLD_LATIN_MORE && code < FOLD_LATIN_MORE + sizeof fold_latin_more)
		c = fold_latin_more[code - FOLD_LATIN_MORE];
	else if (code >= FOLD_SIGNS && code < FOLD_SIGNS + sizeof fold_signs)
		c = fold_signs[code - FOLD_SIGNS];
	else if (code >= FOLD_CIRCLED && code < FOLD_CIRCLED + sizeof fold_circled)
		c = fold_circled[code - FOLD_CIRCLED];
	else if (code >= FOLD_FULLWIDTH && code < FOLD_FULLWIDTH + sizeof fold_fullwidth)
		c = fold_fullwidth[code - FOLD_FULLWIDTH];
	else if (code == 0x3000)
		c = ' ';
	else if (code == 0xa730 || code == 0xa731)
		c = code == 0xa730 ? 'f' : 's';
	else if (code >= 0xfb00 && code <= 0xfb06)
		return ligatures[code - 0xfb00];
	else if (code >= 0x1d400 && code <= 0x1d6a3)
		c = (uint8_t)((code - 0x1d400) % 26 + ((code - 0x1d400) % 52 < 26 ? 'A' : 'a'));
	else if (code >= 0x1d7ce && code <= 0x1d7ff)
		c = (uint8_t)('0' + (code - 0x1d7ce) % 10);
	else if (code >= 0x1f110 && code <= 0x1f189 && (code - 0x1f110) % 32 < 26)
		c = (uint8_t)('A' + (code - 0x1f110) % 32);
	else if (code >= 0x1f1e6 && code <= 0x1f1ff)
		c = (uint8_t)('A' + code - 0x1f1e6);
	if (c == 1 || (c == 0 && code >= 0x80 && unicode_hidden(code)))
		return "";
	to[0] = (char)c;
	to[1] = '\0';
	return c ? to : NULL;
}

/*
 * Whether a character that begins with this byte may be folded: most of the text of the world need not be
 * looked at.
 */
static bool may_fold(uint8_t c)
{
	return c <= 0xe3 || c >= 0xef || c == 0xea;
}

/* The character of several bytes at P: its length and what is read; NULL: itself. */
static size_t step(const uint8_t *p, size_t n, const char **read, char to[2])
{
	uint32_t code;

	size_t length = unicode_decode(p, n, &code);
	*read = length ? letter_of(code, to) : NULL;
	return length ? length : 1;
}

static size_t wide_from(const uint8_t *p, size_t i, size_t n)
{
	for (; n - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, p + i, sizeof word);
		if (word & 0x8080808080808080u)
			break;
	}
	while (i < n && p[i] < 0x80)
		i++;
	return i;
}

static void note(struct fold *f, size_t from)
{
	const struct fold_place place = { (uint32_t)f->text.n, (uint32_t)from };

	buf_append(&f->places, &place, sizeof place);
}

/* What is read as it is: bytes [FROM, END) of TEXT. */
static void same(struct fold *f, struct span text, size_t from, size_t end)
{
	while (end - from > NOTE_EVERY) {
		size_t n = NOTE_EVERY;
		while (from + n < end && ((uint8_t)text.p[from + n] & 0xc0) == 0x80)
			n++;
		buf_append(&f->text, text.p + from, n);
		from += n;
		note(f, from);
	}
	buf_append(&f->text, text.p + from, end - from);
}

bool fold_characters(struct fold *f, struct span text)
{
	const uint8_t *p = (const uint8_t *)text.p;
	size_t i = 0, from = 0, noted = 0;
	bool any = false;

	buf_clear(&f->text);
	buf_clear(&f->places);
	note(f, 0);
	while (i < text.n) {
		const char *read;
		char to[2];
		i = wide_from(p, i, text.n);
		if (i == text.n)
			break;
		if (!may_fold(p[i])) {
			i += 3;
			continue;
		}
		size_t n = step(p + i, text.n - i, &read, to);
		if (read) {
			any = true;
			same(f, text, from, i);
			buf_puts(&f->text, read);
			from = i + n;
			if (f->text.n - noted >= NOTE_EVERY) {
				noted = f->text.n;
				note(f, from);
			}
		}
		i += n;
	}
	if (!any)
		return false;
	same(f, text, from, text.n);
	return !f->text.full && !f->places.full;
}

/* ---- spaced out ------------------------------------------------------------------------------------ */

static bool is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_spacer(uint8_t c)
{
	return c == ' ' || c == '.' || c == '-' || c == '_' || c == '*' || c == '|' || c == '/';
}

/* Letters one by one from P on, with one sign between them: how many bytes they take, or 0 when they are too few. */
static size_t spaced_run(const uint8_t *p, size_t n)
{
	size_t letters = 1, i = 0;

	if (n < 2 * SPACED_MIN - 1 || !is_letter(p[0]) || !is_spacer(p[1]))
		return 0;
	while (i + 2 < n && p[i + 1] == p[1] && is_letter(p[i + 2])) {
		i += 2;
		letters++;
	}
	/* The last of them may be the first letter of an ordinary word. */
	if (i + 1 < n && is_letter(p[i + 1])) {
		i -= 2;
		letters--;
	}
	return letters >= SPACED_MIN ? i + 1 : 0;
}

/* Whether one may begin at P, whose second, fourth and sixth bytes are the same. */
static bool spaced_begins(const uint8_t *p, bool first)
{
	return is_spacer(p[1]) && is_letter(p[0]) && is_letter(p[2]) && (first || !is_letter(p[-1]));
}

/* The next place where one may begin, or N. */
static size_t spaced_from(const uint8_t *p, size_t i, size_t n)
{
#if defined(__SSE2__)
	/* One sign at every other byte, and not at all of them: rare in ordinary text. */
	for (; n - i >= 16 + 6; i += 16) {
		__m128i sign = _mm_loadu_si128((const __m128i *)(const void *)(p + i + 1));
		__m128i second = _mm_loadu_si128((const __m128i *)(const void *)(p + i + 3));
		__m128i third = _mm_loadu_si128((const __m128i *)(const void *)(p + i + 5));
		__m128i between = _mm_loadu_si128((const __m128i *)(const void *)(p + i + 2));
		__m128i every = _mm_and_si128(_mm_cmpeq_epi8(sign, second), _mm_cmpeq_epi8(sign, third));
		unsigned hits = (unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(sign, between), every));
		for (; hits; hits &= hits - 1) {
			size_t at = i + (size_t)__builtin_ctz(hits);
			if (spaced_begins(p + at, at == 0))
				return at;
		}
	}
#endif
	for (; n - i >= 2 * SPACED_MIN - 1; i++)
		if (p[i + 3] == p[i + 1] && p[i + 5] == p[i + 1] && spaced_begins(p + i, i == 0))
			return i;
	return n;
}

bool fold_spaced(struct fold *f, struct span text)
{
	const uint8_t *p = (const uint8_t *)text.p;
	size_t from = 0, i = spaced_from(p, 0, text.n);

	if (i == text.n)
		return false;
	buf_clear(&f->text);
	buf_clear(&f->places);
	while (i < text.n) {
		size_t run = spaced_run(p + i, text.n - i);
		if (run == 0) {
			i = spaced_from(p, i + 1, text.n);
			continue;
		}
		note(f, from);
		same(f, text, from, i);
		for (size_t k = 0; k < run; k += 2) {
			note(f, i + k);
			buf_append(&f->text, text.p + i + k, 1);
		}
		from = i + run;
		i = spaced_from(p, from, text.n);
	}
	if (from == 0)
		return false;
	note(f, from);
	same(f, text, from, text.n);
	return !f->text.full && !f->places.full;
}

/* ---- and back -------------------------------------------------------------------------------------- */

/* The character of TEXT that byte AT of the reading is of: [*FROM, *END). */
static void origin(const struct fold *f, struct span text, size_t at, size_t *from, size_t *end)
{
	const struct fold_place *v = (const struct fold_place *)(const void *)f->places.p;
	size_t low = 0, high = f->places.n / sizeof *v;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (v[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	size_t here = v[low].at, i = v[low].from;
	while (i < text.n) {
		const uint8_t *p = (const uint8_t *)text.p + i;
		const char *read = NULL;
		char to[2];
		size_t n = *p < 0x80 ? 1 : step(p, text.n - i, &read, to);
		size_t made = read ? strlen(read) : n;
		if (here + made > at) {
			*from = i;
			*end = i + n;
			return;
		}
		here += made;
		i += n;
	}
	*from = *end = text.n;
}

size_t fold_origin(const struct fold *f, struct span text, size_t at)
{
	size_t from, end;

	origin(f, text, at, &from, &end);
	return from;
}

size_t fold_origin_end(const struct fold *f, struct span text, size_t at)
{
	size_t from, end;

	origin(f, text, at, &from, &end);
	return end;
}

void fold_free(struct fold *f)
{
	buf_free(&f->text);
	buf_free(&f->places);
}
