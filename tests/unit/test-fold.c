/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text as the rules read it: what becomes of letters, and that every place in a reading leads back to the right
 * character.
 */
#include "rpc/fold.h"
#include "rpc/unicode.h"
#include "tests/tap.h"

#define S(text) ((struct span){ (text), sizeof(text) - 1 })

static void folds(struct span text, const char *want, const char *what)
{
	struct fold f = { 0 };

	bool any = fold_characters(&f, text);
	is_str(any ? buf_str(&f.text) : NULL, want, "%s", what);
	fold_free(&f);
}

static void closes(struct span text, const char *want, const char *what)
{
	struct fold f = { 0 };

	bool any = fold_spaced(&f, text);
	is_str(any ? buf_str(&f.text) : NULL, want, "%s", what);
	fold_free(&f);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Long random texts: the byte of the reading at each place is made of the character it leads back to. */
static void places(void)
{
	static const uint32_t alphabet[] = { 'a', 'b', ' ', '-', '\n', 0xe9, 0x301, 0x430, 0x4e00, 0x3000, 0xff41, 0xfb03, 0x1d400, 0x200b, 0x1f600 };
	uint32_t state = 3;
	size_t wrong = 0, places = 0;

	for (int round = 0; round < 60; round++) {
		struct fold f = { 0 };
		CLEANUP_BUF struct buf in = BUF_INIT(0);
		for (unsigned n = next_random(&state) % 3000; n > 0; n--) {
			char text[4];
			bool rare = round % 3 == 0 && next_random(&state) % 512 != 0;
			buf_append(&in, text, unicode_encode(text, rare ? 'x' : alphabet[next_random(&state) % (sizeof alphabet / sizeof *alphabet)]));
		}
		struct span text = buf_span(&in);
		if (fold_characters(&f, text)) {
			size_t before = 0;
			for (size_t at = 0; at < f.text.n; at++, places++) {
				size_t from = fold_origin(&f, text, at), end = fold_origin_end(&f, text, at);
				struct fold one = { 0 };
				struct span c = { text.p + from, end - from };
				bool changed = end <= text.n && fold_characters(&one, c);
				struct span made = changed ? buf_span(&one.text) : c;
				wrong += from < before || from >= end || !memchr(made.p, f.text.p[at], made.n);
				before = from;
				fold_free(&one);
			}
		}
		fold_free(&f);
	}
	is_int(wrong, 0, "%zu places of folded texts lead back", places);

	wrong = places = 0;
	for (int round = 0; round < 300; round++) {
		struct fold f = { 0 };
		CLEANUP_BUF struct buf in = BUF_INIT(0);
		for (unsigned n = next_random(&state) % 1200; n > 0; n--)
			buf_putc(&in, "abc def - -"[next_random(&state) % 11]);
		buf_puts(&in, " w o r d s ");
		struct span text = buf_span(&in);
		if (fold_spaced(&f, text)) {
			size_t before = 0;
			for (size_t at = 0; at < f.text.n; at++, places++) {
				size_t from = fold_origin(&f, text, at);
				wrong += text.p[from] != f.text.p[at] || (at > 0 && from <= before) || fold_origin_end(&f, text, at) != from + 1;
				before = from;
			}
		} else {
			wrong++;
		}
		fold_free(&f);
	}
	is_int(wrong, 0, "%zu places of closed-up texts lead back", places);
}

int main(void)
{
	folds(S("plain ASCII"), NULL, "ASCII has nothing to fold");
	folds(S("\346\261\211\345\255\227 \360\237\230\200"), NULL, "nor have other scripts");
	folds(S("d\303\251j\303\240 V\303\234"), "deja VU", "letters without their accents");
	folds(S("e\314\201\342\200\213x"), "ex", "accents by themselves and what cannot be seen");
	folds(S("\357\274\241\357\275\202\357\274\221\357\274\237\343\200\200"), "Ab1? ", "full width");
	folds(S("\360\235\220\200\360\235\220\232\360\235\237\216\360\235\232\205\360\235\231\201"), "Aa0VF", "mathematical letters");
	folds(S("\342\223\220\342\222\266\342\222\234\360\237\204\260\360\237\205\260\360\237\207\246"), "aAaAAA", "circled, squared and flag letters");
	folds(S("\321\200\320\260\321\203\321\200\320\260l \316\277\316\273"), "paypal o\316\273", "Cyrillic and Greek look-alikes");
	folds(S("\312\200\311\252\311\242\312\234\341\264\233"), "right", "small capitals");
	folds(S("\342\200\234x\342\200\235 \342\200\231 \342\200\224 \302\240y"), "\"x\" ' -  y", "quotes, dashes and spaces");
	folds(S("con\357\254\201dential"), "confidential", "ligatures");

	closes(S("i g n o r e this"), "ignore this", "letters with a space between");
	closes(S("i g n o r e   a l l   r u l e s"), "ignore   a l l   rules", "words of five letters and more");
	closes(S("x.p-r-o-m-p-t.y"), "x.prompt.y", "other signs");
	closes(S("a b c d"), NULL, "four letters are none");
	closes(S("a b c d e"), "abcde", "five are");
	closes(S("a b-c d-e f"), NULL, "with the same sign");
	closes(S("1 2 3 4 5 6 7 8"), NULL, "of letters");
	closes(S("i g n o r each"), "ignor each", "an ordinary word behind it");
	closes(S("words i g n o r e"), "words ignore", "one before it");
	places();
	return done_testing();
}
