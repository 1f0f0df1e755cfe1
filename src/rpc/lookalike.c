/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names that can be mistaken for each other: "read_file" and "rеad_file" with a Cyrillic letter, or "read-file", or with a
 * zero-width space in it. A tool of such a name is offered to be called in place of another one, so review shows it.
 *
 * Not the whole of Unicode's confusables (UTS #39), but what can pass for ASCII, in which the names of tools are written:
 * compatibility forms, Latin letters with marks, Cyrillic and Greek letters, separators. A false alarm costs a glance. Pure.
 */
#include "rpc/manifest.h"

#include "base/sort.h"
#include "rpc/text.h"

#include <stdlib.h>
#include <string.h>

/* From these code points on, each ASCII letter stands for one; '.' is no lookalike. */
static const struct {
	uint32_t first;
	const char *to;
} rows[] = {
	{ 0x00c0, "aaaaaaaceeeeiiiidnooooo.ouuuuypbaaaaaaaceeeeiiiidnooooo.ouuuuypy" },
	{ 0x0100, "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll" },
	{ 0x0140, "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs" },
	{ 0x0250, "aaabocddee.e.....ggy..h.iiilll.m.mnnno...r.rrrr.r.s.....tu.v...y" },
	{ 0x0290, "z........b..h..l" },
	{ 0x0370, "......................a.ehi.o.y.iab..ezh.ik.mn.o.p..ty.x..iyaeni" },
	{ 0x03b0, "uaby.e.n.ik..v.o.p.otu.x.wiuouw.b.yyy" },
	{ 0x03f0, "kpcj.e...c" },
	{ 0x0400, "ee...siij...k.y.a.b..e.z..k.mho.pcty.x......b...a.br.e.z..k.mhon" },
	{ 0x0440, "pcty.x......b...eehr.siij..hk.y.ww..................vvvv" },
	{ 0x0480, ".................r.....x..kk.k...khh......ccttyyyyxx......hh.e" },
	{ 0x04c0, "l..............laaaaaaee......zz......oooooo..yyyyyy" },
	{ 0x0500, "dd.......n..gg..ee........qqww........h........h" },
	{ 0x2010, "______" },
};

static uint32_t fold(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e)
		c -= 0xff01 - 0x21;
	else if (c >= 0x1d400 && c <= 0x1d6a3) /* mathematical letters: 26 large, 26 small, again and again */
		c = "abcdefghijklmnopqrstuvwxyz"[(c - 0x1d400) % 26];
	else if (c >= 0x1d7ce && c <= 0x1d7ff)
		c = '0' + (c - 0x1d7ce) % 10;
	else if (c == 0x2212 || c == 0xfe58 || c == 0xfe63 || c == 0x00a0 || c == 0x3000)
		c = '_';
	for (size_t i = 0; c >= 0x80 && i < sizeof rows / sizeof rows[0]; i++)
		if (c >= rows[i].first && c - rows[i].first < strlen(rows[i].to) && rows[i].to[c - rows[i].first] != '.')
			c = (uint8_t)rows[i].to[c - rows[i].first];
	if (c >= 'A' && c <= 'Z')
		c |= 0x20;
	switch (c) {
	case '0':
		return 'o';
	case '1':
	case 'i':
	case '|':
		return 'l';
	case '-':
	case '.':
	case '/':
	case ' ':
		return '_';
	default:
		return c;
	}
}

/* The next code point of valid UTF-8, which text_clean() has made. */
static uint32_t next(const uint8_t **p, const uint8_t *end)
{
	uint32_t c = *(*p)++;
	unsigned more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more)
		c &= 0x3fU >> more;
	while (more-- > 0 && *p < end)
		c = c << 6 | (*(*p)++ & 0x3f);
	return c;
}

static void put(struct buf *out, size_t from, uint32_t c)
{
	char last = out->n > from ? out->p[out->n - 1] : '\0';

	if (c == 'n' && last == 'r') {
		out->p[out->n - 1] = 'm';
	} else if (c == 'v' && last == 'v') {
		out->p[out->n - 1] = 'w';
	} else if (c < 0x80) {
		buf_putc(out, (char)c);
	} else {
		const char bytes[3] = { (char)(c >> 16), (char)(c >> 8), (char)c };
		buf_append(out, bytes, sizeof bytes);
	}
}

void manifest_skeleton(struct span name, struct buf *out)
{
	CLEANUP_BUF struct buf clean = BUF_INIT(0);
	size_t from = out->n;

	(void)text_clean(&clean, name);
	const uint8_t *p = (const uint8_t *)clean.p, *end = p + clean.n;
	while (p < end)
		put(out, from, fold(next(&p, end)));
}

struct row {
	enum item_kind kind;
	uint32_t number;
	size_t at, n;
};

static int by_skeleton(const void *a, const void *b, void *text)
{
	const struct row *x = a, *y = b;
	const char *base = ((const struct buf *)text)->p;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	int order = x->n ? memcmp(base + x->at, base + y->at, x->n) : 0;
	if (order != 0)
		return order;
	return x->number < y->number ? -1 : x->number > y->number;
}

int manifest_alike(const struct manifest *m, uint32_t *alike)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	size_t n = manifest_count(m);
	CLEANUP_FREE struct row *v = calloc(n + 1, sizeof *v);

	if (!v)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct item *item = manifest_item(m, i);
		alike[i] = UINT32_MAX;
		v[i] = (struct row){ .kind = item->kind, .number = (uint32_t)i, .at = text.n };
		manifest_skeleton(item->name, &text);
		v[i].n = text.n - v[i].at;
	}
	if (text.full)
		return -1;
	sort_in_place(v, n, sizeof *v, by_skeleton, &text);
	for (size_t i = 1; i < n; i++) {
		struct row *x = &v[i - 1], *y = &v[i];
		if (x->kind != y->kind || x->n != y->n || x->n == 0 || memcmp(text.p + x->at, text.p + y->at, x->n) != 0)
			continue;
		alike[y->number] = x->number;
		if (alike[x->number] == UINT32_MAX)
			alike[x->number] = y->number;
	}
	return 0;
}
