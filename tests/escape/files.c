/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks on files: reading what was not granted, writing what was granted read-only, and leaving the granted tree by links,
 * "..", renames, handles, device nodes and set-user-ID bits. run.py made the objects; the paths come from its config:
 * {ro} and {rw} are granted, {secret} and {other} are not, and all four are on one file system.
 */
#include "attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

struct leak {
	const char *path;
	const char *needle; /* config key of what the host's file contains */
};

/* A file of the host shows its content. */
static void leak(struct outcome *out, const struct attack *attack)
{
	const struct leak *l = attack->arg;
	const char *path = expand(l->path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		judge(out, attack, -1, path);
	else if (fd_contains(fd, config(l->needle)))
		succeeded(out, "%s: the host's content", path);
	else
		denied(out, 0, "%s: there, without the host's content", path);
}
#define LEAK(path, key) leak, &(const struct leak){ path, key }

struct opening {
	const char *path;
	int flags;
};

/* Opening alone is the attack. What O_EXCL made (outside, in a control) is removed again. */
static void opening(struct outcome *out, const struct attack *attack)
{
	const struct opening *o = attack->arg;
	const char *path = expand(o->path);
	int fd = open(path, o->flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	judge(out, attack, fd, path);
	if (fd >= 0 && (o->flags & O_EXCL))
		unlink(path);
}
#define OPENING(path, flags) opening, &(const struct opening){ path, flags }

/* A name of the host shows in a folder. */
static void listing(struct outcome *out, const struct attack *attack)
{
	const struct leak *l = attack->arg;
	const char *path = expand(l->path), *name = config(l->needle);
	DIR *dir = opendir(path);

	if (!dir) {
		judge(out, attack, -1, path);
		return;
	}
	if (!*name) {
		broken(out, "nothing to look for in %s", path);
		return;
	}
	denied(out, 0, "%s: there, without the host's %s", path, name);
	for (struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, name) == 0)
			succeeded(out, "%s: shows the host's %s", path, name);
	closedir(dir);
}
#define LISTING(path, key) listing, &(const struct leak){ path, key }

static void make_folder(struct outcome *out, const struct attack *attack)
{
	const char *path = expand(attack->arg);

	judge(out, attack, mkdir(path, 0700), path);
	if (out->verdict == SUCCEEDED)
		rmdir(path);
}

/* {ro}/victim is put back by run.py after each control. */
static void unlink_ro(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, unlink(expand("{ro}/victim")), "unlink");
}

static void chmod_ro(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, chmod(expand("{ro}/granted"), 0640), "chmod");
}

static void utimes_ro(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, utimensat(AT_FDCWD, expand("{ro}/granted"), NULL, 0), "utimensat");
}

static void truncate_ro(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, truncate(expand("{ro}/long"), 10), "truncate");
}

static void xattr_ro(struct outcome *out, const struct attack *attack)
{
	long r = setxattr(expand("{ro}/granted"), "user.mcpcage", "x", 1, 0);

	if (r < 0 && errno == EOPNOTSUPP)
		errno = ENOSYS; /* a file system without extended attributes */
	judge(out, attack, r, "setxattr");
}

/* Writing through a second descriptor: a read-only one is reopened for writing by /proc/self/fd. */
static void reopen_ro(struct outcome *out, const struct attack *attack)
{
	char path[64];
	int fd = open(expand("{ro}/granted"), O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		broken(out, "{ro}/granted cannot be read: %s", strerror(errno));
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	judge(out, attack, open(path, O_WRONLY | O_APPEND | O_CLOEXEC), "reopen for writing");
}

static void hard_link(struct outcome *out, const struct attack *attack)
{
	const char *const *pair = attack->arg;
	const char *to = expand(pair[1]);

	unlink(to);
	judge(out, attack, link(expand(pair[0]), to), "link");
	if (out->verdict == SUCCEEDED)
		unlink(to);
}
#define HARD_LINK(from, to) hard_link, (const char *const[]){ from, to }

static void rename_to(struct outcome *out, const struct attack *attack)
{
	const char *const *pair = attack->arg;
	const char *from = expand(pair[0]), *to = expand(pair[1]);
	int fd;

	if (strncmp(pair[0], "{rw}", 4) == 0) {
		fd = open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0) {
			broken(out, "cannot make %s: %s", from, strerror(errno));
			return;
		}
		close(fd);
	}
	judge(out, attack, rename(from, to), "rename");
	if (out->verdict == SUCCEEDED)
		rename(to, from);
}
#define RENAME(from, to) rename_to, (const char *const[]){ from, to }

static void own_symlink(struct outcome *out, const struct attack *attack)
{
	const char *link = expand("{rw}/own-link");
	int fd;

	unlink(link);
	if (symlink(expand("{secret}/token"), link) < 0) {
		broken(out, "symlink: %s", strerror(errno));
		return;
	}
	fd = open(link, O_RDONLY | O_CLOEXEC);
	judge(out, attack, fd, "open through a link of its own");
	unlink(link);
}

static void dotdot_chdir(struct outcome *out, const struct attack *attack)
{
	if (chdir(expand("{rw}")) < 0) {
		broken(out, "chdir: %s", strerror(errno));
		return;
	}
	judge(out, attack, open("../secret/token", O_RDONLY | O_CLOEXEC), "../secret/token");
}

/* A folder descriptor, its folder moved away meanwhile, and ".." from there. */
static void dotdot_renamed(struct outcome *out, const struct attack *attack)
{
	const char *a = expand("{rw}/a"), *ab = expand("{rw}/a/b"), *c = expand("{rw}/c");
	int fd, got;

	mkdir(a, 0700);
	mkdir(ab, 0700);
	fd = open(ab, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || rename(ab, c) < 0) {
		broken(out, "cannot set up: %s", strerror(errno));
		return;
	}
	got = openat(fd, "../../secret/token", O_RDONLY | O_CLOEXEC);
	judge(out, attack, got, "../../secret/token of a moved folder");
	rmdir(c);
	rmdir(a);
}

/* Until PATH is (or is no longer) there: run.py looks for requests ten times a second. */
static bool wait_for(const char *path, bool there)
{
	for (int i = 0; i < 250; i++) {
		if ((access(path, F_OK) == 0) == there)
			return true;
		usleep(10000);
	}
	return false;
}

/* Somebody outside moves the folder one stands in out of the grant: ".." is beyond it then. */
static void dotdot_moved(struct outcome *out, const struct attack *attack)
{
	const char *folder = expand("{rw}/move-me");

	mkdir(folder, 0700);
	if (chdir(folder) < 0 || !wait_for(folder, false)) {
		broken(out, "nobody moved %s: %s", folder, strerror(errno));
		return;
	}
	judge(out, attack, open("../token", O_RDONLY | O_CLOEXEC), "../token of a folder moved from outside");
}

/* Something is mounted in the granted folder after the start, such as a disk that is plugged in. */
static void late_mount(struct outcome *out, const struct attack *attack)
{
	const char *folder = expand("{rw}/mount-here"), *done = expand("{rw}/mounted");
	int fd;

	unlink(done);
	mkdir(folder, 0700);
	if (!wait_for(done, true)) {
		denied(out, ENOSYS, "nobody can mount here");
		return;
	}
	fd = open(expand("{rw}/mount-here/token"), O_RDONLY | O_CLOEXEC);
	judge(out, attack, fd, "a file on a later mount");
}

static void link_descriptor(struct outcome *out, const struct attack *attack)
{
	const char *to = expand("{rw}/hard");
	int fd = open(expand("{ro}/granted"), O_RDONLY | O_CLOEXEC);
	char path[64];

	unlink(to);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	judge(out, attack, linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW), "linkat of a descriptor");
	unlink(to);
}

/* cap_dac_override, permitted and effective, as setcap(8) writes it. */
static void file_capability(struct outcome *out, const struct attack *attack)
{
	const unsigned int value[5] = { 0x02000001, 1U << 1, 0, 0, 0 };
	const char *path = expand("{rw}/mine");

	judge(out, attack, setxattr(path, "security.capability", value, sizeof(value), 0), "setxattr");
	removexattr(path, "security.capability");
}

/*
 * On a granted folder a set-user-ID file would outlive the cage and serve another user of the machine, or, caged as
 * root, be a way to root.
 */
static void setid_bit(struct outcome *out, const struct attack *attack)
{
	const char *path = expand("{rw}/setid");
	mode_t mode = *(const mode_t *)attack->arg;
	struct stat st;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	if (fd < 0 || fstat(fd, &st) < 0) {
		broken(out, "cannot make %s: %s", path, strerror(errno));
		return;
	}
	judge(out, attack, fchmod(fd, mode), "fchmod");
	if (out->verdict == SUCCEEDED && (fstat(fd, &st) < 0 || !(st.st_mode & (S_ISUID | S_ISGID))))
		denied(out, 0, "the kernel dropped the bit");
	unlink(path);
	close(fd);
}

/* The same bit by the other calls that take a mode. */
static void setid_create(struct outcome *out, const struct attack *attack)
{
	const char *path = expand("{rw}/setid-new");
	struct stat st;
	int fd;

	unlink(path);
	umask(0);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 04755);
	judge(out, attack, fd, "openat with mode 04755");
	if (fd >= 0 && (fstat(fd, &st) < 0 || !(st.st_mode & S_ISUID)))
		denied(out, 0, "made without the bit");
	unlink(path);
}

static void setid_mknod(struct outcome *out, const struct attack *attack)
{
	const char *path = expand("{rw}/setid-node");
	struct stat st;

	unlink(path);
	umask(0);
	judge(out, attack, syscall(SYS_mknodat, AT_FDCWD, path, S_IFREG | 04755, 0), "mknodat with mode 04755");
	if (out->verdict == SUCCEEDED && (stat(path, &st) < 0 || !(st.st_mode & S_ISUID)))
		denied(out, 0, "made without the bit");
	unlink(path);
}

static void setid_fchmodat2(struct outcome *out, const struct attack *attack)
{
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
	const char *path = expand("{rw}/setid-2");
	struct stat st;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	if (fd < 0) {
		broken(out, "cannot make %s: %s", path, strerror(errno));
		return;
	}
	close(fd);
	judge(out, attack, syscall(SYS_fchmodat2, AT_FDCWD, path, 04755, 0), "fchmodat2");
	if (out->verdict == SUCCEEDED && (stat(path, &st) < 0 || !(st.st_mode & S_ISUID)))
		denied(out, 0, "the kernel dropped the bit");
	unlink(path);
}

static void device_node(struct outcome *out, const struct attack *attack)
{
	const char *path = expand("{rw}/node");
	mode_t type = *(const mode_t *)attack->arg;

	unlink(path);
	judge(out, attack, mknod(path, type | 0600, makedev(1, 3)), "mknod");
	unlink(path);
}

/* A device node that somebody else put into a granted folder. The control is the same node outside. */
static void device_in_grant(struct outcome *out, const struct attack *attack)
{
	judge(out, attack, open(expand("{rw}/null-node"), O_RDWR | O_CLOEXEC), "open a device in a granted folder");
}

/* The handle of a file that was not granted, as run.py read it outside: CVE-2014-9357's way out. */
static void by_handle(struct outcome *out, const struct attack *attack)
{
	union {
		struct file_handle h;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { 0 };
	const char *hex = config("handle");
	unsigned type = 0;
	int mount_fd = open(expand("{rw}"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), at = 0;

	if (sscanf(hex, "%u:%n", &type, &at) != 1 || mount_fd < 0) {
		denied(out, ENOSYS, "no handles on this file system");
		return;
	}
	handle.h.handle_type = (int)type;
	for (hex += at; hex[0] && hex[1]; hex += 2) {
		unsigned byte;

		if (sscanf(hex, "%2x", &byte) != 1 || handle.h.handle_bytes >= MAX_HANDLE_SZ)
			break;
		handle.h.f_handle[handle.h.handle_bytes++] = (unsigned char)byte;
	}
	judge(out, attack, open_by_handle_at(mount_fd, &handle.h, O_RDONLY), "open_by_handle_at");
}

/* chroot into a folder while a descriptor is outside of it, then climb. */
static void chroot_climb(struct outcome *out, const struct attack *attack)
{
	const char *jail = expand("{rw}/jail");
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	mkdir(jail, 0700);
	if (chroot(jail) < 0 || fchdir(fd) < 0) {
		judge(out, attack, -1, "chroot");
		return;
	}
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			break;
	judge(out, attack, chroot("."), "climb out of a chroot");
	rmdir(expand("{rw}/jail"));
}

static void unix_path(struct outcome *out, const struct attack *attack)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		judge(out, attack, -1, "socket(AF_UNIX)");
		return;
	}
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", expand(attack->arg));
	judge(out, attack, connect(fd, (struct sockaddr *)&sun, sizeof(sun)), sun.sun_path);
}

static void unix_abstract(struct outcome *out, const struct attack *attack)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *name = expand(attack->arg);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		judge(out, attack, -1, "socket(AF_UNIX)");
		return;
	}
	snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1, "%s", name);
	judge(out, attack,
	      connect(fd, (struct sockaddr *)&sun, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))),
	      "connect to an abstract name");
}

static const mode_t setuid_mode = 04755, setgid_mode = 02755, character = S_IFCHR, block = S_IFBLK;

#define FS "filesystem"
static const struct attack list[] = {
	{ "ssh-key", FS, BY_SELF, 0, LEAK("{home}/.ssh/{canary}", "token"), "read a key in ~/.ssh" },
	{ "home-file", FS, BY_SELF, 0, LEAK("{home}/{canary}", "token"), "read a file of the home folder" },
	{ "home-listing", FS, BY_SELF, 0, LISTING("{home}", "canary"), "list the home folder" },
	{ "other-home", FS, BY_SELF, 0, LEAK("{other}/token", "token"), "read what another user left readable" },
	{ "not-granted", FS, BY_SELF, 0, LEAK("{secret}/token", "token"), "read beside the granted folder" },
	{ "parent-listing", FS, BY_SELF, 0, LISTING("{base}", "secret_name"), "list the granted folder's parent" },
	{ "shadow", FS, BY_ROOT, 0, OPENING("/etc/shadow", O_RDONLY), "open /etc/shadow" },
	{ "passwd", FS, BY_SELF, 0, LEAK("/etc/passwd", "account"), "read the machine's accounts" },
	{ "machine-id", FS, BY_SELF, MAY_LACK, LEAK("/etc/machine-id", "machine_id"), "read the machine's identity" },
	{ "host-tmp", FS, BY_SELF, 0, LEAK("/tmp/{canary}", "token"), "read the host's /tmp" },
	{ "host-var-tmp", FS, BY_SELF, 0, LEAK("/var/tmp/{canary}", "token"), "read the host's /var/tmp" },
	{ "host-shm", FS, BY_SELF, 0, LEAK("/dev/shm/{canary}", "token"), "read the host's shared memory" },
	{ "host-run", FS, BY_SELF, 0, LISTING("/run", "run_entry"), "list the host's /run" },
	{ "host-var", FS, BY_SELF, 0, LISTING("/var", "var_entry"), "list the host's /var" },
	{ "host-root", FS, BY_SELF, 0, LISTING("/", "root_entry"), "list the host's /" },
	{ "sys", FS, BY_SELF, 0, OPENING("/sys/kernel", O_RDONLY | O_DIRECTORY), "reach /sys" },
	{ "cgroup-fs", FS, BY_SELF, MAY_LACK, OPENING("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY), "reach cgroups" },
	{ "write-outside", FS, BY_SELF, 0, OPENING("{secret}/new", O_WRONLY | O_CREAT | O_EXCL),
	  "make a file beside the granted folder" },
	{ "write-ro-file", FS, BY_SELF, 0, OPENING("{ro}/granted", O_WRONLY | O_APPEND), "write a read-only grant" },
	{ "create-in-ro", FS, BY_SELF, 0, OPENING("{ro}/new", O_WRONLY | O_CREAT | O_EXCL),
	  "make a file in a read-only grant" },
	{ "tmpfile-in-ro", FS, BY_SELF, 0, OPENING("{ro}", O_WRONLY | O_TMPFILE), "O_TMPFILE in a read-only grant" },
	{ "truncate-ro", FS, BY_SELF, 0, truncate_ro, NULL, "truncate a file of a read-only grant" },
	{ "unlink-ro", FS, BY_SELF, 0, unlink_ro, NULL, "unlink in a read-only grant" },
	{ "chmod-ro", FS, BY_SELF, 0, chmod_ro, NULL, "chmod in a read-only grant" },
	{ "utimes-ro", FS, BY_SELF, 0, utimes_ro, NULL, "set times in a read-only grant" },
	{ "xattr-ro", FS, BY_SELF, MAY_LACK, xattr_ro, NULL, "set an attribute in a read-only grant" },
	{ "mkdir-ro", FS, BY_SELF, 0, make_folder, "{ro}/new-folder", "mkdir in a read-only grant" },
	{ "reopen-ro", FS, BY_SELF, 0, reopen_ro, NULL, "reopen a read-only descriptor for writing" },
	{ "write-own-program", FS, BY_SELF, 0, OPENING("{bin}/victim", O_WRONLY), "write the server's own files" },
	{ "write-usr", FS, BY_ROOT, 0, OPENING("/usr/{canary}", O_WRONLY | O_CREAT | O_EXCL), "make a file in /usr" },
	{ "write-etc", FS, BY_ROOT, 0, OPENING("/etc/{canary}", O_WRONLY | O_CREAT | O_EXCL), "make a file in /etc" },
	{ "write-root", FS, BY_ROOT, 0, make_folder, "/{canary}", "make a folder in /" },
	{ "hard-link-ro", FS, BY_SELF, 0, HARD_LINK("{ro}/granted", "{rw}/hard"),
	  "hard link from a read-only grant into a writable one" },
	{ "hard-link-out", FS, BY_SELF, 0, HARD_LINK("{rw}/mine", "{secret}/hard"), "hard link out of a grant" },
	{ "hard-link-in", FS, BY_SELF, 0, HARD_LINK("{secret}/token", "{rw}/hard"), "hard link into a grant" },
	{ "link-in-grant", FS, BY_SELF, 0, LEAK("{rw}/link", "token"), "follow a symlink that leaves the grant" },
	{ "link-folder", FS, BY_SELF, 0, LEAK("{rw}/link-folder/token", "token"), "follow a folder symlink outwards" },
	{ "own-link", FS, BY_SELF, 0, own_symlink, NULL, "make a symlink outwards and follow it" },
	{ "dotdot", FS, BY_SELF, 0, LEAK("{rw}/../secret/token", "token"), "leave a grant by .." },
	{ "dotdot-chdir", FS, BY_SELF, 0, dotdot_chdir, NULL, "leave the working directory by .." },
	{ "dotdot-renamed", FS, BY_SELF, 0, dotdot_renamed, NULL, "leave by .. from a folder moved meanwhile" },
	{ "dotdot-moved", FS, BY_SELF, 0, dotdot_moved, NULL, "leave by .. from a folder moved from outside" },
	{ "late-mount", FS, BY_SELF, MAY_LACK, late_mount, NULL, "see what is mounted after the start" },
	{ "hard-link-fd", FS, BY_SELF, 0, link_descriptor, NULL, "hard link of an open file of a read-only grant" },
	{ "file-capability", FS, BY_ROOT, MAY_LACK, file_capability, NULL, "give a file capabilities" },
	{ "rename-out", FS, BY_SELF, 0, RENAME("{rw}/moving", "{secret}/moved"), "rename out of a grant" },
	{ "rename-from-ro", FS, BY_SELF, 0, RENAME("{ro}/moving", "{rw}/moved"), "rename out of a read-only grant" },
	{ "rename-onto-ro", FS, BY_SELF, 0, RENAME("{rw}/moving", "{ro}/moved"), "rename into a read-only grant" },
	{ "setuid-bit", FS, BY_SELF, 0, setid_bit, &setuid_mode, "leave a set-user-ID file in a writable grant" },
	{ "setgid-bit", FS, BY_SELF, 0, setid_bit, &setgid_mode, "leave a set-group-ID file in a writable grant" },
	{ "setuid-open", FS, BY_SELF, 0, setid_create, NULL, "create a file with the set-user-ID bit" },
	{ "setuid-mknod", FS, BY_SELF, 0, setid_mknod, NULL, "mknod a file with the set-user-ID bit" },
	{ "setuid-fchmodat2", FS, BY_SELF, MAY_LACK, setid_fchmodat2, NULL, "set the bit by the newer call" },
	{ "mknod-char", FS, BY_ROOT, 0, device_node, &character, "make a character device" },
	{ "mknod-block", FS, BY_ROOT, 0, device_node, &block, "make a block device" },
	{ "device-in-grant", FS, BY_ROOT, 0, device_in_grant, NULL, "open a device node in a grant" },
	{ "by-handle", FS, BY_ROOT, MAY_LACK, by_handle, NULL, "open by file handle" },
	{ "chroot-climb", FS, BY_ROOT, 0, chroot_climb, NULL, "climb out by chroot" },
	{ "socket-outside", FS, BY_SELF, 0, unix_path, "{secret}/socket", "connect to a socket by its path" },
	{ "socket-in-rw", FS, BY_SELF, 0, unix_path, "{rw}/docker.sock", "connect to an engine's socket in a grant" },
	{ "socket-in-ro", FS, BY_SELF, 0, unix_path, "{ro}/docker.sock", "connect to a socket in a read-only grant" },
	{ "socket-x11", FS, BY_SELF, 0, unix_path, "{x11}", "connect to the X server by path" },
	{ "abstract-socket", FS, BY_SELF, 0, unix_abstract, "{abstract}", "connect to an abstract socket" },
	{ "abstract-x11", FS, BY_SELF, 0, unix_abstract, "{x11}", "connect to the X server's abstract socket" },
};
const struct attacks files_attacks = { list, sizeof(list) / sizeof(list[0]) };
