/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mcpcage policy test: what would happen to a call, and why. The call is made into the message that a client would send, goes
 * through the scanner that the mediator has, and is decided by the functions that decide there; nothing is started and nothing is
 * written. The exit status is the answer: 0 allow, 1 deny, 2 ask.
 */
#include "cli/policy-test.h"

#include "cli/cli.h"

#include "base/fd.h"
#include "base/json-out.h"
#include "policy/show.h"
#include "policy/value.h"
#include "rpc/frame.h"
#include "rpc/rule-schemas.h"
#include "session/ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX ((size_t)64 << 20)

/* What came of the arguments; the last three only where there is a schema for them. */
enum checked { CHECKED_NONE, CHECKED_NOT, CHECKED_OK, CHECKED_FAILED };

struct trial {
	const char *tool;
	struct buf line; /* the message */
	struct message m;
	struct tree tree; /* of the arguments */
	bool given;       /* there are arguments */
	struct decision d;
	struct buf source;
	enum checked policy; /* the arguments, by the schemas of rules */
	const struct tool_rule *failed;
	struct schema_failure why;
	struct pinned_answer pinned;
	bool first_use; /* tools.ask_first_use makes it a question */
	bool always;    /* and the user has answered that, or the rule's, for good */
	enum tool_verdict verdict;
};

static void trial_free(struct trial *t)
{
	buf_free(&t->line);
	tree_free(&t->tree);
	buf_free(&t->source);
}

/* ---- the call ------------------------------------------------------------------------------------ */

/* ARGUMENTS as one line: outside of strings a newline is white space like any other. */
static void append_flat(struct buf *line, struct span arguments)
{
	bool quoted = false;

	for (size_t i = 0; i < arguments.n; i++) {
		char c = arguments.p[i];
		if (c == '"')
			quoted = !quoted;
		if (quoted && c == '\\' && i + 1 < arguments.n) {
			buf_append(line, arguments.p + i++, 2);
			continue;
		}
		buf_putc(line, !quoted && (c == '\n' || c == '\r') ? ' ' : c);
	}
}

static int bad_arguments(const char *what, const char *detail, struct error *err)
{
	error_set(err, 0, "the arguments are not acceptable: %s%s%s", what, detail[0] ? ": " : "", detail);
	error_hint(err, "they are one JSON object; in a shell, put it into single quotes");
	return error_kind(err, ERROR_USAGE);
}

static int make_call(struct trial *t, const struct plan *plan, struct span arguments, struct error *err)
{
	const struct frame_limits limits = { .message = plan->message_size ? plan->message_size : ARGUMENTS_MAX };
	struct frame_refusal refusal = { 0 };

	if (!t->tool[0] || strlen(t->tool) > 255) {
		error_set(err, 0, "\"%.64s\" is no name that a tool can have", t->tool);
		return error_kind(err, ERROR_USAGE);
	}
	t->line.max = ARGUMENTS_MAX * 2;
	buf_puts(&t->line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":");
	json_string(&t->line, span_of(t->tool));
	size_t from = t->line.n;
	if (t->given) {
		buf_puts(&t->line, ",\"arguments\":");
		from = t->line.n;
		append_flat(&t->line, arguments);
	}
	size_t n = t->line.n - from;
	buf_puts(&t->line, "}}");
	if (t->line.full)
		return error_oom(err);
	if (frame_scan_line(&limits, buf_span(&t->line), &t->m, &refusal) != FRAME_MESSAGE)
		return bad_arguments(refusal_text(refusal.why), refusal.detail, err);
	if (!t->m.has_name || strcmp(t->m.name, t->tool) != 0)
		return bad_arguments("the name of the tool is not plain text", "", err);
	if (!t->given)
		return 0;
	/* What closes the object and opens another one would be a call of its own. */
	if (tree_parse(&t->tree, (struct span){ t->line.p + from, n }, 0) != TREE_OK || !tree_is(&t->tree, 0, TREE_OBJECT))
		return bad_arguments("not one JSON object", "", err);
	return 0;
}

/* ---- the decision -------------------------------------------------------------------------------- */

static bool pin_refuses(const struct trial *t)
{
	return t->pinned.state == PINNED_REFUSED || t->pinned.state == PINNED_FAILED || t->pinned.state == PINNED_UNREADABLE;
}

/* Whether the user is asked, or has said "always" before. */
static int remember(struct trial *t, const struct plan *plan, struct error *err)
{
	uint8_t scope[32];
	bool used;

	if (t->d.verdict == TOOL_ASK)
		ask_scope_of(&t->d, scope);
	else
		ask_scope(scope, ASK_FIRST_USE);
	if (pinned_memory(plan, t->tool, t->pinned.pin, scope, &used, &t->always, err) < 0)
		return -1;
	t->first_use = t->d.verdict == TOOL_ALLOW && plan->mediation.ask_first_use && !used;
	if (t->first_use)
		t->verdict = TOOL_ASK;
	if (t->verdict == TOOL_ASK && t->always)
		t->verdict = TOOL_ALLOW;
	return 0;
}

static int decide(struct trial *t, const struct plan *plan, struct error *err)
{
	CLEANUP(rule_schemas_freep) struct rule_schemas *schemas = rule_schemas_new(plan, err);

	if (!schemas)
		return -1;
	t->d = decide_call(&plan->mediation, t->tool);
	decision_source(&t->d, &t->source);
	t->verdict = t->d.verdict;
	for (size_t i = 0; i < t->d.rules_n; i++)
		if (t->d.rules[i]->arguments)
			t->policy = CHECKED_NOT;
	if (t->d.verdict == TOOL_DENY)
		return 0;
	if (pinned_check(plan, t->tool, t->tree.n ? tree_raw(&t->tree, 0) : (struct span){ 0 }, &t->pinned, err) < 0 ||
	    remember(t, plan, err) < 0)
		return -1;
	if (pin_refuses(t))
		t->verdict = TOOL_DENY;
	if (!t->given || t->policy == CHECKED_NONE)
		return 0;
	t->policy = CHECKED_OK;
	if (rule_schemas_check(schemas, &t->d, &t->tree, 0, &t->failed, &t->why) != 0) {
		t->policy = CHECKED_FAILED;
		t->verdict = TOOL_DENY;
	}
	return 0;
}

/* ---- telling ------------------------------------------------------------------------------------- */

static const char *verdict_word(enum tool_verdict verdict)
{
	return policy_keys[KEY_TOOLS_DEFAULT].words[verdict];
}

/* A line under the verdict. TEXT is shown as a person can read it, whatever is in it. */
static void line(struct buf *out, const char *title, const char *text)
{
	buf_printf(out, "  %-11s ", title);
	show_text(out, text);
	buf_putc(out, '\n');
}

static const char *arguments_words(const struct trial *t)
{
	switch (t->policy) {
	case CHECKED_NONE:
		return "policy has no schema for them";
	case CHECKED_NOT:
		return "not given, so not held against the schema of policy";
	case CHECKED_OK:
		return "satisfy the schema of policy";
	case CHECKED_FAILED:
		break;
	}
	return t->why.text;
}

/* What makes the verdict another one than policy's. */
static const char *over_words(const struct trial *t)
{
	if (t->policy == CHECKED_FAILED)
		return "the arguments do not satisfy the schema of policy";
	if (t->pinned.state == PINNED_REFUSED)
		return "of its pins";
	if (t->verdict == TOOL_ALLOW)
		return "the user has said \"always\" to that";
	return pin_refuses(t) ? "the arguments do not satisfy the tool's schema" : "it was never used before (tools.ask_first_use)";
}

static const char *pinned_words(const struct trial *t, char *text, size_t size)
{
	switch (t->pinned.state) {
	case PINNED_UNKNOWN:
		return "the tool is not among them yet; it is refused until the server lists it";
	case PINNED_REFUSED:
		return standing_text(t->pinned.standing);
	case PINNED_KNOWN:
		return "the tool is among them";
	case PINNED_SATISFIED:
		return "the arguments satisfy the tool's schema";
	case PINNED_UNCHECKED:
	case PINNED_UNREADABLE:
		snprintf(text, size, "the tool's schema cannot be checked: %s", t->pinned.why.text);
		return text;
	case PINNED_FAILED:
		return t->pinned.why.text;
	case PINNED_NONE:
	case PINNED_DAMAGED:
	case PINNED_STATES:
		break;
	}
	return "";
}

static void tell_rule(struct buf *out, const char *title, const struct tool_rule *rule)
{
	CLEANUP_BUF struct buf text = BUF_INIT(0);

	buf_printf(&text, "%s, rule %u", rule->origin, rule->number);
	show_rule_limits(rule, ": ", &text);
	const char *shown = buf_str(&text);
	line(out, title, shown ? shown : "");
}

static void tell_words(struct buf *out, struct trial *t, const struct plan *plan)
{
	const char *source = buf_str(&t->source);
	char number[32], pinned[1024];

	buf_printf(out, "%s ", verdict_word(t->verdict));
	show_word(out, t->tool);
	buf_putc(out, '\n');
	if (t->verdict != t->d.verdict)
		line(out, "because", over_words(t));
	line(out, t->verdict != t->d.verdict ? "otherwise" : "because", source ? source : "");
	if (t->d.reason)
		line(out, "reason", t->d.reason);
	if (t->d.verdict != TOOL_DENY)
		line(out, "arguments", arguments_words(t));
	if (t->policy == CHECKED_FAILED)
		tell_rule(out, "schema of", t->failed);
	if (t->pinned.state != PINNED_NONE)
		line(out, "pins", pinned_words(t, pinned, sizeof pinned));
	for (size_t i = 0; i < t->d.rules_n; i++)
		tell_rule(out, i ? "" : "rules", t->d.rules[i]);
	if (t->verdict == TOOL_DENY)
		return;
	uint64_t timeout = t->d.timeout && (!plan->call_timeout || t->d.timeout < plan->call_timeout) ? t->d.timeout
												       : plan->call_timeout;
	value_number_text(&policy_keys[KEY_LIMITS_CALL_TIMEOUT], timeout, number);
	line(out, "deadline", number);
}

static void json_rule(struct buf *out, const struct tool_rule *rule)
{
	buf_putc(out, '{');
	json_member_str(out, "file", rule->origin);
	json_member_u64(out, "number", rule->number);
	json_member_str(out, "tool", rule->tool);
	json_member_str(out, "verdict", verdict_word(rule->verdict));
	if (rule->rate)
		json_member_u64(out, "rate", rule->rate);
	if (rule->concurrency)
		json_member_u64(out, "concurrency", rule->concurrency);
	buf_putc(out, '}');
}

static void tell_json(struct buf *out, const struct trial *t)
{
	static const char *const checked[] = { "no schema", "not checked", "satisfied", "failed" };
	static const char *const pinned[PINNED_STATES] = {
		[PINNED_NONE] = "none", [PINNED_UNKNOWN] = "unknown", [PINNED_REFUSED] = "refused",
		[PINNED_KNOWN] = "known", [PINNED_SATISFIED] = "satisfied", [PINNED_FAILED] = "failed",
		[PINNED_UNCHECKED] = "unchecked", [PINNED_UNREADABLE] = "unreadable", [PINNED_DAMAGED] = "damaged",
	};

	buf_putc(out, '{');
	json_member_str(out, "tool", t->tool);
	json_member_str(out, "verdict", verdict_word(t->verdict));
	json_member_str(out, "policy", verdict_word(t->d.verdict));
	json_member_span(out, "because", buf_span(&t->source));
	json_member_str(out, "reason", t->d.reason);
	json_member_bool(out, "first_use", t->first_use);
	json_member_bool(out, "always", t->always);
	json_key(out, "arguments");
	buf_putc(out, '{');
	json_member_str(out, "policy", checked[t->policy]);
	if (t->policy == CHECKED_FAILED) {
		json_key(out, "rule");
		json_rule(out, t->failed);
		json_member_str(out, "pointer", t->why.pointer);
		json_member_str(out, "keyword", t->why.keyword);
		json_member_str(out, "text", t->why.text);
	}
	buf_putc(out, '}');
	json_key(out, "pins");
	buf_putc(out, '{');
	json_member_str(out, "state", pinned[t->pinned.state]);
	if (t->pinned.state == PINNED_REFUSED)
		json_member_str(out, "text", standing_text(t->pinned.standing));
	if (t->pinned.state >= PINNED_FAILED) {
		json_member_str(out, "pointer", t->pinned.why.pointer);
		json_member_str(out, "keyword", t->pinned.why.keyword);
		json_member_str(out, "text", t->pinned.why.text);
	}
	buf_putc(out, '}');
	json_key(out, "rules");
	buf_putc(out, '[');
	for (size_t i = 0; i < t->d.rules_n; i++) {
		json_comma(out);
		json_rule(out, t->d.rules[i]);
	}
	buf_putc(out, ']');
	json_member_u64(out, "timeout", t->d.timeout);
	json_member_u64(out, "result_size", t->d.result_size);
	buf_puts(out, "}\n");
}

int command_policy_test(const struct invocation *inv)
{
	static const int statuses[] = { [TOOL_ALLOW] = 0, [TOOL_DENY] = 1, [TOOL_ASK] = 2 };
	CLEANUP(plan_free) struct plan plan = { 0 };
	CLEANUP(trial_free) struct trial t = { .tool = inv->words[0], .given = inv->words[1] != NULL };
	CLEANUP_BUF struct buf out = BUF_INIT(0);
	CLEANUP_BUF struct buf input = BUF_INIT(ARGUMENTS_MAX);
	struct span arguments = span_of(inv->words[1]);
	struct error err;

	if (t.given && strcmp(inv->words[1], "-") == 0) {
		if (fd_read_all(STDIN_FILENO, &input) < 0) {
			error_set(&err, errno, "cannot read the arguments from standard input");
			return fail(&inv->log, &err);
		}
		arguments = buf_span(&input);
	}
	if ((inv->argv ? prepare(inv, OBTAIN_STORED, &plan, &err) : prepare_policy(inv, &plan, &err)) < 0 ||
	    make_call(&t, &plan, arguments, &err) < 0 || decide(&t, &plan, &err) < 0)
		return fail(&inv->log, &err);
	if (inv->json)
		tell_json(&out, &t);
	else
		tell_words(&out, &t, &plan);
	int status = print_out(&out, &inv->log);
	return status ? status : statuses[t.verdict];
}
