/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks on what a server must not do, each tried once: "NAME: what the kernel said", a line each, "done" where it worked.
 * tests/vm/guest runs it where nothing but AppArmor stands in the way (as root without a cage, and in the cage of a
 * mcpcage without seccomp, Landlock and the dropping of capabilities: unguarded.c), and once without AppArmor, where each has to work.
 *
 *	assault [--outside PID] [NAME...]       PID: a process outside, to be signalled and traced
 *
 * What works changes nothing that lasts: it runs in mount and uts namespaces of its own, in a machine that is thrown away.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t outside;

static int said(long result)
{
	return result < 0 ? errno : 0;
}

static int write_to(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		return errno;
	int r = text ? said(write(fd, text, strlen(text))) : 0;
	close(fd);
	return r;
}

/* A mount that is read-only is made writable first, where that is all that keeps us from it: no hook of AppArmor sees it. */
static void writable(const char *path)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	(void)syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof attr);
}

static int make_file(const char *folder)
{
	char path[64];

	writable("/");
	writable(folder);
	snprintf(path, sizeof path, "%s/assault", folder);
	int r = write_to(path, O_CREAT, "x");
	if (r == 0)
		unlink(path);
	return r;
}

static int write_usr(void) { return make_file("/usr"); }
static int write_etc(void) { return make_file("/etc"); }
static int write_dev(void) { return make_file("/dev"); }

static int link_etc(void)
{
	writable("/");
	writable("/etc");
	int r = said(link("/etc/passwd", "/etc/assault"));
	unlink("/etc/assault");
	return r;
}

static int sysctl_(void)
{
	char name[65] = "vm\n";

	writable("/proc");
	writable("/proc/sys");
	return write_to("/proc/sys/kernel/hostname", 0, name);
}

static int sysfs(void) { return write_to("/sys/kernel/mm/ksm/run", 0, "0"); }
static int own_proc(void) { return write_to("/proc/self/oom_score_adj", 0, "0"); }
static int dev_mem(void) { return write_to("/dev/mem", 0, NULL); }
static int dev_disk(void) { return write_to("/dev/vda", 0, NULL); }
static int kmsg(void) { return write_to("/dev/kmsg", 0, NULL); }

static int mount_tmpfs(void) { return said(mount("none", "/tmp", "tmpfs", 0, "size=64k")); }
static int bind_mount(void) { return said(mount("/usr", "/tmp", NULL, MS_BIND, NULL)); }

static int move_mount_(void)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 1);

	if (fs < 0 || syscall(SYS_fsconfig, fs, 6, NULL, NULL, 0) < 0)
		return errno;
	int mnt = (int)syscall(SYS_fsmount, fs, 1, 0);
	if (mnt < 0)
		return errno;
	return said(syscall(SYS_move_mount, mnt, "", AT_FDCWD, "/tmp", 4));
}

static int umount_(void) { return said(umount2("/dev/shm", MNT_DETACH)); }

static int pivot(void)
{
	/* The root cannot become what it is: EINVAL or EBUSY where the call is allowed. */
	int r = said(syscall(SYS_pivot_root, "/", "/"));
	return r == EINVAL || r == EBUSY ? 0 : r;
}

static int chroot_(void) { return said(chroot("/tmp")); }
static int mknod_(void) { return said(mknod("/tmp/assault-null", S_IFCHR | 0666, makedev(1, 3))); }
static int chown_(void) { return said(chown("/tmp", 4242, 4242)); }
static int setuid_(void) { return said(setresuid(4242, 4242, 4242)); }
static int bound_caps(void) { return said(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0)); }
static int hostname(void) { return said(sethostname("vm", 2)); }
static int new_mounts(void) { return said(unshare(CLONE_NEWNS)); }
static int new_users(void) { return said(unshare(CLONE_NEWUSER)); }
static int nice_(void) { return said(setpriority(PRIO_PROCESS, 0, -5)); }

static int module(void)
{
	int r = said(syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
	return r == ENOENT ? 0 : r;
}

static int clock_(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return said(clock_settime(CLOCK_REALTIME, &now));
}

static int opened(int fd)
{
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int raw_socket(void) { return opened(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
static int packet_socket(void) { return opened(socket(AF_PACKET, SOCK_RAW, 0)); }

static int low_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(81) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int r = fd < 0 ? errno : said(bind(fd, (struct sockaddr *)&at, sizeof at));

	if (fd >= 0)
		close(fd);
	return r;
}

static int interface(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int r = fd < 0 ? errno : said(ioctl(fd, SIOCSIFFLAGS, &request));

	if (fd >= 0)
		close(fd);
	return r;
}

static int signal_outside(void) { return outside ? said(kill(outside, SIGCONT)) : ESRCH; }

static int trace(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return errno;
	(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 0;
}

static int trace_outside(void) { return trace(outside); }

static int trace_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	int r = trace(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

static int read_outside(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)0x1000, 1 };
	int r = said(process_vm_readv(outside, &here, 1, &there, 1, 0));

	return r == EFAULT ? 0 : r; /* nothing is there, and it was looked */
}

static int leave_profile(void) { return write_to("/proc/self/attr/apparmor/current", 0, "changeprofile unconfined"); }
static int leave_at_exec(void) { return write_to("/proc/self/attr/apparmor/exec", 0, "exec unconfined"); }

static const struct {
	const char *name;
	int (*run)(void);
} attacks[] = {
	{ "write-usr", write_usr }, { "write-etc", write_etc }, { "write-dev", write_dev }, { "link-etc", link_etc },
	{ "sysctl", sysctl_ }, { "sysfs", sysfs }, { "own-proc", own_proc }, { "dev-mem", dev_mem },
	{ "dev-disk", dev_disk }, { "kmsg", kmsg }, { "mount", mount_tmpfs }, { "bind-mount", bind_mount },
	{ "move-mount", move_mount_ }, { "umount", umount_ }, { "pivot-root", pivot }, { "chroot", chroot_ },
	{ "mknod", mknod_ }, { "chown", chown_ }, { "setuid", setuid_ }, { "bound-caps", bound_caps },
	{ "hostname", hostname }, { "new-mounts", new_mounts }, { "new-users", new_users }, { "nice", nice_ },
	{ "module", module }, { "clock", clock_ }, { "raw-socket", raw_socket }, { "packet-socket", packet_socket },
	{ "low-port", low_port }, { "interface", interface }, { "signal-outside", signal_outside },
	{ "trace-outside", trace_outside }, { "trace-child", trace_child }, { "read-outside", read_outside },
	{ "leave-profile", leave_profile }, { "leave-at-exec", leave_at_exec },
};

/* Each in a process of its own: some change what the next would meet. */
static void attempt(size_t i)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int r = attacks[i].run();
		printf("%s: %s\n", attacks[i].name, r ? strerrorname_np(r) : "done");
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		printf("%s: broken\n", attacks[i].name);
}

int main(int argc, char **argv)
{
	int from = 1;

	if (argc > 2 && strcmp(argv[1], "--outside") == 0) {
		outside = atoi(argv[2]);
		from = 3;
	}
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		bool wanted = from >= argc;
		for (int a = from; a < argc; a++)
			wanted = wanted || strcmp(argv[a], attacks[i].name) == 0;
		if (wanted)
			attempt(i);
	}
	return 0;
}
