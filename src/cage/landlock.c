/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Landlock: a second, independent statement of what the server may open, beside the mounts. A hole in one is covered by the
 * other. It is used at the level the kernel has: what an older ABI does not know is not handled, and nothing that the plan
 * grants depends on it.
 *
 * Rights hang on folders and hold for everything below, over mount points too; several rules add up. So the order of the
 * plan's mounts does not matter here, and a mask (MOUNT_MASK) is covered by what its parent grants: it is an empty
 * object, hidden by the mount. Looking at metadata, walking and readlink(2) are not restricted by Landlock.
 *
 * Called in the cage, after the pivot, with every mount in place: each path is opened once more, as the cage sees it.
 * See landlock(7) and Documentation/userspace-api/landlock.rst. The constants are this file's own: headers of
 * supported systems are older than kernels that run there.
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/reduced.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET_VERSION (1U << 0)
#define RULE_PATH_BENEATH      1
#define RULE_NET_PORT          2

#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_DIR  (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR   (1ULL << 6)
#define FS_MAKE_DIR    (1ULL << 7)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_MAKE_SOCK   (1ULL << 9)
#define FS_MAKE_FIFO   (1ULL << 10)
#define FS_MAKE_BLOCK  (1ULL << 11)
#define FS_MAKE_SYM    (1ULL << 12)
#define FS_REFER       (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV   (1ULL << 15) /* ABI 5 */

#define NET_BIND_TCP    (1ULL << 0) /* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1)

#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL               (1ULL << 1)

/* What a rule on a file, not a folder, may hold. */
#define FS_ON_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define FS_READ  (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)
/* No device nodes, and no ioctl(2) on devices; sockets are added where the plan has them. */
#define FS_WRITE                                                                                                    \
	(FS_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_FIFO |      \
	 FS_MAKE_SYM | FS_REFER | FS_TRUNCATE)

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* As above, for those who are about to use it: a kernel that does not answer is not one without Landlock. -1: ERR is filled. */
static int abi_in_use(struct error *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	if (abi >= 0)
		return (int)abi;
	if (errno == ENOSYS || errno == EOPNOTSUPP)
		return 0;
	return error_set(err, errno, "cannot ask the kernel for its version of Landlock");
}

/* All rights of the file system that ABI knows. */
static uint64_t fs_rights(int abi)
{
	uint64_t rights = (FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		rights |= FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static int ruleset_create(int abi, uint64_t net, uint64_t scoped, struct error *err)
{
	struct ruleset_attr attr = { .handled_access_fs = fs_rights(abi) };
	/* An older kernel takes a shorter structure; the rest has to be zero then. */
	size_t size = sizeof(attr.handled_access_fs);

	if (abi >= 4) {
		attr.handled_access_net = net;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= 6) {
		attr.scoped = scoped;
		size = sizeof(attr);
	}
	long fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0)
		return error_set(err, errno, "cannot make a Landlock ruleset (ABI %d)", abi);
	return (int)fd;
}

static int ruleset_enforce(int ruleset, struct error *err)
{
	/*
	 * Flags 0: what a process of ours is denied is logged to the kernel's audit (ABI 7), what the server is denied
	 * after its execve is not, so that it cannot flood the log.
	 */
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_set(err, errno, "cannot enforce the Landlock ruleset");
	return 0;
}

/* The folder of every plan that LATER_FOLDER is made in. */
static const char later_around[] = "/run";

struct rules {
	int fd;
	uint64_t handled;
};

/* RIGHTS on the object FD, of which MODE says what it is, and below it. PATH is for the message. */
static int add_beneath(const struct rules *rules, int fd, mode_t mode, uint64_t rights, const char *path, struct error *err)
{
	struct path_beneath_attr attr = { rights & rules->handled, fd };

	if (!S_ISDIR(mode))
		attr.allowed_access &= FS_ON_FILE;
	if (attr.allowed_access && syscall(SYS_landlock_add_rule, rules->fd, RULE_PATH_BENEATH, &attr, 0) < 0)
		return error_set(err, errno, "cannot add a Landlock rule for %s", path);
	return 0;
}

static int allow(const struct rules *rules, const char *path, uint64_t rights, struct error *err)
{
	/* In a kept home another session of the server may be putting a symlink in the way. */
	CLEANUP_CLOSE int fd = path_openat2(AT_FDCWD, path, O_PATH, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open %s in the cage", path);
	return add_beneath(rules, fd, st.st_mode, rights, path, err);
}

static int allow_mount(const struct rules *rules, const struct plan *plan, const struct plan_mount *m,
		       struct error *err)
{
	uint64_t write = FS_WRITE | (plan->unix_sockets ? FS_MAKE_SOCK : 0);
	char shm[4096];

	switch (m->kind) {
	case MOUNT_BIND:
		return allow(rules, m->dest, m->write ? write : FS_READ, err);
	case MOUNT_TMPFS:
		return allow(rules, m->dest, write, err);
	case MOUNT_DATA:
	case MOUNT_PROC: /* reading only: as user 0 much of /proc/sys would be writable */
		return allow(rules, m->dest, FS_READ_FILE | FS_READ_DIR, err);
	case MOUNT_DEV:
		if (allow(rules, m->dest, FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR | FS_TRUNCATE | FS_IOCTL_DEV, err) < 0)
			return -1;
		if ((size_t)snprintf(shm, sizeof(shm), "%s/shm", m->dest) >= sizeof(shm))
			return error_set(err, ENAMETOOLONG, "%s", m->dest);
		return allow(rules, shm, write, err);
	case MOUNT_SYMLINK:
	case MOUNT_DIR:
	case MOUNT_MASK:
		return 0;
	}
	return error_set(err, EINVAL, "unknown kind of mount at %s", m->dest);
}

int landlock_server(const struct plan *plan, struct error *err)
{
	int abi = abi_in_use(err);

	if (abi < 0)
		return -1;
	if (abi == 0)
		return error_set(err, ENOSYS, "cannot use Landlock, on which the plan counts");
	/*
	 * TCP is not handled: without network the server still has its own loopback, and with the host's it may connect
	 * where it likes.
	 */
	CLEANUP_CLOSE int ruleset = ruleset_create(abi, 0, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, err);
	if (ruleset < 0)
		return -1;
	struct rules rules = { ruleset, fs_rights(abi) };

	/* The folders of our own root can be listed: they hold nothing but mount points. */
	if (allow(&rules, "/", FS_READ_DIR, err) < 0)
		return -1;
	/* So can be read what is mounted there later; there is nothing yet. See policy/later.h. */
	if (plan->later.longest > 0 && allow(&rules, later_around, FS_READ, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (allow_mount(&rules, plan, &plan->mounts[i], err) < 0)
			return -1;
	return ruleset_enforce(ruleset, err);
}

/* ABI, for the functions of the reduced mode; -1 with ERR where it is too old. */
static int abi_of_reduced(struct error *err)
{
	int abi = abi_in_use(err);

	if (abi < 0)
		return -1;
	if (abi < REDUCED_LANDLOCK_ABI)
		return error_set(err, ENOSYS, "cannot use Landlock of ABI %d, on which the plan counts: the kernel has %d",
				 REDUCED_LANDLOCK_ABI, abi);
	return abi;
}

int landlock_own_signals(struct error *err)
{
	/* Moving a file to another folder is refused in every domain that does not grant it, even where nothing else is restricted. */
	const struct ruleset_attr attr = { .handled_access_fs = FS_REFER, .scoped = SCOPE_SIGNAL };

	if (abi_of_reduced(err) < 0)
		return -1;
	CLEANUP_CLOSE int root = open("/", O_PATH | O_CLOEXEC);
	CLEANUP_CLOSE int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (root < 0 || ruleset < 0)
		return error_set(err, errno, "cannot make a Landlock ruleset for signals");
	const struct rules rules = { ruleset, FS_REFER };
	return add_beneath(&rules, root, S_IFDIR, FS_REFER, "/", err) < 0 ? -1 : ruleset_enforce(ruleset, err);
}

/* SRC has to be what the plan was made with: nobody else opens it in between. */
static int allow_host(const struct rules *rules, const struct plan_mount *m, struct error *err)
{
	CLEANUP_CLOSE int fd = path_openat2(AT_FDCWD, m->src, O_PATH, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open %s (%s)", m->src, m->why);
	if (st.st_dev != m->dev || st.st_ino != m->ino)
		return error_set(err, 0, "%s (%s) is not what it was when the session began to start", m->src, m->why);
	/* A device is read and written, and asked what it is. */
	uint64_t rights = (m->write ? FS_WRITE : FS_READ) | (S_ISCHR(st.st_mode) ? FS_IOCTL_DEV : 0);
	return add_beneath(rules, fd, st.st_mode, rights, m->src, err);
}

/* What runtimes ask about their own process. Without them they do without. */
static int allow_own(const struct rules *rules, struct error *err)
{
	for (size_t i = 0; i < REDUCED_OWN_N; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/self/%s", reduced_own[i]);
		CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
		if (fd >= 0 && add_beneath(rules, fd, S_IFREG, FS_READ, path, err) < 0)
			return -1;
	}
	return 0;
}

int landlock_reduced(const struct plan *plan, struct error *err)
{
	int abi = abi_of_reduced(err);

	if (abi < 0)
		return -1;
	CLEANUP_CLOSE int ruleset = ruleset_create(abi, 0, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, err);
	if (ruleset < 0)
		return -1;
	struct rules rules = { ruleset, fs_rights(abi) };
	for (size_t i = 0; i < plan->mounts_n; i++)
		if (allow_host(&rules, &plan->mounts[i], err) < 0)
			return -1;
	if (allow_own(&rules, err) < 0)
		return -1;
	return ruleset_enforce(ruleset, err);
}

int landlock_nothing(bool may_signal, int *abi, struct error *err)
{
	*abi = abi_in_use(err);
	if (*abi <= 0)
		return *abi;

	uint64_t scoped = SCOPE_ABSTRACT_UNIX_SOCKET | (may_signal ? 0 : SCOPE_SIGNAL);
	CLEANUP_CLOSE int ruleset = ruleset_create(*abi, NET_BIND_TCP | NET_CONNECT_TCP, scoped, err);
	if (ruleset < 0)
		return -1;
	return ruleset_enforce(ruleset, err);
}

int landlock_egress(const struct network_needs *needs, int *abi, struct error *err)
{
	*abi = abi_in_use(err);
	if (*abi <= 0)
		return *abi;

	CLEANUP_CLOSE int ruleset = ruleset_create(*abi, NET_BIND_TCP | NET_CONNECT_TCP, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, err);
	if (ruleset < 0)
		return -1;
	for (size_t i = 0; *abi >= 4 && i < needs->ports_n; i++) {
		/* Those for all addresses were bound in the cage. */
		struct net_port_attr attr = { NET_CONNECT_TCP | (needs->ports[i].all ? 0 : NET_BIND_TCP), needs->ports[i].port };
		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &attr, 0) < 0)
			return error_set(err, errno, "cannot add a Landlock rule for port %u", needs->ports[i].port);
	}
	return ruleset_enforce(ruleset, err);
}

/*
 * What a name service reads: its configuration, which may be a symlink out of /etc, its modules, and the folders in which the sockets of
 * its daemons lie. Connecting to those is not Landlock's to decide; that there is nothing else to open is.
 */
int landlock_resolver(int *abi, struct error *err)
{
	static const char *const folders[] = {
		"/etc", "/usr", "/lib", "/lib64", "/nix/store", "/gnu/store", "/run/systemd/resolve", "/run/NetworkManager",
		"/run/resolvconf", "/run/connman", "/run/nscd", "/run/avahi-daemon", "/run/current-system", "/var/cache/nscd",
		"/var/lib/sss", "/mnt/wsl", "/dev/urandom", "/dev/null", "/proc/sys/net",
	};

	*abi = abi_in_use(err);
	if (*abi <= 0)
		return *abi;
	CLEANUP_CLOSE int ruleset = ruleset_create(*abi, 0, SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, err);
	if (ruleset < 0)
		return -1;
	struct rules rules = { ruleset, fs_rights(*abi) };
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP_CLOSE int fd = open(folders[i], O_PATH | O_CLOEXEC);
		struct stat st;
		if (fd < 0 || fstat(fd, &st) < 0)
			continue;
		if (add_beneath(&rules, fd, st.st_mode, FS_READ_FILE | FS_READ_DIR | FS_EXECUTE, folders[i], err) < 0)
			return -1;
	}
	return ruleset_enforce(ruleset, err);
}
