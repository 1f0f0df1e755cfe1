/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine-dependent layers, used the way a session uses them, on a machine that has them. Run by tests/vm/guest.
 *
 *	layers group scope|delegated    limits, kill, usage, removal: TAP
 *	layers many N                   N at once, each with a group of its own: TAP
 *	layers none                     there is no group, and a reason
 *	layers hung                     systemd does not answer: bounded
 *	layers apparmor PROFILE         stacking: TAP
 *	layers under PROFILE COMMAND... with the profile stacked and nothing else of a cage
 *	layers doctor                   the results of probe_all, a line each, with US between the fields
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define MIB ((uint64_t)1 << 20)

static const struct plan limits = {
	.memory = 96 * MIB, .tasks = 40, .cpu = 50, .exe = (char *)"/usr/bin/d\303\251mo"
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- what runs in the group ---------------------------------------------------------------------- */

/* Touch N bytes in a process of its own: its wait status. */
static int eat(uint64_t n)
{
	pid_t pid = fork();

	if (pid == 0) {
		char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			_exit(1);
		for (uint64_t i = 0; i < n; i += 4096)
			p[i] = 1;
		_exit(0);
	}
	return tap_wait_status(pid);
}

/* Fork sleeping children until it fails: how many there were. */
static int fork_many(void)
{
	pid_t pids[200];
	int n = 0;

	while (n < 200 && (pids[n] = fork()) >= 0) {
		if (pids[n] == 0)
			for (;;)
				pause();
		n++;
	}
	for (int i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		tap_wait_status(pids[i]);
	}
	return n;
}

/* Percent of one processor that a busy process gets. */
static int spin(void)
{
	struct timespec before, after;
	double start = now();

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	while (now() - start < 1.0)
		;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (int)(((double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9) *
		     100 / (now() - start));
}

struct findings {
	int eat_small, eat_big, forks, spin;
};

static void __attribute__((noreturn)) in_group(int go, int out)
{
	struct findings f;
	char byte;

	/* Only what is in the group counts from here on. */
	if (read(go, &byte, 1) != 1)
		_exit(1);
	f.eat_small = eat(16 * MIB);
	f.eat_big = eat(300 * MIB);
	f.forks = fork_many();
	f.spin = spin();
	if (write(out, &f, sizeof f) != (ssize_t)sizeof f)
		_exit(1);
	/* A daemon that left our session and ignores what it can; `out` stays open in it. */
	if (fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		if (fork() > 0)
			_exit(0);
		for (;;)
			pause();
	}
	if (write(out, "d", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_in_group(const struct cgroup *group, int go[2], int out[2])
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		bail_out("pipe2: %s", strerror(errno));
	if (group->how == CGROUP_DELEGATED) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)group->fd;
	}
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0) {
		close(go[1]);
		close(out[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		in_group(go[0], out[1]);
	}
	close(go[0]);
	close(out[1]);
	return (pid_t)pid;
}

/* ---- groups ---------------------------------------------------------------------------------------- */

static bool wait_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static void check_findings(const struct cgroup *group, int go, int out)
{
	struct findings f = { 0 };
	uint64_t peak, cpu, oom;
	char byte;

	/* What the limits are measured against. */
	int bare_big = eat(300 * MIB), bare_forks = fork_many(), bare_spin = spin();
	/* A machine that has other things to do gives it one in the end. */
	for (int i = 0; bare_spin <= 75 && i < 10; i++)
		bare_spin = spin();
	is_int(bare_big, 0, "outside the group 300 MiB can be used");
	is_int(bare_forks, 200, "outside the group 200 processes can be started");
	ok(bare_spin > 75, "outside the group a busy process gets a processor (%d %%)", bare_spin);

	ok(write(go, "g", 1) == 1 && wait_readable(out, 30000) &&
		   read(out, &f, sizeof f) == (ssize_t)sizeof f && wait_readable(out, 5000) &&
		   read(out, &byte, 1) == 1,
	   "the process in the group reports");
	is_int(f.eat_small, 0, "in the group 16 MiB can be used");
	ok(WIFSIGNALED(f.eat_big) && WTERMSIG(f.eat_big) == SIGKILL,
	   "300 MiB cannot: the process is killed (%x)", (unsigned)f.eat_big);
	ok(f.forks >= 30 && f.forks < 40, "processes are bounded (%d)", f.forks);
	ok(f.spin > 0 && f.spin < 65, "a busy process gets half a processor at most (%d %%)", f.spin);

	cgroup_usage(group, &peak, &cpu, &oom);
	ok(peak > 80 * MIB && peak <= 96 * MIB, "the peak of memory is known (%ju)", (uintmax_t)peak);
	ok(cpu > 300000, "so is processor time (%ju us)", (uintmax_t)cpu);
	ok(oom >= 1, "and that something was killed for want of memory (%ju)", (uintmax_t)oom);
}

static int test_group(enum cgroup_how expected)
{
	struct cgroup group;
	struct error err = { 0 };
	char reason[160] = "", path[512], byte;
	int go[2], out[2];

	is_int(cgroup_probe(reason, sizeof reason), expected, "the probe finds the way (%s)", reason);
	if (cgroup_prepare(&limits, &group, &err) < 0)
		bail_out("cgroup_prepare: %s", err.what);
	is_int(group.how, expected, "so does cgroup_prepare (%s)", group.why);
	pid_t pid = start_in_group(&group, go, out);
	if (pid < 0)
		bail_out("clone3: %s", strerror(errno));

	double start = now();
	if (cgroup_enter_scope(&limits, pid, &group, &err) < 0)
		bail_out("cgroup_enter_scope: %s", err.what);
	diag("entering took %.1f ms: %s", (now() - start) * 1000, group.path);
	ok(group.fd >= 0, "the group is open");
	is_int(group.limits, cgroup_limits_wanted(&limits), "every limit took effect");

	check_findings(&group, go[1], out[0]);
	snprintf(path, sizeof path, "%s", group.path);

	is_int(cgroup_kill(&group), 0, "cgroup.kill");
	int status = tap_wait_status(pid);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "kills the process");
	ok(wait_readable(out[0], 1000) && read(out[0], &byte, 1) == 0, "and the daemon that it left behind");
	start = now();
	cgroup_release(&group);
	diag("release took %.1f ms", (now() - start) * 1000);
	while (access(path, F_OK) == 0 && now() - start < 5)
		usleep(10000);
	ok(access(path, F_OK) < 0 && errno == ENOENT, "the group is gone after %.0f ms",
	   (now() - start) * 1000);
	is_int(group.fd, -1, "and its descriptor closed");
	return done_testing();
}

/* Many at once: each with a group of its own. */
static int test_many(int many)
{
	pid_t pids[64];
	double start = now();

	if (many < 1 || many > 64)
		bail_out("1 to 64");
	for (int i = 0; i < many; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			struct cgroup group;
			struct error err = { 0 };
			int go[2], out[2];

			ok(cgroup_prepare(&limits, &group, &err) == 0, "prepare: %s", err.what);
			pid_t pid = start_in_group(&group, go, out);
			ok(cgroup_enter_scope(&limits, pid, &group, &err) == 0, "enter: %s", err.what);
			is_int(group.limits, cgroup_limits_wanted(&limits), "limits");
			kill(pid, SIGKILL);
			tap_wait_status(pid);
			cgroup_release(&group);
			tap_child_exit();
		}
	}
	for (int i = 0; i < many; i++)
		tap_wait(pids[i], "start %d of %d at once", i + 1, many);
	diag("all took %.0f ms", (now() - start) * 1000);
	return done_testing();
}

static int test_none(void)
{
	struct cgroup group;
	struct error err = { 0 };
	char reason[160] = "";

	is_int(cgroup_probe(reason, sizeof reason), CGROUP_NONE, "there is no group here");
	ok(reason[0], "for a reason: %s", reason);
	is_int(cgroup_prepare(&limits, &group, &err), 0, "which is no failure");
	is_int(group.how, CGROUP_NONE, "of cgroup_prepare");
	is_str(group.why, reason, "and it says the same");
	is_int(cgroup_kill(&group), 0, "nothing to kill");
	cgroup_release(&group);
	return done_testing();
}

static int test_hung(void)
{
	struct cgroup group;
	struct error err = { 0 };

	if (cgroup_prepare(&limits, &group, &err) < 0)
		bail_out("cgroup_prepare: %s", err.what);
	pid_t pid = tap_fork();
	if (pid == 0)
		for (;;)
			pause();
	double start = now();
	is_int(cgroup_enter_scope(&limits, pid, &group, &err), -1,
	       "no scope from a systemd that does not answer");
	double took = now() - start;
	ok(took > 1.5 && took < 2.5, "after %.2f s", took);
	ok(strstr(err.what, "2000 ms"), "with these words: %s", err.what);
	is_int(group.how, CGROUP_NONE, "and there is no group");
	kill(pid, SIGKILL);
	tap_wait_status(pid);
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "nothing of ours is left");
	return done_testing();
}

/* ---- AppArmor ---------------------------------------------------------------------------------------- */

/* cat FILE, with PROFILE stacked when it is not NULL: its first line, or "" when cat failed. */
static const char *cat(const char *profile, const char *file, char *out, size_t size)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		bail_out("pipe2: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		struct error err = { 0 };

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    (profile && apparmor_stack_onexec(profile, &err) < 0)) {
			dprintf(fds[1], "error: %s", err.what);
			_exit(0);
		}
		dup2(fds[1], STDOUT_FILENO);
		execl("/bin/cat", "cat", file, NULL);
		_exit(127);
	}
	close(fds[1]);
	ssize_t n = read(fds[0], out, size - 1);
	close(fds[0]);
	if (tap_wait_status(pid) != 0 || n < 0)
		n = 0;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out;
}

static int test_apparmor(const char *profile)
{
	char text[256];

	ok(apparmor_enabled(), "AppArmor is on");
	is_str(cat(NULL, "/etc/hostname", text, sizeof text), "vm", "a file can be read");
	is_str(cat(profile, "/etc/hostname", text, sizeof text), "", "not with the profile stacked");
	ok(cat(profile, "/etc/passwd", text, sizeof text)[0], "another can: %s", text);
	cat(profile, "/proc/self/attr/apparmor/current", text, sizeof text);
	ok(strstr(text, profile) && strstr(text, "//&"), "the label is a stack: %s", text);
	ok(strstr(cat("mcpcage-no-such", "/etc/passwd", text, sizeof text), "error: "),
	   "an unknown profile is an error: %s", text);
	return done_testing();
}

/* COMMAND with PROFILE stacked, and with nothing else of a cage but no_new_privs. */
static int run_under(const char *profile, char **command)
{
	struct error err = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || apparmor_stack_onexec(profile, &err) < 0) {
		fprintf(stderr, "%s\n%s\n", err.what, err.hint);
		return 125;
	}
	execv(command[0], command);
	fprintf(stderr, "cannot run %s: %s\n", command[0], strerror(errno));
	return 127;
}

static int print_doctor(void)
{
	struct probe_result results[PROBE_MAX];
	size_t n = probe_all(results);

	for (size_t i = 0; i < n; i++)
		printf("%s\037%s\037%s\037%s\037%s\n", results[i].name,
		       results[i].state == PROBE_ACTIVE	   ? "active"
		       : results[i].state == PROBE_LIMITED ? "limited"
							   : "missing",
		       results[i].detail, results[i].remedy, results[i].note);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "group") == 0 && argc == 3)
		return test_group(strcmp(argv[2], "scope") == 0 ? CGROUP_SCOPE : CGROUP_DELEGATED);
	if (strcmp(what, "many") == 0 && argc == 3)
		return test_many(atoi(argv[2]));
	if (strcmp(what, "none") == 0)
		return test_none();
	if (strcmp(what, "hung") == 0)
		return test_hung();
	if (strcmp(what, "apparmor") == 0 && argc == 3)
		return test_apparmor(argv[2]);
	if (strcmp(what, "under") == 0 && argc > 3)
		return run_under(argv[2], argv + 3);
	if (strcmp(what, "doctor") == 0)
		return print_doctor();
	fprintf(stderr, "see the head of layers.c\n");
	return 2;
}
