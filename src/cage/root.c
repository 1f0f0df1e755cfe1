/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root of the cage: an allow-list on a fresh tmpfs, entered by pivot_root(2).
 *
 * Order, and why:
 *  1. All mounts become private, so that nothing mounted or unmounted outside appears in the cage later (an arriving
 *     mount would not be read-only) and nothing done here is seen outside.
 *  2. A tmpfs is mounted over "/", the one place that exists everywhere. Absolute paths still lead into the host's
 *     root, because a path walk does not cross a mount on its own starting point.
 *  3. points.c creates what has to be created, in file systems of ours only. Then the root becomes read-only: from here
 *     on nothing can be created.
 *  4. mounts.c attaches host objects and the rest in the plan's order.
 *  5. pivot_root(".", ".") puts the host's root on top of ours and umount2(MNT_DETACH) takes it away.
 * When a step fails the caller exits, and the namespace dies with everything that was made.
 *
 * Where "/" is the kernel's own rootfs (a system that runs from its initramfs), pivot_root(2) is impossible: see enter().
 *
 * Called by session/init.c in the process cage_clone() made. pivot_root(2), mount_namespaces(7), mount_setattr(2).
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "cage/mountapi.h"
#include "cage/mounts.h"
#include "cage/userns-hint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void root_close(struct root *root)
{
	close_at(&root->fd);
	close_at(&root->empty_dir);
	close_at(&root->empty_file);
	close_at(&root->parent);
	for (size_t i = 0; root->at && i < root->plan->mounts_n; i++)
		close_at(&root->at[i].own);
	free(root->at);
	root->at = NULL;
}

/* Room for the files of the plan: nothing else is written there. */
static uint64_t root_size(const struct plan *plan)
{
	uint64_t size = 64 << 10;

	for (size_t i = 0; i < plan->mounts_n; i++) {
		const struct plan_mount *m = &plan->mounts[i];

		size += 8192 + (m->kind == MOUNT_DATA && m->data ? strlen(m->data) : 0);
	}
	return size;
}

static int build(struct root *root, struct error *err)
{
	const uint64_t closed = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	const struct plan *plan = root->plan;

	root->at = calloc(plan->mounts_n + 1, sizeof *root->at);
	if (!root->at)
		return error_oom(err);
	for (size_t i = 0; i < plan->mounts_n; i++)
		root->at[i].own = root->at[i].base = -1;

	root->fd = points_tmpfs("the root of the cage", root_size(plan), "0755", err);
	if (root->fd < 0)
		return -1;
	if (mountapi_attach(root->fd, AT_FDCWD, "/") < 0)
		return error_set(err, errno, "cannot mount the root of the cage (move_mount)");
	if (points_make(root, err) < 0)
		return -1;
	if (mountapi_restrict(root->fd, closed, 0) < 0)
		return error_set(err, errno, "cannot make the root of the cage read-only (mount_setattr)");
	for (size_t i = 0; i < plan->mounts_n; i++) {
		if (mount_attach(root, i, err) < 0)
			return -1;
	}
	return root->submounts ? submounts_cover(root, err) : 0;
}

/* Whether "/" is a mount without a parent, which only the kernel's rootfs is. */
static bool root_is_rootfs(void)
{
	CLEANUP_FCLOSE FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[4096], where[64];
	unsigned int id, parent;

	while (mounts && fgets(line, sizeof line, mounts)) {
		if (sscanf(line, "%u %u %*s %*s %63s", &id, &parent, where) == 3 && strcmp(where, "/") == 0)
			return id == parent;
	}
	return false;
}

/*
 * The rootfs can be neither pivoted nor unmounted. Ours has been moved over it by then, and entering it with chroot(2)
 * leaves what every other system has as well: a rootfs at the bottom of the namespace, covered by the root, outside every
 * process's reach, because a path walk upwards ends at the process's root.
 */
static int enter(struct root *root, struct error *err)
{
	if (fchdir(root->fd) < 0)
		return error_set(err, errno, "cannot enter the root of the cage");
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (syscall(SYS_umount2, ".", MNT_DETACH) < 0)
			return error_set(err, errno, "cannot detach the host's root (umount2)");
	} else if (errno == EINVAL && root_is_rootfs()) {
		if (chroot(".") < 0)
			return error_set(err, errno, "cannot enter the root of the cage (chroot)");
	} else {
		return error_set(err, errno, "cannot change to the root of the cage (pivot_root)");
	}
	if (chdir("/") < 0)
		return error_set(err, errno, "cannot enter the root of the cage");

	/* A root left on top of ours would be reached by "/..", where a path walk does follow mounts. */
	struct stat ours, above;
	if (fstat(root->fd, &ours) < 0 || stat("/..", &above) < 0)
		return error_set(err, errno, "cannot examine the root of the cage");
	if (ours.st_dev != above.st_dev || ours.st_ino != above.st_ino)
		return error_set(err, 0, "the host's root is still reachable from the cage");
	return 0;
}

int cage_root(const struct plan *plan, struct error *err)
{
	struct root root = { .plan = plan, .fd = -1, .empty_dir = -1, .empty_file = -1, .parent = -1 };

	if (mountapi_private("/") < 0) {
		int sys = errno;
		error_set(err, sys, "cannot make the mounts private (mount_setattr)");
		return sys == ENOSYS ? error_hint(err, "Linux 5.12 or later is needed") : userns_hint(err);
	}
	mode_t mask = umask(0);
	int status = build(&root, err);
	umask(mask);
	if (status == 0)
		status = enter(&root, err);
	root_close(&root);
	return status;
}
