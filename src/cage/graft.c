/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount into a cage that stands already, and out of it again.
 *
 * An ordinary user may do that because the cage's user namespace is a child of his own: whoever made it has every capability
 * in it, and setns(2) lets him in. But a mount can be cloned only in a namespace that the caller has CAP_SYS_ADMIN over, and the
 * source lies in the host's. So there are two steps in two processes: graft_source() makes a user and a mount namespace of its
 * own, a copy of the host's, and clones there; the detached mount that comes out of it is a descriptor, and graft_attach() takes
 * it along into the cage.
 *
 * The source is opened without symlinks and compared with what was checked, as in mounts.c. The place is made in file systems of
 * ours only, below their own descriptors, by a walk that crosses neither symlinks nor mounts, because the server may be changing
 * names in its home meanwhile. The root is read-only: for the moment it takes, a clone of it is not, which only this process has.
 *
 * The server can move the folder around a mount in its own home, and the mount goes along. So graft_detach() does not trust that
 * path: the mount is moved by its descriptor to its place in the root, where nothing of the server's can be, and taken away there.
 *
 * Neither process enters the cage's pid namespace: the server cannot see them. Called by session/grants.c. setns(2),
 * user_namespaces(7) "Capabilities", open_tree(2), move_mount(2), umount2(2), landlock(7).
 */
#include "cage/cage.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "cage/mountapi.h"
#include "cage/mounts.h"
#include "cage/userns-hint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif

int cage_places(int fds[2], struct error *err)
{
	static const char *const names[2] = { "/proc/self/ns/user", "/proc/self/ns/mnt" };

	fds[0] = fds[1] = -1;
	for (int i = 0; i < 2; i++) {
		fds[i] = open(names[i], O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			return error_set(err, errno, "cannot open %s", names[i]);
	}
	return 0;
}

int graft_source(const char *real, uint64_t dev, uint64_t ino, bool directory, struct error *err)
{
	const struct plan_mount m = { .kind = MOUNT_BIND, .src = (char *)real, .dest = (char *)real, .directory = directory,
				      .dev = dev, .ino = ino };
	bool submounts;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		error_set(err, errno, "cannot make namespaces to clone a mount in (unshare)");
		return userns_hint(err);
	}
	CLEANUP_CLOSE int tree = mount_clone(&m, &submounts, err);
	if (tree < 0)
		return -1;
	if (submounts) {
		error_set(err, 0, "cannot grant %s: something is mounted in it", real);
		error_hint(err, "grant folders in it that have nothing mounted in them");
		return error_kind(err, ERROR_USAGE);
	}
	return TAKE_FD(&tree);
}

/* ---- in the cage --------------------------------------------------------------------------------- */

static int enter(const struct graft *g, struct error *err)
{
	if (setns(g->user_ns, CLONE_NEWUSER) < 0)
		return error_set(err, errno, "cannot enter the cage (setns, user namespace)");
	if (setns(g->mount_ns, CLONE_NEWNS) < 0)
		return error_set(err, errno, "cannot enter the cage (setns, mount namespace)");
	umask(0);
	return 0;
}

/* The root of the cage, writable by this descriptor alone. */
static int open_root(struct error *err)
{
	struct mount_attr writable = { .attr_clr = MOUNT_ATTR_RDONLY };
	CLEANUP_CLOSE int own = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSE int root = own < 0 ? -1 : mountapi_clone(own, "", 0);

	if (root < 0 || syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &writable, sizeof writable) < 0)
		return error_set(err, errno, "cannot make the root of the cage writable for a mount point");
	return TAKE_FD(&root);
}

/* Where PATH begins in the descriptor of BASE. */
static const char *below(const char *path, const char *base)
{
	const char *rest = base ? path + strlen(base) : path;

	return rest + (*rest == '/');
}

static int open_base(const char *base)
{
	return path_openat2(AT_FDCWD, base, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static bool is_empty(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool empty = dir != NULL;

	if (!dir && fd >= 0)
		close(fd);
	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir)
		closedir(dir);
	return empty;
}

/* At its own path. 0; -1 with ERR; 1: the place is taken, or cannot be made. */
static int attach_at_dest(const struct graft *g, struct error *err)
{
	const char *path = below(g->dest, g->base);
	CLEANUP_CLOSE int base = open_base(g->base);
	CLEANUP_CLOSE int point = base < 0 ? -1 : points_open_dirs(base, path, strlen(path));

	/* A folder of the server's own must not vanish behind it. */
	if (point < 0 || !is_empty(point))
		return 1;
	if (mountapi_attach(g->tree, point, "") < 0)
		return error_set(err, errno, "cannot mount it on %s (move_mount)", g->dest);
	return 0;
}

static int make_apart(const struct graft *g, int root, struct error *err)
{
	const char *path = below(g->apart, NULL), *slash = strrchr(path, '/');
	CLEANUP_CLOSE int folder = points_open_dirs(root, path, (size_t)(slash - path));
	int rc = -1;

	if (folder >= 0)
		rc = g->directory ? mkdirat(folder, slash + 1, 0755) : mknodat(folder, slash + 1, S_IFREG | 0444, 0);
	/* There already: an attempt that failed has left it. */
	return rc < 0 && errno != EEXIST ? error_set(err, errno, "cannot make %s in the cage", g->apart) : 0;
}

static int attach_apart(const struct graft *g, int root, struct error *err)
{
	if (make_apart(g, root, err) < 0)
		return -1;
	CLEANUP_CLOSE int point = path_openat2(AT_FDCWD, g->apart, O_PATH, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
					       RESOLVE_NO_XDEV);
	if (point < 0)
		return error_set(err, errno, "cannot open %s in the cage", g->apart);
	if (mountapi_attach(g->tree, point, "") < 0)
		return error_set(err, errno, "cannot mount it on %s (move_mount)", g->apart);
	return 0;
}

/* The folder that the symlink lies in, made where MAKE says so; *NAME gets its last component. */
static int open_link(const struct graft *g, int root, bool make, const char **name)
{
	CLEANUP_CLOSE int base = g->base ? open_base(g->base) : fcntl(root, F_DUPFD_CLOEXEC, 0);
	const char *path = below(g->link, g->base), *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	if (base < 0 || !slash)
		return TAKE_FD(&base);
	if (make)
		return points_open_dirs(base, path, (size_t)(slash - path));
	CLEANUP_FREE char *folder = strndup(path, (size_t)(slash - path));
	return folder ? path_openat2(base, folder, O_PATH | O_DIRECTORY, 0,
				     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
		      : -1;
}

int graft_attach(const struct graft *g, bool *at_apart, bool *linked, struct error *err)
{
	*at_apart = *linked = false;
	if (enter(g, err) < 0)
		return -1;
	if (strcmp(g->dest, g->apart) != 0) {
		int rc = attach_at_dest(g, err);
		if (rc <= 0)
			return rc;
	}
	CLEANUP_CLOSE int root = open_root(err);
	if (root < 0 || attach_apart(g, root, err) < 0)
		return -1;
	*at_apart = true;
	if (!g->link)
		return 0;
	/* For comfort only: whatever stands in its place stays. */
	const char *name;
	CLEANUP_CLOSE int folder = open_link(g, root, true, &name);
	*linked = folder >= 0 && symlinkat(g->apart, folder, name) == 0;
	return 0;
}

/* ---- and out of it ------------------------------------------------------------------------------- */

static void remove_link(const struct graft *g, int root)
{
	const char *name;
	CLEANUP_CLOSE int folder = open_link(g, root, false, &name);
	char text[4096];

	if (folder < 0)
		return;
	ssize_t n = readlinkat(folder, name, text, sizeof text);
	if (n > 0 && (size_t)n == strlen(g->apart) && memcmp(text, g->apart, (size_t)n) == 0)
		(void)unlinkat(folder, name, 0);
}

/* What was made at its own path, which may be in the server's home: only an empty folder goes. */
static void remove_point(const struct graft *g)
{
	const char *path = below(g->dest, g->base), *slash = strrchr(path, '/');
	CLEANUP_CLOSE int base = open_base(g->base);

	if (base < 0 || !slash) {
		if (base >= 0)
			(void)unlinkat(base, path, AT_REMOVEDIR);
		return;
	}
	CLEANUP_FREE char *folder = strndup(path, (size_t)(slash - path));
	CLEANUP_CLOSE int around = folder ? path_openat2(base, folder, O_PATH | O_DIRECTORY, 0,
							 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
					  : -1;
	if (around >= 0)
		(void)unlinkat(around, slash + 1, AT_REMOVEDIR);
}

static void remove_apart(const struct graft *g, int root)
{
	const char *path = below(g->apart, NULL), *slash = strrchr(path, '/');
	CLEANUP_FREE char *folder = strndup(path, (size_t)(slash - path));

	(void)unlinkat(root, path, g->directory ? AT_REMOVEDIR : 0);
	if (folder)
		(void)unlinkat(root, folder, AT_REMOVEDIR);
}

int graft_detach(const struct graft *g, bool at_apart, struct error *err)
{
	if (enter(g, err) < 0)
		return -1;
	CLEANUP_CLOSE int root = open_root(err);
	if (root < 0 || (!at_apart && attach_apart(g, root, err) < 0))
		return -1;
	if (syscall(SYS_umount2, g->apart, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return error_set(err, errno, "cannot take away what is mounted on %s (umount2)", g->apart);
	remove_apart(g, root);
	if (at_apart && g->link)
		remove_link(g, root);
	else if (!at_apart)
		remove_point(g);
	return 0;
}
