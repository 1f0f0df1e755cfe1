/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes one system call of one process of a session fail, for faults.py.
 *
 *	inject list FILE COMMAND...                   note every call in FILE: "ROLE NAME NUMBER"
 *	inject ROLE NAME NUMBER ERRNO FILE COMMAND... the NUMBERth call of that name is not made and returns -ERRNO;
 *	                                              FILE gets "injected"
 *
 * strace(1) can inject too, but counts calls of all processes alike; here a process is named by its place in the family:
 * "0" is COMMAND, "0.2" its second child, "0.1.1" the first child of its first. Tracing ends with the injection, or
 * when a process other than COMMAND succeeds in execve(2): that is the server, and what it does is not ours to break.
 * ptrace(2).
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                      \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC)

enum { TRACEES = 64, CALLS = 600 };

static struct tracee {
	pid_t pid;
	char role[40]; /* "": its parent has not told of it yet; it waits */
	int children;
	unsigned short calls[CALLS]; /* made so far, by number */
	bool injected; /* the call at whose exit the result has to be set */
} tracees[TRACEES];

static const char *want_role, *want_name;
static int want_number;
static int want_errno;
static bool listing, done;
static FILE *notes;

static const char *call_name(long nr)
{
	static char text[32];

	switch (nr) {
#define NAME(name) case SYS_##name: return #name;
	NAME(read) NAME(write) NAME(close) NAME(openat) NAME(fstat) NAME(newfstatat) NAME(statx) NAME(lseek)
	NAME(mmap) NAME(munmap) NAME(mprotect) NAME(mremap) NAME(madvise) NAME(brk) NAME(ioctl) NAME(pread64)
	NAME(readv) NAME(writev) NAME(faccessat) NAME(faccessat2) NAME(dup) NAME(dup3) NAME(nanosleep)
	NAME(getpid) NAME(gettid) NAME(getppid) NAME(socket) NAME(connect) NAME(sendto) NAME(recvfrom) NAME(sendmsg)
	NAME(recvmsg) NAME(bind) NAME(getsockname) NAME(getpeername) NAME(socketpair) NAME(setsockopt)
	NAME(getsockopt) NAME(clone) NAME(clone3) NAME(execve) NAME(exit) NAME(exit_group) NAME(wait4) NAME(waitid)
	NAME(kill) NAME(tgkill) NAME(uname) NAME(fcntl) NAME(flock) NAME(fsync) NAME(getcwd) NAME(chdir)
	NAME(fchdir) NAME(mkdirat) NAME(mknodat) NAME(unlinkat) NAME(symlinkat) NAME(linkat) NAME(renameat)
	NAME(renameat2) NAME(fchmod) NAME(fchmodat) NAME(umask) NAME(prlimit64) NAME(setrlimit) NAME(getrlimit)
	NAME(getuid) NAME(getgid) NAME(geteuid) NAME(getegid) NAME(getresuid) NAME(getresgid) NAME(setsid)
	NAME(setpgid) NAME(getgroups) NAME(capget) NAME(capset) NAME(prctl) NAME(personality) NAME(sethostname)
	NAME(mount) NAME(umount2) NAME(pivot_root) NAME(chroot) NAME(fsopen) NAME(fsconfig) NAME(fsmount)
	NAME(fspick) NAME(open_tree) NAME(move_mount) NAME(mount_setattr) NAME(openat2) NAME(statfs) NAME(fstatfs)
	NAME(landlock_create_ruleset) NAME(landlock_add_rule) NAME(landlock_restrict_self) NAME(seccomp)
	NAME(close_range) NAME(pipe2) NAME(epoll_create1) NAME(epoll_ctl) NAME(eventfd2) NAME(signalfd4)
	NAME(timerfd_create) NAME(timerfd_settime) NAME(rt_sigaction) NAME(rt_sigprocmask) NAME(rt_sigreturn)
	NAME(sigaltstack) NAME(pidfd_open) NAME(pidfd_send_signal) NAME(ppoll) NAME(pselect6) NAME(getrandom)
	NAME(getdents64) NAME(readlinkat) NAME(set_tid_address) NAME(set_robust_list) NAME(rseq) NAME(futex)
	NAME(clock_gettime) NAME(clock_nanosleep) NAME(memfd_create) NAME(ftruncate) NAME(fallocate) NAME(unshare)
	NAME(setns) NAME(sched_getaffinity) NAME(getpriority) NAME(setpriority) NAME(setuid) NAME(setgid)
	NAME(setresuid) NAME(setresgid) NAME(setgroups)
#ifdef SYS_open
	NAME(open) NAME(stat) NAME(lstat) NAME(access) NAME(pipe) NAME(dup2) NAME(poll) NAME(select) NAME(fork)
	NAME(vfork) NAME(mkdir) NAME(rename) NAME(unlink) NAME(symlink) NAME(readlink) NAME(arch_prctl)
	NAME(signalfd) NAME(epoll_wait) NAME(mknod) NAME(chmod) NAME(getpgrp)
#endif
#undef NAME
	default:
		snprintf(text, sizeof(text), "call_%ld", nr);
		return text;
	}
}

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(119);
}

static struct tracee *find(pid_t pid)
{
	struct tracee *empty = NULL;

	for (int i = 0; i < TRACEES; i++) {
		if (tracees[i].pid == pid)
			return &tracees[i];
		if (!tracees[i].pid && !empty)
			empty = &tracees[i];
	}
	if (!empty)
		die("too many processes");
	memset(empty, 0, sizeof(*empty));
	empty->pid = pid;
	return empty;
}

/*
 * Another call is made instead, one without effect. It must be one that a seccomp filter allows, because filters see it after
 * us; a number that no call has would be answered with a signal.
 */
static void skip_call(pid_t pid)
{
#ifdef __x86_64__
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		die("PTRACE_GETREGS");
	regs.orig_rax = SYS_getpid;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) < 0)
		die("PTRACE_SETREGS");
#else
	int nr = SYS_getpid;
	struct iovec io = { &nr, sizeof(nr) };

	if (ptrace(PTRACE_SETREGSET, pid, (void *)0x404 /* NT_ARM_SYSTEM_CALL */, &io) < 0)
		die("PTRACE_SETREGSET");
#endif
}

static void set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec io = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io) < 0)
		die("PTRACE_GETREGSET");
#ifdef __x86_64__
	regs.rax = (unsigned long long)result;
#else
	regs.regs[0] = (unsigned long long)result;
#endif
	if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &io) < 0)
		die("PTRACE_SETREGSET");
}

static void at_call(struct tracee *t)
{
	struct __ptrace_syscall_info info;
	const char *name;
	int number;
	long nr;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, (void *)sizeof(info), &info) <= 0)
		return; /* killed meanwhile */
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->injected) {
		set_result(t->pid, -want_errno);
		t->injected = false;
		done = true;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	nr = (long)info.entry.nr;
	name = call_name(nr);
	number = nr >= 0 && nr < CALLS ? ++t->calls[nr] : 0;
	if (listing) {
		fprintf(notes, "%s %s %d\n", t->role, name, number);
	} else if (number == want_number && strcmp(t->role, want_role) == 0 && strcmp(name, want_name) == 0) {
		fputs("injected\n", notes);
		fflush(notes);
		skip_call(t->pid);
		t->injected = true;
	}
}

/* Go on: unwatched when the work is done. */
static void resume(struct tracee *t, int signal)
{
	if (done && !t->injected) {
		ptrace(PTRACE_DETACH, t->pid, NULL, (void *)(long)signal);
		t->pid = 0;
	} else {
		ptrace(PTRACE_SYSCALL, t->pid, NULL, (void *)(long)signal);
	}
}

static void at_fork(struct tracee *parent)
{
	unsigned long pid = 0;
	struct tracee *child;
	bool waits;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
		return;
	waits = false;
	for (int i = 0; i < TRACEES; i++)
		waits = waits || tracees[i].pid == (pid_t)pid;
	child = find((pid_t)pid);
	snprintf(child->role, sizeof(child->role), "%.20s.%d", parent->role, ++parent->children);
	if (waits)
		resume(child, 0);
}

static void stopped(pid_t pid, int status)
{
	struct tracee *t = find(pid);
	int signal = WSTOPSIG(status), event = status >> 16;

	if (!t->role[0])
		return; /* a child whose parent's event is still to come */
	if (signal == (SIGTRAP | 0x80)) {
		at_call(t);
		signal = 0;
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
		at_fork(t);
		signal = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		if (strcmp(t->role, "0") != 0)
			done = true;
		memset(t->calls, 0, sizeof(t->calls));
		signal = 0;
	} else if (event == PTRACE_EVENT_STOP) {
		signal = 0;
	}
	resume(t, signal);
}

static pid_t start(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		raise(SIGSTOP);
		execv(command[0], command);
		die(command[0]);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS) < 0)
		die("PTRACE_SEIZE");
	strcpy(find(pid)->role, "0");
	kill(pid, SIGCONT);
	return pid;
}

int main(int argc, char **argv)
{
	int status, at = 3, left = 126;
	pid_t pid, first;

	listing = argc > 3 && strcmp(argv[1], "list") == 0;
	if (!listing) {
		if (argc < 7)
			return 119;
		want_role = argv[1];
		want_name = argv[2];
		want_number = atoi(argv[3]);
		want_errno = atoi(argv[4]);
		at = 6;
	}
	notes = fopen(argv[at - 1], "we");
	if (!notes)
		die(argv[at - 1]);
	first = start(argv + at);
	/* SIGTERM and the like are for the command. */
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid <= 0)
			continue;
		if (WIFSTOPPED(status)) {
			stopped(pid, status);
			continue;
		}
		find(pid)->pid = 0;
		if (pid == first)
			left = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	fclose(notes);
	return left;
}
