/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules on tools: deny first, then allow; globs one by one, and against fnmatch(3) in the C locale. */
#include "rpc/decide.h"
#include "tests/tap.h"

#include <fnmatch.h>
#include <time.h>

static struct strlist list(const char *const *items)
{
	struct strlist l = { 0 };

	for (; *items; items++)
		if (strlist_add(&l, *items) < 0)
			bail_out("out of memory");
	return l;
}

#define LIST(...) list((const char *const[]){ __VA_ARGS__, NULL })

static void order(void)
{
	struct strlist deny = LIST("delete_*", "write_secret"), allow = LIST("write_*", "read", "delete_tmp"), none = { 0 };
	struct tool_rules rules = { .deny = &deny, .allow = &allow, .allow_set = true };
	const char *rule = "unset";

	is_int(decide_tool(&rules, "read", &rule), VERDICT_FORWARD, "an allowed tool");
	is_str(rule, "read", "by its rule");
	is_int(decide_tool(&rules, "write_file", &rule), VERDICT_FORWARD, "an allowed group");
	is_str(rule, "write_*", "by its rule");
	is_int(decide_tool(&rules, "write_secret", &rule), VERDICT_DENY, "allowed and denied is denied");
	is_str(rule, "write_secret", "by the rule that denies");
	is_int(decide_tool(&rules, "delete_tmp", &rule), VERDICT_DENY, "also when the allowing one is more precise");
	is_str(rule, "delete_*", "by the rule that denies");
	is_int(decide_tool(&rules, "other", &rule), VERDICT_DENY, "not allowed");
	is_str(rule, NULL, "by no rule");
	is_int(decide_tool(&rules, "Read", NULL), VERDICT_DENY, "other case is another tool");
	is_int(decide_tool(&rules, "", NULL), VERDICT_DENY, "no name");

	rules.allow_set = false;
	is_int(decide_tool(&rules, "other", &rule), VERDICT_FORWARD, "without a list all that is not denied is allowed");
	is_str(rule, NULL, "by no rule");
	is_int(decide_tool(&rules, "delete_x", &rule), VERDICT_DENY, "what is denied is not");
	rules.allow_set = true;
	rules.allow = &none;
	is_int(decide_tool(&rules, "read", &rule), VERDICT_DENY, "an empty list allows nothing");
	rules.allow = NULL;
	rules.deny = NULL;
	is_int(decide_tool(&rules, "read", &rule), VERDICT_DENY, "neither does one that is not there");
	strlist_free(&deny);
	strlist_free(&allow);
}

static bool matches(const char *glob, const char *name)
{
	char *v[] = { (char *)(uintptr_t)glob };
	struct strlist deny = { .v = v, .n = 1 };

	return decide_tool(&(struct tool_rules){ .deny = &deny }, name, NULL) == VERDICT_DENY;
}

static const struct {
	const char *glob, *yes, *no;
} globs[] = {
	{ "", "", "a" }, { "a", "a", "" }, { "a", "a", "aa" }, { "*", "", NULL }, { "*", "a/b.c", NULL }, { "*", ".hidden", NULL },
	{ "a*", "a", "ba" }, { "*a", "ba", "ab" }, { "a*b*c", "aXbYc", "acb" }, { "**a**", "xax", "x" }, { "*ab", "aab", "aba" },
	{ "?", "a", "" }, { "?", "/", "ab" }, { "a?c", "abc", "ac" }, { "*?", "a", "" }, { "??", "\303\251", "\303" },
	{ "[ab]", "a", "c" }, { "[a-c]x", "bx", "dx" }, { "[!a]", "b", "a" }, { "[^a]", "b", "a" }, { "[!a]", "!", "" },
	{ "[]]", "]", "[" }, { "[!]]", "x", "]" }, { "[]a]", "a", "b" }, { "[a-]", "-", "b" }, { "[-a]", "-", "b" },
	{ "[a", "[a", "a" }, { "[", "[", "" }, { "[]", "[]", "]" }, { "[!]", "[!]", "!" }, { "*[", "x[", "x" },
	{ "[[:digit:]]", "7", "a" }, { "[[:alpha:]_]", "_", "1" }, { "[![:space:]]", "a", " " }, { "[[:upper:]]*", "Ab", "ab" },
	{ "[[:xdigit:][:punct:]]", "F", "g" }, { "[c-a]", NULL, "b" },
	{ "\\*", "*", "a" }, { "\\\\", "\\", "a" }, { "a\\b", "ab", "a\\b" }, { "[\\]]", "]", "\\" }, { "[a\\-c]", "-", "b" },
	{ "\\", NULL, "\\" }, { "a/b", "a/b", "ab" }, { "{a,b}", "{a,b}", "a" }, { "[/]", "/", "a" },
	{ "[\200-\377]", "\303", "a" }, { "\303\251*", "\303\251t\303\251", "e" },
};

static void one_by_one(void)
{
	for (size_t i = 0; i < sizeof globs / sizeof *globs; i++) {
		if (globs[i].yes)
			ok(matches(globs[i].glob, globs[i].yes), "%s matches %s", globs[i].glob, globs[i].yes);
		if (globs[i].no)
			ok(!matches(globs[i].glob, globs[i].no), "%s does not match %s", globs[i].glob, globs[i].no);
	}
}

/*
 * Random patterns and names of few letters. Left out are collating elements and equivalence classes, which depend on the
 * locale, and "[a-" at the end of a pattern, where glibc does not take '[' for itself.
 */
static void against_fnmatch(void)
{
	static const char in_pattern[] = "aabbcc**??[[]]!^-\\", in_name[] = "aabbcc[]!^-\\*?";
	uint64_t random = (uint64_t)getpid() * 2654435761u;
	unsigned wrong = 0, matched = 0;

	diag("seed %llu", (unsigned long long)random);
	for (int round = 0; round < 400000; round++) {
		char pattern[12], name[10];
		size_t n = 0, k = 0;
		random = random * 6364136223846793005u + 1442695040888963407u;
		for (uint64_t bits = random >> 8; n < (random >> 60) % 11; bits = bits / 17 + random)
			pattern[n++] = in_pattern[bits % (sizeof in_pattern - 1)];
		random = random * 6364136223846793005u + 1442695040888963407u;
		for (uint64_t bits = random >> 8; k < (random >> 60) % 9; bits = bits / 13 + random)
			name[k++] = in_name[bits % (sizeof in_name - 1)];
		pattern[n] = name[k] = '\0';
		if (n > 0 && pattern[n - 1] == '-' && strchr(pattern, '['))
			continue;
		bool want = fnmatch(pattern, name, 0) == 0;
		matched += want;
		if (matches(pattern, name) != want && ++wrong < 10)
			diag("pattern %s, name %s: should %smatch", pattern, name, want ? "" : "not ");
	}
	is_int(wrong, 0, "globs match what fnmatch(3) matches");
	ok(matched > 2000, "which is often enough: %u times", matched);
}

/* Patterns that keep a naive matcher busy for ages. */
static void bounded(void)
{
	char pattern[128] = "", name[256];

	for (int i = 0; i < 40; i++)
		strcat(pattern, i % 3 ? "*a" : "*?");
	strcat(pattern, "b");
	memset(name, 'a', 255);
	name[255] = '\0';
	/* One that tries every way would take longer than the universe has. */
	alarm(100);
	ok(!matches(pattern, name), "forty stars do not match");
	alarm(0);
}

int main(void)
{
	order();
	one_by_one();
	against_fnmatch();
	bounded();
	return done_testing();
}
