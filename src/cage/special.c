/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc and /dev of the cage.
 *
 * /proc is a procfs of the cage's own pid namespace, all of it read-only: uid 0 may write much of /proc/sys
 * without any capability, because these files check the owner only. What a server has no use for and what speaks of
 * the whole machine is covered. The kernel refuses a fresh procfs where the existing one is partly covered, as in
 * most containers; the host's /proc is never bound in its place, since it shows the processes outside.
 *
 * /dev is a folder of the root's own tmpfs with five of the host's nodes bound, devpts and shm. There is no tty, no console and
 * nothing that can be opened as a disk. Nodes are bound because mknod(2) is refused in a user namespace.
 *
 * Called by mounts.c. proc(5), the kernel's Documentation/filesystems/{proc,devpts,tmpfs}.rst.
 */
#include "cage/mounts.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "cage/mountapi.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- /proc --------------------------------------------------------------------------------------- */

/*
 * What is covered. ROOT_ONLY: the kernel's own file mode keeps everyone but uid 0 out, so that covering it for others
 * would only cost time.
 */
static const struct {
	const char *name;
	bool directory, root_only;
} PROC_MASKS[] = {
	{ "acpi", true, false },
	{ "asound", true, false },
	{ "bus", true, false },
	{ "driver", true, false },
	{ "fs", true, false },
	{ "irq", true, false },
	{ "scsi", true, false },
	{ "tty", true, false },
	{ "dynamic_debug", true, true },
	{ "xen", true, true },
	{ "bootconfig", false, false },
	{ "cmdline", false, false },
	{ "kallsyms", false, false },
	{ "key-users", false, false },
	{ "keys", false, false },
	{ "latency_stats", false, false },
	{ "modules", false, false },
	{ "sched_debug", false, false },
	{ "timer_stats", false, false },
	{ "kcore", false, true },
	{ "kmsg", false, true },
	{ "kpagecgroup", false, true },
	{ "kpagecount", false, true },
	{ "kpageflags", false, true },
	{ "pagetypeinfo", false, true },
	{ "slabinfo", false, true },
	{ "sysrq-trigger", false, true },
	{ "timer_list", false, true },
	{ "vmallocinfo", false, true },
	{ "vmcore", false, true },
};

/*
 * A mask is cloned only for what is there, because a clone that is never attached costs a grace period of RCU when it
 * is closed.
 */
static int mask_proc(struct root *root, int proc, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(PROC_MASKS); i++) {
		const char *name = PROC_MASKS[i].name;

		if (PROC_MASKS[i].root_only && root->plan->uid != 0)
			continue;
		if (faccessat(proc, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			return error_set(err, errno, "cannot examine /proc/%s", name);
		}
		CLEANUP_CLOSE int tree =
			mountapi_clone(PROC_MASKS[i].directory ? root->empty_dir : root->empty_file, "", 0);
		if (tree < 0)
			return error_set(err, errno, "cannot make what covers /proc/%s (open_tree)", name);
		if (mountapi_attach(tree, proc, name) < 0)
			return error_set(err, errno, "cannot cover /proc/%s (move_mount)", name);
	}
	return 0;
}

static int new_proc(struct error *err)
{
	CLEANUP_CLOSE int fs = mountapi_fsopen("proc");

	if (fs < 0)
		return error_set(err, errno, "cannot make /proc (fsopen)");
	if (mountapi_fscreate(fs) < 0)
		return error_set(err, errno, "cannot make /proc (fsconfig)");
	int fd = mountapi_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd >= 0)
		return fd;
	int sys = errno;
	error_set(err, sys, "cannot make /proc (fsmount)");
	if (sys == EPERM)
		return error_hint(err, "the /proc around mcpcage is partly covered, as containers do, and the kernel then "
				       "refuses a new one: start the container with an uncovered /proc (podman: "
				       "`--security-opt unmask=ALL`; docker: `--security-opt systempaths=unconfined`)");
	return -1;
}

int special_proc(struct root *root, size_t i, struct error *err)
{
	CLEANUP_CLOSE int proc = new_proc(err);

	if (proc < 0)
		return -1;
	if (mountapi_attach(proc, root->at[i].base, root->at[i].path) < 0)
		return error_set(err, errno, "cannot mount %s (move_mount)", root->plan->mounts[i].dest);
	return mask_proc(root, proc, err);
}

/* ---- /dev ---------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *path;
	unsigned int minor;
} DEV_NODES[] = {
	{ "null", "/dev/null", 3 },
	{ "zero", "/dev/zero", 5 },
	{ "full", "/dev/full", 7 },
	{ "random", "/dev/random", 8 },
	{ "urandom", "/dev/urandom", 9 },
};

enum { MEM_MAJOR = 1 };

static const struct {
	const char *name, *target;
} DEV_LINKS[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

int special_dev_points(const struct plan_mount *mount, int dev, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(DEV_NODES); i++) {
		if (mknodat(dev, DEV_NODES[i].name, S_IFREG | 0444, 0) < 0)
			return error_set(err, errno, "cannot make %s/%s in the cage", mount->dest, DEV_NODES[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(DEV_LINKS); i++) {
		if (symlinkat(DEV_LINKS[i].target, dev, DEV_LINKS[i].name) < 0)
			return error_set(err, errno, "cannot make %s/%s in the cage", mount->dest, DEV_LINKS[i].name);
	}
	if (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 0755) < 0)
		return error_set(err, errno, "cannot make a folder in %s in the cage", mount->dest);
	return 0;
}

/* The host's node, if it is what its name says. */
static int bind_node(const char *path, unsigned int minor_number, const char *name, int dev, struct error *err)
{
	CLEANUP_CLOSE int node = path_openat2(AT_FDCWD, path, O_PATH, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (node < 0 || fstat(node, &st) < 0)
		return error_set(err, errno, "cannot open %s", path);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(MEM_MAJOR, minor_number))
		return error_set(err, 0, "%s of the host is not the device of that name", path);
	CLEANUP_CLOSE int tree = mountapi_clone(node, "", 0);
	if (tree < 0)
		return error_set(err, errno, "cannot bind %s (open_tree)", path);
	if (mountapi_restrict(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0) < 0)
		return error_set(err, errno, "cannot make %s read-only (mount_setattr)", path);
	if (mountapi_attach(tree, dev, name) < 0)
		return error_set(err, errno, "cannot mount %s (move_mount)", path);
	return 0;
}

/* Each mount of devpts is an instance of its own: terminals of the host are not in it. */
static int mount_pts(int dev, struct error *err)
{
	CLEANUP_CLOSE int fs = mountapi_fsopen("devpts");

	if (fs < 0)
		return error_set(err, errno, "cannot make /dev/pts (fsopen)");
	if (mountapi_fsoption(fs, "ptmxmode", "0666") < 0 || mountapi_fsoption(fs, "mode", "620") < 0 || mountapi_fscreate(fs) < 0)
		return error_set(err, errno, "cannot make /dev/pts (fsconfig)");
	CLEANUP_CLOSE int pts = mountapi_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (pts < 0)
		return error_set(err, errno, "cannot make /dev/pts (fsmount)");
	if (mountapi_attach(pts, dev, "pts") < 0)
		return error_set(err, errno, "cannot mount /dev/pts (move_mount)");
	return 0;
}

int special_dev(struct root *root, size_t i, struct error *err)
{
	int dev = root->at[i].own;

	for (size_t j = 0; j < ARRAY_SIZE(DEV_NODES); j++) {
		if (bind_node(DEV_NODES[j].path, DEV_NODES[j].minor, DEV_NODES[j].name, dev, err) < 0)
			return -1;
	}
	if (mount_pts(dev, err) < 0)
		return -1;
	CLEANUP_CLOSE int shm = points_tmpfs("/dev/shm", root->plan->mounts[i].size, NULL, err);
	if (shm < 0)
		return -1;
	if (mountapi_attach(shm, dev, "shm") < 0)
		return error_set(err, errno, "cannot mount /dev/shm (move_mount)");
	return 0;
}
