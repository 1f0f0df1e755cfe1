/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The format of the pins' files:
 *
 *	mcpcage pins 1
 *	generation NUMBER
 *	time SECONDS
 *	decided WORD NUMBER
 *	command TEXT
 *	closed KIND...
 *	items NUMBER
 *	item KIND STATE SHA256 LENGTH NAME      and behind it LENGTH bytes and a newline, for each item
 *	end SHA256                              of all before this line
 *
 * In names and the command, bytes that are not printable ASCII, blanks and '%' are written %XX. The file was written by us, but
 * the contents in it are a server's: they are counted, hashed and never read. What reads this may hold authority, so every field is
 * checked and nothing is guessed. Pure.
 */
#include "store/pins.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static const char head_line[] = "mcpcage pins 1";
static const char *const states[PIN_STATES] = { "seen", "reviewed", "new", "changed", "gone" };
static const char *const decisions[DECIDED_KINDS] = { "first-use", "review", "accepted", "rollback" };

const char *pin_state_name(enum pin_state state)
{
	return (unsigned)state < PIN_STATES ? states[state] : "?";
}

const char *pins_decided_name(enum pins_decided decided)
{
	return (unsigned)decided < DECIDED_KINDS ? decisions[decided] : "?";
}

void pins_free(struct pins *p)
{
	free(p->v);
	buf_free(&p->text);
	*p = (struct pins){ 0 };
}

struct pin *pins_add(struct pins *p, const struct pin *pin)
{
	if (p->n >= PINS_ITEMS)
		return NULL;
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 32;
		struct pin *grown = reallocarray(p->v, cap, sizeof *grown);
		if (!grown)
			return NULL;
		p->v = grown;
		p->cap = cap;
	}
	p->v[p->n] = *pin;
	return &p->v[p->n++];
}

struct pin *pins_find(const struct pins *p, enum item_kind kind, struct span name)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == kind && span_eq(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

void pins_remove(struct pins *p, struct pin *pin)
{
	size_t at = (size_t)(pin - p->v);

	memmove(pin, pin + 1, (p->n - at - 1) * sizeof *pin);
	p->n--;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static const char digits[] = "0123456789abcdef";

static void put_hex(struct buf *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_putc(out, digits[p[i] >> 4]);
		buf_putc(out, digits[p[i] & 15]);
	}
}

static bool plain(uint8_t c, bool blanks)
{
	return (c > ' ' || (blanks && c == ' ')) && c < 0x7f && c != '%';
}

static void put_text(struct buf *out, struct span text, bool blanks)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = (uint8_t)text.p[i];
		if (plain(c, blanks)) {
			buf_putc(out, (char)c);
		} else {
			buf_putc(out, '%');
			put_hex(out, &c, 1);
		}
	}
}

int pins_write(const struct pins *p, struct buf *out)
{
	size_t from = out->n;
	uint8_t sum[ITEM_HASH];

	buf_printf(out, "%s\ngeneration %llu\ntime %lld\ndecided %s %llu\ncommand%s", head_line,
		   (unsigned long long)p->generation, (long long)p->time, pins_decided_name(p->decided),
		   (unsigned long long)p->from, p->command[0] ? " " : "");
	put_text(out, span_of(p->command), true);
	buf_puts(out, "\nclosed");
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		if (p->closed[k])
			buf_printf(out, " %s", item_kind_name((enum item_kind)k));
	buf_printf(out, "\nitems %zu\n", p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct pin *pin = &p->v[i];
		buf_printf(out, "item %s %s ", item_kind_name(pin->kind), pin_state_name(pin->state));
		put_hex(out, pin->hash, ITEM_HASH);
		buf_printf(out, " %zu ", pin->content.n);
		put_text(out, pin->name, false);
		buf_putc(out, '\n');
		buf_append(out, pin->content.p, pin->content.n);
		buf_putc(out, '\n');
	}
	if (out->full)
		return -1;
	manifest_hash((struct span){ out->p + from, out->n - from }, sum);
	buf_puts(out, "end ");
	put_hex(out, sum, ITEM_HASH);
	buf_putc(out, '\n');
	return out->full ? -1 : 0;
}

/* ---- reading ---------------------------------------------------------------------------------- */

struct reader {
	char *p, *end;
	struct error *err;
};

static int bad(const struct reader *r, const char *what)
{
	return error_set(r->err, 0, "%s", what);
}

/* The rest of the line, terminated in place; NULL when there is no whole line. */
static char *line(struct reader *r)
{
	char *from = r->p, *newline = memchr(from, '\n', (size_t)(r->end - from));

	if (!newline || memchr(from, '\0', (size_t)(newline - from)))
		return NULL;
	*newline = '\0';
	r->p = newline + 1;
	return from;
}

/* The value of the line "WORD VALUE" (or "WORD"). */
static char *field(struct reader *r, const char *word)
{
	size_t n = strlen(word);
	char *text = line(r);

	if (!text || strncmp(text, word, n) != 0)
		return NULL;
	/* One blank and something, or nothing. */
	if (text[n] == ' ' && text[n + 1])
		return text + n + 1;
	return text[n] == '\0' ? text + n : NULL;
}

/* A number in its one form. */
static bool number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*out = v;
	return v <= max;
}

static int hex_digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool hex(const char *text, uint8_t *out, size_t n)
{
	if (strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Decode in place. false: not what put_text() writes. */
static bool text_value(char *text, bool blanks, struct span *out)
{
	char *to = text;
	uint8_t c;

	*out = (struct span){ text, 0 };
	for (char *from = text; *from; from++) {
		if (*from != '%') {
			if (!plain((uint8_t)*from, blanks))
				return false;
			*to++ = *from;
			continue;
		}
		if (!from[1] || !from[2])
			return false;
		int high = hex_digit(from[1]), low = hex_digit(from[2]);
		if (high < 0 || low < 0)
			return false;
		c = (uint8_t)(high << 4 | low);
		if (plain(c, blanks))
			return false;
		*to++ = (char)c;
		from += 2;
	}
	out->n = (size_t)(to - text);
	return true;
}

static unsigned word_of(const char *const *words, unsigned n, const char *word)
{
	unsigned i = 0;

	while (i < n && strcmp(words[i], word) != 0)
		i++;
	return i;
}

/* The next word of *TEXT, terminated in place. */
static char *word(char **text)
{
	return strsep(text, " ");
}

static int closed(struct reader *r, char *text, struct pins *p)
{
	unsigned from = 0;

	if (!*text)
		return 0;
	for (char *name = word(&text); name; name = word(&text)) {
		enum item_kind kind = item_kind_parse(name);
		if (kind == ITEM_KINDS || kind < from)
			return bad(r, "a kind of items that is unknown, or out of order");
		p->closed[kind] = true;
		from = kind + 1;
	}
	return 0;
}

static int header(struct reader *r, struct pins *p, uint64_t *items)
{
	struct span command;
	uint64_t time;
	char *text = line(r);

	if (!text || strcmp(text, head_line) != 0)
		return bad(r, "its first line is not the one of a file of pins of this version");
	text = field(r, "generation");
	if (!text || !number(text, UINT32_MAX, &p->generation))
		return bad(r, "no generation");
	text = field(r, "time");
	if (!text || !number(text, INT64_MAX, &time))
		return bad(r, "no time");
	p->time = (int64_t)time;
	text = field(r, "decided");
	char *decided = text ? word(&text) : NULL;
	p->decided = decided ? (enum pins_decided)word_of(decisions, DECIDED_KINDS, decided) : DECIDED_KINDS;
	if (p->decided == DECIDED_KINDS || !text || !number(text, UINT32_MAX, &p->from))
		return bad(r, "nothing about how it was decided");
	text = field(r, "command");
	if (!text || !text_value(text, true, &command) || command.n >= sizeof p->command || memchr(command.p, '\0', command.n))
		return bad(r, "no command");
	memcpy(p->command, command.p, command.n);
	p->command[command.n] = '\0';
	text = field(r, "closed");
	if (!text)
		return bad(r, "nothing about which lists are closed");
	if (closed(r, text, p) < 0)
		return -1;
	text = field(r, "items");
	if (!text || !number(text, PINS_ITEMS, items))
		return bad(r, "no number of items");
	return 0;
}

static int item(struct reader *r, struct pins *p)
{
	char *text = field(r, "item");
	char *kind = text ? word(&text) : NULL, *state = text ? word(&text) : NULL, *hash = text ? word(&text) : NULL;
	char *length = text ? word(&text) : NULL;
	struct pin pin = { 0 };
	uint64_t n;
	uint8_t sum[ITEM_HASH];

	if (!text || !kind || !state || !hash || !length)
		return bad(r, "an item that is cut off");
	pin.kind = item_kind_parse(kind);
	pin.state = (enum pin_state)word_of(states, PIN_STATES, state);
	if (pin.kind == ITEM_KINDS || pin.state == PIN_STATES || !hex(hash, pin.hash, ITEM_HASH) ||
	    !number(length, ITEM_CONTENT_MAX, &n) || !text_value(text, false, &pin.name) || pin.name.n > ITEM_NAME_MAX)
		return bad(r, "an item that cannot be");
	if ((size_t)(r->end - r->p) <= n || r->p[n] != '\n')
		return bad(r, "an item's content is cut off");
	pin.content = (struct span){ r->p, (size_t)n };
	r->p += n + 1;
	manifest_hash(pin.content, sum);
	if (pin.state != PIN_GONE && memcmp(sum, pin.hash, sizeof sum) != 0)
		return bad(r, "an item that its hash does not fit");
	return pins_add(p, &pin) ? 0 : error_oom(r->err);
}

/* The last line says what all before it has to be. */
static int check_sum(struct reader *r)
{
	const size_t tail = strlen("end ") + (size_t)2 * ITEM_HASH + 1;
	uint8_t want[ITEM_HASH], sum[ITEM_HASH];
	char text[2 * ITEM_HASH + 1];

	if ((size_t)(r->end - r->p) < tail || r->end[-1] != '\n' || memcmp(r->end - tail, "end ", 4) != 0)
		return bad(r, "it is cut off");
	memcpy(text, r->end - 1 - (size_t)2 * ITEM_HASH, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	manifest_hash((struct span){ r->p, (size_t)(r->end - r->p) - tail }, sum);
	if (memchr(text, '\0', sizeof text - 1) || !hex(text, want, ITEM_HASH) || memcmp(sum, want, sizeof sum) != 0)
		return bad(r, "it is not what was written");
	r->end -= tail;
	return 0;
}

int pins_parse(struct buf *text, struct pins *p, struct error *err)
{
	struct reader r = { .err = err };
	uint64_t items = 0;

	p->text = *text;
	*text = (struct buf){ .max = text->max };
	if (p->text.n == 0)
		return error_set(err, 0, "it is empty");
	r.p = p->text.p;
	r.end = p->text.p + p->text.n;
	if (check_sum(&r) < 0 || header(&r, p, &items) < 0)
		return -1;
	for (uint64_t i = 0; i < items; i++)
		if (item(&r, p) < 0)
			return -1;
	return r.p == r.end ? 0 : bad(&r, "there is more in it than it says");
}
