/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scripted client of contrib/try: starts a server as any MCP client does, shakes hands, lists the tools, makes the
 * calls it is told to make, and prints a line for each, fields separated by tabs:
 *
 *	demo-client 'TOOL {"argument": "value"}'... -- COMMAND [ARG...]
 *
 *	server   NAME VERSION
 *	tools    NUMBER  NAME, NAME, ...
 *	TOOL     ok | error | reached | stopped   the answer's first line
 *
 * "reached" and "stopped" are what demo-server's tools say of their attempts. "%PORT%" in the arguments becomes the
 * port of a socket that this program listens on, at 127.0.0.1. The server's standard error is passed on. It is never
 * installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static int to_server, from_server;
static int next_id = 1;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "demo-client: %s\n", what);
	exit(1);
}

static pid_t start(char **argv)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("cannot make pipes");
	pid = fork();
	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "demo-client: cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to_server = in[1];
	from_server = out[0];
	return pid;
}

static void send_message(json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0, done = 0;

	if (!text)
		die("cannot write JSON");
	text[n++] = '\n'; /* in the place of the NUL */
	while (done < n) {
		ssize_t w = write(to_server, text + done, n - done);

		if (w < 0 && errno != EINTR)
			die("the server is gone");
		if (w > 0)
			done += (size_t)w;
	}
	free(text);
	json_decref(message);
}

/* One line of the server, NUL-terminated; the caller frees it. */
static char *read_line(void)
{
	static char held[1 << 16];
	static size_t n;
	char *line = NULL;
	size_t line_n = 0;

	for (;;) {
		char *end = memchr(held, '\n', n);
		size_t take = end ? (size_t)(end - held) : n;
		struct pollfd p = { .fd = from_server, .events = POLLIN };
		ssize_t r;

		line = realloc(line, line_n + take + 1);
		if (!line)
			die("out of memory");
		memcpy(line + line_n, held, take);
		line_n += take;
		line[line_n] = '\0';
		if (end) {
			n -= take + 1;
			memmove(held, end + 1, n);
			return line;
		}
		n = 0;
		if (poll(&p, 1, PATIENCE_MS) != 1)
			die("the server does not answer");
		r = read(from_server, held, sizeof(held));
		if (r <= 0)
			die("the server ended before it answered");
		n = (size_t)r;
	}
}

/* Send a request and wait for its answer, "result" or "error"; anything else is skipped. */
static json_t *request(const char *method, json_t *params)
{
	int id = next_id++;

	send_message(json_pack("{s:s,s:i,s:s,s:o}", "jsonrpc", "2.0", "id", id, "method", method, "params", params));
	for (;;) {
		char *line = read_line();
		json_t *message = json_loads(line, 0, NULL);

		free(line);
		if (message && !json_object_get(message, "method") &&
		    json_integer_value(json_object_get(message, "id")) == id)
			return message;
		json_decref(message);
	}
}

static void handshake(void)
{
	json_t *answer = request("initialize", json_pack("{s:s,s:{},s:{s:s,s:s}}", "protocolVersion", "2025-06-18",
							 "capabilities", "clientInfo", "name", "demo-client",
							 "version", "1"));
	json_t *info = json_object_get(json_object_get(answer, "result"), "serverInfo");
	const char *name = json_string_value(json_object_get(info, "name"));
	const char *version = json_string_value(json_object_get(info, "version"));

	printf("server\t%s %s\n", name ? name : "?", version ? version : "?");
	json_decref(answer);
	send_message(json_pack("{s:s,s:s}", "jsonrpc", "2.0", "method", "notifications/initialized"));
}

static void list_tools(void)
{
	json_t *answer = request("tools/list", json_object());
	json_t *tools = json_object_get(json_object_get(answer, "result"), "tools"), *tool;
	size_t i;

	printf("tools\t%zu\t", json_array_size(tools));
	json_array_foreach(tools, i, tool)
		printf("%s%s", i ? ", " : "", json_string_value(json_object_get(tool, "name")));
	putchar('\n');
	json_decref(answer);
}

static void call(const char *name, const char *arguments)
{
	json_t *parsed = json_loads(arguments, 0, NULL), *answer, *result, *reached;
	const char *text, *verdict = "ok";

	if (!json_is_object(parsed))
		die("the arguments of a call are no JSON object");
	answer = request("tools/call", json_pack("{s:s,s:o}", "name", name, "arguments", parsed));
	result = json_object_get(answer, "result");
	reached = json_object_get(json_object_get(result, "structuredContent"), "reached");
	text = json_string_value(json_object_get(json_array_get(json_object_get(result, "content"), 0), "text"));
	if (!text)
		text = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
	if (!result || json_is_true(json_object_get(result, "isError")))
		verdict = "error";
	else if (reached)
		verdict = json_is_true(reached) ? "reached" : "stopped";
	printf("%s\t%s\t%.*s\n", name, verdict, text ? (int)strcspn(text, "\n") : 0, text ? text : "");
	json_decref(answer);
}

/* A service of this machine, for a server that looks for one. Returns its port. */
static unsigned listen_somewhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		die("cannot listen on 127.0.0.1");
	return ntohs(at.sin_port);
}

/* ARGUMENTS with the port put in, on the heap. */
static char *with_port(const char *arguments, unsigned port)
{
	const char *at = strstr(arguments, "%PORT%");
	char *text = NULL;

	if (at ? asprintf(&text, "%.*s%u%s", (int)(at - arguments), arguments, port, at + 6) < 0
	       : !(text = strdup(arguments)))
		die("out of memory");
	return text;
}

int main(int argc, char **argv)
{
	int calls = 1, status;
	unsigned port;
	pid_t pid;

	while (calls < argc && strcmp(argv[calls], "--") != 0)
		calls++;
	if (calls + 1 >= argc)
		die("usage: demo-client 'TOOL {ARGUMENTS}'... -- COMMAND [ARG...]");
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	port = listen_somewhere();
	pid = start(argv + calls + 1);
	handshake();
	list_tools();
	for (int i = 1; i < calls; i++) {
		char name[256], *arguments;
		size_t n = strcspn(argv[i], " ");

		snprintf(name, sizeof(name), "%.*s", (int)n, argv[i]);
		arguments = with_port(argv[i][n] ? argv[i] + n : "{}", port);
		call(name, arguments);
		free(arguments);
	}
	close(to_server);
	waitpid(pid, &status, 0);
	return 0;
}
