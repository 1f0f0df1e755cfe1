/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One mount of the plan: its mount point and the mount itself.
 *
 * Sources: opened once, without following a symlink anywhere on the path, compared with the device and inode the plan
 * was made for, and mounted from that descriptor, so that exchanging the path in between achieves nothing. They are
 * opened in this namespace because open_tree(2) clones only mounts of the caller's own.
 *
 * Mount points: whether one is created is decided by the plan alone: what is the innermost mount that its path lies in?
 * Created is only below the descriptor of a tmpfs of ours, with a walk that crosses neither symlinks nor mounts. A
 * mount point in a host tree has to be there already and is opened in the new root, without symlinks: a server that
 * may write in a granted tree cannot redirect a mount of its next session.
 *
 * Called by root.c. open_tree(2), mount_setattr(2), move_mount(2), openat2(2).
 */
#include "cage/mounts.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "cage/mountapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t ATTR_ALWAYS = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

int mount_new_tmpfs(const char *where, uint64_t size, const char *mode, struct error *err)
{
	CLEANUP_CLOSE int fs = mountapi_fsopen("tmpfs");
	char bytes[24], inodes[24];

	if (fs < 0)
		return error_set(err, errno, "cannot make a tmpfs for %s (fsopen)", where);
	/* An empty file costs the kernel memory too: bound their number by what the bytes allow. */
	uint64_t files = size / 4096 < 4096 ? 4096 : size / 4096;
	snprintf(bytes, sizeof bytes, "%" PRIu64, size);
	snprintf(inodes, sizeof inodes, "%" PRIu64, files);
	if (mountapi_fsoption(fs, "size", bytes) < 0 || mountapi_fsoption(fs, "nr_inodes", inodes) < 0 ||
	    mountapi_fsoption(fs, "mode", mode) < 0 || mountapi_fscreate(fs) < 0)
		return error_set(err, errno, "cannot make a tmpfs of %s bytes for %s (fsconfig)", bytes, where);
	int fd = mountapi_fsmount(fs, ATTR_ALWAYS);
	if (fd < 0)
		return error_set(err, errno, "cannot make a tmpfs for %s (fsmount)", where);
	return fd;
}

/* ---- mount points -------------------------------------------------------------------------------- */

/* Whether what lies below this mount lies in it; the others are a part of what is around them. */
static bool covers(enum mount_kind kind)
{
	return kind != MOUNT_DIR && kind != MOUNT_DEV;
}

/* The innermost mount of the plan, before I, that the destination of I lies in; -1 for the root. */
static int owner_of(const struct plan *plan, size_t i)
{
	const char *dest = plan->mounts[i].dest;
	size_t longest = 0;
	int owner = -1;

	for (size_t j = 0; j < i; j++) {
		const struct plan_mount *m = &plan->mounts[j];
		size_t n = strlen(m->dest);

		if (n >= longest && covers(m->kind) && path_within(dest, m->dest)) {
			longest = n;
			owner = (int)j;
		}
	}
	return owner;
}

/*
 * The descriptor of the file system of ours that PATH, the destination of mount I, lies in, and the PATH below it. -1 when it
 * lies in a host tree, where nothing is created.
 */
static int own_base(const struct root *root, size_t i, const char **path)
{
	int owner = owner_of(root->plan, i);
	const char *dest = root->plan->mounts[i].dest;

	if (owner < 0) {
		*path = dest + 1;
		return root->fd;
	}
	*path = dest + strlen(root->plan->mounts[owner].dest);
	while (**path == '/')
		(*path)++;
	return root->tmpfs[owner];
}

/* Open PATH below BASE, a folder of ours, making what is missing. Crosses neither symlinks nor mounts. */
static int make_dirs(int base, const char *path)
{
	const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
	const uint64_t flags = O_PATH | O_DIRECTORY;

	int fd = path_openat2(base, *path ? path : ".", flags, 0, resolve);
	if (fd >= 0 || errno != ENOENT || !*path)
		return fd;

	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *above = strndup(path, slash ? (size_t)(slash - path) : 0);
	if (!above)
		return -1;
	CLEANUP_CLOSE int parent = make_dirs(base, above);
	if (parent < 0)
		return -1;
	const char *name = slash ? slash + 1 : path;
	if (mkdirat(parent, name, 0755) < 0)
		return -1;
	return path_openat2(parent, name, flags, 0, resolve);
}

/* Make the file NAME in DIR with CONTENT, or the empty one that a file is mounted on. */
static int make_file(int dir, const char *name, mode_t mode, const char *content)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return -1;
	return content ? fd_write_all(fd, content, strlen(content)) : 0;
}

static bool is_file(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* The folder around PATH below BASE, made where missing; *NAME is the last component. */
static int make_parent(int base, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *above = strndup(path, slash ? (size_t)(slash - path) : 0);

	if (!above)
		return -1;
	*name = slash ? slash + 1 : path;
	return make_dirs(base, above);
}

static int make_point(struct root *root, size_t i, int base, const char *path)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	bool directory = m->kind == MOUNT_TMPFS || m->kind == MOUNT_PROC || m->kind == MOUNT_DEV ||
			 m->kind == MOUNT_DIR || (m->kind != MOUNT_DATA && m->kind != MOUNT_SYMLINK && m->directory);

	if (directory) {
		CLEANUP_CLOSE int fd = make_dirs(base, path);
		return fd < 0 ? -1 : 0;
	}

	const char *name;
	CLEANUP_CLOSE int parent = make_parent(base, path, &name);
	if (parent < 0)
		return -1;
	if (m->kind == MOUNT_SYMLINK)
		return symlinkat(m->src, parent, name);
	/* In the root itself, which is read-only in the end, a file is simply there; elsewhere it is mounted. */
	if (m->kind == MOUNT_DATA && base == root->fd)
		return make_file(parent, name, 0444, m->data);
	if (make_file(parent, name, 0444, NULL) < 0 && (errno != EEXIST || !is_file(parent, name)))
		return -1;
	return 0;
}

/* A MOUNT_DATA outside the root's own tmpfs: its content waits in the stage, named by its number. */
static int stage_data(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	char name[32];

	snprintf(name, sizeof name, "data-%zu", i);
	if (make_file(root->stage, name, 0444, m->data) < 0)
		return error_set(err, errno, "cannot write the content of %s", m->dest);
	return 0;
}

static const char *tmpfs_mode(const struct plan *plan, const char *dest)
{
	if (strcmp(dest, plan->home) == 0)
		return "0700";
	if (strcmp(dest, "/tmp") == 0 || strcmp(dest, "/var/tmp") == 0 || strcmp(dest, "/dev/shm") == 0)
		return "1777";
	return "0755";
}

int mount_prepare(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	const char *path;

	if (m->dest[0] != '/' || m->dest[1] == '\0')
		return error_set(err, EINVAL, "cannot mount anything on \"%s\"", m->dest);
	if (m->kind == MOUNT_TMPFS) {
		root->tmpfs[i] = mount_new_tmpfs(m->dest, m->size, tmpfs_mode(root->plan, m->dest), err);
		if (root->tmpfs[i] < 0)
			return -1;
	}

	int base = own_base(root, i, &path);
	if (base >= 0 && make_point(root, i, base, path) < 0)
		return error_set(err, errno, "cannot make %s in the cage", m->dest);
	if (m->kind == MOUNT_DATA && base != root->fd)
		return stage_data(root, i, err);

	bool exists_only = m->kind == MOUNT_SYMLINK || m->kind == MOUNT_DIR;
	if (base < 0 && (exists_only || m->kind == MOUNT_PROC))
		return error_set(err, 0, "cannot make %s in the cage: it lies in a folder of the host", m->dest);
	if (m->kind == MOUNT_DEV) {
		if (base != root->fd)
			return error_set(err, 0, "cannot make %s in the cage: it has to lie in the root", m->dest);
		CLEANUP_CLOSE int dev = make_dirs(base, path);
		if (dev < 0)
			return error_set(err, errno, "cannot open %s in the cage", m->dest);
		return mount_dev_prepare(root, m, dev, err);
	}
	return 0;
}

/* ---- mounts -------------------------------------------------------------------------------------- */

static int open_point(const struct root *root, const struct plan_mount *m, struct error *err)
{
	int fd = path_openat2(root->fd, m->dest, O_PATH | O_NOFOLLOW, 0,
			      RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	if (fd >= 0)
		return fd;
	int sys = errno;
	error_set(err, sys, "cannot open %s in the cage, to mount there", m->dest);
	if (sys == ENOENT || sys == ENOTDIR)
		return error_hint(err, "inside a granted folder a place to mount on has to exist: create it, or "
				       "choose another destination");
	if (sys == ELOOP)
		return error_hint(err, "there is a symlink on the way: name the path that it leads to");
	return -1;
}

static int check_source(int fd, const struct plan_mount *m, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot examine %s", m->src);
	if ((uint64_t)st.st_dev != m->dev || (uint64_t)st.st_ino != m->ino) {
		error_set(err, 0, "%s was exchanged while the server was being started", m->src);
		return error_hint(err, "start again; if it persists, something keeps replacing it");
	}
	if (m->directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return error_set(err, 0, "%s is not a %s", m->src, m->directory ? "folder" : "regular file");
	return 0;
}

static int attach_bind(struct root *root, const struct plan_mount *m, struct error *err)
{
	CLEANUP_CLOSE int source = path_openat2(AT_FDCWD, m->src, O_PATH, 0,
						RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (source < 0) {
		int sys = errno;
		error_set(err, sys, "cannot open %s", m->src);
		return sys == ELOOP ? error_hint(err, "a symlink appeared on its path: start again") : -1;
	}
	if (check_source(source, m, err) < 0)
		return -1;

	CLEANUP_CLOSE int tree = mountapi_clone(source, "", m->directory);
	if (tree < 0)
		return error_set(err, errno, "cannot bind %s (open_tree)", m->src);
	if (mountapi_restrict(tree, ATTR_ALWAYS | (m->write ? 0 : MOUNT_ATTR_RDONLY), m->directory) < 0)
		return error_set(err, errno, "cannot make %s %s (mount_setattr)", m->src,
				 m->write ? "nosuid" : "read-only");
	CLEANUP_CLOSE int dest = open_point(root, m, err);
	if (dest < 0)
		return -1;
	if (mountapi_attach(tree, dest, "") < 0)
		return error_set(err, errno, "cannot mount %s on %s (move_mount)", m->src, m->dest);
	return 0;
}

static int attach_tmpfs(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	CLEANUP_CLOSE int dest = open_point(root, m, err);

	if (dest < 0)
		return -1;
	if (mountapi_attach(root->tmpfs[i], dest, "") < 0)
		return error_set(err, errno, "cannot mount a tmpfs on %s (move_mount)", m->dest);
	return 0;
}

/* Mount NAME of the stage, or with "" the object behind FD, read-only on M's destination. */
static int attach_own(struct root *root, const struct plan_mount *m, int fd, const char *name, struct error *err)
{
	CLEANUP_CLOSE int dest = open_point(root, m, err);
	if (dest < 0)
		return -1;
	CLEANUP_CLOSE int tree = mountapi_clone(fd, name, 0);
	if (tree < 0)
		return error_set(err, errno, "cannot make what covers %s (open_tree)", m->dest);
	if (mountapi_attach(tree, dest, "") < 0)
		return error_set(err, errno, "cannot cover %s (move_mount)", m->dest);
	return 0;
}

static int attach_special(struct root *root, const struct plan_mount *m, struct error *err)
{
	CLEANUP_CLOSE int dest = open_point(root, m, err);

	if (dest < 0)
		return -1;
	return m->kind == MOUNT_PROC ? mount_proc(root, m, dest, err) : mount_dev(root, m, dest, err);
}

int mount_attach(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	char name[32];

	switch (m->kind) {
	case MOUNT_BIND:
		return attach_bind(root, m, err);
	case MOUNT_TMPFS:
		return attach_tmpfs(root, i, err);
	case MOUNT_PROC:
	case MOUNT_DEV:
		return attach_special(root, m, err);
	case MOUNT_MASK:
		return attach_own(root, m, m->directory ? root->empty_dir : root->empty_file, "", err);
	case MOUNT_DATA:
		snprintf(name, sizeof name, "data-%zu", i);
		if (faccessat(root->stage, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return 0; /* in the root itself */
		return attach_own(root, m, root->stage, name, err);
	case MOUNT_SYMLINK:
	case MOUNT_DIR:
		return 0;
	}
	return error_set(err, EINVAL, "cannot make %s: a kind of mount this build does not know", m->dest);
}
