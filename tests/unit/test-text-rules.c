/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules over texts: the shipped ones by their own examples; that what is found through literals and windows is
 * what the expression finds by itself; readings of disguised text; limits; and files that are refused.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/buf.h"
#include "rpc/rules.h"
#include "store/rulefiles.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <pcre2.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct rule_list shipped;

static const char *tell(const struct rules *r, const struct rule_hits *h)
{
	static char text[2000];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < h->n && n < sizeof text - 200; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %zu-%zu%s", i ? ", " : "", rules_name(r, h->v[i].rule), h->v[i].start,
				      h->v[i].end, h->v[i].limit ? " limit" : "");
	return text;
}

static bool has(const struct rules *r, const struct rule_hits *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(rules_name(r, h->v[i].rule), name) == 0)
			return true;
	return false;
}

static void load_shipped(void)
{
	struct mediation m = { 0 };
	struct error err = { 0 };
	char folder[4096];

	snprintf(folder, sizeof folder, "%s/profiles/rules", getenv("top_srcdir") ? getenv("top_srcdir") : ".");
	strlist_add(&m.rule_folders, folder);
	strlist_add(&m.rule_folders, "/nonexistent/rules");
	if (!ok(rulefiles_load(&m, geteuid(), true, &shipped, &err) == 0, "the shipped rules are read"))
		bail_out("%s", err.what);
	strlist_free(&m.rule_folders);
	ok(shipped.n >= 30, "there are %zu", shipped.n);
}

/* Each rule finds what it is said to find, wherever it looks, and not what it is said not to. */
static void examples(void)
{
	struct error err = { 0 };
	struct rules *r = rules_compile(&shipped, NULL, 0, &err);
	struct rule_hits hits = { 0 };

	if (!ok(r != NULL, "the shipped rules compile"))
		bail_out("%s", err.what);
	for (size_t i = 0; i < shipped.n; i++) {
		const struct rule *rule = &shipped.v[i];
		int missed = 0, wrong = 0;
		ok(rule->hits.n > 0 && rule->misses.n > 0, "%s has examples", rule->name);
		for (unsigned where = 1; where & RULE_ANYWHERE; where <<= 1) {
			for (size_t k = 0; k < rule->hits.n; k++) {
				rule_hits_clear(&hits);
				rules_search(r, where, span_of(rule->hits.v[k]), &hits);
				if (has(r, &hits, rule->name) != ((rule->where & where) != 0)) {
					missed++;
					diag("%s: %s", rule->name, rule->hits.v[k]);
				}
			}
			for (size_t k = 0; k < rule->misses.n; k++) {
				rule_hits_clear(&hits);
				rules_search(r, where, span_of(rule->misses.v[k]), &hits);
				if (has(r, &hits, rule->name)) {
					wrong++;
					diag("%s: %s: %s", rule->name, rule->misses.v[k], tell(r, &hits));
				}
			}
		}
		is_int(missed, 0, "%s finds its examples, where it looks and nowhere else", rule->name);
		is_int(wrong, 0, "%s leaves its other examples alone", rule->name);
	}
	rule_hits_free(&hits);
	rules_free(r);
}

static struct rule *add(struct rule_list *list, const char *name, const char *literal, const char *pattern)
{
	struct rule *rule = rule_list_add(list);

	rule->name = strdup(name);
	rule->pattern = strdup(pattern);
	strlist_add(&rule->literals, literal);
	return rule;
}

static struct rules *compile(struct rule_list *list)
{
	struct error err = { 0 };
	struct rules *r = rules_compile(list, NULL, 0, &err);

	if (!r)
		bail_out("%s", err.what);
	return r;
}

/* LIST's rules over TEXT, as tell() has it. */
static void finds(struct rule_list *list, const char *text, const char *want, const char *what)
{
	struct rules *r = compile(list);
	struct rule_hits hits = { 0 };

	is_int(rules_search(r, RULE_RESULT, span_of(text), &hits), 0, "%s: searched", what);
	is_str(tell(r, &hits), want, "%s", what);
	rule_hits_free(&hits);
	rules_free(r);
	rule_list_free(list);
}

static void readings(void)
{
	struct rule_list l = { 0 };

	add(&l, "a", "word", "w[o0]rd");
	finds(&l, "a WORD and w0rd", "a 2-6, a 11-15", "case does not matter, and every match in the window counts");
	add(&l, "a", "word", "word")->exact = true;
	finds(&l, "a WORD", "", "unless the rule says so");
	add(&l, "a", "word", "word");
	finds(&l, "x w\303\266rd \357\275\227\357\275\217\357\275\222\357\275\204 y", "a 2-7, a 8-20", "letters that stand for others, at their places");
	add(&l, "a", "word", "word");
	finds(&l, "x w\342\200\213o\314\201rd\342\200\213 y", "a 2-11", "accents and zero width inside a word");
	add(&l, "a", "secret", "secret");
	finds(&l, "the s e c r e t is", "a 4-15", "spaced out");
	add(&l, "a", "secret", "secret");
	finds(&l, "\303\251 s-\303\251-c-r-e-t.", "a 3-15", "spaced out and in disguise");
	add(&l, "a", "secret", "secret");
	finds(&l, "a b c d; s.e c.r e.t", "", "not any letters");
	add(&l, "a", "\321\201\320\273\320\276\320\262\320\276", "\321\201\320\273\320\276\320\262\320\276");
	finds(&l, "\320\270 \321\201\320\273\320\276\320\262\320\276 \320\270", "a 3-13", "rules in other scripts read the text itself");
	add(&l, "a", "word", "(?<=\\w)word");
	finds(&l, "sword word", "a 1-5", "looking behind sees what is there");
	add(&l, "a", "word", "word$");
	finds(&l, "word word", "a 5-9", "the end is the text's");
	add(&l, "a", "word", "[^ ]\\S{0,3}word");
	finds(&l, "\346\261\211word", "a 0-7", "hits end between characters");
}

static void windows(void)
{
	struct rule_list l = { 0 };
	char text[4000];

	memset(text, '.', sizeof text);
	text[sizeof text - 1] = '\0';
	memcpy(text + 1000, "near", 4);
	memcpy(text + 1100, "target", 6);
	memcpy(text + 1900, "target", 6);
	add(&l, "a", "near", "target")->window = 200;
	finds(&l, text, "a 1100-1106", "a window ends");
	memcpy(text + 1300, "near", 4);
	memcpy(text + 1600, "near", 4);
	memcpy(text + 1800, "near", 4);
	add(&l, "a", "near", "target")->window = 200;
	finds(&l, text, "a 1100-1106, a 1900-1906", "windows that touch become one");
	add(&l, "a", "near", "target.{790}target")->window = 200;
	finds(&l, text, "", "what is longer than its windows is not found");
	add(&l, "a", "near", "target.{794}target")->window = 350;
	finds(&l, text, "a 1100-1906", "what fits into them is");
}

static void limits(void)
{
	struct rule_list l = { 0 };
	char text[400];

	/* An expression that tries everything. */
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	memcpy(text, "word", 4);
	memcpy(text + sizeof text - 3, "cb", 2);
	add(&l, "a", "word", "(?:a|aa|a?a)+b")->window = 600;
	struct rules *slow = compile(&l);
	struct rule_hits given_up = { 0 };
	rules_interpret(slow);
	rules_search(slow, RULE_RESULT, span_of(text), &given_up);
	is_str(tell(slow, &given_up), "a 0-399 limit", "interpreted, work without end is a hit of its own kind");
	rules_free(slow);
	rule_hits_free(&given_up);
	finds(&l, text, "a 0-399 limit", "work without end is a hit of its own kind");

	CLEANUP_BUF struct buf many = BUF_INIT(0);
	for (int i = 0; i < 6000; i++)
		buf_puts(&many, "word ");
	add(&l, "a", "word", "word");
	struct rules *r = compile(&l);
	struct rule_hits hits = { 0 };
	is_int(rules_search(r, RULE_RESULT, buf_span(&many), &hits), 0, "many hits");
	is_int(hits.n, RULE_HITS_MAX + 1, "are kept up to a number");
	ok(hits.v[hits.n - 1].limit && hits.v[hits.n - 1].end == many.n, "the rest is one to the end");
	rule_hits_free(&hits);
	rules_free(r);
	rule_list_free(&l);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Every match of CODE in TEXT, as marks. */
static void by_itself(pcre2_code *code, struct span text, char *marks)
{
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	size_t at = 0;

	while (pcre2_match(code, (PCRE2_SPTR)text.p, text.n, at, PCRE2_NOTEMPTY, match, NULL) >= 0) {
		const PCRE2_SIZE *place = pcre2_get_ovector_pointer(match);
		memset(marks + place[0], 1, place[1] - place[0]);
		at = place[1];
	}
	pcre2_match_data_free(match);
}

/*
 * Random texts of pieces of the shipped rules' literals and examples: with windows wider than the text, a rule
 * finds what its expression finds by itself in a text that has one of its literals.
 */
static void agree(bool jit)
{
	struct rule_list list = shipped; /* its windows are changed and put back */
	uint32_t old[64], state = 11;
	size_t differ = 0, found = 0, searched = 0;
	pcre2_code *codes[64];
	struct rule_hits hits = { 0 };

	if (list.n > 64)
		bail_out("more rules than this test has room for");
	for (size_t i = 0; i < list.n; i++) {
		int number;
		PCRE2_SIZE at;
		old[i] = list.v[i].window;
		list.v[i].window = RULE_WINDOW_MAX;
		codes[i] = pcre2_compile((PCRE2_SPTR)list.v[i].pattern, PCRE2_ZERO_TERMINATED,
					 PCRE2_NO_AUTO_CAPTURE | PCRE2_DOTALL | (list.v[i].exact ? 0 : PCRE2_CASELESS), &number, &at, NULL);
	}
	struct rules *r = compile(&list);
	if (!jit)
		rules_interpret(r);
	for (int round = 0; round < (jit ? 3000 : 500); round++) {
		CLEANUP_BUF struct buf text = BUF_INIT(0);
		for (unsigned n = 1 + next_random(&state) % 12; n > 0; n--) {
			const struct rule *rule = &list.v[next_random(&state) % list.n];
			const struct strlist *from = next_random(&state) % 2 ? &rule->literals : next_random(&state) % 4 ? &rule->hits : &rule->misses;
			const char *piece = from->v[next_random(&state) % from->n];
			size_t length = strlen(piece), start = next_random(&state) % 3 ? 0 : next_random(&state) % length;
			bool ascii = true;
			for (size_t i = 0; i < length; i++)
				ascii &= (signed char)piece[i] > 0;
			if (ascii)
				buf_append(&text, piece + start, length - start);
			/* At times something between it and the next. */
			buf_append(&text, &"xy \n, ;__"[next_random(&state) % 8], next_random(&state) % 2);
		}
		for (unsigned where = 1; where & RULE_ANYWHERE; where <<= 1) {
			rule_hits_clear(&hits);
			rules_search(r, where, buf_span(&text), &hits);
			for (uint32_t i = 0; i < list.n; i++) {
				CLEANUP_FREE char *mine = calloc(1, text.n + 1), *want = calloc(1, text.n + 1);
				bool literal = false;
				for (size_t k = 0; k < hits.n; k++)
					if (hits.v[k].rule == i && !hits.v[k].limit)
						memset(mine + hits.v[k].start, 1, hits.v[k].end - hits.v[k].start);
				for (size_t k = 0; k < list.v[i].literals.n; k++)
					literal |= strcasestr(buf_str(&text), list.v[i].literals.v[k]) != NULL;
				if (literal && (list.v[i].where & where))
					by_itself(codes[i], buf_span(&text), want);
				searched++;
				found += memchr(want, 1, text.n) != NULL;
				/* The closed-up reading may find more, never less. */
				bool less = false, spaced = strstr(buf_str(&text), "i g n o r e") != NULL;
				for (size_t k = 0; k < text.n; k++)
					less |= spaced ? want[k] && !mine[k] : want[k] != mine[k];
				if (less && differ++ < 3)
					diag("%s in: %s", list.v[i].name, buf_str(&text));
			}
		}
	}
	is_int(differ, 0, "through literals and windows the same is found (%s, %zu searches, %zu with hits)",
	       jit ? "compiled" : "interpreted", searched, found);
	ok(found > 1000, "and there was something to find");
	for (size_t i = 0; i < list.n; i++) {
		list.v[i].window = old[i];
		pcre2_code_free(codes[i]);
	}
	rules_free(r);
	rule_hits_free(&hits);
}

static void actions(void)
{
	const struct rule_override overrides[] = {
		{ .name = (char *)"secret.aws", .action = RULE_BLOCK },
		{ .name = (char *)"secret.*", .action = RULE_OFF },
	};
	struct error err = { 0 };
	struct rules *all = rules_compile(&shipped, NULL, 0, &err), *r = rules_compile(&shipped, overrides, 2, &err);
	bool aws = false, other = false, note = false;

	for (uint32_t i = 0; i < rules_count(r); i++) {
		const char *name = rules_name(r, i);
		aws |= strcmp(name, "secret.aws") == 0 && rules_action(r, i, RULE_RESULT) == RULE_BLOCK;
		other |= strcmp(name, "secret.github") == 0;
		note |= strcmp(name, "instructions.conceal") == 0 && rules_action(r, i, RULE_RESULT) == RULE_NOTE;
	}
	ok(aws && note && !other && rules_count(r) < rules_count(all), "the first pattern that matches a rule's name says what it does");
	rules_free(all);
	rules_free(r);
}

/* A file with CONTENT is refused, and the message has WORDS. */
static void refused(const char *content, const char *words)
{
	char path[] = "/tmp/mcpcage-rules-XXXXXX";
	struct rule_list list = { 0 };
	struct error err = { 0 };
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, content, strlen(content)) < 0)
		bail_out("cannot write %s", path);
	close(fd);
	int rc = rulefiles_read(path, geteuid(), false, false, &list, &err);
	struct rules *r = rc == 0 ? rules_compile(&list, NULL, 0, &err) : NULL;
	ok(!r && strstr(err.what, words) && strstr(err.what, path), "refused: %s", words);
	if (!r && !strstr(err.what, words))
		diag("%s", err.what);
	rules_free(r);
	rule_list_free(&list);
	unlink(path);
}

#define RULE_(rest) "{\"rules\":[{\"name\":\"a\",\"pattern\":\"abcd\",\"literals\":[\"abcd\"]" rest "}]}"

static void files(void)
{
	struct rule_list list = { 0 };
	struct error err = { 0 };
	char path[] = "/tmp/mcpcage-rules-XXXXXX";

	refused("{\"rules\":[{\"name\":\"A b\"}]}", "rule number 1: \"name\"");
	refused("{\"rules\":[{\"name\":\"a\",\"literals\":[\"abcd\"]}]}", "rule \"a\": it needs a \"pattern\"");
	refused("{\"rules\":[{\"name\":\"a\",\"pattern\":\"x\"}]}", "rule \"a\": it needs \"literals\"");
	refused("{\"rules\":[{\"name\":\"a\",\"pattern\":\"x\",\"literals\":[\"abc\"]}]}", "4 to 64 bytes");
	refused("{\"rules\":[{\"name\":\"a\",\"pattern\":\"(x\",\"literals\":[\"abcd\"]}]}", "rule \"a\": its pattern is wrong at character 2");
	refused("{\"rules\":[{\"name\":\"a\",\"pattern\":\"x(?C1)\\\\C\",\"literals\":[\"abcd\"]}]}", "its pattern is wrong");
	refused(RULE_(",\"acton\":\"note\""), "rule \"a\": unknown key \"acton\"");
	refused(RULE_(",\"action\":\"drop\""), "\"action\" has to be");
	refused(RULE_(",\"action\":{\"any\":\"note\"}"), "\"action\" has to be");
	refused(RULE_(",\"where\":\"output\""), "\"where\" has to be");
	refused(RULE_(",\"where\":[]"), "\"where\" is an empty list");
	refused(RULE_(",\"window\":100000"), "\"window\" has to be");
	refused(RULE_(",\"case\":1"), "\"case\" has to be");
	refused(RULE_(",\"tests\":{\"hits\":[]}"), "\"tests\" has");
	refused("{\"rules\":[],\"rule\":[]}", "and nothing else");
	refused("{\"description\":\"none\"}", "no list \"rules\"");
	refused("{\"rules\":[{\"name\":\"a\",\"pattern\":\"x\",\"literals\":[\"abcd\"]},{\"name\":\"a\",\"pattern\":\"x\",\"literals\":[\"abcd\"]}]}",
		"rule \"a\": there is another rule of this name");
	refused("{", "");

	int fd = mkstemp(path);
	if (fd < 0 || write(fd, RULE_(""), sizeof RULE_("") - 1) < 0)
		bail_out("cannot write %s", path);
	is_int(rulefiles_read(path, geteuid(), false, false, &list, &err), 0, "a good file is read");
	fchmod(fd, 0666);
	ok(rulefiles_read(path, geteuid(), false, false, &list, &err) < 0 && strstr(err.what, "can be changed by other users"),
	   "unless others can write it");
	close(fd);
	unlink(path);
	ok(rulefiles_read(path, geteuid(), false, false, &list, &err) < 0 && strstr(err.what, path), "a file that is missing is an error");
	rule_list_free(&list);
}

int main(void)
{
	load_shipped();
	examples();
	readings();
	windows();
	limits();
	agree(true);
	agree(false);
	actions();
	files();
	rule_list_free(&shipped);
	return done_testing();
}
