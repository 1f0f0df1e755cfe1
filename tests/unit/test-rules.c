/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy says of messages: rules on calls with their stages, the schemas in them, commands, actions, and the locks of all. */
#include "policy-fixture.h"

#include "policy/merge.h"
#include "policy/walk.h"

static void reset(void)
{
	static const char *const files[] = {
		"etc/policy.json", "user/policy.json", "etc/profiles/binary.json", "user/profiles/binary.json", "extra.json",
		"etc/profiles/more.json", "user/profiles/more.json", "pkg/profiles/more.json", "etc/profiles/most.json",
	};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		drop(files[i]);
	put("pkg/profiles/base.json", "{}");
	put("pkg/profiles/binary.json", "{}");
}

/* The rules of POLICY as text: "stage:tool=verdict" with blanks between. */
static const char *order_of(const struct policy *policy)
{
	static const char *const verdicts[] = { "deny", "ask", "allow" };
	static char text[1024];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < policy->mediation.rules_n && n < sizeof text; i++) {
		const struct tool_rule *r = &policy->mediation.rules[i];
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%u:%s=%s", i ? " " : "", r->stage, r->tool,
				      verdicts[r->verdict]);
	}
	return text;
}

#define built(policy, ...)                                                      \
	(is_int(build(policy, __VA_ARGS__), 0, "line %d: builds", __LINE__) ||  \
	 (diag("%s", built_error.what), false))

static void defaults(void)
{
	struct mediation m;
	struct policy policy;

	mediation_defaults(&m);
	if (!built(&policy, NULL))
		return;
	struct mediation *p = &policy.mediation;
	/* Numbers and words are in the table and in mediation_defaults(): they have to agree. */
	for (size_t i = 0; i < KEYS_N; i++) {
		const struct policy_key *key = &policy_keys[i];
		size_t from = offsetof(struct policy, mediation);
		if (!key->path || key->offset < from || key->offset >= from + sizeof m)
			continue;
		const char *a = (const char *)&m + (key->offset - from), *b = (const char *)p + (key->offset - from);
		size_t n = key->type == VALUE_BOOL ? sizeof(bool) : key->type == VALUE_ENUM ? sizeof(unsigned) : sizeof(uint64_t);
		is_mem(b, n, a, n, "%s has one default", key->path);
		if (key->type == VALUE_BOOL)
			is_str(*(const bool *)a ? "true" : "false", key->fallback, "%s: and the manual tells it", key->path);
	}
	is_int(p->rules_n + p->actions_n + p->ask_with.n + p->text_command.n + p->alarm_command.n, 0, "nothing else");
	ok(p->tools_default == TOOL_ALLOW && p->pins == PINS_FIRST_USE && p->sampling == REVERSE_DENY, "what they are");
	mediation_free(&m);
	policy_free(&policy);
}

static void members(void)
{
	struct policy policy;

	put("user/policy.json",
	    "{\"tools\":{\"rules\":[{\"tool\":\"read_*\",\"verdict\":\"allow\",\"rate\":\"30/min\",\"concurrency\":2,\"timeout\":\"10s\","
	    "\"result_size\":\"1M\",\"reason\":\"because\",\"arguments\":{\"type\":\"object\"}},"
	    "{\"tool\":\"x\",\"verdict\":\"ask\",\"rate\":7},{\"tool\":\"*\",\"verdict\":\"deny\",\"reason\":\"no\"}],"
	    "\"default\":\"ask\",\"ask\":[\"w\"],\"ask_first_use\":true},"
	    "\"pins\":{\"mode\":\"review\",\"name\":\"files-1.2_x\"},\"schema\":{\"formats\":true,\"unchecked\":true},"
	    "\"methods\":{\"forward\":[\"x/*\"]},"
	    "\"text\":{\"clean\":false,\"rules\":[\"~/r.json\",\"/etc/r2.json\"],\"actions\":{\"key-*\":\"redact\",\"x\":\"off\"},"
	    "\"command\":[\"/bin/judge\",\"-x\",\"\"],\"timeout\":\"2s\"},"
	    "\"client\":{\"sampling\":\"ask\",\"sampling_tokens\":100,\"elicitation\":\"allow\",\"elicitation_url\":\"ask\","
	    "\"roots\":true,\"roots_list\":[\"~/a\"],\"tasks\":false,\"ttl\":\"1m\"},"
	    "\"ask\":{\"with\":\"asker\",\"timeout\":\"20s\",\"remember\":\"1d\"},"
	    "\"alarms\":{\"calls\":\"2/s\",\"bytes\":\"1M\",\"concurrency\":3,\"denials\":4,\"result_growth\":5,\"action\":\"hold\","
	    "\"command\":\"~/bin/tell\"}}");
	if (!built(&policy, NULL))
		return;
	const struct mediation *m = &policy.mediation;
	is_str(order_of(&policy), "0:read_*=allow 0:x=ask 0:*=deny", "rules in their order");
	ok(m->rules[0].rate == 30 && m->rules[0].concurrency == 2 && m->rules[0].timeout == 10000 &&
		   m->rules[0].result_size == 1 << 20, "limits of a rule");
	is_str(m->rules[0].reason, "because", "its reason");
	is_str(m->rules[0].arguments, "{\"type\":\"object\"}", "its schema");
	ok(m->rules[1].rate == 7 && !m->rules[1].timeout && !m->rules[1].arguments, "no limits where none is said");
	ok(strstr(m->rules[2].origin, "user/policy.json") && m->rules[2].number == 3, "where it is from");
	ok(m->tools_default == TOOL_ASK && m->ask_first_use && strlist_has(&m->tools_ask, "w"), "tools");
	ok(m->pins == PINS_REVIEW && strcmp(m->pins_name, "files-1.2_x") == 0, "pins");
	ok(m->schema_formats && m->schema_unchecked && strlist_has(&m->methods, "x/*"), "schemas, methods");
	ok(!m->text_clean && m->text_timeout == 2000, "texts");
	ok(m->rule_files.n == 2 && strcmp(m->rule_files.v[0], "/home/me/r.json") == 0, "files of rules");
	ok(m->actions_n == 2 && strcmp(m->actions[0].name, "key-*") == 0 && m->actions[0].action == RULE_REDACT &&
		   m->actions[1].action == RULE_OFF, "actions");
	ok(m->text_command.n == 3 && strcmp(m->text_command.v[2], "") == 0, "a command with arguments");
	ok(m->sampling == REVERSE_ASK && m->sampling_tokens == 100 && m->elicitation == REVERSE_ALLOW &&
		   m->elicitation_url == REVERSE_ASK && m->roots && !m->tasks && m->ttl == 60000, "client");
	is_str(m->roots_list.v[0], "/home/me/a", "roots");
	ok(m->ask_with.n == 1 && strcmp(m->ask_with.v[0], "asker") == 0 && m->ask_timeout == 20000 &&
		   m->ask_remember == 86400000, "ask");
	ok(m->calls_per_minute == 120 && m->bytes_per_minute == 1 << 20 && m->concurrency == 3 && m->denials_in_a_row == 4 &&
		   m->result_growth == 5 && m->on_breach == BREACH_HOLD, "alarms");
	is_str(m->alarm_command.v[0], "/home/me/bin/tell", "a program in the home folder");

	struct mediation copy;
	struct error err;
	is_int(mediation_copy(&copy, m, &err), 0, "a copy");
	ok(copy.rules_n == 3 && copy.rules[0].arguments != m->rules[0].arguments && copy.pins_name != m->pins_name &&
		   strcmp(copy.rules[0].arguments, m->rules[0].arguments) == 0 && copy.actions_n == 2, "is deep");
	mediation_free(&copy);
	policy_free(&policy);
	reset();
}

static void refused_rules(void)
{
	static const struct {
		const char *rule, *what, *hint;
	} cases[] = {
		{ "7", "1:20: tools.rules: an object is expected", "" },
		{ "{}", "tools.rules: a rule needs \"tool\"", "" },
		{ "{\"tool\":\"x\"}", "1:20: tools.rules: a rule needs \"verdict\"", "" },
		{ "{\"tool\":\"\",\"verdict\":\"deny\"}", "1:28: tool: an empty value", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"Deny\"}", "1:42: verdict: \"Deny\"", "one of: deny, ask, allow" },
		{ "{\"tool\":\"x\",\"verdict\":true}", "verdict: a string is expected", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"rates\":1}", "1:48: tools.rules: unknown member \"rates\"", "did you mean \"rate\"" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"argumnets\":{}}", "unknown member", "did you mean \"arguments\"" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"zzzz\":{}}", "unknown member", "mcpcage-policy(5)" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"rate\":0}", "rate: too small", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"rate\":\"5/h\"}", "rate: \"5/h\" cannot be read", "30/min" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"rate\":-1}", "rate: a negative number", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"timeout\":5}", "timeout: a time such as", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"result_size\":\"1m\"}", "result_size: \"1m\"", "512M" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"concurrency\":\"many\"}", "concurrency: \"many\"", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"arguments\":[]}", "1:60: tools.rules: arguments: a JSON Schema", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"arguments\":\"{}\"}", "arguments: a JSON Schema", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"arguments\":{\"within\":[\"docs\"]}}", "arguments: within: a relative path", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"ask\",\"arguments\":{\"within\":[\"/a/../b\"]}}", "within: a path with \"..\"", "" },
		{ "{\"tool\":\"x\",\"verdict\":\"deny\",\"arguments\":{}}", "arguments has no effect in a rule that denies", "deny some calls" },
		{ "{\"tool\":\"x\",\"verdict\":\"deny\",\"rate\":5}", "rate has no effect", "" },
		{ "{\"tool\":\"x\",\"tool\":\"y\",\"verdict\":\"deny\"}", "duplicate", "" },
	};
	char text[4096];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, "{\"tools\":{\"rules\":[%s]}}", cases[i].rule);
		put("user/policy.json", text);
		refuses(cases[i].what, cases[i].hint, NULL);
		ok(strstr(built_error.what, "user/policy.json:1:"), "and where: %s", built_error.what);
	}
	memset(text, 'r', sizeof text);
	size_t n = (size_t)snprintf(text, sizeof text, "{\"tools\":{\"rules\":[{\"tool\":\"x\",\"verdict\":\"ask\",\"reason\":\"");
	memset(text + n, 'r', 301);
	memcpy(text + n + 301, "\"}]}}", 6);
	put("user/policy.json", text);
	refuses("reason: too long", "", NULL);
	put("user/policy.json", "{\"tools\":{\"rules\":{}}}");
	refuses("tools.rules: a list of objects", "", NULL);

	/* Too many, in one file and in two. */
	char *many = malloc(64 * 1024);
	for (int halves = 1; many && halves <= 2; halves++) {
		n = (size_t)sprintf(many, "{\"tools\":{\"rules\":[");
		for (int i = 0; i < (halves == 1 ? RULES_MAX + 1 : RULES_MAX / 2 + 1); i++)
			n += (size_t)sprintf(many + n, "%s{\"tool\":\"x\",\"verdict\":\"ask\"}", i ? "," : "");
		sprintf(many + n, "]}}");
		put("user/policy.json", many);
		if (halves == 2)
			put("user/profiles/binary.json", many);
		refuses("more than 1024 rules", "", NULL);
	}
	free(many);
	reset();
}

static void other_refusals(void)
{
	static const struct {
		const char *text, *what, *hint;
	} cases[] = {
		{ "{\"pins\":{\"name\":\"../x\"}}", "pins.name: no name of pins", "" },
		{ "{\"pins\":{\"name\":\".x\"}}", "pins.name: no name of pins", "" },
		{ "{\"pins\":{\"mode\":\"on\"}}", "pins.mode: \"on\"", "review, first-use, off" },
		{ "{\"pin\":{}}", "unknown key \"pin\"", "did you mean \"pins\"" },
		{ "{\"text\":{\"actions\":{\"a\":\"kill\"}}}", "1:25: text.actions: \"kill\"", "block, redact, note, off" },
		{ "{\"text\":{\"actions\":{\"\":\"off\"}}}", "text.actions: an empty name", "" },
		{ "{\"text\":{\"actions\":[]}}", "text.actions: an object of names", "" },
		{ "{\"text\":{\"actions\":{\"a\":1}}}", "a: a string", "" },
		{ "{\"text\":{\"command\":[]}}", "text.command: a program, or a list", "" },
		{ "{\"text\":{\"command\":[7]}}", "1:21: text.command: a string", "" },
		{ "{\"text\":{\"command\":\"\"}}", "text.command: an empty path", "" },
		{ "{\"text\":{\"command\":\"bin/x\"}}", "text.command: a relative path", "" },
		{ "{\"text\":{\"command\":\"~bob/x\"}}", "text.command: another user's home", "" },
		{ "{\"text\":{\"clean\":\"yes\"}}", "text.clean: true or false", "" },
		{ "{\"client\":{\"sampling\":true}}", "client.sampling: a string", "" },
		{ "{\"client\":{\"sampling\":\"always\"}}", "client.sampling: \"always\"", "deny, ask, allow" },
		{ "{\"alarms\":{\"result_growth\":1}}", "alarms.result_growth: too small", "" },
		{ "{\"alarms\":{\"calls\":\"10/h\"}}", "alarms.calls: \"10/h\"", "\"off\" for no limit" },
		{ "{\"ask\":{\"timeout\":\"2h\"}}", "ask.timeout: too large: the most is 1h", "" },
		{ "{\"tools\":{\"default\":\"maybe\"}}", "tools.default: \"maybe\"", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put("user/policy.json", cases[i].text);
		refuses(cases[i].what, cases[i].hint, NULL);
	}
	reset();
}

#define RULE(tool, verdict) "{\"tool\":\"" tool "\",\"verdict\":\"" verdict "\"}"
#define RULES(list) "{\"tools\":{\"rules\":[" list "]}}"

static void order(void)
{
	struct policy policy;

	put("etc/policy.json", RULES(RULE("a", "deny") "," RULE("b", "deny")));
	put("user/policy.json", RULES(RULE("c", "ask") "," RULE("d", "ask")));
	put("user/profiles/binary.json", RULES(RULE("e", "allow")));
	const char *extra = put("extra.json", RULES(RULE("f", "allow")));
	if (built(&policy, "--policy", extra))
		is_str(order_of(&policy), "0:f=allow 0:e=allow 0:c=ask 0:d=ask 0:a=deny 0:b=deny",
		       "rules of later layers come first, those of one file as they are written");
	policy_free(&policy);
	put("user/policy.json", "{\"text\":{\"actions\":{\"a\":\"off\",\"b\":\"note\"}}}");
	put("extra.json", "{\"text\":{\"actions\":{\"c\":\"block\"}}}");
	if (built(&policy, "--policy", extra, "--text-action", "a=b=redact")) {
		const struct mediation *m = &policy.mediation;
		ok(m->actions_n == 4 && strcmp(m->actions[0].name, "a=b") == 0 && strcmp(m->actions[1].name, "c") == 0 &&
			   strcmp(m->actions[2].name, "a") == 0 && strcmp(m->actions[3].name, "b") == 0,
		   "so do actions");
	}
	policy_free(&policy);
	reset();
}

#define LOCK(list, locks) "{\"tools\":{\"rules\":[" list "]},\"lock\":[" locks "]}"

static void stages(void)
{
	struct policy policy;

	put("etc/policy.json", LOCK(RULE("a", "ask"), "\"tools.rules\""));
	put("etc/profiles/binary.json", RULES(RULE("b", "ask")));
	put("user/policy.json", RULES(RULE("c", "allow")));
	if (built(&policy, NULL)) {
		is_str(order_of(&policy), "0:a=ask 1:c=allow 1:b=ask", "a lock closes a stage");
		is_int(policy.mediation.stage_default[0], TOOL_ALLOW, "without a default of its own");
	}
	policy_free(&policy);

	put("etc/policy.json", "{\"tools\":{\"rules\":[" RULE("a", "allow") "],\"default\":\"deny\"},\"lock\":[\"tools\"]}");
	if (built(&policy, NULL)) {
		is_str(order_of(&policy), "0:a=allow 1:c=allow 1:b=ask", "with the whole group as well");
		is_int(policy.mediation.stage_default[0], TOOL_DENY, "and then its default belongs to it");
	}
	policy_free(&policy);
	/* Two locks in one file close one stage. */
	put("etc/policy.json", "{\"tools\":{\"rules\":[" RULE("a", "allow") "],\"default\":\"ask\"},"
			       "\"lock\":[\"tools.rules\",\"tools.default\"]}");
	if (built(&policy, NULL)) {
		is_str(order_of(&policy), "0:a=allow 1:c=allow 1:b=ask", "one stage");
		ok(policy.mediation.stage_default[0] == TOOL_ASK && policy.mediation.stage_default[1] == TOOL_ALLOW, "one default");
	}
	policy_free(&policy);
	/* A default alone locks the rules that go before it. */
	put("etc/policy.json", "{\"tools\":{\"rules\":[" RULE("a", "allow") "],\"default\":\"ask\"},\"lock\":[\"tools.default\"]}");
	if (built(&policy, NULL))
		is_str(order_of(&policy), "0:a=allow 1:c=allow 1:b=ask", "so does the default alone");
	policy_free(&policy);
	/* Nothing that says anything: no stage. */
	put("etc/policy.json", "{\"lock\":[\"tools\"]}");
	if (built(&policy, NULL))
		is_str(order_of(&policy), "0:c=allow 0:b=ask", "a lock on nothing closes nothing");
	policy_free(&policy);

	/* As many stages as there may be, and one more. */
	put("etc/policy.json", LOCK(RULE("a", "ask"), "\"tools.rules\""));
	put("etc/profiles/binary.json", "{\"extends\":\"more\",\"tools\":{\"rules\":[" RULE("b", "ask") "]},\"lock\":[\"tools.rules\"]}");
	put("etc/profiles/more.json", LOCK(RULE("m", "ask"), "\"tools.rules\""));
	if (built(&policy, NULL))
		is_str(order_of(&policy), "0:a=ask 1:m=ask 2:b=ask 3:c=allow", "four stages");
	policy_free(&policy);
	put("etc/profiles/more.json", "{\"extends\":\"most\",\"tools\":{\"rules\":[" RULE("m", "ask") "]},\"lock\":[\"tools.rules\"]}");
	put("etc/profiles/most.json", LOCK(RULE("n", "ask"), "\"tools.rules\""));
	refuses("locked by more than 3 files", "one file", NULL);
	ok(strstr(built_error.what, "etc/profiles/binary.json:1:"), "the file that is too much: %s", built_error.what);
	reset();
}

static void lock_accepts(const char *admin, const char *user, const char *what)
{
	struct policy policy;

	put("etc/policy.json", admin);
	put("user/policy.json", user);
	int rc = build(&policy, NULL);
	ok(rc == 0, "tightening: %s", what);
	if (rc < 0)
		diag("%s", built_error.what);
	policy_free(&policy);
}

static void lock_pair(const char *admin, const char *accepted, const char *refused, const char *what)
{
	lock_accepts(admin, accepted, what);
	put("etc/policy.json", admin);
	put("user/policy.json", refused);
	diag("%s", what);
	refuses("which is locked by", "", NULL);
	ok(strstr(built_error.what, "user/policy.json:1:") && strstr(built_error.what, "etc/policy.json"), "both files are named: %s",
	   built_error.what);
}

static void locks(void)
{
	lock_pair("{\"tools\":{\"default\":\"ask\"},\"lock\":[\"tools.default\"]}", "{\"tools\":{\"default\":\"deny\"}}",
		  "{\"tools\":{\"default\":\"allow\"}}", "the default");
	lock_pair("{\"tools\":{\"ask_first_use\":true},\"lock\":[\"tools\"]}", "{\"tools\":{\"ask_first_use\":true,\"ask\":[\"x\"]}}",
		  "{\"tools\":{\"ask_first_use\":false}}", "true is stricter");
	lock_accepts("{\"lock\":[\"tools\"]}", "{\"tools\":{\"ask_first_use\":true}}", "true where it was false");
	lock_accepts("{\"lock\":[\"text\"]}", "{\"text\":{\"clean\":true}}", "true where it was true");
	lock_pair("{\"lock\":[\"text\"]}", "{\"text\":{\"rules\":[\"/x\"]}}", "{\"text\":{\"clean\":false}}", "cleaning");
	lock_pair("{\"lock\":[\"schema\"]}", "{\"schema\":{\"formats\":true}}", "{\"schema\":{\"unchecked\":true}}", "schemas");
	lock_pair("{\"lock\":[\"pins\"]}", "{\"pins\":{\"mode\":\"review\"}}", "{\"pins\":{\"mode\":\"off\"}}", "pins");
	lock_pair("{\"pins\":{\"name\":\"a\"},\"lock\":[\"pins.name\"]}", "{\"pins\":{\"name\":\"a\"}}", "{\"pins\":{\"name\":\"b\"}}",
		  "a name");
	lock_pair("{\"methods\":{\"forward\":[\"x/*\"]},\"lock\":[\"methods\"]}", "{\"methods\":{\"forward\":[\"x/y\"]}}",
		  "{\"methods\":{\"forward\":[\"*\"]}}", "methods");
	lock_pair("{\"client\":{\"sampling\":\"ask\",\"sampling_tokens\":100},\"lock\":[\"client\"]}",
		  "{\"client\":{\"sampling\":\"ask\",\"sampling_tokens\":99,\"tasks\":false,\"ttl\":\"1s\"}}",
		  "{\"client\":{\"sampling\":\"allow\"}}", "sampling");
	lock_pair("{\"lock\":[\"client\"]}", "{\"client\":{\"sampling_tokens\":4096}}", "{\"client\":{\"sampling_tokens\":4097}}", "tokens");
	lock_pair("{\"client\":{\"roots_list\":[\"/srv\"]},\"lock\":[\"client\"]}", "{\"client\":{\"roots_list\":[\"/srv/a\"]}}",
		  "{\"client\":{\"roots_list\":[\"/\"]}}", "folders");
	lock_pair("{\"lock\":[\"ask\"]}", "{\"ask\":{\"timeout\":\"10s\",\"remember\":\"1h\"}}", "{\"ask\":{\"timeout\":\"51s\"}}", "asking");
	lock_pair("{\"alarms\":{\"calls\":60},\"lock\":[\"alarms\"]}", "{\"alarms\":{\"calls\":\"1/s\",\"bytes\":\"1M\",\"action\":\"stop\"}}",
		  "{\"alarms\":{\"calls\":\"off\"}}", "alarms");
	lock_pair("{\"alarms\":{\"action\":\"hold\"},\"lock\":[\"alarms\"]}", "{\"alarms\":{\"action\":\"stop\"}}",
		  "{\"alarms\":{\"action\":\"note\"}}", "what an alarm does");
	lock_pair("{\"text\":{\"command\":[\"/bin/j\",\"a\"]},\"lock\":[\"text\"]}", "{\"text\":{\"command\":[\"/bin/j\",\"a\"]}}",
		  "{\"text\":{\"command\":[\"/bin/j\"]}}", "a command, with its arguments");
	lock_pair("{\"lock\":[\"ask\"]}", "{}", "{\"ask\":{\"with\":\"x\"}}", "a program where there was none");
	lock_pair("{\"text\":{\"actions\":{\"a\":\"note\"}},\"lock\":[\"text.actions\"]}",
		  "{\"text\":{\"actions\":{\"b\":\"block\",\"a\":\"note\"}}}", "{\"text\":{\"actions\":{\"a\":\"off\"}}}", "actions");
	lock_pair("{\"lock\":[\"text.actions\"]}", "{\"text\":{\"actions\":{\"b\":\"block\"}}}", "{\"text\":{\"actions\":{\"b\":\"redact\"}}}",
		  "of what was not named");
	put("etc/policy.json", "{\"lock\":[\"text\",\"ask\",\"alarms\"]}");
	drop("user/policy.json");
	refuses("--ask-with: \"/bin/x\" loosens ask.with", "", "--ask-with", "/bin/x");
	refuses("--text-action: \"x\" loosens text.actions", "only \"block\"", "--text-action", "x=off");
	reset();
}

/* Programs that run outside the cage: where they may be named. */
static void commands(void)
{
	static const char text[] = "{\"ask\":{\"with\":\"/bin/x\"}}";
	static const struct {
		const char *file;
		bool may;
	} files[] = {
		{ "pkg/profiles/base.json", false },	 { "pkg/profiles/binary.json", false },
		{ "etc/policy.json", true },		 { "etc/profiles/binary.json", true },
		{ "user/policy.json", true },		 { "user/profiles/binary.json", false },
	};
	struct policy policy;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		put(files[i].file, text);
		if (files[i].may) {
			built(&policy, NULL);
			is_int(policy.mediation.ask_with.n, 1, "%s can name a program", files[i].file);
			policy_free(&policy);
		} else {
			diag("%s", files[i].file);
			refuses("programs that run outside the cage cannot be named here", "policy.json", NULL);
		}
		reset();
	}
	const char *extra = put("extra.json", text);
	refuses("extra.json:1:16: ask.with: programs", "", "--policy", extra);
	extra = put("extra.json", text);
	refuses("cannot be named here", "", "--profile", extra);
	/* Not by the way either. */
	put("user/policy.json", "{\"extends\":\"more\"}");
	put("user/profiles/more.json", text);
	refuses("cannot be named here", "", NULL);
	reset();

	if (built(&policy, "--filter-command", " judge  -x /y ", "--ask-with", "~/ask", "--alarm-command", "./tell")) {
		const struct mediation *m = &policy.mediation;
		ok(m->text_command.n == 3 && strcmp(m->text_command.v[0], "judge") == 0 && strcmp(m->text_command.v[2], "/y") == 0,
		   "options can, with words");
		is_str(m->ask_with.v[0], "/home/me/ask", "in the home folder");
		is_str(m->alarm_command.v[0], "/proj/here/tell", "beside the user");
	}
	policy_free(&policy);
	put("user/policy.json", "{\"ask\":{\"with\":[\"a\",\"b\"]}}");
	if (built(&policy, "--ask-with", "c"))
		ok(policy.mediation.ask_with.n == 1 && strcmp(policy.mediation.ask_with.v[0], "c") == 0, "a later command replaces");
	policy_free(&policy);
	refuses("--ask-with: quotes are not understood", "", "--ask-with", "sh -c 'x'");
	refuses("--ask-with: an empty value", "", "--ask-with", "  ");
	refuses("--text-action: an action is missing", "RULE=ACTION", "--text-action", "x");
	refuses("--tools-default: \"no\"", "deny, ask, allow", "--tools-default", "no");
	reset();
}

static void schema_texts(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "true", "true" },
		{ " { } ", "{}" },
		{ "{ \"a\" : [ 1 , 2.50 , -0.1e+5, \"x y\" , null ] }", "{\"a\":[1,2.50,-0.1e+5,\"x y\",null]}" },
		{ "{\"maximum\":0.1000000000000000000000001}", "{\"maximum\":0.1000000000000000000000001}" },
		{ "{\"b\":1,\"a\":2}", "{\"b\":1,\"a\":2}" },
		{ "{\"k\\\"e\\\\y\":\"\\u0061 \\\" }\"}", "{\"k\\\"e\\\\y\":\"\\u0061 \\\" }\"}" },
		{ "{\"within\":[\"~/a\",\"/b//c/\"]}", "{\"within\":[\"/home/me/a\",\"/b/c\"]}" },
		{ "{\"within\":\"~\"}", "{\"within\":[\"/home/me\"]}" },
		{ "{\"with\\u0069n\":\"~\"}", "{\"with\\u0069n\":[\"/home/me\"]}" },
		{ "{\"within\":[\"\\u007e/\\\"a\"]}", "{\"within\":[\"/home/me/\\\"a\"]}" },
		{ "{\"properties\":{\"p\":{\"within\":\"~/x\"}}}", "{\"properties\":{\"p\":{\"within\":[\"/home/me/x\"]}}}" },
		{ "{\"properties\":{\"within\":{\"within\":\"~/x\"}}}", "{\"properties\":{\"within\":{\"within\":[\"/home/me/x\"]}}}" },
		{ "{\"$defs\":{\"within\":{\"enum\":[\"~/x\"]}}}", "{\"$defs\":{\"within\":{\"enum\":[\"~/x\"]}}}" },
		{ "{\"const\":{\"within\":\"~/x\"}}", "{\"const\":{\"within\":\"~/x\"}}" },
		{ "{\"enum\":[{\"within\":[\"~/x\"]}]}", "{\"enum\":[{\"within\":[\"~/x\"]}]}" },
		{ "{\"properties\":{\"const\":{\"within\":\"~/x\"}}}", "{\"properties\":{\"const\":{\"within\":[\"/home/me/x\"]}}}" },
		{ "{\"anyOf\":[{\"within\":\"~/x\"},{\"items\":{\"within\":\"~/y\"}}]}",
		  "{\"anyOf\":[{\"within\":[\"/home/me/x\"]},{\"items\":{\"within\":[\"/home/me/y\"]}}]}" },
		{ "{\"dependentSchemas\":{\"a\":{\"within\":\"~/x\"}}}", "{\"dependentSchemas\":{\"a\":{\"within\":[\"/home/me/x\"]}}}" },
	};
	const struct value_source source = { .home = "/home/me" };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = { 0 };
		struct error err = { 0 };
		is_int(schema_text(span_of(cases[i].text), &source, &out, &err), 0, "%s is taken", cases[i].text);
		is_mem(out.p, out.n, cases[i].want, strlen(cases[i].want), "as %s", cases[i].want);
		buf_free(&out);
	}
	struct policy policy;
	put("user/policy.json", "{\n\"tools\": {\"rules\": [ {\"tool\":\"x\",\"verdict\":\"ask\"},\n"
				"{\"arguments\" : { \"minimum\" : 1.10 } ,\"tool\":\"x\",\"verdict\":\"ask\"} ] } }");
	if (built(&policy, NULL))
		is_str(policy.mediation.rules[1].arguments, "{\"minimum\":1.10}", "the schema of the right rule, byte for byte");
	policy_free(&policy);
	reset();
}

int main(void)
{
	fixture_start();
	defaults();
	members();
	refused_rules();
	other_refusals();
	order();
	stages();
	locks();
	commands();
	schema_texts();
	fixture_end();
	return done_testing();
}
