/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Searching with rules of every kind, in text that is whatever it is: hits are in order, within the text, at
 * characters' borders where the text is UTF-8, and a literal that stands there is found.
 */
#include "rpc/rules.h"
#include "rpc/unicode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *name, *literal, *pattern;
	uint32_t window;
} rows[] = {
	{ "plain", "walrus", "walrus", 32 },
	{ "near", "walrus", "wal.{0,8}\\bend\\b|\\w+", 16 },
	{ "behind", "rus e", "(?<=l)r.{0,300}?(?:a|aa)+$", 300 },
	{ "key", "key=", "(?i)key=[a-z0-9]{4,}", 64 },
	{ "wide", "\xd1\x81\xd0\xbb", "\xd1\x81\xd0\xbb\\p{L}+", 40 },
	{ "reset", "seal", "se\\Kal|x*", 8 },
};

static struct rules *make(void)
{
	struct rule_list list = { 0 };
	struct error err;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rule *rule = rule_list_add(&list);
		if (!rule)
			abort();
		rule->name = strdup(rows[i].name);
		rule->pattern = strdup(rows[i].pattern);
		rule->window = rows[i].window;
		strlist_add(&rule->literals, rows[i].literal);
	}
	struct rules *r = rules_compile(&list, NULL, 0, &err);
	rule_list_free(&list);
	return r;
}

static void require(bool good)
{
	if (!good)
		abort();
}

/* As the scanner lets it pass. */
static bool is_utf8(struct span text)
{
	uint32_t code;

	for (size_t i = 0, n; i < text.n; i += n)
		if ((n = unicode_decode((const uint8_t *)text.p + i, text.n - i, &code)) == 0)
			return false;
	return true;
}

static bool border(struct span text, size_t at)
{
	return at == text.n || ((uint8_t)text.p[at] & 0xc0) != 0x80;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rules *rules;
	static struct rule_hits hits;
	struct span text = { (const char *)data, size };

	if (!rules)
		rules = make();
	if (!rules)
		abort();
	if (!is_utf8(text))
		return 0;
	rule_hits_clear(&hits);
	require(rules_search(rules, RULE_RESULT, text, &hits) == 0);
	bool found = false;
	for (size_t i = 0; i < hits.n; i++) {
		const struct rule_hit *h = &hits.v[i];
		require(h->start < h->end && h->end <= size && (i == 0 || h[-1].start <= h->start));
		require(border(text, h->start) && border(text, h->end));
		found |= strcmp(rules_name(rules, h->rule), "plain") == 0;
	}
	require(found || size == 0 || !memmem(data, size, "walrus", 6));
	return 0;
}
