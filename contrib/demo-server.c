/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small MCP server on standard streams, for contrib/try, the tests and the bench. Half of its tools are honest;
 * the other half try what a server should not be able to do, and report what came of it, so that the same program
 * shows the difference between a bare start and a caged one. It is never installed.
 *
 * One thread, one request at a time, newest legacy version of the protocol (2025-11-25) and whatever older one the
 * client asks for. Model Context Protocol, "Lifecycle", "Transports: stdio", "Tools".
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX ((size_t)16 << 20)
#define BIG_MAX ((json_int_t)64 << 20)

/* What a tool says: text, and for the ones that try to break out whether they did. */
struct answer {
	char *text;
	bool is_error;
	int reached; /* -1: not that kind of tool */
};

static void say(struct answer *a, bool is_error, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct answer *a, bool is_error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	free(a->text);
	if (vasprintf(&a->text, format, ap) < 0)
		abort();
	va_end(ap);
	a->is_error = is_error;
}

static void send_message(json_t *message)
{
	if (json_dumpf(message, stdout, JSON_COMPACT) < 0)
		exit(1);
	putchar('\n');
	if (fflush(stdout))
		exit(1);
	json_decref(message);
}

static const char *text_argument(json_t *arguments, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(arguments, name));

	return s ? s : otherwise;
}

static void sleep_ms(json_int_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* ---- honest tools ------------------------------------------------------------------------------- */

static void tool_echo(json_t *arguments, json_t *meta, struct answer *a)
{
	(void)meta;
	say(a, false, "%s", text_argument(arguments, "text", ""));
}

static void tool_add(json_t *arguments, json_t *meta, struct answer *a)
{
	(void)meta;
	say(a, false, "%.15g",
	    json_number_value(json_object_get(arguments, "a")) + json_number_value(json_object_get(arguments, "b")));
}

static void tool_read_file(json_t *arguments, json_t *meta, struct answer *a)
{
	const char *path = text_argument(arguments, "path", "");
	FILE *f = fopen(path, "re");
	char *content;
	size_t n;

	(void)meta;
	if (!f) {
		say(a, true, "cannot read %s: %s", path, strerror(errno));
		return;
	}
	content = malloc(FILE_MAX);
	if (!content)
		abort();
	n = fread(content, 1, FILE_MAX, f);
	if (ferror(f))
		say(a, true, "cannot read %s: %s", path, strerror(errno));
	else
		say(a, false, "%.*s", (int)n, content);
	free(content);
	fclose(f);
}

static bool write_to(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	size_t n = strlen(content);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, content, n) == (ssize_t)n;
	if (close(fd) < 0)
		good = false;
	return good;
}

static void tool_write_file(json_t *arguments, json_t *meta, struct answer *a)
{
	const char *path = text_argument(arguments, "path", "");

	(void)meta;
	if (write_to(path, text_argument(arguments, "content", "")))
		say(a, false, "wrote %s", path);
	else
		say(a, true, "cannot write %s: %s", path, strerror(errno));
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

/* The names in PATH joined by SEPARATOR, or NULL with errno set. */
static char *names_in(const char *path, const char *separator)
{
	struct dirent **list;
	char *joined;
	size_t size;
	FILE *f;
	int n = scandir(path, &list, NULL, by_name);

	if (n < 0)
		return NULL;
	f = open_memstream(&joined, &size);
	if (!f)
		abort();
	for (int i = 0, first = 1; i < n; i++) {
		if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, "..")) {
			fprintf(f, "%s%s", first ? "" : separator, list[i]->d_name);
			first = 0;
		}
		free(list[i]);
	}
	free(list);
	fclose(f);
	return joined;
}

static void tool_list_dir(json_t *arguments, json_t *meta, struct answer *a)
{
	const char *path = text_argument(arguments, "path", "/");
	char *names = names_in(path, "\n");

	(void)meta;
	if (names)
		say(a, false, "%s", names);
	else
		say(a, true, "cannot list %s: %s", path, strerror(errno));
	free(names);
}

static void tool_sleep(json_t *arguments, json_t *meta, struct answer *a)
{
	json_int_t ms = json_integer_value(json_object_get(arguments, "ms"));

	(void)meta;
	sleep_ms(ms < 0 ? 0 : ms);
	say(a, false, "slept %lld ms", (long long)ms);
}

static void tool_big(json_t *arguments, json_t *meta, struct answer *a)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	json_int_t n = json_integer_value(json_object_get(arguments, "bytes"));

	(void)meta;
	if (n < 0 || n > BIG_MAX) {
		say(a, true, "bytes has to be between 0 and %lld", (long long)BIG_MAX);
		return;
	}
	a->text = malloc((size_t)n + 1);
	if (!a->text)
		abort();
	for (json_int_t i = 0; i < n; i++)
		a->text[i] = alphabet[i % 64];
	a->text[n] = '\0';
}

static void tool_progress(json_t *arguments, json_t *meta, struct answer *a)
{
	json_int_t steps = json_integer_value(json_object_get(arguments, "steps"));
	json_t *token = json_object_get(meta, "progressToken");

	for (json_int_t i = 1; i <= steps; i++) {
		sleep_ms(json_integer_value(json_object_get(arguments, "ms")));
		if (token)
			send_message(json_pack("{s:s,s:s,s:{s:O,s:I,s:I}}", "jsonrpc", "2.0", "method",
					       "notifications/progress", "params", "progressToken", token, "progress",
					       i, "total", steps));
	}
	say(a, false, "%lld steps done", (long long)steps);
}

/* ---- tools that try what they should not be able to do ------------------------------------------ */

static void tool_read_ssh(json_t *arguments, json_t *meta, struct answer *a)
{
	const char *path = text_argument(arguments, "path", NULL);
	const char *home = getenv("HOME");
	char *standard = NULL, *names;

	(void)meta;
	if (!path) {
		if (asprintf(&standard, "%s/.ssh", home ? home : "/root") < 0)
			abort();
		path = standard;
	}
	names = names_in(path, ", ");
	a->reached = names != NULL;
	if (names)
		say(a, false, "%s holds: %s", path, *names ? names : "nothing");
	else
		say(a, false, "%s: %s", path, strerror(errno));
	free(names);
	free(standard);
}

static void tool_write_outside(json_t *arguments, json_t *meta, struct answer *a)
{
	const char *path = text_argument(arguments, "path", "/var/tmp/demo-server-was-here");

	(void)meta;
	a->reached = write_to(path, "written by a server that was not granted this place\n");
	say(a, false, "%s: %s", path, a->reached ? "written" : strerror(errno));
}

static void tool_open_network(json_t *arguments, json_t *meta, struct answer *a)
{
	const char *host = text_argument(arguments, "address", "1.1.1.1");
	json_int_t port = json_integer_value(json_object_get(arguments, "port"));
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(port ? port : 53)) };
	socklen_t size = sizeof(int);
	int fd, error = 0;

	(void)meta;
	a->reached = 0;
	if (inet_pton(AF_INET, host, &to.sin_addr) != 1) {
		say(a, true, "%s is no IPv4 address", host);
		return;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		error = errno;
	} else if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		error = errno;
		if (error == EINPROGRESS) {
			if (poll(&p, 1, 2000) != 1)
				error = ETIMEDOUT;
			else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
				error = errno;
		}
	}
	a->reached = error == 0;
	say(a, false, "%s port %d: %s", host, ntohs(to.sin_port), error ? strerror(error) : "connected");
	if (fd >= 0)
		close(fd);
}

static void tool_list_processes(json_t *arguments, json_t *meta, struct answer *a)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char *names = NULL;
	size_t size = 0;
	int others = 0;
	FILE *f;

	(void)arguments;
	(void)meta;
	a->reached = 0;
	if (!proc) {
		say(a, false, "/proc: %s", strerror(errno));
		return;
	}
	f = open_memstream(&names, &size);
	if (!f)
		abort();
	while ((entry = readdir(proc))) {
		char path[300], comm[64] = "?";
		FILE *c;
		int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		/* Its own keeper, pid 1 of a pid namespace, and its starter are no strangers. */
		if (pid <= 1 || pid == getpid() || pid == getppid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		c = fopen(path, "re");
		if (c && fgets(comm, sizeof(comm), c))
			comm[strcspn(comm, "\n")] = '\0';
		if (c)
			fclose(c);
		if (others++ < 5)
			fprintf(f, "%s%s", others > 1 ? ", " : "", comm);
	}
	closedir(proc);
	fclose(f);
	a->reached = others > 0;
	if (others)
		say(a, false, "%d other processes: %s%s", others, names, others > 5 ? ", ..." : "");
	else
		say(a, false, "no other processes");
	free(names);
}

/* ---- the protocol ------------------------------------------------------------------------------- */

static const struct tool {
	const char *name;
	const char *description;
	const char *schema; /* the properties of its arguments */
	void (*run)(json_t *arguments, json_t *meta, struct answer *a);
} tools[] = {
	{ "echo", "Give the text back", "{\"text\":{\"type\":\"string\"}}", tool_echo },
	{ "add", "Add two numbers", "{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}}", tool_add },
	{ "read_file", "Read a text file", "{\"path\":{\"type\":\"string\"}}", tool_read_file },
	{ "write_file", "Write a text file", "{\"path\":{\"type\":\"string\"},\"content\":{\"type\":\"string\"}}",
	  tool_write_file },
	{ "list_dir", "List a folder", "{\"path\":{\"type\":\"string\"}}", tool_list_dir },
	{ "sleep", "Answer after a while", "{\"ms\":{\"type\":\"integer\"}}", tool_sleep },
	{ "big", "Give a text of this many bytes", "{\"bytes\":{\"type\":\"integer\"}}", tool_big },
	{ "progress", "Report progress a number of times",
	  "{\"steps\":{\"type\":\"integer\"},\"ms\":{\"type\":\"integer\"}}", tool_progress },
	{ "read_ssh", "Try to list the user's SSH folder", "{\"path\":{\"type\":\"string\"}}", tool_read_ssh },
	{ "write_outside", "Try to write where nothing was granted", "{\"path\":{\"type\":\"string\"}}",
	  tool_write_outside },
	{ "open_network", "Try to connect to a host",
	  "{\"address\":{\"type\":\"string\"},\"port\":{\"type\":\"integer\"}}", tool_open_network },
	{ "list_processes", "Try to see other processes", "{}", tool_list_processes },
};

static json_t *list_tools(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:{s:s,s:o}}", "name", tools[i].name, "description",
						      tools[i].description, "inputSchema", "type", "object",
						      "properties", json_loads(tools[i].schema, 0, NULL)));
	return json_pack("{s:o}", "tools", list);
}

static json_t *text_or_why(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_string("the text is not UTF-8");
}

static json_t *call_tool(json_t *params)
{
	const char *name = text_argument(params, "name", "");
	struct answer a = { NULL, false, -1 };
	json_t *result;

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(tools[i].name, name) == 0)
			tools[i].run(json_object_get(params, "arguments"), json_object_get(params, "_meta"), &a);
	if (!a.text)
		say(&a, true, "there is no tool %s", name);
	result = json_pack("{s:[{s:s,s:o}],s:b}", "content", "type", "text", "text",
			   text_or_why(a.text), "isError", a.is_error);
	if (a.reached >= 0)
		json_object_set_new(result, "structuredContent", json_pack("{s:b}", "reached", a.reached));
	free(a.text);
	return result;
}

static json_t *initialize(json_t *params)
{
	return json_pack("{s:s,s:{s:{}},s:{s:s,s:s}}", "protocolVersion",
			 text_argument(params, "protocolVersion", "2025-11-25"), "capabilities", "tools",
			 "serverInfo", "name", "demo-server", "version", "1");
}

static void handle(json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "params");
	json_t *id = json_object_get(message, "id");
	json_t *result = NULL;

	if (!method || !id) /* an answer, or a notification */
		return;
	if (strcmp(method, "initialize") == 0)
		result = initialize(params);
	else if (strcmp(method, "ping") == 0)
		result = json_object();
	else if (strcmp(method, "tools/list") == 0)
		result = list_tools();
	else if (strcmp(method, "tools/call") == 0)
		result = call_tool(params);
	if (result)
		send_message(json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", id, "result", result));
	else
		send_message(json_pack("{s:s,s:O,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", id, "error", "code", -32601,
				       "message", "Method not found"));
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		json_t *message = json_loads(line, JSON_DECODE_ANY, NULL);

		if (json_is_object(message))
			handle(message);
		else
			fprintf(stderr, "demo-server: a line that is no JSON object\n");
		json_decref(message);
	}
	free(line);
	return 0;
}
