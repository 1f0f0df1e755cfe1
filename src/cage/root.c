/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root of the cage: an allow-list on a fresh tmpfs, entered by pivot_root(2).
 *
 * Order, and why:
 *  1. All mounts become private, so that nothing mounted or unmounted outside appears in the cage later (an arriving
 *     mount would not be read-only) and nothing done here is seen outside.
 *  2. A tmpfs, the stage, is mounted over "/": the one place that exists everywhere. Absolute paths still start at the
 *     host's root, because a path walk does not cross a mount on its own starting point. The cage's root is the
 *     stage's folder `root`; beside it lie the empty objects that masks are made of, out of the server's reach.
 *  3. Everything that has to be created is created, on file systems of ours, before any host object is attached.
 *  4. Host objects and the rest are attached in the plan's order. From here on nothing is created.
 *  5. The root becomes read-only; pivot_root(".", ".") puts the host's root on top of ours, umount2(MNT_DETACH) takes
 *     it and the stage away.
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
	close_at(&root->stage);
	close_at(&root->fd);
	close_at(&root->empty_dir);
	close_at(&root->empty_file);
	for (size_t i = 0; root->tmpfs && i < root->plan->mounts_n; i++)
		close_at(&root->tmpfs[i]);
	free(root->tmpfs);
	root->tmpfs = NULL;
}

/* Room for the files of the plan: nothing else is written there, and the root is read-only afterwards. */
static uint64_t stage_size(const struct plan *plan)
{
	uint64_t size = 64 << 10;

	for (size_t i = 0; i < plan->mounts_n; i++)
		size += 8192 + (plan->mounts[i].data ? strlen(plan->mounts[i].data) : 0);
	return size;
}

static int make_stage(struct root *root, struct error *err)
{
	static const char what[] = "the root of the cage";

	root->stage = mount_new_tmpfs(what, stage_size(root->plan), "0755", err);
	if (root->stage < 0)
		return -1;
	if (mountapi_attach(root->stage, AT_FDCWD, "/") < 0)
		return error_set(err, errno, "cannot mount %s (move_mount)", what);
	if (mkdirat(root->stage, "root", 0755) < 0 || mkdirat(root->stage, "empty", 0555) < 0)
		return error_set(err, errno, "cannot make a folder in %s", what);

	root->fd = mountapi_clone(root->stage, "root", 0);
	if (root->fd < 0)
		return error_set(err, errno, "cannot make %s (open_tree)", what);
	if (mountapi_attach(root->fd, root->stage, "root") < 0)
		return error_set(err, errno, "cannot attach %s (move_mount)", what);

	CLEANUP_CLOSE int file = openat(root->stage, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (file < 0)
		return error_set(err, errno, "cannot make a file in %s", what);
	root->empty_dir = openat(root->stage, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	root->empty_file = openat(root->stage, "file", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (root->empty_dir < 0 || root->empty_file < 0)
		return error_set(err, errno, "cannot open an empty object in %s", what);
	return 0;
}

static int build(struct root *root, struct error *err)
{
	const struct plan *plan = root->plan;

	root->tmpfs = calloc(plan->mounts_n + 1, sizeof *root->tmpfs);
	if (!root->tmpfs)
		return error_oom(err);
	for (size_t i = 0; i < plan->mounts_n; i++)
		root->tmpfs[i] = -1;

	if (make_stage(root, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->mounts_n; i++) {
		if (mount_prepare(root, i, err) < 0)
			return -1;
	}

	/* What is cloned from the stage from now on is read-only: the masks, files below a tmpfs. */
	if (mountapi_restrict(root->stage, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			      0) < 0)
		return error_set(err, errno, "cannot make the stage read-only (mount_setattr)");
	for (size_t i = 0; i < plan->mounts_n; i++) {
		if (mount_attach(root, i, err) < 0)
			return -1;
	}
	if (mountapi_restrict(root->fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			      0) < 0)
		return error_set(err, errno, "cannot make the root read-only (mount_setattr)");
	return 0;
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
		/* On top of our root lies the host's, on top of that the stage. */
		if (syscall(SYS_umount2, ".", MNT_DETACH) < 0 || syscall(SYS_umount2, ".", MNT_DETACH) < 0)
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
	struct root root = { .plan = plan, .stage = -1, .fd = -1, .empty_dir = -1, .empty_file = -1 };

	if (mountapi_private("/") < 0) {
		error_set(err, errno, "cannot make the mounts private (mount_setattr)");
		return userns_hint(err);
	}
	mode_t mask = umask(0);
	int status = build(&root, err);
	umask(mask);
	if (status == 0)
		status = enter(&root, err);
	root_close(&root);
	return status;
}
