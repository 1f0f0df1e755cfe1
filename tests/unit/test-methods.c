/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rpc/frame.h"
#include "rpc/methods.h"
#include "tests/tap.h"

static struct mediation policy;

static void table(void)
{
	bool sorted = true, found = true, described = true, answered = true;

	for (size_t i = 0; i < methods_n; i++) {
		const struct method *row = &methods[i];
		if (i > 0) {
			const struct method *before = &methods[i - 1];
			sorted &= before->from < row->from || (before->from == row->from && strcmp(before->name, row->name) < 0);
		}
		found &= methods_find(row->from, row->name) == row;
		described &= row->versions != 0 && row->params != SHAPE_NONE;
		answered &= row->request == (row->result != SHAPE_NONE);
		/* Modern servers send no requests. */
		if (row->from == SERVER_TO_CLIENT && row->request)
			answered &= (row->versions & METHOD_MODERN) == 0 && (row->needs == NEEDS_NOTHING || row->verdict == METHOD_MEDIATE);
	}
	ok(sorted, "the table is sorted, and has no row twice");
	ok(found, "every row is found");
	ok(described, "every row has versions and a shape of its params");
	ok(answered, "requests have a shape of their result, notifications none");
	ok(!methods_find(CLIENT_TO_SERVER, "") && !methods_find(CLIENT_TO_SERVER, "tools/calls") &&
	   !methods_find(CLIENT_TO_SERVER, "Tools/call") && !methods_find(SERVER_TO_CLIENT, "zzz"), "what is not in it is not found");
	ok(methods_find(CLIENT_TO_SERVER, "subscriptions/listen")->open_ended, "a subscription is answered when it ends");
}

static enum method_status admit(enum direction from, const char *line, const struct method **row)
{
	static const struct frame_limits limits = { .message = 1 << 16 };
	static struct message m;
	struct frame_refusal refusal;

	if (frame_scan_line(&limits, span_of(line), &m, &refusal) != FRAME_MESSAGE)
		bail_out("no message: %s", line);
	return methods_admit(from, &m, &policy, row);
}

#define MODERN_META "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"

static void admission(void)
{
	static const struct {
		enum direction from;
		const char *line;
		enum method_status want;
		const char *name;
	} cases[] = {
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", METHOD_KNOWN, "a call" },
		{ SERVER_TO_CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", METHOD_WRONG_WAY, "a call by the server" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\"}", METHOD_WRONG_WAY,
		  "sampling by the client" },
		{ SERVER_TO_CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\"}", METHOD_KNOWN, "sampling" },
		{ SERVER_TO_CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{" MODERN_META "}}",
		  METHOD_WRONG_ERA, "a modern request of the server" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", METHOD_KNOWN, "a ping" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{" MODERN_META "}}", METHOD_WRONG_ERA,
		  "a modern ping" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}", METHOD_KNOWN,
		  "a modern method, which says itself that it is modern" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\"}", METHOD_WRONG_KIND, "a request without id" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notifications/initialized\"}", METHOD_WRONG_KIND,
		  "a notification with an id" },
		{ SERVER_TO_CLIENT, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", METHOD_WRONG_WAY,
		  "the client's notification by the server" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}", METHOD_WRONG_WAY,
		  "the server's notification by the client" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vendor/thing\"}", METHOD_UNKNOWN, "an unknown request" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/vendor\"}", METHOD_UNKNOWN, "an unknown notification" },
		{ CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks/get\"}", METHOD_KNOWN, "tasks" },
	};
	const struct method *row;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum method_status status = admit(cases[i].from, cases[i].line, &row);
		is_int(status, cases[i].want, "%s", cases[i].name);
		if (status == METHOD_KNOWN && !row)
			fail("%s: it has a row", cases[i].name);
		if (!method_status_text(status)[0])
			fail("%s: it has words", cases[i].name);
	}
}

static void forwarding(void)
{
	char *globs[] = { (char *)"vendor/*", (char *)"sampling/*" };
	const struct method *row = methods;

	policy.methods.v = globs;
	policy.methods.n = 2;
	is_int(admit(CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vendor/thing\"}", &row), METHOD_FORWARDED,
	       "policy forwards an unknown method");
	ok(!row, "which has no row");
	is_int(admit(CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"other/thing\"}", &row), METHOD_UNKNOWN,
	       "and no other");
	is_int(admit(SERVER_TO_CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vendor/thing\"}", &row), METHOD_UNKNOWN,
	       "not of the server");
	is_int(admit(CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\"}", &row), METHOD_WRONG_WAY,
	       "nor what is the other side's to send");
	policy.methods.v = NULL;
	policy.methods.n = 0;

	policy.tasks = false;
	is_int(admit(CLIENT_TO_SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks/get\"}", &row), METHOD_OFF,
	       "tasks that policy has turned off");
	policy.tasks = true;
}

static void eras(void)
{
	const struct method *list = methods_find(CLIENT_TO_SERVER, "tools/list");

	ok(method_is_modern(list, true) && !method_is_modern(list, false), "a method of both eras goes by its request");
	ok(!method_is_modern(methods_find(CLIENT_TO_SERVER, "initialize"), true), "initialize is legacy");
	ok(method_is_modern(methods_find(CLIENT_TO_SERVER, "server/discover"), false), "server/discover is modern");
	ok(!method_is_modern(methods_find(SERVER_TO_CLIENT, "notifications/progress"), true), "notifications of both eras are read as one");
	ok(method_is_modern(methods_find(SERVER_TO_CLIENT, "notifications/tasks"), false), "notifications/tasks is modern");
}

/* What is left of RESULT, a modern result. */
static void clamp(const char *result, uint64_t max, const char *want)
{
	struct tree t = { 0 };
	struct edits edits = { 0 };
	struct buf out = BUF_INIT(0), message = BUF_INIT(0);

	buf_puts(&message, "result:");
	buf_puts(&message, result);
	if (tree_parse(&t, span_of(result), 0) != TREE_OK)
		bail_out("no JSON: %s", result);
	methods_clamp_ttl(&t, 0, max, &edits, strlen("result:"));
	ok(edit_apply(&edits, buf_span(&message), &out) == 0, "edited");
	buf_consume(&out, strlen("result:"));
	is_span(buf_span(&out), want, "%s", result);
	edit_free(&edits);
	tree_free(&t);
	buf_free(&out);
	buf_free(&message);
}

static void lifetimes(void)
{
	clamp("{\"ttlMs\":1000,\"cacheScope\":\"private\"}", 1000, "{\"ttlMs\":1000,\"cacheScope\":\"private\"}");
	clamp("{\"ttlMs\":1001,\"cacheScope\":\"public\"}", 1000, "{\"ttlMs\":1000,\"cacheScope\":\"private\"}");
	clamp("{\"ttlMs\":1e99}", 5, "{\"ttlMs\":5}");
	clamp("{\"ttlMs\":1e3}", 1000, "{\"ttlMs\":1e3}");
	clamp("{\"ttlMs\":\"1\"}", 1000, "{\"ttlMs\":1000}");
	clamp("{\"ttlMs\":0}", 0, "{\"ttlMs\":0}");
	clamp("{\"ttl\\u004ds\":9}", 1, "{\"ttl\\u004ds\":1}");
	clamp("{\"tools\":[{\"ttlMs\":9}]}", 1, "{\"tools\":[{\"ttlMs\":9}]}");
}

int main(void)
{
	mediation_defaults(&policy);
	table();
	admission();
	forwarding();
	eras();
	lifetimes();
	mediation_free(&policy);
	return done_testing();
}
