/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What looking at texts costs: compiling the shipped rules, and for several kinds of text the quick look for
 * what has to be cleaned, cleaning, and searching with all rules. With files as arguments: what is found in
 * them, a line for each hit. Not a test; run it by hand.
 */
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json-out.h"
#include "rpc/clean.h"
#include "rpc/rules.h"
#include "store/rulefiles.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	/* Others may be using the processor. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct rules *rules;
static struct rule_hits hits;

enum { ROUNDS = 15 };

static double best(double (*once)(struct span), struct span text)
{
	double least = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double t = once(text);
		least = t < least ? t : least;
	}
	return least;
}

static double suspect(struct span text)
{
	double begin = now();
	volatile bool found = clean_suspect(text);
	(void)found;
	return now() - begin;
}

static double search(struct span text)
{
	double begin = now();
	rule_hits_clear(&hits);
	rules_search(rules, RULE_RESULT, text, &hits);
	return now() - begin;
}

/* Index, decode and search, as a session does. */
static double whole(struct span json)
{
	static struct tree t;
	static struct buf scratch;
	double begin = now();

	tree_parse(&t, json, 0);
	clean_suspect(json);
	for (uint32_t i = 0; i < t.n; i++) {
		if (t.v[i].type != TREE_STRING)
			continue;
		rule_hits_clear(&hits);
		rules_search(rules, RULE_RESULT, tree_string_span(&t, i, &scratch), &hits);
	}
	return now() - begin;
}

static void measure(const char *what, struct span unit)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0), json = BUF_INIT(0);

	while (text.n < 1 << 20)
		buf_append(&text, unit.p, unit.n);
	json_string(&json, buf_span(&text));
	double a = best(suspect, buf_span(&json)), b = best(search, buf_span(&text)), c = best(whole, buf_span(&json));
	size_t n = hits.n;
	printf("%-24s quick look %7.0f MB/s  search %6.0f MB/s  all %6.0f MB/s  %zu hits\n", what, (double)json.n / a / 1e6,
	       (double)text.n / b / 1e6, (double)json.n / c / 1e6, n);
}

static int read_file(const char *path, struct buf *to)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : fd_read_all(fd, to);
}

static void look_into(const char *path)
{
	CLEANUP_BUF struct buf text = BUF_INIT(64 << 20);

	if (read_file(path, &text) < 0)
		return;
	for (unsigned where = 1; where & RULE_ANYWHERE; where <<= 1) {
		rule_hits_clear(&hits);
		rules_search(rules, where, buf_span(&text), &hits);
		for (size_t i = 0; i < hits.n; i++) {
			size_t n = hits.v[i].end - hits.v[i].start;
			printf("%u %s %s%s: %.*s\n", where, path, rules_name(rules, hits.v[i].rule), hits.v[i].limit ? " LIMIT" : "",
			       (int)(n > 160 ? 160 : n), text.p + hits.v[i].start);
		}
	}
}

static void start_up(const struct mediation *m)
{
	struct error err = { 0 };
	double load = 1e9, compile = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		struct rule_list list = { 0 };
		rules_free(rules);
		double begin = now();
		if (rulefiles_load(m, geteuid(), false, &list, &err) < 0) {
			fprintf(stderr, "%s\n", err.what);
			exit(1);
		}
		double middle = now();
		rules = rules_compile(&list, NULL, 0, &err);
		double end = now();
		if (!rules) {
			fprintf(stderr, "%s\n", err.what);
			exit(1);
		}
		load = middle - begin < load ? middle - begin : load;
		compile = end - middle < compile ? end - middle : compile;
		rule_list_free(&list);
	}
	printf("%zu rules: read %.2f ms, compiled %.2f ms\n", rules_count(rules), load * 1e3, compile * 1e3);
}

static const char english[] =
	"The program reads its configuration from the file that is named on the command line, and when there is none it looks for one "
	"in the user's folder. Each line has a name and a value; what is before the first section holds for all of them. Information about "
	"errors is shown with the position, so that a mistake can be found, and the system goes on with the values it had before.\n";
static const char code[] =
	"static int read_key(struct walk *walk, const struct policy_key *key, const json_t *json)\n{\n\tif (!json_is_string(json))\n"
	"\t\treturn wrong_type(walk, key->path, \"a string\");\n\tfor (size_t i = 0; i < list->n; i++)\n\t\ttotal += list->v[i].size * 0x10;\n"
	"\t/* what is left is the caller's */\n\treturn value_parse(key, json_string_value(json), source, &value, walk->err);\n}\n\n";
static const char data[] = "{\"id\":1042,\"name\":\"row 1042\",\"price\":7.25,\"tags\":[\"a\",\"bc\"],\"active\":true,\"url\":\"https://a.example/x?id=1\"},";
static const char base64[] = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2";
static const char chinese[] = "\346\261\211\345\255\227\346\265\213\350\257\225\357\274\214\347\250\213\345\272\217\350\257\273\345\217\226\351\205\215\347\275\256\346\226\207\344\273\266\343\200\202";
static const char french[] = "d\303\251j\303\240 vu, \303\251t\303\251 comme hiver, sans fa\303\247on ni r\303\251serve. ";
static const char anchors[] = "ignore tell inform content when before system important https:// token password curl ";

int main(int argc, char **argv)
{
	struct mediation m = { 0 };

	strlist_add(&m.rule_folders, getenv("RULES") ? getenv("RULES") : "profiles/rules");
	start_up(&m);
	for (int i = 1; i < argc; i++)
		look_into(argv[i]);
	if (argc > 1)
		return 0;
	measure("English", SPAN(english));
	measure("code", SPAN(code));
	measure("JSON", SPAN(data));
	measure("base64", SPAN(base64));
	measure("Chinese", SPAN(chinese));
	measure("French", SPAN(french));
	measure("nothing but literals", SPAN(anchors));
	return 0;
}
