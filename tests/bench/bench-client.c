/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stopwatch of the benches. Takes several commands, runs them in turns so that whatever else the machine does hits
 * all of them alike, and writes one line of nanoseconds for each command. tests/bench/bench.py makes sense of them.
 *
 *	bench-client start N ::: COMMAND... ::: COMMAND...     from execve(2) to the payload's first instruction
 *	bench-client trip N ::: ...                            round trip of a tools/call of 120 bytes
 *	bench-client bulk N BYTES ::: ...                      the same with an image of BYTES as its result
 *	bench-client text N BYTES ::: ...                      or text
 *	bench-client list N ::: ...                            round trip of tools/list
 *	bench-client session N ::: ...                         from execve(2) to the answer to the first tools/list
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 8
#define WARM 20
#define WARM_SESSIONS 2 /* these take a second each */

struct child {
	pid_t pid;
	int to, from;
	char *held; /* bytes read and not yet used */
	size_t n;
};

static const size_t held_max = (size_t)80 << 20;
static int64_t *exec_at; /* shared with the child */

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void start(struct child *c, char **argv)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("pipe2");
	c->pid = fork();
	if (c->pid < 0)
		die("fork");
	if (c->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		*exec_at = now();
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->to = in[1];
	c->from = out[0];
	c->n = 0;
}

static void finish(struct child *c)
{
	close(c->to);
	close(c->from);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void put(struct child *c, const char *line, size_t n)
{
	while (n > 0) {
		ssize_t w = write(c->to, line, n);

		if (w < 0)
			die("write");
		line += w;
		n -= (size_t)w;
	}
}

/* Read one line into c->held and return its length; what follows it stays for the next time (here: never). */
static size_t get(struct child *c)
{
	for (;;) {
		ssize_t r;

		if (c->n == held_max)
			die("a line without end");
		r = read(c->from, c->held + c->n, held_max - c->n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = EPIPE;
		if (r <= 0)
			die("the server's answer");
		c->n += (size_t)r;
		if (c->held[c->n - 1] == '\n') {
			size_t n = c->n;

			c->n = 0;
			return n;
		}
	}
}

static const char hello[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\","
	"\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n";

static void handshake(struct child *c)
{
	static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";

	static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}\n";

	put(c, hello, sizeof(hello) - 1);
	get(c);
	put(c, ready, sizeof(ready) - 1);
	/* What was never listed cannot be called. */
	put(c, list, sizeof(list) - 1);
	get(c);
}

/*
 * Where the scheduler puts a woken process decides more about a round trip than what the process does: 20 us on the same
 * processor, 80 on another one that sleeps, and it changes from run to run. On one processor the work itself is left.
 */
static void one_processor(void)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
			break;
		}
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		die("sched_setaffinity");
}

static int64_t trip(struct child *c, unsigned id)
{
	char line[121];
	int n = snprintf(line, sizeof(line),
			 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"x\":\"", id);
	int64_t t;

	memset(line + n, 'a', sizeof(line) - 1 - (size_t)n);
	memcpy(line + 115, "\"}}}\n", 5);
	t = now();
	put(c, line, 120);
	get(c);
	return now() - t;
}

static int64_t list(struct child *c, unsigned id)
{
	char line[80];
	int n = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/list\"}\n", id);
	int64_t t = now();

	put(c, line, (size_t)n);
	get(c);
	return now() - t;
}

static int64_t bulk(struct child *c, unsigned id, const char *what, size_t bytes)
{
	char line[160];
	int n = snprintf(line, sizeof(line),
			 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":\"big\",\"arguments\":{\"%s\":%zu}}}\n",
			 id, what, bytes);
	int64_t t = now();

	put(c, line, (size_t)n);
	if (get(c) < bytes)
		die("a short answer");
	return now() - t;
}

static int64_t start_time(struct child *c, char **argv)
{
	const char *at;
	int64_t t;

	start(c, argv);
	put(c, hello, sizeof(hello) - 1);
	get(c);
	at = strstr(c->held, "\"data\":");
	t = at ? strtoll(at + 7, NULL, 10) - *exec_at : 0;
	finish(c);
	if (t <= 0)
		die("the payload's answer");
	return t;
}

static int64_t session_time(struct child *c, char **argv)
{
	int64_t t;

	start(c, argv);
	handshake(c);
	t = now() - *exec_at;
	finish(c);
	return t;
}

int main(int argc, char **argv)
{
	char **commands[COMMANDS_MAX];
	struct child children[COMMANDS_MAX] = { { 0 } };
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0, commands_n = 0;
	size_t bytes = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	bool starts = argc > 1 && strcmp(argv[1], "start") == 0, lists = argc > 1 && strcmp(argv[1], "list") == 0;
	const char *what = argc > 1 && strcmp(argv[1], "text") == 0 ? "text" : "bytes";
	bool sessions = argc > 1 && strcmp(argv[1], "session") == 0;
	unsigned warm = sessions ? WARM_SESSIONS : WARM;
	int64_t *times;

	for (int i = 1; i < argc && commands_n < COMMANDS_MAX; i++)
		if (strcmp(argv[i], ":::") == 0) {
			argv[i] = NULL;
			commands[commands_n++] = argv + i + 1;
		}
	if (n == 0 || commands_n == 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "trip") == 0)
		one_processor();
	times = calloc((size_t)n * commands_n, sizeof(*times));
	exec_at = mmap(NULL, sizeof(*exec_at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!times || exec_at == MAP_FAILED)
		die("memory");
	for (unsigned c = 0; c < commands_n; c++) {
		children[c].held = malloc(held_max);
		if (!children[c].held)
			die("memory");
		if (!starts && !sessions) {
			start(&children[c], commands[c]);
			handshake(&children[c]);
		}
	}
	for (unsigned i = 0; i < n + warm; i++) {
		for (unsigned c = 0; c < commands_n; c++) {
			struct child *child = &children[c];
			int64_t t = starts ? start_time(child, commands[c])
				    : sessions ? session_time(child, commands[c])
				    : lists ? list(child, i + 3)
				    : bytes ? bulk(child, i + 3, what, bytes)
					    : trip(child, i + 3);

			if (i >= warm)
				times[(size_t)c * n + i - warm] = t;
		}
	}
	for (unsigned c = 0; c < commands_n; c++) {
		for (unsigned i = 0; i < n; i++)
			printf("%s%lld", i ? " " : "", (long long)times[(size_t)c * n + i]);
		putchar('\n');
		if (!starts && !sessions)
			finish(&children[c]);
	}
	return 0;
}
