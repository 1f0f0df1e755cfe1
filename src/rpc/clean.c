/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two passes of different cost. clean_suspect() looks at the bytes of the message for what could be written
 * there at all: a byte that begins a suspicious character, an escape that may stand for one. Only strings it
 * points at are decoded and read character by character, each with its neighbours; only those that come out
 * different are replaced.
 *
 * Called by the filter for what a server sends. Unicode 15.
 */
#include "rpc/clean.h"

#include "base/json-out.h"
#include "rpc/text.h"
#include "rpc/unicode.h"
#include "rpc/walk.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* ---- characters in their places -------------------------------------------------------------------- */

struct range {
	uint32_t first, last;
};

static bool in_ranges(const struct range *r, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= r[i].first && code <= r[i].last)
			return true;
	return false;
}

#define IN(table, code) in_ranges((table), sizeof(table) / sizeof((table)[0]), (code))

/* Of category Cf, and printed all the same: signs in front of numbers, and the end of a verse. */
static bool is_printed(uint32_t code)
{
	static const struct range table[] = {
		{ 0x0600, 0x0605 }, { 0x06dd, 0x06dd }, { 0x070f, 0x070f },   { 0x0890, 0x0891 },
		{ 0x08e2, 0x08e2 }, { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },
	};

	return IN(table, code);
}

/* What emoji sequences are made of. */
static bool is_pictograph(uint32_t code)
{
	static const struct range table[] = {
		{ 0x00a9, 0x00a9 }, { 0x00ae, 0x00ae }, { 0x203c, 0x203c }, { 0x2049, 0x2049 }, { 0x20e3, 0x20e3 },
		{ 0x2122, 0x2122 }, { 0x2139, 0x2139 }, { 0x2194, 0x21aa }, { 0x231a, 0x23ff }, { 0x24c2, 0x24c2 },
		{ 0x25aa, 0x25fe }, { 0x2600, 0x27bf }, { 0x2934, 0x2935 }, { 0x2b05, 0x2b55 }, { 0x3030, 0x3030 },
		{ 0x303d, 0x303d }, { 0x3297, 0x3297 }, { 0x3299, 0x3299 }, { 0x1f000, 0x1faff },
	};

	return IN(table, code);
}

/* Letters whose shape depends on their neighbours, where a joiner says how. */
static bool is_joining(uint32_t code)
{
	static const struct range table[] = {
		{ 0x0620, 0x06dc },   { 0x06df, 0x08ff },   { 0x0900, 0x0dff },   { 0x1000, 0x109f },   { 0x1780, 0x17b3 },
		{ 0x17b6, 0x17d3 },   { 0x1820, 0x18aa },   { 0x1b00, 0x1b4c },   { 0xa840, 0xa877 },   { 0xa8e0, 0xa8ff },
		{ 0xa980, 0xa9c0 },   { 0xaa60, 0xaa7f },   { 0xabc0, 0xabed },   { 0xfb50, 0xfdff },   { 0xfe70, 0xfefc },
		{ 0x10a00, 0x10a5f }, { 0x11000, 0x11fff }, { 0x1e900, 0x1e94b },
	};

	return IN(table, code);
}

static bool is_right_to_left(uint32_t code)
{
	static const struct range table[] = {
		{ 0x0591, 0x05f4 }, { 0x0608, 0x061b }, { 0x061d, 0x08ff }, { 0xfb1d, 0xfdff }, { 0xfe70, 0xfefc },
		{ 0x10800, 0x10fff }, { 0x1e800, 0x1efff },
	};

	return IN(table, code);
}

/* Scripts that write words without spaces and mark their borders where a line may break. */
static bool is_unspaced(uint32_t code)
{
	static const struct range table[] = {
		{ 0x0e00, 0x0eff }, { 0x1000, 0x109f }, { 0x1780, 0x17b3 }, { 0x17b6, 0x17ff }, { 0x1950, 0x19df },
		{ 0x1a20, 0x1aad }, { 0x1b00, 0x1b7f }, { 0xa980, 0xa9df },
	};

	return IN(table, code);
}

/* Bases of the standardized variants 1 to 3. */
static bool has_variants(uint32_t code)
{
	static const struct range table[] = {
		{ 0x0030, 0x0030 }, { 0x1000, 0x109f }, { 0x2200, 0x22ff }, { 0x2a00, 0x2aff }, { 0x3001, 0x3002 },
		{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff }, { 0xa840, 0xa877 }, { 0xaa60, 0xaa7f }, { 0xf900, 0xfaff },
		{ 0xff01, 0xff1f }, { 0x20000, 0x2ffff },
	};

	return IN(table, code);
}

/* Not the joiner of accents itself: what stays must not depend on a character that may not. */
static bool is_accent(uint32_t code)
{
	return (code >= 0x0300 && code <= 0x036f && code != 0x034f) || (code >= 0x0591 && code <= 0x05c7);
}

/* Whether CODE, which cannot be seen, has its meaning between PREVIOUS (which stayed) and NEXT. */
static bool belongs(uint32_t code, uint32_t previous, uint32_t next)
{
	switch (code) {
	case 0x200b:
		return is_unspaced(previous) && is_unspaced(next);
	case 0x200c:
		return is_joining(previous);
	case 0x200d:
		return is_joining(previous) ||
		       ((is_pictograph(previous) || previous == 0xfe0f || previous == 0xe007f) && is_pictograph(next));
	case 0x061c:
	case 0x200e:
	case 0x200f:
		return is_right_to_left(previous) || is_right_to_left(next);
	case 0xfe0e:
	case 0xfe0f:
		return is_pictograph(previous) ||
		       (next == 0x20e3 && (previous == '#' || previous == '*' || (previous >= '0' && previous <= '9')));
	case 0xfe00:
	case 0xfe01:
	case 0xfe02:
		return has_variants(previous);
	case 0x034f:
		return is_accent(previous) && is_accent(next);
	case 0x115f:
		return next >= 0x1161 && next <= 0x11a7;
	case 0x1160:
		return previous >= 0x1100 && previous <= 0x115e;
	default:
		if (code >= 0x180b && code <= 0x180f)
			return previous >= 0x1820 && previous <= 0x18aa;
		return code >= 0x13430 && code <= 0x1343f && previous >= 0x13000 && previous <= 0x1342f;
	}
}

/* ---- the quick look -------------------------------------------------------------------------------- */

/*
 * By the first byte of a character of several: which second bytes, from 0x80 up, may make it one that is looked
 * at. The test compares it with the table of characters.
 */
#define B(second) ((uint64_t)1 << ((second) - 0x80))
static const uint64_t suspect_second[256] = {
	[0xc2] = 0xffffffff | B(0xad),
	[0xcd] = B(0x8f),
	[0xd8] = B(0x9c),
	[0xe1] = B(0x85) | B(0x9e) | B(0xa0),
	[0xe2] = B(0x80) | B(0x81),
	[0xe3] = B(0x85),
	[0xef] = B(0xb8) | B(0xbb) | B(0xbe) | B(0xbf),
	[0xf0] = B(0x93) | B(0x9b) | B(0x9d),
	[0xf3] = ~(uint64_t)0,
};
#undef B

static bool looked_at(uint32_t code)
{
	return unicode_hidden(code) && !is_printed(code);
}

/* The first byte of [p, end) that is no ASCII, a backslash or DEL. */
static const uint8_t *ascii_run(const uint8_t *p, const uint8_t *end)
{
#if defined(__SSE2__)
	const __m128i slash = _mm_set1_epi8('\\'), del = _mm_set1_epi8(0x7f);

	while (end - p >= 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, slash), _mm_cmpeq_epi8(x, del));
		unsigned stops = (unsigned)_mm_movemask_epi8(_mm_or_si128(x, hit));
		if (stops)
			return p + __builtin_ctz(stops);
		p += 16;
	}
#else
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;

	while (end - p >= 8) {
		uint64_t word, slash;
		memcpy(&word, p, sizeof word);
		slash = word ^ (ones * '\\');
		if ((word | (word + ones) | (slash - ones)) & tops)
			break;
		p += 8;
	}
#endif
	while (p < end && *p < 0x7f && *p != '\\')
		p++;
	return p;
}

static unsigned hex4(const uint8_t *p)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		uint8_t c = p[i];
		value = value << 4 | (unsigned)((c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) & 0xf);
	}
	return value;
}

/* At a backslash: how far the escape goes, 0 when it may have to be cleaned. */
static size_t escape_length(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	switch (p[1]) {
	case 'b':
	case 'f':
		return 0;
	case 'r':
		return n >= 4 && p[2] == '\\' && p[3] == 'n' ? 4 : 0;
	case 'u':
		break;
	default:
		return 2;
	}
	if (n < 6)
		return 0;
	uint32_t code = hex4(p + 2);
	if (code >= 0xd800 && code < 0xdc00 && n >= 12 && p[6] == '\\' && p[7] == 'u') {
		code = 0x10000 + ((code - 0xd800) << 10) + ((hex4(p + 8) - 0xdc00) & 0x3ff);
		return looked_at(code) ? 0 : 12;
	}
	return code == '\n' || !looked_at(code) ? 6 : 0;
}

bool clean_suspect(struct span json)
{
	const uint8_t *p = (const uint8_t *)json.p, *end = p + json.n;

	for (;;) {
		p = ascii_run(p, end);
		if (p == end)
			return false;
		if (*p == 0x7f)
			return true;
		if (*p == '\\') {
			size_t n = escape_length(p, (size_t)(end - p));
			if (n == 0)
				return true;
			p += n;
			continue;
		}
		while (p < end && *p >= 0x80) {
			uint64_t second = suspect_second[*p];
			uint32_t code;
			if (!second || end - p < 2 || !(second >> (p[1] & 0x3f) & 1)) {
				p++;
				continue;
			}
			size_t n = unicode_decode(p, (size_t)(end - p), &code);
			if (n == 0 || looked_at(code))
				return true;
			p += n;
		}
	}
}

/* ---- one text -------------------------------------------------------------------------------------- */

struct cleaner {
	struct buf *out;
	struct clean_count *count;
	const uint8_t *p, *end, *unended;
	uint32_t previous; /* the last character that stayed */
};

static void stay(struct cleaner *c, uint32_t code, size_t n)
{
	buf_append(c->out, c->p, n);
	c->p += n;
	c->previous = code;
}

static void becomes_newline(struct cleaner *c, size_t n)
{
	buf_putc(c->out, '\n');
	c->count->breaks++;
	c->p += n;
	c->previous = '\n';
}

static size_t characters(const uint8_t *p, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += (p[i] & 0xc0) != 0x80;
	return k;
}

/* A control character: C0, DEL or C1. */
static void control(struct cleaner *c, uint32_t code, size_t n)
{
	size_t left = (size_t)(c->end - c->p);

	if (code == '\r' && left > 1 && c->p[1] == '\n') {
		stay(c, '\n', 2);
		return;
	}
	if (code == '\r' || code == '\f' || code == '\v' || code == 0x85) {
		becomes_newline(c, n);
		return;
	}
	size_t length = text_sequence(c->p, left, &c->unended);
	if (length < n)
		length = n;
	c->count->control += characters(c->p, length);
	c->p += length;
}

/* The flags of England, Scotland and Wales: a black flag, tags, the tag that ends it (UTS #51, annex C). */
static size_t tag_flag(const uint8_t *p, size_t n)
{
	static const char *const regions[] = { "gbeng", "gbsct", "gbwls" };

	if (n < 24)
		return 0;
	for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
		size_t k = 0;
		while (k < 5 && memcmp(p + 4 * k, "\xf3\xa0\x81", 3) == 0 &&
		       p[4 * k + 3] == (uint8_t)(0x80 | (regions[i][k] & 0x3f)))
			k++;
		if (k == 5 && memcmp(p + 20, "\xf3\xa0\x81\xbf", 4) == 0)
			return 24;
	}
	return 0;
}

static uint64_t *kind_of(struct clean_count *count, uint32_t code)
{
	static const struct range direction[] = {
		{ 0x061c, 0x061c }, { 0x200e, 0x200f }, { 0x202a, 0x202e }, { 0x2066, 0x2069 },
	};

	if (IN(direction, code))
		return &count->direction;
	if ((code >= 0xfe00 && code <= 0xfe0f) || code >= 0xe0000)
		return &count->hidden_data;
	return &count->invisible;
}

static void hidden(struct cleaner *c, uint32_t code, size_t n)
{
	size_t left = (size_t)(c->end - c->p);
	uint32_t next = 0;

	if (code == 0x2028 || code == 0x2029) {
		becomes_newline(c, n);
		return;
	}
	if (code >= 0xe0020 && code <= 0xe007f && c->previous == 0x1f3f4) {
		size_t flag = tag_flag(c->p, left);
		if (flag) {
			stay(c, 0xe007f, flag);
			return;
		}
	}
	if (left > n && unicode_decode(c->p + n, left - n, &next) == 0)
		next = 0;
	if (belongs(code, c->previous, next)) {
		stay(c, code, n);
		return;
	}
	++*kind_of(c->count, code);
	c->p += n;
}

/* The first byte of [p, end) that is no printable ASCII, newline or tab. */
static const uint8_t *plain_text(const uint8_t *p, const uint8_t *end)
{
	while (p < end && ((*p >= 0x20 && *p < 0x7f) || *p == '\n' || *p == '\t'))
		p++;
	return p;
}

void clean_text(struct buf *out, struct span text, struct clean_count *count)
{
	struct cleaner c = {
		.out = out,
		.count = count,
		.p = (const uint8_t *)text.p,
		.end = (const uint8_t *)text.p + text.n,
		.unended = (const uint8_t *)text.p,
	};

	while (c.p < c.end) {
		const uint8_t *stop = plain_text(c.p, c.end);
		if (stop > c.p)
			stay(&c, stop[-1], (size_t)(stop - c.p));
		if (c.p == c.end)
			break;
		uint32_t code;
		size_t n = unicode_decode(c.p, (size_t)(c.end - c.p), &code);
		if (n == 0) { /* cannot be: the scanner has seen it */
			c.p++;
			buf_puts(out, "\xef\xbf\xbd");
			count->control++;
			c.previous = 0xfffd;
		} else if (code < 0xa0) {
			control(&c, code, n);
		} else if (looked_at(code)) {
			hidden(&c, code, n);
		} else {
			stay(&c, code, n);
		}
	}
}

/* ---- a message ------------------------------------------------------------------------------------- */

bool clean_leaves(const struct walk *w, uint32_t i)
{
	static const char *const opaque[] = {
		"nextCursor", "cursor", "requestState", "progressToken", "requestId", "taskId",
	};

	if (!w->member || w->depth != 1)
		return false;
	for (size_t k = 0; k < sizeof opaque / sizeof *opaque; k++)
		if (tree_string_is(w->t, i - 1, opaque[k]))
			return true;
	return false;
}

void clean_add(struct clean_count *to, const struct clean_count *from)
{
	to->control += from->control;
	to->invisible += from->invisible;
	to->direction += from->direction;
	to->hidden_data += from->hidden_data;
	to->breaks += from->breaks;
}

bool clean_tree(const struct tree *t, size_t offset, bool keys_only, struct edits *edits, struct clean_count *count)
{
	CLEANUP_BUF struct buf decoded = BUF_INIT(0), cleaned = BUF_INIT(0), json = BUF_INIT(0);
	struct walk w = walk_begin(t);

	for (uint32_t i; (i = walk_next(&w)) != TREE_NONE;) {
		if (t->v[i].type != TREE_STRING || (keys_only && !w.key) || !clean_suspect(tree_raw(t, i)))
			continue;
		struct clean_count here = { 0 };
		struct span text = tree_string_span(t, i, &decoded);
		buf_clear(&cleaned);
		clean_text(&cleaned, text, &here);
		if (decoded.full || cleaned.full)
			return false;
		if (clean_total(&here) == 0 || clean_leaves(&w, i))
			continue;
		buf_clear(&json);
		json_string(&json, buf_span(&cleaned));
		if (json.full)
			return false;
		edit_value(edits, offset, t, i, buf_span(&json));
		if (edits->failed)
			return false;
		clean_add(count, &here);
	}
	return true;
}
