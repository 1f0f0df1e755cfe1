/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lists as this kernel enforces them: what test-tables asks an interpreter is done here, a part of it, by real calls. Each
 * call is made in a process without the list first: one that answers the same there proves nothing.
 */
#include "cage/cage.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH (1ULL << 32)
#define SELF 0x5e1f0000L /* stands for the process's own pid */

struct call {
	const char *name;
	long nr;
	uint64_t args[6];
	int want; /* errno under the list; 0: success */
};

static const char TEXT[] = "/nonexistent/for/the/test";
#define PATH (uint64_t)(uintptr_t)TEXT

/* Not a descriptor, so that a call that gets through does nothing but fail. */
#define NO_FD (uint64_t)-1

static const struct call REFUSED[] = {
	{ "unshare", SYS_unshare, { 0 }, EPERM },
	{ "setns", SYS_setns, { NO_FD }, EPERM },
	{ "chroot", SYS_chroot, { PATH }, EPERM },
	{ "open_tree", 428, { NO_FD, PATH }, EPERM },
	{ "ptrace", SYS_ptrace, { 0x4200, 0x7ffffff0 }, EPERM },
	{ "process_vm_readv", SYS_process_vm_readv, { SELF }, EPERM },
	{ "process_vm_writev", SYS_process_vm_writev, { SELF }, EPERM },
	{ "kcmp", SYS_kcmp, { SELF, SELF, 1 }, EPERM },
	{ "pidfd_getfd", 438, { NO_FD }, EPERM },
	{ "add_key", SYS_add_key, { 0 }, EPERM },
	{ "request_key", SYS_request_key, { 0 }, EPERM },
	{ "keyctl", SYS_keyctl, { KEYCTL_GET_KEYRING_ID, (uint64_t)KEY_SPEC_SESSION_KEYRING, 1 }, EPERM },
	{ "perf_event_open", SYS_perf_event_open, { 0 }, EPERM },
	{ "move_pages", SYS_move_pages, { 0, 0, 0, 0, 0, 0 }, EPERM },
	{ "name_to_handle_at", SYS_name_to_handle_at, { NO_FD, PATH }, EPERM },
	{ "clone3", 435, { 0, 0 }, ENOSYS },
	{ "openat2", 437, { NO_FD, PATH, 0, 0 }, ENOSYS },
	{ "seccomp", SYS_seccomp, { 2 /* SECCOMP_GET_ACTION_AVAIL */ }, ENOSYS },
	{ "io_uring_setup", 425, { 0, 0 }, ENOSYS },
	{ "io_setup", SYS_io_setup, { 1, 0 }, ENOSYS },
	{ "mq_open", SYS_mq_open, { 0 }, ENOSYS },
	{ "get_mempolicy", SYS_get_mempolicy, { 0, 0, 0, 0, 0 }, ENOSYS },
	{ "vmsplice", SYS_vmsplice, { NO_FD }, ENOSYS },
	{ "personality", SYS_personality, { ADDR_NO_RANDOMIZE }, EPERM },
	{ "personality, high bits", SYS_personality, { HIGH | ADDR_NO_RANDOMIZE }, EPERM },
	{ "clone with a user namespace", SYS_clone, { CLONE_NEWUSER | CLONE_THREAD }, EPERM },
	{ "clone with a network namespace, high bits", SYS_clone, { HIGH | CLONE_NEWNET | CLONE_THREAD }, EPERM },
	{ "ioctl TIOCSTI", SYS_ioctl, { NO_FD, TIOCSTI }, EPERM },
	{ "ioctl TIOCSTI, high bits", SYS_ioctl, { NO_FD, HIGH | TIOCSTI }, EPERM },
	{ "ioctl TIOCLINUX", SYS_ioctl, { NO_FD, TIOCLINUX }, EPERM },
	{ "ioctl, an unknown request", SYS_ioctl, { NO_FD, 0xb701 }, ENOTTY },
	{ "prctl PR_SET_SECCOMP", SYS_prctl, { PR_SET_SECCOMP, 2, 0 }, EINVAL },
	{ "prctl PR_SET_TSC, high bits", SYS_prctl, { HIGH | PR_SET_TSC, PR_TSC_ENABLE }, EINVAL },
	{ "socket AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM }, EAFNOSUPPORT },
	{ "socket AF_UNIX, high bits", SYS_socket, { HIGH | AF_UNIX, SOCK_STREAM }, EAFNOSUPPORT },
	{ "socket AF_UNIX datagram", SYS_socket, { AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC }, EAFNOSUPPORT },
	{ "socketpair of datagrams", SYS_socketpair, { AF_UNIX, SOCK_DGRAM, 0, 0 }, EPERM },
	{ "setsockopt TCP_ULP", SYS_setsockopt, { NO_FD, IPPROTO_TCP, 31, 0, 0 }, ENOPROTOOPT },
	{ "setsockopt SO_ATTACH_FILTER", SYS_setsockopt, { NO_FD, SOL_SOCKET, SO_ATTACH_FILTER }, ENOPROTOOPT },
	{ "fchmod setuid", SYS_fchmod, { NO_FD, S_ISUID | 0700 }, EPERM },
	{ "fchmodat setgid", SYS_fchmodat, { NO_FD, PATH, S_ISGID | 0700 }, EPERM },
	{ "openat O_CREAT setuid", SYS_openat, { NO_FD, PATH, O_CREAT | O_WRONLY, S_ISUID | 0700 }, EPERM },
	{ "mknodat of a device", SYS_mknodat, { NO_FD, PATH, S_IFCHR | 0600, 0x103 }, EPERM },
	{ "mknodat of a socket", SYS_mknodat, { NO_FD, PATH, S_IFSOCK | 0600 }, EPERM },
	{ "renameat2 with a whiteout", SYS_renameat2, { NO_FD, PATH, NO_FD, PATH, 4 }, EPERM },
	{ "fcntl F_SETLEASE", SYS_fcntl, { NO_FD, F_SETLEASE, F_RDLCK }, EPERM },
	{ "prlimit64 of another process", SYS_prlimit64, { 1, RLIMIT_NPROC, PATH }, EPERM },
	{ "a number without a call", 1000, { 0 }, ENOSYS },
};

/* Calls that get through to the kernel: its own answer, as without the list. */
static const struct call ALLOWED[] = {
	{ "getpid", SYS_getpid, { 0 }, 0 },
	{ "clone without flags that make a thread share", SYS_clone, { CLONE_THREAD }, EINVAL },
	{ "prctl PR_GET_DUMPABLE", SYS_prctl, { PR_GET_DUMPABLE }, 0 },
	{ "personality, asking", SYS_personality, { 0xffffffff }, 0 },
	{ "socket AF_INET", SYS_socket, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC }, 0 },
	{ "socket AF_NETLINK for routes", SYS_socket, { AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0 }, 0 },
	{ "ioctl FIONREAD", SYS_ioctl, { NO_FD, FIONREAD }, EBADF },
	{ "ioctl FIONREAD, high bits", SYS_ioctl, { NO_FD, HIGH | FIONREAD }, EBADF },
	{ "fchmod", SYS_fchmod, { NO_FD, 0700 }, EBADF },
	{ "socketpair of streams", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, 0 }, EFAULT },
	{ "setsockopt", SYS_setsockopt, { NO_FD, IPPROTO_TCP, 1, 0, 0 }, EBADF },
	{ "prlimit64, asking", SYS_prlimit64, { 0, RLIMIT_NOFILE, 0, 0 }, 0 },
	{ "memfd_create", SYS_memfd_create, { PATH, 1 }, 0 },
	{ "landlock_create_ruleset", 444, { 0, 0, 1 }, -1 },
};

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

static int make(const struct call *c)
{
	uint64_t a[6];

	for (int i = 0; i < 6; i++)
		a[i] = c->args[i] == (uint64_t)SELF ? (uint64_t)getpid() : c->args[i];
	errno = 0;
	return syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno : 0;
}

static void install(enum seccomp_list list)
{
	struct error err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_apply(list, &err) < 0)
		_exit(99);
}

/* Make the calls, each in the same child; RESULTS is shared memory. */
static void make_all(const struct call *calls, size_t n, int list, int *results)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		if (list >= 0)
			install((enum seccomp_list)list);
		for (size_t i = 0; i < n; i++)
			results[i] = make(&calls[i]);
		_exit(0);
	}
	int status = tap_wait_status(pid);
	if (status != 0)
		bail_out("the process that makes the calls ended with wait status %#x", (unsigned)status);
}

static void test_calls(int *shared)
{
	int *bare = shared, *listed = shared + 128;

	make_all(REFUSED, ARRAY_SIZE(REFUSED), -1, bare);
	make_all(REFUSED, ARRAY_SIZE(REFUSED), SECCOMP_SERVER, listed);
	for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++) {
		ok(listed[i] == REFUSED[i].want, "%s is refused", REFUSED[i].name);
		if (listed[i] != REFUSED[i].want)
			diag("  errno %d, want %d", listed[i], REFUSED[i].want);
		if (bare[i] == REFUSED[i].want)
			diag("  the kernel alone gives the same: %d", bare[i]);
	}
	make_all(ALLOWED, ARRAY_SIZE(ALLOWED), -1, bare);
	make_all(ALLOWED, ARRAY_SIZE(ALLOWED), SECCOMP_SERVER, listed);
	for (size_t i = 0; i < ARRAY_SIZE(ALLOWED); i++) {
		bool expected = ALLOWED[i].want < 0 || listed[i] == ALLOWED[i].want;
		ok(listed[i] == bare[i] && expected, "%s reaches the kernel", ALLOWED[i].name);
		if (listed[i] != bare[i] || !expected)
			diag("  errno %d, without the list %d", listed[i], bare[i]);
	}
}

/* How many of the refused calls the kernel alone answers differently: without them the above shows nothing. */
static void test_controls(int *shared)
{
	int different = 0;

	make_all(REFUSED, ARRAY_SIZE(REFUSED), -1, shared);
	for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++)
		different += shared[i] != REFUSED[i].want;
	ok(different >= (int)ARRAY_SIZE(REFUSED) - 8, "the kernel alone answers %d of %zu refused calls in another way",
	   different, ARRAY_SIZE(REFUSED));
}

/* ---- calls that kill ---- */

static void by_x32(void)
{
#ifdef __x86_64__
	syscall(0x40000000 | SYS_getpid);
#endif
}

static void by_x32_exec(void)
{
	syscall(0x40000000 | 520, "/bin/true", NULL, NULL);
}

static void by_minus_one(void)
{
	syscall(-1);
}

static void by_i386(void)
{
#ifdef __x86_64__
	long nr = 20; /* getpid there; the 64-bit table has writev */
	__asm__ volatile("int $0x80" : "+a"(nr) : : "memory");
#endif
}

static void by_open(void)
{
	syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
}

static void by_socket(void)
{
	syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void by_exec(void)
{
	syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void by_fork(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void by_signal(void)
{
	syscall(SYS_kill, getpid(), 0);
}

static void by_code(void)
{
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void by_mprotect(void)
{
	syscall(SYS_mprotect, NULL, 4096, PROT_READ);
}

static void by_prctl(void)
{
	syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void by_dup(void)
{
	syscall(SYS_fcntl, 1, F_DUPFD, 0);
}

static void kills(enum seccomp_list list, void (*what)(void), const char *name)
{
	for (int listed = 0; listed < 2; listed++) {
		pid_t pid = tap_fork();
		if (pid == 0) {
			(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
			if (listed)
				install(list);
			what();
			syscall(SYS_exit_group, 7);
		}
		int status = tap_wait_status(pid);
		if (listed)
			ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s kills", name);
		else
			ok(!(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS), "control: %s alone does not", name);
		if (listed && !WIFSIGNALED(status))
			diag("  wait status %#x", (unsigned)status);
	}
}

static void test_kills(void)
{
	static const enum seccomp_list own[] = { SECCOMP_FILTER, SECCOMP_INIT };
	static const char *const names[] = { "filter", "init" };
	static const struct {
		const char *name;
		void (*what)(void);
	} acts[] = {
		{ "opening a file", by_open },        { "a socket", by_socket },      { "execve", by_exec },
		{ "forking", by_fork },               { "executable memory", by_code }, { "mprotect", by_mprotect },
		{ "becoming dumpable", by_prctl },    { "duplicating a descriptor", by_dup },
	};

#ifdef __x86_64__
	kills(SECCOMP_SERVER, by_x32, "server: a call by its x32 number");
	kills(SECCOMP_SERVER_UNIX, by_x32_exec, "server: execve by its x32 number");
	kills(SECCOMP_SERVER, by_i386, "server: a call through the i386 entry");
	kills(SECCOMP_SERVER, by_minus_one, "server: call number -1");
	kills(SECCOMP_INIT, by_i386, "init: a call through the i386 entry");
#else
	(void)by_x32, (void)by_x32_exec, (void)by_i386, (void)by_minus_one;
#endif
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(acts); j++) {
			char name[80];
			snprintf(name, sizeof(name), "%s: %s", names[i], acts[j].name);
			kills(own[i], acts[j].what, name);
		}
	}
	kills(SECCOMP_FILTER, by_signal, "filter: a signal");
}

/* ---- what still works ---- */

static void runs(enum seccomp_list list, const char *command, const char *name)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		install(list);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(98);
	}
	is_int(tap_wait_status(pid), 0, "%s", name);
}

static void test_needs_no_new_privs(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		struct error err = { 0 };
		int r = seccomp_apply(SECCOMP_SERVER, &err);
		tap_result_(r < 0 && err.sys == EPERM, __FILE__, __LINE__, "not without no_new_privs");
		tap_child_exit();
	}
	is_int(tap_wait_status(pid), 0, "no list is installed without no_new_privs");
}

int main(void)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	_Static_assert(ARRAY_SIZE(REFUSED) <= 128 && ARRAY_SIZE(ALLOWED) <= 128, "room for the results");
	if (shared == MAP_FAILED)
		bail_out("mmap: %s", strerror(errno));
	if (SANITIZED)
		tap_skip_all_kernel("sanitizers make calls of their own");
	test_needs_no_new_privs();
	test_calls(shared);
	test_controls(shared);
	test_kills();
	runs(SECCOMP_SERVER, "x=$(echo a b | tr a c | cat) && [ \"$x\" = 'c b' ] && ls / >/dev/null && mktemp -u >/dev/null",
	     "a shell and its tools run on the server's list");
	runs(SECCOMP_SERVER_UNIX, "echo a | grep -q a", "and on the one with AF_UNIX");
	runs(SECCOMP_REDUCED, "echo a | grep -q a && ls -l / >/dev/null && ! chmod 700 /", "and on the reduced one");
	runs(SECCOMP_REDUCED_NET, "echo a | grep -q a", "and on the one with the host's network");
	return done_testing();
}
