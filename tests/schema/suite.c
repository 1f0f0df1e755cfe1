/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs suites of JSON Schema against our validator.
 *
 *	suite [--dialect=2020-12|draft-07] [--formats] FILE...
 *	suite			all of $top_srcdir/tests/schema
 *
 * A file is what JSON Schema's own suites are made of, so that those can be run, too: a list of groups with a "description", a
 * "schema" and "tests", each of these with "description", "data" and "valid". A group is one line of TAP; a case that fails
 * is named below it. Numbers stay what they are in the file: it is read with the validator's own tree.
 *
 * Ours may also say, in a group:
 *	"refused": true		the schema must not compile
 *	"either": true		it may not compile, or compile and do what its tests say
 *	"schema_made": M	in place of "schema": text that nobody wants to read
 * and in a test:
 *	"data_made": M		in place of "data"
 *	"limit": true		it must end at a limit, which counts as not valid
 *	"limit": "maybe"	it may
 * where M is {"before": TEXT, "open": TEXT, "times": N, "middle": TEXT, "close": TEXT, "after": TEXT}: OPEN and CLOSE are there
 * N times. In them "<i>" stands for the number of the repetition, from 0 on, and "<j>" for the next.
 *
 * No case is judged by its time; but a validator that does not end is stopped after minutes, by its processor time.
 */
#include "rpc/schema.h"
#include "tests/tap.h"

#include <dirent.h>
#include <sys/resource.h>

static struct schema_options options;

struct group {
	const struct tree *t;
	uint32_t node;
	const char *file;
	char name[256];
	int failed;
	struct schema *schema;
};

static void text_of(const struct tree *t, uint32_t i, struct buf *out)
{
	buf_clear(out);
	if (tree_is(t, i, TREE_STRING))
		tree_string(t, i, out);
	buf_putc(out, '\0');
}

__attribute__((format(printf, 3, 4)))
static void complain(struct group *g, uint32_t test, const char *format, ...)
{
	CLEANUP_BUF struct buf name = BUF_INIT(0), what = BUF_INIT(0);
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&what, format, ap);
	va_end(ap);
	text_of(g->t, tree_member(g->t, test, "description"), &name);
	diag("%s: %s: %s: %s", g->file, g->name, test == TREE_NONE ? "its schema" : name.p, buf_str(&what));
	g->failed++;
}

static void repeat(const struct tree *t, uint32_t text, uint64_t times, struct buf *out)
{
	CLEANUP_BUF struct buf scratch = BUF_INIT(0);

	if (text == TREE_NONE)
		return;
	struct span s = tree_string_span(t, text, &scratch);
	for (uint64_t i = 0; i < times; i++)
		for (size_t k = 0; k < s.n; k++) {
			if (s.n - k >= 3 && s.p[k] == '<' && (s.p[k + 1] == 'i' || s.p[k + 1] == 'j') && s.p[k + 2] == '>') {
				buf_printf(out, "%llu", (unsigned long long)i + (s.p[k + 1] == 'j'));
				k += 2;
			} else {
				buf_putc(out, s.p[k]);
			}
		}
}

static void make(const struct tree *t, uint32_t how, struct buf *out)
{
	uint64_t times = 1;

	tree_whole(t, tree_member(t, how, "times"), 100000000, &times);
	repeat(t, tree_member(t, how, "before"), 1, out);
	repeat(t, tree_member(t, how, "open"), times, out);
	repeat(t, tree_member(t, how, "middle"), 1, out);
	repeat(t, tree_member(t, how, "close"), times, out);
	repeat(t, tree_member(t, how, "after"), 1, out);
}

/* The place that a failure names is in the instance, and its words can be shown. */
static void check_words(struct group *g, uint32_t test, const struct schema_failure *f)
{
	if (f->text[0] == '\0')
		complain(g, test, "refused without a word");
	if (f->pointer[0] != '\0' && f->pointer[0] != '/')
		complain(g, test, "'%s' is no JSON Pointer", f->pointer);
	for (const char *p = f->text; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			complain(g, test, "a control character in its words");
}

static void check(struct group *g, uint32_t test, const struct tree *data, uint32_t node)
{
	static struct schema_failure f, again;
	const struct tree *t = g->t;
	uint32_t limit = tree_member(t, test, "limit");
	bool want = tree_is(t, tree_member(t, test, "valid"), TREE_TRUE);
	bool may = tree_string_is(t, limit, "maybe"), must = tree_is(t, limit, TREE_TRUE);

	memset(&f, 0, sizeof f);
	int got = schema_check(g->schema, data, node, &f);
	if (got != 0)
		check_words(g, test, &f);
	if ((got < 0) != f.limit)
		complain(g, test, "%d, and its failure says otherwise of a limit", got);
	if (must && got >= 0)
		complain(g, test, "no limit was met");
	else if (!must && got < 0 && !may)
		complain(g, test, "a limit was met: %s", f.text);
	else if (!must && got >= 0 && (got == 0) != want)
		complain(g, test, "must be %s, but: %s", want ? "valid" : "not valid", got == 0 ? "it was valid" : f.text);
	if (schema_check(g->schema, data, node, &again) != got)
		complain(g, test, "another answer at the second time");
	if (schema_check(g->schema, data, node, NULL) != got)
		complain(g, test, "another answer when nobody asks why");
}

static void run_test(struct group *g, uint32_t test)
{
	uint32_t how = tree_member(g->t, test, "data_made"), data = tree_member(g->t, test, "data");

	if (how == TREE_NONE) {
		if (data == TREE_NONE || tree_member(g->t, test, "valid") == TREE_NONE)
			complain(g, test, "a test without data or valid");
		else
			check(g, test, g->t, data);
		return;
	}
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	struct tree made = { 0 };
	make(g->t, how, &text);
	enum tree_status status = tree_parse(&made, buf_span(&text), 0);
	if (status == TREE_OK)
		check(g, test, &made, 0);
	else if (status == TREE_BAD_JSON || tree_member(g->t, test, "limit") == TREE_NONE)
		complain(g, test, "what is made: %s", tree_status_text(status));
	tree_free(&made);
}

static void run_group(struct group *g)
{
	const struct tree *t = g->t;
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	uint32_t how = tree_member(t, g->node, "schema_made"), own = tree_member(t, g->node, "schema");
	uint32_t tests = tree_member(t, g->node, "tests");
	bool refused = tree_is(t, tree_member(t, g->node, "refused"), TREE_TRUE);
	bool either = tree_is(t, tree_member(t, g->node, "either"), TREE_TRUE);
	struct error err = { 0 };

	if (how != TREE_NONE)
		make(t, how, &text);
	else if (own != TREE_NONE)
		buf_append(&text, tree_raw(t, own).p, tree_raw(t, own).n);
	g->schema = schema_compile(buf_span(&text), &options, &err);
	if (!g->schema && err.what[0] == '\0')
		complain(g, TREE_NONE, "refused without a word");
	else if (!g->schema && !refused && !either)
		complain(g, TREE_NONE, "was refused: %s", err.what);
	else if (g->schema && refused)
		complain(g, TREE_NONE, "was not refused");
	if (!refused && !either && (!tree_is(t, tests, TREE_ARRAY) || tree_count(t, tests) == 0))
		complain(g, TREE_NONE, "has no tests");
	if (g->schema && tests != TREE_NONE)
		for (uint32_t i = tree_first(t, tests); i < t->v[tests].next; i = t->v[i].next)
			run_test(g, i);
	schema_free(g->schema);
}

static int run_file(const char *path, const char *name)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);
	struct tree t = { 0 };
	char chunk[1 << 16];
	int cases = 0;

	FILE *file = fopen(path, "re");
	if (!file)
		bail_out("%s: %s", path, strerror(errno));
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
		buf_append(&text, chunk, n);
	fclose(file);
	enum tree_status status = tree_parse(&t, buf_span(&text), 0);
	if (!ok(status == TREE_OK && tree_is(&t, 0, TREE_ARRAY) && tree_count(&t, 0) > 0, "%s can be read", name))
		diag("%s", tree_status_text(status));
	else
		for (uint32_t i = tree_first(&t, 0); i < t.v[0].next; i = t.v[i].next) {
			CLEANUP_BUF struct buf description = BUF_INIT(0);
			struct group g = { .t = &t, .node = i, .file = name };
			uint32_t tests = tree_member(&t, i, "tests");
			text_of(&t, tree_member(&t, i, "description"), &description);
			snprintf(g.name, sizeof g.name, "%s", description.p);
			run_group(&g);
			cases += tree_is(&t, tests, TREE_ARRAY) ? (int)tree_count(&t, tests) : 1;
			ok(g.failed == 0, "%s: %s", name, g.name);
		}
	tree_free(&t);
	return cases;
}

static int is_json(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
}

static int run_folder(const char *top, const char *folder)
{
	struct dirent **found;
	char path[4096], name[600];
	int cases = 0;

	snprintf(path, sizeof path, "%s/tests/schema/%s", top, folder);
	int n = scandir(path, &found, is_json, alphasort);
	if (n <= 0)
		bail_out("%s: %s", path, n < 0 ? strerror(errno) : "no files");
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/tests/schema/%s/%s", top, folder, found[i]->d_name);
		snprintf(name, sizeof name, "%s/%s", folder, found[i]->d_name);
		cases += run_file(path, name);
		free(found[i]);
	}
	free(found);
	return cases;
}

static int run_all(void)
{
	static const struct { const char *folder; enum schema_dialect dialect; bool formats; } all[] = {
		{ "2020-12", SCHEMA_2020_12, false },
		{ "2020-12/formats", SCHEMA_2020_12, true },
		{ "2020-12/refused", SCHEMA_2020_12, false },
		{ "draft-07", SCHEMA_DRAFT_07, false },
		{ "draft-07/formats", SCHEMA_DRAFT_07, true },
		{ "draft-07/refused", SCHEMA_DRAFT_07, false },
		{ "hostile", SCHEMA_2020_12, true },
	};
	const char *top = getenv("top_srcdir");
	int cases = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		options = (struct schema_options){ .dialect = all[i].dialect, .formats = all[i].formats };
		cases += run_folder(top ? top : ".", all[i].folder);
	}
	return cases;
}

int main(int argc, char **argv)
{
	static const struct rlimit minutes = { 600, 600 };
	int cases = 0, files = 0;

	setrlimit(RLIMIT_CPU, &minutes);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dialect=2020-12") == 0)
			options.dialect = SCHEMA_2020_12;
		else if (strcmp(argv[i], "--dialect=draft-07") == 0)
			options.dialect = SCHEMA_DRAFT_07;
		else if (strcmp(argv[i], "--formats") == 0)
			options.formats = true;
		else if (argv[i][0] == '-')
			bail_out("unknown option %s", argv[i]);
		else
			files++, cases += run_file(argv[i], argv[i]);
	}
	if (files == 0)
		cases = run_all();
	diag("%d cases", cases);
	return done_testing();
}
