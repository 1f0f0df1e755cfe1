/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runner of the attacks, inside the cage and, for the controls, outside.
 *
 *	attack list
 *	attack am-i-root
 *	attack WORKDIR RESULTS [--userns] [NAME...]
 *
 * Each attack runs in a process of its own with a time limit, since some of them are answered with a signal. The
 * outcome of each is one line "NAME VERDICT ERRNO DETAIL", tab-separated, appended to WORKDIR/RESULTS: a file in a
 * granted folder, because standard output belongs to JSON-RPC.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 8 };

static const struct attacks *const tables[] = {
	&files_attacks, &proc_attacks, &inherited_attacks, &calls_attacks,
	&sockets_attacks, &process_attacks, &network_attacks,
};

static char settings[16384];

/* Where the canary shows we are outside: there process 1 is not ours to attack, and the canary stands for it. */
static const char *init_pid(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s", config("canary_pid"));
	return access(path, F_OK) == 0 ? config("canary_pid") : "1";
}

const char *config(const char *key)
{
	size_t n = strlen(key);

	if (strcmp(key, "init") == 0)
		return init_pid();

	for (const char *line = settings; *line; line += strlen(line) + 1)
		if (strncmp(line, key, n) == 0 && line[n] == '=')
			return line + n + 1;
	return "";
}

static int config_read(const char *workdir)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/config", workdir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, settings, sizeof(settings) - 2);
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		if (settings[i] == '\n')
			settings[i] = '\0';
	return n < 0 ? -1 : 0;
}

const char *expand(const char *text)
{
	char key[64], *out = calloc(1, 4096);
	size_t n = 0;

	if (!out)
		abort();
	while (*text && n < 4000) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;

		if (!end) {
			out[n++] = *text++;
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(end - text - 1), text + 1);
		n += (size_t)snprintf(out + n, 4096 - n, "%s", config(key));
		text = end + 1;
	}
	return out;
}

__attribute__((format(printf, 4, 0)))
static void outcome_set(struct outcome *out, enum verdict verdict, int sys, const char *format, va_list ap)
{
	out->sys = sys;
	vsnprintf(out->detail, sizeof(out->detail), format, ap);
	for (char *p = out->detail; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	out->verdict = verdict;
}

void succeeded(struct outcome *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	outcome_set(out, SUCCEEDED, 0, format, ap);
	va_end(ap);
}

void denied(struct outcome *out, int sys, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	outcome_set(out, DENIED, sys, format, ap);
	va_end(ap);
}

void broken(struct outcome *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	outcome_set(out, BROKEN, 0, format, ap);
	va_end(ap);
}

/* The errnos with which this system refuses. Others (EFAULT, EBADF...) say that the attack itself is wrong. */
static bool refuses(int sys, unsigned flags)
{
	switch (sys) {
	case EPERM:
	case EACCES:
	case ENOSYS:
	case ENOENT:
	case EROFS:
	case EXDEV:
	case ESRCH:
	case ENXIO:
	case ENODEV:
	case ENOTDIR:
	case ELOOP:
	case ECONNREFUSED:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ETIMEDOUT:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
		return true;
	case EINVAL:
		return flags & EINVAL_DENIES;
	default:
		return false;
	}
}

void judge(struct outcome *out, const struct attack *attack, long result, const char *what)
{
	int sys = errno;

	if (result >= 0)
		succeeded(out, "%s: %ld", what, result);
	else if (refuses(sys, attack->flags))
		denied(out, sys, "%s: %s", what, strerror(sys));
	else
		broken(out, "%s: %s", what, strerror(sys));
}

bool fd_contains(int fd, const char *needle)
{
	static char text[65537];
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(text) - 1 && (r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	return *needle && memmem(text, n, needle, strlen(needle));
}

/* The control for what needs privilege over namespaces: root of new ones, with its mounts private. */
static int become_userns_root(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		static const char *const file[] = { "/proc/self/setgroups", "/proc/self/uid_map",
						    "/proc/self/gid_map" };

		if (i == 0)
			snprintf(map, sizeof(map), "deny");
		else
			snprintf(map, sizeof(map), "0 %u 1", i == 1 ? uid : gid);
		fd = open(file[i], O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, map, strlen(map)) < 0)
			return -1;
		close(fd);
	}
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static void run_one(const struct attack *a, bool userns, struct outcome *out)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0) {
		broken(out, "fork: %s", strerror(errno));
		return;
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(SECONDS);
		if (userns && become_userns_root() < 0)
			broken(out, "no user namespace for the control: %s", strerror(errno));
		else
			a->run(out, a);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status)) {
		if (WTERMSIG(status) == SIGSYS)
			denied(out, 0, "killed: bad system call");
		else if (WTERMSIG(status) == SIGALRM)
			broken(out, "no outcome within %d s", SECONDS);
		else if (out->verdict == NOTHING)
			denied(out, 0, "killed by signal %d", WTERMSIG(status));
	} else if (out->verdict == NOTHING) {
		broken(out, "exit status %d and no outcome", WEXITSTATUS(status));
	}
}

static void report(int fd, const struct attack *a, const struct outcome *out)
{
	static const char *const word[] = { "NOTHING", "DENIED", "SUCCEEDED", "BROKEN" };
	char line[512];
	int n = snprintf(line, sizeof(line), "%s\t%s\t%d\t%s\n", a->name, word[out->verdict], out->sys, out->detail);

	if (n < 0 || write(fd, line, (size_t)n) != n)
		exit(3);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static int list(void)
{
	static const char *const control[] = { "self", "root", "userns" };

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct attack *a = &tables[t]->list[i];

			printf("%s\t%s\t%s\t%s%s%s%s\t%s\n", a->name, a->class, control[a->control],
			       a->flags & MAY_LACK ? "may-lack " : "", a->flags & MAY_REFUSE ? "may-refuse " : "",
			       a->flags & NEED_USER ? "need-user " : "",
			       a->flags & HOSTNET_OPENS ? "hostnet-opens" : "", a->what);
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct outcome *out;
	char path[512];
	bool userns;
	int fd;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc == 2 && strcmp(argv[1], "am-i-root") == 0)
		return geteuid() == 0 ? 0 : 1;
	if (argc < 3)
		return 2;
	userns = argc > 3 && strcmp(argv[3], "--userns") == 0;
	snprintf(path, sizeof(path), "%s/%s", argv[1], argv[2]);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || out == MAP_FAILED || config_read(argv[1]) < 0)
		return 2;
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct attack *a = &tables[t]->list[i];

			if (!wanted(a->name, argv + (userns ? 4 : 3)))
				continue;
			memset(out, 0, sizeof(*out));
			run_one(a, userns, out);
			report(fd, a, out);
		}
	/* The last line tells a run that was cut short from a whole one. */
	return write(fd, "end\n", 4) == 4 ? 0 : 3;
}
