/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks on other processes, and on priorities: {canary_pid} is a process of the same user on the host, {init} the
 * process 1 of the cage (and in a control the canary).
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pid_of(const char *key)
{
	return (pid_t)strtol(config(key), NULL, 10);
}

static void signal_host(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, kill(pid_of("canary_pid"), 0), "kill(2) with signal 0");
}

static void signal_thread(struct outcome *out, const struct attack *attack)
{
	pid_t pid = pid_of("canary_pid");

	judge(out, attack, syscall(SYS_tgkill, pid, pid, 0), "tgkill");
}

static void pidfd_host(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, syscall(SYS_pidfd_open, pid_of("canary_pid"), 0), "pidfd_open");
}

static void own_signal(struct outcome *out, const struct attack *attack)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	judge(out, attack, fcntl(fd, F_SETOWN, pid_of("canary_pid")), "F_SETOWN");
}

/*
 * SIGKILL and SIGSTOP from inside do nothing to the init of a process namespace. The control is a child, which they
 * do stop.
 */
static void kill_init(struct outcome *out, const struct attack *attack)
{
	int how = *(const int *)attack->arg, status;
	pid_t child = fork(), victim = 1;

	if (child == 0) {
		alarm(6);
		pause();
		_exit(0);
	}
	if (pid_of("init") != 1)
		victim = child; /* outside */
	if (kill(victim, how) < 0) {
		judge(out, attack, -1, "kill");
	} else {
		usleep(100000);
		if (victim == child && waitpid(child, &status, WNOHANG | WUNTRACED) == child)
			succeeded(out, "it is gone or stopped");
		else if (victim == 1 && getppid() > 0 && kill(1, 0) == 0)
			denied(out, 0, "sent, and init is as alive as before");
		else
			broken(out, "nothing can be said of it");
	}
	kill(child, SIGKILL);
}

static void seize(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, ptrace(PTRACE_SEIZE, pid_of("init"), NULL, NULL), "ptrace");
}

static void limits_of(struct outcome *out, const struct attack *attack)
{
	struct rlimit limit = { 8, 8 };
	pid_t pid = pid_of("init");
	bool inside = pid == 1;

	if (!inside && prlimit(pid, RLIMIT_NOFILE, NULL, &limit) < 0) {
		judge(out, attack, -1, "prlimit");
		return;
	}
	judge(out, attack, prlimit(pid, RLIMIT_NOFILE, &limit, NULL), "prlimit of another process");
}

static void process_memory(struct outcome *out, const struct attack *attack)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid_of("init"));
	judge(out, attack, open(path, O_RDWR | O_CLOEXEC), path);
}

static void priority(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, setpriority(PRIO_PROCESS, 0, -10), "setpriority");
}

static void realtime(struct outcome *out, const struct attack *attack)
{
	struct sched_param param = { .sched_priority = 1 };

	judge(out, attack, sched_setscheduler(0, SCHED_FIFO, &param), "SCHED_FIFO");
}

static void io_priority(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4), "real-time I/O priority");
}

static void other_user(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, syscall(SYS_setresuid, 65533, 65533, 65533), "setresuid");
}

static void other_group(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, syscall(SYS_setresgid, 65533, 65533, 65533), "setresgid");
}

static void groups(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, syscall(SYS_setgroups, 0, NULL), "setgroups");
}

static void oom_adjust(struct outcome *out, const struct attack *attack)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	judge(out, attack, fd < 0 ? -1 : write(fd, "-1000", 5), "oom_score_adj");
}

/* {bin}/setuid is this program again, with the set-user-ID bit of root. */
static void setuid_program(struct outcome *out, const struct attack *attack)
{
	int status = -1;
	pid_t pid = fork();

	(void)attack;
	if (pid == 0) {
		execl(expand("{bin}/setuid"), "setuid", "am-i-root", NULL);
		_exit(100);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		succeeded(out, "it ran as root");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		denied(out, 0, "it ran without privilege");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 100)
		denied(out, EACCES, "it cannot be run");
	else
		broken(out, "status %x", status);
}

static const int sigkill = SIGKILL, sigstop = SIGSTOP;

#define PROCESS "process"
static const struct attack list[] = {
	{ "signal-host", PROCESS, BY_SELF, 0, signal_host, NULL, "signal a process of the host" },
	{ "signal-host-thread", PROCESS, BY_SELF, 0, signal_thread, NULL, "signal a thread of the host" },
	{ "signal-owner", PROCESS, BY_SELF, 0, own_signal, NULL, "have SIGIO sent to a process of the host" },
	{ "pidfd-host", PROCESS, BY_SELF, 0, pidfd_host, NULL, "pidfd_open a process of the host" },
	{ "kill-init", PROCESS, BY_SELF, 0, kill_init, &sigkill, "SIGKILL init" },
	{ "stop-init", PROCESS, BY_SELF, 0, kill_init, &sigstop, "SIGSTOP init" },
	{ "ptrace-init", PROCESS, BY_SELF, 0, seize, NULL, "ptrace init" },
	{ "limits-init", PROCESS, BY_SELF, 0, limits_of, NULL, "take init's descriptors by prlimit" },
	{ "memory-init", PROCESS, BY_SELF, 0, process_memory, NULL, "open init's memory" },
	{ "priority", PROCESS, BY_ROOT, 0, priority, NULL, "raise its priority" },
	{ "realtime", PROCESS, BY_ROOT, 0, realtime, NULL, "real-time scheduling" },
	{ "io-priority", PROCESS, BY_ROOT, 0, io_priority, NULL, "real-time input and output" },
	{ "setresuid", PROCESS, BY_ROOT, EINVAL_DENIES, other_user, NULL, "become another user" },
	{ "setresgid", PROCESS, BY_ROOT, EINVAL_DENIES, other_group, NULL, "become another group" },
	{ "setgroups", PROCESS, BY_ROOT, 0, groups, NULL, "drop a group that takes rights away" },
	{ "oom-adjust", PROCESS, BY_ROOT, 0, oom_adjust, NULL, "escape the out-of-memory killer" },
	{ "setuid-program", PROCESS, BY_SELF, NEED_USER, setuid_program, NULL, "run a set-user-ID program" },
};
const struct attacks process_attacks = { list, sizeof(list) / sizeof(list[0]) };
