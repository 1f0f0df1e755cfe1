/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json-out.h"

#include <inttypes.h>

/*
 * The length of the well-formed UTF-8 sequence at P (Unicode 15, table 3-7), or 0.
 * *CODE gets the scalar value.
 */
static size_t utf8_sequence(const unsigned char *p, size_t n, uint32_t *code)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		unsigned char length;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	static const unsigned char lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (p[0] < forms[i].first_low || p[0] > forms[i].first_high)
			continue;
		size_t length = forms[i].length;
		if (length > n)
			return 0;
		if (length > 1 && (p[1] < forms[i].second_low || p[1] > forms[i].second_high))
			return 0;
		*code = p[0] & lead_mask[length];
		for (size_t k = 1; k < length; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
			*code = *code << 6 | (p[k] & 0x3f);
		}
		return length;
	}
	return 0;
}

static void escape_ascii(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_puts(b, "\\\"");
		return;
	case '\\':
		buf_puts(b, "\\\\");
		return;
	case '\n':
		buf_puts(b, "\\n");
		return;
	case '\r':
		buf_puts(b, "\\r");
		return;
	case '\t':
		buf_puts(b, "\\t");
		return;
	default:
		if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\u%04x", c);
		else
			buf_putc(b, (char)c);
	}
}

void json_string(struct buf *b, struct span text)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t i = 0;

	buf_putc(b, '"');
	while (i < text.n) {
		uint32_t code = 0;
		size_t length = utf8_sequence(p + i, text.n - i, &code);
		if (length == 0) {
			buf_puts(b, "\\ufffd");
			i++;
			continue;
		}
		if (length == 1)
			escape_ascii(b, p[i]);
		else if (code == 0x2028 || code == 0x2029)
			buf_printf(b, "\\u%04x", (unsigned)code);
		else
			buf_append(b, text.p + i, length);
		i += length;
	}
	buf_putc(b, '"');
}

void json_comma(struct buf *b)
{
	if (b->n == 0)
		return;
	switch (b->p[b->n - 1]) {
	case '{':
	case '[':
	case ':':
	case ',':
	case '\n':
		return;
	default:
		buf_putc(b, ',');
	}
}

void json_key(struct buf *b, const char *key)
{
	json_comma(b);
	json_string(b, span_of(key));
	buf_putc(b, ':');
}

void json_member_str(struct buf *b, const char *key, const char *value)
{
	json_key(b, key);
	if (value)
		json_string(b, span_of(value));
	else
		buf_puts(b, "null");
}

void json_member_span(struct buf *b, const char *key, struct span value)
{
	json_key(b, key);
	json_string(b, value);
}

void json_member_u64(struct buf *b, const char *key, uint64_t value)
{
	json_key(b, key);
	buf_printf(b, "%" PRIu64, value);
}

void json_member_i64(struct buf *b, const char *key, int64_t value)
{
	json_key(b, key);
	buf_printf(b, "%" PRId64, value);
}

void json_member_bool(struct buf *b, const char *key, bool value)
{
	json_key(b, key);
	buf_puts(b, value ? "true" : "false");
}
