/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One mount of the plan, attached to the new root.
 *
 * Sources: opened once, without following a symlink anywhere on the path, compared with the device and inode the plan
 * was made for, and mounted from that descriptor, so that exchanging the path in between achieves nothing. They are
 * opened in this namespace because open_tree(2) clones only mounts of the caller's own.
 *
 * Mount points that were created are named by the descriptor of the tmpfs and the path that was made in it; in a kept home they
 * are opened once more without following symlinks, because another session may be changing it. Others lie in a
 * host tree: they have to exist and are opened in the new root without following symlinks, so that a server that may
 * write in a granted tree cannot redirect a mount of its next session.
 *
 * Called by root.c. open_tree(2), mount_setattr(2), move_mount(2), openat2(2).
 */
#include "cage/mounts.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "cage/mountapi.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Open the place in the new root that M is to be mounted on, and that was not made for it. */
static int open_point(const struct root *root, const struct plan_mount *m, struct error *err)
{
	bool directory = m->kind == MOUNT_TMPFS || (m->kind != MOUNT_DATA && m->directory);
	CLEANUP_CLOSE int fd =
		path_openat2(root->fd, m->dest, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (fd >= 0) {
		if (fstat(fd, &st) < 0)
			return error_set(err, errno, "cannot examine %s in the cage", m->dest);
		if (directory != S_ISDIR(st.st_mode))
			return error_set(err, 0, "cannot mount a %s on %s in the cage, which is %s",
					 directory ? "folder" : "file", m->dest, directory ? "none" : "a folder");
		return TAKE_FD(&fd);
	}

	int sys = errno;
	error_set(err, sys, "cannot mount anything on %s in the cage", m->dest);
	if (sys == ENOENT || sys == ENOTDIR)
		return error_hint(err, "inside a granted folder the place has to exist: create it, or choose another "
				       "destination");
	if (sys == ELOOP)
		return error_hint(err, "there is a symlink on the way: name the path that it leads to");
	return -1;
}

/* What points.c has found or made in the kept home. move_mount(2) itself would follow a symlink on the way. */
static int open_point_in_home(const struct mount_at *at, const struct plan_mount *m, struct error *err)
{
	int fd = path_openat2(at->base, at->path, O_PATH, 0,
			      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);

	return fd < 0 ? error_set(err, errno, "cannot open %s in the kept home", m->dest) : fd;
}

/* Attach TREE, which was made of WHAT, where mount I belongs. */
static int attach(const struct root *root, size_t i, int tree, const char *what, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	const struct mount_at *at = &root->at[i];
	CLEANUP_CLOSE int point = -1;

	if (at->base < 0)
		point = open_point(root, m, err);
	else if (at->in_home && *at->path)
		point = open_point_in_home(at, m, err);
	if (point < 0 && (at->base < 0 || (at->in_home && *at->path)))
		return -1;
	if (mountapi_attach(tree, point >= 0 ? point : at->base, point >= 0 ? "" : at->path) < 0)
		return error_set(err, errno, "cannot mount %s on %s (move_mount)", what, m->dest);
	return 0;
}

static bool is_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC;
}

static int open_source(const struct plan_mount *m, struct error *err)
{
	CLEANUP_CLOSE int fd = path_openat2(AT_FDCWD, m->src, O_PATH, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	struct stat st;

	if (fd < 0) {
		int sys = errno;
		error_set(err, sys, "cannot open %s", m->src);
		return sys == ELOOP ? error_hint(err, "a symlink has appeared on the way: start again") : -1;
	}
	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot examine %s", m->src);
	if ((uint64_t)st.st_dev != m->dev || (uint64_t)st.st_ino != m->ino) {
		error_set(err, 0, "%s changed while the server was being started", m->src);
		return error_hint(err, "start again; if it persists, something keeps replacing it");
	}
	if (m->directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return error_set(err, 0, "%s is not a %s", m->src, m->directory ? "folder" : "regular file");
	if (major(st.st_dev) == 0 && is_procfs(fd)) {
		error_set(err, 0, "%s is in a procfs of the host", m->src);
		return error_hint(err, "it would show the processes outside; the cage has its own /proc");
	}
	return TAKE_FD(&fd);
}

/*
 * A clone of SOURCE, with what is mounted in it. Without it the kernel refuses, because in a namespace copied from a more
 * privileged one these mounts are locked together: so the first attempt, which is also the cheaper one, tells whether there is
 * anything.
 */
static int clone_source(int source, bool directory, bool *submounts)
{
	int tree = mountapi_clone(source, "", 0);

	*submounts = false;
	if (tree >= 0 || errno != EINVAL || !directory)
		return tree;
	*submounts = true;
	return mountapi_clone(source, "", 1);
}

int mount_clone(const struct plan_mount *m, bool *submounts, struct error *err)
{
	uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (m->write ? 0 : MOUNT_ATTR_RDONLY);

	CLEANUP_CLOSE int source = open_source(m, err);
	if (source < 0)
		return -1;
	CLEANUP_CLOSE int tree = clone_source(source, m->directory, submounts);
	if (tree < 0)
		return error_set(err, errno, "cannot bind %s (open_tree)", m->src);
	if (mountapi_restrict(tree, attributes, *submounts) < 0)
		return error_set(err, errno, "cannot make %s %s (mount_setattr)", m->src,
				 m->write ? "nosuid" : "read-only");
	return TAKE_FD(&tree);
}

static int attach_bind(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	struct mount_at *at = &root->at[i];

	if (at->own >= 0)
		return attach(root, i, at->own, m->src, err);
	CLEANUP_CLOSE int tree = mount_clone(m, &at->submounts, err);
	if (tree < 0)
		return -1;
	root->submounts = root->submounts || at->submounts;
	return attach(root, i, tree, m->src, err);
}

/* The root is read-only by now, and so is what is cloned from it. */
static int attach_clone(const struct root *root, size_t i, int of, const char *what, struct error *err)
{
	CLEANUP_CLOSE int tree = mountapi_clone(of, "", 0);

	if (tree < 0)
		return error_set(err, errno, "cannot make what is mounted on %s (open_tree)",
				 root->plan->mounts[i].dest);
	return attach(root, i, tree, what, err);
}

int mount_attach(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	const struct mount_at *at = &root->at[i];

	switch (m->kind) {
	case MOUNT_BIND:
		return attach_bind(root, i, err);
	case MOUNT_TMPFS:
		return attach(root, i, at->own, "a tmpfs", err);
	case MOUNT_PROC:
		return special_proc(root, i, err);
	case MOUNT_DEV:
		return special_dev(root, i, err);
	case MOUNT_MASK:
		return attach_clone(root, i, m->directory ? root->empty_dir : root->empty_file, "a mask", err);
	case MOUNT_DATA:
		return at->own < 0 ? 0 : attach_clone(root, i, at->own, "a file", err);
	case MOUNT_SYMLINK:
	case MOUNT_DIR:
		return 0;
	}
	return error_set(err, EINVAL, "cannot make %s: unknown kind of mount", m->dest);
}
