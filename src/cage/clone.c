/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One clone3(2) that makes every namespace of the cage at once, and the identity inside.
 *
 * A single call, because each unshare(2) costs a copy and a grace period of its own, and because a half-made
 * set of namespaces never exists: the child starts as pid 1 of the new pid namespace with everything in place.
 * No stack is given, so the child continues on a copy of ours, like fork(2); libc's own fork is bypassed, hence the
 * caller is single-threaded. A user namespace is made for root as well: uid 0 maps to uid 0 and has no power
 * outside.
 *
 * The child writes its own maps: one line that maps the caller's own id is what an unprivileged process may
 * write, and nobody has to be waited for. user_namespaces(7) "Defining user and group ID mappings".
 *
 * Called by session/monitor.c (cage_clone) and session/init.c (cage_id_maps). Must not allocate in the child.
 * clone(2), user_namespaces(7), time_namespaces(7), cgroup_namespaces(7).
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "cage/userns-hint.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int clone_error(int sys, int cgroup_fd, struct error *err)
{
	error_set(err, sys, "cannot make the namespaces (clone3)");
	switch (sys) {
	case EPERM:
		return userns_hint(err);
	case ENOSPC:
	case EUSERS:
		return error_hint(err, "the limit of namespaces is reached: raise it with "
				       "`sysctl -w user.max_user_namespaces=15000` (and user.max_*_namespaces), or "
				       "nest containers less deeply");
	case ENOSYS:
		return error_hint(err, "the kernel is older than 5.12, or a container's seccomp filter refuses clone3");
	case EINVAL:
		return error_hint(err, "the kernel lacks a namespace type: it needs CONFIG_USER_NS, PID_NS, NET_NS, "
				       "IPC_NS, UTS_NS and CGROUPS");
	case EACCES:
	case EBADF:
	case EBUSY:
	case EOPNOTSUPP:
	case ENODEV:
		if (cgroup_fd >= 0)
			return error_hint(err, "the server's cgroup cannot be entered; its group must be of type "
					       "`domain` and writable");
		if (sys == EACCES)
			return error_hint(err, "mcpcage runs under an AppArmor profile without the rule `userns,`: load the one "
					       "that comes with mcpcage (`mcpcage doctor` prints the command)");
		return -1;
	case EAGAIN:
		return error_hint(err, "too many processes: see `ulimit -u` and the cgroup's pids.max");
	default:
		return -1;
	}
}

pid_t cage_clone(const struct plan *plan, int cgroup_fd, int *pidfd, struct error *err)
{
	int fd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&fd,
		.exit_signal = SIGCHLD,
	};

	if (!plan->reduced)
		args.flags |= CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	if (!plan->reduced && plan->network != NETWORK_HOST)
		args.flags |= CLONE_NEWNET;
	if (plan->layers & LAYER_TIMENS)
		args.flags |= CLONE_NEWTIME;
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}

	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0 && errno == EINVAL && (args.flags & CLONE_NEWTIME) && !(plan->require & LAYER_TIMENS)) {
		/* A kernel without CONFIG_TIME_NS: nothing else in these flags is newer. */
		args.flags &= ~(uint64_t)CLONE_NEWTIME;
		pid = syscall(SYS_clone3, &args, sizeof args);
	}
	if (pid < 0)
		return clone_error(errno, cgroup_fd, err);
	if (pid > 0)
		*pidfd = fd;
	return (pid_t)pid;
}

static int write_proc(const char *path, const char *text, struct error *err)
{
	size_t n = strlen(text);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, errno, "cannot open %s", path);
	ssize_t w = write(fd, text, n);
	if (w < 0)
		return error_set(err, errno, "cannot write \"%s\" to %s", text, path);
	if ((size_t)w != n)
		return error_set(err, EIO, "cannot write \"%s\" to %s", text, path);
	return 0;
}

static int write_map(const char *path, unsigned int id, struct error *err)
{
	char line[48];

	snprintf(line, sizeof line, "%u %u 1", id, id);
	if (write_proc(path, line, err) == 0)
		return 0;
	if (err && err->sys == EPERM && id == 0)
		return error_hint(err, USERNS_ROOT_HINT);
	return userns_hint(err);
}

int cage_id_maps(const struct plan *plan, struct error *err)
{
	/* Without "deny", gid_map would need CAP_SETGID outside. */
	if (write_proc("/proc/self/setgroups", "deny", err) < 0)
		return userns_hint(err);
	if (write_map("/proc/self/uid_map", plan->uid, err) < 0)
		return -1;
	if (write_map("/proc/self/gid_map", plan->gid, err) < 0)
		return -1;

	const char *name = plan->hostname ? plan->hostname : "mcpcage";
	if (sethostname(name, strlen(name)) < 0) {
		error_set(err, errno, "cannot set the host name %s", name);
		return userns_hint(err);
	}
	return 0;
}
