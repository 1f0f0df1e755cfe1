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

/* The byte after a backslash. */
static void escape_begins(struct scan *s, uint8_t c, uint64_t at)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = c ? strchr(from, c) : NULL;

	if (c == 'u') {
		s->escape = ESCAPE_HEX;
		s->hex_left = 4;
		s->hex = 0;
		return;
	}
	s->escape = ESCAPE_NONE;
	if (s->high)
		lone_surrogate(s, at);
	if (found)
		keep_code(s, (uint8_t)to[found - from]);
	else
		fault(s, c < 0x20 ? REFUSE_CONTROL : REFUSE_NOT_JSON, at, "an unknown escape in a string");
}

static int hex_value(uint8_t c)
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
		scan_slot_done(s, true);
	s->state = SCAN_AFTER;
	if (s->level != LEVEL_USER)
		scan_value_ends(s, end + 1);
}

static const uint8_t *long_run(const struct scan *s, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = p;

	if (end - p >= 256)
		q = s->has_avx2 ? plain_blocks_avx2(p, end) : plain_blocks(p, end);
	return plain_run(q, end);
}

const uint8_t *scan_string(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (s->escape != ESCAPE_NONE) {
			p = escape_goes_on(s, p);
			if (s->complete)
				return p;
			continue;
		}
		if (s->high && *p != '\\') {
			lone_surrogate(s, scan_offset(s, p));
			continue;
		}
		if (s->utf8_left || *p >= 0x80) {
			p = utf8_run(s, p, end);
			continue;
		}
		const uint8_t *q = long_run(s, p, end);
		keep(s, p, (size_t)(q - p));
		p = q;
		if (p == end || *p >= 0x80)
			continue;
		if (*p == '"') {
			scan_string_done(s, scan_offset(s, p));
			return p + 1;
		}
		if (*p == '\\') {
			s->escape = ESCAPE_BACKSLASH;
		} else if (*p == '\n') {
			s->complete = true;
			return p + 1;
		} else {
			fault(s, REFUSE_CONTROL, scan_offset(s, p), "a control character in a string");
		}
		p++;
	}
	return p;
}
