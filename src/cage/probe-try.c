/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Try each mechanism for real, in a child: sysctls and version numbers only hint at what a kernel, a container
 * or a security module will refuse. The children report through a page of shared memory, one errno per step.
 *
 * Called by probe.c for `mcpcage doctor`. Must not change anything that outlives the children.
 */
#include "cage/probe-try.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "cage/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define TRY_SECONDS 5

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static pid_t raw_clone3(uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int put(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0 ? 0 : errno;
}

static int try_maps(uid_t uid, gid_t gid)
{
	char line[48];
	int failed = put("/proc/self/setgroups", "deny");

	snprintf(line, sizeof line, "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	if (!failed)
		failed = put("/proc/self/uid_map", line);
	snprintf(line, sizeof line, "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	if (!failed)
		failed = put("/proc/self/gid_map", line);
	return failed;
}

/* A file system of its own, attached nowhere. */
static int try_mount(const char *type)
{
	CLEANUP_CLOSE int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	CLEANUP_CLOSE int mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
					     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return mnt < 0 ? errno : 0;
}

static int try_tree(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	CLEANUP_CLOSE int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/usr",
					    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd < 0)
		return errno;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
		return errno;
	return 0;
}

static void try_namespaces(struct probe_tries *tries)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	pid_t pid = raw_clone3(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			       CLONE_NEWUTS | CLONE_NEWCGROUP);
	if (pid < 0) {
		tries->namespaces = errno;
		return;
	}
	if (pid == 0) {
		tries->maps = try_maps(uid, gid);
		tries->tmpfs = try_mount("tmpfs");
		tries->proc = try_mount("proc");
		tries->tree = try_tree();
		_exit(0);
	}
	tries->namespaces = 0;
	reap(pid);

	pid = raw_clone3(CLONE_NEWUSER | CLONE_NEWTIME);
	if (pid == 0)
		_exit(0);
	tries->timens = pid < 0 ? errno : 0;
	if (pid > 0)
		reap(pid);
}

/* getpriority(2) is made to fail with an errno it never has. */
static int try_seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EUCLEAN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return errno;
	return syscall(SYS_getpriority, 0, 0) < 0 && errno == EUCLEAN ? 0 : EPROTO;
}

static int try_landlock(void)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK };
	CLEANUP_CLOSE int fd =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
	if (fd < 0)
		return errno;
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? errno : 0;
}

static int try_apparmor(void)
{
	struct error err = { 0 };

	if (apparmor_stack_onexec("unconfined", &err) == 0)
		return 0;
	return err.sys ? err.sys : EPROTO;
}

static void __attribute__((noreturn)) try_all(struct probe_tries *tries)
{
	try_namespaces(tries);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
		if (apparmor_enabled())
			tries->apparmor = try_apparmor();
		tries->landlock = try_landlock();
		tries->seccomp = try_seccomp();
	}
	_exit(0);
}

void probe_try(struct probe_tries *tries)
{
	static const struct probe_tries nothing = { -1, -1, -1, -1, -1, -1, -1, -1, -1 };
	struct probe_tries *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*tries = nothing;
	if (shared == MAP_FAILED)
		return;
	*shared = nothing;

	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		/* Dies of it if a step hangs; what it clones dies with its pid namespace or does nothing. */
		alarm(TRY_SECONDS);
		try_all(shared);
	}
	if (pid > 0)
		reap(pid);
	*tries = *shared;
	munmap(shared, sizeof *shared);
}
