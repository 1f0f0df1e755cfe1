/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text without what cannot be seen: what goes, what stays, and that it costs no more than its length. */
#include "rpc/text.h"
#include "tests/tap.h"

#include <time.h>

#define S(text) { (text), sizeof(text) - 1 }

static const struct {
	struct span in, out;
	size_t removed;
	const char *what;
} cases[] = {
	{ S(""), S(""), 0, "nothing" },
	{ S("plain, with\ta tab"), S("plain, with\ta tab"), 0, "plain text" },
	{ S("h\303\251llo \346\261\211\345\255\227 \360\237\230\200"), S("h\303\251llo \346\261\211\345\255\227 \360\237\230\200"), 0, "text of the world" },
	{ S("a\302\240b"), S("a\302\240b"), 0, "a no-break space" },
	{ S("a\rb\nc\0d\ae\bf"), S("abcdef"), 5, "C0 controls" },
	{ S("a\177b"), S("ab"), 1, "DEL" },
	{ S("a\302\205b\302\215c"), S("abc"), 2, "C1 controls" },
	{ S("\x1b[31mred\x1b[0m"), S("red"), 9, "colours" },
	{ S("\x1b[2J\x1b[1;1Hx"), S("x"), 10, "clearing the screen" },
	{ S("\x1b[?25lx\x1b[>1 qy"), S("xy"), 12, "private sequences" },
	{ S("\302\233" "31mred"), S("red"), 4, "a sequence by its C1 control" },
	{ S("\x1b]0;title\ax"), S("x"), 10, "a title, ended by BEL" },
	{ S("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\"), S("link"), 22, "a link, ended by ST" },
	{ S("\302\235" "0;t\302\234x"), S("x"), 5, "a title by C1 controls" },
	{ S("\x1bP1$r\x1b\\x"), S("x"), 7, "a device control string" },
	{ S("\x1b]0;no end"), S("0;no end"), 2, "a title without end hides nothing" },
	{ S("\x1b]0;a\x1b[1mb"), S("0;ab"), 6, "another sequence ends it" },
	{ S("\x1b]0;a\nb\a"), S("0;ab"), 4, "so does the end of a line" },
	{ S("\x1b]\x1b]0;t\ax"), S("x"), 8, "a beginning in front of a whole one" },
	{ S("\x1b(Bx\x1b=y\x1b" "cz"), S("xyz"), 7, "other sequences" },
	{ S("x\x1b"), S("x"), 1, "an escape at the end" },
	{ S("x\x1b["), S("x"), 2, "an introducer at the end" },
	{ S("x\x1b[31"), S("x"), 4, "parameters at the end" },
	{ S("\x1b[3\303\251"), S("\303\251"), 3, "a sequence cut by text" },
	{ S("a\342\200\213b\342\200\217c"), S("abc"), 2, "zero width" },
	{ S("a\342\200\256b\342\201\246c"), S("abc"), 2, "text turned round" },
	{ S("a\342\200\250b\342\200\251c"), S("abc"), 2, "line and paragraph separators" },
	{ S("a\357\273\277b"), S("ab"), 1, "a byte order mark" },
	{ S("a\302\255b"), S("ab"), 1, "a soft hyphen" },
	{ S("a\341\240\216b"), S("ab"), 1, "a Mongolian vowel separator" },
	{ S("a\363\240\201\201\363\240\200\240b"), S("ab"), 2, "tags" },
	{ S("a\363\240\204\200b\357\270\217c"), S("abc"), 2, "variation selectors" },
	{ S("a\343\205\244b"), S("ab"), 1, "a Hangul filler" },
	{ S("\377"), S("\357\277\275"), 1, "an invalid byte" },
	{ S("a\300\257b"), S("a\357\277\275\357\277\275b"), 2, "an overlong sequence" },
	{ S("a\355\240\200b"), S("a\357\277\275\357\277\275\357\277\275b"), 3, "a surrogate" },
	{ S("a\342\202"), S("a\357\277\275\357\277\275"), 2, "a sequence cut at the end" },
	{ S("\233" "31mx"), S("\357\277\275" "31mx"), 1, "a C1 byte by itself" },
	{ S("\357\277\275"), S("\357\277\275"), 0, "U+FFFD itself" },
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* UNIT over and over. */
static void linear(struct span unit, const char *what)
{
	CLEANUP_BUF struct buf in = BUF_INIT(0), out = BUF_INIT(0);

	while (in.n < 1 << 20)
		buf_append(&in, unit.p, unit.n);
	/* Told, not judged; what is worse than linear runs into the alarm. */
	double start = seconds();
	alarm(100);
	text_clean(&out, buf_span(&in));
	alarm(0);
	ok(!out.full && out.n <= 3 * in.n, "1 MiB of %s: %.3f s", what, seconds() - start);
}

static size_t encode(char *to, uint32_t code)
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(n == 1 ? code : (0xf00u >> n & 0xf0) | code);
	return n;
}

/* Every character there is, alone. */
static void all_characters(void)
{
	/* The edges of the tables of Unicode 15 (Cc but tab, Cf, Zl, Zp, Default_Ignorable_Code_Point). */
	static const uint32_t stay[] = {
		0x09, 0x20, 0x7e, 0xa0, 0xac, 0xae, 0x34e, 0x350, 0x5ff, 0x606, 0x61b, 0x61d, 0x115e, 0x1161, 0x180a, 0x1810,
		0x200a, 0x2010, 0x2027, 0x202f, 0x205f, 0x2070, 0x3163, 0x3165, 0xfdff, 0xfe10, 0xfefe, 0xff00, 0xffef, 0xfffc,
		0x1342f, 0x13440, 0x1d172, 0x1d17b, 0xdffff, 0xe1000, 0x10ffff,
	};
	size_t gone = 0, wrong = 0;

	for (uint32_t code = 0, next = 0; code <= 0x10ffff; code++) {
		CLEANUP_BUF struct buf out = BUF_INIT(0);
		char text[4];
		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		size_t n = encode(text, code), removed = text_clean(&out, (struct span){ text, n });
		gone += removed;
		wrong += removed ? removed != 1 || out.n != 0 : out.n != n || memcmp(out.p, text, n) != 0;
		if (next < sizeof stay / sizeof *stay && stay[next] == code) {
			wrong += removed != 0;
			next++;
		}
	}
	is_int(wrong, 0, "each character stays as it is or goes");
	is_int(gone, 4272, "as many go as the tables of Unicode 15 have");
}

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CLEANUP_BUF struct buf out = BUF_INIT(0), again = BUF_INIT(0);
		size_t removed = text_clean(&out, cases[i].in);
		is_mem(out.p, out.n, cases[i].out.p, cases[i].out.n, "%s", cases[i].what);
		is_int(removed, cases[i].removed, "%s: how many", cases[i].what);
		is_int(text_clean(&again, buf_span(&out)), 0, "%s: the second time nothing is left to remove", cases[i].what);
	}

	/* At every place in the runs that are looked at as words. */
	int wrong = 0;
	for (size_t at = 0; at < 40; at++) {
		for (int byte = 0; byte < 256; byte++) {
			CLEANUP_BUF struct buf out = BUF_INIT(0);
			char text[40];
			memset(text, 'x', sizeof text);
			text[at] = (char)byte;
			size_t removed = text_clean(&out, (struct span){ text, sizeof text });
			/* An escape takes the letter behind it, too, as its final byte. */
			bool stays = (byte >= 0x20 && byte < 0x7f) || byte == '\t';
			size_t want = stays ? 0 : byte == 0x1b && at < 39 ? 2 : 1;
			size_t left = byte >= 0x80 ? 42 : 40 - want;
			wrong += removed != want || out.n != left;
		}
	}
	is_int(wrong, 0, "every byte at every place");

	all_characters();
	linear((struct span)S("\x1b]"), "titles that begin");
	linear((struct span)S("\302\235"), "titles that begin by a C1 control");
	linear((struct span)S("\302\220x"), "device control strings that begin");
	linear((struct span)S("\x1b["), "sequences that begin");
	linear((struct span)S("\x1b[1"), "sequences that go on");
	linear((struct span)S("\377"), "invalid bytes");
	return done_testing();
}
