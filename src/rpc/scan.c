/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The structure of a line: brackets, commas, numbers, words and where the line ends. Strings are in scan-string.c, keys in
 * scan-keys.c, what the values of the envelope mean in scan-envelope.c. See scan.h for the rules.
 *
 * Called by frame.c alone. Keeps no pointer into the input between calls. RFC 8259.
 */
#include "rpc/scan.h"

#include "rpc/scan-simd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_DEFAULT = 128, DEPTH_MAX = 65536, KEYS_DEFAULT = 262144 };

enum number_state { NUMBER_MINUS, NUMBER_ZERO, NUMBER_INT, NUMBER_POINT, NUMBER_FRACTION, NUMBER_E, NUMBER_SIGN, NUMBER_EXP };

int scan_init(struct scan *s, const struct frame_limits *limits)
{
	memset(s, 0, sizeof(*s));
	s->max_depth = limits->depth ? limits->depth : DEPTH_DEFAULT;
	if (s->max_depth > DEPTH_MAX)
		s->max_depth = DEPTH_MAX;
	s->max_keys = limits->keys ? limits->keys : KEYS_DEFAULT;
	if (s->max_keys >= SCAN_ARRAY)
		s->max_keys = SCAN_ARRAY - 1;
	s->stack = malloc((s->max_depth + 1u) * sizeof(*s->stack));
	if (!s->stack)
		return -1;
	s->has_avx2 = plain_has_avx2();
	scan_keys_init(s);
	scan_begin(s);
	return 0;
}

void scan_fini(struct scan *s)
{
	free(s->stack);
	free(s->keys);
	s->stack = NULL;
	s->keys = NULL;
}

void scan_trim(struct scan *s)
{
	if (s->keys_n == 0 && s->keys_cap > 1024) {
		free(s->keys);
		s->keys = NULL;
		s->keys_cap = 0;
	}
}

void scan_begin(struct scan *s)
{
	s->chunk_at = 0;
	s->state = SCAN_START;
	s->level = LEVEL_USER;
	s->in_object = false;
	s->complete = false;
	s->depth = 0;
	s->over = 0;
	s->slot = SLOT_NONE;
	s->escape = ESCAPE_NONE;
	s->utf8_left = 0;
	s->high = 0;
	s->deep_string = s->deep_escape = false;
	s->bom = 0;
	s->modern = false;
	s->top_seen = 0;
	s->ids = 0;
	s->cr_at = UINT64_MAX;
	s->id_seen = s->method_seen = s->name_seen = SEEN_NOT;
	s->id_raw = s->params = s->result = s->error = s->arguments = (struct scan_range){ 0, 0 };
	s->id.type = s->request_id.type = ID_NONE;
	s->why = REFUSE_NONE;
	s->keys_n = 0;
}

void scan_printable(char *to, size_t n, const char *text, size_t text_n)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < text_n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (at + 8 > n) {
			memcpy(to + at, "...", 3);
			at += 3;
			break;
		}
		if (c >= 0x20 && c < 0x7f && c != '\\') {
			to[at++] = (char)c;
			continue;
		}
		to[at++] = '\\';
		to[at++] = 'x';
		to[at++] = digits[c >> 4];
		to[at++] = digits[c & 15];
	}
	to[at] = '\0';
}

void scan_refuse(struct scan *s, enum refusal why, uint64_t offset, const char *format, ...)
{
	if (s->why != REFUSE_NONE)
		return;
	s->why = why;
	s->why_at = offset;
	va_list ap;
	va_start(ap, format);
	vsnprintf(s->detail, sizeof(s->detail), format, ap);
	va_end(ap);
}

void scan_unexpected(struct scan *s, const uint8_t *p, const char *expected)
{
	char shown[16];
	const char c = (char)*p;

	scan_printable(shown, sizeof(shown), &c, 1);
	if (*p == '\n')
		scan_refuse(s, REFUSE_NOT_JSON, scan_offset(s, p), "the line ends inside the object");
	else if (*p < 0x20)
		scan_refuse(s, REFUSE_CONTROL, scan_offset(s, p), "byte %s where %s was expected", shown, expected);
	else
		scan_refuse(s, REFUSE_NOT_JSON, scan_offset(s, p), "expected %s, found '%s'", expected, shown);
	s->state = SCAN_DEAD;
}

/* A '\r' between tokens may only be the last byte of the line. */
static void carriage_return(struct scan *s, uint64_t at)
{
	if (s->cr_at != UINT64_MAX)
		scan_refuse(s, REFUSE_CONTROL, s->cr_at, "a carriage return between tokens");
	s->cr_at = at;
}

static const uint8_t *value_done(struct scan *s, const uint8_t *end)
{
	s->state = SCAN_AFTER;
	if (s->level != LEVEL_USER)
		scan_value_ends(s, scan_offset(s, end));
	return end;
}

/* '{' or '[' at P, as a value. */
static const uint8_t *open_container(struct scan *s, const uint8_t *p)
{
	bool object = *p == '{';

	if (s->depth >= s->max_depth) {
		scan_refuse(s, REFUSE_DEPTH, scan_offset(s, p), "more than %u levels", s->max_depth);
		s->state = SCAN_DEEP;
		s->over = 1;
		return p + 1;
	}
	enum scan_level child = scan_child_level(s, object);
	s->depth++;
	if (s->depth < sizeof(s->level_at)) {
		s->level_at[s->depth] = (uint8_t)child;
		s->key_at[s->depth] = KEY_OTHER;
	}
	s->level = (uint8_t)child;
	s->in_object = object;
	s->stack[s->depth] = object ? (uint32_t)s->keys_n : SCAN_ARRAY;
	s->state = object ? SCAN_FIRST_KEY : SCAN_FIRST_ITEM;
	return p + 1;
}

/* The matching bracket at P. */
static const uint8_t *close_container(struct scan *s, const uint8_t *p)
{
	if (s->in_object)
		scan_keys_close(s, scan_offset(s, p));
	s->depth--;
	if (s->depth == 0) {
		s->state = SCAN_END;
		s->level = LEVEL_USER;
		return p + 1;
	}
	s->in_object = s->stack[s->depth] != SCAN_ARRAY;
	s->level = s->depth < sizeof(s->level_at) ? s->level_at[s->depth] : LEVEL_USER;
	return value_done(s, p + 1);
}

static const uint8_t *string_begins(struct scan *s, const uint8_t *p, const uint8_t *end, enum scan_slot slot)
{
	const uint8_t *text = p + 1;
	const uint8_t *q = plain_run(text, end - text < 64 ? end : text + 64);

	if (q < end && *q == '"') {
		if (slot != SLOT_NONE) {
			s->token_at = scan_offset(s, p);
			s->text_bad = false;
			scan_slot_done(s, slot, (const char *)text, (size_t)(q - text), true);
		}
		return value_done(s, q + 1);
	}
	s->token_at = scan_offset(s, p);
	s->state = SCAN_STRING;
	scan_string_begin(s, slot);
	return scan_string(s, slot == SLOT_NONE ? q : text, end);
}

static void number_kept(struct scan *s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && s->text_n < SCAN_TEXT; i++)
		s->text[s->text_n++] = (char)p[i];
}

static const uint8_t *digits(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (uint8_t)(*p - '0') <= 9)
		p++;
	return p;
}

/* Go on in a number until a byte that does not belong to it, or the end of the piece. */
static const uint8_t *number_body(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		uint8_t c = *p;
		bool digit = (uint8_t)(c - '0') <= 9;

		switch ((enum number_state)s->number) {
		case NUMBER_MINUS:
			if (!digit)
				return p;
			s->number = c == '0' ? NUMBER_ZERO : NUMBER_INT;
			break;
		case NUMBER_INT:
			p = digits(p, end);
			if (p == end)
				return p;
			c = *p;
			__attribute__((fallthrough));
		case NUMBER_ZERO:
			if (c == '.')
				s->number = NUMBER_POINT;
			else if (c == 'e' || c == 'E')
				s->number = NUMBER_E;
			else
				return p;
			break;
		case NUMBER_POINT:
			if (!digit)
				return p;
			s->number = NUMBER_FRACTION;
			break;
		case NUMBER_FRACTION:
			p = digits(p, end);
			if (p == end)
				return p;
			if (*p != 'e' && *p != 'E')
				return p;
			s->number = NUMBER_E;
			break;
		case NUMBER_E:
			if (c == '+' || c == '-') {
				s->number = NUMBER_SIGN;
				break;
			}
			__attribute__((fallthrough));
		case NUMBER_SIGN:
			if (!digit)
				return p;
			s->number = NUMBER_EXP;
			break;
		case NUMBER_EXP:
			return digits(p, end);
		}
		p++;
	}
	return p;
}

static const uint8_t *scan_number(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = number_body(s, p, end);

	if (s->slot != SLOT_NONE)
		number_kept(s, p, (size_t)(q - p));
	if (q == end)
		return q;
	switch ((enum number_state)s->number) {
	case NUMBER_ZERO:
	case NUMBER_INT:
	case NUMBER_FRACTION:
	case NUMBER_EXP:
		break;
	default:
		scan_unexpected(s, q, "a digit");
		return q;
	}
	if (scan_offset(s, q) - s->token_at > SCAN_NUMBER_MAX)
		scan_refuse(s, REFUSE_NOT_JSON, s->token_at, "a number of more than %d characters", SCAN_NUMBER_MAX);
	if (s->slot != SLOT_NONE)
		scan_slot_done(s, (enum scan_slot)s->slot, s->text, s->text_n, false);
	return value_done(s, q);
}

static const uint8_t *number_begins(struct scan *s, const uint8_t *p, const uint8_t *end, enum scan_slot slot)
{
	s->token_at = scan_offset(s, p);
	s->state = SCAN_NUMBER;
	s->slot = (uint8_t)slot;
	s->text_n = 0;
	s->text_bad = false;
	s->number = *p == '-' ? NUMBER_MINUS : *p == '0' ? NUMBER_ZERO : NUMBER_INT;
	if (slot != SLOT_NONE)
		number_kept(s, p, 1);
	return scan_number(s, p + 1, end);
}

static const uint8_t *scan_word(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	while (p < end && s->word[s->word_at]) {
		if (*p != (uint8_t)s->word[s->word_at]) {
			scan_unexpected(s, p, s->word);
			return p;
		}
		p++;
		s->word_at++;
	}
	return s->word[s->word_at] ? p : value_done(s, p);
}

static const uint8_t *value_begins(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	enum scan_slot slot = SLOT_NONE;

	if (s->level != LEVEL_USER)
		slot = scan_value_begins(s, *p, scan_offset(s, p));
	switch (*p) {
	case '"':
		return string_begins(s, p, end, slot);
	case '{':
	case '[':
		return open_container(s, p);
	case '-':
	case '0' ... '9':
		return number_begins(s, p, end, slot);
	case 't':
		s->word = "true";
		break;
	case 'f':
		s->word = "false";
		break;
	case 'n':
		s->word = "null";
		break;
	default:
		scan_unexpected(s, p, "a value");
		return p;
	}
	s->word_at = 1;
	s->state = SCAN_WORD;
	return scan_word(s, p + 1, end);
}

/* The opening quote of a key at P. */
static const uint8_t *key_begins(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *text = p + 1;
	const uint8_t *q = plain_run(text, end);

	if (q < end && *q == '"') {
		size_t n = (size_t)(q - text);
		s->token_at = scan_offset(s, p);
		s->state = SCAN_COLON;
		scan_key(s, (const char *)text, n, scan_hash_whole(s, text, n));
		/* What nearly always follows, without going round by the state. */
		if (end - q < 3 || q[1] != ':')
			return q + 1;
		s->state = SCAN_VALUE;
		return q[2] > ' ' ? value_begins(s, q + 2, end) : q + 2;
	}
	s->token_at = scan_offset(s, p);
	s->state = SCAN_STRING;
	scan_string_begin(s, SLOT_KEY);
	return scan_string(s, text, end);
}

/* The first bytes of a line decide what it is. */
static const uint8_t *line_begins(struct scan *s, const uint8_t *p)
{
	static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };
	uint64_t at = scan_offset(s, p);

	if (at < sizeof(bom) && at == s->bom && *p == bom[at]) {
		s->bom++;
		return p + 1;
	}
	if ((*p != '{' && *p != '[') || (s->bom != 0 && s->bom != sizeof(bom))) {
		s->state = SCAN_NOISE;
		return p;
	}
	if (s->bom)
		scan_refuse(s, REFUSE_BOM, 0, "a byte order mark");
	if (*p == '[') {
		scan_refuse(s, REFUSE_NOT_OBJECT, at, "an array: batches are not accepted");
		s->state = SCAN_DEAD;
		return p;
	}
	return open_container(s, p);
}

static const uint8_t *after_value(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	if (*p == ',') {
		s->state = s->in_object ? SCAN_KEY : SCAN_VALUE;
		return s->in_object && end - p > 1 && p[1] == '"' ? key_begins(s, p + 1, end) : p + 1;
	}
	if (*p == (s->in_object ? '}' : ']'))
		return close_container(s, p);
	scan_unexpected(s, p, s->in_object ? "',' or '}'" : "',' or ']'");
	return p;
}

/* One token of the structure, after white space. */
static inline const uint8_t *structure(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	for (; *p <= ' '; p++) {
		if (*p == '\n') {
			s->complete = true;
			return p + 1;
		}
		if (*p == '\r')
			carriage_return(s, scan_offset(s, p));
		else if (*p != ' ' && *p != '\t')
			break;
		if (p + 1 == end)
			return end;
	}
	switch ((enum scan_state)s->state) {
	case SCAN_START:
		return line_begins(s, p);
	case SCAN_FIRST_KEY:
		if (*p == '}')
			return close_container(s, p);
		__attribute__((fallthrough));
	case SCAN_KEY:
		if (*p == '"')
			return key_begins(s, p, end);
		scan_unexpected(s, p, "a key");
		return p;
	case SCAN_COLON:
		if (*p == ':') {
			s->state = SCAN_VALUE;
			return p + 1;
		}
		scan_unexpected(s, p, "':'");
		return p;
	case SCAN_FIRST_ITEM:
		if (*p == ']')
			return close_container(s, p);
		__attribute__((fallthrough));
	case SCAN_VALUE:
		return value_begins(s, p, end);
	case SCAN_AFTER:
		return after_value(s, p, end);
	default:
		if (*p < 0x20)
			scan_unexpected(s, p, "the end of the line");
		scan_refuse(s, REFUSE_TRAILING, scan_offset(s, p), "something follows the object");
		s->state = SCAN_DEAD;
		return p;
	}
}

/* To the '\n', if it is there. */
static const uint8_t *skip_line(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));

	if (!newline)
		return end;
	s->complete = true;
	return newline + 1;
}

/* Below the depth limit nothing is checked; it only matters where that ends. */
static const uint8_t *scan_deep(struct scan *s, const uint8_t *p, const uint8_t *end)
{
	for (; p < end && s->over > 0; p++) {
		uint8_t c = *p;
		if (c == '\n') {
			s->complete = true;
			return p + 1;
		}
		if (s->deep_escape)
			s->deep_escape = false;
		else if (s->deep_string && c == '\\')
			s->deep_escape = true;
		else if (c == '"')
			s->deep_string = !s->deep_string;
		else if (s->deep_string)
			continue;
		else if (c == '{' || c == '[')
			s->over++;
		else if (c == '}' || c == ']')
			s->over--;
	}
	return s->over > 0 ? p : value_done(s, p);
}

size_t scan_feed(struct scan *s, const char *data, size_t n)
{
	const uint8_t *p = (const uint8_t *)data, *end = p + n;

	s->chunk = p;
	while (p < end && !s->complete) {
		switch ((enum scan_state)s->state) {
		case SCAN_STRING:
			p = scan_string(s, p, end);
			break;
		case SCAN_NUMBER:
			p = scan_number(s, p, end);
			break;
		case SCAN_WORD:
			p = scan_word(s, p, end);
			break;
		case SCAN_DEEP:
			p = scan_deep(s, p, end);
			break;
		case SCAN_NOISE:
		case SCAN_DEAD:
			p = skip_line(s, p, end);
			break;
		default:
			p = structure(s, p, end);
		}
	}
	n = (size_t)(p - (const uint8_t *)data);
	s->chunk_at += n;
	s->chunk = p;
	return n;
}
