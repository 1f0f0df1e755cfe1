/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Servers that misbehave, for the tests of teardown and of limits: rogue WORKDIR MODE [MARKER...]. What a test has to know
 * is appended to WORKDIR/marks, a line each; further arguments only make the process findable.
 *
 * Every mode but the first few ignores the end of its input and each signal that can be ignored.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int marks = -1;

__attribute__((format(printf, 1, 2))) static void mark(const char *format, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	line[n++] = '\n';
	if (write(marks, line, (size_t)n) != n)
		_exit(90);
}

static void ignore_all(void)
{
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP && s != SIGCHLD)
			signal(s, SIG_IGN);
}

static void stay(void)
{
	for (;;)
		pause();
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno != EINTR)
			return;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
}

/* A server that answers every request with an empty result, until the end of its input. */
static void serve(void)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		const char *id = strstr(line, "\"id\":");
		char answer[128];
		int n;

		if (!id)
			continue;
		n = snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{}}\n",
			     strtol(id + 5, NULL, 10));
		write_all(STDOUT_FILENO, answer, (size_t)n);
	}
}

/* Out of the session, the process group and, as far as parenthood goes, the family. */
static void daemons(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			setsid();
			if (fork() == 0) {
				setsid();
				ignore_all();
				for (int fd = 0; fd <= 2; fd++)
					close(fd);
				mark("daemon");
				stay();
			}
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void flood(int fd, const char *text)
{
	static char block[4096]; /* PIPE_BUF: what another process writes to the pipe stays whole */
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= sizeof(block); i += n)
		memcpy(block + i, text, n);
	for (;;)
		write_all(fd, block, sizeof(block) / n * n);
}

/* Children that stay, until no more can be made. */
static void bomb(int most)
{
	int made = 0;

	while (made < most) {
		pid_t pid = fork();

		if (pid == 0)
			stay();
		if (pid < 0)
			break;
		made++;
	}
	mark("children %d%s", made, made < most ? " then refused" : "");
}

static void fill(const char *where, off_t most)
{
	static char block[1 << 20];
	char path[512];
	off_t size = 0;
	int fd;

	memset(block, 'x', sizeof(block));
	snprintf(path, sizeof(path), "%s/fill", where);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (fd >= 0 && size < most) {
		ssize_t w = write(fd, block, sizeof(block));

		if (w < 0)
			break;
		size += w;
	}
	mark("filled %s %lld %s", where, (long long)size, size < most ? strerror(errno) : "without end");
	unlink(path);
}

static void fill_names(const char *where, long most)
{
	char path[512];
	long made = 0;

	while (made < most) {
		int fd;

		snprintf(path, sizeof(path), "%s/name-%ld", where, made);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			break;
		close(fd);
		made++;
	}
	mark("names %s %ld %s", where, made, made < most ? strerror(errno) : "without end");
	for (long i = 0; i < made; i++) {
		snprintf(path, sizeof(path), "%s/name-%ld", where, i);
		unlink(path);
	}
}

static void open_files(long most)
{
	long made = 0;

	while (made < most && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		made++;
	mark("files %ld %s", made, made < most ? strerror(errno) : "without end");
}

static void memory(size_t most)
{
	const size_t step = 16 << 20;
	size_t got = 0;

	while (got < most) {
		char *p = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			break;
		memset(p, 1, step);
		got += step;
		mark("memory %zu", got);
	}
	mark("memory-end %zu", got);
}

static void copy_lines(const char *path, const char *name, const char *const *starts)
{
	char line[1024];
	FILE *f = fopen(path, "re");

	if (!f)
		mark("%s cannot be read: %s", name, strerror(errno));
	while (f && fgets(line, sizeof(line), f))
		for (const char *const *s = starts; *s; s++)
			if (strncmp(line, *s, strlen(*s)) == 0)
				mark("%s %.*s", name, (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

/* "where what options" of each mount: numbers of mounts and devices differ from one session to the next. */
static void copy_mounts(void)
{
	char line[2048], root[512], where[512], options[512], kind[64];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");

		if (dash && sscanf(line, "%*s %*s %*s %500s %500s %500s", root, where, options) == 3 &&
		    sscanf(dash, " - %60s", kind) == 1)
			mark("mount %.60s %.100s %s", where, options, kind);
	}
	if (f)
		fclose(f);
}

/*
 * All that can be said from inside of how this process is confined: two sessions of the same policy say the same. Init
 * confines itself when the server already runs, so it gets a moment.
 */
static void fingerprint(void)
{
	static const char *const status[] = { "Cap", "NoNewPrivs", "Seccomp:", "Seccomp_filters", "SigBlk", "SigIgn",
					      "SigCgt", "NSpid", "NSsid", "Uid", "Gid", "CoreDumping", NULL };
	static const char *const init[] = { "Cap", "NoNewPrivs", "Seccomp:", "Seccomp_filters", "Uid", NULL };
	static const char *const space[] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time" };
	char text[512];
	FILE *f;

	for (int i = 0; i < 100; i++) {
		bool confined = false;

		f = fopen("/proc/1/status", "re");
		while (f && fgets(text, sizeof(text), f))
			confined = confined || strncmp(text, "Seccomp:\t2", 10) == 0;
		if (f)
			fclose(f);
		if (confined)
			break;
		usleep(10000);
	}
	copy_lines("/proc/self/status", "self", status);
	copy_lines("/proc/1/status", "init", init);
	copy_mounts();
	for (size_t i = 0; i < sizeof(space) / sizeof(space[0]); i++) {
		char path[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", space[i]);
		n = readlink(path, text, sizeof(text) - 1);
		mark("namespace %s %.*s", space[i], n > 0 ? (int)n : 0, text);
	}
	for (int what = 0; what < RLIM_NLIMITS; what++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)what, &limit) == 0)
			mark("limit %d %llu %llu", what, (unsigned long long)limit.rlim_cur,
			     (unsigned long long)limit.rlim_max);
	}
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && fd != marks)
			mark("descriptor %d flags %x", fd, fcntl(fd, F_GETFL) & O_ACCMODE);
	gethostname(text, sizeof(text));
	mark("host %s", text);
	mark("session %d group %d", getsid(0) == getpid(), getpgrp() == getpid());
	mark("folder %s", getcwd(text, sizeof(text)));
	for (char **e = environ; *e; e++)
		mark("env %.200s", *e);
	mark("signal to init: %s", kill(1, 0) == 0 ? "allowed" : strerror(errno));
	mark("root can be listed: %d", access("/", R_OK) == 0);
	mark("umask %o", umask(0));
	mark("fingerprint-end");
}

/* The modes that end by themselves, or with the client. */
static bool orderly(const char *mode, const char *arg)
{
	if (strcmp(mode, "exit") == 0)
		exit(atoi(arg));
	if (strcmp(mode, "die") == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(atoi(arg), SIG_DFL);
		raise(atoi(arg));
		return true;
	}
	if (strcmp(mode, "serve") == 0) {
		serve();
		return true;
	}
	if (strcmp(mode, "fingerprint") == 0) {
		fingerprint();
		serve();
		return true;
	}
	if (strcmp(mode, "limits") == 0) {
		fill("/tmp", (off_t)1 << 30);
		fill(getenv("HOME") ? getenv("HOME") : "/", (off_t)1 << 30);
		fill("/dev/shm", (off_t)1 << 30);
		fill_names("/tmp", 1000000);
		open_files(2000000);
		serve();
		return true;
	}
	if (strcmp(mode, "memory") == 0) {
		memory((size_t)4 << 30);
		return true;
	}
	if (strcmp(mode, "kill-all") == 0) {
		/* Everything this process may signal: a child of its own proves that the call does its work. */
		int status = 0;
		pid_t child = fork();

		if (child == 0)
			stay();
		status = kill(-1, SIGKILL) == 0 ? 0 : errno;
		mark("kill-all %s, %s", strerror(status),
		     waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? "its own child is dead" : "no effect");
		serve();
		return true;
	}
	return false;
}

static void unruly(const char *mode, const char *arg)
{
	ignore_all();
	if (strcmp(mode, "daemons") == 0) {
		daemons(5);
		mark("ready");
		serve();
		return; /* leaves its daemons behind */
	}
	if (strcmp(mode, "bomb") == 0)
		bomb(atoi(arg));
	mark("ready");
	if (strcmp(mode, "flood-lines") == 0)
		flood(STDOUT_FILENO, "not a message\n");
	if (strcmp(mode, "flood-line") == 0)
		flood(STDOUT_FILENO, "{\"jsonrpc\":");
	if (strcmp(mode, "flood-messages") == 0)
		flood(STDOUT_FILENO, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\","
				     "\"data\":\"x\"}}\n");
	if (strcmp(mode, "flood-errors") == 0)
		flood(STDERR_FILENO, "an error, an error, an error\n");
	if (strcmp(mode, "flood-serve") == 0) {
		if (fork() == 0)
			flood(STDERR_FILENO, "an error, an error, an error\n");
		serve();
	}
	if (strcmp(mode, "noise-serve") == 0) {
		if (fork() == 0)
			flood(STDOUT_FILENO, "not a message\n");
		serve();
	}
	if (strcmp(mode, "stopped") == 0)
		raise(SIGSTOP);
	if (strcmp(mode, "closed") == 0)
		for (int fd = 0; fd <= 2; fd++)
			close(fd);
	stay(); /* "deaf", and what came to an end */
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : "", *arg = argc > 3 ? argv[3] : "";
	char path[512];

	if (argc < 3)
		return 2;
	snprintf(path, sizeof(path), "%s/marks", argv[1]);
	marks = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (marks < 0)
		return 2;
	mark("started");
	if (!orderly(mode, arg))
		unruly(mode, arg);
	return 0;
}
