/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One pass over the pattern, preceded by one that counts its groups. Everything is parsed, so that nothing of
 * PCRE2's own language (verbs, options, recursion, callouts, \Q, \K, POSIX classes) can be reached: each
 * character that stands for itself is written as an escape unless it is a letter or a digit, and each class in
 * full. See schema-regex.h.
 */
#include "rpc/schema-regex.h"

#include <stdint.h>

enum { NAMES_MAX = 64, NESTING_MAX = 100, REPEAT_MAX = 65535 };

#define NO_CHARACTER UINT32_MAX

struct regex {
	struct span text;
	size_t at;
	struct buf *out;
	const char *why;
	unsigned groups;              /* in the whole pattern */
	unsigned names_n;
	struct { struct span name; unsigned group; } names[NAMES_MAX];
	unsigned depth;
	bool looks[NESTING_MAX];      /* whether this open group is a lookaround */
	bool repeatable;              /* there is something before that a quantifier can apply to */
};

#define SPACES "\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACES                                                                                                  \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}" \
	"\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define WORDS "0-9A-Z_a-z"
#define NOT_WORDS "\\x{0}-\\/\\:-\\@\\[-\\^\\`\\{-\\x{10ffff}"
#define DIGITS "0-9"
#define NOT_DIGITS "\\x{0}-\\/\\:-\\x{10ffff}"

static bool wrong(struct regex *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return false;
}

static int peek(const struct regex *r, size_t ahead)
{
	return r->at + ahead < r->text.n ? (unsigned char)r->text.p[r->at + ahead] : -1;
}

static bool starts(const struct regex *r, const char *with)
{
	size_t n = strlen(with);

	return r->text.n - r->at >= n && memcmp(r->text.p + r->at, with, n) == 0;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The character here, as a number; the text is UTF-8. */
static uint32_t take(struct regex *r)
{
	uint32_t c = (unsigned char)r->text.p[r->at++];
	int more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more)
		c &= 0x3fu >> more;
	for (; more > 0 && r->at < r->text.n; more--)
		c = c << 6 | ((unsigned char)r->text.p[r->at++] & 0x3fu);
	return c;
}

static void put(struct regex *r, uint32_t c)
{
	if (c < 0x80 && (is_alnum((int)c) || c == '_'))
		buf_putc(r->out, (char)c);
	else if (c > 0x20 && c < 0x7f)
		buf_printf(r->out, "\\%c", (char)c);
	else
		buf_printf(r->out, "\\x{%x}", (unsigned)c);
}

/* ---- escapes ---------------------------------------------------------------------------------- */

/* N hexadecimal digits at AHEAD, or NO_CHARACTER. */
static uint32_t hex(const struct regex *r, size_t ahead, unsigned n)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < n; i++) {
		int digit = hex_value(peek(r, ahead + i));
		if (digit < 0)
			return NO_CHARACTER;
		value = value << 4 | (uint32_t)digit;
	}
	return value;
}

/* Behind "\u". */
static uint32_t unicode_escape(struct regex *r)
{
	uint32_t c = 0;

	if (peek(r, 0) != '{') {
		c = hex(r, 0, 4);
		if (c == NO_CHARACTER) {
			wrong(r, "\\u needs four hexadecimal digits");
			return c;
		}
		r->at += 4;
		if (c >= 0xd800 && c < 0xdc00 && peek(r, 0) == '\\' && peek(r, 1) == 'u') {
			uint32_t low = hex(r, 2, 4);
			if (low >= 0xdc00 && low < 0xe000) {
				r->at += 6;
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			}
		}
		return c;
	}
	r->at++;
	bool any = false;
	for (int digit; (digit = hex_value(peek(r, 0))) >= 0 && c <= 0x10ffff; r->at++, any = true)
		c = c << 4 | (uint32_t)digit;
	if (!any || c > 0x10ffff || peek(r, 0) != '}') {
		wrong(r, "\\u{...} needs the number of a character");
		return NO_CHARACTER;
	}
	r->at++;
	return c;
}

/* An escape that means one character; its letter is taken. NO_CHARACTER: it is none. */
static uint32_t character_escape(struct regex *r, uint32_t c)
{
	switch (c) {
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'v':
		return '\v';
	case 'f':
		return '\f';
	case 'r':
		return '\r';
	case '0':
		if (!is_digit(peek(r, 0)))
			return 0;
		break;
	case 'c': {
		int letter = peek(r, 0);
		if (is_alnum(letter) && !is_digit(letter)) {
			r->at++;
			return (uint32_t)letter % 32;
		}
		break;
	}
	case 'x': {
		uint32_t value = hex(r, 0, 2);
		if (value != NO_CHARACTER)
			r->at += 2;
		if (value != NO_CHARACTER)
			return value;
		break;
	}
	case 'u':
		return unicode_escape(r);
	default:
		/* What needs no escape may have one, but a letter might mean something to somebody. */
		if (c < 0x80 && !is_alnum((int)c) && c > 0x20 && c != 0x7f)
			return c;
		if (c == ' ')
			return c;
		break;
	}
	wrong(r, "this escape means nothing in ECMA-262");
	return NO_CHARACTER;
}

/* Behind "\p" or "\P". */
static bool property(struct regex *r, bool not)
{
	size_t start = r->at + 1, equals = 0;

	if (peek(r, 0) != '{')
		return wrong(r, "\\p needs the name of a property in braces");
	for (r->at++; is_alnum(peek(r, 0)) || peek(r, 0) == '_' || (peek(r, 0) == '=' && !equals); r->at++)
		if (peek(r, 0) == '=')
			equals = r->at;
	if (peek(r, 0) != '}' || r->at - start > 60)
		return wrong(r, "\\p needs the name of a property in braces");
	struct span name = { r->text.p + start, (equals ? equals : r->at) - start };
	struct span value = equals ? (struct span){ r->text.p + equals + 1, r->at - equals - 1 } : name;
	r->at++;
	return regex_property(equals ? name : (struct span){ NULL, 0 }, value, not, r->out) ||
	       wrong(r, "there is no such property");
}

/* What a class escape stands for, to be put between brackets. NULL: C is the letter of none. */
static const char *class_escape(int c)
{
	switch (c) {
	case 'd':
		return DIGITS;
	case 'D':
		return NOT_DIGITS;
	case 'w':
		return WORDS;
	case 'W':
		return NOT_WORDS;
	case 's':
		return SPACES;
	case 'S':
		return NOT_SPACES;
	default:
		return NULL;
	}
}

/* ---- classes ---------------------------------------------------------------------------------- */

/* One member of a class: a character, or NO_CHARACTER when it was a set and is written. */
static uint32_t class_atom(struct regex *r)
{
	uint32_t c = take(r);

	if (c != '\\')
		return c;
	if (r->at == r->text.n) {
		wrong(r, "it ends in a backslash");
		return NO_CHARACTER;
	}
	c = take(r);
	const char *set = class_escape((int)c);
	if (set) {
		buf_puts(r->out, set);
		return NO_CHARACTER;
	}
	if (c == 'p' || c == 'P') {
		property(r, c == 'P');
		return NO_CHARACTER;
	}
	return c == 'b' ? '\b' : character_escape(r, c);
}

static bool class(struct regex *r)
{
	bool not = peek(r, 0) == '^';

	r->at += not;
	if (peek(r, 0) == ']') {
		r->at++;
		return buf_puts(r->out, not ? "[\\x{0}-\\x{10ffff}]" : "(?!)") == 0;
	}
	buf_puts(r->out, not ? "[^" : "[");
	while (peek(r, 0) != ']') {
		if (r->at >= r->text.n)
			return wrong(r, "a class is not closed by ]");
		uint32_t from = class_atom(r);
		if (r->why)
			return false;
		if (from == NO_CHARACTER)
			continue;
		put(r, from);
		if (peek(r, 0) != '-' || peek(r, 1) == ']' || peek(r, 1) < 0)
			continue;
		/* "a-\d" is no range: the '-' stands for itself. */
		if (peek(r, 1) == '\\' && (class_escape(peek(r, 2)) || peek(r, 2) == 'p' || peek(r, 2) == 'P'))
			continue;
		r->at++;
		uint32_t to = class_atom(r);
		if (r->why)
			return false;
		if (to == NO_CHARACTER || to < from)
			return wrong(r, "a range of characters is out of order");
		buf_putc(r->out, '-');
		put(r, to);
	}
	r->at++;
	return buf_putc(r->out, ']') == 0;
}

/* ---- groups ----------------------------------------------------------------------------------- */

static size_t name_length(struct span text, size_t at)
{
	size_t n = 0;

	while (at + n < text.n && (is_alnum((unsigned char)text.p[at + n]) || text.p[at + n] == '_' || text.p[at + n] == '$' ||
				   (unsigned char)text.p[at + n] >= 0x80))
		n++;
	return at + n < text.n && text.p[at + n] == '>' && n > 0 && !is_digit((unsigned char)text.p[at]) ? n : 0;
}

/* Count the groups and learn their names: a reference may stand before its group. */
static bool count_groups(struct regex *r)
{
	bool in_class = false;

	for (size_t i = 0; i < r->text.n; i++) {
		char c = r->text.p[i];
		if (c == '\\') {
			i++;
		} else if (in_class) {
			in_class = c != ']';
		} else if (c == '[') {
			in_class = true;
		} else if (c == '(') {
			struct span rest = { r->text.p + i, r->text.n - i };
			bool named = rest.n > 3 && rest.p[1] == '?' && rest.p[2] == '<' && rest.p[3] != '=' && rest.p[3] != '!';
			if (!named) {
				r->groups += rest.n < 2 || rest.p[1] != '?';
				continue;
			}
			r->groups++;
			size_t n = name_length(r->text, i + 3);
			if (n == 0 || r->names_n == NAMES_MAX)
				return wrong(r, n ? "it names too many groups" : "a group's name is none");
			struct span name = { rest.p + 3, n };
			for (unsigned k = 0; k < r->names_n; k++)
				if (span_eq(r->names[k].name, name))
					return wrong(r, "two groups have the same name");
			r->names[r->names_n].name = name;
			r->names[r->names_n++].group = r->groups;
		}
	}
	return true;
}

static bool open_group(struct regex *r)
{
	static const struct { const char *text; bool looks; } kinds[] = {
		{ "?:", false }, { "?=", true }, { "?!", true }, { "?<=", true }, { "?<!", true },
	};

	if (r->depth == NESTING_MAX)
		return wrong(r, "it is nested too deeply");
	r->repeatable = false;
	r->looks[r->depth] = false;
	buf_putc(r->out, '(');
	if (peek(r, 0) == '?') {
		size_t i = 0;
		while (i < ARRAY_SIZE(kinds) && !starts(r, kinds[i].text))
			i++;
		if (i < ARRAY_SIZE(kinds)) {
			buf_puts(r->out, kinds[i].text);
			r->looks[r->depth] = kinds[i].looks;
			r->at += strlen(kinds[i].text);
		} else if (starts(r, "?<")) {
			r->at += 2 + name_length(r->text, r->at + 2) + 1;
		} else {
			return wrong(r, "a group that ECMA-262 does not have");
		}
	}
	r->depth++;
	return true;
}

static bool back_reference(struct regex *r, uint32_t c)
{
	unsigned group = 0;

	if (c == 'k') {
		size_t n = peek(r, 0) == '<' ? name_length(r->text, r->at + 1) : 0;
		struct span name = { r->text.p + r->at + 1, n };
		for (unsigned i = 0; n > 0 && i < r->names_n; i++)
			if (span_eq(r->names[i].name, name))
				group = r->names[i].group;
		r->at += n + 2;
	} else {
		for (group = c - '0'; is_digit(peek(r, 0)) && group <= r->groups; r->at++)
			group = group * 10 + (unsigned)(peek(r, 0) - '0');
	}
	if (group == 0 || group > r->groups)
		return wrong(r, "a reference to a group that is not there");
	return buf_printf(r->out, "\\g{%u}", group) == 0;
}

/* ---- everything else -------------------------------------------------------------------------- */

static bool escape(struct regex *r)
{
	if (r->at == r->text.n)
		return wrong(r, "it ends in a backslash");
	uint32_t c = take(r);
	const char *set = class_escape((int)c);

	r->repeatable = true;
	if (set)
		return buf_printf(r->out, "[%s]", set) == 0;
	switch (c) {
	case 'b':
	case 'B':
		r->repeatable = false;
		return buf_printf(r->out, "\\%c", (char)c) == 0;
	case 'p':
	case 'P':
		return property(r, c == 'P');
	case 'k':
	case '1' ... '9':
		return back_reference(r, c);
	default:
		break;
	}
	c = character_escape(r, c);
	if (c != NO_CHARACTER)
		put(r, c);
	return !r->why;
}

static unsigned number(struct regex *r)
{
	unsigned n = 0;

	for (; is_digit(peek(r, 0)); r->at++)
		n = n > REPEAT_MAX ? n : n * 10 + (unsigned)(peek(r, 0) - '0');
	return n;
}

/* At a '{'. false without `why`: it is no quantifier, but a brace. */
static bool braces(struct regex *r)
{
	size_t start = r->at++;
	unsigned low = 0, high = 0;
	bool comma = false, open = false, good = is_digit(peek(r, 0));

	low = high = number(r);
	if (peek(r, 0) == ',') {
		comma = true;
		r->at++;
		open = !is_digit(peek(r, 0));
		high = number(r);
	}
	if (!good || peek(r, 0) != '}') {
		r->at = start;
		return false;
	}
	r->at++;
	if (!r->repeatable)
		return wrong(r, "there is nothing to repeat");
	if (low > REPEAT_MAX || high > REPEAT_MAX)
		return wrong(r, "a repetition of more than 65535 times");
	if (comma && !open && high < low)
		return wrong(r, "the numbers of a repetition are out of order");
	if (!comma)
		return buf_printf(r->out, "{%u}", low) == 0;
	return (open ? buf_printf(r->out, "{%u,}", low) : buf_printf(r->out, "{%u,%u}", low, high)) == 0;
}

static bool quantifier(struct regex *r, bool *is)
{
	int c = peek(r, 0);

	*is = true;
	if (c == '{') {
		*is = braces(r);
		if (!*is)
			return !r->why;
	} else {
		if (!r->repeatable)
			return wrong(r, "there is nothing to repeat");
		buf_putc(r->out, (char)c);
		r->at++;
	}
	if (peek(r, 0) == '?') {
		buf_putc(r->out, '?');
		r->at++;
	}
	r->repeatable = false;
	return true;
}

static bool term(struct regex *r)
{
	int c = peek(r, 0);
	bool is = false;

	if (c == '*' || c == '+' || c == '?' || c == '{') {
		if (!quantifier(r, &is) || is)
			return !r->why;
	}
	uint32_t character = take(r);
	r->repeatable = true;
	switch (character) {
	case '|':
		r->repeatable = false;
		return buf_putc(r->out, '|') == 0;
	case '(':
		return open_group(r);
	case ')':
		if (r->depth == 0)
			return wrong(r, "a ) without its (");
		r->repeatable = !r->looks[--r->depth];
		return buf_putc(r->out, ')') == 0;
	case '^':
		r->repeatable = false;
		return buf_putc(r->out, '^') == 0;
	case '$':
		r->repeatable = false;
		return buf_puts(r->out, "\\z") == 0;
	case '.':
		return buf_puts(r->out, "[^\\n\\r\\x{2028}\\x{2029}]") == 0;
	case '[':
		return class(r);
	case '\\':
		return escape(r);
	default:
		put(r, character);
		return true;
	}
}

const char *regex_translate(struct span pattern, struct buf *out, size_t *at)
{
	struct regex r = { .text = pattern, .out = out };

	if (pattern.n > REGEX_MAX) {
		*at = 0;
		return "it is too long";
	}
	if (!count_groups(&r)) {
		*at = 0;
		return r.why;
	}
	while (r.at < pattern.n && !out->full)
		if (!term(&r) && r.why)
			break;
	if (!r.why && r.depth > 0)
		r.why = "a ( without its )";
	*at = r.at < pattern.n ? r.at : pattern.n;
	return r.why;
}
