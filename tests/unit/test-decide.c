/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions about calls: lists, rules and their stages; globs one by one, and against fnmatch(3) in the C locale. */
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
			ok(glob_match(globs[i].glob, globs[i].yes), "%s matches %s", globs[i].glob, globs[i].yes);
		if (globs[i].no)
			ok(!glob_match(globs[i].glob, globs[i].no), "%s does not match %s", globs[i].glob, globs[i].no);
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
		if (glob_match(pattern, name) != want && ++wrong < 10)
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
	ok(!glob_match(pattern, name), "forty stars do not match");
	alarm(0);
}

static struct tool_rule rule(unsigned stage, const char *tool, enum tool_verdict verdict)
{
	return (struct tool_rule){ .tool = (char *)(uintptr_t)tool, .stage = stage, .verdict = verdict,
				   .origin = (char *)(uintptr_t)"/etc/p.json", .number = stage + 1 };
}

static void source_is(const struct decision *d, const char *want)
{
	struct buf text = { 0 };

	decision_source(d, &text);
	is_mem(text.p, text.n, want, strlen(want), "because of %s", want);
	buf_free(&text);
}

#define is_decided(m, tool, verdict_, source)                                              \
	do {                                                                               \
		struct decision d_ = decide_call((m), (tool));                             \
		is_int(d_.verdict, (verdict_), "%s: %s", (tool), #verdict_);               \
		source_is(&d_, (source));                                                  \
	} while (0)

/* Lists, then rules, then the default; tools.ask only ever asks where something would be allowed. */
static void calls(void)
{
	struct tool_rule rules[] = { rule(0, "read_x", TOOL_ASK), rule(0, "read_*", TOOL_ALLOW), rule(0, "rm", TOOL_DENY),
				     rule(0, "read_y", TOOL_DENY), rule(0, "w_*", TOOL_ALLOW) };
	struct mediation m;

	mediation_defaults(&m);
	is_decided(&m, "any", TOOL_ALLOW, "tools.default");
	m.tools_default = TOOL_ASK;
	is_decided(&m, "any", TOOL_ASK, "tools.default");
	m.tools_default = TOOL_DENY;
	is_decided(&m, "any", TOOL_DENY, "tools.default");
	m.rules = rules;
	m.rules_n = sizeof rules / sizeof *rules;
	rules[1].reason = (char *)(uintptr_t)"reading is fine";
	is_decided(&m, "read_x", TOOL_ASK, "/etc/p.json, rule 1: \"read_x\"");
	is_decided(&m, "read_y", TOOL_ALLOW, "/etc/p.json, rule 1: \"read_*\"");
	is_decided(&m, "rm", TOOL_DENY, "/etc/p.json, rule 1: \"rm\"");
	is_decided(&m, "Read_x", TOOL_DENY, "tools.default");
	struct decision d = decide_call(&m, "read_z");
	is_str(d.reason, "reading is fine", "the reason of the rule that decided");
	ok(d.rules_n == 1 && d.rules[0] == &rules[1] && decision_index(&m, d.rules[0]) == 1, "which is told");

	m.tools_ask = LIST("read_*", "rm", "other");
	is_decided(&m, "read_z", TOOL_ASK, "tools.ask: \"read_*\"");
	is_decided(&m, "read_x", TOOL_ASK, "/etc/p.json, rule 1: \"read_x\"");
	is_decided(&m, "rm", TOOL_DENY, "/etc/p.json, rule 1: \"rm\"");
	is_decided(&m, "other", TOOL_DENY, "tools.default");
	d = decide_call(&m, "read_z");
	ok(!d.rule && !d.reason && d.rules_n == 1 && d.rules[0] == &rules[1], "the rule holds all the same");

	m.tools_allow_set = true;
	is_decided(&m, "w_x", TOOL_DENY, "not in tools.allow");
	m.tools_allow = LIST("w_*", "rm", "read_*");
	is_decided(&m, "w_x", TOOL_ALLOW, "/etc/p.json, rule 1: \"w_*\"");
	is_decided(&m, "rm", TOOL_DENY, "/etc/p.json, rule 1: \"rm\"");
	m.tools_deny = LIST("w_y");
	is_decided(&m, "w_y", TOOL_DENY, "tools.deny: \"w_y\"");
	d = decide_call(&m, "w_y");
	is_int(d.rules_n, 0, "no rule holds for what is denied by a list");
	strlist_free(&m.tools_ask);
	strlist_free(&m.tools_allow);
	strlist_free(&m.tools_deny);
}

/* Nothing in a later stage takes from an earlier one. */
static void stages(void)
{
	struct tool_rule rules[] = { rule(0, "a*", TOOL_ASK), rule(0, "b*", TOOL_ALLOW), rule(1, "a1", TOOL_ALLOW),
				     rule(1, "a2", TOOL_DENY), rule(1, "b1", TOOL_ASK), rule(1, "c1", TOOL_ALLOW),
				     rule(2, "*2", TOOL_ASK) };
	struct mediation m;

	mediation_defaults(&m);
	m.rules = rules;
	m.rules_n = sizeof rules / sizeof *rules;
	is_decided(&m, "a1", TOOL_ASK, "/etc/p.json, rule 1: \"a*\"");
	is_decided(&m, "a2", TOOL_DENY, "/etc/p.json, rule 2: \"a2\"");
	is_decided(&m, "b1", TOOL_ASK, "/etc/p.json, rule 2: \"b1\"");
	is_decided(&m, "b9", TOOL_ALLOW, "/etc/p.json, rule 1: \"b*\"");
	is_decided(&m, "z2", TOOL_ASK, "/etc/p.json, rule 3: \"*2\"");
	is_decided(&m, "z9", TOOL_ALLOW, "tools.default");
	m.tools_default = TOOL_DENY;
	is_decided(&m, "b9", TOOL_ALLOW, "/etc/p.json, rule 1: \"b*\"");

	/* A default that was locked with the first stage. */
	m.stage_default[0] = TOOL_ASK;
	m.tools_default = TOOL_ASK;
	is_decided(&m, "b9", TOOL_ALLOW, "/etc/p.json, rule 1: \"b*\"");
	is_decided(&m, "c1", TOOL_ASK, "tools.default");
	is_decided(&m, "z9", TOOL_ASK, "tools.default");
	m.tools_default = TOOL_DENY;
	is_decided(&m, "z9", TOOL_DENY, "tools.default");
	is_decided(&m, "c1", TOOL_ASK, "tools.default");
	/* One that was locked with the second does not take back what the first allows. */
	m.stage_default[0] = TOOL_ALLOW;
	m.stage_default[1] = TOOL_DENY;
	is_decided(&m, "b9", TOOL_ALLOW, "/etc/p.json, rule 1: \"b*\"");
	is_decided(&m, "z2", TOOL_DENY, "tools.default");

	/* All rules that match hold; of their numbers the smaller. */
	rules[0].timeout = 10;
	rules[3].timeout = 5;
	rules[0].result_size = 7;
	struct decision d = decide_call(&m, "a2");
	is_int(d.rules_n, 3, "one of each stage");
	ok(d.rules[0] == &rules[0] && d.rules[1] == &rules[3] && d.rules[2] == &rules[6], "in their order");
	ok(d.timeout == 5 && d.result_size == 7, "the smaller number, where one says any");
	d = decide_call(&m, "b9");
	ok(d.timeout == 0 && d.result_size == 0, "none where none does");
}

/* Whatever is added in a later stage: what earlier stages say is never loosened. */
static void never_looser(void)
{
	static const char *const names[] = { "a", "b", "ab", "ba", "abc" };
	static const char *const patterns[] = { "a", "b", "a*", "*b", "*", "ab", "?" };
	uint64_t random = (uint64_t)getpid() * 2654435761u;
	unsigned wrong = 0, stricter = 0;

	diag("seed %llu", (unsigned long long)random);
	for (int round = 0; round < 20000; round++) {
		struct tool_rule rules[8];
		struct mediation m;
		size_t locked = 0;
		mediation_defaults(&m);
		m.rules = rules;
		for (size_t i = 0; i < 8; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			unsigned bits = (unsigned)(random >> 33);
			rules[i] = rule(i < 4 ? 0 : 1 + (i > 5), patterns[bits % 7], (enum tool_verdict)(bits / 7 % 3));
			locked += i < 4;
			if (i == 7) {
				m.stage_default[0] = (enum tool_verdict)(bits / 21 % 3);
				m.tools_default = m.stage_default[0];
			}
		}
		for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
			m.rules_n = locked;
			enum tool_verdict before = decide_call(&m, names[k]).verdict;
			m.rules_n = 8;
			enum tool_verdict after = decide_call(&m, names[k]).verdict;
			wrong += after > before;
			stricter += after < before;
		}
	}
	is_int(wrong, 0, "later stages loosen nothing");
	ok(stricter > 1000, "and tighten: %u times", stricter);
}

int main(void)
{
	calls();
	stages();
	never_looser();
	one_by_one();
	against_fnmatch();
	bounded();
	return done_testing();
}
