/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything of the new root that has to be created: its tmpfs, mount points, symlinks and files.
 *
 * Whether a mount point is created is decided by the plan alone: which is the innermost mount that its path lies in? Created
 * is only in a tmpfs of ours, below its own descriptor, by a walk that crosses neither symlinks nor mounts; and at a
 * time when no object of the host is in the new root. So nothing is ever created in a host tree, with one exception: the kept
 * home (files.home), a folder that mcpcage itself has made for this server. What is to be shown below the home gets its mount points
 * there, like in one that is a tmpfs. Names in it are the server's, who may have left anything behind and, in another
 * session, be at it now: nothing that is there is followed, and what stands in the way is an error.
 *
 * The empty objects that masks are made of, and files that are mounted, lie in a folder of the root that is a mount point
 * itself: what gets mounted there hides them.
 *
 * Called by root.c. openat2(2), tmpfs(5).
 */
#include "cage/mounts.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/path.h"
#include "cage/mountapi.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int points_tmpfs(const char *where, uint64_t size, const char *mode, struct error *err)
{
	CLEANUP_CLOSE int fs = mountapi_fsopen("tmpfs");
	char bytes[24], inodes[24];

	if (fs < 0)
		return error_set(err, errno, "cannot make a tmpfs for %s (fsopen)", where);
	/* To tmpfs a size of 0 is no limit. An empty file costs the kernel memory too, so files are counted as well. */
	uint64_t limit = size < 4096 ? 4096 : size;
	snprintf(bytes, sizeof bytes, "%" PRIu64, limit);
	snprintf(inodes, sizeof inodes, "%" PRIu64, limit / 4096 < 1024 ? 1024 : limit / 4096);
	if (mountapi_fsoption(fs, "size", bytes) < 0 || mountapi_fsoption(fs, "nr_inodes", inodes) < 0 ||
	    (mode && mountapi_fsoption(fs, "mode", mode) < 0) || mountapi_fscreate(fs) < 0)
		return error_set(err, errno, "cannot make a tmpfs of %s bytes for %s (fsconfig)", bytes, where);
	int fd = mountapi_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fd < 0)
		return error_set(err, errno, "cannot make a tmpfs for %s (fsmount)", where);
	return fd;
}

/* ---- where --------------------------------------------------------------------------------------- */

/* Whether what lies below this mount lies in it; the others are a part of what is around them. */
static bool covers(enum mount_kind kind)
{
	return kind != MOUNT_DIR && kind != MOUNT_DEV;
}

/* Find the innermost mount before I that the destination of I lies in, and with it the base and path of I. */
static void find_base(struct root *root, size_t i)
{
	const char *dest = root->plan->mounts[i].dest;
	struct mount_at *at = &root->at[i];
	size_t longest = 0;

	at->base = root->fd;
	at->path = dest + 1;
	for (size_t j = 0; j < i; j++) {
		const struct plan_mount *m = &root->plan->mounts[j];

		if (!covers(m->kind) || !path_within(dest, m->dest))
			continue;
		size_t n = strlen(m->dest);
		if (n < longest)
			continue;
		longest = n;
		at->in_home = m->kept;
		if (m->kind == MOUNT_TMPFS || m->kept) {
			at->base = root->at[j].own;
			at->path = dest + n + (dest[n] == '/');
		} else {
			at->base = -1;
			at->path = dest;
		}
	}
}

/* ---- how ----------------------------------------------------------------------------------------- */

int points_open_dirs(int base, const char *path, size_t n)
{
	CLEANUP_FREE char *dir = strndup(path, n);

	if (!dir)
		return -1;
	const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
	int fd = path_openat2(base, dir, O_PATH | O_DIRECTORY, 0, resolve);
	if (fd >= 0 || errno != ENOENT)
		return fd;

	const char *slash = strrchr(dir, '/');
	CLEANUP_CLOSE int above = slash ? points_open_dirs(base, dir, (size_t)(slash - dir)) : -1;
	if (slash && above < 0)
		return -1;
	int parent = slash ? above : base;
	const char *name = slash ? slash + 1 : dir;
	/* In a kept home another session may have been quicker; a symlink is not opened. */
	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The folder around AT's mount point, made where missing; *NAME is the last component. Not to be closed. */
static int open_parent(struct root *root, const struct mount_at *at, const char **name)
{
	const char *slash = strrchr(at->path, '/');
	size_t n = slash ? (size_t)(slash - at->path) : 0;

	*name = slash ? slash + 1 : at->path;
	if (n == 0)
		return at->base;
	if (root->parent >= 0 && root->parent_base == at->base && root->parent_n == n &&
	    memcmp(root->parent_path, at->path, n) == 0)
		return root->parent;

	int fd = points_open_dirs(at->base, at->path, n);
	if (fd < 0)
		return -1;
	if (root->parent >= 0)
		close(root->parent);
	root->parent = fd;
	root->parent_base = at->base;
	root->parent_path = at->path;
	root->parent_n = n;
	return fd;
}

/* After EEXIST: whether what is there is what was to be made. Never follows a symlink. */
static int there_already(int parent, const char *name, mode_t type)
{
	struct stat st;

	if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if ((st.st_mode & S_IFMT) == type)
		return 0;
	errno = EEXIST;
	return -1;
}

static int make_dir(int parent, const char *name)
{
	/* "" is the root of a tmpfs on which something else is to be mounted */
	if (!*name || mkdirat(parent, name, 0755) == 0)
		return 0;
	return there_already(parent, name, S_IFDIR);
}

static int make_empty(int parent, const char *name)
{
	if (mknodat(parent, name, S_IFREG | 0444, 0) == 0)
		return 0;
	return there_already(parent, name, S_IFREG);
}

/* In a kept home one of an earlier session may be there; only a symlink gives way. */
static int make_link(int parent, const char *name, const char *text)
{
	char there[PATH_MAX];

	for (int tries = 0; tries < 8; tries++) {
		if (symlinkat(text, parent, name) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
		ssize_t n = readlinkat(parent, name, there, sizeof there);
		if (n >= 0 && (size_t)n == strlen(text) && memcmp(there, text, (size_t)n) == 0)
			return 0;
		/* What is no symlink (EINVAL) stays. */
		if ((n < 0 && errno != ENOENT) || (n >= 0 && unlinkat(parent, name, 0) < 0 && errno != ENOENT))
			return -1;
	}
	errno = EEXIST;
	return -1;
}

static int make_file(int parent, const char *name, const char *content)
{
	CLEANUP_CLOSE int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return -1;
	return fd_write_all(fd, content, strlen(content));
}

static int make_dev(struct root *root, size_t i, int parent, const char *name, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	struct mount_at *at = &root->at[i];

	if (at->base != root->fd || !*name)
		return error_set(err, 0, "cannot make %s in the cage: it has to lie in the root itself", m->dest);
	if (make_dir(parent, name) < 0)
		return error_set(err, errno, "cannot make %s in the cage", m->dest);
	at->own = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at->own < 0)
		return error_set(err, errno, "cannot open %s in the cage", m->dest);
	return special_dev_points(m, at->own, err);
}

static int in_the_way(struct error *err)
{
	return error_hint(err, "what the server left in its kept home stands in the way: \"mcpcage state reset\" wipes it");
}

static int make_point(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	const struct mount_at *at = &root->at[i];
	const char *name;
	int status = -1;

	int parent = open_parent(root, at, &name);
	if (parent < 0) {
		error_set(err, errno, "cannot make the folder around %s in the cage", m->dest);
		return at->in_home ? in_the_way(err) : -1;
	}
	switch (m->kind) {
	case MOUNT_DEV:
		return make_dev(root, i, parent, name, err);
	case MOUNT_DIR:
	case MOUNT_TMPFS:
	case MOUNT_PROC:
		status = make_dir(parent, name);
		break;
	case MOUNT_BIND:
	case MOUNT_MASK:
		status = m->directory ? make_dir(parent, name) : make_empty(parent, name);
		break;
	case MOUNT_SYMLINK:
		status = make_link(parent, name, m->src);
		break;
	case MOUNT_DATA:
		/* The root is read-only in the end, so a file may simply lie in it; in a tmpfs it has to be mounted. */
		status = at->base == root->fd ? make_file(parent, name, m->data) : make_empty(parent, name);
		break;
	}
	if (status == 0)
		return 0;
	error_set(err, errno, "cannot make %s in the cage", m->dest);
	return at->in_home ? in_the_way(err) : -1;
}

static const char *tmpfs_mode(const struct plan *plan, const char *dest)
{
	if (plan->home && strcmp(dest, plan->home) == 0)
		return "0700";
	if (strcmp(dest, "/tmp") == 0 || strcmp(dest, "/var/tmp") == 0 || strcmp(dest, "/dev/shm") == 0)
		return NULL;
	return "0755";
}

static int prepare(struct root *root, size_t i, struct error *err)
{
	const struct plan_mount *m = &root->plan->mounts[i];
	struct mount_at *at = &root->at[i];

	if (!m->dest || m->dest[0] != '/' || m->dest[1] == '\0')
		return error_set(err, EINVAL, "cannot mount anything on \"%s\"", m->dest ? m->dest : "");
	find_base(root, i);
	if (m->kind == MOUNT_TMPFS) {
		at->own = points_tmpfs(m->dest, m->size, tmpfs_mode(root->plan, m->dest), err);
		if (at->own < 0)
			return -1;
	}
	if (m->kept) {
		at->own = mount_clone(m, &at->submounts, err);
		if (at->own < 0)
			return -1;
		if (at->submounts)
			return error_set(err, 0, "something is mounted in the kept home %s", m->src);
	}
	if (at->base >= 0)
		return make_point(root, i, err);
	if (m->kind == MOUNT_SYMLINK || m->kind == MOUNT_DIR || m->kind == MOUNT_PROC || m->kind == MOUNT_DEV)
		return error_set(err, 0, "cannot make %s in the cage: it lies in a folder of the host", m->dest);
	return 0;
}

/* ---- what is hidden under a mount ---------------------------------------------------------------- */

static int open_hidden(const struct root *root, struct error *err)
{
	for (size_t i = 0; i < root->plan->mounts_n; i++) {
		const struct plan_mount *m = &root->plan->mounts[i];

		if (root->at[i].base != root->fd)
			continue;
		if (m->kind != MOUNT_TMPFS && m->kind != MOUNT_PROC && !(m->kind == MOUNT_BIND && m->directory))
			continue;
		int fd = path_openat2(root->fd, root->at[i].path, O_PATH | O_DIRECTORY, 0,
				      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		return fd < 0 ? error_set(err, errno, "cannot open %s in the cage", m->dest) : fd;
	}
	return error_set(err, 0, "the plan mounts no folder in the root");
}

static int make_hidden(struct root *root, struct error *err)
{
	static const char empty_dir[] = "empty", empty_file[] = "file";
	CLEANUP_CLOSE int dir = open_hidden(root, err);

	if (dir < 0)
		return -1;
	if (mkdirat(dir, empty_dir, 0555) < 0 || mknodat(dir, empty_file, S_IFREG | 0444, 0) < 0)
		return error_set(err, errno, "cannot make the empty objects that masks are made of");
	root->empty_dir = openat(dir, empty_dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	root->empty_file = openat(dir, empty_file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (root->empty_dir < 0 || root->empty_file < 0)
		return error_set(err, errno, "cannot open the empty objects that masks are made of");

	for (size_t i = 0; i < root->plan->mounts_n; i++) {
		const struct plan_mount *m = &root->plan->mounts[i];
		char name[32];

		if (m->kind != MOUNT_DATA || root->at[i].base == root->fd)
			continue;
		snprintf(name, sizeof name, "data-%zu", i);
		if (make_file(dir, name, m->data) < 0)
			return error_set(err, errno, "cannot write the content of %s", m->dest);
		root->at[i].own = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (root->at[i].own < 0)
			return error_set(err, errno, "cannot open the content of %s", m->dest);
	}
	return 0;
}

int points_make(struct root *root, struct error *err)
{
	for (size_t i = 0; i < root->plan->mounts_n; i++) {
		if (prepare(root, i, err) < 0)
			return -1;
	}
	return make_hidden(root, err);
}
