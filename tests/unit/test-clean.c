/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strings of messages without what cannot be seen: what goes, what honest text keeps, and that nothing slips
 * past the quick look.
 */
#include "rpc/clean.h"
#include "base/json-out.h"
#include "rpc/unicode.h"
#include "tests/tap.h"

#define S(text) { (text), sizeof(text) - 1 }

static const struct {
	struct span in, out;
	const char *what;
} cases[] = {
	{ S(""), S(""), "nothing" },
	{ S("plain\ttext\nin lines\r\n"), S("plain\ttext\nin lines\r\n"), "plain text, both kinds of lines" },
	{ S("10%\r20%"), S("10%\n20%"), "a carriage return by itself" },
	{ S("a\fb\vc\302\205d\342\200\250e\342\200\251f"), S("a\nb\nc\nd\ne\nf"), "separators of lines and pages" },
	{ S("a\0b\ac\bd\177e\302\215f"), S("abcdef"), "control characters" },
	{ S("\x1b[31mred\x1b[0m \x1b]8;;http://a\x1b\\link\x1b]8;;\a"), S("red link"), "escape sequences" },
	{ S("\302\233" "2Kx\302\235" "0;t\302\234y"), S("xy"), "escape sequences by C1 controls" },
	{ S("ig\342\200\213no\342\200\214re\342\200\215 \342\201\240th\357\273\277is\302\255"), S("ignore this"), "zero width in Latin words" },
	{ S("a\342\200\256b\342\200\254c\342\201\246d\342\201\251e\342\200\217f"), S("abcdef"), "text turned round" },
	{ S("a\363\240\201\241\363\240\201\242\363\240\201\277b"), S("ab"), "tags" },
	{ S("a\363\240\204\200\363\240\204\201b\357\270\201c"), S("abc"), "variation selectors" },
	{ S("a\343\205\244\341\205\237\357\276\240\342\240\200b"), S("a\342\240\200b"), "Hangul fillers; an empty Braille cell is printed" },
	/* emoji */
	{ S("\360\237\221\250\342\200\215\360\237\221\251\342\200\215\360\237\221\247"), S("\360\237\221\250\342\200\215\360\237\221\251\342\200\215\360\237\221\247"), "a family" },
	{ S("\342\235\244\357\270\217\342\200\215\360\237\224\245"), S("\342\235\244\357\270\217\342\200\215\360\237\224\245"), "a heart on fire" },
	{ S("1\357\270\217\342\203\243 #\357\270\217\342\203\243"), S("1\357\270\217\342\203\243 #\357\270\217\342\203\243"), "keycaps" },
	{ S("\360\237\217\264\363\240\201\247\363\240\201\242\363\240\201\263\363\240\201\243\363\240\201\264\363\240\201\277"),
	  S("\360\237\217\264\363\240\201\247\363\240\201\242\363\240\201\263\363\240\201\243\363\240\201\264\363\240\201\277"), "the flag of Scotland" },
	{ S("\360\237\217\264\363\240\201\263\363\240\201\245\363\240\201\263\363\240\201\255\363\240\201\245\363\240\201\277"), S("\360\237\217\264"), "a flag that is none" },
	{ S("\360\237\230\200\357\270\217\357\270\217\357\270\216"), S("\360\237\230\200\357\270\217"), "one selector a character" },
	{ S("\360\237\230\200\342\200\215\342\200\215\360\237\230\200"), S("\360\237\230\200\342\200\215\360\237\230\200"), "one joiner a place" },
	{ S("\360\237\230\200\342\200\215x"), S("\360\237\230\200x"), "a joiner that joins nothing" },
	{ S("x\357\270\217" "1\357\270\217"), S("x1"), "selectors behind letters and digits" },
	/* scripts */
	{ S("\331\205\333\214\342\200\214\330\256\331\210\330\247\331\207\331\205"), S("\331\205\333\214\342\200\214\330\256\331\210\330\247\331\207\331\205"), "Persian with a non-joiner" },
	{ S("\340\244\225\340\245\215\342\200\215\340\244\267"), S("\340\244\225\340\245\215\342\200\215\340\244\267"), "Devanagari with a joiner" },
	{ S("\331\205\342\200\214\342\200\214\342\200\215\331\205"), S("\331\205\342\200\214\331\205"), "one of them" },
	{ S("\327\251\327\234\327\225\327\235!\342\200\217 C\342\200\216"), S("\327\251\327\234\327\225\327\235! C"), "a direction mark away from letters" },
	{ S("\327\251\342\200\217 \342\200\216\327\251"), S("\327\251\342\200\217 \342\200\216\327\251"), "direction marks beside letters" },
	{ S("\341\236\234\342\200\213\341\236\203"), S("\341\236\234\342\200\213\341\236\203"), "Khmer words" },
	{ S("\330\200\333\235\327\221\315\217"), S("\330\200\333\235\327\221"), "signs that are printed" },
	{ S("\342\211\250\357\270\200 \346\274\242\357\270\200\345\255\227\363\240\204\200"), S("\342\211\250\357\270\200 \346\274\242\357\270\200\345\255\227"), "standardized variants" },
	{ S("d\303\251j\303\240 \346\261\211\345\255\227\357\274\214\343\201\213\343\201\252 \360\237\230\200 \342\200\234x\342\200\235 \342\200\246"),
	  S("d\303\251j\303\240 \346\261\211\345\255\227\357\274\214\343\201\213\343\201\252 \360\237\230\200 \342\200\234x\342\200\235 \342\200\246"), "text of the world" },
};

static struct span clean(struct buf *out, struct span text, struct clean_count *count)
{
	buf_clear(out);
	*count = (struct clean_count){ 0 };
	clean_text(out, text, count);
	return buf_span(out);
}

static void known_cases(void)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0), json = BUF_INIT(0);
	struct clean_count count;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct span got = clean(&out, cases[i].in, &count);
		is_mem(got.p, got.n, cases[i].out.p, cases[i].out.n, "%s", cases[i].what);
		ok((clean_total(&count) > 0) == !span_eq(cases[i].in, cases[i].out), "%s: counted", cases[i].what);
		buf_clear(&json);
		json_string(&json, cases[i].in);
		ok(clean_total(&count) == 0 || clean_suspect(buf_span(&json)), "%s: suspected", cases[i].what);
	}
	clean(&out, (struct span)S("a\1b\342\200\213c\342\200\256d\363\240\201\241e\fg"), &count);
	ok(count.control == 1 && count.invisible == 1 && count.direction == 1 && count.hidden_data == 1 && count.breaks == 1,
	   "counted by kind");
}

/*
 * Each character between letters and alone, raw and escaped: the quick look must not miss what the slow one
 * changes.
 */
static void all_characters(void)
{
	CLEANUP_BUF struct buf out = BUF_INIT(0), json = BUF_INIT(0);
	size_t missed = 0, dirty = 0, idle = 0, wrong = 0;
	struct clean_count count;

	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char text[8] = "a";
		if (code >= 0xd800 && code <= 0xdfff)
			continue;
		size_t n = 1 + unicode_encode(text + 1, code);
		text[n++] = 'b';
		struct span got = clean(&out, (struct span){ text, n }, &count);
		bool changed = clean_total(&count) > 0;
		bool printed = code == 0x6dd || code == 0x70f || (code >= 0x600 && code <= 0x605) || code == 0x890 ||
			       code == 0x891 || code == 0x8e2 || code == 0x110bd || code == 0x110cd;
		wrong += changed != (unicode_hidden(code) && !printed && code != '\n');
		/* ESC b and CSI b are whole sequences. */
		wrong += changed && !(span_is(got, "ab") || span_is(got, "a\nb")) && code != 0x1b && code != 0x9b;
		wrong += code != '\r' && span_is(got, "a\nb") != (changed && (code == 0x0b || code == 0x0c || code == 0x85 ||
									     code == 0x2028 || code == 0x2029)) && code != '\n';
		dirty += changed;

		buf_clear(&json);
		json_string(&json, (struct span){ text, n });
		missed += changed && !clean_suspect(buf_span(&json));
		idle += !changed && clean_suspect(buf_span(&json));
		buf_clear(&json);
		if (code < 0x10000)
			buf_printf(&json, "\"a\\u%04x\"", code);
		else
			buf_printf(&json, "\"a\\u%04X\\u%04X\"", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
		missed += changed && !clean_suspect(buf_span(&json));
		idle += !changed && clean_suspect(buf_span(&json));
	}
	is_int(missed, 0, "the quick look misses nothing");
	is_int(idle, 0, "and suspects no character that always stays");
	is_int(wrong, 0, "between Latin letters a character goes when it cannot be seen");
	is_int(dirty, 4272 - 1 - 13, "all of the table's but the newline and those that are printed");
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static const uint32_t alphabet[] = {
	'a', 'b', ' ', '\n', '\r', '\t', 0x1b, '[', ']', '\\', 'm', '0', 7, 0x9b, 0x9d, 0x9c, 0x85, 0xad, 0xe9, 0x300, 0x34f, 0x5d0,
	0x61c, 0x627, 0x6cc, 0x915, 0x94d, 0x1160, 0x115f, 0x1100, 0x1161, 0x1780, 0x1820, 0x180b, 0x200b, 0x200c, 0x200d, 0x200e,
	0x200f, 0x2028, 0x202e, 0x2060, 0x2066, 0x20e3, 0x2764, 0x4e00, 0xfe00, 0xfe0e, 0xfe0f, 0xfeff, 0x1f3f4, 0x1f600,
	0xe0067, 0xe0062, 0xe0065, 0xe006e, 0xe007f, 0xe0100,
};

/*
 * Random texts of what matters: the result is clean, is the same when cleaned again, and is what was there with
 * pieces missing.
 */
static void random_texts(void)
{
	CLEANUP_BUF struct buf in = BUF_INIT(0), once = BUF_INIT(0), twice = BUF_INIT(0);
	struct clean_count count;
	uint32_t state = 7;
	int unstable = 0, control_left = 0, grown = 0;

	for (int round = 0; round < 20000; round++) {
		buf_clear(&in);
		for (unsigned n = next_random(&state) % 24; n > 0; n--) {
			char text[4];
			uint32_t code = alphabet[next_random(&state) % (sizeof alphabet / sizeof *alphabet)];
			buf_append(&in, text, unicode_encode(text, code));
		}
		struct span first = clean(&once, buf_span(&in), &count);
		struct span second = clean(&twice, first, &count);
		unstable += !span_eq(first, second) || clean_total(&count) != 0;
		grown += first.n > in.n;
		for (size_t i = 0; i < first.n; i++) {
			uint8_t c = (uint8_t)first.p[i];
			bool line = c == '\n' || c == '\t' || (c == '\r' && i + 1 < first.n && first.p[i + 1] == '\n');
			control_left += (c < 0x20 && !line) || c == 0x7f;
		}
	}
	is_int(unstable, 0, "cleaning again changes nothing");
	is_int(control_left, 0, "no control character is left");
	is_int(grown, 0, "no text grows");
}

static void messages(void)
{
	static const char text[] = "{\"a\\u200bb\":1.50,\"list\":[\"x\",\"\\ud83d\\udE00\\u001b[1my\\uDB40\\udc41\",\"plain\"],"
				   "\"cursor\":\"o\\u200b\",\"e\":\"\303\251\342\200\213\\/\"}";
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	CLEANUP(tree_free) struct tree t = { 0 };
	CLEANUP(edit_free) struct edits e = { 0 };
	struct clean_count count = { 0 };

	is_int(tree_parse(&t, span_of(text), 0), TREE_OK, "a message");
	ok(clean_tree(&t, 0, false, &e, &count), "is cleaned");
	is_int(edit_apply(&e, span_of(text), &out), 0, "by edits");
	is_str(buf_str(&out), "{\"ab\":1.50,\"list\":[\"x\",\"\360\237\230\200y\",\"plain\"],\"cursor\":\"o\\u200b\",\"e\":\"\303\251/\"}",
	       "keys and values; the rest keeps its bytes");
	is_int(clean_total(&count), 7, "and counted");
	edit_clear(&e);
	buf_clear(&out);
	ok(clean_tree(&t, 0, true, &e, &count) && edit_apply(&e, span_of(text), &out) == 0, "keys only");
	ok(strncmp(buf_str(&out), "{\"ab\":1.50,", 11) == 0 && out.n == sizeof text - 1 - 6, "and nothing else");

	edit_clear(&e);
	tree_parse(&t, (struct span)S("[\"d\303\251j\303\240\\r\\n\\u00e9\\\"\\\\\",{\"k\":\"\342\200\224\"}]"), 0);
	ok(clean_tree(&t, 0, false, &e, &count) && !edit_any(&e), "clean strings are left alone");
}

int main(void)
{
	known_cases();
	all_characters();
	random_texts();
	messages();
	return done_testing();
}
