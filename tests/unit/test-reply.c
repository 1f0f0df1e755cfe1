/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages that mcpcage writes: their text, and that the scanner accepts each of them whatever is put in. */
#include "rpc/frame.h"
#include "rpc/reply.h"
#include "tests/tap.h"

static struct message m;
static struct frame_refusal r;

static bool accepted(const struct buf *b, enum message_kind kind)
{
	const struct frame_limits limits = { .message = 1 << 20 };

	if (b->n == 0 || b->p[b->n - 1] != '\n' || memchr(b->p, '\n', b->n - 1))
		return false;
	if (frame_scan_line(&limits, (struct span){ b->p, b->n - 1 }, &m, &r) != FRAME_MESSAGE)
		return false;
	return m.kind == kind;
}

static void texts(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);

	reply_tool_refused(&b, SPAN("\"\\u0061\""), false, "not \"allowed\"");
	is_span(buf_span(&b), "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0061\",\"result\":{\"content\":[{\"type\":\"text\",\"text\":"
		"\"not \\\"allowed\\\"\"}],\"isError\":true}}\n", "a refused tool, the id as it was written");
	buf_clear(&b);
	reply_tool_refused(&b, SPAN("1"), true, "no");
	is_span(buf_span(&b), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\","
		"\"text\":\"no\"}],\"isError\":true}}\n", "in the modern era");
	buf_clear(&b);
	reply_error(&b, SPAN("-3"), -32700, "bad\tline");
	is_span(buf_span(&b), "{\"jsonrpc\":\"2.0\",\"id\":-3,\"error\":{\"code\":-32700,\"message\":\"bad\\tline\"}}\n", "an error");
	buf_clear(&b);
	reply_cancelled(&b, SPAN("9"), "deadline");
	is_span(buf_span(&b), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":9,"
		"\"reason\":\"deadline\"}}\n", "a cancellation");
}

static void no_id(void)
{
	CLEANUP_BUF struct buf b = BUF_INIT(0);

	reply_tool_refused(&b, (struct span){ NULL, 0 }, false, "no");
	reply_error(&b, (struct span){ NULL, 0 }, 1, "no");
	reply_cancelled(&b, (struct span){ NULL, 0 }, "no");
	reply_id(&b, &(struct rpc_id){ .type = ID_NONE });
	is_int(b.n, 0, "without an id nothing is written");
}

static void hostile(void)
{
	static const char *const values[] = {
		"", "\"", "\\", "}}\n{\"jsonrpc\":\"2.0\"", "\r\n", "\x1b[1m", "\x01\x1f\x7f", "\377\376", "\355\240\200", "\342\202",
		"\342\200\250", "h\303\251", "</script>",
	};
	CLEANUP_BUF struct buf b = BUF_INIT(0);

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		buf_clear(&b);
		reply_tool_refused(&b, SPAN("4"), i % 2, values[i]);
		ok(accepted(&b, MESSAGE_RESULT), "a refused tool with text %zu is one message", i);
		is_int(m.id.integer, 4, "for its id");
		buf_clear(&b);
		reply_error(&b, SPAN("\"x\""), -32000, values[i]);
		ok(accepted(&b, MESSAGE_ERROR), "an error with text %zu is one message", i);
		buf_clear(&b);
		reply_cancelled(&b, SPAN("\"x\""), values[i]);
		ok(accepted(&b, MESSAGE_NOTIFICATION), "a cancellation with text %zu is one message", i);
		is_str(m.request_id.text, "x", "for its id");
	}
}

/* An id that was read, written, and read again, is the same. */
static void ids(void)
{
	static const struct {
		const char *token, *plain;
	} cases[] = {
		{ "0", "0" }, { "-9007199254740992", "-9007199254740992" }, { "9007199254740992", "9007199254740992" },
		{ "\"\"", "\"\"" }, { "\"1\"", "\"1\"" }, { "\"\\u0041\"", "\"A\"" }, { "\"\\\"\\\\\\/\"", "\"\\\"\\\\/\"" },
		{ "\"\\u0001\\n\"", NULL }, { "\"\\ud83d\\ude00\"", NULL }, { "\"\303\251\"", NULL },
	};
	const struct frame_limits limits = { .message = 4096 };
	CLEANUP_BUF struct buf line = BUF_INIT(0), token = BUF_INIT(0);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&line);
		buf_clear(&token);
		buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":%s}", cases[i].token);
		is_int(frame_scan_line(&limits, buf_span(&line), &m, &r), FRAME_MESSAGE, "id %s", cases[i].token);
		struct rpc_id before = m.id;
		reply_id(&token, &m.id);
		if (cases[i].plain)
			is_span(buf_span(&token), cases[i].plain, "as it is written");
		buf_clear(&line);
		buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":%s}", buf_str(&token));
		is_int(frame_scan_line(&limits, buf_span(&line), &m, &r), FRAME_MESSAGE, "it is read again");
		ok(m.id.type == before.type && m.id.integer == before.integer && m.id.length == before.length &&
		   strcmp(m.id.text, before.text) == 0, "as the same");
	}
}

int main(void)
{
	texts();
	no_id();
	hostile();
	ids();
	return done_testing();
}
