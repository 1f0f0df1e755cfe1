/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks by way of /proc and /dev: the init process of the cage, which is mcpcage itself; processes and mounts of the host;
 * kernel settings; devices; terminals.
 */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

struct reading {
	const char *path;
	int flags;
};

static void opening(struct outcome *out, const struct attack *attack)
{
	const struct reading *r = attack->arg;
	const char *path = expand(r->path);

	judge(out, attack, open(path, r->flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), path);
}
#define OPENING(path, flags) opening, &(const struct reading){ path, flags }

/* A file of procfs may be covered by an empty one of another file system. */
static void opening_proc(struct outcome *out, const struct attack *attack)
{
	const char *path = attack->arg;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct statfs fs;

	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type != PROC_SUPER_MAGIC)
		denied(out, 0, "%s: covered", path);
	else
		judge(out, attack, fd, path);
}

/* The folder may be read by its owner; what matters is what the descriptors are. */
static void descriptors(struct outcome *out, const struct attack *attack)
{
	char path[64];

	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%d", config("init"), fd);
		judge(out, attack, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), path);
		if (out->verdict != DENIED)
			return;
	}
}

/* open(2) may succeed and read(2) refuse, as for /proc/1/environ. */
static void reading(struct outcome *out, const struct attack *attack)
{
	const struct reading *r = attack->arg;
	const char *path = expand(r->path);
	char byte[256];
	int fd = open(path, r->flags | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, byte, sizeof(byte));

	if (n == 0)
		denied(out, 0, "%s: empty", path);
	else
		judge(out, attack, n, path);
}
#define READING(path) reading, &(const struct reading){ path, O_RDONLY }

/* Whether a folder holds anything. */
static void listed(struct outcome *out, const struct attack *attack)
{
	DIR *dir = opendir(attack->arg);

	if (!dir) {
		judge(out, attack, -1, attack->arg);
		return;
	}
	denied(out, ENOENT, "%s: empty", (const char *)attack->arg);
	for (struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.')
			succeeded(out, "%s: has %s", (const char *)attack->arg, e->d_name);
	closedir(dir);
}
#define LISTED(path) listed, path

static void link_text(struct outcome *out, const struct attack *attack)
{
	const char *path = expand(attack->arg);
	char text[512];

	judge(out, attack, readlink(path, text, sizeof(text)), path);
}

struct containing {
	const char *path;
	const char *needle;
};

static void containing(struct outcome *out, const struct attack *attack)
{
	const struct containing *c = attack->arg;
	const char *path = expand(c->path), *needle = expand(c->needle);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		judge(out, attack, fd, path);
	else if (fd_contains(fd, needle))
		succeeded(out, "%s shows '%s'", path, needle);
	else
		denied(out, 0, "%s: there, without '%s'", path, needle);
}
#define CONTAINING(path, needle) containing, &(const struct containing){ path, needle }

/*
 * Writes back what is there already, which changes nothing: core_pattern with "|program" is a program that the kernel
 * runs outside of every cage.
 */
static void write_same(struct outcome *out, const struct attack *attack)
{
	char text[4096];
	const char *path = attack->arg;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n < 0) {
		judge(out, attack, -1, path);
		return;
	}
	close(fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	judge(out, attack, fd < 0 ? -1 : write(fd, text, (size_t)n), path);
}

/* How many processes show that are not init, the server, and its own children: one of the host's is enough. */
static void host_processes(struct outcome *out, const struct attack *attack)
{
	DIR *dir = opendir("/proc");
	int fd, hits = 0;
	char path[300];

	(void)attack;
	if (!dir) {
		broken(out, "/proc: %s", strerror(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && fd_contains(fd, config("marker")))
			hits++;
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
	if (hits)
		succeeded(out, "%d processes of the host", hits);
	else
		denied(out, 0, "none of the host's processes in /proc");
}

static int fork_idle(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(5);
		pause();
		_exit(0);
	}
	return pid;
}

/* The opposite of an attack: one's own /proc works, so the refusals above are not those of an empty folder. */
static void own_proc(struct outcome *out, const struct attack *attack)
{
	char path[64];
	pid_t child = fork_idle();
	bool self, kid;

	(void)attack;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	self = access("/proc/self/status", R_OK) == 0;
	kid = access(path, R_OK) == 0;
	kill(child, SIGKILL);
	if (!self || !kid)
		broken(out, "one's own processes do not show in /proc");
	else if (access(expand("/proc/{canary_pid}/stat"), F_OK) == 0)
		succeeded(out, "the host's process %s is there", config("canary_pid"));
	else
		denied(out, 0, "only its own processes");
}

static void extra_devices(struct outcome *out, const struct attack *attack)
{
	static const char *const known[] = { "null", "zero", "full", "random", "urandom", "tty", "ptmx" };
	DIR *dir = opendir("/dev");
	char first[256] = "";
	struct stat st;

	if (!dir) {
		judge(out, attack, -1, "/dev");
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		bool ok = false;

		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
			continue;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			ok = ok || strcmp(known[i], e->d_name) == 0;
		if (!ok)
			snprintf(first, sizeof(first), "%s", e->d_name);
	}
	closedir(dir);
	if (first[0])
		succeeded(out, "a device beyond the minimum: %s", first);
	else
		denied(out, 0, "only the minimal devices");
}

static void controlling_terminal(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, open("/dev/tty", O_RDWR | O_CLOEXEC), "/dev/tty");
}

/* A terminal among the standard streams could be driven: typed into (TIOCSTI), reconfigured, reopened. */
static void standard_terminal(struct outcome *out, const struct attack *attack)
{
	(void)attack;
	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fd)) {
			succeeded(out, "descriptor %d is a terminal", fd);
			return;
		}
	denied(out, 0, "no terminal");
}

static void standard_pipes(struct outcome *out, const struct attack *attack)
{
	struct stat st;

	(void)attack;
	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) < 0) {
			broken(out, "descriptor %d: %s", fd, strerror(errno));
			return;
		}
		if (!S_ISFIFO(st.st_mode)) {
			succeeded(out, "descriptor %d is the client's own object (mode %o)", fd, st.st_mode);
			return;
		}
	}
	denied(out, 0, "three pipes");
}

/* ioctl on the pipe at descriptor 0: outside the kernel says ENOTTY, so anything else is the filter's word. */
static void terminal_ioctl(struct outcome *out, const struct attack *attack)
{
	unsigned long request = *(const unsigned long *)attack->arg;
	char byte[64] = "\3"; /* TIOCLINUX: subcode 3 only reads */
	long r = syscall(SYS_ioctl, 0, request, byte);

	if (r < 0 && (errno == ENOTTY || errno == EIO || errno == EINVAL || errno == EFAULT))
		succeeded(out, "reached the terminal driver: %s", strerror(errno));
	else
		judge(out, attack, r, "ioctl");
}

/* On a pseudo-terminal of its own it would be harmless; the filter must not know the difference. */
static void own_terminal(struct outcome *out, const struct attack *attack)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	const char *name;

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || !(name = ptsname(fd)) ||
	    (slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		judge(out, attack, -1, "pseudo-terminal");
		return;
	}
	judge(out, attack, syscall(SYS_ioctl, slave, TIOCSTI, "x"), "TIOCSTI on a pseudo-terminal");
}

static const unsigned long tiocsti = TIOCSTI, tiocsti_high = TIOCSTI | 1UL << 32, tioclinux = TIOCLINUX,
			   tiocsetd = TIOCSETD, tioccons = TIOCCONS,
			   tioclinux_high = TIOCLINUX | 0xabcdUL << 32;

#define PROC "proc"
#define DEV "device"
static const struct attack list[] = {
	{ "init-root", PROC, BY_SELF, 0, CONTAINING("/proc/{init}/root{secret}/token", "{token}"),
	  "read through init's root" },
	{ "init-cwd", PROC, BY_SELF, 0, link_text, "/proc/{init}/cwd", "look at init's working directory" },
	{ "init-environ", PROC, BY_SELF, 0, READING("/proc/{init}/environ"), "read init's environment" },
	{ "init-fd", PROC, BY_SELF, 0, descriptors, NULL, "open any of init's descriptors" },
	{ "init-fd-0", PROC, BY_SELF, 0, link_text, "/proc/{init}/fd/0", "look at init's standard input" },
	{ "init-fdinfo", PROC, BY_SELF, 0, OPENING("/proc/{init}/fdinfo", O_RDONLY | O_DIRECTORY),
	  "list what is known of init's descriptors" },
	{ "init-mem", PROC, BY_SELF, 0, OPENING("/proc/{init}/mem", O_RDWR), "open init's memory" },
	{ "init-maps", PROC, BY_SELF, 0, READING("/proc/{init}/maps"), "read init's memory map" },
	{ "init-auxv", PROC, BY_SELF, 0, READING("/proc/{init}/auxv"), "read init's addresses" },
	{ "init-exe", PROC, BY_SELF, 0, OPENING("/proc/{init}/exe", O_RDONLY), "open mcpcage's own program by init" },
	{ "init-exe-link", PROC, BY_SELF, 0, link_text, "/proc/{init}/exe", "learn where mcpcage's program is" },
	{ "init-ns", PROC, BY_SELF, 0, OPENING("/proc/{init}/ns/mnt", O_RDONLY), "open init's mount namespace" },
	{ "init-stack", PROC, BY_ROOT, MAY_LACK, READING("/proc/{init}/stack"), "read init's kernel stack" },
	{ "init-syscall", PROC, BY_ROOT, MAY_LACK, READING("/proc/{init}/syscall"), "read init's registers" },
	{ "self-root", PROC, BY_SELF, 0, CONTAINING("/proc/self/root{secret}/token", "{token}"),
	  "read through one's own root" },
	{ "self-cwd", PROC, BY_SELF, 0, CONTAINING("/proc/self/cwd/token", "{token}"), "read in the caller's folder" },
	{ "host-processes", PROC, BY_SELF, 0, host_processes, NULL, "find the host's processes" },
	{ "host-process-environ", PROC, BY_SELF, 0, CONTAINING("/proc/{canary_pid}/environ", "{token}"),
	  "read the environment of another process of the user" },
	{ "host-process-cwd", PROC, BY_SELF, 0, CONTAINING("/proc/{canary_pid}/cwd/token", "{token}"),
	  "read where another process of the user stands" },
	{ "own-proc", PROC, BY_SELF, 0, own_proc, NULL, "/proc shows only the cage's processes" },
	{ "mountinfo", PROC, BY_SELF, 0, CONTAINING("/proc/self/mountinfo", " {host_mount} "),
	  "learn the host's mounts" },
	{ "mountinfo-init", PROC, BY_SELF, 0, CONTAINING("/proc/{init}/mountinfo", " {host_mount} "),
	  "learn the host's mounts from init" },
	{ "proc-fs", PROC, BY_SELF, MAY_LACK, LISTED("/proc/fs"),
	  "learn the host's file systems" },
	{ "abstract-names", PROC, BY_SELF, 0, CONTAINING("/proc/net/unix", "{abstract}"),
	  "learn the host's abstract sockets" },
	{ "core-pattern", PROC, BY_ROOT, 0, write_same, "/proc/sys/kernel/core_pattern",
	  "write kernel.core_pattern" },
	{ "modprobe-path", PROC, BY_ROOT, MAY_LACK, write_same, "/proc/sys/kernel/modprobe", "write kernel.modprobe" },
	{ "sysctl-vm", PROC, BY_ROOT, 0, write_same, "/proc/sys/vm/overcommit_memory", "write a sysctl of memory" },
	{ "sysctl-net", PROC, BY_ROOT, MAY_LACK, write_same, "/proc/sys/net/ipv4/ip_default_ttl",
	  "write a sysctl of the network" },
	{ "sysctl-hostname", PROC, BY_ROOT, 0, write_same, "/proc/sys/kernel/domainname", "write the domain name" },
	{ "uevent-helper", PROC, BY_ROOT, MAY_LACK, OPENING("/sys/kernel/uevent_helper", O_WRONLY),
	  "write the kernel's uevent helper" },
	{ "sysrq", PROC, BY_ROOT, MAY_LACK, OPENING("/proc/sysrq-trigger", O_WRONLY), "open sysrq-trigger" },
	{ "kcore", PROC, BY_ROOT, MAY_LACK, opening_proc, "/proc/kcore", "open the kernel's memory" },
	{ "kmsg", PROC, BY_ROOT, MAY_LACK, opening_proc, "/proc/kmsg", "open the kernel's messages" },
	{ "kallsyms", PROC, BY_ROOT, MAY_LACK, READING("/proc/kallsyms"), "read the kernel's addresses" },
	{ "proc-keys", PROC, BY_SELF, MAY_LACK, READING("/proc/key-users"), "read about the host's keys" },
	{ "proc-cmdline", PROC, BY_SELF, MAY_LACK, READING("/proc/cmdline"), "read the kernel's command line" },
	{ "proc-modules", PROC, BY_SELF, MAY_LACK, READING("/proc/modules"), "read the list of modules" },
	{ "proc-bus", PROC, BY_SELF, MAY_LACK, LISTED("/proc/bus"), "list the machine's buses" },
	{ "proc-driver", PROC, BY_SELF, MAY_LACK, LISTED("/proc/driver"), "list the machine's drivers" },
	{ "irq-affinity", PROC, BY_ROOT, MAY_LACK, OPENING("/proc/irq/default_smp_affinity", O_WRONLY),
	  "write interrupt settings" },
	{ "oom-score", PROC, BY_SELF, 0, OPENING("/proc/{init}/oom_score_adj", O_WRONLY), "make init a victim" },
	{ "gid-map", PROC, BY_SELF, 0, OPENING("/proc/{init}/gid_map", O_WRONLY), "write init's id maps" },
	{ "dev-kmsg", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/kmsg", O_RDONLY), "open /dev/kmsg" },
	{ "dev-mem", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/mem", O_RDONLY), "open /dev/mem" },
	{ "dev-fuse", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/fuse", O_RDWR), "open /dev/fuse" },
	{ "dev-tun", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/net/tun", O_RDWR), "open /dev/net/tun" },
	{ "dev-kvm", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/kvm", O_RDWR), "open /dev/kvm" },
	{ "dev-loop", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/loop-control", O_RDWR), "open loop devices" },
	{ "dev-uffd", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/userfaultfd", O_RDWR), "open /dev/userfaultfd" },
	{ "dev-console", DEV, BY_ROOT, MAY_LACK, OPENING("/dev/tty0", O_WRONLY), "open the console" },
	{ "dev-disk", DEV, BY_ROOT, MAY_LACK, OPENING("{disk}", O_RDONLY), "open the machine's disk" },
	{ "dev-extra", DEV, BY_SELF, 0, extra_devices, NULL, "find devices beyond the minimum" },
	{ "tty", DEV, BY_SELF, 0, controlling_terminal, NULL, "open the caller's terminal" },
	{ "tty-standard", DEV, BY_SELF, 0, standard_terminal, NULL, "find a terminal among the standard streams" },
	{ "standard-pipes", DEV, BY_SELF, 0, standard_pipes, NULL, "find the client's objects as standard streams" },
	{ "tiocsti", DEV, BY_SELF, 0, terminal_ioctl, &tiocsti, "type into a terminal" },
	{ "tiocsti-64", DEV, BY_SELF, 0, terminal_ioctl, &tiocsti_high, "TIOCSTI with a bit above the 32nd" },
	{ "tioclinux", DEV, BY_SELF, 0, terminal_ioctl, &tioclinux, "paste into a console" },
	{ "tioclinux-64", DEV, BY_SELF, 0, terminal_ioctl, &tioclinux_high, "TIOCLINUX with bits above the 32nd" },
	{ "tiocsetd", DEV, BY_SELF, 0, terminal_ioctl, &tiocsetd, "load a line discipline" },
	{ "tioccons", DEV, BY_SELF, 0, terminal_ioctl, &tioccons, "redirect the console" },
	{ "tiocsti-own", DEV, BY_ROOT, 0, own_terminal, NULL, "TIOCSTI on a pseudo-terminal of its own" },
};
const struct attacks proc_attacks = { list, sizeof(list) / sizeof(list[0]) };
