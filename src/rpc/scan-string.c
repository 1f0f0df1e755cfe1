/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of strings: UTF-8 (Unicode 15, table 3-7), escapes and surrogates (RFC 8259, section 7), decoded where
 * somebody wants the value. Every string that does not end in the piece where it began, or is not plain, comes here.
 *
 * A fault inside a string refuses the line and scanning goes on, because the end of the string is still clear. Part of
 * the scanner: called by scan.c alone.
 */
#include "rpc/scan.h"

#include "rpc/scan-simd.h"

void scan_string_begin(struct scan *s, enum scan_slot slot)
{
	s->slot = (uint8_t)slot;
	s->escape = ESCAPE_NONE;
	s->utf8_left = 0;
	s->high = 0;
	s->text_n = 0;
	s->text_bad = false;
	if (slot == SLOT_KEY)
		scan_hash_begin(s, &s->hash);
}

static void fault(struct scan *s, enum refusal why, uint64_t at, const char *detail)
{
	s->text_bad = true;
	scan_refuse(s, why, at, "%s", detail);
}

/* Decoded bytes of the string. */
static void keep(struct scan *s, const uint8_t *p, size_t n)
{
	if (s->slot == SLOT_NONE)
		return;
	if (s->slot == SLOT_KEY)
		scan_hash_add(s, &s->hash, p, n);
	if (s->text_n < SCAN_TEXT) {
		size_t room = SCAN_TEXT - s->text_n;
		memcpy(s->text + s->text_n, p, n < room ? n : room);
	}
	s->text_n += n;
}

static void keep_code(struct scan *s, uint32_t code)
{
	uint8_t out[4];
	size_t n;

	if (code < 0x80) {
		out[0] = (uint8_t)code;
		n = 1;
	} else if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		n = 2;
	} else if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		n = 3;
	} else {
		out[0] = (uint8_t)(0xf0 | code >> 18);
		out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[3] = (uint8_t)(0x80 | (code & 0x3f));
		n = 4;
	}
	keep(s, out, n);
}

static void lone_surrogate(struct scan *s, uint64_t at)
{
	fault(s, REFUSE_SURROGATE, at, "a surrogate without its other half");
	keep_code(s, 0xfffd);
	s->high = 0;
}

/* A whole \uXXXX, whose last digit is at AT. */
static void code_unit(struct scan *s, uint64_t at)
{
	uint32_t unit = s->hex;

	if (unit >= 0xdc00 && unit <= 0xdfff) {
		if (!s->high) {
			lone_surrogate(s, at);
			return;
		}
		keep_code(s, 0x10000 + ((s->high - 0xd800) << 10) + (unit - 0xdc00));
		s->high = 0;
		return;
	}
	if (s->high)
		lone_surrogate(s, at);
	if (unit >= 0xd800 && unit <= 0xdbff)
		s->high = unit;
	else
		keep_code(s, unit);
}

/* The value of a short escape by its letter; 0 for what is none. */
static const uint8_t short_escape[256] = {
	['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
	['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* The byte after a backslash. */
static void escape_begins(struct scan *s, uint8_t c, uint64_t at)
{
	if (c == 'u') {
		s->escape = ESCAPE_HEX;
		s->hex_left = 4;
		s->hex = 0;
		return;
	}
	s->escape = ESCAPE_NONE;
	if (s->high)
		lone_surrogate(s, at);
	if (short_escape[c])
		keep_code(s, short_escape[c]);
	else
		fault(s, c < 0x20 ? REFUSE_CONTROL : REFUSE_NOT_JSON, at, "an unknown escape in a string");
}

static inline int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Inside an escape. Returns where to go on: the same byte when it ended the escape early. */
static const uint8_t *escape_goes_on(struct scan *s, const uint8_t *p)
{
	uint64_t at = scan_offset(s, p);

	if (*p == '\n') {
		s->complete = true;
		return p + 1;
	}
	if (s->escape == ESCAPE_BACKSLASH) {
		/* What is no ASCII is looked at again, as a byte of the string. */
		escape_begins(s, *p, at);
		return *p < 0x80 ? p + 1 : p;
	}
	int value = hex_value(*p);
	if (value < 0) {
		fault(s, REFUSE_NOT_JSON, at, "expected four hexadecimal digits after \\u");
		s->escape = ESCAPE_NONE;
		s->high = 0;
		return p;
	}
	s->hex = s->hex << 4 | (uint32_t)value;
	if (--s->hex_left == 0) {
		s->escape = ESCAPE_NONE;
		code_unit(s, at);
	}
	return p + 1;
}

/* The lead byte C: how many continuation bytes, and the bounds of the first. False: it cannot lead. */
static inline bool utf8_lead(struct scan *s, uint8_t c)
{
	s->utf8_low = 0x80;
	s->utf8_high = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		s->utf8_left = 1;
		return true;
	}
	if (c >= 0xe0 && c <= 0xef) {
		s->utf8_left = 2;
		if (c == 0xe0)
			s->utf8_low = 0xa0;
		else if (c == 0xed)
			s->utf8_high = 0x9f;
		return true;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		s->utf8_left = 3;
		if (c == 0xf0)
			s->utf8_low = 0x90;
		else if (c == 0xf4)
			s->utf8_high = 0x8f;
		return true;
	}
	return false;
}

/* Bytes from 0x80 on, or due as such. */
static const uint8_t *utf8_run(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *begin = p;

	while (p < end) {
		if (s->utf8_left) {
			if (*p < s->utf8_low || *p > s->utf8_high) {
				/* Not taken: it may be the quote. */
				fault(s, REFUSE_UTF8, scan_offset(s, p), "a byte sequence that is not UTF-8");
				s->utf8_left = 0;
				break;
			}
			s->utf8_low = 0x80;
			s->utf8_high = 0xbf;
			s->utf8_left--;
		} else if (*p < 0x80) {
			break;
		} else if (!utf8_lead(s, *p)) {
			fault(s, REFUSE_UTF8, scan_offset(s, p), "a byte that is not UTF-8");
		}
		p++;
	}
	keep(s, begin, (size_t)(p - begin));
	return p;
}

/* The end of a string at offset END. */
void scan_string_done(struct scan *s, uint64_t end)
{
	enum scan_slot slot = (enum scan_slot)s->slot;

	if (s->high)
		lone_surrogate(s, end);
	if (slot == SLOT_KEY) {
		s->state = SCAN_COLON;
		scan_key(s, s->text, s->text_n, scan_hash_end(s, &s->hash));
		return;
	}
	if (slot != SLOT_NONE)
		scan_slot_done(s, slot, s->text, s->text_n, true);
	s->state = SCAN_AFTER;
	if (s->level != LEVEL_USER)
		scan_value_ends(s, end + 1);
}

/* Most runs between escapes are short; what is plain for 64 bytes probably goes on. */
static inline const uint8_t *long_run(const struct scan *s, const uint8_t *p, const uint8_t *end)
{
	if (end - p < 256)
		return plain_run(p, end);
	const uint8_t *q = plain_run(p, p + 64);
	if (q < p + 64)
		return q;
	return plain_run(s->has_avx2 ? plain_blocks_avx2(q, end) : plain_blocks(q, end), end);
}

/*
 * Escapes at P, one after the other, as long as they are whole, simple and good. What is left to the state machine: half ones, wrong
 * ones, surrogates.
 */
static inline const uint8_t *whole_escapes(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 2 && *p == '\\') {
		uint8_t value = short_escape[p[1]];
		if (value) {
			if (s->slot != SLOT_NONE)
				keep(s, &value, 1);
			p += 2;
			continue;
		}
		if (p[1] != 'u' || end - p < 6)
			break;
		int a = hex_value(p[2]), b = hex_value(p[3]), c = hex_value(p[4]), d = hex_value(p[5]);
		if ((a | b | c | d) < 0 || (a == 0xd && b >= 8))
			break;
		if (s->slot != SLOT_NONE)
			keep_code(s, (uint32_t)(a << 12 | b << 8 | c << 4 | d));
		p += 6;
	}
	return p;
}

/* What is pending from the bytes before P: part of an escape, of a surrogate pair, of a character. */
static const uint8_t *string_pending(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	if (s->escape != ESCAPE_NONE)
		return escape_goes_on(s, p);
	if (s->utf8_left)
		return utf8_run(s, p, end);
	if (*p == '\\') {
		s->escape = ESCAPE_BACKSLASH;
		return p + 1;
	}
	lone_surrogate(s, scan_offset(s, p));
	return p;
}

const uint8_t *scan_string(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (s->escape != ESCAPE_NONE || s->utf8_left || s->high) {
			p = string_pending(s, p, end);
			if (s->complete)
				return p;
			continue;
		}
		const uint8_t *q = long_run(s, p, end);
		if (s->slot != SLOT_NONE && q > p)
			keep(s, p, (size_t)(q - p));
		p = q;
		if (p == end)
			return p;
		if (*p == '"') {
			scan_string_done(s, scan_offset(s, p));
			return p + 1;
		}
		if (*p >= 0x80) {
			p = utf8_run(s, p, end);
			continue;
		}
		if (*p == '\\') {
			p = whole_escapes(s, p, end);
			if (p < end && *p == '\\') {
				s->escape = ESCAPE_BACKSLASH;
				p++;
			}
			continue;
		}
		if (*p == '\n') {
			s->complete = true;
			return p + 1;
		}
		fault(s, REFUSE_CONTROL, scan_offset(s, p), "a control character in a string");
		p++;
	}
	return p;
}
