/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps, each a request and its answer: initialize; the lists that the server says it has, page by page; at last server/discover, for
 * servers that speak the stateless version, too. A server that refuses initialize is asked for server/discover at once. Never
 * before: there are servers that end on any other first request. (The MCP specification, "Lifecycle", "Pagination"; of 2026-07-28
 * "Discovery".)
 */
#include "cli/review-client.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cage/cage.h"
#include "rpc/frame.h"
#include "rpc/manifest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 60000 /* a server that has just been installed may take its time */
#define REVIEW_MS 300000
#define PAGES 2000
#define CURSOR_MAX ((size_t)64 << 10)

/*
 * Some servers show more to clients that can do more, so this one says it can do everything; the filter leaves of that what policy lets
 * any client say. Nothing that the server then asks is answered here, and no tool is called that would make it ask.
 */
#define CAPABILITIES "{\"sampling\":{},\"elicitation\":{},\"roots\":{}}"

#define MODERN_META "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":" CAPABILITIES "," \
	"\"io.modelcontextprotocol/clientInfo\":{\"name\":\"mcpcage review\",\"version\":\"" PACKAGE_VERSION "\"}}"

const char *review_end_text(enum review_end end)
{
	switch (end) {
	case REVIEW_DONE:
		return "the server has shown everything";
	case REVIEW_NO_ANSWER:
		return "the server did not answer in time";
	case REVIEW_CLOSED:
		return "the server ended before it had shown everything";
	case REVIEW_NO_MCP:
		return "the server speaks no version of MCP that mcpcage knows";
	case REVIEW_TOO_MUCH:
		return "the server's lists have no end";
	case REVIEW_BROKEN:
	case REVIEW_ENDS:
		break;
	}
	return "the client of the review could not work";
}

struct client {
	int in, out;
	struct frame *frame;
	struct tree tree; /* the last result */
	bool ok;          /* it was a result, and TREE has it */
	bool modern;
	int64_t id;
	uint64_t end; /* milliseconds */
	enum review_end why;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Wait for input until AT. */
static bool wait_input(struct client *c, uint64_t at)
{
	for (;;) {
		struct pollfd p = { .fd = c->in, .events = POLLIN };
		uint64_t now = now_ms();
		if (now >= at)
			return false;
		int n = poll(&p, 1, (int)(at - now));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static bool fill(struct client *c, uint64_t at)
{
	size_t room;
	char *space = frame_space(c->frame, &room);

	if (!space) {
		c->why = REVIEW_BROKEN;
		return false;
	}
	if (!wait_input(c, at)) {
		c->why = REVIEW_NO_ANSWER;
		return false;
	}
	ssize_t n = read(c->in, space, room);
	if (n <= 0) {
		c->why = REVIEW_CLOSED;
		return false;
	}
	frame_fill(c->frame, (size_t)n);
	return true;
}

/* The answer to the last request. false: there is none, c->why says why. */
static bool answer(struct client *c)
{
	struct frame_refusal refusal;
	struct message m;
	uint64_t at = now_ms() + ANSWER_MS;

	if (at > c->end)
		at = c->end;
	for (;;) {
		switch (frame_next(c->frame, &m, &refusal)) {
		case FRAME_MORE:
			if (!fill(c, at))
				return false;
			break;
		case FRAME_MESSAGE:
			if ((m.kind != MESSAGE_RESULT && m.kind != MESSAGE_ERROR) || m.id.type != ID_INTEGER || m.id.integer != c->id)
				break;
			c->ok = m.kind == MESSAGE_RESULT && tree_parse(&c->tree, m.result, 0) == TREE_OK;
			return true;
		case FRAME_REFUSED:
		case FRAME_NOISE:
		case FRAME_BLANK:
			break;
		}
	}
}

static bool say(struct client *c, const struct buf *line)
{
	if (line->full || fd_write_all(c->out, line->p, line->n) < 0) {
		c->why = line->full ? REVIEW_BROKEN : REVIEW_CLOSED;
		return false;
	}
	return true;
}

/* PARAMS: members, without the braces. */
static bool ask(struct client *c, const char *method, struct span params)
{
	CLEANUP_BUF struct buf line = BUF_INIT(CURSOR_MAX * 2);

	c->ok = false;
	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"method\":\"%s\",\"params\":{", (long long)++c->id, method);
	if (c->modern)
		buf_printf(&line, MODERN_META "%s", params.n ? "," : "");
	buf_append(&line, params.p, params.n);
	buf_puts(&line, "}}\n");
	return say(c, &line) && answer(c);
}

/* Every page of a list; one that is refused is not there. */
static bool list(struct client *c, const char *method)
{
	CLEANUP_BUF struct buf cursor = BUF_INIT(CURSOR_MAX);

	for (int page = 0; page < PAGES; page++) {
		if (!ask(c, method, buf_span(&cursor)))
			return false;
		if (!c->ok)
			return true;
		uint32_t next = tree_member(&c->tree, 0, "nextCursor");
		if (!tree_is(&c->tree, next, TREE_STRING))
			return true;
		struct span raw = tree_raw(&c->tree, next);
		buf_clear(&cursor);
		buf_puts(&cursor, "\"cursor\":");
		if (buf_append(&cursor, raw.p, raw.n) < 0)
			break;
	}
	c->why = REVIEW_TOO_MUCH;
	return false;
}

static bool lists(struct client *c)
{
	static const struct {
		const char *capability, *method;
	} all[] = {
		{ "tools", "tools/list" },
		{ "prompts", "prompts/list" },
		{ "resources", "resources/templates/list" },
	};
	bool has[ARRAY_SIZE(all)];
	uint32_t capabilities = tree_member(&c->tree, 0, "capabilities");

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		has[i] = tree_member(&c->tree, capabilities, all[i].capability) != TREE_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (has[i] && !list(c, all[i].method))
			return false;
	return true;
}

static bool review(struct client *c)
{
	CLEANUP_BUF struct buf note = BUF_INIT(4096);

	if (!ask(c, "initialize", SPAN("\"protocolVersion\":\"2025-11-25\",\"capabilities\":" CAPABILITIES ",\"clientInfo\":{\"name\":"
				       "\"mcpcage review\",\"version\":\"" PACKAGE_VERSION "\"}")))
		return false;
	bool legacy = c->ok;
	if (legacy) {
		buf_puts(&note, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
		if (!say(c, &note) || !lists(c))
			return false;
	}
	c->modern = true;
	bool asked = ask(c, "server/discover", (struct span){ 0 });
	/* A server of the older versions may take offence, and has shown everything. */
	if (legacy && (!asked || !c->ok))
		return true;
	if (!asked)
		return false;
	if (!c->ok) {
		c->why = REVIEW_NO_MCP;
		return false;
	}
	return legacy || lists(c);
}

static _Noreturn void run(int in, int out)
{
	const int keep[] = { in, out };
	const struct frame_limits limits = { .message = (size_t)64 << 20 };
	struct client c = { .in = in, .out = out, .frame = frame_new(&limits), .end = now_ms() + REVIEW_MS };
	struct error err;
	int abi;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR || !c.frame ||
	    confine_filter(keep, ARRAY_SIZE(keep), apparmor_own(), &abi, &err) < 0)
		_exit(REVIEW_BROKEN);
	_exit(review(&c) ? REVIEW_DONE : (int)c.why);
}

pid_t review_client_start(int in, int out, struct error *err)
{
	pid_t pid = fork();

	if (pid == 0)
		run(in, out);
	if (pid < 0)
		return error_set(err, errno, "cannot fork the client of the review");
	return pid;
}
