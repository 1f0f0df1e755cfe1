/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's surface: calls that no server needs. Each is made with arguments with which it does no harm, and that the
 * kernel, where the call is allowed, answers with success or with an errno of its own (`reached`): that answer is what the
 * control must get and the cage must not.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#define HIGH (1UL << 32) /* the kernel ignores it where it takes an int; a filter that compares 64 bits is fooled */

struct call {
	long nr;
	unsigned long a[6];
	int reached[3];
};
#define TEXT(s) ((unsigned long)(s))

/* Paths from the configuration, known by their address, and memory to write to. */
static const char granted[] = "{rw}", mount_point[] = "{rw}/mnt";
static char scratch[4096];

static unsigned long argument(unsigned long value)
{
	return value == TEXT(granted) || value == TEXT(mount_point) ? TEXT(expand((const char *)value)) : value;
}

static void call(struct outcome *out, const struct attack *attack)
{
	const struct call *c = attack->arg;
	unsigned long a[6];
	long r;

	for (int i = 0; i < 6; i++)
		a[i] = argument(c->a[i]);
	errno = 0;
	r = syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	for (size_t i = 0; r < 0 && i < sizeof(c->reached) / sizeof(c->reached[0]); i++)
		if (c->reached[i] && c->reached[i] == errno) {
			succeeded(out, "reached the kernel: %s", strerror(errno));
			return;
		}
	judge(out, attack, r, attack->name);
}
#define REACH(...) .reached = { __VA_ARGS__ }
#define SCRATCH TEXT(scratch)
#define CALL(number, ...) call, &(const struct call){ .nr = SYS_##number, __VA_ARGS__ }
#define ARGS(...) .a = { __VA_ARGS__ }

/* Raw clone with no stack of its own is fork with flags. */
static void clone_flags(struct outcome *out, const struct attack *attack)
{
	unsigned long flags = *(const unsigned long *)attack->arg;
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	judge(out, attack, pid, "clone");
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
}

/* The flags of clone3 lie in memory where no filter reads them: the call as a whole has to be missing (ENOSYS). */
static void clone3(struct outcome *out, const struct attack *attack)
{
	struct clone_args args = { .flags = *(const unsigned long *)attack->arg, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	if (pid < 0 && errno != ENOSYS)
		broken(out, "clone3 must say ENOSYS, so that the C library falls back to clone: %s", strerror(errno));
	else
		judge(out, attack, pid, "clone3");
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
}

static void bpf_map(struct outcome *out, const struct attack *attack)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1 };

	judge(out, attack, syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)), "bpf");
}

static void perf(struct outcome *out, const struct attack *attack)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK };

	judge(out, attack, syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf_event_open");
}

static void memory_of_self(struct outcome *out, const struct attack *attack)
{
	char from[8] = "abcdefg", to[8] = "";
	struct iovec local = { to, sizeof(to) }, remote = { from, sizeof(from) };

	judge(out, attack, syscall(*(const long *)attack->arg, getpid(), &local, 1, &remote, 1, 0),
	      "memory of a process");
}

static void kcmp(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, 0, 0), "kcmp");
}

static void adjtimex_tick(struct outcome *out, const struct attack *attack)
{
	struct timex t = { .modes = ADJ_TICK, .tick = 1 };
	long r = syscall(SYS_adjtimex, &t);

	if (r < 0 && errno == EINVAL)
		succeeded(out, "reached the clock");
	else
		judge(out, attack, r, "adjtimex");
}

static void lease(struct outcome *out, const struct attack *attack)
{
	int fd = open(expand("{rw}/mine"), O_RDONLY | O_CLOEXEC);

	judge(out, attack, fd < 0 ? -1 : fcntl(fd, F_SETLEASE, F_RDLCK), "F_SETLEASE");
}

/* renameat2(2) with RENAME_WHITEOUT (4) leaves a character device behind. */
static void whiteout(struct outcome *out, const struct attack *attack)
{
	const char *from = expand("{rw}/whiteout"), *to = expand("{rw}/whited-out");
	int fd = open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		broken(out, "cannot make %s: %s", from, strerror(errno));
		return;
	}
	close(fd);
	judge(out, attack, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 4), "RENAME_WHITEOUT");
	unlink(from);
	unlink(to);
}

static void socket_program(struct outcome *out, const struct attack *attack)
{
	struct sock_filter accept = { 6, 0, 0, 0xffff };
	struct sock_fprog program = { 1, &accept };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));

	if (r < 0 && errno == ENOPROTOOPT)
		denied(out, errno, "SO_ATTACH_FILTER");
	else
		judge(out, attack, r, "SO_ATTACH_FILTER");
}

static void ptrace_child(struct outcome *out, const struct attack *attack)
{
	pid_t pid = fork();
	long r;

	if (pid == 0) {
		alarm(5);
		pause();
		_exit(0);
	}
	r = ptrace(PTRACE_SEIZE, pid, NULL, NULL);
	judge(out, attack, r, "ptrace a child");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void raise_capability(struct outcome *out, const struct attack *attack)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 1U << CAP_SYS_ADMIN, 1U << CAP_SYS_ADMIN, 0 }, { 0, 0, 0 } };

	judge(out, attack, syscall(SYS_capset, &header, data), "capset");
}

/* No capability in any set, no_new_privs, a filter: what the kernel itself says of us. */
static void privileges(struct outcome *out, const struct attack *attack)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	int seen = 0;

	(void)attack;
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long value;
		bool good;

		if (sscanf(line, "Cap%*3s:\t%llx", &value) == 1)
			good = value == 0;
		else if (sscanf(line, "NoNewPrivs:\t%llu", &value) == 1)
			good = value == 1;
		else if (sscanf(line, "Seccomp:\t%llu", &value) == 1)
			good = value == 2;
		else
			continue;
		seen++;
		line[strcspn(line, "\n")] = '\0';
		if (!good) {
			succeeded(out, "%s", line);
			return;
		}
	}
	if (seen == 7)
		denied(out, 0, "no capability, no new privileges, a filter");
	else
		broken(out, "/proc/self/status shows %d of 7 fields", seen);
}

#ifdef __x86_64__
/* The i386 entry has numbers of its own: 20 is getpid there and writev here. */
static void int80(struct outcome *out, const struct attack *attack)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "0"(20L) : "memory", "r8", "r9", "r10", "r11");
	if (r < 0)
		errno = (int)-r;
	judge(out, attack, r < 0 ? -1 : r, "int 0x80");
}
#endif

static const unsigned long new_user = CLONE_NEWUSER, new_ns = CLONE_NEWNS, new_net = CLONE_NEWNET, new_pid = CLONE_NEWPID,
			   new_high = CLONE_NEWUSER | HIGH, none = 0;
static const long readv_nr = SYS_process_vm_readv, writev_nr = SYS_process_vm_writev;
static const struct mount_attr readonly_attr = { .attr_set = MOUNT_ATTR_RDONLY };

#define KERNEL "kernel"
static const struct attack list[] = {
	{ "mount", KERNEL, BY_USERNS, 0, CALL(mount, ARGS(TEXT("none"), TEXT(mount_point), TEXT("tmpfs"))),
	  "mount a tmpfs" },
	{ "mount-bind", KERNEL, BY_USERNS, 0, CALL(mount, ARGS(TEXT("/"), TEXT(mount_point), 0, MS_BIND | MS_REC)),
	  "bind-mount" },
	{ "mount-remount", KERNEL, BY_USERNS, 0,
	  CALL(mount, ARGS(0, TEXT("/"), 0, MS_REMOUNT | MS_BIND), REACH(EINVAL)), "remount writable" },
	{ "umount", KERNEL, BY_USERNS, 0, CALL(umount2, ARGS(TEXT(mount_point), MNT_DETACH), REACH(EINVAL)),
	  "unmount" },
	{ "fsopen", KERNEL, BY_USERNS, 0, CALL(fsopen, ARGS(TEXT("tmpfs"), 0)), "open a file system context" },
	{ "fsconfig", KERNEL, BY_SELF, 0, CALL(fsconfig, ARGS(-1UL, 6), REACH(EINVAL, EBADF, EOPNOTSUPP)),
	  "configure a file system" },
	{ "fsmount", KERNEL, BY_USERNS, 0, CALL(fsmount, ARGS(-1UL), REACH(EBADF, EINVAL)), "make a mount" },
	{ "fspick", KERNEL, BY_USERNS, 0, CALL(fspick, ARGS((unsigned long)AT_FDCWD, TEXT("/"), 0)),
	  "pick a file system" },
	{ "open-tree", KERNEL, BY_USERNS, 0,
	  CALL(open_tree, ARGS((unsigned long)AT_FDCWD, TEXT(granted), OPEN_TREE_CLONE)), "clone a mount" },
	{ "move-mount", KERNEL, BY_USERNS, 0,
	  CALL(move_mount, ARGS(-1UL, TEXT(""), -1UL, TEXT(""), 0), REACH(EBADF, ENOENT, EINVAL)), "move a mount" },
	{ "mount-setattr", KERNEL, BY_USERNS, 0,
	  CALL(mount_setattr, ARGS((unsigned long)AT_FDCWD, TEXT("/"), 0, TEXT(&readonly_attr), sizeof(readonly_attr)),
	       REACH(EINVAL)), "change a mount" },
	{ "pivot-root", KERNEL, BY_USERNS, 0, CALL(pivot_root, ARGS(TEXT("/"), TEXT("/")), REACH(EBUSY, EINVAL)),
	  "change the root" },
	{ "chroot", KERNEL, BY_USERNS, 0, CALL(chroot, ARGS(TEXT("/"))), "chroot" },
	{ "unshare-user", KERNEL, BY_SELF, 0, CALL(unshare, ARGS(CLONE_NEWUSER)), "a user namespace" },
	{ "unshare-user-64", KERNEL, BY_SELF, 0, CALL(unshare, ARGS(CLONE_NEWUSER | HIGH), REACH(EINVAL)),
	  "a user namespace with a bit above the 32nd" },
	{ "unshare-mount", KERNEL, BY_USERNS, 0, CALL(unshare, ARGS(CLONE_NEWNS)), "a mount namespace" },
	{ "unshare-net", KERNEL, BY_USERNS, 0, CALL(unshare, ARGS(CLONE_NEWNET)), "a network namespace" },
	{ "unshare-pid", KERNEL, BY_USERNS, 0, CALL(unshare, ARGS(CLONE_NEWPID)), "a process namespace" },
	{ "unshare-ipc", KERNEL, BY_USERNS, 0, CALL(unshare, ARGS(CLONE_NEWIPC)), "an IPC namespace" },
	{ "unshare-uts", KERNEL, BY_USERNS, 0, CALL(unshare, ARGS(CLONE_NEWUTS)), "a UTS namespace" },
	{ "unshare-cgroup", KERNEL, BY_USERNS, 0, CALL(unshare, ARGS(CLONE_NEWCGROUP)), "a cgroup namespace" },
	{ "unshare-time", KERNEL, BY_USERNS, MAY_LACK, CALL(unshare, ARGS(0x80)), "a time namespace" },
	{ "clone-user", KERNEL, BY_SELF, 0, clone_flags, &new_user, "clone into a user namespace" },
	{ "clone-user-64", KERNEL, BY_SELF, 0, clone_flags, &new_high, "clone with a bit above the 32nd" },
	{ "clone-mount", KERNEL, BY_USERNS, 0, clone_flags, &new_ns, "clone into a mount namespace" },
	{ "clone-net", KERNEL, BY_USERNS, 0, clone_flags, &new_net, "clone into a network namespace" },
	{ "clone-pid", KERNEL, BY_USERNS, 0, clone_flags, &new_pid, "clone into a process namespace" },
	{ "clone3", KERNEL, BY_SELF, 0, clone3, &none, "clone3" },
	{ "clone3-user", KERNEL, BY_SELF, 0, clone3, &new_user, "clone3 into a user namespace" },
	{ "setns", KERNEL, BY_SELF, 0, CALL(setns, ARGS(-1UL, 0), REACH(EBADF)), "enter a namespace" },
	{ "bpf", KERNEL, BY_ROOT, MAY_LACK, bpf_map, NULL, "make a BPF map" },
	{ "perf", KERNEL, BY_ROOT, MAY_LACK, perf, NULL, "perf_event_open" },
	{ "userfaultfd", KERNEL, BY_SELF, MAY_LACK, CALL(userfaultfd, ARGS(O_CLOEXEC | 1)), "userfaultfd" },
	{ "keyctl", KERNEL, BY_SELF, MAY_LACK, CALL(keyctl, ARGS(KEYCTL_GET_KEYRING_ID, -3UL, 1)), "keyctl" },
	{ "add-key", KERNEL, BY_SELF, MAY_LACK,
	  CALL(add_key, ARGS(TEXT("user"), TEXT("mcpcage"), TEXT("x"), 1, -2UL)), "add a key" },
	{ "request-key", KERNEL, BY_SELF, MAY_LACK,
	  CALL(request_key, ARGS(TEXT("user"), TEXT("mcpcage-none"), 0, 0), REACH(ENOKEY)), "request a key" },
	{ "io-uring-setup", KERNEL, BY_SELF, MAY_LACK, CALL(io_uring_setup, ARGS(1, SCRATCH)), "make an io_uring" },
	{ "io-uring-enter", KERNEL, BY_SELF, MAY_LACK, CALL(io_uring_enter, ARGS(-1UL, 0, 0, 0), REACH(EBADF)),
	  "enter an io_uring" },
	{ "io-uring-register", KERNEL, BY_SELF, MAY_LACK,
	  CALL(io_uring_register, ARGS(-1UL, 0, 0, 0), REACH(EBADF, EINVAL)), "register with an io_uring" },
	{ "ptrace-me", KERNEL, BY_SELF, 0, CALL(ptrace, ARGS(PTRACE_TRACEME)), "ptrace" },
	{ "ptrace-child", KERNEL, BY_SELF, 0, ptrace_child, NULL, "ptrace a child" },
	{ "vm-readv", KERNEL, BY_SELF, MAY_LACK, memory_of_self, &readv_nr, "process_vm_readv" },
	{ "vm-writev", KERNEL, BY_SELF, MAY_LACK, memory_of_self, &writev_nr, "process_vm_writev" },
	{ "kcmp", KERNEL, BY_SELF, MAY_LACK, kcmp, NULL, "kcmp" },
	{ "pidfd-getfd", KERNEL, BY_SELF, 0, CALL(pidfd_getfd, ARGS(-1UL, 0, 0), REACH(EBADF)),
	  "take a descriptor of another process" },
	{ "process-madvise", KERNEL, BY_SELF, MAY_LACK,
	  CALL(process_madvise, ARGS(-1UL, SCRATCH, 0, 20, 0), REACH(EBADF, EINVAL)), "process_madvise" },
	{ "process-mrelease", KERNEL, BY_SELF, MAY_LACK, CALL(process_mrelease, ARGS(-1UL, 0), REACH(EBADF)),
	  "process_mrelease" },
	{ "init-module", KERNEL, BY_ROOT, MAY_LACK,
	  CALL(init_module, ARGS(SCRATCH, 8, TEXT("")), REACH(ENOEXEC, EINVAL, EFAULT)), "load a module" },
	{ "finit-module", KERNEL, BY_ROOT, MAY_LACK,
	  CALL(finit_module, ARGS(-1UL, TEXT(""), 0), REACH(EBADF, ENOEXEC)), "load a module from a descriptor" },
	{ "delete-module", KERNEL, BY_ROOT, MAY_LACK,
	  CALL(delete_module, ARGS(TEXT("mcpcage_none"), O_NONBLOCK), REACH(ENOENT)), "unload a module" },
	{ "kexec", KERNEL, BY_ROOT, MAY_LACK, CALL(kexec_load, ARGS(0, 1UL << 20, 0, 0), REACH(EINVAL)),
	  "load another kernel" },
	{ "kexec-file", KERNEL, BY_ROOT, MAY_LACK,
	  CALL(kexec_file_load, ARGS(-1UL, -1UL, 0, 0, 0xffff), REACH(EINVAL, EBADF)), "load another kernel's file" },
	{ "aio", KERNEL, BY_SELF, MAY_LACK, CALL(io_setup, ARGS(1, SCRATCH)), "asynchronous input and output" },
	{ "message-queue", KERNEL, BY_SELF, MAY_LACK, CALL(mq_open, ARGS(0, 0, 0, 0), REACH(EFAULT)),
	  "a POSIX message queue" },
	{ "vmsplice", KERNEL, BY_SELF, 0, CALL(vmsplice, ARGS(-1UL, 0, 0, 0), REACH(EBADF)), "vmsplice" },
	{ "move-pages", KERNEL, BY_SELF, MAY_LACK, CALL(move_pages, ARGS(0, 0, 0, 0, 0, 0)), "move pages" },
	{ "openat2", KERNEL, BY_SELF, 0, CALL(openat2, ARGS((unsigned long)AT_FDCWD, 0, 0, 0), REACH(EINVAL)),
	  "openat2, whose mode no filter can see" },
	{ "seccomp", KERNEL, BY_SELF, MAY_LACK, CALL(seccomp, ARGS(3, 0, SCRATCH)), "the seccomp call" },
	{ "lease", KERNEL, BY_SELF, 0, lease, NULL, "make others wait with a lease" },
	{ "whiteout", KERNEL, BY_ROOT, 0, whiteout, NULL, "make a device node by a whiteout" },
	{ "socket-filter", KERNEL, BY_SELF, MAY_LACK, socket_program, NULL, "attach a program to a socket" },
	{ "reboot", KERNEL, BY_ROOT, 0, CALL(reboot, ARGS(0, 0, 0, 0), REACH(EINVAL)),
	  "reboot (with magic numbers that are wrong)" },
	{ "swapon", KERNEL, BY_ROOT, MAY_LACK, CALL(swapon, ARGS(TEXT("/nonexistent/swap"), 0), REACH(ENOENT)),
	  "swap on" },
	{ "swapoff", KERNEL, BY_ROOT, MAY_LACK, CALL(swapoff, ARGS(TEXT("/nonexistent/swap")), REACH(ENOENT)),
	  "swap off" },
	{ "quotactl", KERNEL, BY_SELF, MAY_LACK,
	  CALL(quotactl, ARGS(0x80000700, TEXT("/nonexistent"), 0, 0), REACH(ENOTBLK, ENOENT, ENODEV)), "quotactl" },
	{ "acct", KERNEL, BY_ROOT, MAY_LACK, CALL(acct, ARGS(TEXT("/nonexistent/acct")), REACH(ENOENT)),
	  "process accounting" },
	{ "syslog", KERNEL, BY_ROOT, 0, CALL(syslog, ARGS(10, 0, 0)), "the kernel's log" },
	{ "settimeofday", KERNEL, BY_ROOT, 0, CALL(settimeofday, ARGS(0, 0)), "set the clock (to nothing)" },
	{ "clock-settime", KERNEL, BY_SELF, 0, CALL(clock_settime, ARGS(0, 0), REACH(EFAULT)), "set a clock" },
	{ "adjtimex", KERNEL, BY_ROOT, 0, adjtimex_tick, NULL, "adjust the clock" },
	{ "name-to-handle", KERNEL, BY_SELF, 0,
	  CALL(name_to_handle_at, ARGS((unsigned long)AT_FDCWD, TEXT(granted), SCRATCH, SCRATCH, 0),
	       REACH(EOVERFLOW, EOPNOTSUPP)), "get a file handle" },
	{ "fanotify", KERNEL, BY_ROOT, MAY_LACK, CALL(fanotify_init, ARGS(0, 0)), "watch a whole mount" },
	{ "fanotify-user", KERNEL, BY_SELF, MAY_LACK, CALL(fanotify_init, ARGS(0x200, 0)), "fanotify of users" },
	{ "personality-exec", KERNEL, BY_SELF, 0, CALL(personality, ARGS(READ_IMPLIES_EXEC)),
	  "make all memory executable" },
	{ "personality-aslr", KERNEL, BY_SELF, 0, CALL(personality, ARGS(ADDR_NO_RANDOMIZE)),
	  "switch off address randomisation" },
	{ "personality-64", KERNEL, BY_SELF, 0, CALL(personality, ARGS(READ_IMPLIES_EXEC | HIGH)),
	  "the same with a bit above the 32nd" },
	{ "sethostname", KERNEL, BY_USERNS, 0, CALL(sethostname, ARGS(TEXT("evil"), 4)), "change the host name" },
	{ "setdomainname", KERNEL, BY_USERNS, 0, CALL(setdomainname, ARGS(TEXT("evil"), 4)), "change the domain" },
	{ "prctl-mm", KERNEL, BY_SELF, MAY_LACK | EINVAL_DENIES, CALL(prctl, ARGS(PR_SET_MM, 15, SCRATCH, 0, 0)),
	  "PR_SET_MM, which rewrites the memory map" },
	{ "prctl-mm-64", KERNEL, BY_SELF, MAY_LACK | EINVAL_DENIES,
	  CALL(prctl, ARGS(PR_SET_MM | HIGH, 15, SCRATCH, 0, 0)), "the same with a bit above the 32nd" },
	{ "prctl-securebits", KERNEL, BY_USERNS, EINVAL_DENIES, CALL(prctl, ARGS(PR_SET_SECUREBITS, 0x1, 0, 0, 0)),
	  "change securebits" },
	{ "capset", KERNEL, BY_USERNS, 0, raise_capability, NULL, "take a capability" },
	{ "privileges", KERNEL, BY_SELF, 0, privileges, NULL, "hold any privilege" },
#ifdef __x86_64__
	{ "iopl", KERNEL, BY_SELF, MAY_LACK, CALL(iopl, ARGS(4), REACH(EINVAL)), "iopl" },
	{ "ioperm", KERNEL, BY_SELF, MAY_LACK, CALL(ioperm, ARGS(65535, 2, 1), REACH(EINVAL)), "ioperm" },
	{ "modify-ldt", KERNEL, BY_SELF, MAY_LACK, CALL(modify_ldt, ARGS(0, SCRATCH, 64)), "modify_ldt" },
	{ "x32", KERNEL, BY_SELF, MAY_LACK, call, &(const struct call){ .nr = SYS_getpid | 0x40000000 }, "an x32 call" },
	{ "i386", KERNEL, BY_SELF, MAY_LACK, int80, NULL, "the i386 entry" },
#endif
};
const struct attacks calls_attacks = { list, sizeof(list) / sizeof(list[0]) };
